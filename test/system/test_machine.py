# SPDX-License-Identifier: AGPL-3.0-or-later
"""What the machine does to the program: no descriptors, no room for logs, no
memory, a clock that jumps, a time in which it is stopped."""
import contextlib
import datetime
import json
import os
import pathlib
import resource
import signal
import subprocess
import threading

import pytest

from support import GUARD_S
from support import datastream as ds
from support.certificates import Authority
from support.client import Connection, chat_body
from support.footprint import MB, SANITIZED, Footprint
from support.program import BINARY, environment
from support.shape import check_error_body, check_stream
from support.upstream import Upstream

DAY_S = 86400
STOPPED_S = 60 if os.environ.get("AC_SLOW_TESTS") else 4


class Paced:
    """A stream of words, each sent when the test says so."""

    def __init__(self, upstream, *words):
        self.turns = threading.Semaphore(0)
        self.words = words
        upstream.on_chat = self

    def __call__(self, exchange):
        exchange.start()
        for word in self.words:
            exchange.wait_turn(self.turns)
            exchange.send_chunk(ds.text(word))
        exchange.send_chunk(b"".join(ds.ends()))
        exchange.end()


# ---- descriptors ------------------------------------------------------------

def test_request_without_a_descriptor_for_the_site_is_refused(
        start, upstream):
    """And served when there is one again."""
    program = start(MAX_CONNECTIONS="10000")
    with contextlib.ExitStack() as stack:
        first = stack.enter_context(program.connect())
        first.send("GET", "/health")
        assert first.response().json()["status"] == "ok"
        held = len(Footprint(program.process.pid).descriptors())
        soft, hard = resource.prlimit(program.process.pid,
                                      resource.RLIMIT_NOFILE)
        resource.prlimit(program.process.pid, resource.RLIMIT_NOFILE,
                         (held, hard))
        for stream in (False, True):
            first.send("POST", "/v1/chat/completions",
                       chat_body(stream=stream))
            response = first.response()
            assert response.status in (502, 503), response.read()
            check_error_body(response.json())
        assert upstream.requests == []
        resource.prlimit(program.process.pid, resource.RLIMIT_NOFILE,
                         (soft, hard))
    give_up = threading.Event()
    for _ in range(GUARD_S * 20):  # the session is left alone for a while
        if (status := program.chat().status) == 200:
            break
        give_up.wait(0.05)
    assert status == 200


# ---- logs -------------------------------------------------------------------

@contextlib.contextmanager
def logging_to(stderr, folder, upstream):
    """A program whose log goes to an open file: a function that connects to
    it."""
    path = folder / "socket"
    with subprocess.Popen(
            [BINARY], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=stderr, env=environment({
                "SERVER_ADDRESS": f"unix:{path}", "LOG_LEVEL": "debug",
                "AKASH_BASE_URL": upstream.url})) as process:
        tick = threading.Event()
        for _ in range(GUARD_S * 50):
            if path.exists() or process.poll() is not None:
                break
            tick.wait(0.02)
        try:
            yield lambda: Connection(str(path))
        finally:
            process.terminate()
            assert process.wait(GUARD_S) == 0


def ask_all(connect):
    """A good request, a stream, a bad request and health."""
    with connect() as connection:
        connection.send("POST", "/v1/chat/completions", chat_body())
        assert connection.response().status == 200
    with connect() as connection:
        connection.send("POST", "/v1/chat/completions", chat_body(stream=True))
        check_stream(connection.response().events().rest())
    with connect() as connection:
        connection.send_raw(b"nonsense\r\n\r\n")
        assert connection.response().status == 400
    with connect() as connection:
        connection.send("GET", "/health")
        assert connection.response().json()["status"] == "ok"


def test_full_disk_for_the_log_changes_nothing(tmp_path, upstream):
    with open("/dev/full", "wb") as full, \
            logging_to(full, tmp_path, upstream) as connect:
        for _ in range(20):
            ask_all(connect)


def test_log_that_nobody_takes_any_more_changes_nothing(tmp_path, upstream):
    """A pipe whose reader has gone."""
    read_end, write_end = os.pipe()
    with os.fdopen(write_end, "wb") as pipe, \
            logging_to(pipe, tmp_path, upstream) as connect:
        os.close(read_end)
        for _ in range(20):
            ask_all(connect)


# ---- memory -----------------------------------------------------------------

@pytest.mark.skipif(SANITIZED, reason="the sanitizer needs the addresses")
def test_without_memory_it_says_so_and_aborts(start, upstream):
    """One line, and a status by which a service manager starts it anew."""
    program = start(MAX_BODY_SIZE=str(512 * MB), MAX_BODY_MEMORY=str(1 << 31))
    assert program.chat().status == 200
    statm = pathlib.Path(f"/proc/{program.process.pid}/statm")
    size = int(statm.read_text().split()[0]) * resource.getpagesize()
    resource.prlimit(program.process.pid, resource.RLIMIT_AS,
                     (size + 48 * MB, size + 48 * MB))
    body = json.dumps(chat_body("x" * (64 * MB))).encode()
    with program.connect() as connection:
        try:
            connection.send("POST", "/v1/chat/completions", body)
            connection.response()
        except (AssertionError, ConnectionError):
            pass
    status = program.wait()
    program.lines, lines = [], program.lines
    assert status == -signal.SIGABRT, (status, lines)
    assert lines[-1] == "akashchat-api: out of memory"
    assert sum("out of memory" in line for line in lines) == 1


# ---- time -------------------------------------------------------------------

FAKETIME = next(iter(pathlib.Path("/usr/lib").glob(
    "*/faketime/libfaketime.so.1")), None)


class Clock:
    """A wall clock that is set by the test."""

    def __init__(self, folder):
        self._file = folder / "time"
        self.set(0)
        self.wrapper = ("env", f"LD_PRELOAD={FAKETIME}",
                        f"FAKETIME_TIMESTAMP_FILE={self._file}",
                        "FAKETIME_NO_CACHE=1", "FAKETIME_DONT_FAKE_MONOTONIC=1")

    def set(self, offset_s):
        other = self._file.with_suffix(".new")
        other.write_text(f"{offset_s:+d}\n")
        other.replace(self._file)


def logged_at(program, response):
    """The time of a response's access line, in seconds."""
    text = program.access(response).text.partition(" ")[0]
    return datetime.datetime.fromisoformat(
        text.replace("Z", "+00:00")).timestamp()


@pytest.mark.skipif(SANITIZED or FAKETIME is None,
                    reason="no libfaketime, or it does not go with the "
                           "sanitizer")
@pytest.mark.parametrize("jump_s", [DAY_S, -DAY_S], ids=["on", "back"])
def test_jump_of_the_clock_changes_nothing(launch, upstream, tmp_path,
                                           jump_s):
    """Not for a stream, an idle connection, the session, deadlines."""
    clock = Clock(tmp_path)
    program = launch(wrapper=clock.wrapper, AKASH_BASE_URL=upstream.url,
                     SILENCE_TIMEOUT="20", KEEPALIVE_TIMEOUT="20",
                     COMMENT_INTERVAL="20", MODELS_TTL="600")
    assert program.get("/v1/models").status == 200
    assert program.chat().status == 200
    paced = Paced(upstream, "one", " two", " three")
    with program.connect() as idle:
        idle.send("GET", "/health")
        assert idle.response().json()["status"] == "ok"
        paced.turns.release()
        stream = program.open_stream()
        with stream.connection:
            events = stream.events()
            assert events.next_delta()["role"] == "assistant"
            assert events.next_delta()["content"] == "one"
            before = logged_at(program, program.get("/health"))
            clock.set(jump_s)
            paced.turns.release()
            assert events.next_delta()["content"] == " two"
            idle.send("GET", "/health")
            assert idle.response().json()["status"] == "ok"
            upstream.on_chat = ds.answer("Hello")
            answer = program.chat()
            assert answer.status == 200
            assert abs(logged_at(program, answer) - before - jump_s) < 60
            clock.set(0)
            paced.turns.release()
            assert events.rest()[-1] == "[DONE]"
    assert program.get("/v1/models").status == 200
    assert (upstream.count("session"), upstream.count("models")) == (1, 1)


@pytest.fixture(params=["http", "https"])
def stoppable(request, launch, tmp_path):
    """A program whose deadlines are short, and its site."""
    options = {"SILENCE_TIMEOUT": "2", "HEAD_TIMEOUT": "2",
               "KEEPALIVE_TIMEOUT": "2", "CONNECT_TIMEOUT": "2"}
    tls = None
    if request.param == "https":
        authority = Authority(tmp_path / "ca", "ca")
        tls = authority.context("site", "IP:127.0.0.1")
        options["SSL_CERT_FILE"] = str(authority.certificate)
    with Upstream(tls) as site:
        yield launch(AKASH_BASE_URL=site.url, **options), site


def test_stopped_program_goes_on_where_it_was(stoppable):
    """Longer than its deadlines: what has come meanwhile counts first."""
    program, site = stoppable
    paced = Paced(site, "one", " two")
    paced.turns.release()
    stream = program.open_stream()
    with stream.connection, program.connect() as idle:
        events = stream.events()
        assert events.next_delta()["role"] == "assistant"
        assert events.next_delta()["content"] == "one"
        idle.send("GET", "/health")
        assert idle.response().json()["status"] == "ok"
        program.signal(signal.SIGSTOP)
        paced.turns.release()
        with program.connect() as waiting:
            waiting.send("GET", "/health")
            idle.send("GET", "/health")
            assert not threading.Event().wait(STOPPED_S)
            program.signal(signal.SIGCONT)
            for connection in (waiting, idle):
                assert connection.response().json()["status"] == "ok"
        assert events.next_delta()["content"] == " two"
        assert events.rest()[-1] == "[DONE]"
    site.on_chat = ds.answer("Hello")
    assert program.chat().status == 200
