# SPDX-License-Identifier: AGPL-3.0-or-later
"""HTTP/1.0, which knows neither chunks nor connections that go on."""
import pytest

from support import datastream as ds
from support.client import chat_body
from support.shape import check_completion, check_error, check_stream

KEEP_ALIVE = [("Connection", "keep-alive")]


def ask(connection, stream, headers=()):
    connection.send("POST", "/v1/chat/completions", chat_body(stream=stream),
                    headers, version="1.0")
    return connection.response()


@pytest.mark.parametrize("headers", [[], KEEP_ALIVE])
def test_stream_ends_with_its_connection(program, headers):
    with program.connect() as connection:
        response = ask(connection, True, headers)
        assert response.status == 200
        assert response.framing == "close"
        assert (response.header("Connection") or "close") == "close"
        assert check_stream(response.events().rest()).text == "Hello, world!"


def test_whole_answer_has_its_length(program):
    with program.connect() as connection:
        response = ask(connection, False)
        assert response.framing == "length"
        check_completion(response.json())
        assert connection.is_closed()


def test_connection_goes_on_where_the_client_says_so(program):
    with program.connect() as connection:
        for _ in range(3):
            response = ask(connection, False, KEEP_ALIVE)
            assert response.framing == "length"
            assert response.header("Connection").lower() == "keep-alive"
            check_completion(response.json())
        connection.send("GET", "/health", headers=KEEP_ALIVE, version="1.0")
        assert connection.response().json()["status"] == "ok"
        check_stream(ask(connection, True, KEEP_ALIVE).events().rest())
        assert connection.is_closed()


@pytest.mark.parametrize("stream", [False, True])
def test_errors_are_told(program, upstream, stream):
    upstream.on_chat = ds.send_lines(ds.error("Rate limit"))
    with program.connect() as connection:
        check_error(ask(connection, stream), 429, "rate_limit_exceeded")


def test_head_has_no_body(program):
    with program.connect() as connection:
        connection.send("HEAD", "/v1/models", version="1.0")
        response = connection.response("HEAD")
        assert response.status == 200
        assert int(response.header("Content-Length")) > 0
        assert connection.is_closed()


def test_request_without_a_host_is_served(program):
    with program.connect() as connection:
        connection.send_raw(b"GET /health HTTP/1.0\r\n\r\n")
        assert connection.response().json()["status"] == "ok"


def test_long_stream_arrives_whole(program, upstream):
    texts = ["x" * 10_000] * 300
    upstream.on_chat = ds.answer(*texts)
    with program.connect() as connection:
        response = ask(connection, True)
        assert check_stream(response.events().rest()).text == "".join(texts)
