# SPDX-License-Identifier: AGPL-3.0-or-later
"""--doctor: the configuration, and the site behind it."""
import socket
import time

import pytest

from support import datastream as ds
from support.certificates import Authority, self_signed
from support.doctor import examine
from support.keys import key_file, key_of
from support.pictures import Studio
from support.program import run
from support.proxies import NAME, Tinyproxy, missing
from support.upstream import Upstream, unused_port

STEPS = ["configuration", "keys", "certificate", "proxy", "names",
         "connection", "session", "models", "chat"]


def before(upstream, *flags, **options):
    return examine(*flags, AKASH_BASE_URL=upstream.url, **options)


def steps(report):
    """The steps in the order in which they were told, each once."""
    return list(dict.fromkeys(step for _, step, _ in report.lines))


def test_demo_is_well():
    report = examine("--demo")
    assert report.findings() == ["ok"] * len(STEPS)
    assert steps(report) == STEPS
    assert "it lives 600 s" in report.says("session")
    assert "evenly" in report.says("chat")
    assert report.text.endswith("\nAll is well.\n")


def test_picture_is_drawn_where_it_is_asked_for(upstream):
    Studio(upstream)
    report = before(upstream, "--picture")
    assert steps(report) == [*STEPS, "picture"]
    assert report.worst("picture") == "ok"
    assert "image/" in report.says("picture")


def test_site_is_asked_as_it_is_when_serving(upstream):
    report = before(upstream)
    assert report.status == 0
    assert [one.kind for one in upstream.requests if one.kind != "other"] == [
        "session", "models", "chat"]
    assert report.says("models").startswith("4 in ")  # with the one that draws
    assert "3 pieces" in report.says("chat")
    assert upstream.chat_body()["model"] == "Meta-Llama-3-3-70B-Instruct"


def test_site_that_refuses_connections():
    with unused_port() as sock:
        report = examine(
            AKASH_BASE_URL=f"http://127.0.0.1:{sock.getsockname()[1]}")
    assert report.unwell() == {"connection"}
    assert "refused" in report.says("connection")
    assert "HTTPS_PROXY" in report.advice["connection"]
    for step in "session", "models", "chat":
        assert report.worst(step) == "skipped"


def test_name_that_nobody_knows():
    report = examine(AKASH_BASE_URL="http://nobody.invalid")
    assert report.unwell() == {"names"}
    assert report.worst("connection") == "skipped"


def test_certificate_is_told(tmp_path):
    authority = Authority(tmp_path / "ca", "Doctor's authority")
    context = authority.context("site", "IP:127.0.0.1", days=30)
    with Upstream(tls=context) as upstream:
        report = before(upstream, SSL_CERT_FILE=str(authority.certificate))
        assert report.status == 0
        said = report.says("connection")
        assert "TLSv1.3" in said and "of site by Doctor's authority" in said
        assert "ends in 29 days" in said or "ends in 30 days" in said
        assert report.worst("connection") == "ok"


def test_certificate_that_ends_soon(tmp_path):
    authority = Authority(tmp_path / "ca", "ca")
    context = authority.context("site", "IP:127.0.0.1", days=2)
    with Upstream(tls=context) as upstream:
        report = before(upstream, SSL_CERT_FILE=str(authority.certificate))
    assert report.status == 0
    assert report.worst("connection") == "warning"
    assert "Renew" in report.advice["connection"]


@pytest.mark.parametrize("subject,days,trusted,why", [
    ("IP:127.0.0.1", 2, False, "unknown authority"),
    ("IP:127.0.0.1", -1, True, "expired"),
    ("DNS:elsewhere.example", 2, True, "another host"),
])
def test_certificate_that_is_not_to_be_trusted(
        tmp_path, subject, days, trusted, why):
    authority = Authority(tmp_path / "ca", "ca")
    context = authority.context("site", subject, days)
    options = {"SSL_CERT_FILE": str(authority.certificate)} if trusted else {}
    with Upstream(tls=context) as upstream:
        report = before(upstream, **options)
    assert report.unwell() == {"connection"}
    said = report.says("connection")
    assert why in said and "of site by ca" in said
    assert "SSL_CERT_FILE" in report.advice["connection"]
    assert report.worst("session") == "skipped"
    assert not upstream.of_kind("session")


def test_site_that_gives_no_session(upstream):
    upstream.on_session = ds.reply(500)
    report = before(upstream)
    assert report.unwell() == {"session"}
    assert "AKASH_BASE_URL" in report.advice["session"]
    assert report.worst("models") == report.worst("chat") == "skipped"
    assert upstream.count("session") == 1


def test_cdn_that_wants_a_browser(upstream):
    upstream.on_session = ds.reply(
        403, b"<html>Just a moment...</html>", "text/html",
        [("cf-mitigated", "challenge")])
    report = before(upstream)
    assert report.unwell() == {"session"}
    assert "UPSTREAM_COOKIES" in report.advice["session"]


@pytest.mark.parametrize("kind", ["session", "models", "chat"])
def test_site_that_hangs_is_given_up(upstream, kind):
    def hang(exchange):
        exchange.wait_gone()

    setattr(upstream, f"on_{kind}", hang)
    report = before(upstream, FIRST_EVENT_TIMEOUT="1")
    assert report.unwell() == {kind}
    assert "FIRST_EVENT_TIMEOUT" in report.advice[kind]


def test_handshake_that_hangs_is_given_up():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        report = examine(
            AKASH_BASE_URL=f"https://127.0.0.1:{listener.getsockname()[1]}",
            CONNECT_TIMEOUT="1")
    assert report.unwell() == {"connection"}
    assert "no connection in time" in report.says("connection")


def test_stream_that_falls_silent_is_given_up(upstream):
    def fall_silent(exchange):
        exchange.start()
        exchange.send_chunk(ds.text("Hello"))
        exchange.wait_gone()

    upstream.on_chat = fall_silent
    report = before(upstream, SILENCE_TIMEOUT="1")
    assert report.unwell() == {"chat"}
    assert "SILENCE_TIMEOUT" in report.advice["chat"]


def test_models_that_are_named_and_not_there(upstream):
    report = before(upstream, DEFAULT_MODEL="Gone-7B",
                    MODEL_ALIASES="a=openai/gpt-oss-120b,b=Offline-32B")
    assert report.status == 0
    findings, said = report.of("models")
    assert findings == ["ok", "warning", "warning"]
    assert "DEFAULT_MODEL=Gone-7B" in said and "b=Offline-32B" in said


def test_default_model_is_the_one_that_is_asked(upstream):
    before(upstream, DEFAULT_MODEL="openai/gpt-oss-120b")
    assert upstream.chat_body()["model"] == "openai/gpt-oss-120b"


def test_failure_within_the_stream(upstream):
    upstream.on_chat = ds.send_lines(ds.error("Rate limit reached"))
    report = before(upstream)
    assert report.unwell() == {"chat"}
    assert "Rate limit reached" in report.says("chat")
    upstream.on_chat = ds.cut_after(ds.START, ds.text("Hello"))
    assert before(upstream).unwell() == {"chat"}


def test_answer_in_one_lump_is_found_out(upstream, protocol):
    def lump(exchange):
        time.sleep(0.6)  # the upstream's own pace
        exchange.start(headers=protocol.HEADERS)
        exchange.send_chunk(b"".join(
            protocol.answer_lines(*[f"{i} " for i in range(30)])))
        exchange.end()

    upstream.on_chat = lump
    report = before(upstream)
    assert report.status == 0
    assert report.worst("chat") == "warning"
    assert "30 pieces" in report.says("chat")
    assert "in one lump" in report.says("chat")


def test_own_certificate(upstream, tmp_path):
    certificate, key = self_signed(tmp_path)
    report = before(upstream, TLS_CERT=certificate, TLS_KEY=key)
    assert report.worst("certificate") == "warning"
    assert "TLS_CERT is of self by self, ends in " in (
        report.says("certificate"))
    report = before(upstream, TLS_CERT=certificate, TLS_KEY="/nowhere")
    assert report.unwell() == {"certificate"}
    assert report.worst("chat") == "ok"


def test_own_keys(upstream, tmp_path):
    report = before(upstream, API_KEYS_FILE=key_file(tmp_path, joe="", ann=""))
    assert report.says("keys") == "2 keys may come in"
    (tmp_path / "keys").write_text("joe not-a-hash\n")
    report = before(upstream, API_KEYS_FILE=str(tmp_path / "keys"))
    assert report.unwell() == {"keys"}
    assert ":1:" in report.says("keys") or "line 1" in report.says("keys")


def test_configuration_that_cannot_be_read(tmp_path):
    report = examine(AKASH_BASE_URL="nonsense")
    assert report.unwell() == {"configuration"}
    assert "AKASH_BASE_URL=nonsense" in report.says("configuration")
    assert report.findings().count("skipped") == len(STEPS) - 1
    report = examine("--config", str(tmp_path / "none"))
    assert report.unwell() == {"configuration"}


def test_flags_and_file_count(upstream, tmp_path):
    (tmp_path / "config").write_text(f"AKASH_BASE_URL={upstream.url}\n")
    assert examine("--config", str(tmp_path / "config")).status == 0
    assert examine("--akash-base-url", upstream.url).status == 0
    assert upstream.count("chat") == 2


@pytest.mark.skipif(missing("tinyproxy") != "", reason="no tinyproxy")
def test_proxy_in_use_is_told(upstream):
    with Tinyproxy(auth=("joe", "sesame")) as proxy:
        report = examine(AKASH_BASE_URL=f"http://{NAME}:{upstream.port}",
                         HTTP_PROXY=proxy.url)
    assert report.status == 0
    assert report.says("proxy") == (
        f"HTTP proxy {proxy.address}, with credentials")
    assert "sesame" not in report.text


def test_proxy_that_is_not_there():
    with unused_port() as sock:
        address = f"127.0.0.1:{sock.getsockname()[1]}"
        report = examine(AKASH_BASE_URL="https://site.example",
                         HTTPS_PROXY=f"http://{address}")
    assert report.unwell() == {"connection"}
    assert f"the proxy {address}" in report.says("connection")


def test_proxy_that_cannot_be_read():
    report = examine(AKASH_BASE_URL="https://site.example",
                     HTTPS_PROXY="ftp://joe:sesame@proxy")
    assert report.unwell() == {"proxy"}
    assert "HTTPS_PROXY" in report.says("proxy")
    assert "sesame" not in report.text


def test_nothing_secret_is_told(upstream, tmp_path):
    secrets = {"BEARER_TOKEN": "sk-bearer-secret",
               "AKASH_ACCESS_TOKEN": "access-secret",
               "UPSTREAM_COOKIES": "clearance=cookie-secret"}
    done = run("--doctor", AKASH_BASE_URL=upstream.url, LOG_LEVEL="debug",
               API_KEYS_FILE=key_file(tmp_path, joe=""), **secrets)
    told = done.stdout + done.stderr
    assert done.returncode == 0
    assert "session obtained" in done.stderr  # the log is on
    for secret in [*secrets.values(), key_of("joe"), *upstream.tokens()]:
        assert secret not in told


@pytest.mark.parametrize("flags", [
    ["--doctor", "--nothing"], ["--doctor", "--url"],
    ["--doctor", "--url", "nonsense"], ["--doctor", "--url", "unix:/socket"],
    ["--url", "http://127.0.0.1"], ["--picture"],
    ["--doctor", "--origin", "https://a.example"],
    ["--doctor", "--picture", "--url", "http://127.0.0.1"],
    ["--doctor", "--probe", "http://127.0.0.1"]])
def test_mistakes_in_usage(flags):
    done = run(*flags)
    assert done.returncode == 2
    assert done.stdout == "" and done.stderr.count("\n") == 1
