# SPDX-License-Identifier: AGPL-3.0-or-later
"""Signals, drains, and clients that leave."""
import json
import signal
import threading

import pytest

from support import GUARD_S
from support import datastream as ds
from support.client import Connection, chat_body
from support.program import Program
from support.shape import check_completion, check_error, check_stream

SIGNALS = [signal.SIGTERM, signal.SIGINT]


class SlowAnswer:
    """A handler that waits in the middle of its answer, and knows when the
    program has closed the connection."""

    def __init__(self):
        self.go_on = threading.Event()
        self.gone = threading.Event()

    def __call__(self, exchange):
        exchange.start()
        exchange.send_chunk(ds.START + ds.text("one "))
        exchange.wait(self.go_on)
        exchange.send_chunk(ds.text("two") + b"".join(ds.ends()))
        exchange.end()

    def until_gone(self, exchange):
        """Begins an answer that the program has to give up."""
        try:
            exchange.start()
            exchange.send_chunk(ds.START + ds.text("one "))
            exchange.wait_gone()
        except OSError:
            pass  # gone already
        self.gone.set()

    def silent_until_gone(self, exchange):
        exchange.wait_gone()
        self.gone.set()


@pytest.fixture
def slow(upstream):
    upstream.on_chat = SlowAnswer()
    return upstream.on_chat


def begin(response):
    """Reads a stream's role and first piece: it runs."""
    events = response.events()
    return events, [events.next(), events.next()]


def is_refused(program):
    try:
        Connection(program.port).close()
    except ConnectionRefusedError:
        return True
    return False


@pytest.mark.parametrize("number", SIGNALS)
def test_idle_program_ends_at_once(program, number):
    with program.connect() as connection:
        connection.send("GET", "/health")
        connection.response().read()
        program.signal(number)
        program.check(program.wait())
        assert connection.is_closed()


@pytest.mark.parametrize("number", SIGNALS)
def test_running_stream_finishes_first(program, slow, number):
    response = program.open_stream()
    with response.connection:
        events, begun = begin(response)
        program.signal(number)
        program.wait_log("draining")
        while not is_refused(program):  # with the loop's next turn
            pass
        assert program.process.poll() is None
        slow.go_on.set()
        assert check_stream([*begun, *events.rest()]).text == "one two"
        assert response.connection.is_closed()
    program.check(program.wait())


def test_running_whole_answer_finishes_first(program, slow):
    with program.connect() as connection:
        connection.send("POST", "/v1/chat/completions", chat_body())
        assert program.get("/health").status == 200
        program.signal()
        program.wait_log("draining")
        slow.go_on.set()
        response = connection.response()
        assert check_completion(response.json())["content"] == "one two"
        assert response.header("Connection") == "close"
        assert connection.is_closed()
    program.check(program.wait())


def test_request_of_an_idle_connection_is_the_last_during_a_drain(
        program, slow):
    """A connection that was there before the signal is served and closed."""
    response = program.open_stream()
    with response.connection, program.connect() as other:
        other.send("GET", "/health")
        other.response().read()
        events, _ = begin(response)
        program.signal()
        program.wait_log("draining")
        other.send("GET", "/health")
        answer = other.response()
        assert answer.status in (200, 503)
        assert answer.header("Connection") == "close"
        answer.read()
        assert other.is_closed()
        slow.go_on.set()
        events.rest()
    program.check(program.wait())


@pytest.mark.parametrize("first", SIGNALS)
@pytest.mark.parametrize("second", SIGNALS)
def test_second_signal_ends_at_once(program, upstream, slow, first, second):
    upstream.on_chat = slow.until_gone
    response = program.open_stream()
    with response.connection:
        events, _ = begin(response)
        program.signal(first)
        program.wait_log("draining")
        program.signal(second)
        program.check(program.wait())
        assert events.next() is None
        assert not response.complete  # nobody takes it for the whole
    assert slow.gone.wait(GUARD_S)


@pytest.mark.parametrize("seconds", ["0", "1"])
def test_drain_ends_a_stream_after_its_time(start, upstream, slow, seconds):
    """With an error, so that nobody takes what came for the whole."""
    upstream.on_chat = slow.until_gone
    program = start(DRAIN_TIMEOUT=seconds)
    response = program.open_stream()
    with response.connection:
        events, _ = begin(response)
        program.signal()
        [error] = events.rest()
        assert json.loads(error)["error"]["code"] == "shutting_down"
        assert response.connection.is_closed()
    program.check(program.wait())
    assert slow.gone.wait(GUARD_S)
    assert program.access(response).get("end") == "drain"


def test_drain_ends_a_whole_answer_after_its_time(start, upstream, slow):
    upstream.on_chat = slow.silent_until_gone
    program = start(DRAIN_TIMEOUT="0")
    with program.connect() as connection:
        connection.send("POST", "/v1/chat/completions", chat_body())
        assert upstream.wait_for("chat", 1)
        program.signal()
        response = connection.response()
        check_error(response, 503, "shutting_down")
        assert response.header("Connection") == "close"
    program.check(program.wait())
    assert program.access(response).get("end") == "drain"


def test_upload_that_goes_on_does_not_hold_up_the_end(start):
    program = start(DRAIN_TIMEOUT="0")
    with program.connect() as connection:
        connection.send_raw(b"POST /v1/chat/completions HTTP/1.1\r\n"
                            b"Host: a\r\nContent-Length: 100\r\n\r\n{")
        assert program.get("/health").status == 200
        program.signal()
        program.check(program.wait())


def test_listener_stays_open_for_the_delay(start, upstream, slow):
    """Requests are served as before, but /ready turns a load balancer away."""
    program = start(DRAIN_DELAY="2", DRAIN_TIMEOUT="0")
    while program.get("/ready").status != 200:
        pass
    program.signal()
    line = program.wait_log("draining")
    assert (line.get("delay_s"), line.get("timeout_s")) == ("2", "0")
    answer = program.get("/ready")
    assert answer.status == 503
    assert answer.json() == {"status": "not ready",
                             "reason": "the program is shutting down"}
    assert answer.header("Connection") == "close"
    slow.go_on.set()
    assert program.chat().status == 200
    assert program.get("/health").status == 200
    assert upstream.count("chat") == 1
    program.check(program.wait())


def test_second_signal_ends_the_delay(start):
    program = start(DRAIN_DELAY="3600")
    program.signal()
    program.wait_log("draining")
    assert not is_refused(program)
    program.signal()
    program.check(program.wait())


def test_signal_right_after_listening_is_heeded(upstream):
    """Whoever starts the program may take the line for "ready"."""
    for _ in range(20):
        program = Program(AKASH_BASE_URL=upstream.url)
        program.signal()
        program.check(program.wait())


def test_client_that_leaves_in_mid_stream_ends_the_upstream_s_work(
        program, upstream, slow):
    upstream.on_chat = slow.until_gone
    response = program.open_stream()
    begin(response)
    response.connection.close()
    assert slow.gone.wait(GUARD_S)
    assert program.access(response).get("end") == "client_gone"


def test_client_that_resets_in_mid_stream_ends_the_upstream_s_work(
        program, upstream, slow):
    upstream.on_chat = slow.until_gone
    response = program.open_stream()
    begin(response)
    response.connection.reset()
    assert slow.gone.wait(GUARD_S)
    assert program.access(response).get("end") == "client_gone"


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("leave", [Connection.close, Connection.reset])
def test_client_that_leaves_before_the_answer_ends_the_upstream_s_work(
        program, upstream, slow, stream, leave):
    upstream.on_chat = slow.silent_until_gone
    connection = program.connect()
    connection.send("POST", "/v1/chat/completions", chat_body(stream=stream),
                    [("X-Request-Id", "leaver")])
    assert upstream.wait_for("chat", 1)
    leave(connection)
    assert slow.gone.wait(GUARD_S)
    assert program.wait_log("request", id="leaver").get("end") \
        == "client_gone"


def test_client_that_leaves_while_a_whole_answer_is_gathered(
        program, upstream, slow):
    upstream.on_chat = slow.until_gone
    connection = program.connect()
    connection.send("POST", "/v1/chat/completions", chat_body())
    assert upstream.wait_for("chat", 1)
    connection.close()
    assert slow.gone.wait(GUARD_S)


def test_client_that_leaves_while_the_session_is_awaited(program, upstream):
    go_on = threading.Event()
    upstream.on_session = ds.hold(go_on, upstream.grant_session)
    connection = program.connect()
    connection.send("POST", "/v1/chat/completions", chat_body())
    assert upstream.wait_for("session", 1)
    connection.close()
    program.wait_log("request", end="client_gone")
    go_on.set()
    assert program.chat().status == 200
    assert upstream.count("session") == 1
    assert upstream.count("chat") == 1


def test_clients_that_leave_do_not_disturb_the_others(program, upstream,
                                                      slow):
    """Of twenty streams every other one is left."""
    responses = [program.open_stream() for _ in range(20)]
    begun = [begin(response) for response in responses]
    for response in responses[::2]:
        response.connection.reset()
    for response in responses[::2]:
        program.access(response)
    slow.go_on.set()
    for response, (events, payloads) in list(zip(responses, begun))[1::2]:
        with response.connection:
            assert check_stream([*payloads, *events.rest()]).text == "one two"
    assert upstream.count("chat") == 20


def test_early_bytes_of_a_client_do_no_harm(program, slow):
    """What comes while an answer runs waits for its end."""
    response = program.open_stream()
    with response.connection as connection:
        events, begun = begin(response)
        connection.send("GET", "/health")
        slow.go_on.set()
        check_stream([*begun, *events.rest()])
        assert connection.response().json()["status"] == "ok"


def test_client_that_floods_while_it_waits_counts_as_gone(program, slow):
    """And nobody else is the worse for it."""
    response = program.open_stream()
    with response.connection as connection:
        begin(response)
        with pytest.raises(OSError):
            for _ in range(1000):
                connection.send_raw(b"x" * 100_000)
    assert program.get("/health").status == 200
    assert program.access(response).get("end") == "client_gone"
    slow.go_on.set()


def test_sigterm_waits_for_a_request_that_is_still_arriving(start):
    program = start()
    body = json.dumps(chat_body()).encode()
    with program.connect() as connection:
        connection.send_raw(
            b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\n"
            b"Content-Length: %d\r\n\r\n" % len(body) + body[:10])
        program.get("/health")  # it has been read
        program.signal()
        program.wait_log("draining")
        connection.send_raw(body[10:])
        response = connection.response()
        assert response.status == 200
        assert response.header("Connection") == "close"
        response.read()
    assert program.wait() == 0


def test_signals_while_it_ends_do_not_matter(start):
    """However many come, and whenever: the exit status is 0."""
    for _ in range(20):
        program = start()
        while program.process.poll() is None:
            program.signal(signal.SIGTERM)
            program.signal(signal.SIGHUP)
        program.check(program.wait())
