# SPDX-License-Identifier: AGPL-3.0-or-later
"""Through real proxies to the upstream. An origin on loopback is never asked
for through one, so the upstream is called by a name that only the proxy
resolves, or by 0.0.0.0 (support/proxies.py)."""
import shutil
import socket
import threading

import pytest

from support.certificates import Authority
from support.client import chat_body
from support.program import run
from support.proxies import (ADDRESS, NAME, Microsocks, Squid, Tinyproxy,
                             missing)
from support.shape import check_completion, check_error, check_stream
from support import datastream as ds
from support.upstream import Upstream, unused_port

LOGIN = ("joe", "sesame")


def needs(*names):
    why = missing(*names)
    return pytest.mark.skipif(bool(why), reason=why or "all there")


needs_tls = pytest.mark.skipif(shutil.which("openssl") is None,
                               reason="there is no openssl command")
needs_tinyproxy = needs("tinyproxy")
needs_squid = needs("squid")
needs_microsocks = needs("microsocks")


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("tls") / "ours", "Ours")


@pytest.fixture(scope="module")
def good(authority):
    """The context of a server that is what it says, by all of its names."""
    return authority.context(
        "good", f"DNS:{NAME},DNS:{Squid.NAME},IP:{ADDRESS}")


@pytest.fixture
def tls_upstream(good):
    with Upstream(tls=good, name=NAME) as running:
        yield running


@pytest.fixture
def plain_upstream():
    with Upstream(name=NAME) as running:
        yield running


@pytest.fixture
def launch_tls(launch, tls_upstream, authority):
    """Starts programs before the TLS upstream, by a name for it."""
    def start(name=NAME, **options):
        options.setdefault("SSL_CERT_FILE", str(authority.certificate))
        return launch(
            AKASH_BASE_URL=f"https://{name}:{tls_upstream.port}", **options)

    return start


def check_all_works(program):
    check_completion(program.chat().json())
    check_stream(program.stream()[1])
    assert program.get("/v1/models").status == 200


def check_refused(program, upstream, *words, status=502,
                  code="upstream_proxy_error"):
    """Every kind of request says what is wrong; no password is told."""
    for response in (program.chat(), program.chat(stream=True),
                     program.get("/v1/models")):
        message = check_error(response, status, code)
        for word in words:
            assert word in message, message
        assert LOGIN[1] not in message and "wrong" not in message
    assert upstream.requests == []
    assert not [line for line in program.lines if LOGIN[1] in line]


def check_no_trace(upstream):
    """What is the proxy's does not reach the site."""
    assert upstream.requests
    for request in upstream.requests:
        assert request.header("Proxy-Authorization") is None
        assert request.path.startswith("/api/")


# ---- CONNECT --------------------------------------------------------------

@needs_tls
@needs_tinyproxy
@pytest.mark.parametrize("name", [NAME, ADDRESS])
def test_tls_passes_tinyproxy(launch_tls, tls_upstream, name):
    with Tinyproxy() as proxy:
        check_all_works(launch_tls(name, HTTPS_PROXY=proxy.url))
        assert f"CONNECT {name}:{tls_upstream.port} HTTP/1.1" in proxy.log()
    check_no_trace(tls_upstream)


@needs_tls
@needs_tinyproxy
def test_proxy_needs_no_scheme_and_all_proxy_is_used(launch_tls):
    with Tinyproxy() as proxy:
        check_all_works(launch_tls(ALL_PROXY=proxy.address))
        assert "CONNECT " in proxy.log()


@needs_tls
@needs_tinyproxy
def test_small_letters_and_files_name_a_proxy(launch_tls, tmp_path):
    with Tinyproxy(auth=LOGIN) as proxy:
        check_all_works(launch_tls(https_proxy=proxy.url))
        path = tmp_path / "proxy"
        path.write_text(proxy.url + "\n")
        check_all_works(launch_tls(HTTPS_PROXY_FILE=str(path)))


@needs_tls
@needs_tinyproxy
def test_connections_through_a_proxy_are_used_again(launch_tls, tls_upstream):
    with Tinyproxy() as proxy:
        program = launch_tls(HTTPS_PROXY=proxy.url)
        for _ in range(5):
            program.chat()
            program.stream()
    assert len({one.connection for one in tls_upstream.of_kind("chat")}) <= 2


@needs_tls
@needs_tinyproxy
def test_credentials_open_tinyproxy(launch_tls, tls_upstream):
    with Tinyproxy(auth=LOGIN) as proxy:
        program = launch_tls(HTTPS_PROXY=proxy.url)
        check_all_works(program)
        assert not [line for line in program.lines if LOGIN[1] in line]
    check_no_trace(tls_upstream)


@needs_tls
@needs_tinyproxy
def test_credentials_are_decoded(launch_tls):
    with Tinyproxy(auth=LOGIN) as proxy:
        check_all_works(launch_tls(
            HTTPS_PROXY=f"http://j%6fe:sesam%65@{proxy.address}"))


@needs_tls
@needs_microsocks
def test_passwords_may_hold_anything(launch_tls):
    with Microsocks(auth=("j:e", "s/s%m@?#")) as proxy:
        check_all_works(launch_tls(
            HTTPS_PROXY=f"socks5://j%3Ae:s%2Fs%25m@%3F%23@{proxy.address}"))


@needs_tls
@needs_tinyproxy
def test_wrong_credentials_are_told(launch_tls, tls_upstream):
    with Tinyproxy(auth=LOGIN) as proxy:
        check_refused(
            launch_tls(HTTPS_PROXY=f"http://joe:wrong@{proxy.address}"),
            tls_upstream, f"{proxy.address} wants other credentials (40")


@needs_tls
@needs_tinyproxy
def test_missing_credentials_are_told(launch_tls, tls_upstream):
    with Tinyproxy(auth=LOGIN) as proxy:
        check_refused(launch_tls(HTTPS_PROXY=proxy.address), tls_upstream,
                      f"{proxy.address} wants credentials", "407")


@needs_tls
@needs_tinyproxy
def test_refusal_is_told(launch_tls, tls_upstream):
    with Tinyproxy(connect_port=563) as proxy:
        check_refused(launch_tls(HTTPS_PROXY=proxy.url), tls_upstream,
                      proxy.address, "refused", "403")


@needs_tls
@needs_tinyproxy
def test_origin_that_the_proxy_cannot_reach_is_told(launch):
    with Upstream() as nobody, unused_port() as dead, Tinyproxy() as proxy:
        origin = f"{ADDRESS}:{dead.getsockname()[1]}"
        check_refused(launch(AKASH_BASE_URL=f"https://{origin}",
                             HTTPS_PROXY=proxy.url),
                      nobody, proxy.address, f"could not reach {origin}")


@needs_tls
@needs_squid
@pytest.mark.parametrize("name", [Squid.NAME, ADDRESS])
def test_tls_passes_squid(launch_tls, tls_upstream, name):
    with Squid() as proxy:
        program = launch_tls(name, HTTPS_PROXY=proxy.url)
        check_all_works(program)
        program.stop()
        proxy.wait_log(f"CONNECT {name}:{tls_upstream.port} ")
    check_no_trace(tls_upstream)


@needs_squid
def test_plain_origin_passes_squid(launch):
    with Upstream(name=Squid.NAME) as upstream, Squid() as proxy:
        check_all_works(launch(AKASH_BASE_URL=upstream.url,
                               HTTP_PROXY=proxy.url))
        proxy.wait_log(f"POST {upstream.url}/api/chat/ ")
        check_no_trace(upstream)


# ---- SOCKS ----------------------------------------------------------------

@needs_tls
@needs_microsocks
@pytest.mark.parametrize("scheme", ["socks5", "socks5h"])
@pytest.mark.parametrize("auth", [None, LOGIN], ids=["open", "login"])
@pytest.mark.parametrize("name", [NAME, ADDRESS])
def test_tls_passes_microsocks(launch_tls, tls_upstream, scheme, auth, name):
    with Microsocks(auth=auth) as proxy:
        check_all_works(launch_tls(
            name, ALL_PROXY=proxy.url.replace("socks5h", scheme)))
        proxy.wait_log(f"connected to {name}:{tls_upstream.port}")
    check_no_trace(tls_upstream)


@needs_microsocks
@pytest.mark.parametrize("auth", [None, LOGIN], ids=["open", "login"])
def test_plain_origin_passes_microsocks(launch, plain_upstream, auth):
    with Microsocks(auth=auth) as proxy:
        check_all_works(launch(AKASH_BASE_URL=plain_upstream.url,
                               HTTP_PROXY=proxy.url))
        proxy.wait_log(f"connected to {NAME}:{plain_upstream.port}")
    check_no_trace(plain_upstream)


@needs_tls
@needs_microsocks
@pytest.mark.parametrize("login, words", [
    ("joe:wrong@", "wants other credentials"), ("", "wants credentials")],
    ids=["wrong", "none"])
def test_socks_credentials_are_told(launch_tls, tls_upstream, login, words):
    with Microsocks(auth=LOGIN) as proxy:
        check_refused(
            launch_tls(HTTPS_PROXY=f"socks5h://{login}{proxy.address}"),
            tls_upstream, f"{proxy.address} {words}")


@needs_microsocks
def test_origin_that_socks_cannot_reach_is_told(launch):
    with Upstream() as nobody, unused_port() as dead, Microsocks() as proxy:
        origin = f"{ADDRESS}:{dead.getsockname()[1]}"
        check_refused(launch(AKASH_BASE_URL=f"http://{origin}",
                             HTTP_PROXY=proxy.url),
                      nobody, f"could not reach {origin}",
                      "connection refused")


# ---- a plain origin -------------------------------------------------------

@needs_tinyproxy
@pytest.mark.parametrize("auth", [None, LOGIN], ids=["open", "login"])
def test_plain_origin_passes_tinyproxy(launch, plain_upstream, auth):
    with Tinyproxy(auth=auth) as proxy:
        check_all_works(launch(AKASH_BASE_URL=plain_upstream.url,
                               HTTP_PROXY=proxy.url))
        assert f"POST {plain_upstream.url}/api/chat/ HTTP/1.1" in proxy.log()
    check_no_trace(plain_upstream)


@needs_tinyproxy
def test_missing_credentials_of_a_plain_origin_are_told(
        launch, plain_upstream):
    with Tinyproxy(auth=LOGIN) as proxy:
        check_refused(launch(AKASH_BASE_URL=plain_upstream.url,
                             HTTP_PROXY=proxy.address),
                      plain_upstream, proxy.address, "407")


@needs_tinyproxy
def test_prefix_of_a_plain_origin_is_kept(launch):
    """With a proxy the whole URL is the request's target."""
    with Upstream(name=NAME) as upstream, Tinyproxy() as proxy:
        launch(AKASH_BASE_URL=f"{upstream.url}/prefix",
               HTTP_PROXY=proxy.url).chat()
        assert f"GET {upstream.url}/prefix/api/auth/session/ " in proxy.log()


# ---- who goes without -----------------------------------------------------

@needs_tls
@pytest.mark.parametrize("exceptions", [
    "*", ADDRESS, "a.example, 0.0.0.0/8", "{address}:{port}"])
def test_no_proxy_goes_without(launch_tls, tls_upstream, exceptions):
    with unused_port() as dead:
        check_all_works(launch_tls(
            ADDRESS, HTTPS_PROXY=f"127.0.0.1:{dead.getsockname()[1]}",
            no_proxy=exceptions.format(address=ADDRESS,
                                       port=tls_upstream.port)))


@pytest.mark.parametrize("name", ["127.0.0.1", "localhost"])
def test_loopback_goes_without(launch, name):
    with Upstream(name=name) as upstream, unused_port() as dead:
        proxy = f"http://127.0.0.1:{dead.getsockname()[1]}"
        check_all_works(launch(AKASH_BASE_URL=upstream.url, HTTP_PROXY=proxy,
                               ALL_PROXY=proxy))


def test_demo_goes_without(launch):
    with unused_port() as dead:
        proxy = f"http://127.0.0.1:{dead.getsockname()[1]}"
        check_completion(launch(
            DEMO="on", DEMO_DELAY="0", HTTP_PROXY=proxy, HTTPS_PROXY=proxy,
            ALL_PROXY=proxy).chat().json())


def test_other_scheme_s_proxy_is_not_used(launch):
    with Upstream(name=ADDRESS) as upstream, unused_port() as dead:
        check_all_works(launch(
            AKASH_BASE_URL=upstream.url,
            HTTPS_PROXY=f"http://127.0.0.1:{dead.getsockname()[1]}"))


def test_cgi_client_does_not_choose_the_proxy(launch):
    with Upstream(name=ADDRESS) as upstream, unused_port() as dead:
        check_all_works(launch(
            AKASH_BASE_URL=upstream.url, REQUEST_METHOD="GET",
            HTTP_PROXY=f"http://127.0.0.1:{dead.getsockname()[1]}"))


# ---- proxies that fail ----------------------------------------------------

class Bad:
    """A proxy that lets every connection in and does one thing with it."""

    def __init__(self, act):
        self._act = act
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._held = []
        self.address = "127.0.0.1:%d" % self._listener.getsockname()[1]

    def _accept(self):
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self._held.append(connection)
            self._act(connection)

    def __enter__(self):
        self._thread = threading.Thread(target=self._accept)
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._listener.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._listener.close()
        for connection in self._held:
            connection.close()


def stall(_):
    """Says nothing."""


def speak_otherwise(connection):
    connection.sendall(b"SSH-2.0-OpenSSH_9.2\r\n")


def hang_up(connection):
    connection.recv(65536)
    connection.close()


def stall_behind_the_tunnel(connection):
    connection.recv(65536)
    connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")


@pytest.mark.parametrize("scheme", ["http", "socks5"])
@pytest.mark.parametrize("origin", ["http", "https"])
def test_proxy_that_is_down_is_told(launch, origin, scheme):
    with Upstream() as nobody, unused_port() as dead:
        address = f"127.0.0.1:{dead.getsockname()[1]}"
        check_refused(launch(AKASH_BASE_URL=f"{origin}://{NAME}",
                             ALL_PROXY=f"{scheme}://{address}"),
                      nobody, "proxy", address, code="upstream_unreachable")


@pytest.mark.parametrize("scheme, act", [
    ("http", stall), ("socks5", stall), ("http", stall_behind_the_tunnel)])
def test_proxy_that_stalls_is_a_timeout(launch, scheme, act):
    with Upstream() as nobody, Bad(act) as proxy:
        check_refused(launch(AKASH_BASE_URL=f"https://{NAME}",
                             HTTPS_PROXY=f"{scheme}://{proxy.address}",
                             CONNECT_TIMEOUT="1"),
                      nobody, proxy.address, status=504,
                      code="upstream_connect_timeout")


@pytest.mark.parametrize("scheme, act, words", [
    ("http", speak_otherwise, "does not speak HTTP"),
    ("socks5", speak_otherwise, "does not speak SOCKS5"),
    ("http", hang_up, "closed the connection"),
    ("socks5", hang_up, "closed the connection")])
def test_proxy_that_is_none_is_told(launch, scheme, act, words):
    with Upstream() as nobody, Bad(act) as proxy:
        check_refused(launch(AKASH_BASE_URL=f"https://{NAME}",
                             HTTPS_PROXY=f"{scheme}://{proxy.address}"),
                      nobody, proxy.address, words)


@needs_tls
@needs_tinyproxy
def test_certificates_are_verified_through_a_proxy(
        launch_tls, tls_upstream, tmp_path):
    other = Authority(tmp_path / "other", "Other")
    with Tinyproxy() as proxy:
        check_refused(launch_tls(HTTPS_PROXY=proxy.url,
                                 SSL_CERT_FILE=str(other.certificate)),
                      tls_upstream, "unknown authority",
                      code="upstream_tls_error")
        check_refused(launch_tls("0177.1", HTTPS_PROXY=proxy.url),
                      tls_upstream, "another host name",
                      code="upstream_tls_error")


@needs_tls
@needs_microsocks
def test_certificates_are_verified_through_socks(launch_tls, tls_upstream):
    with Microsocks() as proxy:
        check_refused(launch_tls("0177.1", HTTPS_PROXY=proxy.url),
                      tls_upstream, "another host name",
                      code="upstream_tls_error")


# ---- what passes a tunnel -------------------------------------------------

@needs_tls
@needs("tinyproxy", "microsocks")
@pytest.mark.parametrize("kind", [Tinyproxy, Microsocks])
def test_each_piece_passes_a_tunnel_when_it_comes(
        launch_tls, tls_upstream, kind):
    turns = threading.Semaphore(0)

    def in_turn(exchange):
        exchange.start()
        exchange.send_chunk(ds.START)
        for number in range(10):
            exchange.send_chunk(ds.text(f"{number} "))
            exchange.wait_turn(turns)
        exchange.send_chunk(b"".join(ds.ends()))
        exchange.end()

    tls_upstream.on_chat = in_turn
    with kind() as proxy:
        program = launch_tls(HTTPS_PROXY=proxy.url)
        with program.connect() as connection:
            connection.send("POST", "/v1/chat/completions",
                            chat_body(stream=True))
            events = connection.response().events()
            events.next()
            for number in range(10):
                assert events.next_delta() == {"content": f"{number} "}
                turns.release()
            assert events.rest()[-1] == "[DONE]"


@needs_tls
@needs("tinyproxy", "microsocks")
@pytest.mark.parametrize("kind", [Tinyproxy, Microsocks])
def test_long_bodies_pass_a_tunnel(launch_tls, tls_upstream, kind):
    text = "Grüße 😀 " * 50_000
    tls_upstream.on_chat = ds.answer(text, text)
    with kind() as proxy:
        response = launch_tls(HTTPS_PROXY=proxy.url).chat(text)
    if check_completion(response.json())["content"] != text * 2:
        pytest.fail("the answer was changed")
    if tls_upstream.chat_body()["messages"][0]["content"] != text:
        pytest.fail("the request was changed")


# ---- bad values -----------------------------------------------------------

@pytest.mark.parametrize("value", [
    "https://joe:sesame@a.example", "ftp://joe:sesame@a.example",
    "socks4://joe:sesame@a.example", "http://joe:sesame@", "joe:1/sesame@a",
    "http://joe:sesame@a.example:99999"])
def test_bad_proxy_ends_the_start(value):
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY"):
        done = run(SERVER_ADDRESS="127.0.0.1:0", **{name: value})
        assert done.returncode != 0
        [line] = done.stderr.splitlines()
        assert name.upper() in line and "socks5://" in line
        assert "sesame" not in line


def test_bad_proxy_that_is_not_used_is_no_matter(launch, upstream):
    check_all_works(launch(
        AKASH_BASE_URL=upstream.url, HTTPS_PROXY="ftp://a.example",
        HTTP_PROXY="ftp://a.example", ALL_PROXY="://", NO_PROXY="[::1"))


def test_check_config_hides_proxies():
    done = run("--check-config", HTTPS_PROXY="http://joe:sesame@a.example")
    assert done.returncode == 0
    assert "HTTPS_PROXY=(hidden)" in done.stdout
    assert "sesame" not in done.stdout + done.stderr
