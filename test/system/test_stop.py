# SPDX-License-Identifier: AGPL-3.0-or-later
"""Stop strings, which the site does not know: the answer ends before the
first of them, and the upstream's work with it."""
import json
import random

import pytest

from support import ask
from support.endless import Endless

# What: (texts of the upstream, stop, what is left of them).
STOPPED = {
    "a string": (["one two three"], "two", "one "),
    "a list": (["one two three"], ["three", "two"], "one "),
    "the first of a list": (["one two three"], ["two", "one"], ""),
    "cut over two frames": (["one t", "wo three"], "two", "one "),
    "cut over many frames": (list("one two three"), "two", "one "),
    "a line feed": (["one\n", "two"], "\n", "one"),
    "two line feeds": (["one\n", "\ntwo\n\n"], "\n\n", "one"),
    "begins twice": (["aaaa", "ab"], "aab", "aaa"),
    "one within the other": (["xabcx"], ["abcd", "bc"], "xa"),
    "one before the other ends": (["xab", "cdx"], ["abcd", "bc"], "x"),
    "multi-byte": (["größ", "er als 漢", "字."], "漢字", "größer als "),
    "one character of two bytes": (["gr", "öße"], "ö", "gr"),
    "beyond the plane": (["a😀", "😁b"], "😁", "a😀"),
    "a pair cut over two frames": (["a\ud83d", "\ude00b"], "😀", "a"),
    "quotes and backslashes": (['say "a', '\\b" now'], 'a\\b"', 'say "'),
    "control characters": (["a\x01", "\0b"], "\x01\0", "a"),
    "white space before it stays": (["a \n ", "END"], "END", "a \n "),
    "at the very beginning": (["END", "x"], "END", ""),
    "of 1,024 bytes": (["x" + "y" * 1000, "y" * 24 + "z"], "y" * 1024, "x"),
}

# What: (texts, stop) where it does not occur.
NOT_STOPPED = {
    "only its beginning": (["one tw"], "two"),
    "only its beginning, in pieces": (list("one tw"), ["two", "w "]),
    "another case": (["ONE TWO"], "one"),
    "half a character": (["aé"], "Ã"),
    "an escape's text": (["a\nb"], "\\n"),
    "empty": (["one"], ""),
    "none": (["one"], []),
    "null": (["one"], None),
}


@pytest.mark.parametrize("name", STOPPED)
def test_answer_ends_before_a_stop_string(program, upstream, protocol,
                                          stream, name):
    """At once, although the upstream would go on for ever."""
    texts, stop, expected = STOPPED[name]
    upstream.on_chat = endless = Endless(
        protocol, protocol.START, *map(protocol.text, texts))
    answer = ask.chat(program, stream, stop=stop)
    assert (answer.text, answer.finish) == (expected, "stop")
    endless.check_gone()


@pytest.mark.parametrize("name", NOT_STOPPED)
def test_what_is_no_stop_string_is_text(program, upstream, protocol, stream,
                                        name):
    texts, stop = NOT_STOPPED[name]
    upstream.on_chat = protocol.answer(*texts, reason="length")
    answer = ask.chat(program, stream, stop=stop)
    assert (answer.text, answer.finish) == ("".join(texts), "length")


def test_stop_string_that_an_escape_spells(program, upstream, protocol,
                                           stream):
    """Another spelling of the same text."""
    line = protocol.text("one @ three").replace(b"@", rb"\u0074w\u006F")
    upstream.on_chat = Endless(protocol, protocol.START, line)
    answer = ask.chat(program, stream, stop="two")
    assert answer.text == "one "


def test_reasoning_is_not_searched(program, upstream, protocol, stream):
    upstream.on_chat = protocol.send_lines(
        protocol.START, protocol.reasoning("END of it. "),
        protocol.text("<think>the END"), protocol.text("</think>a"),
        protocol.text("b END c"), *protocol.ends())
    answer = ask.chat(program, stream, stop="END")
    assert (answer.reasoning, answer.text) == ("END of it. the END", "ab ")


def test_stop_string_does_not_reach_over_reasoning(program, upstream,
                                                   protocol):
    """Or text would have to wait until the reasoning is over, and come
    behind it."""
    upstream.on_chat = protocol.answer("EN<think>x</think>D", "!")
    for stream in (False, True):
        answer = ask.chat(program, stream, stop="END")
        assert (answer.reasoning, answer.text) == ("x", "END!")


def test_text_keeps_its_place_before_reasoning(start, upstream, protocol):
    """With tags the order shows."""
    program = start(REASONING="tags")
    upstream.on_chat = protocol.send_lines(
        protocol.START, protocol.text("ab\n"), protocol.reasoning("hm"),
        protocol.text(" end"), *protocol.ends())
    for stream in (False, True):
        answer = ask.chat(program, stream, stop="\nObservation:")
        assert answer.text == "ab\n<think>hm</think> end"


def test_tag_that_closes_nothing_is_searched_in_a_stream(
        program, upstream, protocol):
    """It is text there."""
    upstream.on_chat = Endless(
        protocol, protocol.START, protocol.text("a</thi"),
        protocol.text("nk>b"))
    assert ask.chat(program, True, stop="k>b").text == "a</thin"
    upstream.on_chat.check_gone()


def test_text_is_searched_behind_reasoning_that_was_mended(
        program, upstream, protocol):
    upstream.on_chat = Endless(
        protocol, protocol.START, protocol.text("So. EN"),
        protocol.text("</think>D one E"), protocol.text("ND two"))
    answer = ask.chat(program, False, stop="END")
    assert (answer.reasoning, answer.text) == ("So. EN", "D one ")
    upstream.on_chat.check_gone()


@pytest.mark.parametrize("mode", ["tags", "drop"])
def test_reasoning_elsewhere_is_not_searched(start, upstream, protocol,
                                             stream, mode):
    program = start(REASONING=mode)
    upstream.on_chat = Endless(
        protocol, protocol.START, protocol.reasoning("the END"),
        protocol.text("one END"))
    answer = ask.chat(program, stream, stop="END")
    assert answer.text == {"tags": "<think>the END</think>one ",
                           "drop": "one "}[mode]


def test_text_is_passed_on_until_a_stop_string_may_begin(
        program, upstream, protocol):
    """The upstream waits for the client to have it."""
    def handle(exchange):
        exchange.start(headers=protocol.HEADERS)
        exchange.send_chunk(protocol.START + protocol.text("one tw"))
        exchange.wait_gone()

    upstream.on_chat = handle
    response = program.open_stream(stop="two")
    with response.connection:
        events = response.events()
        events.next()
        assert events.next_delta() == {"content": "one "}


def test_usage_counts_what_is_left(program, upstream, protocol, stream):
    """The upstream has not counted yet: an estimate, four bytes a token."""
    upstream.on_chat = Endless(
        protocol, protocol.START, protocol.text("x" * 40 + "END"),
        more=protocol.text("y" * 1000))
    answer = ask.chat(program, stream, content="q" * 80, stop="END")
    assert answer.usage == {"prompt_tokens": 20, "completion_tokens": 10,
                            "total_tokens": 30}
    upstream.on_chat.check_gone()


def test_stopped_stream_is_a_good_one_in_the_log(program, upstream, protocol):
    upstream.on_chat = Endless(
        protocol, protocol.START, protocol.text("one two"))
    response, payloads = program.stream(stop="two")
    assert payloads[-1] == "[DONE]"
    access = program.access(response)
    assert (access.get("status"), access.get("end")) == ("200", "done")
    assert access.get("completion_tokens") == "1"


@pytest.mark.parametrize("framing", ["one chunk", "length", "close"])
def test_stop_string_within_one_read(program, upstream, protocol, stream,
                                     framing):
    """The answer's end and the body's come with it, or much more text; the
    next request is served in either case."""
    lines = [protocol.START, protocol.text("one two three"),
             protocol.text("y" * 100_000), *protocol.ends()]
    data = b"".join(lines)

    def handle(exchange):
        if framing == "one chunk":
            exchange.start(headers=protocol.HEADERS, more=(
                b"%x\r\n%s\r\n0\r\n\r\n" % (len(data), data)))
        else:
            exchange.start(headers=protocol.HEADERS, more=data, framing=(
                len(data) if framing == "length" else "close"))

    for _ in range(5):
        upstream.on_chat = handle
        answer = ask.chat(program, stream, stop="two")
        assert (answer.text, answer.finish) == ("one ", "stop")
        upstream.on_chat = protocol.answer("Hello")
        assert ask.chat(program, stream).text == "Hello"


def test_error_before_a_stop_string_is_one(program, upstream, protocol,
                                           stream):
    upstream.on_chat = protocol.send_lines(
        protocol.START, protocol.text("one tw"), protocol.error("Oh no"))
    response = program.chat(stop="two", stream=stream)
    if not stream:
        assert response.status == 502
        return
    *_, last = response.read().decode().removesuffix("\n\n").split("\n\n")
    assert json.loads(last.removeprefix("data: "))["error"][
        "message"] == "Oh no"


def test_error_behind_a_stop_string_is_not_heard(program, upstream, protocol,
                                                 stream):
    upstream.on_chat = protocol.send_lines(
        protocol.START, protocol.text("one two"), protocol.error("Oh no"))
    answer = ask.chat(program, stream, stop="two")
    assert (answer.text, answer.finish) == ("one ", "stop")


def naive(text, stops):
    """The definition: a search over the whole text."""
    found = [text.index(stop) for stop in stops if stop in text]
    return text[:min(found)] if found else text


def test_as_a_search_over_the_whole(program, upstream, protocol, stream):
    draw = random.Random(20251123)
    for _ in range(60):
        text = "".join(draw.choices("abé\"\n", k=draw.randint(1, 30)))
        stops = ["".join(draw.choices("abé\"\n", k=draw.randint(1, 4)))
                 for _ in range(draw.randint(1, 4))]
        pieces, rest = [], text
        while rest:
            size = draw.randint(1, 4)
            pieces.append(rest[:size])
            rest = rest[size:]
        upstream.on_chat = protocol.answer(*pieces)
        answer = ask.chat(program, stream, stop=stops)
        assert answer.text == naive(text, stops), (pieces, stops)
