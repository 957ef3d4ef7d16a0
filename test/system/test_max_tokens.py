# SPDX-License-Identifier: AGPL-3.0-or-later
"""max_tokens and max_completion_tokens, which the site does not know: the
answer is cut after so many tokens, by the estimate of four bytes each."""
import pytest

from support import ask
from support.endless import Endless

FIELDS = ["max_tokens", "max_completion_tokens"]

# What: (texts, limit, what is left of them). None of them fits.
CUT = {
    "one token": (["Hello"], 1, "Hell"),
    "between two frames": (["Hell", "o wo", "rld"], 2, "Hello wo"),
    "within a frame": (["H", "ello world"], 2, "Hello wo"),
    "before a character that does not fit": (["abcdef漢x"], 2, "abcdef"),
    "behind one that does": (["abcde漢x"], 2, "abcde漢"),
    "not within a pair": (["abcdef😀x"], 2, "abcdef"),
    "escapes are one byte": (['"\\\n\x01abcd'], 1, '"\\\n\x01'),
}


@pytest.mark.parametrize("field", FIELDS)
@pytest.mark.parametrize("name", CUT)
def test_answer_is_cut(program, upstream, protocol, stream, name, field):
    """At once, although the upstream would go on for ever."""
    texts, limit, expected = CUT[name]
    upstream.on_chat = Endless(
        protocol, protocol.START, *map(protocol.text, texts))
    answer = ask.chat(program, stream, **{field: limit})
    assert (answer.text, answer.finish) == (expected, "length")
    upstream.on_chat.check_gone()


def test_usage_is_at_most_the_limit(program, upstream, protocol, stream):
    upstream.on_chat = Endless(protocol, protocol.START,
                               more=protocol.text("漢字 and more. "))
    answer = ask.chat(program, stream, content="q" * 80, max_tokens=50)
    assert answer.finish == "length"
    assert 190 <= len(answer.text.encode()) <= 200
    assert answer.usage["prompt_tokens"] == 20
    assert 48 <= answer.usage["completion_tokens"] <= 50
    upstream.on_chat.check_gone()


@pytest.mark.parametrize("limit", [3, 4, 1 << 40])
def test_answer_that_fits_is_whole(program, upstream, protocol, stream,
                                   limit):
    upstream.on_chat = protocol.answer("Hello", " world!", reason="stop",
                                       prompt=5, completion=7)
    answer = ask.chat(program, stream, max_tokens=limit)
    assert (answer.text, answer.finish) == ("Hello world!", "stop")
    assert answer.usage["completion_tokens"] == 7


def test_newer_name_wins(program, upstream, protocol, stream):
    upstream.on_chat = protocol.answer("Hello world!")
    answer = ask.chat(program, stream, max_tokens=1, max_completion_tokens=2)
    assert answer.text == "Hello wo"


@pytest.mark.parametrize("mode", ["field", "drop", "tags"])
def test_reasoning_counts(start, upstream, protocol, stream, mode):
    """In whatever form it comes and goes; tags cost nothing."""
    program = start(REASONING=mode)
    upstream.on_chat = Endless(
        protocol, protocol.START, protocol.reasoning("Hm, let."),
        protocol.text("Hello"))
    answer = ask.chat(program, stream, max_tokens=3)
    assert (answer.reasoning, answer.text) == {
        "field": ("Hm, let.", "Hell"), "drop": ("", "Hell"),
        "tags": ("", "<think>Hm, let.</think>Hell")}[mode]
    assert answer.finish == "length"
    upstream.on_chat.check_gone()


def test_tags_of_the_upstream_cost_nothing(program, upstream, protocol,
                                           stream):
    upstream.on_chat = Endless(
        protocol, protocol.START, protocol.text("<think>Hm, let.</think>He"),
        protocol.text("llo"))
    answer = ask.chat(program, stream, max_tokens=3)
    assert (answer.reasoning, answer.text) == ("Hm, let.", "Hell")


@pytest.mark.parametrize("stop, expected, finish", [
    ("lo", "Hel", "stop"), ("wo", "Hello ", "stop"),
    ("world", "Hello ", "stop"), ("rl", "Hello wo", "stop"),
    ("o w", "Hell", "stop"), ("d", "Hello wo", "length")])
def test_with_a_stop_string(program, upstream, protocol, stream, stop,
                            expected, finish):
    """What is left is searched before it is counted: a stop string counts
    if it begins within the limit or right behind it."""
    upstream.on_chat = Endless(
        protocol, protocol.START, *map(protocol.text, "Hello world, hello"))
    answer = ask.chat(program, stream, stop=stop, max_tokens=2)
    assert (answer.text, answer.finish) == (expected, finish)
    upstream.on_chat.check_gone()


def test_cut_stream_is_a_good_one_in_the_log(program, upstream, protocol):
    upstream.on_chat = Endless(
        protocol, protocol.START, protocol.text("Hello world"))
    response, payloads = program.stream(max_tokens=2)
    assert payloads[-1] == "[DONE]"
    access = program.access(response)
    assert (access.get("end"), access.get("completion_tokens")) == ("done", "2")
