# SPDX-License-Identifier: AGPL-3.0-or-later
"""What the official clients get when all goes well. Those for Python hold
every answer against their own types; what these let pass is checked by the
system tests' shapes."""
import threading
import time

import pytest

from clients.sdk import MODEL
from support import datastream as ds
from support.endless import Endless
from support.shape import (check_completion, check_keys, check_stream,
                           is_integer)
from support.upstream import MODELS

TEXT = ("Grüße, 世界 \U0001f600\U0001f468\u200d\U0001f469 \u2028\u2029 "
        "\"quoted\" \\ back\\slash </script>\n\r\n\ttab\x7f end")
FINISHES = {"stop": "stop", "length": "length",
            "content-filter": "content_filter"}


def check_model(model):
    check_keys(model, {"id", "object", "created", "owned_by"},
               {"permission", "root", "parent", "name", "context_window"})
    assert model["object"] == "model"
    assert isinstance(model["id"], str) and isinstance(model["owned_by"], str)
    assert is_integer(model["created"])


# ---- models ---------------------------------------------------------------

def test_models_are_listed(sdk, program):
    call = sdk.call(program, "models.list").ok()
    check_keys(call.result, {"object", "data"})
    assert call.result["object"] == "list"
    for model in call.result["data"]:
        check_model(model)
    ids = [model["id"] for model in call.result["data"]]
    assert {"Meta-Llama-3-3-70B-Instruct", "openai/gpt-oss-120b"} <= set(ids)
    assert len(ids) == len(set(ids))


def test_every_listed_model_is_found(sdk, program):
    """openai/gpt-oss-120b among them, whose slash the clients escape."""
    models = sdk.call(program, "models.list").ok().result["data"]
    assert any("/" in model["id"] for model in models)
    for model in models:
        call = sdk.call(program, "models.retrieve", model["id"]).ok()
        assert call.result == model


@pytest.mark.parametrize("path", ["", "/", "/v1/", "/v1/v1"])
def test_base_url_of_any_form_works(sdk, program, path):
    base = f"http://127.0.0.1:{program.port}{path}"
    assert sdk.call(base, "models.list").ok().result["data"]
    check_completion(sdk.chat(base).ok().result)


# ---- whole answers --------------------------------------------------------

def test_completion_has_the_official_shape(sdk, program, upstream):
    call = sdk.chat(program).ok()
    message = check_completion(call.result)
    assert message["content"] == "Hello, world!"
    assert call.result["model"] == MODEL
    assert upstream.count("chat") == 1


def test_model_with_a_slash_answers(sdk, program, upstream):
    call = sdk.chat(program, model=MODELS[1]["id"]).ok()
    assert call.result["model"] == MODELS[1]["id"]
    assert upstream.chat_body()["model"] == MODELS[1]["id"]


def test_request_id_is_that_of_the_log(sdk, program):
    call = sdk.chat(program).ok()
    assert program.wait_log("request", id=call.request_id)


@pytest.mark.parametrize("name", FINISHES)
def test_finish_reason_is_told(sdk, program, upstream, protocol, name):
    upstream.on_chat = protocol.answer("x", reason=name)
    whole = sdk.chat(program).ok()
    check_completion(whole.result)
    assert whole.result["choices"][0]["finish_reason"] == FINISHES[name]
    streamed = sdk.stream(program).ok()
    assert check_stream(streamed.payloads()).finish == FINISHES[name]


def test_any_text_comes_through(sdk, program, upstream, protocol):
    upstream.on_chat = protocol.answer(*TEXT)
    assert check_completion(sdk.chat(program).ok().result)["content"] == TEXT
    assert check_stream(sdk.stream(program).ok().payloads()).text == TEXT


def test_any_text_goes_up(sdk, program, upstream):
    sdk.chat(program, TEXT).ok()
    assert upstream.chat_body()["messages"][0]["content"] == TEXT


def test_reasoning_stands_beside_the_text(sdk, program, upstream, protocol):
    """In a field of which the clients' own types do not know."""
    upstream.on_chat = protocol.send_lines(
        protocol.START, protocol.reasoning("Let me "),
        *map(protocol.text, ["<thi", "nk>see.</thi", "nk>", "42"]),
        *protocol.ends())
    message = check_completion(sdk.chat(program).ok().result)
    assert message["content"] == "42"
    assert message["reasoning_content"] == "Let me see."
    streamed = check_stream(sdk.stream(program).ok().payloads())
    assert (streamed.reasoning, streamed.text) == ("Let me see.", "42")


def test_answer_ends_before_a_stop_string(sdk, program, upstream, protocol):
    lines = [protocol.START, protocol.text("one t"), protocol.text("wo")]
    upstream.on_chat = Endless(protocol, *lines)
    [choice] = sdk.chat(program, stop=["two"]).ok().result["choices"]
    assert choice["message"]["content"] == "one "
    assert choice["finish_reason"] == "stop"
    upstream.on_chat.check_gone()
    upstream.on_chat = Endless(protocol, *lines)
    streamed = check_stream(sdk.stream(program, stop="two").ok().payloads())
    assert (streamed.text, streamed.finish) == ("one ", "stop")
    upstream.on_chat.check_gone()


def test_answer_is_cut_after_max_tokens(sdk, program, upstream, protocol):
    lines = [protocol.START, protocol.text("Hello, world!")]
    upstream.on_chat = Endless(protocol, *lines)
    call = sdk.chat(program, max_completion_tokens=2).ok()
    [choice] = call.result["choices"]
    assert choice["message"]["content"] == "Hello, w"
    assert choice["finish_reason"] == "length"
    assert call.result["usage"]["completion_tokens"] == 2
    upstream.on_chat.check_gone()
    upstream.on_chat = Endless(protocol, *lines)
    streamed = check_stream(sdk.stream(program, max_tokens=2).ok().payloads())
    assert (streamed.text, streamed.finish) == ("Hello, w", "length")
    upstream.on_chat.check_gone()


def test_fields_that_clients_send_pass(sdk, program):
    sdk.chat(program, temperature=0, top_p=1, n=1, stop=["x"], user="me",
             max_tokens=100, max_completion_tokens=100, seed=1,
             presence_penalty=0, frequency_penalty=0, logprobs=False,
             parallel_tool_calls=True, metadata={"a": "b"}, store=False,
             reasoning_effort="low", service_tier="auto").ok()


def test_messages_of_every_kind_pass(sdk, program, upstream):
    messages = [
        {"role": "developer", "content": "Be brief."},
        {"role": "user", "content": [{"type": "text", "text": "One"},
                                     {"type": "text", "text": " two"}]},
        {"role": "assistant", "content": "Three"},
        {"role": "user", "content": "Four"}]
    sdk.chat(program, messages=messages).ok()
    body = upstream.chat_body()
    assert body["system"] == "Be brief."
    assert [one["content"] for one in body["messages"]] == [
        "One two", "Three", "Four"]


# ---- streams --------------------------------------------------------------

def test_stream_has_the_official_shape(sdk, program):
    call = sdk.stream(program).ok()
    streamed = check_stream(call.payloads())
    assert streamed.text == "Hello, world!"
    assert streamed.finish == "stop"
    assert streamed.head[2] == MODEL


def test_usage_comes_last_when_it_is_asked_for(sdk, program, upstream,
                                               protocol):
    upstream.on_chat = protocol.answer("Hello", ", world!", prompt=11,
                                       completion=7)
    call = sdk.stream(program, stream_options={"include_usage": True}).ok()
    streamed = check_stream(call.payloads(), include_usage=True)
    assert streamed.text == "Hello, world!"
    assert streamed.usage == {"prompt_tokens": 11, "completion_tokens": 7,
                              "total_tokens": 18}
    assert sdk.chat(program).ok().result["usage"] == streamed.usage


def test_stream_without_usage_never_has_empty_choices(sdk, program):
    call = sdk.stream(program, stream_options={"include_usage": False}).ok()
    check_stream(call.payloads())
    assert all(chunk["choices"] for chunk in call.chunks)


def test_stream_is_not_held_back(sdk, program, upstream, protocol):
    read = threading.Event()

    def handle(exchange):
        exchange.start(headers=protocol.HEADERS)
        exchange.send_chunk(protocol.START + protocol.text("first"))
        exchange.wait(read)
        exchange.send_chunk(protocol.text(" second"))
        exchange.send_chunk(b"".join(protocol.ends()))
        exchange.end()

    upstream.on_chat = handle
    call = sdk.begin_chat(program, stream=True)
    while call.text() == "":
        call.next_chunk()
    read.set()
    assert check_stream(call.wait().ok().payloads()).text == "first second"


def test_comments_are_not_seen(sdk, start, upstream, protocol):
    """The silences before and in an answer are bridged with them."""
    program = start(FIRST_COMMENT_DELAY="1", COMMENT_INTERVAL="1")

    def handle(exchange):
        exchange.start(headers=protocol.HEADERS)
        for text in ("first", " second"):
            time.sleep(1.5)
            exchange.send_chunk(
                (protocol.START if text == "first" else b"") +
                protocol.text(text))
        exchange.send_chunk(b"".join(protocol.ends()))
        exchange.end()

    upstream.on_chat = handle
    call = sdk.stream(program, options={"max_retries": 2}).ok()
    assert check_stream(call.payloads()).text == "first second"
    assert upstream.count("chat") == 1


@pytest.mark.parametrize("usage", [False, True])
def test_stream_helper_gathers_the_answer(sdk, program, usage):
    """chat.completions.stream(), which puts the chunks together again."""
    named = {"model": MODEL, "messages": [{"role": "user", "content": "Hi"}],
             "stream_options": {"include_usage": usage}}
    call = sdk.call(program, "chat.completions.stream", named=named).ok()
    [choice] = call.result["choices"]
    assert choice["message"]["content"] == "Hello, world!"
    assert choice["message"]["role"] == "assistant"
    assert choice["finish_reason"] == "stop"
    assert (call.result.get("usage") is not None) == usage


def test_long_stream_comes_whole(sdk, program, upstream):
    words = [f"{number} " for number in range(3000)]
    upstream.on_chat = ds.answer(*words)
    call = sdk.stream(program).ok()
    assert check_stream(call.payloads()).text == "".join(words)


# ---- the demo -------------------------------------------------------------

def test_demo_answers(sdk, launch):
    demo = launch("--demo", DEMO_DELAY="0")
    models = sdk.call(demo, "models.list").ok().result["data"]
    for model in models:
        check_model(model)
    name = models[0]["id"]
    question = "What is 12*7?"
    message = check_completion(
        sdk.chat(demo, question, model=name).ok().result)
    assert "84" in message["content"]
    streamed = check_stream(
        sdk.stream(demo, question, model=name,
                   stream_options={"include_usage": True}).ok().payloads(),
        include_usage=True)
    assert streamed.text == message["content"]
