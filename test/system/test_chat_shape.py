# SPDX-License-Identifier: AGPL-3.0-or-later
"""Chat answers have the API's official shape, field by field."""
import re

import pytest

from support import datastream as ds
from support.shape import check_completion, check_stream

FINISHES = {"stop": "stop", "length": "length",
            "content-filter": "content_filter", "tool-calls": "stop",
            "other": "stop", "unknown": "stop"}


def test_completion_has_the_official_shape(program):
    response = program.chat()
    value = response.json()
    message = check_completion(value)
    assert message == {"role": "assistant", "content": "Hello, world!",
                       "refusal": None}
    assert value["model"] == "Meta-Llama-3-3-70B-Instruct"
    assert value["choices"][0]["finish_reason"] == "stop"


def test_stream_has_the_official_shape(program):
    _, payloads = program.stream()
    streamed = check_stream(payloads)
    assert streamed.text == "Hello, world!"
    assert streamed.finish == "stop"
    assert streamed.head[2] == "Meta-Llama-3-3-70B-Instruct"


def test_usage_chunk_comes_when_it_is_asked_for(program):
    _, payloads = program.stream(stream_options={"include_usage": True})
    streamed = check_stream(payloads, include_usage=True)
    assert streamed.text == "Hello, world!"


@pytest.mark.parametrize("options", [
    {}, {"include_usage": False}, {"include_usage": None},
    {"include_obfuscation": False}, None])
def test_usage_chunk_stays_out_otherwise(program, options):
    _, payloads = program.stream(stream_options=options)
    check_stream(payloads)


def test_usage_of_the_upstream_is_passed_on(program, upstream):
    upstream.on_chat = ds.answer("x", prompt=11, completion=7)
    expected = {"prompt_tokens": 11, "completion_tokens": 7,
                "total_tokens": 18}
    assert program.chat().json()["usage"] == expected
    _, payloads = program.stream(stream_options={"include_usage": True})
    assert check_stream(payloads, True).usage == expected


def test_usage_of_several_steps_is_the_message_s(program, upstream):
    upstream.on_chat = ds.send_lines(
        ds.START, ds.text("a"), ds.step_end("stop", 1, 2),
        ds.START, ds.text("b"), ds.step_end("stop", 3, 4),
        ds.message_end("stop", 4, 6))
    assert program.chat().json()["usage"]["total_tokens"] == 10


USAGES = {
    "null": ds.ends(),
    "absent": [ds.line("e", {"finishReason": "stop"}),
               ds.line("d", {"finishReason": "stop"})],
    "only one": ds.ends("stop", None, 2),
    "not numbers": [ds.line("d", {"finishReason": "stop", "usage":
                                  {"promptTokens": "NaN",
                                   "completionTokens": -1}})],
    "usage is null": [ds.line("d", {"finishReason": "stop", "usage": None})],
}


@pytest.mark.parametrize("name", USAGES)
def test_usage_is_estimated_where_the_upstream_counts_nothing(
        program, upstream, name):
    upstream.on_chat = ds.send_lines(ds.START, ds.text("x" * 400),
                                     *USAGES[name])
    usage = program.chat("y" * 40).json()["usage"]
    _, payloads = program.stream("y" * 40,
                                 stream_options={"include_usage": True})
    assert check_stream(payloads, True).usage == usage
    assert usage["prompt_tokens"] >= 5
    assert usage["completion_tokens"] >= (2 if name == "only one" else 50)


@pytest.mark.parametrize("upstream_name", FINISHES)
def test_finish_reason_is_told(program, upstream, upstream_name):
    upstream.on_chat = ds.answer("x", reason=upstream_name)
    expected = FINISHES[upstream_name]
    value = program.chat().json()
    check_completion(value)
    assert value["choices"][0]["finish_reason"] == expected
    assert check_stream(program.stream()[1]).finish == expected


def test_ids_differ_between_answers_and_are_one_within(program):
    ids = {program.chat().json()["id"] for _ in range(3)}
    ids |= {check_stream(program.stream()[1]).head[0] for _ in range(3)}
    assert len(ids) == 6


def test_headers_of_a_stream(program):
    response, _ = program.stream()
    assert response.version == "HTTP/1.1"
    assert response.framing == "chunked"
    assert response.header("Content-Type").startswith("text/event-stream")
    assert response.header("Cache-Control") == "no-cache, no-transform"
    assert response.header("X-Accel-Buffering") == "no"
    assert response.header("Content-Encoding") is None
    assert response.header("Date")


def test_headers_of_a_whole_answer(program):
    response = program.chat()
    assert response.framing == "length"
    assert response.header("Content-Type") == "application/json"
    assert response.header("Date")


def test_upstream_headers_are_not_passed_on(program):
    for response in (program.chat(), program.stream()[0]):
        names = {name.lower() for name, _ in response.headers}
        assert not names & {"set-cookie", "x-vercel-ai-data-stream",
                            "keep-alive", "x-frame-options"}


@pytest.mark.parametrize("given", [
    "abc", "0190c2ab-6d0f-7b1c-9b2e-1a2b3c4d5e6f", "A.b_c-9", "x" * 64])
def test_request_id_of_the_client_comes_back(program, given):
    header = [("X-Request-Id", given)]
    for response in (program.chat(headers=header),
                     program.stream(headers=header)[0],
                     program.get("/health", header),
                     program.get("/nothing", header)):
        assert response.header("X-Request-Id") == given


@pytest.mark.parametrize("given", [
    None, "", "two words", 'quo"te', "é", "x" * 4000, "a;b", "a\tb"])
def test_request_id_is_made_where_the_client_gives_no_usable_one(
        program, given):
    header = [] if given is None else [("X-Request-Id", given)]
    first, second = (program.get("/health", header).header("X-Request-Id")
                     for _ in range(2))
    assert re.fullmatch(r"req_[A-Za-z0-9]{20,}", first)
    assert first != second


def test_connection_serves_one_request_after_the_other(program, upstream):
    with program.connect() as connection:
        for stream in (True, False, True, False):
            connection.send("POST", "/v1/chat/completions", {
                "model": "AkashGen", "stream": stream,
                "messages": [{"role": "user", "content": "Hi"}]})
            response = connection.response()
            assert response.status == 200
            if stream:
                check_stream(response.events().rest())
            else:
                check_completion(response.json())
    assert upstream.count("chat") == 4


def test_upstream_connection_is_used_again(program, upstream):
    for _ in range(20):
        program.chat()
        program.stream()
    used = {request.connection for request in upstream.of_kind("chat")}
    # The first chat runs beside the first list of models, and a question may
    # come while the end of the answer before it is still on its way.
    assert len(used) <= 5
