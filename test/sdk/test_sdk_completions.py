# SPDX-License-Identifier: AGPL-3.0-or-later
"""completions.create of the official clients. Those for Python hold whole
answers against their own types. A stream's frames cannot be: finish_reason is
never null in the types, and null in all frames but one of OpenAI's own."""
import pytest

from clients.sdk import MODEL
from support import datastream as ds
from support.endless import Endless
from support.shape import check_text_completion, check_text_stream


def create(sdk, server, prompt="Hi", options=None, **fields):
    """A call of completions.create to its end."""
    named = {"model": MODEL, "prompt": prompt, **fields}
    return sdk.call(server, "completions.create", named=named,
                    strict=not fields.get("stream"), **options or {})


def test_whole_answer(sdk, program, upstream, protocol):
    upstream.on_chat = protocol.answer("Hello", ", 世界!", prompt=2,
                                       completion=4)
    call = create(sdk, program).ok()
    assert check_text_completion(call.result)["text"] == "Hello, 世界!"
    assert call.result["usage"]["total_tokens"] == 6
    assert program.wait_log("request", id=call.request_id)


@pytest.mark.parametrize("usage", [False, True])
def test_stream(sdk, program, upstream, protocol, usage):
    upstream.on_chat = protocol.answer("Hello", ", 世界!")
    call = create(sdk, program, stream=True,
                  stream_options={"include_usage": usage}).ok()
    streamed = check_text_stream(call.payloads(), include_usage=usage)
    assert (streamed.text, streamed.finish) == ("Hello, 世界!", "stop")


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("fields, text, finish", [
    ({"stop": ["two"]}, "one ", "stop"), ({"max_tokens": 1}, "one ",
                                          "length")])
def test_answer_that_is_cut(sdk, program, upstream, protocol, stream, fields,
                            text, finish):
    upstream.on_chat = Endless(
        protocol, protocol.START, protocol.text("one t"),
        protocol.text("wo three"))
    call = create(sdk, program, stream=stream, **fields).ok()
    if stream:
        streamed = check_text_stream(call.payloads())
        assert (streamed.text, streamed.finish) == (text, finish)
    else:
        choice = check_text_completion(call.result)
        assert (choice["text"], choice["finish_reason"]) == (text, finish)
    upstream.on_chat.check_gone()


def test_prompt_goes_up(sdk, program, upstream):
    create(sdk, program, ["Grüße, \"世界\"\n"]).ok()
    [message] = upstream.chat_body()["messages"]
    assert message["role"] == "user"
    assert message["content"] == "Grüße, \"世界\"\n"


# What: (fields, param).
REFUSED = {"two prompts": ({"prompt": ["a", "b"]}, "prompt"),
           "tokens": ({"prompt": [1, 2]}, "prompt"),
           "n": ({"n": 2}, "n"), "best_of": ({"best_of": 2}, "best_of"),
           "logprobs": ({"logprobs": 1}, "logprobs"),
           "echo": ({"echo": True}, "echo"),
           "suffix": ({"suffix": "x"}, "suffix")}


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("name", REFUSED)
def test_refusal(sdk, program, upstream, name, stream):
    fields, param = REFUSED[name]
    error = create(sdk, program, stream=stream, **fields).failed(
        "BadRequestError")
    assert (error.status, error.code) == (400, "unsupported_value")
    assert error.param == param
    assert upstream.count("chat") == 0


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("words, expected, code", [
    ("Rate limit reached", "RateLimitError", "rate_limit_exceeded"),
    ("context length", "BadRequestError", "context_length_exceeded"),
    ("Model not found", "NotFoundError", "model_not_found"),
    ("Oh no", "InternalServerError", "upstream_error")])
def test_error_first(sdk, program, upstream, protocol, words, expected, code,
                     stream):
    upstream.on_chat = protocol.send_lines(
        protocol.START, protocol.error(words))
    error = create(sdk, program, stream=stream).failed(expected)
    assert error.code == code and words in error.text
    assert error.request_id


# What: a function of the protocol and an answer's beginning.
BROKEN = {
    "error": lambda p, lines: p.send_lines(*lines, p.error("Rate limit"),
                                           p.text("more"), *p.ends()),
    "end": lambda p, lines: p.send_lines(*lines),
    "cut": lambda p, lines: p.cut_after(*lines),
}


@pytest.mark.parametrize("name", BROKEN)
def test_answer_that_breaks(sdk, program, upstream, protocol, name):
    upstream.on_chat = BROKEN[name](
        protocol, [protocol.START, protocol.text("Half an answer")])
    call = create(sdk, program, stream=True, options={"max_retries": 2})
    error = call.failed("APIError")
    assert error.status is None
    assert error.code == ("rate_limit_exceeded" if name == "error" else
                          "upstream_error")
    [chunk] = call.chunks
    [choice] = chunk["choices"]
    assert (choice["text"], choice["finish_reason"]) == (
        "Half an answer", None)
    assert upstream.count("chat") == 1


@pytest.mark.parametrize("name", BROKEN)
def test_half_a_whole_answer_raises(sdk, program, upstream, protocol, name):
    upstream.on_chat = BROKEN[name](
        protocol, [protocol.START, protocol.text("Half an answer")])
    create(sdk, program).failed(
        "RateLimitError" if name == "error" else "InternalServerError")


def test_left_stream_ends_at_the_upstream(sdk, program, upstream):
    upstream.on_chat = Endless(ds, ds.START, ds.text("first"))
    call = create(sdk, program, stream=True,
                  options={"leave_after": 1}).ok()
    assert call.chunks[0]["choices"][0]["text"] == "first"
    upstream.on_chat.check_gone()
