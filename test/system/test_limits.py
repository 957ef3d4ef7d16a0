# SPDX-License-Identifier: AGPL-3.0-or-later
"""A key's limits, and MAX_CONCURRENT_REQUESTS with its fair queue."""
import threading

import pytest

from support import GUARD_S
from support import datastream as ds
from support.client import chat_body
from support.crowd import at_once
from support.keys import bearer, key_file
from support.shape import check_completion, check_error

LIMIT = "x-ratelimit-limit-requests"
REMAINING = "x-ratelimit-remaining-requests"
RESET = "x-ratelimit-reset-requests"


class Gated:
    """Chats that are answered one by one, when the test says so. Their last
    messages are noted as they come."""

    def __init__(self, upstream):
        self.upstream = upstream
        self.turns = threading.Semaphore(0)
        self.words = []
        upstream.on_chat = self._answer

    def _answer(self, exchange):
        word = exchange.request.json()["messages"][-1]["content"]
        with self.upstream.changed:
            self.words.append(word)
            self.upstream.changed.notify_all()
        exchange.wait_turn(self.turns)
        ds.answer("x")(exchange)

    def wait_words(self, count):
        with self.upstream.changed:
            assert self.upstream.changed.wait_for(
                lambda: len(self.words) >= count, GUARD_S), self.words
            return list(self.words)


@pytest.fixture
def gated(upstream):
    return Gated(upstream)


class Client:
    """A client that has asked and waits."""

    def __init__(self, program, word, name=None):
        self.connection = program.connect()
        self.word = word
        self.connection.send("POST", "/v1/chat/completions", chat_body(word),
                             bearer(name) if name else ())

    def answer(self):
        with self.connection:
            response = self.connection.response()
            response.read()
        return response

    def leave(self):
        self.connection.close()


def settle(program):
    """Returns when the program has read whatever was sent before: it reads
    from all the connections that are ready in one turn."""
    for _ in range(3):
        assert program.get("/health").status == 200


# ---- requests a minute ----------------------------------------------------

def test_each_key_gets_exactly_its_requests_a_minute(start, tmp_path):
    rates = {"one": 1, "five": 5, "twelve": 12}
    program = start(API_KEYS_FILE=key_file(
        tmp_path, free="",
        **{name: f"rpm={rate}" for name, rate in rates.items()}))
    names = [*rates, "free"] * 15

    def ask(number):
        return program.chat(headers=bearer(names[number]))

    got = dict.fromkeys(names, 0)
    for name, response in zip(names, at_once(len(names), ask)):
        got[name] += response.status == 200
        if response.status != 200:
            check_error(response, 429, "rate_limit_exceeded")
    # The slowest run of this test is no 5 seconds long.
    assert got == {**rates, "free": 15}


def test_headers_tell_how_the_limit_stands(start, tmp_path):
    program = start(API_KEYS_FILE=key_file(tmp_path, slow="rpm=2", free=""))
    for left, streamed in ((1, False), (0, True)):
        response = program.chat(headers=bearer("slow"), stream=streamed)
        assert response.status == 200
        assert response.header(LIMIT) == "2"
        assert response.header(REMAINING) == str(left)
    response = program.chat(headers=bearer("slow"))
    message = check_error(response, 429, "rate_limit_exceeded")
    assert "'slow'" in message and "2 times a minute" in message
    assert response.header(REMAINING) == "0"
    assert response.header(RESET).endswith("s")
    assert 20 <= int(response.header("Retry-After")) <= 30
    assert response.header("X-Should-Retry") is None
    response = program.chat(headers=bearer("free"))
    assert response.status == 200
    assert [response.header(one) for one in (LIMIT, REMAINING, RESET)] == [
        None] * 3


def test_what_is_looked_up_is_not_counted(start, tmp_path):
    program = start(API_KEYS_FILE=key_file(tmp_path, slow="rpm=1"))
    for _ in range(3):
        assert program.get("/v1/models", bearer("slow")).status == 200
    assert program.chat(headers=bearer("slow")).status == 200
    assert program.chat(headers=bearer("slow")).status == 429
    assert program.get("/v1/models", bearer("slow")).status == 200


def test_bad_requests_are_counted_and_wrong_keys_are_not(start, tmp_path):
    program = start(API_KEYS_FILE=key_file(tmp_path, slow="rpm=2"))
    for _ in range(3):
        assert program.post(b"{", bearer("other")).status == 401
    assert program.post(b"{", bearer("slow")).status == 400
    assert program.post(b"{", bearer("slow")).status == 400
    assert program.post(b"{", bearer("slow")).status == 429


# ---- requests of a key at once --------------------------------------------

def test_key_has_so_many_requests_at_once(start, gated, tmp_path):
    program = start(API_KEYS_FILE=key_file(
        tmp_path, two="concurrent=2 rpm=100", free=""))
    running = [Client(program, f"r{number}", "two") for number in range(2)]
    gated.wait_words(2)
    response = program.chat(headers=bearer("two"))
    message = check_error(response, 429, "rate_limit_exceeded")
    assert "2 requests at a time" in message
    assert response.header("Retry-After") == "1"
    assert response.header(REMAINING) == "98"  # this one cost nothing
    other = Client(program, "other", "free")
    gated.wait_words(3)
    gated.turns.release(3)
    assert [one.answer().status for one in [*running, other]] == [200] * 3
    gated.turns.release()
    assert program.chat(headers=bearer("two")).status == 200


def test_client_that_leaves_gives_its_place_back(start, gated, tmp_path):
    program = start(API_KEYS_FILE=key_file(tmp_path, one="concurrent=1"),
                    MAX_CONCURRENT_REQUESTS="1")
    client = Client(program, "gone", "one")
    gated.wait_words(1)
    client.leave()
    program.wait_log("request", end="client_gone")
    gated.turns.release(2)
    assert program.chat(headers=bearer("one")).status == 200


# ---- the gate -------------------------------------------------------------

def test_no_more_run_than_may(start, gated):
    program = start(MAX_CONCURRENT_REQUESTS="2")
    clients = [Client(program, str(number)) for number in range(6)]
    assert len(gated.wait_words(2)) == 2
    for done in range(6):
        settle(program)
        assert len(gated.words) == min(6, done + 2)
        gated.turns.release()
        gated.wait_words(min(6, done + 3))
    assert {one.answer().status for one in clients} == {200}


def test_turns_go_round_the_keys(start, gated, tmp_path):
    program = start(MAX_CONCURRENT_REQUESTS="1", API_KEYS_FILE=key_file(
        tmp_path, greedy="", modest="", late=""))
    clients = [Client(program, "first", "greedy")]
    gated.wait_words(1)
    for word, name in (("g1", "greedy"), ("g2", "greedy"), ("m1", "modest"),
                       ("l1", "late")):
        clients.append(Client(program, word, name))
        settle(program)
    for count in range(2, 6):
        gated.turns.release()
        gated.wait_words(count)
    gated.turns.release()
    assert gated.words == ["first", "g1", "m1", "l1", "g2"]
    assert {one.answer().status for one in clients} == {200}


def test_full_queue_refuses(start, gated):
    program = start(MAX_CONCURRENT_REQUESTS="1")
    clients = [Client(program, "first")]
    gated.wait_words(1)
    for number in range(4):
        clients.append(Client(program, str(number)))
        settle(program)
    response = program.chat()
    message = check_error(response, 503, "overloaded")
    assert "MAX_CONCURRENT_REQUESTS" in message
    assert response.header("Retry-After") == "5"
    assert response.header("X-Should-Retry") is None
    gated.turns.release(5)
    assert [one.answer().status for one in clients] == [200] * 5


def test_full_queue_of_one_key_has_room_for_another(start, gated, tmp_path):
    program = start(MAX_CONCURRENT_REQUESTS="1", API_KEYS_FILE=key_file(
        tmp_path, greedy="", modest=""))
    clients = [Client(program, "first", "greedy")]
    gated.wait_words(1)
    for number in range(4):
        clients.append(Client(program, f"g{number}", "greedy"))
        settle(program)
    modest = Client(program, "modest", "modest")
    check_error(clients.pop().answer(), 503, "overloaded")
    gated.turns.release(5)
    assert modest.answer().status == 200
    assert [one.answer().status for one in clients] == [200] * 4
    assert gated.words == ["first", "g0", "modest", "g1", "g2"]


def test_waiting_too_long_is_told(start, gated):
    program = start(MAX_CONCURRENT_REQUESTS="1", QUEUE_TIMEOUT="1")
    client = Client(program, "first")
    gated.wait_words(1)
    response = program.chat()
    check_error(response, 503, "overloaded")
    assert int(program.access(response).get("duration_ms")) >= 900
    gated.turns.release(2)
    assert client.answer().status == 200
    assert program.chat().status == 200
    assert gated.words == ["first", "Hi"]


def test_nobody_waits_with_a_timeout_of_0(start, gated):
    program = start(MAX_CONCURRENT_REQUESTS="1", QUEUE_TIMEOUT="0")
    client = Client(program, "first")
    gated.wait_words(1)
    check_error(program.chat(), 503, "overloaded")
    gated.turns.release()
    assert client.answer().status == 200


def test_who_leaves_the_queue_is_out_of_it_at_once(start, gated):
    program = start(MAX_CONCURRENT_REQUESTS="1")
    clients = [Client(program, "first")]
    gated.wait_words(1)
    waiting = [Client(program, f"gone{number}") for number in range(4)]
    settle(program)
    for one in waiting:
        one.leave()
    program.wait_log("request", count=4, end="client_gone")
    clients += [Client(program, f"w{number}") for number in range(4)]
    gated.turns.release(5)
    assert [one.answer().status for one in clients] == [200] * 5
    assert gated.words[0] == "first" and len(gated.words) == 5
    assert not [word for word in gated.words if word.startswith("gone")]


def test_bad_requests_leave_the_queue_behind_them_going(start, gated):
    program = start(MAX_CONCURRENT_REQUESTS="1")
    client = Client(program, "first")
    gated.wait_words(1)
    connections = [program.connect() for _ in range(3)]
    for one in connections:
        one.send("POST", "/v1/chat/completions", b"{")
    settle(program)
    last = Client(program, "last")
    gated.turns.release(2)
    assert client.answer().status == 200
    for one in connections:
        with one:
            check_error(one.response(), 400, "invalid_json")
            # The connection goes on as any other.
            one.send("GET", "/health")
            assert one.response().status == 200
    assert last.answer().status == 200


def test_models_and_health_never_wait(start, gated):
    program = start(MAX_CONCURRENT_REQUESTS="1", QUEUE_TIMEOUT="0")
    client = Client(program, "first")
    gated.wait_words(1)
    for path in ("/v1/models", "/v1/models/AkashGen", "/health", "/"):
        assert program.get(path).status == 200
    gated.turns.release()
    assert client.answer().status == 200


def test_waiting_stream_runs_when_it_may(start, gated):
    program = start(MAX_CONCURRENT_REQUESTS="1")
    client = Client(program, "first")
    gated.wait_words(1)
    with program.connect() as connection:
        connection.send("POST", "/v1/chat/completions",
                        chat_body("second", stream=True))
        settle(program)
        gated.turns.release(2)
        assert client.answer().status == 200
        response = connection.response()
        assert response.status == 200
        assert response.events().rest()[-1] == "[DONE]"


def test_program_that_is_drained_serves_those_who_wait(start, gated):
    program = start(MAX_CONCURRENT_REQUESTS="1")
    clients = [Client(program, "first")]
    gated.wait_words(1)
    clients.append(Client(program, "second"))
    settle(program)
    program.signal()
    program.wait_log("draining")
    gated.turns.release(2)
    assert [one.answer().status for one in clients] == [200, 200]
    assert program.wait() == 0


def test_second_signal_ends_those_who_wait(start, gated):
    program = start(MAX_CONCURRENT_REQUESTS="1")
    clients = [Client(program, "first")]
    gated.wait_words(1)
    clients.append(Client(program, "second"))
    settle(program)
    program.signal()
    program.wait_log("draining")
    program.signal()
    for one in clients:
        with one.connection:
            assert one.connection.is_closed()
    assert program.wait() == 0
    gated.turns.release(2)


def test_answers_come_out_right_under_load(start, upstream, tmp_path):
    """More clients than may run, of several keys, with a queue for all."""
    upstream.on_chat = ds.answer("x")
    program = start(
        MAX_CONCURRENT_REQUESTS="8", QUEUE_TIMEOUT="30",
        API_KEYS_FILE=key_file(tmp_path, a="", b="concurrent=3", c="rpm=7"))
    names = "abc" * 10

    def ask(number):
        response = program.chat(headers=bearer(names[number]))
        if response.status == 200:
            check_completion(response.json())
        return response.status

    statuses = at_once(len(names), ask)
    got = {name: [status for one, status in zip(names, statuses)
                  if one == name] for name in "abc"}
    assert got["a"] == [200] * 10
    assert set(got["b"]) <= {200, 429} and got["b"].count(200) >= 3
    assert sorted(got["c"]) == [200] * 7 + [429] * 3
