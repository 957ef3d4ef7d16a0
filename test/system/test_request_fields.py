# SPDX-License-Identifier: AGPL-3.0-or-later
"""Fields that the site does not know: refused where leaving them out would
change what the answer is, accepted where it would not."""
import pytest

from support.client import chat_body
from support.shape import check_completion, check_error

TOOL = {"type": "function", "function": {"name": "f", "parameters": {}}}
NAMED = {"type": "function", "function": {"name": "f"}}

REFUSED = [
    ("n", {"n": 2}),
    ("logprobs", {"logprobs": True}),
    ("top_logprobs", {"top_logprobs": 3}),
    ("modalities", {"modalities": ["text", "audio"]}),
    ("audio", {"audio": {"voice": "alloy", "format": "wav"}}),
    ("response_format", {"response_format": {"type": "json_object"}}),
    ("response_format", {"response_format": {
        "type": "json_schema", "json_schema": {"name": "x", "schema": {}}}}),
    ("tool_choice", {"tools": [TOOL], "tool_choice": "required"}),
    ("tool_choice", {"tools": [TOOL], "tool_choice": NAMED}),
    ("function_call", {"functions": [{"name": "f"}],
                       "function_call": {"name": "f"}}),
    ("web_search_options", {"web_search_options": {}}),
]

ACCEPTED = [
    {"tools": [TOOL]},
    {"tools": [TOOL], "tool_choice": "auto"},
    {"tools": [TOOL], "tool_choice": "none", "parallel_tool_calls": False},
    {"functions": [{"name": "f"}], "function_call": "auto"},
    {"n": 1, "logprobs": False, "top_logprobs": 0, "modalities": ["text"],
     "response_format": {"type": "text"}},
    {"seed": 1, "presence_penalty": -2, "frequency_penalty": 2,
     "logit_bias": {"1": 2}, "user": "ann", "metadata": {"a": "b"},
     "store": True, "reasoning_effort": "high", "verbosity": "low",
     "service_tier": "priority", "prompt_cache_key": "k",
     "safety_identifier": "s"},
    {"stream_options": {"include_usage": True, "include_obfuscation": True}},
    {"stop": ""}, {"stop": []}, {"stop": "x"},
    {"stop": ["a", "b", "c", "d", "e"]},
    {"max_tokens": 100}, {"max_completion_tokens": 100},
]

MALFORMED = [
    ("n", "invalid_value", 0), ("n", "invalid_value", 1.5),
    ("n", "invalid_type", "1"), ("logprobs", "invalid_type", 1),
    ("max_tokens", "invalid_value", 0), ("max_tokens", "invalid_value", -1),
    ("max_tokens", "invalid_value", 1.5), ("max_tokens", "invalid_type", "5"),
    ("max_completion_tokens", "invalid_value", 0),
    ("stop", "invalid_type", 1), ("stop", "invalid_type", {}),
    ("stop", "invalid_value", [str(i) for i in range(17)]),
    ("presence_penalty", "invalid_value", 2.5),
    ("frequency_penalty", "invalid_value", -2.5),
    ("frequency_penalty", "invalid_type", "0"),
    ("response_format", "invalid_type", "json_object"),
]


@pytest.mark.parametrize("param, fields", REFUSED)
def test_field_that_changes_the_answer_is_refused(program, upstream, param,
                                                  fields):
    for stream in (False, True):
        message = check_error(program.post(chat_body(stream=stream, **fields)),
                              400, "unsupported_value", param)
        assert param in message
    assert upstream.count("chat") == 0


@pytest.mark.parametrize("param, code, value", MALFORMED)
def test_malformed_field_is_refused(program, upstream, param, code, value):
    check_error(program.chat(**{param: value}), 400, code, param)
    assert upstream.count("chat") == 0


@pytest.mark.parametrize("fields", ACCEPTED)
def test_field_that_does_not_is_accepted(program, upstream, fields):
    check_completion(program.chat(**fields).json())
    assert upstream.chat_body().keys() == {
        "id", "messages", "model", "system", "temperature", "topP", "context"}
