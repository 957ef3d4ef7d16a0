# SPDX-License-Identifier: AGPL-3.0-or-later
"""Nothing is held back: the upstream sends a piece only when the client has
the one before, so that a program that waits for more deadlocks and the guard
ends the test."""
import json
import threading

import pytest

from support import GUARD_S
from support import datastream as ds
from support.client import chat_body
from support.shape import ROLE_DELTA, check_stream

COUNT = 30


class LockStep:
    """A handler that sends pieces in turn, and the client's side of it."""

    def __init__(self, pieces, send):
        self._pieces = pieces
        self._send = send
        self._turns = threading.Semaphore(0)

    def __call__(self, exchange):
        exchange.start()
        for piece in self._pieces:
            self._send(exchange, piece)
            exchange.wait_turn(self._turns)
        exchange.send_chunk(b"".join(ds.ends()))
        exchange.end()

    def go_on(self):
        self._turns.release()


def one_chunk(exchange, piece):
    exchange.send_chunk(ds.text(piece))


def byte_by_byte(exchange, piece):
    for byte in ds.text(piece):
        exchange.send_chunk(bytes([byte]))


def check_pacing(connection, handler, texts, **fields):
    """Reads a stream delta by delta and lets the upstream go on after each;
    then checks the whole."""
    connection.send("POST", "/v1/chat/completions",
                    chat_body(stream=True, **fields))
    events = connection.response().events()
    payloads = [events.next()]
    assert json.loads(payloads[0])["choices"][0]["delta"] == ROLE_DELTA
    for text in texts:
        payloads.append(events.next())
        delta = json.loads(payloads[-1])["choices"][0]["delta"]
        assert delta == {"content": text}
        handler.go_on()
    payloads += events.rest()
    assert check_stream(payloads).text == "".join(texts)


@pytest.mark.parametrize("send", [one_chunk, byte_by_byte])
def test_each_delta_passes_at_once(program, upstream, send):
    texts = [f"word {number}, " for number in range(COUNT)]
    upstream.on_chat = LockStep(texts, send)
    with program.connect() as connection:
        check_pacing(connection, upstream.on_chat, texts)


def test_line_passes_at_once_within_a_chunk(program, upstream):
    """What has come of a chunk is not kept until all of it has."""
    texts = [f"word {number}, " for number in range(COUNT)]
    rest = b"".join(map(ds.text, texts[1:])) + b"".join(ds.ends())
    turns = threading.Semaphore(0)

    def one_large_chunk(exchange):
        exchange.start()
        exchange.send_chunk(ds.text(texts[0]))
        exchange.wait_turn(turns)
        exchange.send_raw(b"%x\r\n" % len(rest))
        for text in texts[1:]:
            exchange.send_raw(ds.text(text))
            exchange.wait_turn(turns)
        exchange.send_raw(b"".join(ds.ends()) + b"\r\n0\r\n\r\n")

    upstream.on_chat = one_large_chunk
    one_large_chunk.go_on = turns.release
    with program.connect() as connection:
        check_pacing(connection, one_large_chunk, texts)


def test_line_passes_at_once_within_a_chunk_that_comes_with_the_head(
        program, upstream):
    """Head, size and the chunk's first line in one read."""
    lines = [ds.text("one"), ds.text("two") + b"".join(ds.ends())]
    turns = threading.Semaphore(0)

    def with_head(exchange):
        exchange.start(more=b"%x\r\n%s" % (len(b"".join(lines)), lines[0]))
        exchange.wait_turn(turns)
        exchange.send_raw(lines[1] + b"\r\n0\r\n\r\n")
        exchange.wait_turn(turns)

    upstream.on_chat = with_head
    with_head.go_on = turns.release
    with program.connect() as connection:
        check_pacing(connection, with_head, ["one", "two"])


def test_whole_line_passes_before_the_next_is_whole(program, upstream):
    turns = threading.Semaphore(0)

    def cut_lines(exchange):
        exchange.start()
        exchange.send_chunk(ds.START + ds.text("one") + b'0:"tw')
        exchange.wait_turn(turns)
        exchange.send_chunk(b'o"\n0:"\xf0\x9f')
        exchange.wait_turn(turns)
        exchange.send_chunk(b'\x98\x80"\n')
        exchange.wait_turn(turns)
        exchange.send_chunk(b"".join(ds.ends()))
        exchange.end()

    upstream.on_chat = cut_lines
    cut_lines.go_on = turns.release
    with program.connect() as connection:
        check_pacing(connection, cut_lines, ["one", "two", "😀"])


def test_deltas_pass_at_once_until_the_connection_closes(program, upstream):
    """An upstream that frames its answer by the connection's end."""
    texts = [f"word {number}, " for number in range(COUNT)]
    turns = threading.Semaphore(0)

    def until_close(exchange):
        exchange.start(framing="close")
        for text in texts:
            exchange.send_raw(ds.text(text))
            exchange.wait_turn(turns)
        exchange.send_raw(b"".join(ds.ends()))

    upstream.on_chat = until_close
    until_close.go_on = turns.release
    with program.connect() as connection:
        check_pacing(connection, until_close, texts)


def test_deltas_pass_at_once_to_http_1_0(program, upstream):
    texts = [f"word {number}, " for number in range(COUNT)]
    upstream.on_chat = LockStep(texts, one_chunk)
    with program.connect() as connection:
        connection.send("POST", "/v1/chat/completions",
                        chat_body(stream=True), version="1.0")
        events = connection.response().events()
        assert events.next_delta() == ROLE_DELTA
        for text in texts:
            assert events.next_delta() == {"content": text}
            upstream.on_chat.go_on()
        assert events.rest()[-1] == "[DONE]"


def test_reasoning_passes_at_once(program, upstream):
    texts = [f"thought {number}, " for number in range(COUNT)]
    upstream.on_chat = LockStep(texts, lambda exchange, piece:
                                exchange.send_chunk(ds.reasoning(piece)))
    response = program.open_stream()
    with response.connection:
        events = response.events()
        assert events.next_delta() == ROLE_DELTA
        for text in texts:
            assert events.next_delta() == {"reasoning_content": text}
            upstream.on_chat.go_on()
        assert events.rest()[-1] == "[DONE]"


def test_many_streams_pass_at_once_side_by_side(program, upstream):
    """Thirty streams, a delta of each in turn."""
    handlers = {}

    def dispatch(exchange):
        handlers[exchange.request.json()["messages"][0]["content"]](exchange)

    upstream.on_chat = dispatch
    streams = []
    for number in range(30):
        name = f"stream {number}"
        handlers[name] = LockStep([f"{name}/{i}" for i in range(5)],
                                  one_chunk)
        response = program.open_stream(name)
        streams.append((name, response, response.events()))
    for _, _, events in streams:
        assert events.next_delta() == ROLE_DELTA
    for i in range(5):
        for name, _, events in streams:
            assert events.next_delta() == {"content": f"{name}/{i}"}
            handlers[name].go_on()
    for _, response, events in streams:
        assert events.rest()[-1] == "[DONE]"
        response.connection.close()


def test_head_waits_for_the_first_piece_of_the_answer(program, upstream):
    """Neither the upstream's head nor its start are a reason to say 200."""
    go_on = threading.Event()

    def late(exchange):
        exchange.start()
        exchange.send_chunk(ds.START)
        exchange.send_chunk(ds.line("2", ["x"]))
        exchange.wait(go_on)
        exchange.send_chunk(ds.error("Rate limit"))
        exchange.end()

    upstream.on_chat = late
    with program.connect() as connection:
        connection.send("POST", "/v1/chat/completions",
                        chat_body(stream=True))
        assert upstream.wait_for("chat", 1)
        program.get("/health")  # the program has seen the upstream's head
        go_on.set()
        assert connection.response().status == 429


def test_client_that_does_not_read_holds_up_nobody(program, upstream):
    """64 MB for one who does not read and as many for one who does: the
    program takes from the upstream only what its client takes."""
    text = ds.text("x" * 100_000)
    sent = {"not read": threading.Event(), "read": threading.Event()}

    def flood(exchange):
        exchange.start()
        for _ in range(640):
            exchange.send_chunk(text)
        exchange.send_chunk(b"".join(ds.ends()))
        exchange.end()
        sent[exchange.request.json()["messages"][0]["content"]].set()

    upstream.on_chat = flood
    response = program.open_stream("not read")
    with response.connection:
        with program.open_stream("read").connection as other:
            tail = b""
            while b"[DONE]" not in tail:
                tail = (tail + other.reader.read1(1 << 20))[-(1 << 20):]
        assert sent["read"].wait(GUARD_S)
        assert not sent["not read"].is_set()


def test_client_that_never_reads_is_let_go(start, upstream):
    """And the upstream's work with it."""
    program = start(WRITE_TIMEOUT="1")
    gone = threading.Event()

    def flood(exchange):
        exchange.start()
        try:
            while True:
                exchange.send_chunk(ds.text("x" * 100_000))
        finally:
            gone.set()

    upstream.on_chat = flood
    response = program.open_stream()
    with response.connection:
        assert gone.wait(GUARD_S)
    assert program.access(response).get("end") == "client_gone"


def test_answer_does_not_wait_for_the_sites_body_to_end(program, upstream):
    """The message's end is the answer's, whatever may still come."""
    release = threading.Event()

    def handle(exchange):
        exchange.start()
        for one in ds.answer_lines("Hello"):
            exchange.send_chunk(one)
        exchange.wait(release)

    upstream.on_chat = handle
    try:
        assert program.chat().json()["choices"][0]["message"][
            "content"] == "Hello"
        _, payloads = program.stream()
        assert payloads[-1] == "[DONE]"
    finally:
        release.set()
