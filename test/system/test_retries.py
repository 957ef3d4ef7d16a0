# SPDX-License-Identifier: AGPL-3.0-or-later
"""What is asked of the upstream again, and what is not."""
import pytest

from support import datastream as ds
from support.shape import check_error

PAGE = (b"<!DOCTYPE html><title>Bad gateway</title>", "text/html")

GATEWAY = {
    "502": lambda exchange: exchange.reply(502, *PAGE),
    "503": lambda exchange: exchange.reply(503, *PAGE),
    "504": lambda exchange: exchange.reply(504, b"error code: 504",
                                           "text/plain"),
    "closed": lambda exchange: exchange.cut(),
    "reset": lambda exchange: exchange.reset(),
}


def after(failures, fails, then):
    """Fails so many times, then answers."""
    left = [failures]

    def answer(exchange):
        left[0] -= 1
        (fails if left[0] >= 0 else then)(exchange)
    return answer


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("name", GATEWAY)
def test_chat_is_tried_again(program, upstream, name, stream):
    program.get("/v1/models")  # a session, and an idle connection
    upstream.on_chat = after(2, GATEWAY[name], ds.answer("Here"))
    response = program.chat(stream=stream)
    assert response.status == 200, response.read()
    assert b"Here" in response.read()


@pytest.mark.parametrize("name", GATEWAY)
def test_session_is_tried_again(program, upstream, name):
    upstream.on_session = after(2, GATEWAY[name], upstream.grant_session)
    assert program.chat().status == 200


@pytest.mark.parametrize("name", ["502", "503", "504"])
def test_number_of_retries_is_an_option(start, upstream, name):
    program = start(UPSTREAM_RETRIES="0")
    upstream.on_chat = after(1, GATEWAY[name], ds.answer("Here"))
    check_error(program.chat(), 502, "upstream_challenge")
    assert upstream.count("chat") == 1


def test_retries_end(program, upstream):
    upstream.on_chat = GATEWAY["503"]
    check_error(program.chat(), 502, "upstream_challenge")
    assert upstream.count("chat") == 3


def test_nothing_is_remembered(program, upstream):
    for _ in range(3):
        before = upstream.count("chat")
        upstream.on_chat = GATEWAY["502"]
        assert program.chat().status == 502
        assert upstream.count("chat") - before == 3
        upstream.on_chat = ds.answer("Here")
        assert program.chat().status == 200


def test_client_that_leaves_ends_the_retries(start, upstream):
    program = start(UPSTREAM_RETRIES="10")
    upstream.on_chat = GATEWAY["502"]
    with program.connect() as connection:
        connection.send("POST", "/v1/chat/completions",
                        {"model": "DeepSeek-V3-1", "stream": True,
                         "messages": [{"role": "user", "content": "Hi"}]})
        upstream.wait_for("chat", 2)
    program.wait_log("request", end="client_gone")
    seen = upstream.count("chat")
    upstream.wait_for("chat", seen + 1, 1.5)
    assert upstream.count("chat") == seen


@pytest.mark.parametrize("status", [500, 501, 503])
def test_apps_own_answers_stand(program, upstream, status):
    upstream.on_chat = lambda exchange: exchange.reply(
        status, b'{"error":"no"}', "application/json")
    check_error(program.chat(), 502, "upstream_error")
    assert upstream.count("chat") == 1
