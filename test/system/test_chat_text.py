# SPDX-License-Identifier: AGPL-3.0-or-later
"""The text that a client receives is the text that the upstream sent."""
import random

import pytest

from support import datastream as ds
from support.shape import check_completion, check_stream

# What: (what the upstream sends in one 0: line each, what is to arrive).
TEXTS = {
    "plain": (["Hello", ", world", "!"], "Hello, world!"),
    "one letter a line": (list("letters"), "letters"),
    "quotes and backslashes": (['"', "\\", '\\"', "\\\\n", '"""'],
                               '"\\\\"\\\\n"""'),
    "every short escape": (["\b\f\n\r\t", "/"], "\b\f\n\r\t/"),
    "every control character": (["".join(map(chr, range(32)))],
                                "".join(map(chr, range(32)))),
    "NUL alone": (["a", "\0", "b"], "a\0b"),
    "NUL first and last": (["\0a\0"], "\0a\0"),
    "delete and C1": (["\x7f\x80\x85\x9f"], "\x7f\x80\x85\x9f"),
    "line and paragraph separator": (["\u2028", "x\u2029"], "\u2028x\u2029"),
    "byte order mark": (["\ufeff", "a\ufeff"], "\ufeffa\ufeff"),
    "not characters": (["\ufffe\uffff\U0010ffff"], "\ufffe\uffff\U0010ffff"),
    "accents and Chinese": (["é", "漢字", "ش"], "é漢字ش"),
    "combining and joined emoji": (["e\u0301", "👩\u200d💻"],
                                   "e\u0301👩\u200d💻"),
    "emoji": (["😀", "🏴\U000e0067"], "😀🏴\U000e0067"),
    "pair as two escapes": (["a\ud83d\ude00b"], "a😀b"),
    "pair cut over two frames": (["a\ud83d", "\ude00b"], "a😀b"),
    "two pairs cut": (["\ud83d", "\ude00\ud83d", "\ude01"], "😀😁"),
    "lone high surrogate": (["a\ud83db"], "a\ufffdb"),
    "lone high surrogate at a frame's end": (["a\ud83d", "b"], "a\ufffdb"),
    "lone high surrogate at the end": (["a\ud83d"], "a\ufffd"),
    "lone low surrogate": (["a\ude00b"], "a\ufffdb"),
    "lone low surrogate first": (["\ude00"], "\ufffd"),
    "two high surrogates": (["\ud83d\ud83d", "\ude00"], "\ufffd😀"),
    "looks like frames": (['0:"fake"\n', "data: [DONE]\n\n", "3:", "\nd:{}"],
                          '0:"fake"\ndata: [DONE]\n\n3:\nd:{}'),
    "looks like markup": (["<b>&amp;</b></script>"], "<b>&amp;</b></script>"),
    "ends with a backslash": (["\\", "\\\\"], "\\\\\\"),
    "white space": ([" ", "\n", " \t ", "\n\n"], " \n \t \n\n"),
    "empty lines among others": (["", "a", "", "b", ""], "ab"),
}

RAW_LITERALS = {
    "escaped slash": (rb'0:"a\/b"', "a/b"),
    "escaped ASCII": (rb'0:"\u0041\u007A"', "Az"),
    "upper-case hex": (rb'0:"\u00E9\uD83D\uDE00"', "é😀"),
    "blanks behind": (b'0:"a" ', "a"),
    "carriage return behind": (b'0:"a"\r', "a"),
    "raw C1 control": (b'0:"\xc2\x85"', "\x85"),
    "a byte that is no UTF-8": (b'0:"a\xffb"', "a\ufffdb"),
    "a cut UTF-8 sequence": (b'0:"a\xe6\xbcb"', None),
    "an overlong sequence": (b'0:"a\xc0\xafb"', None),
}


def receive(program):
    """The answer's text, asked for as a whole and as a stream."""
    whole = check_completion(program.chat().json())["content"]
    _, payloads = program.stream()
    return whole, check_stream(payloads).text


@pytest.mark.parametrize("name", TEXTS)
def test_text_received_equals_text_sent(program, upstream, name):
    sent, expected = TEXTS[name]
    upstream.on_chat = ds.answer(*sent)
    assert receive(program) == (expected, expected)


@pytest.mark.parametrize("name", RAW_LITERALS)
def test_other_spellings_of_a_text_are_understood(program, upstream, name):
    literal, expected = RAW_LITERALS[name]
    upstream.on_chat = ds.send_lines(ds.START, literal + b"\n", *ds.ends())
    whole, streamed = receive(program)
    assert whole == streamed
    if expected is None:  # what counts as one error is left open
        assert whole.replace("\ufffd", "") == "ab" and "\ufffd" in whole
    else:
        assert whole == expected


def test_every_code_point_arrives(program, upstream):
    points = [chr(point) for point in range(0x110000)
              if not 0xd800 <= point <= 0xdfff]
    texts = ["".join(points[at:at + 40000])
             for at in range(0, len(points), 40000)]
    upstream.on_chat = ds.answer(*texts)
    expected = "".join(points)
    whole, streamed = receive(program)
    # Not compared by assert, which would explain the difference for ever.
    if whole != expected or streamed != expected:
        pytest.fail("a code point is lost")


def test_line_of_250_kilobytes(program, upstream):
    text = "Ω\n\"x\"\\ 0123456789" * 16000
    upstream.on_chat = ds.answer("before ", text, " after")
    assert len(text.encode()) > 250_000
    if receive(program) != ("before " + text + " after",) * 2:
        pytest.fail("the long line was changed")


def test_3000_small_lines(program, upstream):
    letters = [chr(ord("a") + i % 26) for i in range(3000)]
    upstream.on_chat = ds.answer(*letters)
    assert receive(program) == ("".join(letters),) * 2
    _, payloads = program.stream()
    # The role, a chunk for each line, the finish, [DONE].
    assert len(payloads) == 3000 + 3


def body_in_one_chunk(exchange, data):
    exchange.start()
    exchange.send_chunk(data)
    exchange.end()


def body_byte_by_byte(exchange, data):
    exchange.start()
    for i in range(len(data)):
        exchange.send_chunk(data[i:i + 1])
    exchange.end()


def body_in_random_cuts(exchange, data):
    cuts = random.Random(20251123)
    exchange.start()
    while data:
        size = cuts.randint(1, 9)
        exchange.send_chunk(data[:size])
        data = data[size:]
    exchange.end()


def body_with_its_length(exchange, data):
    exchange.start(framing=len(data))
    exchange.send_raw(data)


def body_until_close(exchange, data):
    exchange.start(framing="close")
    exchange.send_raw(data)


def body_in_odd_chunks(exchange, data):
    """Head, chunk sizes and their line ends apart from each other."""
    exchange.start()
    for i in range(0, len(data), 7):
        piece = data[i:i + 7]
        for part in (b"%X" % len(piece), b"\r", b"\n", piece, b"\r", b"\n"):
            exchange.send_raw(part)
    exchange.end()


@pytest.mark.parametrize("framing", [
    body_in_one_chunk, body_byte_by_byte, body_in_random_cuts,
    body_with_its_length, body_until_close, body_in_odd_chunks])
def test_framing_of_the_upstream_changes_nothing(program, upstream, framing):
    texts = ["Grüße, 漢字 ", "a\ud83d", "\ude00b", "\0\u2028", "\\\"\n"]
    data = b"".join(ds.answer_lines(*texts, prompt=3, completion=5))
    upstream.on_chat = lambda exchange: framing(exchange, data)
    assert receive(program) == ("Grüße, 漢字 a😀b\0\u2028\\\"\n",) * 2


def test_reasoning_stays_apart_from_the_text(program, upstream):
    upstream.on_chat = ds.send_lines(
        ds.START, ds.reasoning("Let me "), ds.reasoning("think\ud83d"),
        ds.reasoning("\ude00"), ds.text("Four."), *ds.ends())
    message = check_completion(program.chat().json())
    assert message["content"] == "Four."
    assert message["reasoning_content"] == "Let me think😀"
    streamed = check_stream(program.stream()[1])
    assert (streamed.text, streamed.reasoning) == ("Four.", "Let me think😀")


def test_other_parts_of_the_stream_do_not_disturb(program, upstream):
    upstream.on_chat = ds.send_lines(
        ds.START, ds.line("2", [{"any": "json"}]), ds.text("a"),
        ds.line("8", [{"note": "hi"}]),
        ds.line("h", {"sourceType": "url", "id": "s1", "url": "https://e.x/"}),
        ds.line("i", {"data": "…"}), ds.line("j", {"signature": "…"}),
        ds.line("k", {"mimeType": "image/png", "data": "AA=="}),
        ds.line("9", {"toolCallId": "c1", "toolName": "t", "args": {}}),
        ds.line("a", {"toolCallId": "c1", "result": {"c": 21}}),
        ds.line("b", {"toolCallId": "c1", "toolName": "t"}),
        ds.line("c", {"toolCallId": "c1", "argsTextDelta": "{"}),
        ds.line("z", "a code to come"), ds.line("zz", ["another"]),
        ds.text("b"), *ds.ends())
    assert receive(program) == ("ab", "ab")


def test_an_answer_of_several_steps_is_one(program, upstream):
    upstream.on_chat = ds.send_lines(
        ds.START, ds.text("one "), ds.step_end("tool-calls"),
        ds.START, ds.text("two"), ds.step_end("stop"),
        ds.message_end("stop", 7, 9))
    assert receive(program) == ("one two", "one two")


def test_an_empty_answer_is_one(program, upstream):
    upstream.on_chat = ds.answer()
    assert receive(program) == ("", "")
