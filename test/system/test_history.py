# SPDX-License-Identifier: AGPL-3.0-or-later
"""Conversations as clients keep them: tools, refusals, system messages
alone. The site knows none of these, so they are told in words."""
import json

import pytest

USER = {"role": "user", "content": "Weather in Oslo?"}
SPECIAL = "<|endoftext|>"


def sent(program, upstream, *messages):
    """The body that a chat with these messages became."""
    response = program.post({"model": "AkashGen", "messages": messages})
    assert response.status == 200, response.read()
    return upstream.chat_body()


def turns(body):
    """What the model will read: (role, text) of each message."""
    for message in body["messages"]:
        assert message.keys() == {"id", "role", "content", "parts"}
        assert message["parts"] == [
            {"type": "text", "text": message["content"]}]
    return [(message["role"], message["content"])
            for message in body["messages"]]


def call(name, arguments="{}", ident="call_1"):
    return {"id": ident, "type": "function",
            "function": {"name": name, "arguments": arguments}}


def text(words):
    return {"type": "text", "text": words}


def test_calls_and_results_of_tools_are_told_in_words(program, upstream):
    body = sent(
        program, upstream, USER,
        {"role": "assistant", "content": None,
         "tool_calls": [call("get_weather", '{"city":"Oslo"}')]},
        {"role": "tool", "tool_call_id": "call_1", "content": "12 degrees"},
        {"role": "assistant", "content": "12 degrees."}, USER)
    assert turns(body) == [
        ("user", "Weather in Oslo?"),
        ("assistant",
         '[Called tool get_weather (call_1) with {"city":"Oslo"}]'),
        ("user", "[Result of tool get_weather (call_1)]\n12 degrees"),
        ("assistant", "12 degrees."), ("user", "Weather in Oslo?")]


def test_results_that_follow_each_other_are_one_message(program, upstream):
    body = sent(
        program, upstream, USER,
        {"role": "assistant", "content": "I look.",
         "tool_calls": [call("a", "", "1"), call("b", "[1]", "2")]},
        {"role": "tool", "tool_call_id": "2", "content": "B"},
        {"role": "tool", "tool_call_id": "1", "content": [
            {"type": "text", "text": "A"}, {"type": "text", "text": "!"}]},
        {"role": "user", "content": "So?"})
    assert turns(body) == [
        ("user", "Weather in Oslo?"),
        ("assistant", "I look.\n\n[Called tool a (1) with nothing]\n"
                      "[Called tool b (2) with [1]]"),
        ("user", "[Result of tool b (2)]\nB\n\n[Result of tool a (1)]\nA!"),
        ("user", "So?")]


def test_calls_and_results_of_functions_too(program, upstream):
    """The older form of tools."""
    body = sent(
        program, upstream, USER,
        {"role": "assistant", "content": None,
         "function_call": {"name": "f", "arguments": "{}"}},
        {"role": "function", "name": "f", "content": None})
    assert turns(body)[1:] == [
        ("assistant", "[Called tool f with {}]"),
        ("user", "[Result of tool f]\n")]


@pytest.mark.parametrize("made, told", [
    (call("f", {"a": [1, "ü"]}), '[Called tool f (call_1) with '
                                 '{"a":[1,"ü"]}]'),
    (call("f", None), "[Called tool f (call_1) with nothing]"),
    ({"function": {"name": "f"}}, "[Called tool f with nothing]"),
    ({"id": "c", "type": "custom",
      "custom": {"name": "f", "input": "raw"}}, "[Called tool f (c) with raw]"),
])
def test_other_spellings_of_a_call(program, upstream, made, told):
    body = sent(program, upstream, USER,
                {"role": "assistant", "tool_calls": [made]}, USER)
    assert turns(body)[1] == ("assistant", told)


@pytest.mark.parametrize("result, told", [
    ({"content": "x"}, "[Result of tool]\nx"),
    ({"content": "x", "tool_call_id": "gone"},
     "[Result of tool (gone)]\nx"),
    ({"content": "x", "tool_call_id": "c", "name": "f"},
     "[Result of tool f (c)]\nx"),
    ({"tool_call_id": "c"}, "[Result of tool (c)]\n"),
    ({"tool_call_id": 5, "content": []}, "[Result of tool]\n"),
])
def test_results_of_calls_that_are_not_there(program, upstream, result, told):
    body = sent(program, upstream, USER, {"role": "tool", **result})
    assert turns(body)[1:] == [("user", told)]


def test_very_long_name_is_not_repeated_with_results(program, upstream):
    """Or a small request could become a very large one."""
    name = "f" * 100_000
    body = sent(program, upstream, USER,
                {"role": "assistant", "tool_calls": [call(name)]},
                *[{"role": "tool", "tool_call_id": "call_1", "content": "x"}]
                * 4_000)
    assert len(json.dumps(body)) < 2_000_000
    assert name in body["messages"][1]["content"]


def test_special_tokens_of_tools_stand_in_parts_alone(program, upstream):
    body = sent(program, upstream, USER,
                {"role": "assistant", "tool_calls": [call("f", SPECIAL)]},
                {"role": "tool", "tool_call_id": "call_1",
                 "content": SPECIAL})
    for message in body["messages"][1:]:
        assert SPECIAL not in message["content"]
        assert SPECIAL in message["parts"][0]["text"]


@pytest.mark.parametrize("message, told", [
    ({"content": None, "refusal": "No."}, "No."),
    ({"content": "Well.", "refusal": "No."}, "Well.\n\nNo."),
    ({"content": "Yes.", "refusal": None}, "Yes."),
    ({"content": [{"type": "refusal", "refusal": "No."}]}, "No."),
    ({"content": [{"type": "text", "text": "Well, "},
                  {"type": "refusal", "refusal": "no."}]}, "Well, no."),
    ({"content": None, "tool_calls": []}, ""),
    ({"content": None, "tool_calls": None, "function_call": None,
      "audio": None, "annotations": []}, ""),
    ({"content": ""}, ""),
    ({"content": []}, ""),
    ({"content": "<think>Hm.</think>\n\nIn Oslo."}, "In Oslo."),
    ({"content": " \n<think>\n<think>a\n</think>b</think> c"}, "b</think> c"),
    ({"content": "<think></think>"}, ""),
    ({"content": "<think>Hm."}, "<think>Hm."),
    ({"content": "Write <think>x</think>."}, "Write <think>x</think>."),
    ({"content": "<Think>x</Think>y"}, "<Think>x</Think>y"),
    ({"content": "<thin"}, "<thin"),
    ({"content": " \n"}, " \n"),
    ({"content": "<think>\0</think>\0 a"}, "\0 a"),
    ({"content": [text("<think>hmm</think>hello")]}, "hello"),
    ({"content": [text("<think>hmm</think>\n"), text("\nhello")]}, "hello"),
    ({"content": [text("<think>h"), text("mm</think>hel"), text("lo")]},
     "hello"),
    ({"content": [text(""), text("\n<think>hmm</think>hello")]}, "hello"),
    ({"content": [text("a "), text("<think>hmm</think>hello")]},
     "a <think>hmm</think>hello"),
    ({"content": [text("<think>hmm")]}, "<think>hmm"),
    ({"content": [{"type": "thinking", "thinking": "hmm", "signature": "x"},
                  text("hello")]}, "hello"),
    ({"content": [{"type": "redacted_thinking", "data": "x"},
                  {"type": "reasoning", "text": "hmm"},
                  {"type": "reasoning", "summary": []},
                  text("hello")]}, "hello"),
    ({"content": [{"type": "thinking"}]}, ""),
])
def test_what_assistants_said_and_did_not_say(program, upstream, message,
                                              told):
    body = sent(program, upstream, USER, {"role": "assistant", **message},
                USER)
    assert turns(body)[1] == ("assistant", told)


def test_users_may_write_about_thinking(program, upstream):
    content = "<think>What does this tag do?</think> Tell me."
    body = sent(program, upstream, {"role": "user", "content": content})
    assert turns(body) == [("user", content)]


def test_conversation_may_end_with_the_assistant(program, upstream):
    body = sent(program, upstream, USER,
                {"role": "assistant", "content": "In Oslo it"})
    assert turns(body)[-1] == ("assistant", "In Oslo it")


def test_system_message_alone_is_the_question(program, upstream):
    """The site refuses a conversation without any message."""
    body = sent(program, upstream, {"role": "system", "content": "Say hi."})
    assert turns(body) == [("user", "Say hi.")]
    assert body["system"] == " "


def test_last_of_system_messages_alone_is_the_question(program, upstream):
    body = sent(program, upstream,
                {"role": "system", "content": "Be brief."},
                {"role": "developer", "content": [
                    {"type": "text", "text": "Say hi."}]})
    assert turns(body) == [("user", "Say hi.")]
    assert body["system"] == "Be brief."


def test_fields_that_only_other_roles_have_say_nothing(program, upstream):
    body = sent(program, upstream,
                {**USER, "refusal": "x", "name": "Ann",
                 "tool_calls": [call("f")], "tool_call_id": "c"})
    assert turns(body) == [("user", "Weather in Oslo?")]
