# SPDX-License-Identifier: AGPL-3.0-or-later
"""X-Ignored-Parameters names what was accepted and has no effect; it is
there for answers of every kind, and not where there is nothing to name."""
import pytest

from support import ask
from support import datastream as ds
from support.client import chat_body

TOOL = {"type": "function", "function": {"name": "f", "parameters": {}}}

# What: (fields, the header's value).
IGNORED = {
    "one": ({"seed": 7}, "seed"),
    "all that are known": (
        {"service_tier": "flex", "seed": 1, "user": "ann", "store": True,
         "presence_penalty": 1, "frequency_penalty": -1.5,
         "logit_bias": {"1": 2}, "metadata": {"a": "b"},
         "reasoning_effort": "high", "verbosity": "low",
         "prediction": {"type": "content", "content": "x"},
         "prompt_cache_key": "k", "safety_identifier": "s"},
        "seed, presence_penalty, frequency_penalty, logit_bias, user, "
        "metadata, store, reasoning_effort, verbosity, prediction, "
        "service_tier, prompt_cache_key, safety_identifier"),
    "tools": ({"tools": [TOOL], "tool_choice": "auto",
               "parallel_tool_calls": False}, "tools, parallel_tool_calls"),
    "unknown ones, behind": (
        {"top_k": 40, "seed": 1, "min_p": 0.1}, "seed, top_k, min_p"),
    "a name that is no header's": (
        {"x\r\ny: z": 1, "seed": 1}, "seed, ..."),
    "too many": (
        {f"f{i}": 1 for i in range(21)},
        ", ".join(f"f{i}" for i in range(20)) + ", ..."),
}

NOTHING = {
    "nothing": {},
    "what is done": {"stop": "x", "max_tokens": 9, "temperature": 0.5,
                     "top_p": 0.5, "max_completion_tokens": 9},
    "what asks for nothing": {
        "seed": None, "user": "", "logit_bias": {}, "metadata": {},
        "presence_penalty": 0, "frequency_penalty": 0, "store": False,
        "tools": [], "parallel_tool_calls": True, "service_tier": "auto",
        "verbosity": "medium", "n": 1, "logprobs": False,
        "modalities": ["text"], "response_format": {"type": "text"},
        "top_k": None},
}

HEADER = "X-Ignored-Parameters"


def ask_with(program, stream, fields):
    return program.post(chat_body(stream=stream, **fields))


@pytest.mark.parametrize("name", IGNORED)
def test_ignored_fields_are_named(program, stream, name):
    fields, expected = IGNORED[name]
    response = ask_with(program, stream, fields)
    assert (response.status, response.header(HEADER)) == (200, expected)


@pytest.mark.parametrize("name", NOTHING)
def test_no_header_where_nothing_is_ignored(program, stream, name):
    response = ask_with(program, stream, NOTHING[name])
    assert (response.status, response.header(HEADER)) == (200, None)


def test_options_of_streams(program):
    options = {"include_usage": True, "include_obfuscation": True}
    response, _ = program.stream(stream_options=options)
    assert response.header(HEADER) == "stream_options.include_obfuscation"


@pytest.mark.parametrize("value, named", [
    ({"seed": 7, "user": "ann"}, "seed, user"), ({}, None)])
def test_completions_have_it_too(program, stream, value, named):
    response = ask.post_completion(program, stream=stream, **value)
    assert (response.status, response.header(HEADER)) == (200, named)


def test_failed_answer_names_them_too(program, upstream, stream):
    upstream.on_chat = ds.send_lines(ds.error("Oh no"))
    response = ask_with(program, stream, {"seed": 7})
    assert (response.status, response.header(HEADER)) == (502, "seed")


def test_head_that_goes_out_early_names_them(start, upstream):
    program = start(FIRST_COMMENT_DELAY="1")
    upstream.on_chat = lambda exchange: exchange.wait_gone()
    response = program.open_stream(seed=7)
    with response.connection:
        assert (response.status, response.header(HEADER)) == (200, "seed")


def test_web_pages_may_read_it(program, stream):
    origin = [("Origin", "http://localhost:3000")]
    response = program.post(chat_body(stream=stream, seed=7), origin)
    assert response.header("Access-Control-Allow-Origin") is not None
    exposed = response.header("Access-Control-Expose-Headers").split(",")
    assert "x-ignored-parameters" in [
        name.strip().lower() for name in exposed]
    assert response.header(HEADER) == "seed"
