# SPDX-License-Identifier: AGPL-3.0-or-later
"""--doctor --url: a running installation, looked at from outside."""
import json
import socket
import time

import pytest

from support import datastream as ds
from support.certificates import self_signed
from support.doctor import examine
from support.keys import key_file, key_of
from support.nginx import NGINX, Nginx

needs_nginx = pytest.mark.skipif(NGINX is None, reason="nginx is not installed")

STEPS = ["configuration", "proxy", "names", "connection", "health", "ready",
         "keys", "models", "preflight", "large body", "chat", "headers",
         "pages"]

RECOMMENDED = """
    proxy_http_version 1.1;
    proxy_read_timeout 600s;
    client_max_body_size 20m;
"""

# An answer in HTTP/1.0 has no chunks, at whose ends nginx would hand it on.
BUFFERING = """
    proxy_ignore_headers X-Accel-Buffering;
    proxy_buffering on;
    client_max_body_size 20m;
"""


def outside(url, *flags, **options):
    return examine("--url", url, *flags, **options)


def url_of(program, scheme="http"):
    return f"{scheme}://{program.host}:{program.port}"


@pytest.fixture(name="demo")
def start_demo(launch):
    """A program whose answers take a second, piece by piece."""
    return launch("--demo")


@pytest.fixture(name="through")
def start_nginx(demo, tmp_path):
    """The report about the demo behind an nginx with these settings."""
    def look(settings, *flags, **options):
        with Nginx(tmp_path, demo.port, settings) as nginx:
            return outside(nginx.url, *flags, **options)
    return look


def test_installation_that_is_well(demo):
    report = outside(url_of(demo))
    assert report.status == 0
    assert [step for _, step, _ in report.lines] == STEPS
    assert report.findings().count("ok") >= len(STEPS) - 1  # /ready is young
    assert "akashchat-api " in report.says("health")
    assert "evenly" in report.says("chat")


def test_questions_cost_the_site_one_chat(program, upstream):
    report = outside(url_of(program))
    assert report.status == 0
    assert upstream.count("chat") == 1
    assert upstream.chat_body()["model"] == "Meta-Llama-3-3-70B-Instruct"
    program.wait_log("request", route="chat", status="400")  # the large one


def test_path_before_the_routes(demo):
    assert outside(f"{url_of(demo)}/v1/").status == 0


# ---- behind nginx ----------------------------------------------------------

@needs_nginx
def test_nginx_as_recommended(through):
    report = through(RECOMMENDED)
    assert report.status == 0
    assert "evenly" in report.says("chat")
    for step in "preflight", "large body", "headers", "pages":
        assert report.worst(step) == "ok"


@needs_nginx
def test_nginx_that_buffers_is_found_out(through):
    report = through(BUFFERING)
    assert report.unwell() == {"chat"}
    assert "in bursts" in report.says("chat") or "lump" in report.says("chat")
    assert "proxy_buffering off;" in report.advice["chat"]


@needs_nginx
def test_nginx_that_takes_small_questions_alone(through):
    report = through("")
    assert report.status == 0
    assert report.worst("large body") == "warning"
    assert "client_max_body_size 20m;" in report.advice["large body"]


@needs_nginx
def test_nginx_that_takes_cors_headers_away(through):
    report = through(
        RECOMMENDED + "proxy_hide_header Access-Control-Allow-Origin;")
    assert report.unwell() == {"preflight", "pages"}
    assert "lost" in report.says("pages")
    assert "proxy_hide_header" in report.advice["pages"]


@needs_nginx
def test_nginx_that_adds_cors_headers(through):
    report = through(
        RECOMMENDED + "add_header Access-Control-Allow-Origin * always;")
    assert report.unwell() == {"preflight", "pages"}
    assert "2 times" in report.says("pages")
    assert "add_header" in report.advice["pages"]


@needs_nginx
def test_nginx_that_loses_headers(through):
    report = through(
        RECOMMENDED + "proxy_hide_header X-Request-Id;"
        "proxy_hide_header Server-Timing;")
    assert report.status == 0
    assert report.says("headers") == (
        "lost on the way: X-Request-Id Server-Timing")


@needs_nginx
def test_nginx_that_compresses(through):
    report = through(RECOMMENDED + "add_header Content-Encoding gzip always;")
    assert "gzip off;" in report.advice["headers"]


@needs_nginx
def test_nginx_that_takes_the_key_away(start, tmp_path):
    program = start(BEARER_TOKEN="sk-right")
    with Nginx(tmp_path, program.port,
               RECOMMENDED + 'proxy_set_header Authorization "";') as nginx:
        report = outside(nginx.url, BEARER_TOKEN="sk-right")
    assert report.unwell() == {"keys", "models"}
    assert "drops the Authorization" in report.says("keys")


@needs_nginx
def test_nginx_with_nothing_behind_it(demo, tmp_path):
    with Nginx(tmp_path, demo.port, RECOMMENDED) as nginx:
        demo.stop()
        report = outside(nginx.url)
    assert report.unwell() == {"health"}
    assert "HTTP 502" in report.says("health")
    assert "proxy_pass" in report.advice["health"]
    assert report.worst("chat") == "skipped"


@needs_nginx
def test_nginx_that_sends_elsewhere(through):
    report = through("return 301 https://elsewhere.example$request_uri;")
    assert report.unwell() == {"health"}
    assert "HTTP 301 to https://elsewhere.example" in report.says("health")


# ---- keys and pages --------------------------------------------------------

def test_right_key(start, tmp_path):
    program = start(API_KEYS_FILE=key_file(tmp_path, joe=""))
    report = outside(url_of(program), BEARER_TOKEN=key_of("joe"))
    assert report.status == 0
    assert report.says("keys") == (
        "one is wanted: none gives 401, a wrong one 401")
    assert "with the key of BEARER_TOKEN" in report.says("models")
    assert key_of("joe") not in report.text


def test_wrong_key(start, upstream):
    program = start(BEARER_TOKEN="sk-right")
    report = outside(url_of(program), BEARER_TOKEN="sk-wrong")
    assert report.unwell() == {"models"}
    assert "refused" in report.says("models")
    assert report.worst("chat") == "skipped"
    assert "sk-" not in report.text
    assert not upstream.of_kind("chat")


def test_no_key_at_hand(start):
    program = start(BEARER_TOKEN="sk-right")
    report = outside(url_of(program))
    assert report.unwell() == {"models"}
    assert "BEARER_TOKEN" in report.advice["models"]


def test_key_that_nobody_asks_for(program):
    report = outside(url_of(program), BEARER_TOKEN="sk-any")
    assert report.status == 0
    assert report.worst("keys") == "warning"


def test_origin_that_may_not_call(start):
    program = start(CORS_ALLOW_ORIGINS="https://chat.example")
    url = url_of(program)
    report = outside(url)
    assert report.status == 0
    assert "http://localhost may not call" in report.says("preflight")
    assert report.worst("pages") == "skipped"
    report = outside(url, "--origin", "https://chat.example")
    assert report.status == 0
    assert "https://chat.example" in report.says("pages")
    report = outside(url, "--origin", "https://other.example")
    assert report.unwell() == {"preflight"}
    assert "CORS_ALLOW_ORIGINS" in report.advice["preflight"]


def test_installation_that_takes_small_bodies_alone(start):
    report = outside(url_of(start(MAX_BODY_SIZE="100000")))
    assert report.status == 0
    assert report.worst("large body") == "warning"
    assert "MAX_BODY_SIZE" in report.advice["large body"]


# ---- TLS -------------------------------------------------------------------

def test_certificate_counts_from_outside(start, tmp_path):
    certificate, key = self_signed(tmp_path)
    program = start(TLS_CERT=certificate, TLS_KEY=key)
    report = outside(url_of(program, "https"))
    assert report.unwell() == {"connection"}
    assert "unknown authority" in report.says("connection")
    report = outside(url_of(program, "https"), SSL_CERT_FILE=certificate)
    assert report.status == 0
    assert report.worst("connection") == "warning"  # it ends soon
    assert report.worst("chat") == "ok"


def test_plain_port_asked_in_tls(program):
    report = outside(url_of(program, "https"))
    assert report.unwell() == {"connection"}


# ---- failures --------------------------------------------------------------

def test_something_else_is_not_taken_for_it(upstream):
    upstream.on_other = ds.reply(200, b"<html>It works!", "text/html")
    report = outside(upstream.url)
    assert report.unwell() == {"health"}
    assert "<html>It works!" in report.says("health")


def test_server_that_is_not_ready(upstream):
    def answer(exchange):
        status, value = {
            "/health": (200, {"status": "ok", "version": "9.9.9",
                              "message": "akashchat-api is running"}),
            "/ready": (503, {"status": "not ready", "reason": "draining"}),
        }.get(exchange.request.path, (500, {"error": {"code": None}}))
        exchange.reply(status, json.dumps(value).encode(), "application/json")

    upstream.on_other = answer
    report = outside(upstream.url)
    assert {"ready", "models"} <= report.unwell()
    assert "another version" in report.says("health")
    assert report.says("ready") == "it is not: draining"


def test_server_that_hangs_is_given_up():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        report = outside(f"http://127.0.0.1:{listener.getsockname()[1]}",
                         FIRST_EVENT_TIMEOUT="1")
    assert report.unwell() == {"health"}
    assert "nothing came in time" in report.says("health")


def test_site_that_fails_behind_it(program, upstream):
    upstream.on_chat = ds.send_lines(ds.error("Rate limit reached"))
    report = outside(url_of(program))
    assert report.unwell() == {"chat"}
    assert "HTTP 429" in report.says("chat")
    assert "Rate limit reached" in report.says("chat")


def test_stream_that_breaks(program, upstream):
    upstream.on_chat = ds.cut_after(ds.START, ds.text("Hello"))
    report = outside(url_of(program))
    assert report.unwell() == {"chat"}


def test_comments_are_counted(start, upstream):
    def think(exchange):
        time.sleep(1.5)  # the upstream's own pace
        ds.answer("Hello")(exchange)

    upstream.on_chat = think
    report = outside(url_of(start(FIRST_COMMENT_DELAY="1")))
    assert report.status == 0
    assert "keep-alive comment" in report.says("chat")
