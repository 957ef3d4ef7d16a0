# SPDX-License-Identifier: AGPL-3.0-or-later
"""Each phase of a request has a deadline, and each deadline its own code."""
import contextlib
import json
import socket
import time

import pytest

from support import datastream as ds
from support.shape import (check_deltas, check_error, check_error_body,
                           check_stream)

BOTH = pytest.mark.parametrize("stream", [False, True])


def drip(line, times, pause_s, *end):
    """Answers with the same line again and again."""
    def answer(exchange):
        exchange.start()
        for _ in range(times):
            time.sleep(pause_s)  # the upstream's own pace
            exchange.send_chunk(line)
        for last in end:
            exchange.send_chunk(last)
        exchange.end()
    return answer


def failure_of(response):
    """The text and the error of a stream that failed."""
    payloads = []
    with response.connection:
        events = response.events()
        while (payload := events.next()) is not None:
            payloads.append(json.loads(payload))
    *deltas, last = payloads
    return check_deltas(deltas).text, check_error_body(last)


@contextlib.contextmanager
def full_port():
    """A port at which no connection comes about, since its queue is full."""
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(3):
            filler = stack.enter_context(socket.socket())
            filler.setblocking(False)
            filler.connect_ex(listener.getsockname())
        yield listener.getsockname()[1]


@BOTH
def test_connecting(launch, stream):
    with full_port() as port:
        program = launch(AKASH_BASE_URL=f"http://127.0.0.1:{port}",
                         CONNECT_TIMEOUT="1")
        check_error(program.chat(stream=stream), 504,
                    "upstream_connect_timeout")


@BOTH
def test_first_event_does_not_come_while_other_lines_do(start, upstream,
                                                        stream):
    """f: and 2: prove no answer, however many come."""
    program = start(FIRST_EVENT_TIMEOUT="1")
    upstream.on_chat = drip(b'2:[1]\n', 30, 0.1)
    started = time.monotonic()
    check_error(program.chat(stream=stream), 504,
                "upstream_first_event_timeout")
    assert 0.9 < time.monotonic() - started < 2.9
    upstream.on_chat = ds.answer("Fine")
    assert program.chat().status == 200


@BOTH
def test_first_event_deadline_covers_session_and_retries(start, upstream,
                                                         stream):
    program = start(FIRST_EVENT_TIMEOUT="1", UPSTREAM_RETRIES="10")
    upstream.on_session = lambda exchange: exchange.cut()
    started = time.monotonic()
    check_error(program.chat(stream=stream), 504,
                "upstream_first_event_timeout")
    assert 0.9 < time.monotonic() - started < 2.9


@BOTH
def test_stream_that_is_alive_is_not_cut(start, upstream, stream):
    program = start(FIRST_EVENT_TIMEOUT="1", SILENCE_TIMEOUT="1")
    upstream.on_chat = drip(ds.text("word "), 9, 0.3, *ds.ends())
    if stream:
        _, payloads = program.stream()
        assert check_stream(payloads).text == "word " * 9
    else:
        message = program.chat().json()["choices"][0]["message"]
        assert message["content"] == "word " * 9


def test_whole_of_a_stream(start, upstream):
    """Also where something comes all the time."""
    program = start(REQUEST_TIMEOUT="1")
    upstream.on_chat = drip(ds.text("word "), 100, 0.05, *ds.ends())
    text, error = failure_of(program.open_stream())
    assert error["code"] == "request_timeout"
    assert text.startswith("word word ")
    assert len(text) < 100 * len("word ")


def test_whole_of_an_answer_that_is_not_streamed(start, upstream):
    program = start(REQUEST_TIMEOUT="1")
    upstream.on_chat = drip(ds.text("word "), 100, 0.05, *ds.ends())
    check_error(program.chat(), 504, "request_timeout")


@BOTH
def test_whole_before_the_first_event(start, upstream, stream):
    program = start(REQUEST_TIMEOUT="1")
    upstream.on_chat = lambda exchange: exchange.wait_gone()
    check_error(program.chat(stream=stream), 504, "request_timeout")


def test_whole_is_long_enough(start, upstream):
    program = start(REQUEST_TIMEOUT="2")
    upstream.on_chat = drip(ds.text("word "), 4, 0.2, *ds.ends())
    assert program.chat().status == 200


def endless(exchange):
    """An answer that goes on as fast as it is taken."""
    exchange.start(headers=[("Content-Type", "application/json")])
    while True:
        exchange.send_chunk(b" " * 60_000)


@pytest.mark.parametrize("fails", [drip(b" ", 60, 0.1), endless],
                         ids=["drips", "endless"])
def test_session_that_has_no_end_is_given_up(start, upstream, fails):
    """And the next request asks for another one."""
    program = start(FIRST_EVENT_TIMEOUT="1")
    upstream.on_session = fails
    response = program.chat()
    assert response.status in (502, 504), response.read()
    upstream.on_session = upstream.grant_session
    upstream.wait_for("session", 2, 0.1)
    for _ in range(100):  # there is a pause after a failed session
        if program.chat().status == 200:
            return
        upstream.wait_for("session", 2, 0.1)
    assert False, "the session was not asked for again"


@pytest.mark.parametrize("fails", [drip(b" ", 60, 0.1), endless],
                         ids=["drips", "endless"])
def test_list_of_models_that_has_no_end_is_given_up(start, upstream, fails):
    program = start(FIRST_EVENT_TIMEOUT="1")
    upstream.on_models = fails
    response = program.get("/v1/models")
    assert response.status in (502, 504), response.read()


@BOTH
def test_text_that_is_held_back_has_come_in_time(start, upstream, stream):
    """It may be the beginning of a stop string."""
    program = start(FIRST_EVENT_TIMEOUT="1")
    upstream.on_chat = ds.paced(1.6, ds.text("ST"), ds.text("xyz"), *ds.ends())
    response = program.chat(stream=stream, stop="STOP")
    assert response.status == 200, response.read()
    assert b"xyz" in response.read()
