# SPDX-License-Identifier: AGPL-3.0-or-later
"""Answers in either of the site's protocols, streamed and whole: clients see
no difference."""
import pytest

from support import ask
from support import datastream as ds
from support import uistream as ui
from support.shape import check_error

TAGGED = "\n <think> \nHm. \n</think>\n\n Four.\n"
TEXT = "\n \n\n Four.\n"
THOUGHT = " \nHm. \n"


# ---- text -----------------------------------------------------------------

def test_plain_answer(program, upstream, protocol, stream):
    upstream.on_chat = protocol.answer("Hello", ", ", "world", "!")
    answer = ask.chat(program, stream)
    assert (answer.text, answer.reasoning) == ("Hello, world!", "")
    assert answer.finish == "stop"
    assert answer.head[2] == ask.MODEL


@pytest.mark.parametrize("texts", [
    [" ", "\n", " a", "\t ", "\r\n", "b", " \n "],
    ["\n\n", "x", "\n\n"],
    ["Grüße, 漢字", " a\ud83d", "\ude00b", "\0\u2028\u2029\ufeff", "\\\"\n/"],
])
def test_text_is_untouched(program, upstream, protocol, stream, texts):
    upstream.on_chat = protocol.answer(*texts)
    expected = "".join(texts).replace("\ud83d\ude00", "😀")
    assert ask.chat(program, stream).text == expected


def test_empty_answer_that_stopped_is_one(program, upstream, protocol,
                                          stream):
    upstream.on_chat = protocol.answer()
    answer = ask.chat(program, stream)
    assert (answer.text, answer.finish) == ("", "stop")


@pytest.mark.parametrize("size", [1, 2, 7, 1 << 20])
def test_body_cut_anywhere(program, upstream, protocol, stream, size):
    data = b"".join([protocol.START, protocol.reasoning("Hm"),
                     *map(protocol.text, ["<thi", "nk>x</think>", "é😀"]),
                     *protocol.ends("length", 3, 5)])
    upstream.on_chat = protocol.send_lines(
        *(data[at:at + size] for at in range(0, len(data), size)))
    answer = ask.chat(program, stream)
    assert (answer.reasoning, answer.text) == ("Hmx", "é😀")
    assert (answer.finish, answer.usage["total_tokens"]) == ("length", 8)


# ---- reasoning ------------------------------------------------------------

def test_reasoning_of_the_protocol(program, upstream, protocol, stream):
    upstream.on_chat = protocol.send_lines(
        protocol.START, protocol.reasoning(" Let me"),
        protocol.reasoning(" see.\n"), protocol.text("Four."),
        *protocol.ends())
    answer = ask.chat(program, stream)
    assert (answer.reasoning, answer.text) == (" Let me see.\n", "Four.")


def test_answer_of_reasoning_alone(program, upstream, protocol, stream):
    upstream.on_chat = protocol.send_lines(
        protocol.START, protocol.reasoning("Hm."), *protocol.ends())
    answer = ask.chat(program, stream)
    assert (answer.reasoning, answer.text) == ("Hm.", "")


def test_reasoning_and_text_in_turns(program, upstream, protocol, stream):
    upstream.on_chat = protocol.send_lines(
        protocol.START, protocol.text("1"), protocol.reasoning("a"),
        protocol.text("2"), protocol.reasoning("b"), *protocol.ends())
    answer = ask.chat(program, stream)
    assert (answer.reasoning, answer.text) == ("ab", "12")


@pytest.mark.parametrize("size", [1, 2, 3, 5, 11, len(TAGGED)])
def test_think_tags_cut_anywhere(program, upstream, protocol, stream, size):
    upstream.on_chat = protocol.answer(
        *(TAGGED[at:at + size] for at in range(0, len(TAGGED), size)))
    answer = ask.chat(program, stream)
    assert (answer.reasoning, answer.text) == (THOUGHT, TEXT)


def test_think_tag_that_never_ends(program, upstream, protocol, stream):
    upstream.on_chat = protocol.answer("<think>on and", " on</thin")
    answer = ask.chat(program, stream)
    assert (answer.reasoning, answer.text) == ("on and on</thin", "")


@pytest.mark.parametrize("text", ["a <thin", "<think >x</think >", "<THINK>",
                                  "&lt;think>", "<", "a<<b", "<thinking>"])
def test_what_is_no_tag_is_text(program, upstream, protocol, stream, text):
    upstream.on_chat = protocol.answer(*text)
    answer = ask.chat(program, stream)
    assert (answer.reasoning, answer.text) == ("", text)


def test_missing_opening_tag_is_mended_in_a_whole_answer(
        program, upstream, protocol):
    upstream.on_chat = protocol.answer("Hm", ".\n</th", "ink>\nFour.")
    answer = ask.chat(program, False)
    assert (answer.reasoning, answer.text) == ("Hm.\n", "\nFour.")


def test_missing_opening_tag_is_left_alone_in_a_stream(
        program, upstream, protocol):
    upstream.on_chat = protocol.answer("Hm", ".\n</th", "ink>\nFour.")
    answer = ask.chat(program, True)
    assert (answer.reasoning, answer.text) == ("", "Hm.\n</think>\nFour.")


# REASONING: what comes of TAGGED, and of reasoning apart from the text.
MODES = {
    "field": ((THOUGHT, TEXT), ("Hm.", "Four.")),
    "tags": (("", TAGGED), ("", "<think>Hm.</think>Four.")),
    "drop": (("", TEXT), ("", "Four.")),
}


@pytest.mark.parametrize("mode", MODES)
def test_reasoning_goes_where_it_is_wanted(start, upstream, protocol, stream,
                                           mode):
    program = start(REASONING=mode)
    tagged, apart = MODES[mode]
    upstream.on_chat = protocol.answer(*TAGGED)
    answer = ask.chat(program, stream)
    assert (answer.reasoning, answer.text) == tagged
    upstream.on_chat = protocol.send_lines(
        protocol.START, protocol.reasoning("H"), protocol.reasoning("m."),
        protocol.text("Four."), *protocol.ends())
    answer = ask.chat(program, stream)
    assert (answer.reasoning, answer.text) == apart


@pytest.mark.parametrize("mode", ["tags", "drop"])
def test_mended_reasoning_goes_there_too(start, upstream, protocol, mode):
    upstream.on_chat = protocol.answer("Hm.</think>Four.")
    answer = ask.chat(start(REASONING=mode), False)
    assert answer.reasoning == ""
    assert answer.text == {"tags": "Hm.</think>Four.", "drop": "Four."}[mode]


# ---- finish ---------------------------------------------------------------

FINISHES = {"stop": "stop", "length": "length", "other": "stop",
            "unknown": "stop", "content-filter": "content_filter",
            "tool-calls": "stop", "a new one": "stop"}


@pytest.mark.parametrize("reason", FINISHES)
def test_finish_reason(program, upstream, protocol, stream, reason):
    upstream.on_chat = protocol.answer("x", reason=reason)
    answer = ask.chat(program, stream)
    assert (answer.text, answer.finish) == ("x", FINISHES[reason])


def test_no_word_and_no_finish_reason_is_a_failure(program, upstream,
                                                   stream):
    """Version 5.0 never gives one."""
    upstream.on_chat = ui.answer(reason=None)
    ask.chat_is_refused(program, stream, 502, "upstream_error")


def test_content_filter_without_a_word(program, upstream, protocol, stream):
    upstream.on_chat = protocol.answer(reason="content-filter")
    answer = ask.chat(program, stream)
    assert (answer.text, answer.finish) == ("", "content_filter")


@pytest.mark.parametrize("reason", ["unknown", "other"])
def test_no_word_and_no_reason_is_a_failure(program, upstream, protocol,
                                            stream, reason):
    """Version 6 and later say "other" for "unknown"."""
    upstream.on_chat = protocol.answer(reason=reason)
    ask.chat_is_refused(program, stream, 502, "upstream_error")


def test_step_end_without_a_message_end_is_a_good_end(program, upstream,
                                                      stream):
    upstream.on_chat = ds.send_lines(
        ds.START, ds.text("x"), ds.step_end("length", 2, 3))
    answer = ask.chat(program, stream)
    assert (answer.text, answer.finish) == ("x", "length")
    assert answer.usage["total_tokens"] == 5


def test_finish_without_a_reason_is_a_stop(program, upstream, stream):
    """Version 5.0."""
    upstream.on_chat = ui.answer("x", reason=None)
    answer = ask.chat(program, stream)
    assert (answer.text, answer.finish) == ("x", "stop")


def test_done_without_a_finish_part_is_a_good_end(program, upstream, stream):
    upstream.on_chat = ui.send_lines(
        ui.START, ui.text("x"), ui.step_end(), ui.DONE)
    answer = ask.chat(program, stream)
    assert (answer.text, answer.finish) == ("x", "stop")


# ---- usage ----------------------------------------------------------------

QUESTION = "äöü? " * 10  # 80 bytes
SAID = ["Grüße, ", "Welt!"]  # 14 bytes

USAGES = {"given": ((11, 7), (11, 7)), "null": ((None, None), (20, 3)),
          "half": ((None, 7), (20, 7))}


def usage_of(prompt, completion):
    return {"prompt_tokens": prompt, "completion_tokens": completion,
            "total_tokens": prompt + completion}


@pytest.mark.parametrize("name", USAGES)
def test_usage(program, upstream, protocol, stream, name):
    (prompt, completion), expected = USAGES[name]
    upstream.on_chat = protocol.answer(*SAID, prompt=prompt,
                                       completion=completion)
    answer = ask.chat(program, stream, content=QUESTION)
    assert answer.usage == usage_of(*expected)


def test_missing_usage_is_estimated(program, upstream, stream):
    upstream.on_chat = ds.send_lines(
        ds.START, *map(ds.text, SAID), ds.line("e", {"finishReason": "stop"}),
        ds.line("d", {"finishReason": "stop"}))
    answer = ask.chat(program, stream, content=QUESTION)
    assert answer.usage == usage_of(*USAGES["null"][1])


def test_estimate_is_at_least_one(program, upstream, protocol, stream):
    upstream.on_chat = protocol.answer("x")
    assert ask.chat(program, stream, content="?").usage == usage_of(1, 1)


@pytest.mark.parametrize("mode", ["field", "drop"])
def test_reasoning_counts_in_the_estimate(start, upstream, protocol, stream,
                                          mode):
    program = start(REASONING=mode)
    upstream.on_chat = protocol.send_lines(
        protocol.START, protocol.reasoning("r" * 40), protocol.text("t" * 40),
        *protocol.ends())
    assert ask.chat(program, stream).usage == usage_of(1, 20)


@pytest.mark.parametrize("members", [
    {"messageMetadata": {"usage": {"inputTokens": 11, "outputTokens": 7}}},
    {"messageMetadata": {"totalUsage": {"inputTokens": 11,
                                        "outputTokens": 7},
                         "usage": {"inputTokens": 1, "outputTokens": 2}}},
    {"messageMetadata": {"usage": {"promptTokens": 11,
                                   "completionTokens": 7}}},
])
def test_usage_in_metadata(program, upstream, stream, members):
    upstream.on_chat = ui.send_lines(
        ui.START, ui.text("x"), ui.part("message-metadata", **members),
        *ui.ends())
    assert ask.chat(program, stream).usage == usage_of(11, 7)


# ---- what the newer protocol has of its own --------------------------------

def test_blocks_by_their_ids(program, upstream, stream):
    """As ai writes them: reasoning may end when text has begun."""
    upstream.on_chat = ui.send_lines(
        ui.part("start", messageId="m"), ui.part("start-step"),
        ui.part("reasoning-start", id="0"),
        ui.part("reasoning-delta", id="0", delta="Hm"),
        ui.part("text-start", id="0"),
        ui.part("text-delta", id="0", delta="one "),
        ui.part("reasoning-delta", id="0", delta="."),
        ui.part("reasoning-end", id="0"),
        ui.part("text-start", id="1"),
        ui.part("text-delta", id="1", delta="two "),
        ui.part("text-delta", id="0", delta="three"),
        ui.part("text-end", id="0"), ui.part("text-end", id="1"),
        ui.part("finish-step"), ui.part("start-step"),
        ui.block("text", "0", ", four"), ui.part("finish-step"),
        ui.message_end(), ui.DONE)
    answer = ask.chat(program, stream)
    assert (answer.reasoning, answer.text) == ("Hm.", "one two three, four")


def test_other_parts_are_skipped(program, upstream, stream):
    upstream.on_chat = ui.send_lines(
        b"\xef\xbb\xbf: a comment\n\n", b"event: message\nid: 7\n", ui.START,
        ui.part("data-weather", id="w", data={"c": 21}), ui.text("a"),
        ui.part("source-url", sourceId="s", url="https://e.x/", title="E"),
        ui.part("file", mediaType="image/png", url="data:image/png,x"),
        ui.part("tool-input-available", toolCallId="c", toolName="t",
                input={}),
        ui.part("tool-output-available", toolCallId="c", output={"c": 21}),
        b": keep-alive\n\n", ui.part("a-part-to-come", delta="no text"),
        ui.part("message-metadata", messageMetadata={"any": "thing"}),
        ui.text("b"), *ui.ends())
    assert ask.chat(program, stream).text == "ab"


@pytest.mark.parametrize("headers", [
    [("content-type", "text/event-stream; charset=utf-8")],
    [("x-vercel-ai-ui-message-stream", "v1")],
    ui.HEADERS])
def test_newer_protocol_is_known_by_its_headers(program, upstream, stream,
                                                headers):
    upstream.on_chat = ds.send_lines(
        *ui.answer_lines("Hello"), headers=headers)
    assert ask.chat(program, stream).text == "Hello"


@pytest.mark.parametrize("headers", [
    [("content-type", "text/plain; charset=utf-8")],
    [("x-vercel-ai-data-stream", "v1")],
    ds.HEADERS])
def test_older_protocol_is_known_by_its_headers(program, upstream, stream,
                                                headers):
    upstream.on_chat = ds.send_lines(
        *ds.answer_lines("Hello"), headers=headers)
    assert ask.chat(program, stream).text == "Hello"


def test_site_may_change_while_the_program_runs(program, upstream, stream):
    for protocol in (ds, ui, ds, ui):
        upstream.on_chat = protocol.answer(protocol.__name__)
        assert ask.chat(program, stream).text == protocol.__name__


def test_protocols_are_not_guessed_from_the_body(program, upstream):
    upstream.on_chat = ds.send_lines(*ui.answer_lines("Hello"))
    check_error(program.chat(), 502, "upstream_error")
    upstream.on_chat = ui.send_lines(*ds.answer_lines("Hello"))
    check_error(program.chat(), 502, "upstream_error")
