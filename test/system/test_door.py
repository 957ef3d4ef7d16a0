# SPDX-License-Identifier: AGPL-3.0-or-later
"""What a client may send at all: raw bytes, since a client library would tidy
them. Nothing that is refused costs anybody else anything."""
import random
import select
import socket
import threading

import pytest

from support import GUARD_S
from support.client import Connection, chat_body
from support.shape import check_early_error, check_error

HOST = b"Host: 127.0.0.1\r\n"
POST = b"POST /v1/chat/completions HTTP/1.1\r\n" + HOST
GET = b"GET /health HTTP/1.1\r\n" + HOST + b"\r\n"
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"

# Smuggled behind each of these, GET must never be answered.
BAD_HTTP = {
    "duplicate length": POST + b"Content-Length: 2\r\nContent-Length: 2\r\n"
                               b"\r\n{}",
    "signed length": POST + b"Content-Length: +2\r\n\r\n{}",
    "negative length": POST + b"Content-Length: -5\r\n\r\n",
    "list of lengths": POST + b"Content-Length: 2, 2\r\n\r\n{}",
    "space before the colon": POST + b"Content-Length : 2\r\n\r\n{}",
    "gzip": POST + b"Transfer-Encoding: gzip\r\n\r\n",
    "chunked and identity": POST + b"Transfer-Encoding: chunked, identity\r\n"
                                   b"\r\n",
    "xchunked": POST + b"Transfer-Encoding: xchunked\r\n\r\n",
    "both framings": POST + b"Content-Length: 5\r\n"
                            b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "head with a body": b"HEAD / HTTP/1.1\r\n" + HOST +
                        b"Content-Length: 1\r\n\r\nx",
    "head with chunks": b"HEAD / HTTP/1.1\r\n" + HOST +
                        b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "missing host": b"GET /health HTTP/1.1\r\n\r\n",
    "doubled host": b"GET /health HTTP/1.1\r\n" + HOST + HOST + b"\r\n",
    "control byte in the target": b"GET /\x01 HTTP/1.1\r\n" + HOST + b"\r\n",
    "raw utf-8 in the target": "GET /é HTTP/1.1\r\n".encode() + HOST + b"\r\n",
    "space in the target": b"GET /a b HTTP/1.1\r\n" + HOST + b"\r\n",
    "nul in a value": b"GET /health HTTP/1.1\r\n" + HOST + b"X: a\0b\r\n\r\n",
    "http 1.7": b"GET /health HTTP/1.7\r\n" + HOST + b"\r\n",
    "http -1.1": b"GET /health HTTP/-1.1\r\n" + HOST + b"\r\n",
    "http 2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "folded header": b"GET /health HTTP/1.1\r\n" + HOST + b"X: a\r\n b\r\n"
                     b"\r\n",
    "bare carriage return": b"GET /health HTTP/1.1\r\n" + HOST +
                            b"X: a\rb\r\n\r\n",
    "bare line feeds": b"GET /health HTTP/1.1\nHost: 127.0.0.1\n\n",
    "empty header name": b"GET /health HTTP/1.1\r\n" + HOST + b": a\r\n\r\n",
    "no request line": b"GARBAGE\r\n\r\n",
    "tls hello": bytes.fromhex("16030100c8010000c40303"),
    "chunk size with 0x": CHUNKED + b"0x2\r\n{}\r\n0\r\n\r\n",
    "chunk size with a sign": CHUNKED + b"+2\r\n{}\r\n0\r\n\r\n",
    "chunk extension": CHUNKED + b"2;a=b\r\n{}\r\n0\r\n\r\n",
    "junk behind a chunk": CHUNKED + b"2\r\n{}junk\r\n0\r\n\r\n",
    "unknown method with a body": b"BREW / HTTP/1.1\r\n" + HOST +
                                  b"Content-Length: 1\r\n\r\nx",
}


@pytest.mark.parametrize("name", BAD_HTTP)
def test_ambiguous_request_is_refused_and_ends_the_connection(program, name):
    """400 in JSON with Connection: close, and nothing behind it is a
    request."""
    with program.connect() as connection:
        connection.send_raw(BAD_HTTP[name] + GET)
        response = connection.response()
        assert response.header("Connection") == "close"
        check_early_error(response, 400, "bad_http")
        assert connection.is_closed()


@pytest.mark.parametrize("name", BAD_HTTP)
def test_ambiguous_request_byte_by_byte_is_refused_too(program, name):
    with program.connect() as connection:
        for byte in BAD_HTTP[name]:
            try:
                connection.send_raw(bytes([byte]))
            except (BrokenPipeError, ConnectionResetError):
                break  # refused before its end
        check_early_error(connection.response(), 400, "bad_http")


@pytest.mark.parametrize("name", ["missing host", "signed length",
                                  "chunk extension"])
def test_bad_request_behind_a_good_one_is_refused_after_its_answer(
        program, name):
    with program.connect() as connection:
        connection.send_raw(GET + BAD_HTTP[name] + GET)
        assert connection.response().json()["status"] == "ok"
        check_early_error(connection.response(), 400, "bad_http")
        assert connection.is_closed()


def test_bad_request_behind_a_stream_is_refused_after_it(program):
    with program.connect() as connection:
        connection.send("POST", "/v1/chat/completions",
                        chat_body(stream=True))
        connection.send_raw(BAD_HTTP["missing host"] + GET)
        connection.response().read()
        check_early_error(connection.response(), 400, "bad_http")
        assert connection.is_closed()


def test_pipelined_requests_are_answered_in_order(program):
    with program.connect() as connection:
        for path in ("/health", "/nowhere", "/health"):
            connection.send("GET", path)
        assert connection.response().json()["status"] == "ok"
        check_error(connection.response(), 404, "unknown_url")
        assert connection.response().json()["status"] == "ok"


def test_chunked_body_is_read(program):
    body = b'{"model":"a","messages":[]}'
    with program.connect() as connection:
        connection.send_raw(CHUNKED)
        for byte in body:
            connection.send_raw(b"1\r\n" + bytes([byte]) + b"\r\n")
        connection.send_raw(b"0\r\n\r\n")
        check_error(connection.response(), 400, "invalid_value", "messages")


def test_expect_continue_is_met_and_others_are_refused(program):
    body = b"{}"
    with program.connect() as connection:
        connection.send_raw(POST + b"Expect: 100-continue\r\n"
                            b"Content-Length: 2\r\n\r\n")
        assert connection.response().status == 100
        connection.send_raw(body)
        assert connection.response().status == 400
    with program.connect() as connection:
        connection.send_raw(POST + b"Expect: banana\r\n\r\n")
        check_early_error(connection.response(), 417, "expectation_failed")


def test_close_in_a_list_closes(program):
    with program.connect() as connection:
        connection.send("GET", "/health", headers=[("Connection",
                                                    "TE, close")])
        assert connection.response().json()["status"] == "ok"
        assert connection.is_closed()


@pytest.mark.parametrize("size", [4096, 16384])
def test_bytes_that_come_while_an_answer_leaves_pass_the_guard_too(program,
                                                                   size):
    """A read ends within the second request's head: what comes next is read
    in the turn of the loop in which the first one was answered."""
    evil = (b"POST /health HTTP/1.1\r\n" + HOST +
            b"Content-Length: 0\r\nContent-Length: 5\r\nX: ")
    first = b"GET /health HTTP/1.1\r\n" + HOST + b"X: "
    padding = b"a" * (size - len(first) - 4 - len(evil))
    for _ in range(20):
        with program.connect() as connection:
            connection.send_raw(first + padding + b"\r\n\r\n" + evil + GET)
            assert connection.response().json()["status"] == "ok"
            check_early_error(connection.response(), 400, "bad_http")
            assert connection.is_closed()


def test_many_pipelined_requests_of_several_reads_are_all_answered(program):
    request = (b"GET /health HTTP/1.1\r\n" + HOST + b"X: " + b"a" * 900 +
               b"\r\n\r\n")
    with program.connect() as connection:
        connection.send_raw(request * 60)
        for _ in range(60):
            assert connection.response().json()["status"] == "ok"


def test_connect_is_refused_and_ends_the_connection(program):
    with program.connect() as connection:
        connection.send_raw(b"CONNECT x:1 HTTP/1.1\r\n" + HOST + b"\r\n" +
                            GET)
        response = connection.response()
        assert "GET" in response.header("Allow")
        check_early_error(response, 405, "method_not_allowed")
        assert connection.is_closed()


@pytest.mark.parametrize("target", ["http://[/", "//[", "//a:b/c", "1:2", ":",
                                    "http://a:99999999/"])
def test_target_that_cannot_be_taken_apart_is_refused_in_json(program, target):
    with program.connect() as connection:
        connection.send("GET", target)
        check_early_error(connection.response(), 400, "bad_http")


# ---- sizes ----------------------------------------------------------------

def test_long_target_is_414_and_long_head_431(program):
    with program.connect() as connection:
        connection.send("GET", "/" + "a" * 9000)
        check_early_error(connection.response(), 414, "uri_too_long")
    with program.connect() as connection:
        connection.send("GET", "/health", headers=[("X", "a" * 40_000)])
        check_early_error(connection.response(), 431, "headers_too_large")


def test_large_body_is_413_before_it_is_read(start):
    program = start(MAX_BODY_SIZE="2000")
    with program.connect() as connection:
        connection.send_raw(POST + b"Content-Length: 2001\r\n\r\n")
        check_early_error(connection.response(), 413, "request_too_large")
    with program.connect() as connection:
        connection.send_raw(CHUNKED + b"7d0\r\n" + b"x" * 2000 + b"\r\n1\r\n")
        check_early_error(connection.response(), 413, "request_too_large")


def test_answer_reaches_a_client_that_is_still_sending(start):
    """The connection is not reset while the client's bytes are under way."""
    program = start(MAX_BODY_SIZE="2000")
    with program.connect() as connection:
        connection.send_raw(POST + b"Content-Length: 3000000\r\n\r\n")
        connection.send_raw(b"x" * 1_000_000)
        check_early_error(connection.response(), 413, "request_too_large")


def test_unfinished_bodies_share_one_limit(start):
    program = start(MAX_BODY_SIZE="100000", MAX_BODY_MEMORY="150000")
    with program.connect() as first, program.connect() as second:
        for connection in (first, second):
            connection.send_raw(POST + b"Content-Length: 99999\r\n\r\n")
        first.send_raw(b" " * 90_000)
        second.send_raw(b" " * 90_000)
        sockets = {one.socket: one for one in (first, second)}
        ready, _, _ = select.select(list(sockets), [], [], GUARD_S)
        response = sockets[ready[0]].response()
        check_early_error(response, 503, "overloaded")
        assert response.header("Retry-After") == "1"
        # What the refused one held is given back.
        assert program.get("/health").status == 200
        check_error(program.post(b" " * 50_000), 400, "invalid_json")


# ---- deadlines ------------------------------------------------------------

def _drip(connection, data, stop):
    for byte in data:
        if stop.wait(0.05):
            return
        try:
            connection.send_raw(bytes([byte]))
        except OSError:
            return


@pytest.mark.parametrize("head, body", [
    (b"", b"GET / HTTP/1.1\r\n" + b"X: a\r\n" * 200),
    (POST + b"Content-Length: 1000\r\n\r\n", b"x" * 1000),
    (CHUNKED, b"1\r\nx\r\n" * 300),
], ids=["head", "body", "chunks"])
def test_slow_drip_does_not_live_on(start, head, body):
    """A byte each 50 ms never lets an idle timeout run out."""
    program = start(HEAD_TIMEOUT="1", BODY_TIMEOUT="1")
    stop = threading.Event()
    with program.connect() as connection:
        connection.send_raw(head)
        thread = threading.Thread(target=_drip,
                                  args=(connection, body, stop))
        thread.start()
        try:
            assert connection.is_closed()
        finally:
            stop.set()
            thread.join()


def test_idle_connections_are_closed(start):
    program = start(HEAD_TIMEOUT="1", KEEPALIVE_TIMEOUT="1")
    with program.connect() as unused, program.connect() as used:
        used.send("GET", "/health")
        assert used.response().json()["status"] == "ok"
        assert unused.is_closed()
        assert used.is_closed()


def test_deadlines_do_not_touch_an_answer_under_way(start, upstream):
    program = start(HEAD_TIMEOUT="1", BODY_TIMEOUT="1", KEEPALIVE_TIMEOUT="1")
    release = threading.Event()
    answer = upstream.on_chat

    def late(exchange):
        exchange.wait(release)
        answer(exchange)

    upstream.on_chat = late
    with program.connect() as connection, program.connect() as other:
        connection.send("POST", "/v1/chat/completions", chat_body())
        assert upstream.wait_for("chat", 1)
        assert other.is_closed()  # a second has gone by
        release.set()
        assert connection.response().status == 200


# ---- connections ----------------------------------------------------------

def test_connections_above_the_limit_wait_and_are_served_later(start):
    program = start(MAX_CONNECTIONS="2")
    first, second = program.connect(), program.connect()
    for connection in (first, second):
        connection.send("GET", "/health")
        assert connection.response().json()["status"] == "ok"
    with program.connect() as third:
        third.send("GET", "/health")
        third.socket.settimeout(0.3)
        with pytest.raises(TimeoutError):
            third.socket.recv(1)
        third.socket.settimeout(GUARD_S)
        first.close()
        third.reader = third.socket.makefile("rb")
        assert third.response().json()["status"] == "ok"
    second.close()


def test_without_descriptors_the_loop_does_not_spin(start):
    """Connections that cannot be accepted are accepted when there is room,
    and cost no processor time until then."""
    program = start(MAX_CONNECTIONS="10000")
    _limit_descriptors(program, 24)
    crowd = [socket.create_connection(("127.0.0.1", program.port), GUARD_S)
             for _ in range(40)]
    program.wait_log("cannot accept connections")
    before = _cpu_seconds(program)
    program.wait_log("cannot accept connections", count=4)
    assert _cpu_seconds(program) - before < 0.3
    for one in crowd:
        one.close()
    assert program.get("/health").status == 200


def _limit_descriptors(program, count):
    import resource  # pylint: disable=import-outside-toplevel
    resource.prlimit(program.process.pid, resource.RLIMIT_NOFILE,
                     (count, count))


def _cpu_seconds(program):
    with open(f"/proc/{program.process.pid}/stat", encoding="ascii") as file:
        fields = file.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100


def test_500_random_malformed_requests_later_the_server_still_serves(program):
    generator = random.Random(7)
    seeds = [*BAD_HTTP.values(), GET,
             POST + b'Content-Length: 27\r\n\r\n{"model":"a","messages":[]}']
    for _ in range(500):
        data = bytearray(generator.choice(seeds))
        for _ in range(generator.randrange(1, 8)):
            place = generator.randrange(len(data))
            data[place:place + generator.randrange(3)] = bytes(
                generator.randrange(256)
                for _ in range(generator.randrange(3)))
        with Connection(program.port) as connection:
            connection.send_raw(bytes(data))
            if generator.random() < 0.3:
                connection.reset()
    assert program.get("/health").status == 200
    assert program.chat().status == 200
