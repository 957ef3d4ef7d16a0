# SPDX-License-Identifier: AGPL-3.0-or-later
"""Comments bridge a stream's silences, so that nobody in between gives its
connection up. The upstreams here are silent for as long as a test says; what
is asserted of times are lower bounds and very high upper ones."""
import json
import threading
import time

import pytest

from support import GUARD_S, ask
from support import datastream as ds
from support import uistream as ui
from support.client import chat_body
from support.shape import (check_completion, check_deltas, check_error,
                           check_error_body, check_stream,
                           check_text_stream)

COMMENT = ": keep-alive"
NEARLY = 0.9   # of a second, since clocks differ
SURELY = 15    # seconds in which even a busy machine gets something done


def paced(*steps, protocol=ds):
    """A handler: bytes are sent, numbers are seconds of silence."""
    def handle(exchange):
        exchange.start(headers=protocol.HEADERS)
        for step in steps:
            if isinstance(step, bytes):
                exchange.send_chunk(step)
            else:
                time.sleep(step)
        exchange.end()
    return handle


def stay_silent(exchange):
    exchange.start()
    exchange.send_chunk(ds.START)
    exchange.wait_gone()


class Frames:
    """The frames of a stream, comments apart."""

    def __init__(self, response):
        self.connection = response.connection
        self.response = response
        self.payloads = []
        self.comments = 0
        self.order = ""  # "c" for a comment, "d" for data
        self._events = response.events()

    def next(self):
        """Takes the next frame, which is returned, or None."""
        frame = self._events.next_frame()
        if frame is None:
            assert self.response.complete
        elif frame.startswith("data: "):
            self.payloads.append(frame.removeprefix("data: "))
            self.order += "d"
        else:
            assert frame == COMMENT
            self.comments += 1
            self.order += "c"
        return frame

    def rest(self):
        while self.next() is not None:
            pass
        return self


def open_frames(program, **fields):
    response = program.open_stream(**fields)
    assert response.status == 200
    return Frames(response)


def frames_of(program, **fields):
    """A whole stream's."""
    frames = open_frames(program, **fields)
    with frames.connection:
        return frames.rest()


# ---- the head -------------------------------------------------------------

def test_head_and_first_comment_go_out_together(start, upstream):
    program = start(FIRST_COMMENT_DELAY="1", COMMENT_INTERVAL="0")
    upstream.on_chat = stay_silent
    with program.connect() as connection:
        asked = time.monotonic()
        connection.send("POST", "/v1/chat/completions",
                        chat_body(stream=True))
        data = connection.socket.recv(65536)
        waited = time.monotonic() - asked
    head, _, body = data.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 ")
    assert b"text/event-stream" in head
    assert COMMENT.encode() + b"\n\n" in body
    assert NEARLY <= waited < SURELY


@pytest.mark.parametrize("begin", [b"", ds.START, ds.line("2", [{"a": 1}]),
                                   b'0:"hal'], ids=["nothing", "START",
                                                    "data", "half a text"])
def test_what_is_no_piece_of_an_answer_is_silence(start, upstream, begin):
    program = start(FIRST_COMMENT_DELAY="1")

    def handle(exchange):
        exchange.start()
        if begin:
            exchange.send_chunk(begin)
        exchange.wait_gone()

    upstream.on_chat = handle
    frames = open_frames(program)
    with frames.connection:
        assert frames.next() == COMMENT


def test_upstream_without_a_head_is_silent_too(start, upstream):
    program = start(FIRST_COMMENT_DELAY="1")
    upstream.on_chat = lambda exchange: exchange.wait_gone()
    frames = open_frames(program)
    with frames.connection:
        assert frames.next() == COMMENT


def test_session_that_is_long_in_coming_is_bridged(start, upstream):
    """The silence begins with the request."""
    program = start(FIRST_COMMENT_DELAY="1")
    commented = threading.Event()
    grant = upstream.on_session
    upstream.on_session = ds.hold(commented, grant)
    frames = open_frames(program)
    with frames.connection:
        assert frames.next() == COMMENT
        commented.set()
        frames.rest()
    assert check_stream(frames.payloads).text == "Hello, world!"


def test_answer_follows_the_comment(start, upstream, protocol):
    """The role and everything else, as without it."""
    program = start(FIRST_COMMENT_DELAY="1", COMMENT_INTERVAL="0")
    commented = threading.Event()
    upstream.on_chat = ds.hold(commented, protocol.answer("Hello", " world"))
    frames = open_frames(program)
    with frames.connection:
        assert frames.next() == COMMENT
        commented.set()
        frames.rest()
    assert check_stream(frames.payloads).text == "Hello world"
    assert frames.order == "c" + "d" * 5
    assert program.access(frames.response).get("end") == "done"


def test_answer_in_time_needs_no_comment(start):
    program = start(FIRST_COMMENT_DELAY="1", COMMENT_INTERVAL="1")
    assert frames_of(program).comments == 0


# ---- silence in the middle ------------------------------------------------

def test_comment_for_each_second_of_silence(start, upstream):
    program = start(FIRST_COMMENT_DELAY="1", COMMENT_INTERVAL="1")
    upstream.on_chat = stay_silent
    frames = open_frames(program)
    times = []
    with frames.connection:
        for _ in range(4):
            assert frames.next() == COMMENT
            times.append(time.monotonic())
    assert 3 * NEARLY <= times[-1] - times[0] < SURELY


def test_silence_behind_text_is_bridged(start, upstream, protocol):
    """Reasoning and text are passed on before it, the rest after it."""
    program = start(COMMENT_INTERVAL="1")
    commented = threading.Event()

    def handle(exchange):
        exchange.start(headers=protocol.HEADERS)
        exchange.send_chunk(protocol.START + protocol.reasoning("Hm"))
        exchange.send_chunk(protocol.text("one"))
        exchange.wait(commented)
        exchange.send_chunk(protocol.text(" two"))
        exchange.send_chunk(b"".join(protocol.ends()))
        exchange.end()

    upstream.on_chat = handle
    frames = open_frames(program)
    with frames.connection:
        while frames.comments < 2:
            assert frames.next() is not None
        assert frames.order == "dddcc"
        commented.set()
        frames.rest()
    streamed = check_stream(frames.payloads)
    assert (streamed.reasoning, streamed.text) == ("Hm", "one two")


def test_no_comment_while_text_flows(start, upstream):
    """But for pauses of this machine that were silences."""
    program = start(FIRST_COMMENT_DELAY="1", COMMENT_INTERVAL="1")
    pauses = []

    def handle(exchange):
        exchange.start()
        last = time.monotonic()
        for _ in range(10):
            time.sleep(0.3)
            exchange.send_chunk(ds.text("x"))
            pauses.append(time.monotonic() - last)
            last += pauses[-1]
        exchange.send_chunk(b"".join(ds.ends()))
        exchange.end()

    upstream.on_chat = handle
    frames = frames_of(program)
    assert check_stream(frames.payloads).text == "x" * 10
    assert frames.comments <= sum(pause > 0.8 for pause in pauses)


def test_text_ends_a_silence(start, upstream):
    """Comments are counted anew from there."""
    program = start(COMMENT_INTERVAL="1")
    upstream.on_chat = paced(ds.text("a"), 2.5, ds.text("b"), 0.6,
                             ds.text("c"), 0.6, ds.text("d"), *ds.ends())
    frames = frames_of(program)
    assert check_stream(frames.payloads).text == "abcd"
    assert frames.order.startswith("ddc")
    assert "cd" in frames.order


@pytest.mark.parametrize("begin, fields", [
    ([ds.text("one t")], {"stop": "two"}),
    ([ds.text("one <thi")], {}),
    ([ds.text("one \ud83d")], {}),
    ([ds.text("one "), b'0:"half'], {}),
    ([ds.text("one "), ds.line("8", [1])], {}),
], ids=["stop string", "tag", "surrogate", "half a line", "data"])
def test_text_that_is_held_back_is_silence(start, upstream, begin, fields):
    program = start(COMMENT_INTERVAL="1")

    def handle(exchange):
        exchange.start()
        for line in begin:
            exchange.send_chunk(line)
        exchange.wait_gone()

    upstream.on_chat = handle
    frames = open_frames(program, **fields)
    with frames.connection:
        assert [frames.next() for _ in range(3)][2] == COMMENT
        assert '"one "' in frames.payloads[1]


def test_reasoning_that_is_dropped_is_silence(start, upstream, protocol):
    program = start(REASONING="drop", COMMENT_INTERVAL="1")
    commented = threading.Event()

    def handle(exchange):
        exchange.start(headers=protocol.HEADERS)
        exchange.send_chunk(protocol.START)
        while not commented.wait(0.2):
            exchange.send_chunk(protocol.reasoning("Hm "))
        exchange.send_chunk(protocol.text("Four."))
        exchange.send_chunk(b"".join(protocol.ends()))
        exchange.end()

    upstream.on_chat = handle
    frames = open_frames(program)
    with frames.connection:
        while frames.comments < 2:
            assert frames.next() is not None
        commented.set()
        frames.rest()
    streamed = check_stream(frames.payloads)
    assert (streamed.reasoning, streamed.text) == ("", "Four.")


def test_comments_of_the_site_are_silence(start, upstream):
    """They keep the upstream's connection, and are not passed on."""
    program = start(FIRST_COMMENT_DELAY="1", COMMENT_INTERVAL="1",
                    SILENCE_TIMEOUT="2")
    commented = threading.Event()

    def handle(exchange):
        exchange.start(headers=ui.HEADERS)
        exchange.send_chunk(ui.START)
        while not commented.wait(0.2):
            exchange.send_chunk(b": ping\n\n")
        exchange.send_chunk(ui.text("Four.") + b"".join(ui.ends()))
        exchange.end()

    upstream.on_chat = handle
    frames = open_frames(program)
    with frames.connection:
        while frames.comments < 4:
            assert frames.next() == COMMENT
        commented.set()
        frames.rest()
    assert check_stream(frames.payloads).text == "Four."


def test_comment_never_stands_in_a_frame(start, upstream):
    """Frames of any size, cut by silence: each arrives in one piece."""
    program = start(FIRST_COMMENT_DELAY="1", COMMENT_INTERVAL="1")
    texts = ["x" * 100_000, "\n\n" * 1000, "data: [DONE]\n\n"]
    data = b"".join(ds.answer_lines(*texts))
    middle = len(data) // 2
    upstream.on_chat = paced(data[:50_000], 1.4, data[50_000:middle], 1.4,
                             data[middle:])
    frames = frames_of(program)
    assert check_stream(frames.payloads).text == "".join(texts)
    assert frames.comments >= 1


# ---- failures afterwards --------------------------------------------------

# The words of an error: its type, code and status.
WORDS = {"Oh no": ("server_error", "upstream_error", 502),
         "Rate limit reached":
             ("rate_limit_error", "rate_limit_exceeded", 429),
         "maximum context length":
             ("invalid_request_error", "context_length_exceeded", 400),
         "Model not found": ("invalid_request_error", "model_not_found", 404)}


@pytest.mark.parametrize("words", WORDS)
def test_error_behind_the_head_is_an_event(start, upstream, protocol, words):
    """The status is 200 by then, whatever the words."""
    program = start(FIRST_COMMENT_DELAY="1")
    commented = threading.Event()
    upstream.on_chat = ds.hold(commented, protocol.send_lines(
        protocol.START, protocol.error(words), protocol.text("x"),
        *protocol.ends()))
    frames = open_frames(program)
    with frames.connection:
        assert frames.next() == COMMENT
        commented.set()
        frames.rest()
        assert frames.connection.is_closed()
    [payload] = frames.payloads
    body = json.loads(payload)
    error = check_error_body(body)
    assert (error["type"], error["code"], body["code"]) == WORDS[words]
    assert error["message"] == words
    access = program.access(frames.response)
    assert (access.get("status"), access.get("end")) == ("200", "cut")


HANDLERS = {
    "HTTP 500": ds.reply(500),
    "HTTP 429": ds.reply(429, headers=[("Retry-After", "7")]),
    "a web page": ds.reply(403, b"<html>", "text/html"),
    "a cut": ds.cut_after(ds.START),
    "an empty answer": ds.send_lines(ds.START),
    "a reset": lambda exchange: exchange.reset(),
}


@pytest.mark.parametrize("name", HANDLERS)
def test_other_failure_behind_the_head_is_an_event(start, upstream, name):
    program = start(FIRST_COMMENT_DELAY="1", COMMENT_INTERVAL="0")
    commented = threading.Event()
    upstream.on_chat = ds.hold(commented, HANDLERS[name])
    frames = open_frames(program)
    with frames.connection:
        assert frames.next() == COMMENT
        commented.set()
        frames.rest()
        assert frames.connection.is_closed()
    [payload] = frames.payloads
    check_error_body(json.loads(payload))


def test_session_that_fails_behind_the_head_is_an_event(start, upstream):
    program = start(FIRST_COMMENT_DELAY="1")
    commented = threading.Event()
    upstream.on_session = ds.hold(commented, ds.reply(500))
    frames = open_frames(program)
    with frames.connection:
        assert frames.next() == COMMENT
        commented.set()
        frames.rest()
    [payload] = frames.payloads
    assert check_error_body(json.loads(payload))["code"] == \
        "upstream_session_error"


def test_no_first_event_behind_the_head_is_an_event(start, upstream):
    program = start(FIRST_COMMENT_DELAY="1", FIRST_EVENT_TIMEOUT="2")
    upstream.on_chat = stay_silent
    frames = frames_of(program)
    assert frames.comments == 1
    [payload] = frames.payloads
    assert check_error_body(json.loads(payload))["code"] == \
        "upstream_first_event_timeout"


def test_silence_that_is_too_long_ends_in_an_error(start, upstream):
    """Comments are none of the answer."""
    program = start(COMMENT_INTERVAL="1", SILENCE_TIMEOUT="3")
    gone = threading.Event()

    def handle(exchange):
        exchange.start()
        exchange.send_chunk(ds.text("one"))
        exchange.wait_gone()
        gone.set()

    upstream.on_chat = handle
    frames = frames_of(program)
    assert 1 <= frames.comments <= 3
    *deltas, last = map(json.loads, frames.payloads)
    assert check_deltas(deltas).text == "one"
    assert check_error_body(last)["code"] == "upstream_silence_timeout"
    assert gone.wait(GUARD_S)


def test_client_that_leaves_after_a_comment(start, upstream):
    program = start(FIRST_COMMENT_DELAY="1")
    gone = threading.Event()

    def handle(exchange):
        exchange.wait_gone()
        gone.set()

    upstream.on_chat = handle
    frames = open_frames(program)
    with frames.connection:
        assert frames.next() == COMMENT
    assert gone.wait(GUARD_S)
    assert program.access(frames.response).get("end") == "client_gone"


# ---- off, and elsewhere ---------------------------------------------------

def test_first_comment_may_be_turned_off(start, upstream):
    """The head waits then: a late failure is an HTTP error."""
    program = start(FIRST_COMMENT_DELAY="0", COMMENT_INTERVAL="1")
    upstream.on_chat = paced(1.6, ds.error("Rate limit"))
    check_error(program.chat(stream=True), 429, "rate_limit_exceeded")


def test_later_comments_come_without_the_first(start, upstream):
    program = start(FIRST_COMMENT_DELAY="0", COMMENT_INTERVAL="1")
    upstream.on_chat = paced(1.6, ds.text("a"), 1.6, ds.text("b"),
                             *ds.ends())
    frames = frames_of(program)
    assert frames.order.startswith("ddc")
    assert check_stream(frames.payloads).text == "ab"


def test_later_comments_may_be_turned_off(start, upstream):
    program = start(FIRST_COMMENT_DELAY="1", COMMENT_INTERVAL="0")
    upstream.on_chat = paced(2.6, ds.text("a"), 1.6, ds.text("b"),
                             *ds.ends())
    frames = frames_of(program)
    assert frames.order == "c" + "d" * 5
    assert check_stream(frames.payloads).text == "ab"


def test_whole_answer_gets_no_filler(start, upstream):
    """Its status is certain only at its end."""
    program = start(FIRST_COMMENT_DELAY="1", COMMENT_INTERVAL="1")
    upstream.on_chat = paced(1.6, ds.text("a"), 1.6, ds.text("b"),
                             *ds.ends())
    response = program.chat()
    assert response.framing == "length"
    assert response.read().startswith(b"{")
    assert check_completion(response.json())["content"] == "ab"
    upstream.on_chat = paced(1.6, ds.text("a"), 1.6, ds.error("Rate limit"))
    check_error(program.chat(), 429, "rate_limit_exceeded")


def test_client_of_http_1_0_gets_comments(start, upstream):
    program = start(FIRST_COMMENT_DELAY="1", COMMENT_INTERVAL="1")
    upstream.on_chat = paced(1.4, ds.text("a"), 1.4, ds.text("b"),
                             *ds.ends())
    with program.connect() as connection:
        connection.send("POST", "/v1/chat/completions",
                        chat_body(stream=True), version="1.0")
        response = connection.response()
        assert (response.status, response.framing) == (200, "close")
        frames = Frames(response).rest()
    assert frames.order.startswith("cddc")
    assert check_stream(frames.payloads).text == "ab"


def test_completions_get_comments(start, upstream):
    program = start(FIRST_COMMENT_DELAY="1", COMMENT_INTERVAL="1")
    upstream.on_chat = paced(1.4, ds.text("a"), 1.4, ds.text("b"),
                             *ds.ends())
    response = ask.open_completion(program)
    with response.connection:
        frames = Frames(response).rest()
    assert frames.order.startswith("cdc")
    assert check_text_stream(frames.payloads).text == "ab"


def test_drain_waits_for_a_stream_of_comments(start, upstream):
    """A stream that is bridged is one that is being served."""
    program = start(FIRST_COMMENT_DELAY="1")
    commented = threading.Event()
    upstream.on_chat = ds.hold(commented, ds.answer("Hello"))
    frames = open_frames(program)
    with frames.connection:
        assert frames.next() == COMMENT
        program.signal()
        program.wait_log("draining")
        commented.set()
        frames.rest()
    assert check_stream(frames.payloads).text == "Hello"
    program.check(program.wait())
