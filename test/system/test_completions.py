# SPDX-License-Identifier: AGPL-3.0-or-later
"""POST /v1/completions: the prompt is one message of a user, the answer a
text_completion; the rules are those of chats."""
import json
import threading

import pytest

from support import GUARD_S, ask
from support import datastream as ds
from support.endless import Endless
from support.shape import (check_error, check_error_body, check_keys,
                           check_text_completion, check_text_stream)

PATH = "/v1/completions"


def stream_without_usage(program, **fields):
    response = ask.open_completion(program, **fields)
    with response.connection:
        assert response.status == 200
        assert response.header("Content-Type").startswith("text/event-stream")
        return response.events().rest()


# ---- answers --------------------------------------------------------------

def test_whole_answer(program, upstream, protocol):
    upstream.on_chat = protocol.answer("Hello", ", world!", prompt=2,
                                       completion=4)
    response = ask.post_completion(program)
    assert response.status == 200
    assert response.header("Content-Type") == "application/json"
    value = response.json()
    assert check_text_completion(value) == {
        "text": "Hello, world!", "index": 0, "logprobs": None,
        "finish_reason": "stop"}
    assert value["model"] == ask.MODEL
    assert value["usage"]["total_tokens"] == 6


def test_stream(program, upstream, protocol):
    """A frame for each text, one with the finish, [DONE]; no role."""
    upstream.on_chat = protocol.answer("Hello", ", world!")
    payloads = stream_without_usage(program)
    streamed = check_text_stream(payloads)
    assert (streamed.text, streamed.finish) == ("Hello, world!", "stop")
    assert len(payloads) == 4


def test_usage_of_a_stream(program, upstream, protocol):
    upstream.on_chat = protocol.answer("x", prompt=2, completion=4)
    answer = ask.completion(program, True)
    assert answer.usage == {"prompt_tokens": 2, "completion_tokens": 4,
                            "total_tokens": 6}


def test_estimated_usage(program, upstream, protocol, stream):
    upstream.on_chat = protocol.answer("x" * 40)
    answer = ask.completion(program, stream, prompt="äö" * 20)
    assert answer.usage == {"prompt_tokens": 20, "completion_tokens": 10,
                            "total_tokens": 30}


@pytest.mark.parametrize("texts, expected", [
    ([" a", "\n", "b \n"], " a\nb \n"), ([], ""),
    (["\"\\\n\0", "Grüße 漢\ud83d", "\ude00"], "\"\\\n\0Grüße 漢😀")])
def test_text_is_untouched(program, upstream, protocol, stream, texts,
                           expected):
    upstream.on_chat = protocol.answer(*texts)
    assert ask.completion(program, stream).text == expected


@pytest.mark.parametrize("reason, finish", [
    ("length", "length"), ("content-filter", "content_filter"),
    ("other", "stop"), ("unknown", "stop"), ("tool-calls", "stop")])
def test_finish_reason(program, upstream, protocol, stream, reason, finish):
    upstream.on_chat = protocol.answer("x", reason=reason)
    assert ask.completion(program, stream).finish == finish


# What: the text of an answer with reasoning, apart and between tags.
REASONING = {"field": " four.", "drop": " four.",
             "tags": "<think>H</think><think>m.</think> four."}


@pytest.mark.parametrize("mode", REASONING)
def test_reasoning_has_no_field(start, upstream, protocol, stream, mode):
    program = start(REASONING=mode)
    upstream.on_chat = protocol.send_lines(
        protocol.START, protocol.reasoning("H"),
        *map(protocol.text, ["<thi", "nk>m.</think>", " four."]),
        *protocol.ends())
    assert ask.completion(program, stream).text == REASONING[mode]


# ---- what is done here ----------------------------------------------------

@pytest.mark.parametrize("stop", ["two", ["x", "two"]])
def test_stop(program, upstream, protocol, stream, stop):
    upstream.on_chat = Endless(
        protocol, protocol.START, protocol.text("one t"),
        protocol.text("wo three"))
    answer = ask.completion(program, stream, stop=stop)
    assert (answer.text, answer.finish) == ("one ", "stop")
    upstream.on_chat.check_gone()


def test_max_tokens(program, upstream, protocol, stream):
    upstream.on_chat = Endless(
        protocol, protocol.START, more=protocol.text("Hello "))
    answer = ask.completion(program, stream, max_tokens=2)
    assert (answer.text, answer.finish) == ("Hello He", "length")
    assert answer.usage["completion_tokens"] == 2
    upstream.on_chat.check_gone()


def test_without_max_tokens_the_answer_is_whole(program, upstream, protocol,
                                                stream):
    """OpenAI's own API would end it after 16 tokens."""
    upstream.on_chat = protocol.answer("x" * 1000)
    assert len(ask.completion(program, stream).text) == 1000


# ---- what goes up ---------------------------------------------------------

@pytest.mark.parametrize("prompt, sent", [
    ("Once upon", "Once upon"), (["Once upon"], "Once upon"),
    (" a\n\"漢😀\" ", " a\n\"漢😀\" "), ("", "")])
def test_prompt_is_one_message_of_a_user(program, upstream, prompt, sent):
    assert ask.completion(program, False, prompt=prompt,
                          temperature=0.5).finish == "stop"
    body = upstream.chat_body()
    [message] = body["messages"]
    assert message["role"] == "user" and message["content"] == sent
    assert message["parts"] == [{"type": "text", "text": sent}]
    assert (body["model"], body["temperature"]) == (ask.MODEL, 0.5)
    assert body["system"] == " "


def test_aliases_hold(start, upstream):
    program = start(MODEL_ALIASES=f"davinci={ask.MODEL}")
    answer = ask.completion(program, False, model="davinci")
    assert answer.head[2] == ask.MODEL
    assert upstream.chat_body()["model"] == ask.MODEL


def test_log_names_the_route(program):
    response = ask.post_completion(program)
    access = program.access(response)
    assert access.get("path") == PATH
    assert access.get("end") == "done"


# ---- refusals -------------------------------------------------------------

# What: (fields, code, param).
REFUSED = {
    "no prompt": ({"prompt": None}, "missing_required_parameter", "prompt"),
    "prompt of no type": ({"prompt": 1}, "invalid_type", "prompt"),
    "empty list": ({"prompt": []}, "invalid_value", "prompt"),
    "list of two": ({"prompt": ["a", "b"]}, "unsupported_value", "prompt"),
    "tokens": ({"prompt": [1, 2]}, "unsupported_value", "prompt"),
    "list of tokens": ({"prompt": [[1, 2]]}, "unsupported_value", "prompt"),
    "list of no texts": ({"prompt": [None]}, "invalid_type", "prompt[0]"),
    "n": ({"n": 2}, "unsupported_value", "n"),
    "best_of": ({"best_of": 2}, "unsupported_value", "best_of"),
    "logprobs": ({"logprobs": 0}, "unsupported_value", "logprobs"),
    "echo": ({"echo": True}, "unsupported_value", "echo"),
    "suffix": ({"suffix": " end"}, "unsupported_value", "suffix"),
    "temperature": ({"temperature": 3}, "invalid_value", "temperature"),
    "max_tokens": ({"max_tokens": 0}, "invalid_value", "max_tokens"),
    "stop": ({"stop": 1}, "invalid_type", "stop"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refusal(program, upstream, stream, name):
    fields, code, param = REFUSED[name]
    response = ask.post_completion(program, stream=stream, **fields)
    check_error(response, 400, code, param)
    assert upstream.count("chat") == 0


@pytest.mark.parametrize("fields", [
    {"n": 1, "best_of": 1}, {"logprobs": None}, {"echo": False},
    {"suffix": ""}, {"suffix": None}])
def test_what_asks_for_nothing_passes(program, stream, fields):
    assert ask.completion(program, stream, **fields).text == "Hello, world!"


def test_unknown_model(program, stream):
    assert program.get("/v1/models").status == 200  # the list is there now
    response = ask.post_completion(program, model="gpt-0", stream=stream)
    check_error(response, 404, "model_not_found", "model")


def test_key_is_asked_for(start, upstream):
    program = start(BEARER_TOKEN="right")
    wrong = [("Authorization", "Bearer wrong")]
    check_error(ask.post_completion(program, headers=wrong), 401,
                "invalid_api_key")
    assert upstream.count("chat") == 0
    key = [("Authorization", "Bearer right")]
    assert ask.post_completion(program, headers=key).status == 200


def test_other_method(program):
    response = program.get(PATH)
    check_error(response, 405, "method_not_allowed")
    assert response.header("Allow") == "POST, OPTIONS"


# ---- failures -------------------------------------------------------------

@pytest.mark.parametrize("words, status, code", [
    ("Rate limit reached", 429, "rate_limit_exceeded"),
    ("maximum context length", 400, "context_length_exceeded"),
    ("Oh no", 502, "upstream_error")])
def test_error_first(program, upstream, protocol, stream, words, status,
                     code):
    upstream.on_chat = protocol.send_lines(
        protocol.START, protocol.error(words))
    response = ask.post_completion(program, stream=stream)
    assert check_error(response, status, code) == words


def failing(protocol, *lines):
    return [protocol.START, protocol.text("Partial"),
            protocol.text(" answer"), *lines]


def check_failed_text_stream(response):
    """Texts, one error event, the end; no finish, no [DONE]."""
    *payloads, last = response.events().rest()
    choices = []
    for payload in payloads:
        frame = json.loads(payload)
        check_keys(frame, {"id", "object", "created", "model", "choices"})
        choices += frame["choices"]
    assert [one["text"] for one in choices] == ["Partial", " answer"]
    assert all(one["finish_reason"] is None for one in choices)
    assert response.connection.is_closed()
    return check_error_body(json.loads(last))


def test_error_in_mid_stream(program, upstream, protocol):
    upstream.on_chat = protocol.send_lines(
        *failing(protocol, protocol.error("Rate limit"),
                 protocol.text("more"), *protocol.ends()))
    response = ask.open_completion(program)
    with response.connection:
        error = check_failed_text_stream(response)
    assert error["code"] == "rate_limit_exceeded"


def test_cut_in_mid_stream(program, upstream, protocol):
    upstream.on_chat = protocol.cut_after(*failing(protocol))
    response = ask.open_completion(program)
    with response.connection:
        error = check_failed_text_stream(response)
    assert error["code"] == "upstream_error"


@pytest.mark.parametrize("cut", [False, True])
def test_half_a_whole_answer_is_an_error(program, upstream, protocol, cut):
    lines = failing(protocol)
    upstream.on_chat = protocol.cut_after(*lines) if cut else \
        protocol.send_lines(*lines, protocol.error("Oh no"))
    check_error(ask.post_completion(program), 502, "upstream_error")


def test_silent_upstream(start, upstream, stream):
    program = start(FIRST_EVENT_TIMEOUT="1")
    upstream.on_chat = lambda exchange: exchange.wait_gone()
    response = ask.post_completion(program, stream=stream)
    check_error(response, 504, "upstream_first_event_timeout")


def test_client_that_leaves(program, upstream):
    gone = threading.Event()

    def handle(exchange):
        exchange.start()
        exchange.send_chunk(ds.text("one"))
        exchange.wait_gone()
        gone.set()

    upstream.on_chat = handle
    response = ask.open_completion(program)
    with response.connection:
        assert '"one"' in response.events().next()
    assert gone.wait(GUARD_S)
    assert program.access(response).get("end") == "client_gone"
