# SPDX-License-Identifier: AGPL-3.0-or-later
"""The upstream says 200 and fails, in either of its protocols: before the
first piece of an answer that is an HTTP error; later it is one error event
in a stream, and still an HTTP error for an answer that is not streamed."""
import json
import threading

import pytest

from support import GUARD_S, ask
from support import datastream as ds
from support import uistream as ui
from support.client import chat_body
from support.shape import check_failed_stream

BEGUN = ["Partial", " answer"]

# The words of an error: (status, code, param).
WORDS = {
    "Failed after 3 attempts. Last error: Rate limit reached for requests":
        (429, "rate_limit_exceeded", None),
    "429 Too Many Requests": (429, "rate_limit_exceeded", None),
    "This model's maximum context length is 8192 tokens.":
        (400, "context_length_exceeded", None),
    "The prompt is too long: it exceeds the context window":
        (400, "context_length_exceeded", None),
    "The request took too long": (502, "upstream_error", None),
    "The model is taking too long to answer": (502, "upstream_error", None),
    "Incorrect API key provided: sk-x": (502, "upstream_error", None),
    "Unauthorized: please log in": (502, "upstream_error", None),
    "The model `x` does not exist": (404, "model_not_found", "model"),
    "Model not found": (404, "model_not_found", "model"),
    "[object Object]": (502, "upstream_error", None),
    "terminated": (502, "upstream_error", None),
    "Grüße \"quoted\" \\ \n 😀": (502, "upstream_error", None),
}


def begin(protocol):
    return [protocol.START, *map(protocol.text, BEGUN)]


def is_begun(stream, text):
    """What a failed answer may show: what came before, or nothing at all."""
    return text == ("Partial answer" if stream else "")


# ---- errors ---------------------------------------------------------------

@pytest.mark.parametrize("words", WORDS, ids=lambda words: words[:20])
def test_error_first_gives_a_status(program, upstream, protocol, stream,
                                    words):
    for lines in ([], [protocol.START]):
        upstream.on_chat = protocol.send_lines(*lines, protocol.error(words))
        assert ask.chat_is_refused(
            program, stream, *WORDS[words]) == words


@pytest.mark.parametrize("words", WORDS, ids=lambda words: words[:20])
def test_error_in_the_middle(program, upstream, protocol, stream, words):
    upstream.on_chat = protocol.send_lines(
        *begin(protocol), protocol.error(words), *protocol.ends("error"))
    text, message = ask.chat_fails(program, stream, *WORDS[words])
    assert is_begun(stream, text)
    assert message == words


def test_error_behind_reasoning_is_in_the_middle(program, upstream, protocol,
                                                 stream):
    upstream.on_chat = protocol.send_lines(
        protocol.START, protocol.reasoning("Hm"), protocol.error("Oh no"))
    text, message = ask.chat_fails(program, stream, 502, "upstream_error")
    assert (text, message) == ("", "Oh no")


def test_text_behind_an_error_is_not_passed_on(program, upstream, protocol,
                                               stream):
    """A clean finish neither."""
    upstream.on_chat = protocol.send_lines(
        *begin(protocol), protocol.error("JSON parsing failed"),
        protocol.text(" and more"), protocol.reasoning("Hm"),
        *protocol.ends("stop"))
    text, message = ask.chat_fails(program, stream, 502, "upstream_error")
    assert is_begun(stream, text)
    assert message == "JSON parsing failed"


def test_text_behind_an_error_that_came_first_is_no_answer(
        program, upstream, protocol, stream):
    upstream.on_chat = protocol.send_lines(
        protocol.START, protocol.error("Oh no"), protocol.text("Hello"),
        *protocol.ends("stop"))
    message = ask.chat_is_refused(program, stream, 502, "upstream_error")
    assert message == "Oh no"


def test_held_back_text_comes_before_the_error(program, upstream, protocol):
    """What could have been a tag or a stop string."""
    upstream.on_chat = protocol.send_lines(
        protocol.START, protocol.text("a"), protocol.text("<thi"),
        protocol.error("Oh no"))
    response = program.open_stream(stop=["<this>"])
    with response.connection:
        text, error = check_failed_stream(response.events())
    assert (text, error["message"]) == ("a<thi", "Oh no")


def test_error_without_words(program, upstream, protocol, stream):
    upstream.on_chat = protocol.send_lines(protocol.START, protocol.error(""))
    assert ask.chat_is_refused(program, stream, 502, "upstream_error")


@pytest.mark.parametrize("begun", [False, True])
def test_finish_that_is_an_error(program, upstream, protocol, stream, begun):
    """Although no error came."""
    lines = begin(protocol) if begun else [protocol.START]
    upstream.on_chat = protocol.send_lines(*lines, *protocol.ends("error"))
    fails = ask.chat_fails if begun else ask.chat_is_refused
    fails(program, stream, 502, "upstream_error")


ABORTS = {"without a reason": {}, "with an empty one": {"reason": ""},
          "with one": {"reason": "The user left"}}


@pytest.mark.parametrize("name", ABORTS)
@pytest.mark.parametrize("tail", [[], [ui.DONE], ui.ends()])
def test_abort(program, upstream, stream, name, tail):
    abort = ui.part("abort", **ABORTS[name])
    upstream.on_chat = ui.send_lines(*begin(ui), abort, *tail)
    text, message = ask.chat_fails(program, stream, 502, "upstream_error")
    assert is_begun(stream, text)
    assert message == (ABORTS[name].get("reason") or
                       "The upstream aborted its answer.")
    upstream.on_chat = ui.send_lines(ui.START, abort, *tail)
    assert ask.chat_is_refused(
        program, stream, 502, "upstream_error") == message


def test_answer_that_is_taken_back(program, upstream, stream):
    upstream.on_chat = ui.send_lines(
        *begin(ui), ui.part("reset-step"), ui.part("start-step"),
        ui.block("text", "txt-1", "Another"), *ui.ends())
    text, _ = ask.chat_fails(program, stream, 502, "upstream_error")
    assert is_begun(stream, text)


# ---- ends that are none ----------------------------------------------------

def reset(protocol, lines, go_on):
    def handle(exchange):
        exchange.start(headers=protocol.HEADERS)
        for line in lines:
            exchange.send_chunk(line)
        if go_on is not None:
            exchange.wait(go_on)
        exchange.reset()
    return handle


def broken_chunk(protocol, lines):
    def handle(exchange):
        exchange.start(headers=protocol.HEADERS)
        for line in lines:
            exchange.send_chunk(line)
        exchange.send_raw(b"banana\r\n")
        exchange.wait_gone()
    return handle


def in_a_chunk(protocol, lines):
    def handle(exchange):
        exchange.start(headers=protocol.HEADERS)
        for line in lines:
            exchange.send_chunk(line)
        exchange.send_raw(b"1000\r\n" + protocol.text("lost")[:5])
        exchange.cut()
    return handle


def in_a_line(protocol, lines):
    return protocol.send_lines(*lines, protocol.text("lost")[:-2])


def nonsense(protocol, lines):
    page = {ds: b"<html>\n", ui: b"data: <html>\n\n"}[protocol]
    return protocol.send_lines(*lines, page, *protocol.ends())


BREAKS = {
    "clean end of the body": lambda p, lines: p.send_lines(*lines),
    "connection closed": lambda p, lines: p.cut_after(*lines),
    "step over, connection closed":
        lambda p, lines: p.cut_after(*lines, p.step_end()),
    "closed in a chunk": in_a_chunk,
    "ended in a line": in_a_line,
    "broken chunk": broken_chunk,
    "nonsense": nonsense,
}


@pytest.mark.parametrize("name", BREAKS)
def test_answer_that_breaks(program, upstream, protocol, stream, name):
    upstream.on_chat = BREAKS[name](protocol, begin(protocol))
    text, _ = ask.chat_fails(program, stream, 502, "upstream_error")
    assert is_begun(stream, text)


@pytest.mark.parametrize("name", BREAKS)
def test_answer_that_breaks_before_it_begins(program, upstream, protocol,
                                             stream, name):
    upstream.on_chat = BREAKS[name](protocol, [protocol.START])
    ask.chat_is_refused(program, stream, 502, "upstream_error")


@pytest.mark.parametrize("tail", [
    [], [ui.step_end()], [ui.step_end(), ui.message_end()],
    [ui.step_end(), ui.message_end(), b"data: [DONE]"],
    [ui.step_end(), ui.message_end(), b"data: [DONE]\n"],
    [ui.step_end(), ui.message_end("interrupted"), ui.DONE], [ui.DONE]],
    ids=len)
def test_missing_done_is_a_cut(program, upstream, stream, tail):
    """A lone [DONE] in an open step and a model that was interrupted too."""
    upstream.on_chat = ui.send_lines(*begin(ui), *tail)
    text, message = ask.chat_fails(program, stream, 502, "upstream_error")
    assert is_begun(stream, text)
    assert "broke off" in message


def test_reset_in_the_middle(program, upstream, protocol):
    """Once the client has had the beginning, which an RST may overtake."""
    go_on = threading.Event()
    upstream.on_chat = reset(protocol, begin(protocol), go_on)
    response = program.open_stream()
    with response.connection:
        events = response.events()
        begun = [events.next() for _ in range(1 + len(BEGUN))]
        go_on.set()
        text, error = check_failed_stream(events, begun)
    assert (text, error["code"]) == ("Partial answer", "upstream_error")


def test_reset_of_a_whole_answer(program, upstream, protocol):
    upstream.on_chat = reset(protocol, begin(protocol), None)
    ask.chat_fails(program, False, 502, "upstream_error")


def test_reset_before_the_answer_begins(program, upstream, protocol, stream):
    upstream.on_chat = reset(protocol, [protocol.START], None)
    ask.chat_is_refused(program, stream, 502, "upstream_error")


# ---- silence --------------------------------------------------------------

def stall(protocol, lines, gone):
    def handle(exchange):
        exchange.start(headers=protocol.HEADERS)
        for line in lines:
            exchange.send_chunk(line)
        exchange.wait_gone()
        gone.set()
    return handle


def test_stall_before_the_answer_begins(start, upstream, protocol, stream):
    """START is no beginning."""
    program = start(FIRST_EVENT_TIMEOUT="1")
    gone = threading.Event()
    upstream.on_chat = stall(protocol, [protocol.START], gone)
    ask.chat_is_refused(
        program, stream, 504, "upstream_first_event_timeout")
    assert gone.wait(GUARD_S)


def test_stall_in_the_middle(start, upstream, protocol, stream):
    program = start(SILENCE_TIMEOUT="1")
    gone = threading.Event()
    upstream.on_chat = stall(protocol, begin(protocol), gone)
    text, _ = ask.chat_fails(
        program, stream, 504, "upstream_silence_timeout")
    assert is_begun(stream, text)
    assert gone.wait(GUARD_S)


def test_answer_that_takes_too_long(start, upstream, protocol, stream):
    program = start(REQUEST_TIMEOUT="1")
    gone = threading.Event()
    upstream.on_chat = stall(protocol, begin(protocol), gone)
    text, _ = ask.chat_fails(program, stream, 504, "request_timeout")
    assert is_begun(stream, text)
    assert gone.wait(GUARD_S)


# ---- afterwards -----------------------------------------------------------

def test_end_of_a_failed_stream(program, upstream, protocol):
    """One event, then HTTP's own end and the connection's: clients are not
    left to guess, and send nothing more on it."""
    upstream.on_chat = protocol.send_lines(
        *begin(protocol), protocol.error("Rate limit reached"))
    with program.connect() as connection:
        connection.send("POST", "/v1/chat/completions",
                        chat_body(stream=True))
        response = connection.response()
        *_, last = response.events().rest()
        assert json.loads(last)["error"]["type"] == "rate_limit_error"
        assert connection.is_closed()
    access = program.access(response)
    assert (access.get("status"), access.get("end")) == ("200", "cut")


def test_failures_leave_nothing_behind(program, upstream, protocol, stream):
    for name in BREAKS:
        upstream.on_chat = BREAKS[name](protocol, begin(protocol))
        ask.chat_fails(program, stream, 502, "upstream_error")
        upstream.on_chat = protocol.answer("Hello")
        assert ask.chat(program, stream).text == "Hello"
