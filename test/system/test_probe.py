# SPDX-License-Identifier: AGPL-3.0-or-later
"""--probe: a health check for images that have no curl."""
import socket

import pytest

from support import datastream as ds
from support.certificates import self_signed
from support.nginx import NGINX, Nginx
from support.program import run
from support.proxies import ADDRESS
from support.upstream import unused_port


def probe(url, **options):
    done = run("--probe", url, **options)
    assert done.stdout == ""
    assert done.stderr.count("\n") == (0 if done.returncode == 0 else 1)
    return done.returncode, done.stderr


def url_of(program, path="", scheme="http", host="127.0.0.1"):
    return f"{scheme}://{host}:{program.port}{path}"


@pytest.mark.parametrize("path", ["", "/", "/health", "/v1/health"])
def test_2xx_is_well(program, path):
    assert probe(url_of(program, path)) == (0, "")


def test_another_status_is_told(program):
    status, line = probe(url_of(program, "/nothing/here"))
    assert status == 1
    assert "HTTP 404" in line and "unknown_url" in line


def test_redirect_is_not_well(upstream):
    upstream.on_other = ds.reply(308, headers=[("Location", "/elsewhere/")])
    status, line = probe(f"{upstream.url}/health")
    assert status == 1 and "HTTP 308" in line
    assert upstream.count("other") == 1


def test_refused_connection_is_told():
    with unused_port() as sock:
        status, line = probe(f"http://127.0.0.1:{sock.getsockname()[1]}")
    assert status == 1 and "refused" in line


def test_server_that_hangs_is_given_up():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        status, line = probe(f"http://127.0.0.1:{listener.getsockname()[1]}")
    assert status == 1 and "within 5 s" in line


def test_loopback_may_have_a_certificate_of_its_own(start, tmp_path):
    certificate, key = self_signed(tmp_path)
    program = start(TLS_CERT=certificate, TLS_KEY=key)
    for host in "127.0.0.1", "localhost":
        assert probe(url_of(program, "", "https", host)) == (0, "")


def test_elsewhere_the_certificate_counts(start, tmp_path):
    certificate, key = self_signed(tmp_path)
    program = start(TLS_CERT=certificate, TLS_KEY=key)
    status, line = probe(url_of(program, "", "https", ADDRESS))
    assert status == 1 and "unknown authority" in line


def test_plain_port_is_not_taken_for_tls(program):
    status, line = probe(url_of(program, "", "https"))
    assert status == 1 and "TLS" in line


def test_no_other_configuration_matters(program):
    with unused_port() as sock:
        proxy = f"http://127.0.0.1:{sock.getsockname()[1]}"
        assert probe(url_of(program), HTTP_PROXY=proxy, ALL_PROXY="nonsense",
                     SERVER_ADDRESS="nonsense", TLS_CERT="/nowhere",
                     AKASH_BASE_URL="nonsense") == (0, "")


@pytest.mark.skipif(NGINX is None, reason="nginx is not installed")
def test_unix_socket_is_asked(program, tmp_path):
    with Nginx(tmp_path, program.port) as nginx:
        assert probe(f"unix:{nginx.path}") == (0, "")
        assert probe(f"unix:{nginx.path}:/v1/health") == (0, "")
        status, line = probe(f"unix:{nginx.path}:/nothing")
    assert status == 1
    assert "HTTP 404" in line and "unknown_url" in line


def test_unix_socket_that_is_not_there_is_told(tmp_path):
    status, line = probe(f"unix:{tmp_path}/none")
    assert status == 1 and "No such file" in line


def test_unix_socket_that_does_not_speak_http_is_told(tmp_path):
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "socket"))
        status, line = probe(f"unix:{tmp_path}/socket")
        assert status == 1 and "refused" in line
        listener.listen()
        status, line = probe(f"unix:{tmp_path}/socket")
    assert status == 1 and "within 5 s" in line


@pytest.mark.parametrize("url", [
    "127.0.0.1:80", "ftp://127.0.0.1", "http://joe:sesame@127.0.0.1",
    "unix:relative", "unix:", "unix:/" + 200 * "a", "unix:/socket:/a b"])
def test_url_of_no_use_is_a_mistake_in_usage(url):
    status, line = probe(url)
    assert status == 2
    assert line.startswith("akashchat-api: --probe: ")
    assert "sesame" not in line


def test_url_is_wanted():
    done = run("--probe")
    assert done.returncode == 2 and "--probe" in done.stderr
