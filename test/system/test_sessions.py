# SPDX-License-Identifier: AGPL-3.0-or-later
"""Sessions: few are asked for, and no client sees one end."""
import math
import threading
import time

import pytest

from support import GUARD_S
from support import datastream as ds
from support.client import chat_body
from support.crowd import Traffic, at_once
from support.shape import check_completion, check_error, check_stream
from support.upstream import Upstream

MAX_AGE_S = 5


@pytest.fixture
def short_lived():
    """An upstream whose sessions end after five seconds."""
    with Upstream(max_age=MAX_AGE_S) as running:
        yield running


def test_program_without_traffic_asks_for_no_session(program, upstream):
    program.get("/health")
    program.get("/")
    assert upstream.requests == []


def test_one_session_serves_all(program, upstream):
    for _ in range(5):
        assert program.chat().status == 200
        assert program.get("/v1/models").status == 200
    assert upstream.count("session") == 1
    assert upstream.refused == 0


def test_100_requests_at_once_on_a_cold_start_make_one_session(
        program, upstream):
    all_sent = threading.Event()
    upstream.on_session = ds.hold(all_sent, upstream.grant_session)
    connections = [program.connect() for _ in range(100)]
    for number, connection in enumerate(connections):
        connection.send("POST", "/v1/chat/completions",
                        chat_body(stream=number % 2 == 0))
    program.get("/health")  # by its answer the others have been read
    all_sent.set()
    for number, connection in enumerate(connections):
        with connection:
            response = connection.response()
            assert response.status == 200
            if number % 2 == 0:
                check_stream(response.events().rest())
            else:
                check_completion(response.json())
    assert upstream.count("session") == 1
    assert upstream.count("chat") == 100
    assert upstream.refused == 0


def test_flushed_sessions_are_not_seen_by_a_client(program, upstream):
    assert program.chat().status == 200
    assert program.get("/v1/models").status == 200
    upstream.flush_sessions()
    assert program.chat("again").status == 200
    assert upstream.count("session") == 2
    first, refused, replayed = upstream.of_kind("chat")
    assert replayed.json() == refused.json()
    cookies = [one.header("Cookie") for one in (first, refused, replayed)]
    assert cookies == [f"session_token={upstream.tokens()[i]}"
                       for i in (0, 0, 1)]


def test_sessions_flushed_in_mid_traffic_are_not_seen_by_clients(
        program, upstream):
    program.get("/v1/models")
    answer = upstream.on_chat
    flushed = threading.Event()

    def flush_once(exchange):
        if not flushed.is_set():
            flushed.set()
            upstream.flush_sessions()
        answer(exchange)

    upstream.on_chat = flush_once
    for _ in range(5):
        flushed.clear()
        responses = at_once(20, lambda number: program.chat(
            f"number {number}"))
        assert [response.status for response in responses] == [200] * 20
        assert flushed.is_set()
    # The last flush may have come behind the last chat's check.
    assert 5 <= upstream.count("session") <= 6
    assert upstream.refused <= 5 * 20


def test_stream_outlives_its_session(program, upstream):
    go_on = threading.Event()

    def slow(exchange):
        exchange.start()
        exchange.send_chunk(ds.START + ds.text("one "))
        exchange.wait(go_on)
        exchange.send_chunk(ds.text("two") + b"".join(ds.ends()))
        exchange.end()

    upstream.on_chat = slow
    response = program.open_stream()
    with response.connection:
        events = response.events()
        begun = [events.next(), events.next()]
        upstream.flush_sessions()
        go_on.set()
        assert check_stream([*begun, *events.rest()]).text == "one two"


def test_renewal_is_neither_seen_nor_waited_for(launch, short_lived):
    """Under steady traffic over three sessions no chat is refused, and chats
    are served while the upstream holds the renewal back."""
    upstream = short_lived
    program = launch(AKASH_BASE_URL=upstream.url)
    go_on = threading.Event()
    go_on.set()

    def hold_the_second(exchange):
        if upstream.count("session") == 2:
            exchange.wait(go_on)
        upstream.grant_session(exchange)

    upstream.on_session = hold_the_second
    assert program.chat().status == 200
    go_on.clear()
    with Traffic(program.chat, threads=2) as traffic:
        try:
            assert upstream.wait_for("session", 2)
            served = upstream.count("chat")
            assert upstream.wait_for("chat", served + 6)
        finally:
            go_on.set()
        assert upstream.wait_for("session", 3)
        responses = traffic.results()
    assert {response.status for response in responses} == {200}
    assert upstream.refused == 0
    assert upstream.count("session") == 3


def test_session_that_ended_is_not_sent(launch, short_lived):
    """Without traffic nothing is renewed; the next chat gets a new one."""
    upstream = short_lived
    upstream.max_age = 1
    program = launch(AKASH_BASE_URL=upstream.url)
    program.get("/v1/models")
    assert not upstream.wait_for("session", 2, seconds=1.2)
    assert program.chat().status == 200
    assert upstream.refused == 0


# What: (the handler, status, code, words of the message).
FAILURES = {
    "500 and nothing": (
        ds.reply(500), 502, "upstream_session_error", "HTTP 500"),
    "an access token is wanted": (
        ds.reply_json(403, {"error": "Access token required"}), 502,
        "upstream_session_error", "AKASH_ACCESS_TOKEN"),
    "200 without a cookie": (
        ds.reply_json(200, {"success": True}), 502,
        "upstream_session_error", "session"),
    "a cookie of another name": (
        ds.reply_json(200, {}, [("set-cookie", "sid=0123; Max-Age=9")]), 502,
        "upstream_session_error", "session"),
    "a cookie that has ended": (
        ds.reply_json(200, {}, [
            ("set-cookie", "session_token=0123; Max-Age=0")]), 502,
        "upstream_session_error", "session"),
    "a cookie that is none": (
        ds.reply_json(200, {}, [
            ("set-cookie", 'session_token="a\\b"; Max-Age=9')]), 502,
        "upstream_session_error", "session"),
    "a web page": (
        ds.reply(403, b"<html>", "text/html"), 502, "upstream_challenge",
        "in front of"),
    "too many requests": (
        ds.reply(429, headers=[("Retry-After", "9")]), 429,
        "rate_limit_exceeded", "429"),
    "another place": (
        ds.reply(308, headers=[("location", "/login/")]), 502,
        "upstream_session_error", "/login/"),
    "a cut connection": (
        lambda exchange: exchange.cut(), 502, "upstream_error", "closed"),
}


@pytest.mark.parametrize("name", FAILURES)
def test_session_that_cannot_be_had_is_told_with_its_reason(
        program, upstream, name):
    upstream.on_session, status, code, words = FAILURES[name]
    for body in (chat_body(), chat_body(stream=True)):
        message = check_error(program.post(body), status, code)
        assert words in message
    assert upstream.count("chat") == 0


def test_failing_session_endpoint_is_asked_seldom(program, upstream):
    upstream.on_session = ds.reply_json(500, {"error": "Out of order"})
    began = time.monotonic()
    responses = at_once(20, lambda _: program.chat())
    responses += [program.chat() for _ in range(30)]
    elapsed = time.monotonic() - began
    for response in responses:
        assert "Out of order" in check_error(
            response, 502, "upstream_session_error")
    # Pauses of 0.5 s, 1 s, 2 s …
    assert upstream.count("session") <= 1 + math.log2(1 + elapsed / 0.5)
    assert upstream.count("chat") == 0


def test_session_endpoint_that_recovers_is_used_again(program, upstream):
    upstream.on_session = ds.reply(500)
    assert program.chat().status == 502
    upstream.on_session = upstream.grant_session
    give_up = time.monotonic() + GUARD_S
    while program.chat().status != 200:
        assert time.monotonic() < give_up
        upstream.wait_for("session", 2, 0.05)
    assert upstream.count("session") == 2


def test_two_refused_sessions_in_a_row_give_502(program, upstream):
    upstream.refuse_next = math.inf
    for stream in (False, True):
        upstream.requests.clear()
        response = program.chat(stream=stream)
        message = check_error(response, 502, "upstream_session_error")
        assert "refused" in message
        assert upstream.count("chat") == 2


def test_stale_session_is_renewed_for_the_list_of_models(program, upstream):
    upstream.refuse_next = 1
    assert program.get("/v1/models").status == 200
    assert upstream.count("models") == 2
    assert upstream.count("session") == 2


def test_session_cookie_is_found_among_others(program, upstream):
    upstream.on_session = lambda exchange: upstream.grant_session(exchange, [
        ("set-cookie", "cf_clearance=xyz; Path=/; Max-Age=1"),
        ("set-cookie", "not_session_token=0; Max-Age=1")])
    assert program.chat().status == 200
    assert upstream.of_kind("chat")[0].header("Cookie") \
        == f"session_token={upstream.tokens()[0]}"
