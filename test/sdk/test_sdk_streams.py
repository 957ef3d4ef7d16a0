# SPDX-License-Identifier: AGPL-3.0-or-later
"""Streams that are left, and streams that break: they raise, and never look
complete."""
import threading

import pytest

from support import GUARD_S
from support import datastream as ds


def is_complete(call):
    """Whether a client could take what came for a whole answer."""
    return any(choice["finish_reason"] for chunk in call.chunks
               for choice in chunk["choices"])


# ---- leaving --------------------------------------------------------------

class Endless:
    """A handler that begins an answer and goes on until it is left."""

    def __init__(self, *lines):
        self._lines = lines
        self.gone = threading.Event()

    def __call__(self, exchange):
        exchange.start()
        for line in self._lines:
            exchange.send_chunk(line)
        exchange.wait_gone()
        self.gone.set()


def test_left_stream_ends_at_the_upstream(sdk, program, upstream):
    upstream.on_chat = handler = Endless(ds.START, ds.text("first"))
    call = sdk.begin_chat(program, stream=True, leave_after=2).wait().ok()
    assert call.text() == "first"
    assert handler.gone.wait(GUARD_S)
    line = program.wait_log("request", route="chat")
    assert line.get("end") == "client_gone"


def test_program_goes_on_after_a_left_stream(sdk, program, upstream):
    upstream.on_chat = handler = Endless(ds.text("first"))
    sdk.begin_chat(program, stream=True, leave_after=1).wait().ok()
    assert handler.gone.wait(GUARD_S)
    upstream.on_chat = ds.answer("second")
    assert sdk.stream(program).ok().text() == "second"


def test_stream_left_by_a_timeout_ends_at_the_upstream(sdk, program,
                                                       upstream):
    """The client for Node counts to the head of an answer, that for Python
    between two reads."""
    sdk.call(program, "models.list").ok()  # there is a session now
    upstream.on_chat = handler = Endless(
        ds.START, *([ds.text("first")] if sdk.name == "python" else []))
    call = sdk.stream(program, options={"timeout": 1})
    error = call.failed("APITimeoutError", "APIConnectionTimeoutError")
    assert "APIConnectionError" in error.classes
    assert not is_complete(call)
    assert handler.gone.wait(GUARD_S)


# ---- breaking -------------------------------------------------------------

BEGIN = [ds.START, ds.text("Half an "), ds.text("answer")]


def reset(exchange):
    exchange.start()
    for line in BEGIN:
        exchange.send_chunk(line)
    exchange.reset()


BROKEN = {
    "error line": (ds.send_lines(*BEGIN, ds.error("GPU on fire")),
                   "GPU on fire"),
    "rate limit": (ds.send_lines(*BEGIN, ds.error("Rate limit exceeded")),
                   "Rate limit exceeded"),
    "error and end": (ds.send_lines(*BEGIN, ds.error("GPU on fire"),
                                    *ds.ends("error")), "GPU on fire"),
    "end without a finish": (ds.send_lines(*BEGIN), "broke off"),
    "cut": (ds.cut_after(*BEGIN), ""),
    "reset": (reset, ""),
    "no data stream": (ds.send_lines(*BEGIN, b"0:oops\n"), "not an answer"),
    "finish is an error": (ds.send_lines(*BEGIN, *ds.ends("error")), ""),
}


@pytest.mark.parametrize("name", BROKEN)
def test_stream_that_breaks_raises(sdk, program, upstream, name):
    upstream.on_chat, words = BROKEN[name]
    call = sdk.stream(program, stream_options={"include_usage": True})
    error = call.failed("APIError")
    assert words in error.text
    assert error.status is None
    assert error.code
    assert error.type
    # A reset may overtake the text before it.
    assert call.text() == "Half an answer" or name == "reset"
    assert not is_complete(call)
    line = program.wait_log("request", route="chat")
    assert line.get("end") == "cut"


@pytest.mark.parametrize("name", BROKEN)
def test_whole_answer_that_breaks_raises(sdk, program, upstream, name):
    upstream.on_chat, words = BROKEN[name]
    error = sdk.chat(program).failed("InternalServerError", "RateLimitError")
    assert words in error.text
    assert error.request_id


@pytest.mark.parametrize("name", ["error line", "cut"])
def test_stream_that_breaks_is_not_tried_again(sdk, program, upstream, name):
    upstream.on_chat, _ = BROKEN[name]
    sdk.stream(program, options={"max_retries": 2}).failed("APIError")
    assert upstream.count("chat") == 1


def test_upstream_that_falls_silent_raises(sdk, start, upstream):
    upstream.on_chat = Endless(*BEGIN)
    program = start(SILENCE_TIMEOUT="1")
    call = sdk.stream(program)
    error = call.failed("APIError")
    assert error.code == "upstream_silence_timeout"
    assert call.text() == "Half an answer"


def test_program_that_dies_raises(sdk, program, upstream):
    upstream.on_chat = Endless(*BEGIN)
    call = sdk.begin_chat(program, stream=True)
    while call.text() != "Half an answer":
        call.next_chunk()
    program.kill()
    assert call.wait().error is not None
    assert not is_complete(call)


def test_stream_helper_raises(sdk, program, upstream):
    upstream.on_chat, words = BROKEN["error line"]
    named = {"model": "Meta-Llama-3-3-70B-Instruct",
             "messages": [{"role": "user", "content": "Hi"}]}
    error = sdk.call(program, "chat.completions.stream", named=named).failed(
        "APIError")
    assert words in error.text
