# SPDX-License-Identifier: AGPL-3.0-or-later
"""GET /images/{name}: pictures handed through for clients that cannot reach
the site."""
import shutil
import ssl
import threading

import pytest

from support import GUARD_S
from support.certificates import self_signed
from support.footprint import MB, Footprint, quiet_sanitizer
from support.pictures import (MISSING, Studio, ask, check_images, file_reply,
                              png, read_broken)
from support.shape import check_error

LIMIT = 20 * MB
PICTURE = png(7, padding=300_000)


@pytest.fixture
def proxy(start):
    return start(IMAGE_URLS="proxy")


# ---- what is handed through ------------------------------------------------

@pytest.mark.parametrize("framing, passed_on", [
    ("length", "length"), (None, "chunked"), ("close", "chunked")])
def test_picture_comes_as_it_is(proxy, upstream, framing, passed_on):
    upstream.on_image = file_reply(PICTURE, framing=framing)
    response = proxy.get("/images/job_1_00001_.png")
    assert response.status == 200
    assert response.framing == passed_on
    assert response.read() == PICTURE
    assert response.header("Content-Type") == "image/png"
    assert response.header("Cache-Control") == (
        "public, max-age=31536000, immutable")
    assert response.header("X-Content-Type-Options") == "nosniff"
    assert response.header("X-Request-Id")
    [asked] = upstream.of_kind("image")
    assert asked.path == "/api/image/job_1_00001_.png"
    assert asked.header("Authorization") is None
    line = proxy.access(response)
    assert (line.get("route"), line.get("status"), line.get("end")) == (
        "image", "200", "done")


@pytest.mark.parametrize("data, kind", [
    (png(), "image/png"),
    (b"\xff\xd8\xff\xe0" + bytes(20), "image/jpeg"),
    (b"RIFF\x10\0\0\0WEBPVP8 " + bytes(20), "image/webp"),
    (b"GIF89a" + bytes(20), "image/gif")])
def test_type_is_that_of_the_bytes(proxy, upstream, data, kind):
    upstream.on_image = file_reply(data, "image/x-whatever")
    response = proxy.get("/images/a.png")
    assert response.header("Content-Type") == kind
    assert response.read() == data


@pytest.mark.parametrize("path, asked", [
    ("/images/a.png", "a.png"), ("/v1/images/a.png", "a.png"),
    ("/images/a-b_c.9.webp", "a-b_c.9.webp"),
    ("/images/a.png?", "a.png?"),
    ("/images/a.png?type=output&subfolder=x%2Fy",
     "a.png?type=output&subfolder=x%2Fy")])
def test_name_and_query_are_asked_for(proxy, upstream, path, asked):
    upstream.on_image = file_reply(PICTURE)
    assert proxy.get(path).read() == PICTURE
    [request] = upstream.of_kind("image")
    assert request.path == f"/api/image/{asked}"


def test_no_key_is_wanted(start, upstream):
    program = start(IMAGE_URLS="proxy", BEARER_TOKEN="secret")
    upstream.on_image = file_reply(PICTURE)
    assert program.get("/images/a.png").read() == PICTURE


def test_page_of_another_origin_may_read_it(start, upstream):
    program = start(IMAGE_URLS="proxy",
                    CORS_ALLOW_ORIGINS="https://chat.example.com")
    upstream.on_image = file_reply(PICTURE)
    response = program.get("/images/a.png",
                           [("Origin", "https://chat.example.com")])
    assert response.status == 200
    assert response.header("Access-Control-Allow-Origin") == (
        "https://chat.example.com")
    response = program.get("/images/a.png",
                           [("Origin", "https://evil.example")])
    check_error(response, 403, "origin_not_allowed")


@pytest.mark.parametrize("framing", ["length", None])
def test_head_tells_the_same_without_the_picture(proxy, upstream, framing):
    upstream.on_image = file_reply(PICTURE, framing=framing)
    with proxy.connect() as connection:
        for _ in range(2):
            connection.send("HEAD", "/images/a.png")
            response = connection.response("HEAD")
            assert response.status == 200
            assert response.header("Content-Type") == "image/png"
            assert response.header("Transfer-Encoding") is None
            assert response.header("Content-Length") == (
                str(len(PICTURE)) if framing else None)
        connection.send("GET", "/health")  # it was not out of step
        assert connection.response().json()["status"] == "ok"
    assert proxy.access(response).get("end") == "done"


@pytest.mark.parametrize("keep", [[], [("Connection", "keep-alive")]])
@pytest.mark.parametrize("framing", ["length", None])
def test_http_1_0_client_gets_it(proxy, upstream, framing, keep):
    upstream.on_image = file_reply(PICTURE, framing=framing)
    with proxy.connect() as connection:
        connection.send("GET", "/images/a.png", headers=keep, version="1.0")
        response = connection.response()
        assert response.framing == (framing or "close")
        assert response.read() == PICTURE
        if framing and keep:
            connection.send("GET", "/health", headers=keep, version="1.0")
            assert connection.response().json()["status"] == "ok"
        else:
            assert connection.is_closed()


def test_connection_goes_on_after_a_picture(proxy, upstream):
    upstream.on_image = file_reply(PICTURE)
    with proxy.connect() as connection:
        for _ in range(3):
            connection.send("GET", "/images/a.png")
            assert connection.response().read() == PICTURE


# ---- what is not -----------------------------------------------------------

@pytest.mark.parametrize("options", [{}, {"BEARER_TOKEN": "secret"}])
def test_nothing_is_there_unless_it_is_asked_for(start, upstream, options):
    program = start(**options)
    check_error(program.get("/images/a.png"), 404, "unknown_url")
    assert not upstream.of_kind("image")


@pytest.mark.parametrize("name", [
    "..%2Fauth%2Fsession.png", "a%2Fb.png", "a/b.png", "a//b.png",
    "%2e%2e/a.png", "../a.png", "..", ".png", "a..png", "a.", "a",
    "a%00.png", "a.png%00", "a%2Epng", "a%20b.png", "a.png%0d%0aX:y",
    "a\\b.png", "a;b.png", "a:b.png", "a@b.png", "a.png,b.png",
    "http://evil.example/a.png", "x" * 125 + ".png",
    "a.png?x=%22<b>", "a.png?" + "x" * 4097])
def test_nothing_but_a_name_can_be_asked_for(proxy, upstream, name):
    check_error(proxy.get(f"/images/{name}"), 404, "image_not_found")
    assert not upstream.of_kind("image") + upstream.of_kind("other")


def test_other_methods_are_refused(proxy):
    response = proxy.ask("POST", "/images/a.png", {})
    check_error(response, 405, "method_not_allowed")
    assert response.header("Allow") == "GET, HEAD, OPTIONS"


REFUSALS = {
    "missing": (lambda exchange: exchange.reply(*MISSING, "application/json"),
                404, "image_not_found"),
    "500": (lambda exchange: exchange.reply(
        500, b'{"error":"Failed to fetch image"}', "application/json"),
            502, "upstream_error"),
    "page": (file_reply(b"<!DOCTYPE html>", "text/html"),
             502, "upstream_challenge"),
    "svg": (file_reply(b"<svg onload='x'/>", "image/svg+xml"),
            502, "upstream_error"),
    "page that says png": (file_reply(b"<!DOCTYPE html><html>"),
                           502, "upstream_error"),
    "nothing": (file_reply(b""), 502, "upstream_error"),
    "redirect": (lambda exchange: exchange.reply(
        302, headers=[("location", "https://evil.example/a.png")]),
                 502, "upstream_error"),
    "too large": (lambda exchange: exchange.start(
        200, [("content-type", "image/png")], LIMIT + 1), 502,
                  "upstream_error"),
    "closed": (lambda exchange: exchange.cut(), 502, "upstream_error"),
}


@pytest.mark.parametrize("name", REFUSALS)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_failure_before_the_head_is_told(start, upstream, name, method):
    proxy = start(IMAGE_URLS="proxy", UPSTREAM_RETRIES="0")
    upstream.on_image, status, code = REFUSALS[name]
    with proxy.connect() as connection:
        connection.send(method, "/images/a.png")
        response = connection.response(method)
        assert response.header("Cache-Control") is None
        if method == "GET":
            check_error(response, status, code)
        else:
            assert response.status == status
        connection.send("GET", "/health")
        assert connection.response().json()["status"] == "ok"


def test_silence_before_the_head_has_an_end(start, upstream):
    proxy = start(IMAGE_URLS="proxy", REQUEST_TIMEOUT="1")
    upstream.on_image = lambda exchange: exchange.wait_gone()
    check_error(proxy.get("/images/a.png"), 504, "request_timeout")


@pytest.mark.parametrize("version", ["1.0", "1.1"])
@pytest.mark.parametrize("known", [True, False])
def test_failure_after_the_head_breaks_the_connection(
        proxy, upstream, version, known):
    """Whatever the framing: a picture must never look whole."""
    def handle(exchange):
        headers = [("content-type", "image/png")]
        if known:
            exchange.start(200, headers, len(PICTURE))
            exchange.send_raw(PICTURE[:1000])
        else:
            exchange.start(200, headers)
            exchange.send_chunk(PICTURE[:1000])
        exchange.wait(read)
        exchange.cut()

    read = threading.Event()
    upstream.on_image = handle
    with proxy.connect() as connection:
        connection.send("GET", "/images/a.png", version=version)
        response = connection.response()
        assert response.status == 200
        read.set()
        read_broken(connection)
        line = proxy.access(response)
        assert line.get("end") == "cut"
        failed = proxy.wait_log("request failed", id=line.get("id"))
        assert failed.get("code") == "upstream_error"


def test_picture_that_grows_beyond_the_limit_is_cut(start, upstream):
    proxy = start(IMAGE_URLS="proxy", **quiet_sanitizer())

    def handle(exchange):
        exchange.start(200, [("content-type", "image/png")])
        exchange.send_chunk(png())
        while True:
            exchange.send_chunk(bytes(65536))

    upstream.on_image = handle
    with proxy.connect() as connection:
        connection.send("GET", "/images/a.png")
        response = connection.response()
        assert response.status == 200
        assert len(read_broken(connection)) <= LIMIT + MB
        assert proxy.access(response).get("end") == "cut"


# ---- clients that are slow or leave ----------------------------------------

def test_slow_client_slows_the_site(start, upstream):
    """What is held in between is bounded: twenty clients that read nothing
    of 19 MB each."""
    proxy = start(IMAGE_URLS="proxy", **quiet_sanitizer())
    picture = png(1, padding=19 * MB)
    upstream.on_image = file_reply(picture, framing="length")
    footprint = Footprint(proxy.process.pid)
    assert len(proxy.get("/images/a.png").read()) == len(picture)
    before = footprint.reset_peak()
    connections = [proxy.connect() for _ in range(20)]
    try:
        responses = []
        for connection in connections:
            connection.send("GET", "/images/a.png")
            responses.append(connection.response())
        growth = footprint.peak() - before
        assert growth < 20 * 2 * MB, growth / MB
        for response in responses:
            assert response.read() == picture
        assert footprint.peak() - before < 20 * 2 * MB
    finally:
        for connection in connections:
            connection.close()


@pytest.mark.parametrize("begun", [False, True])
@pytest.mark.parametrize("way", ["close", "reset"])
def test_client_that_leaves_ends_the_transfer(proxy, upstream, begun, way):
    gone = threading.Event()

    def handle(exchange):
        if begun:
            exchange.start(200, [("content-type", "image/png")])
            exchange.send_chunk(PICTURE)
        exchange.wait_gone()
        gone.set()

    upstream.on_image = handle
    connection = proxy.connect()
    connection.send("GET", "/images/a.png",
                    headers=[("X-Request-Id", "leaver")])
    assert upstream.wait_for("image", 1)
    if begun:
        connection.response()
    getattr(connection, way)()
    assert gone.wait(GUARD_S)
    line = proxy.wait_log("request", id="leaver")
    assert line.get("end") == "client_gone"


# ---- TLS -------------------------------------------------------------------

@pytest.mark.skipif(shutil.which("openssl") is None,
                    reason="there is no openssl command")
def test_pictures_come_over_tls(start, upstream, tmp_path):
    """Their addresses say https; what breaks off does so without TLS's own
    end."""
    certificate, key = self_signed(tmp_path)
    proxy = start(IMAGE_URLS="proxy", TLS_CERT=certificate, TLS_KEY=key)
    proxy.tls = ssl.create_default_context(cafile=certificate)
    Studio(upstream)
    response = ask(proxy, response_format="url")
    [item] = check_images(response, "url")
    assert item["url"].startswith("https://127.0.0.1/images/")

    picture = png(1, padding=5 * MB)
    upstream.on_image = file_reply(picture, framing="length")
    with proxy.connect() as connection:
        for _ in range(2):
            connection.send("GET", "/images/a.png")
            assert connection.response().read() == picture

    def break_off(exchange):
        exchange.start(200, [("content-type", "image/png")])
        exchange.send_chunk(PICTURE)
        exchange.cut()

    upstream.on_image = break_off
    with proxy.connect() as connection:
        connection.send("GET", "/images/a.png", version="1.0")
        assert connection.response().status == 200
        with pytest.raises((ConnectionResetError, ssl.SSLError)):
            connection.reader.read()
