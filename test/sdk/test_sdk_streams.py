# SPDX-License-Identifier: AGPL-3.0-or-later
"""Streams that are left, and streams that break: they raise, and never look
complete."""
import time

import pytest

from support import datastream as ds
from support import uistream as ui
from support.endless import Endless


def is_complete(call):
    """Whether a client could take what came for a whole answer."""
    return any(choice["finish_reason"] for chunk in call.chunks
               for choice in chunk["choices"])


# ---- leaving --------------------------------------------------------------

def test_left_stream_ends_at_the_upstream(sdk, program, upstream, protocol):
    upstream.on_chat = handler = Endless(
        protocol, protocol.START, protocol.text("first"))
    call = sdk.begin_chat(program, stream=True, leave_after=2).wait().ok()
    assert call.text() == "first"
    handler.check_gone()
    line = program.wait_log("request", route="chat")
    assert line.get("end") == "client_gone"


def test_program_goes_on_after_a_left_stream(sdk, program, upstream):
    upstream.on_chat = handler = Endless(ds, ds.text("first"))
    sdk.begin_chat(program, stream=True, leave_after=1).wait().ok()
    handler.check_gone()
    upstream.on_chat = ds.answer("second")
    assert sdk.stream(program).ok().text() == "second"


def test_stream_left_by_a_timeout_ends_at_the_upstream(sdk, program,
                                                       upstream):
    """The client for Node counts to the head of an answer, that for Python
    between two reads."""
    sdk.call(program, "models.list").ok()  # there is a session now
    upstream.on_chat = handler = Endless(
        ds, ds.START, *([ds.text("first")] if sdk.name == "python" else []))
    call = sdk.stream(program, options={"timeout": 1})
    error = call.failed("APITimeoutError", "APIConnectionTimeoutError")
    assert "APIConnectionError" in error.classes
    assert not is_complete(call)
    handler.check_gone()


# ---- breaking -------------------------------------------------------------

def begin(protocol):
    return [protocol.START, protocol.text("Half an "),
            protocol.text("answer")]


def reset(protocol):
    def handle(exchange):
        exchange.start(headers=protocol.HEADERS)
        for line in begin(protocol):
            exchange.send_chunk(line)
        exchange.reset()
    return handle


def broken_chunk(protocol):
    def handle(exchange):
        exchange.start(headers=protocol.HEADERS)
        for line in begin(protocol):
            exchange.send_chunk(line)
        exchange.send_raw(b"banana\r\n")
        exchange.wait_gone()
    return handle


def nonsense(protocol):
    return protocol.send_lines(
        *begin(protocol), {ds: b"0:oops\n", ui: b"data: oops\n\n"}[protocol])


# What: (a function of the protocol that makes the handler, words of the
# message, the error's code).
BROKEN = {
    "error line": (
        lambda p: p.send_lines(*begin(p), p.error("GPU on fire")),
        "GPU on fire", "upstream_error"),
    "rate limit": (
        lambda p: p.send_lines(*begin(p), p.error("Rate limit exceeded")),
        "Rate limit exceeded", "rate_limit_exceeded"),
    "context length": (
        lambda p: p.send_lines(*begin(p), p.error("maximum context length")),
        "maximum context length", "context_length_exceeded"),
    "error and end": (
        lambda p: p.send_lines(*begin(p), p.error("GPU on fire"),
                               *p.ends("error")),
        "GPU on fire", "upstream_error"),
    "error, text and a good end": (
        lambda p: p.send_lines(*begin(p), p.error("GPU on fire"),
                               p.text(", more"), *p.ends("stop")),
        "GPU on fire", "upstream_error"),
    "end without a finish": (
        lambda p: p.send_lines(*begin(p)), "broke off", "upstream_error"),
    "cut": (lambda p: p.cut_after(*begin(p)), "", "upstream_error"),
    "reset": (reset, "", "upstream_error"),
    "broken chunk": (broken_chunk, "", "upstream_error"),
    "nonsense": (nonsense, "not an answer", "upstream_error"),
    "finish is an error": (
        lambda p: p.send_lines(*begin(p), *p.ends("error")), "",
        "upstream_error"),
}

# What a whole answer raises, by the error's code.
CLASSES = {"upstream_error": ("InternalServerError", 502),
           "rate_limit_exceeded": ("RateLimitError", 429),
           "context_length_exceeded": ("BadRequestError", 400)}


def check_broken(call, words, code):
    """What a broken stream raises: the clients' base class, since there was
    a good status."""
    error = call.failed("APIError")
    assert words in error.text
    assert error.status is None
    assert error.code == code
    assert error.type
    assert not is_complete(call)


@pytest.mark.parametrize("name", BROKEN)
def test_stream_that_breaks_raises(sdk, program, upstream, protocol, name):
    make, words, code = BROKEN[name]
    upstream.on_chat = make(protocol)
    call = sdk.stream(program, stream_options={"include_usage": True})
    check_broken(call, words, code)
    # A reset may overtake the text before it.
    assert call.text() == "Half an answer" or name == "reset"
    line = program.wait_log("request", route="chat")
    assert line.get("end") == "cut"


@pytest.mark.parametrize("name", BROKEN)
def test_whole_answer_that_breaks_raises(sdk, program, upstream, protocol,
                                         name):
    make, words, code = BROKEN[name]
    upstream.on_chat = make(protocol)
    expected, status = CLASSES[code]
    error = sdk.chat(program).failed(expected)
    assert words in error.text
    assert (error.code, error.status) == (code, status)
    assert error.request_id


@pytest.mark.parametrize("name", ["error line", "cut"])
def test_stream_that_breaks_is_not_tried_again(sdk, program, upstream, name):
    upstream.on_chat = BROKEN[name][0](ds)
    sdk.stream(program, options={"max_retries": 2}).failed("APIError")
    assert upstream.count("chat") == 1


# The same for what the newer protocol alone has.
UI_BROKEN = {
    "abort": (ui.send_lines(*begin(ui), ui.part("abort", reason="No more"),
                            ui.DONE), "No more"),
    "abort without a reason": (
        ui.send_lines(*begin(ui), ui.part("abort"), ui.DONE), "aborted"),
    "no [DONE]": (ui.send_lines(*begin(ui), ui.step_end(), ui.message_end()),
                  "broke off"),
}


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("name", UI_BROKEN)
def test_break_of_the_newer_protocol_raises(sdk, program, upstream, name,
                                            stream):
    upstream.on_chat, words = UI_BROKEN[name]
    call = sdk.chat(program, stream=stream)
    if stream:
        check_broken(call, words, "upstream_error")
        assert call.text() == "Half an answer"
    else:
        assert words in call.failed("InternalServerError").text


@pytest.mark.parametrize("stream", [False, True])
def test_upstream_that_falls_silent_raises(sdk, start, upstream, protocol,
                                           stream):
    upstream.on_chat = Endless(protocol, *begin(protocol))
    program = start(SILENCE_TIMEOUT="1")
    call = sdk.chat(program, stream=stream)
    if stream:
        check_broken(call, "", "upstream_silence_timeout")
        assert call.text() == "Half an answer"
    else:
        error = call.failed("InternalServerError")
        assert (error.status, error.code) == (504, "upstream_silence_timeout")
    upstream.on_chat.check_gone()


# ---- failing behind a comment ---------------------------------------------

# What: (a function of the protocol that makes the handler, words, code).
LATE = {
    "error line": (lambda p: p.send_lines(p.START, p.error("GPU on fire")),
                   "GPU on fire", "upstream_error"),
    "rate limit": (lambda p: p.send_lines(p.error("Rate limit exceeded")),
                   "Rate limit", "rate_limit_exceeded"),
    "HTTP 500": (lambda p: ds.reply(500), "500", "upstream_error"),
}


@pytest.mark.parametrize("name", LATE)
def test_failure_behind_a_comment_raises(sdk, start, upstream, protocol,
                                         name):
    """The status was sent: there is no other for it, and no second try."""
    program = start(FIRST_COMMENT_DELAY="1")
    make, words, code = LATE[name]
    fail = make(protocol)

    def handle(exchange):
        time.sleep(1.5)
        fail(exchange)

    upstream.on_chat = handle
    call = sdk.stream(program, options={"max_retries": 2})
    check_broken(call, words, code)
    assert call.chunks == []
    assert upstream.count("chat") == 1


# ---- other ends -----------------------------------------------------------

def test_program_that_dies_raises(sdk, program, upstream):
    upstream.on_chat = Endless(ds, *begin(ds))
    call = sdk.begin_chat(program, stream=True)
    while call.text() != "Half an answer":
        call.next_chunk()
    program.kill()
    assert call.wait().error is not None
    assert not is_complete(call)


def test_stream_helper_raises(sdk, program, upstream):
    make, words, _ = BROKEN["error line"]
    upstream.on_chat = make(ds)
    named = {"model": "Meta-Llama-3-3-70B-Instruct",
             "messages": [{"role": "user", "content": "Hi"}]}
    error = sdk.call(program, "chat.completions.stream", named=named).failed(
        "APIError")
    assert words in error.text
