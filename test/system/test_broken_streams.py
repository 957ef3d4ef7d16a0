# SPDX-License-Identifier: AGPL-3.0-or-later
"""An answer that fails in its middle: a stream ends with one error event, a
whole answer becomes an HTTP error, and nobody takes a half for the whole."""
import threading

import pytest

from support import GUARD_S
from support import datastream as ds
from support.client import chat_body
from support.shape import (check_completion, check_error,
                           check_failed_stream, check_stream)

BEGIN = [ds.START, ds.text("Partial"), ds.text(" answer")]


def reset_after(exchange):
    """An RST within the body, once the client has had its beginning."""
    exchange.start()
    for line in BEGIN:
        exchange.send_chunk(line)
    exchange.wait(exchange.upstream.go_on)
    exchange.reset()


def cut_within_a_chunk(exchange):
    exchange.start()
    for line in BEGIN:
        exchange.send_chunk(line)
    exchange.send_raw(b'100\r\n0:"half a li')
    exchange.cut()


def bad_chunk_size(exchange):
    exchange.start()
    for line in BEGIN:
        exchange.send_chunk(line)
    exchange.send_raw(b"banana\r\n")
    exchange.wait_gone()


def cut_by_length(exchange):
    data = b"".join(BEGIN)
    exchange.start(framing=len(data) + 100)
    exchange.send_raw(data)
    exchange.cut()


def close_without_an_end(exchange):
    exchange.start(framing="close")
    exchange.send_raw(b"".join(BEGIN))


def then(*lines):
    return ds.send_lines(*BEGIN, *lines)


# What: (the handler, the error's code, words of its message).
FAILURES = {
    "error line": (then(ds.error("Oh no")), "upstream_error", "Oh no"),
    "error line, then a finish": (
        then(ds.error("[object Object]"), *ds.ends("error")),
        "upstream_error", "[object Object]"),
    "error line, then more text and a stop": (
        then(ds.error("JSON parsing failed"), ds.text(" more"), *ds.ends()),
        "upstream_error", "JSON parsing failed"),
    "model cut off": (
        then(ds.error("terminated")), "upstream_error", "terminated"),
    "rate limit": (
        then(ds.error("Rate limit reached")), "rate_limit_exceeded", "Rate"),
    "finish says error": (then(*ds.ends("error")), "upstream_error", ""),
    "no e: and no d:": (then(), "upstream_error", "broke off"),
    "a step's end, then more": (
        then(ds.step_end(), ds.START), "upstream_error",
        "broke off"),
    "half a line at the end": (
        then(b'0:"half'), "upstream_error", "broke off"),
    "half a finish at the end": (
        then(b'd:{"finishReason":"st'), "upstream_error", "broke off"),
    "a line that is none": (
        then(b"<html>\n"), "upstream_error", "not an answer"),
    "a text that is no string": (
        then(b"0:{}\n", *ds.ends()), "upstream_error", "not an answer"),
    "a broken escape": (
        then(b'0:"\\x"\n', *ds.ends()), "upstream_error", "not an answer"),
    "a raw control character": (
        then(b'0:"a\x01b"\n', *ds.ends()), "upstream_error", "not an answer"),
    "connection closed": (ds.cut_after(*BEGIN), "upstream_error", ""),
    "connection closed behind e:": (
        ds.cut_after(*BEGIN, ds.step_end()), "upstream_error", ""),
    "connection closed in a chunk": (
        cut_within_a_chunk, "upstream_error", ""),
    "connection closed before its length": (
        cut_by_length, "upstream_error", ""),
    "close-delimited, without an end": (
        close_without_an_end, "upstream_error", ""),
    "chunk size that is none": (bad_chunk_size, "upstream_error", ""),
}


@pytest.mark.parametrize("name", FAILURES)
def test_stream_that_fails_ends_with_one_error(program, upstream, name):
    upstream.on_chat, code, words = FAILURES[name]
    response = program.open_stream()
    with response.connection:
        assert response.status == 200
        text, error = check_failed_stream(response.events())
    assert text == "Partial answer"
    assert error["code"] == code
    assert words in error["message"]
    access = program.access(response)
    assert (access.get("status"), access.get("end")) == ("200", "cut")


@pytest.mark.parametrize("name", FAILURES)
def test_whole_answer_that_fails_is_an_http_error(program, upstream, name):
    upstream.on_chat, code, words = FAILURES[name]
    response = program.chat()
    status = 429 if code == "rate_limit_exceeded" else 502
    assert words in check_error(response, status, code)
    assert "Partial" not in response.read().decode()


def test_stream_that_is_reset_ends_with_one_error(program, upstream):
    upstream.go_on = threading.Event()
    upstream.on_chat = reset_after
    response = program.open_stream()
    with response.connection:
        events = response.events()
        begun = [events.next() for _ in range(3)]
        upstream.go_on.set()
        text, error = check_failed_stream(events, begun)
    assert text == "Partial answer"
    assert error["code"] == "upstream_error"


def test_whole_answer_that_is_reset_is_an_http_error(program, upstream):
    upstream.go_on = threading.Event()
    upstream.go_on.set()
    upstream.on_chat = reset_after
    check_error(program.chat(), 502, "upstream_error")


def test_upstream_silent_in_mid_stream_ends_it(start, upstream):
    def stall(exchange):
        exchange.start()
        for line in BEGIN:
            exchange.send_chunk(line)
        exchange.wait_gone()

    program = start(SILENCE_TIMEOUT="1")
    upstream.on_chat = stall
    response = program.open_stream()
    with response.connection:
        text, error = check_failed_stream(response.events())
    assert (text, error["code"]) == ("Partial answer", "upstream_silence_timeout")


def test_failed_stream_to_http_1_0_ends_with_one_error(program, upstream):
    upstream.on_chat = then(ds.error("Oh no"))
    with program.connect() as connection:
        connection.send("POST", "/v1/chat/completions",
                        chat_body(stream=True), version="1.0")
        response = connection.response()
        assert response.framing == "close"
        _, error = check_failed_stream(response.events())
    assert error["message"] == "Oh no"


def test_step_end_without_message_end_is_a_good_end(program, upstream):
    upstream.on_chat = then(ds.step_end("length", 1, 2))
    value = program.chat().json()
    assert check_completion(value)["content"] == "Partial answer"
    assert value["usage"]["total_tokens"] == 3
    streamed = check_stream(program.stream()[1])
    assert (streamed.text, streamed.finish) == ("Partial answer", "length")


def test_message_end_without_step_end_is_a_good_end(program, upstream):
    upstream.on_chat = then(ds.message_end("stop"))
    assert check_completion(program.chat().json())["content"]
    assert check_stream(program.stream()[1]).text == "Partial answer"


def test_message_end_without_a_line_feed_is_no_end(program, upstream):
    """It could have been cut anywhere."""
    upstream.on_chat = then(ds.message_end().rstrip(b"\n"))
    check_error(program.chat(), 502, "upstream_error")


def test_nothing_counts_behind_the_message_end(program, upstream):
    upstream.on_chat = then(*ds.ends(), ds.error("late"), ds.text("later"),
                            b"nonsense\n")
    assert check_completion(program.chat().json())["content"] \
        == "Partial answer"
    assert check_stream(program.stream()[1]).text == "Partial answer"


def test_connection_cut_behind_the_message_end_does_no_harm(
        program, upstream):
    upstream.on_chat = ds.cut_after(*BEGIN, *ds.ends())
    assert check_completion(program.chat().json())["content"] \
        == "Partial answer"
    assert check_stream(program.stream()[1]).text == "Partial answer"


def test_stream_ends_with_the_message_end(program, upstream):
    """[DONE] does not wait for the upstream's end of the body."""
    read = threading.Event()

    def linger(exchange):
        exchange.start()
        for line in [*BEGIN, *ds.ends()]:
            exchange.send_chunk(line)
        exchange.wait(read)
        exchange.end()

    upstream.on_chat = linger
    response = program.open_stream()
    with response.connection:
        events = response.events()
        while events.next() != "[DONE]":
            pass
        read.set()
        assert events.rest() == []


def test_line_that_never_ends_is_a_failure_and_takes_no_memory(
        program, upstream):
    """There is a limit to a line; 64 MiB are above any."""
    stopped = threading.Event()

    def flood(exchange):
        exchange.start()
        exchange.send_chunk(b'0:"')
        try:
            for _ in range(1024):
                exchange.send_chunk(b"x" * 65536)
        finally:
            stopped.set()
        exchange.wait_gone()

    upstream.on_chat = flood
    check_error(program.chat(stream=True), 502, "upstream_error")
    assert stopped.wait(GUARD_S)
