# SPDX-License-Identifier: AGPL-3.0-or-later
"""Failures of the upstream before it has said anything of an answer: the
client gets an HTTP error, whether it asked for a stream or not."""
import pytest

from support import datastream as ds
from support.client import chat_body
from support.shape import check_error
from support.upstream import unused_port

# The words of a 3: line: (status, code, param).
WORDS = {
    "Failed after 3 attempts. Last error: Rate limit reached for requests":
        (429, "rate_limit_exceeded", None),
    "RATE LIMIT exceeded": (429, "rate_limit_exceeded", None),
    "Too Many Requests": (429, "rate_limit_exceeded", None),
    "This model's maximum context length is 8192 tokens.":
        (400, "context_length_exceeded", None),
    "Invalid prompt: messages must not be empty": (400, None, None),
    "The model `x` does not exist": (404, "model_not_found", "model"),
    "Model not found": (404, "model_not_found", "model"),
    "Incorrect API key provided": (502, "upstream_error", None),
    "[object Object]": (502, "upstream_error", None),
    "terminated": (502, "upstream_error", None),
    "An error occurred.": (502, "upstream_error", None),
    "": (502, "upstream_error", None),
    "quotes \" \\ \n\0 😀 \ud83d": (502, "upstream_error", None),
    "x" * 100_000: (502, "upstream_error", None),
}

# What: (the handler, status, code, words of the message).
ANSWERS = {
    "500 and nothing": (
        ds.reply(500), 502, "upstream_error", "HTTP 500"),
    "500 with a reason": (
        ds.reply_json(500, {"error": "Failed"}), 502, "upstream_error",
        "Failed"),
    "403 that is no stale session": (
        ds.reply_json(403, {"error": "Not for you"}), 502, "upstream_error",
        "Not for you"),
    "401": (
        ds.reply_json(401, {"error": "No"}), 502, "upstream_error", "No"),
    "429": (
        ds.reply(429), 429, "rate_limit_exceeded", "429"),
    "400 in plain text": (
        ds.reply(400, b"[Message too long, 1 of 2]", "text/plain"), 400,
        "context_length_exceeded", "Message too long"),
    "404": (
        ds.reply(404, b"<html>", "text/html"), 502, "upstream_error", "404"),
    "405 and nothing": (
        ds.reply(405), 502, "upstream_error", "405"),
    "413 of a server in front": (
        ds.reply(413, b"<html>", "text/html"), 502, "upstream_challenge",
        "413"),
    "403 as a web page": (
        ds.reply(403, b"<!DOCTYPE html><title>Just a moment...",
                 "text/html; charset=UTF-8"), 502, "upstream_challenge",
        "in front of"),
    "503 as a web page": (
        ds.reply(503, b"<html>", "text/html"), 502, "upstream_challenge",
        "503"),
    "200 as a web page": (
        ds.reply(200, b"<!DOCTYPE html><html>", "text/html"), 502,
        "upstream_challenge", "in front of"),
    "308": (
        ds.reply(308, b"/x", headers=[("location", "/elsewhere/")]), 502,
        "upstream_error", "/elsewhere/"),
    "200 as JSON": (
        ds.reply_json(200, {"success": True}), 502, "upstream_error", ""),
    "200 as an empty data stream": (
        ds.send_lines(), 502, "upstream_error", ""),
    "a start and nothing else": (
        ds.send_lines(ds.START), 502, "upstream_error", ""),
    "a line that is none": (
        ds.send_lines(b"hello\n"), 502, "upstream_error", ""),
    "a text that is no string": (
        ds.send_lines(ds.START, b"0:12\n"), 502, "upstream_error", ""),
    "a finish that is an error": (
        ds.send_lines(ds.START, *ds.ends("error")), 502, "upstream_error",
        ""),
    "an error and a finish": (
        ds.send_lines(ds.error("Oh"), *ds.ends("error")), 502,
        "upstream_error", "Oh"),
    "a line without an end": (
        ds.send_lines(b'0:"abc'), 502, "upstream_error", ""),
}


def cut_before_head(exchange):
    exchange.cut()


def reset_before_head(exchange):
    exchange.reset()


def cut_in_head(exchange):
    exchange.send_raw(b"HTTP/1.1 200 OK\r\ncontent-type: text/pl")
    exchange.cut()


def cut_behind_head(exchange):
    exchange.start()
    exchange.cut()


def no_http(exchange):
    exchange.send_raw(b"SSH-2.0-OpenSSH_9.2\r\n\r\n")
    exchange.cut()


def bad_chunk_size(exchange):
    exchange.start()
    exchange.send_raw(b"banana\r\n")
    exchange.wait_gone()


def endless_head(exchange):
    exchange.send_raw(b"HTTP/1.1 200 OK\r\n")
    for _ in range(3000):
        exchange.send_raw(b"x: " + b"y" * 1000 + b"\r\n")


def both_ways(program):
    """The two answers to a failing chat; neither of them is a stream."""
    for stream in (False, True):
        yield program.post(chat_body(stream=stream))


@pytest.mark.parametrize("words", WORDS, ids=lambda words: words[:30] or "-")
def test_error_line_first_gives_a_status_by_its_words(
        program, upstream, words):
    status, code, param = WORDS[words]
    upstream.on_chat = ds.send_lines(ds.error(words))
    for response in both_ways(program):
        message = check_error(response, status, code, param)
        shown = words.replace("\ud83d", "\ufffd").partition("\0")[0]
        assert message.startswith(shown[:200])
        retry_after = response.header("Retry-After")
        if status == 429:
            assert 1 <= int(retry_after) <= 60
        else:
            assert retry_after is None


def test_error_line_behind_the_start_is_first_too(program, upstream):
    upstream.on_chat = ds.send_lines(ds.START, ds.error("Rate limit"))
    for response in both_ways(program):
        check_error(response, 429, "rate_limit_exceeded")


@pytest.mark.parametrize("name", ANSWERS)
def test_answer_that_is_none_gives_a_status(program, upstream, name):
    handler, status, code, words = ANSWERS[name]
    upstream.on_chat = handler
    for response in both_ways(program):
        assert words in check_error(response, status, code)
        assert response.header("X-Should-Retry") == (
            "false" if code == "upstream_challenge" else None)


@pytest.mark.parametrize("seconds, passed_on", [
    ("7", "7"), ("3600", "3600"), ("soon", None), ("-1", None)])
def test_retry_after_of_the_upstream_is_passed_on(
        program, upstream, seconds, passed_on):
    upstream.on_chat = ds.reply(429, headers=[("Retry-After", seconds)])
    for response in both_ways(program):
        check_error(response, 429, "rate_limit_exceeded")
        assert response.header("Retry-After") == passed_on


@pytest.mark.parametrize("handler", [
    cut_before_head, reset_before_head, cut_in_head, cut_behind_head,
    no_http, bad_chunk_size, endless_head])
def test_connection_that_breaks_gives_502(program, upstream, handler):
    upstream.on_chat = handler
    for response in both_ways(program):
        check_error(response, 502, "upstream_error")


def test_next_request_is_served_after_a_failure(program, upstream):
    good = upstream.on_chat
    for handler in (cut_before_head, reset_before_head, cut_in_head,
                    ds.reply(500), bad_chunk_size):
        upstream.on_chat = handler
        assert program.chat().status == 502
        upstream.on_chat = good
        assert program.chat().status == 200


def test_refused_connection_gives_502(launch):
    with unused_port() as nobody:
        port = nobody.getsockname()[1]
        program = launch(AKASH_BASE_URL=f"http://127.0.0.1:{port}")
        for response in both_ways(program):
            message = check_error(response, 502, "upstream_unreachable")
            assert f"127.0.0.1:{port}" in message and "refused" in message
        check_error(program.get("/v1/models"), 502, "upstream_unreachable")
        assert program.get("/health").status == 200


def test_name_that_cannot_be_looked_up_gives_502(launch):
    """A label of over 63 letters: no name server is asked."""
    name = "x" * 64 + ".invalid"
    program = launch(AKASH_BASE_URL=f"http://{name}")
    for response in both_ways(program):
        message = check_error(response, 502, "upstream_unreachable")
        assert name in message


def test_silent_upstream_gives_504(start, upstream):
    program = start(FIRST_EVENT_TIMEOUT="1")
    upstream.on_chat = lambda exchange: exchange.wait_gone()
    check_error(program.chat(), 504, "upstream_first_event_timeout")


def test_upstream_that_is_silent_behind_its_head_gives_504(start, upstream):
    def start_only(exchange):
        exchange.start()
        exchange.wait_gone()

    program = start(FIRST_EVENT_TIMEOUT="1")
    upstream.on_chat = start_only
    check_error(program.chat(stream=True), 504, "upstream_first_event_timeout")


def test_session_that_is_silent_gives_504(start, upstream):
    program = start(FIRST_EVENT_TIMEOUT="1")
    upstream.on_session = lambda exchange: exchange.wait_gone()
    check_error(program.chat(), 504, "upstream_first_event_timeout")


def test_pooled_connection_that_has_died_is_replaced(program, upstream):
    """The upstream closes an idle connection while the program sends on it:
    nothing was answered, so the request goes out again."""
    good = upstream.on_chat
    first_connections = set()

    def die_if_used_before(exchange):
        if exchange.request.connection in first_connections:
            exchange.cut()
        else:
            good(exchange)

    program.chat()
    program.get("/v1/models")
    first_connections |= {one.connection for one in upstream.requests}
    upstream.on_chat = die_if_used_before
    for response in both_ways(program):
        assert response.status == 200, response.read()


@pytest.mark.parametrize("stream", [False, True])
def test_no_word_and_no_reason_is_no_answer(program, upstream, stream):
    """What the site makes of a model's server that answers with a page."""
    upstream.on_chat = ds.answer(reason="unknown")
    check_error(program.chat(stream=stream), 502, "upstream_error")
    upstream.on_chat = ds.answer(reason="stop")
    assert program.chat().status == 200
