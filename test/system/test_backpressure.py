# SPDX-License-Identifier: AGPL-3.0-or-later
"""A client that reads slowly slows the upstream: what the program holds in
between is bounded, whatever the answer's size."""
import functools
import shutil
import ssl
import threading

import pytest

from support import GUARD_S
from support import datastream as ds
from support.certificates import self_signed
from support.client import chat_body
from support.footprint import MB, SANITIZED, Footprint, quiet_sanitizer
from support.program import run
from support.upstream import Upstream

# How much flows and what it may cost. With a sanitizer less flows, since the
# program is slower, and it is still far above the bounds.
FLOOD = 100 * MB if SANITIZED else 500 * MB
FLOOD_COST = 8 * MB
CHUNK = 100 * MB if SANITIZED else 200 * MB
CHUNK_COST = 16 * MB

MARK = b"#"  # in every text once, and nowhere else
LINE = ds.text("#".ljust(64 * 1024, "x"))
LINES = 16  # in one write of the upstream

# An upstream that could not write for so long is taken to be stalled.
STALLED_S = 0.3


class Flood:
    """A handler that writes as fast as it can: so many bytes of text, or
    without end."""

    def __init__(self, size, one_chunk=False):
        self.writes = size // (LINES * 64 * 1024)
        self.texts = self.writes * LINES
        self._one_chunk = one_chunk
        self._changed = threading.Condition()
        self._written = 0
        self.over = threading.Event()  # written, or the program has gone

    def __call__(self, exchange):
        body = LINE * LINES
        exchange.start()
        try:
            if self._one_chunk:
                exchange.send_raw(b"%x\r\n" % (len(body) * self.writes))
            else:
                body = (b"%x\r\n%s\r\n" % (len(LINE), LINE)) * LINES
            while self._written < self.writes:
                exchange.send_raw(body)
                with self._changed:
                    self._written += 1
                    self._changed.notify_all()
            if self._one_chunk:
                exchange.send_raw(b"\r\n")
            exchange.send_chunk(b"".join(ds.ends()))
            exchange.end()
        finally:
            self.over.set()

    def wait_stalled(self):
        """Waits until it writes nothing any more. Returns whether there is
        more to write."""
        with self._changed:
            while True:
                seen = self._written
                # pylint: disable-next=cell-var-from-loop
                if not self._changed.wait_for(lambda: self._written != seen,
                                              STALLED_S):
                    return seen < self.writes


@pytest.fixture(scope="module", name="certificate")
def make_certificate(tmp_path_factory):
    if shutil.which("openssl") is None:
        pytest.skip("there is no openssl command")
    return self_signed(tmp_path_factory.mktemp("backpressure"))


@functools.cache
def has_tls_in_front():
    return "TLS_CERT" in run("--help").stdout


class Relay:
    """A program between an upstream and clients, each of the sides with TLS
    or without."""

    def __init__(self, launch, upstream, front, certificate, **options):
        self.upstream = upstream
        self._trusted = None
        if front == "tls":
            if not has_tls_in_front():
                pytest.skip("the program has no option TLS_CERT")
            self._trusted = ssl.create_default_context(cafile=certificate[0])
            options.update(TLS_CERT=certificate[0], TLS_KEY=certificate[1])
        if upstream.tls is not None:
            options["SSL_CERT_FILE"] = certificate[0]
        self.program = launch(AKASH_BASE_URL=upstream.url, **options,
                              **quiet_sanitizer())
        self.footprint = Footprint(self.program.process.pid)

    def connect(self):
        connection = self.program.connect()
        if self._trusted is not None:
            connection.reader.close()
            connection.socket = self._trusted.wrap_socket(
                connection.socket, server_hostname="localhost")
            connection.reader = connection.socket.makefile("rb")
        return connection

    def open_stream(self):
        """A stream of which only the head is read."""
        connection = self.connect()
        connection.send("POST", "/v1/chat/completions",
                        chat_body(stream=True))
        response = connection.response()
        assert response.status == 200
        return response

    def measure(self, flood, act):
        """Has a small answer pass and then a flood, of which act(response)
        reads what it likes. Returns the most that the flood has taken."""
        response = self.open_stream()
        with response.connection:
            assert response.events().rest()[-1] == "[DONE]"
        self.upstream.on_chat = flood
        before = self.footprint.reset_peak()
        response = self.open_stream()
        with response.connection:
            act(response)
        growth = self.footprint.peak() - before
        print(f"{before / MB:.1f} MB, and {growth / MB:.2f} MB at most for "
              "the flood")
        return growth


@pytest.fixture(params=["plain", "tls"], name="behind")
def make_upstream(request, certificate):
    """An upstream without or with TLS."""
    tls = None
    if request.param == "tls":
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(*certificate)
    with Upstream(tls=tls) as upstream:
        yield upstream


def read_all(response, flood, pauses):
    """Reads a flood and counts its texts. The reader stops so many times,
    evenly, until the upstream has stalled, the first time at once."""
    reader = response.connection.reader
    stops = [flood.texts * number // pauses for number in range(pauses)]
    texts, tail = 0, b""
    while not tail.endswith(b"0\r\n\r\n"):
        if stops and texts >= stops[0]:
            # The last stretch may lie in the kernel's buffers.
            assert flood.wait_stalled() or stops[0] > flood.texts / 2
            stops.pop(0)
        data = reader.read1(MB)
        assert data, "cut off"
        texts += data.count(MARK)
        tail = (tail + data[-64:])[-64:]
    assert b"[DONE]" in tail
    assert texts == flood.texts
    assert flood.over.wait(GUARD_S)


@pytest.mark.parametrize("front", ["plain", "tls"])
def test_slow_reader_slows_the_upstream(launch, behind, front, certificate):
    """The reader stops four times until the upstream stalls too."""
    relay = Relay(launch, behind, front, certificate)
    flood = Flood(FLOOD)
    assert relay.measure(flood, lambda response: read_all(
        response, flood, 4)) < FLOOD_COST


def test_one_chunk_is_not_gathered(launch, behind, certificate):
    """A chunk of HTTP of any size passes as it comes."""
    relay = Relay(launch, behind, "plain", certificate)
    flood = Flood(CHUNK, one_chunk=True)
    assert relay.measure(flood, lambda response: read_all(
        response, flood, 0)) < CHUNK_COST


def read_rest(response):
    """Reads to the connection's end; the end of what came."""
    tail = b""
    try:
        while (data := response.connection.reader.read1(MB)):
            tail = (tail + data[-64:])[-64:]
    except (ConnectionResetError, ssl.SSLError):
        pass
    return tail


@pytest.mark.parametrize("front", ["plain", "tls"])
def test_client_that_reads_nothing_is_dropped(launch, behind, front,
                                              certificate):
    """And the upstream's connection is closed."""
    relay = Relay(launch, behind, front, certificate, WRITE_TIMEOUT="1")
    flood = Flood(1 << 60)

    def wait_dropped(response):
        assert flood.over.wait(GUARD_S)
        line = relay.program.access(response)
        assert line.get("end") == "client_gone"
        assert b"[DONE]" not in read_rest(response)

    assert relay.measure(flood, wait_dropped) < FLOOD_COST
