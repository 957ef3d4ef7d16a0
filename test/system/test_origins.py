# SPDX-License-Identifier: AGPL-3.0-or-later
"""Which web pages may call (CORS)."""
import pytest

from support import datastream as ds
from support.client import chat_body
from support.shape import check_error

LOCAL = ["http://localhost:3000", "http://127.0.0.1:8080",
         "http://[::1]:5173", "https://app.localhost"]
FOREIGN = ["https://evil.example", "null", "http://localhost.evil.example",
           "http://127.0.0.1.evil.example", "HTTPS://evil.example"]


def _preflight(program, origin, headers="authorization,x-stainless-lang"):
    with program.connect() as connection:
        connection.send("OPTIONS", "/v1/chat/completions", headers=[
            ("Origin", origin),
            ("Access-Control-Request-Method", "POST"),
            ("Access-Control-Request-Headers", headers)])
        response = connection.response("OPTIONS")
        response.read()
        return response


def _get(program, origin, path="/v1/models"):
    return program.get(path, [("Origin", origin)])


@pytest.mark.parametrize("origin", LOCAL)
def test_page_of_this_machine_may_use_a_local_server(program, origin):
    response = _get(program, origin)
    assert response.status == 200
    assert response.header("Access-Control-Allow-Origin") == origin
    assert response.header("Vary") == "Origin"
    assert _preflight(program, origin).status == 204


@pytest.mark.parametrize("origin", FOREIGN)
def test_other_page_may_not_use_a_local_server_without_a_key(program, origin):
    response = _get(program, origin)
    assert response.header("Access-Control-Allow-Origin") is None
    message = check_error(response, 403, "origin_not_allowed")
    assert "CORS_ALLOW_ORIGINS" in message
    assert _preflight(program, origin).status == 403


def test_foreign_page_sends_nothing_upstream(program, upstream):
    with program.connect() as connection:
        connection.send("POST", "/v1/chat/completions", chat_body(),
                        [("Origin", "https://evil.example")])
        check_error(connection.response(), 403, "origin_not_allowed")
    assert upstream.count("chat") == 0


def test_request_without_an_origin_passes(program):
    response = program.get("/v1/models")
    assert response.status == 200
    assert response.header("Access-Control-Allow-Origin") is None


def test_with_a_key_any_page_may_call(start):
    program = start(BEARER_TOKEN="sk-1")
    response = program.get("/v1/models", [
        ("Origin", "https://a.example"), ("Authorization", "Bearer sk-1")])
    assert response.status == 200
    assert response.header("Access-Control-Allow-Origin") == "*"
    assert response.header("Access-Control-Allow-Credentials") is None


def test_on_every_interface_any_page_may_call(start):
    program = start(SERVER_ADDRESS=":0")
    assert _get(program, "https://a.example").status == 200


def test_named_pages_may_call_and_no_others(start):
    program = start(CORS_ALLOW_ORIGINS="https://a.example, https://b.example")
    response = _get(program, "https://b.example")
    assert response.header("Access-Control-Allow-Origin") == (
        "https://b.example")
    assert response.header("Vary") == "Origin"
    check_error(_get(program, "https://c.example"), 403,
                "origin_not_allowed")


def test_star_names_every_page(start):
    program = start(CORS_ALLOW_ORIGINS="*")
    response = _get(program, "https://c.example")
    assert response.header("Access-Control-Allow-Origin") == "*"


def test_preflight_needs_no_key_and_echoes_the_headers(start):
    program = start(BEARER_TOKEN="sk-1")
    wanted = "authorization, x-stainless-retry-count, x-made-up"
    response = _preflight(program, "https://a.example", wanted)
    assert response.status == 204
    assert response.header("Access-Control-Allow-Headers") == wanted
    assert "POST" in response.header("Access-Control-Allow-Methods")
    assert response.header("Access-Control-Max-Age") == "600"
    assert response.header("Content-Length") in (None, "0")


def test_errors_carry_the_headers(start):
    program = start(BEARER_TOKEN="sk-1")
    for path in ("/v1/models", "/v1/nowhere"):
        response = _get(program, "https://a.example", path)
        assert response.status in (401, 404)
        assert response.header("Access-Control-Allow-Origin") == "*"
        exposed = response.header("Access-Control-Expose-Headers")
        assert {"x-request-id", "retry-after"} <= set(exposed.split(", "))


def test_streams_carry_the_headers(program, upstream):
    upstream.on_chat = ds.answer("Hi")
    with program.connect() as connection:
        connection.send("POST", "/v1/chat/completions",
                        chat_body(stream=True),
                        [("Origin", "http://localhost:3000")])
        response = connection.response()
        assert response.status == 200
        assert response.header("Access-Control-Allow-Origin") == (
            "http://localhost:3000")
        assert b"[DONE]" in response.read()


def test_options_without_an_origin_says_what_is_allowed(program):
    with program.connect() as connection:
        connection.send("OPTIONS", "/v1/models")
        response = connection.response("OPTIONS")
        assert response.status == 204
        assert response.header("Allow") == "GET, HEAD, OPTIONS"
        assert response.header("Access-Control-Allow-Methods") is None


def test_preflight_of_an_unknown_url_lets_the_page_see_the_404(program):
    origin = [("Origin", "http://localhost:3000")]
    with program.connect() as connection:
        connection.send("OPTIONS", "/v1/embeddings", headers=[
            *origin, ("Access-Control-Request-Method", "POST")])
        response = connection.response("OPTIONS")
        assert response.status == 204
        assert response.header("Access-Control-Allow-Origin") == (
            "http://localhost:3000")
    with program.connect() as connection:
        connection.send("OPTIONS", "/v1/embeddings")
        check_error(connection.response(), 404, "unknown_url")


def test_page_sees_that_its_body_is_too_large(start):
    program = start(MAX_BODY_SIZE="2000")
    for origin, seen in (("http://localhost:3000", "http://localhost:3000"),
                         ("https://evil.example", None)):
        with program.connect() as connection:
            connection.send("POST", "/v1/chat/completions", headers=[
                ("Origin", origin), ("Content-Length", "2001")])
            response = connection.response()
            check_error(response, 413, "request_too_large")
            assert response.header("Access-Control-Allow-Origin") == seen
