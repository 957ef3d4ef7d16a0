# SPDX-License-Identifier: AGPL-3.0-or-later
"""--demo: a conversation with the simulated Akash Chat, as a newcomer has
it."""
import json
import time

import pytest

from support.crowd import Traffic
from support.shape import check_completion, check_error, check_stream

MODEL = "Meta-Llama-3-3-70B-Instruct"


@pytest.fixture
def demo(launch):
    """The demo as it is, only quicker."""
    return launch("--demo", "--demo-delay", "0")


def both_ways(program, *messages, **fields):
    """A conversation's answer, whole and streamed."""
    body = {"model": MODEL, "messages": messages, **fields}
    whole = check_completion(program.post(body).json())
    response = program.post({**body, "stream": True})
    assert response.header("Content-Type").startswith("text/event-stream")
    events = response.read().decode().split("\n\n")
    streamed = check_stream([event.removeprefix("data: ")
                             for event in events if event])
    assert streamed.finish == "stop"
    return whole["content"], streamed.text


def test_hello_in_english(demo):
    whole, streamed = both_ways(demo, {"role": "user", "content": "Hello"})
    assert whole == streamed
    assert whole.startswith("Hello")
    assert MODEL in whole and "“Hello”" in whole and "--demo" in whole


def test_hello_in_chinese(demo):
    whole, streamed = both_ways(demo, {"role": "user", "content": "你好"})
    assert whole == streamed
    assert whole.startswith("你好")
    assert MODEL in whole and "“你好”" in whole and "--demo" in whole


@pytest.mark.parametrize("question, answer", [
    ("What is 12*7?", "84"), ("3乘以4等于几？", "12")])
def test_sums(demo, question, answer):
    for text in both_ways(demo, {"role": "user", "content": question}):
        assert answer in text


def test_conversation_with_a_system_message(demo):
    """It tells what has reached it."""
    whole, _ = both_ways(
        demo, {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Hi"},
        {"role": "assistant", "content": "Hello!"},
        {"role": "user", "content": [{"type": "text", "text": "Bye"}]})
    assert "3 messages" in whole and "“Bye”" in whole
    other, _ = both_ways(demo, {"role": "user", "content": "Hi"})
    assert other != whole and "1 message " in other


def test_stream_comes_in_pieces(demo):
    _, payloads = demo.stream("Hello")
    assert len(payloads) > 10
    _, payloads = demo.stream("你好")
    assert len(payloads) > 10


def test_odd_texts(demo):
    for text in ("", " ", "\0", "😀" * 1000, '"\\\n\u2028', "x" * 100_000,
                 "<|endofprompt|"):
        whole, streamed = both_ways(demo, {"role": "user", "content": text})
        assert whole == streamed != ""


def test_models(demo):
    models = demo.get("/v1/models").json()["data"]
    ids = [model["id"] for model in models]
    assert MODEL in ids and "AkashGen" in ids
    assert len(ids) == len(set(ids)) > 3
    for name in ids:
        assert demo.get(f"/v1/models/{name}").json()["id"] == name
    whole, _ = both_ways(demo, {"role": "user", "content": "Hi"},
                         model="openai/gpt-oss-120b")
    assert "openai/gpt-oss-120b" in whole


def test_unknown_model(demo):
    demo.get("/v1/models")
    check_error(demo.chat(model="gpt-4o"), 404, "model_not_found", "model")


SCENARIOS = (
    "help", "fast", "long=5", "bigline=1", "error", "ratelimit",
    "contextlength", "apikey", "nomodel", "miderror", "midcut", "junk",
    "finisherror", "abort", "noend", "cut", "reset", "empty", "length",
    "contentfilter", "nofinish", "laststep", "usage", "http500", "http403",
    "redirect", "stale", "unicode", "think", "reasoning")


def outcome(program, text, stream):
    """What a client is told, but for ids, times and words of errors."""
    response = program.chat(text, stream=stream)
    if not stream:
        answer = response.json()
        if response.status == 200:
            check_completion(answer)
            return answer["choices"], answer["usage"]
        return response.status, answer["error"]["code"]
    if response.status != 200:
        return response.status, response.json()["error"]["code"]
    told = ""
    for event in response.read().decode().split("\n\n"):
        payload = event.removeprefix("data: ")
        if payload == "[DONE]":
            return told, payload
        event = json.loads(payload)
        if "error" in event:
            return told, event["error"]["code"]
        for choice in event["choices"]:
            told += str(choice["delta"].get("content") or "")
            told += str(choice["finish_reason"] or "")
    return told, "no end"


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("scenario", SCENARIOS)
def test_clients_do_not_notice_the_newer_protocol(demo, scenario, stream):
    seen = [outcome(demo, f"[demo:protocol={version}] [demo:{scenario}]",
                    stream) for version in (4, 5, 6, 7)]
    assert str(seen[0]).replace("=4]", "") == str(seen[1]).replace("=5]", "")
    assert str(seen[1]).replace("=5]", "") == str(seen[2]).replace("=6]", "")
    assert str(seen[2]).replace("=6]", "") == str(seen[3]).replace("=7]", "")


def test_demo_needs_no_upstream(launch):
    """Its own place is not taken from AKASH_BASE_URL."""
    program = launch(DEMO="on", AKASH_BASE_URL="http://127.0.0.1:1")
    assert program.wait_log("serving").get("upstream") == "demo"
    check_completion(program.chat("Hello").json())


def test_sessions_of_one_second_are_not_noticed(launch):
    """Traffic for over three seconds, streams and whole answers."""
    program = launch("--demo", "--demo-session-ttl", "1",
                     "--demo-delay", "0")
    began = time.monotonic()

    def chat():
        check_completion(program.chat("Hello").json())
        check_stream(program.stream("Hello")[1])
        return time.monotonic() - began

    with Traffic(chat, threads=2) as traffic:
        program.wait_log("session obtained", count=5)
        times = traffic.results()
    assert max(times) > 3
    assert not program.log("request failed")
    assert not program.log("session was refused, getting another")


def test_program_ends_while_the_demo_speaks(launch):
    program = launch("--demo")
    response = program.open_stream("Hello")
    with response.connection:
        events = response.events()
        begun = [events.next(), events.next()]
        program.signal()
        check_stream([*begun, *events.rest()])
    program.check(program.wait())


def test_second_signal_ends_the_demo_too(launch):
    program = launch("--demo", "--demo-delay", "60000")
    with program.connect() as connection:
        connection.send("POST", "/v1/chat/completions", {
            "model": MODEL, "messages": [{"role": "user", "content": "Hi"}]})
        program.get("/health")
        program.signal()
        program.wait_log("draining")
        program.signal()
        program.check(program.wait())
        assert connection.is_closed()
