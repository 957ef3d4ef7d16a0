# SPDX-License-Identifier: AGPL-3.0-or-later
"""A site that fails: in which of its answers (a phase), how far in it, and how
(a fault).

    site.arm("chat", HEAD_FAULTS["closed"])
    site.disarm()

A phase is a kind of the site's requests: session, models, chat, status,
image. What it is in the middle of when it fails is BEGINNINGS.
"""
import errno
import json
import os
import select
import socket
import struct
import threading

from support import GUARD_S
from support import datastream as ds
from support.pictures import Studio, file_reply, png
from support.upstream import MODELS, Upstream

PHASES = ("session", "models", "chat", "status", "image")
DRAWING_MODEL = "AkashGen"
PICTURE = png(1, padding=100_000)

# How long a line without an end is: far above every limit.
HUGE = 1 << (30 if os.environ.get("AC_SLOW_TESTS") else 26)

# Phase: (content type, what comes before the fault).
BEGINNINGS = {
    "session": ("application/json", b'{"succ'),
    "models": ("application/json", json.dumps(MODELS).encode()[:-20]),
    "chat": ("text/plain; charset=utf-8",
             ds.START + ds.text("Partial") + ds.text(" answer")),
    "status": ("text/plain;charset=UTF-8", b'[{"job_id":"job-0001",'),
    "image": ("image/png", PICTURE[:50_000]),
}


class Site(Upstream):
    """An upstream with everything in it that a fault can happen to. Chats are
    answered with "Hello"; those of the model that draws with jobs."""

    def __init__(self, **options):
        self._on_accept = None
        self._serving = threading.Event()
        self._serving.set()
        self._parked = threading.Event()
        self._fillers = []
        self._later = None
        self._spared = None
        self.reached = threading.Event()  # the fault, since it was armed
        super().__init__(**options)
        self._armed = None
        answer = self.on_chat
        self.studio = Studio(self)
        self.on_image = file_reply(PICTURE)

        def chat(exchange):
            drawn = exchange.request.json()["model"] == DRAWING_MODEL
            (self.studio.draw if drawn else answer)(exchange)

        self.on_chat = chat

    # ---- faults of answers ------------------------------------------------

    def arm(self, phase, fault):
        """From now on requests of a phase fail."""
        def fail(exchange):
            try:
                fault(exchange, phase, self.reached)
            finally:
                self.reached.set()

        self.reached.clear()
        self.disarm()
        self._armed = (f"on_{phase}", getattr(self, f"on_{phase}"))
        setattr(self, f"on_{phase}", fail)

    def disarm(self):
        if self._armed is not None:
            setattr(self, *self._armed)
            self._armed = None

    def when_answered(self, phase, act):
        """act(site) is called with the next request of a phase, which is
        still answered."""
        name = f"on_{phase}"
        answer = getattr(self, name)

        def handle(exchange):
            setattr(self, name, answer)
            self._spared = exchange.connection
            act(self)
            self._spared = None
            answer(exchange)
            exchange.cut()
            self.reached.set()

        self.reached.clear()
        setattr(self, name, handle)

    # ---- faults of connections --------------------------------------------

    def fail_at_once(self, act):
        act(self)
        self.reached.set()

    def _accept(self):
        number = 0
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return  # refused, or closed
            if not self._serving.is_set():
                self._parked.set()
                self._serving.wait()
            number += 1
            if self._on_accept is None:
                self._serve_connection(sock, number)
            else:
                threading.Thread(target=self._fail, daemon=True,
                                 args=(self._on_accept, sock)).start()

    def _fail(self, on_accept, sock):
        with sock:
            sock.settimeout(GUARD_S)
            try:
                on_accept(sock)
            except OSError:
                pass  # the program went away, as it may

    def hang_up(self):
        """Ends all connections, but that of an answer under way."""
        with self.changed:
            running = set(self._connections) - {self._spared}
        for connection in running:
            try:
                connection.socket.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def fail_new(self, on_accept):
        """From now on there are only connections that fail: on_accept(sock)
        has each of them."""
        self._on_accept = on_accept
        self.hang_up()

    def refuse(self):
        self._listener.shutdown(socket.SHUT_RDWR)
        try:
            # A port that the system chose is given up with that.
            self._listener.bind(("127.0.0.1", self.port))
        except OSError as error:
            assert error.errno == errno.EINVAL  # it is still bound
        self.hang_up()

    def drop(self):
        """Connections are neither accepted nor refused."""
        self._parked.clear()
        self.hold()
        self._listener.listen(0)
        self._fill()
        assert self._parked.wait(GUARD_S)  # nobody accepts another
        while self._fill():
            pass

    def _fill(self):
        """Makes a connection; whether there was room for it."""
        filler = socket.socket()
        filler.setblocking(False)
        filler.connect_ex(("127.0.0.1", self.port))
        self._fillers.append(filler)
        room = select.poll()
        room.register(filler, select.POLLOUT)
        return bool(room.poll(100))

    def hold(self):
        """Connections are there, but nobody reads from them."""
        self._serving.clear()
        self.hang_up()

    def hold_a_while(self):
        self.hold()
        self._later = threading.Timer(0.3, self._serving.set)
        self._later.start()

    def exchange_tls(self, context):
        """Has another certificate from now on."""
        self.tls = context
        self.hang_up()

    def serve_again(self):
        self._on_accept = None
        for filler in self._fillers:
            filler.close()
        self._fillers.clear()
        self._listener.listen(1024)
        self._serving.set()

    def accept_again(self):
        """After refuse()."""
        self._listener.listen(1024)
        threading.Thread(target=self._accept, daemon=True).start()


# ---- faults of answers, before and in the head ------------------------------

def closed(exchange, _phase, _reached):
    exchange.cut()


def reset(exchange, _phase, _reached):
    exchange.reset()


def half_close(exchange):
    exchange.shut_down()
    exchange.wait_gone()


def half_closed(exchange, _phase, reached):
    reached.set()
    half_close(exchange)


def stall(exchange, _phase, reached):
    reached.set()
    exchange.wait_gone()


def raw(data, then=closed):
    """Sends bytes instead of an answer."""
    def fault(exchange, phase, reached):
        exchange.send_raw(data)
        then(exchange, phase, reached)
    return fault


def flood(first, more, count):
    """Sends the same again and again."""
    def fault(exchange, phase, reached):
        exchange.send_raw(first)
        for _ in range(count):
            exchange.send_raw(more)
        stall(exchange, phase, reached)
    return fault


def page(status):
    def fault(exchange, _phase, _reached):
        exchange.reply(status, b"<!DOCTYPE html><title>No</title>",
                       "text/html")
    return fault


def plain(status, headers=()):
    def fault(exchange, _phase, _reached):
        exchange.reply(status, headers=headers)
    return fault


HALF_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/pl"
KB64 = b"x" * 65536

HEAD_FAULTS = {
    "closed": closed,
    "reset": reset,
    "half-closed": half_closed,
    "stall": stall,
    "closed in the head": raw(HALF_HEAD),
    "reset in the head": raw(HALF_HEAD, reset),
    "half-closed in the head": raw(HALF_HEAD, half_closed),
    "stall in the head": raw(HALF_HEAD, stall),
    "closed in the first line": raw(b"HTT"),
    "no HTTP": raw(b"SSH-2.0-OpenSSH_9.2\r\n\r\n"),
    "garbage": raw(bytes(range(256)) * 64),
    "a line feed": raw(b"\n" * 100),
    "a version that is none": raw(b"HTTP/7.x 200 OK\r\n\r\n"),
    "a status that is none": raw(b"HTTP/1.1 banana\r\n\r\n"),
    "endless head": flood(b"HTTP/1.1 200 OK\r\n",
                          b"x: " + b"y" * 65536 + b"\r\n", HUGE >> 16),
    "endless line of the head": flood(b"HTTP/1.1 200 OK\r\nx: ", KB64,
                                      HUGE >> 16),
    "endless first line": flood(b"", KB64, HUGE >> 16),
    "endless interim answers": flood(
        b"", b"HTTP/1.1 103 Early Hints\r\nx: y\r\n\r\n" * 100, 100),
    "200 as a page": page(200),
    "403 as a page": page(403),
    "503 as a page": page(503),
    "500": plain(500),
    "429": plain(429),
    "308": plain(308, [("location", "/elsewhere/")]),
}


# ---- faults of answers, in the body -----------------------------------------

def begin(exchange, phase, framing="chunked"):
    """Head and beginning."""
    kind, data = BEGINNINGS[phase]
    exchange.start(headers=[("content-type", kind)], framing=framing)
    if framing == "chunked":
        exchange.send_chunk(data)
    else:
        exchange.send_raw(data)
    return data


def behind(then, framing="chunked"):
    """A fault behind the beginning."""
    def fault(exchange, phase, reached):
        begin(exchange, phase, framing)
        then(exchange, phase, reached)
    return fault


def ended(exchange, _phase, _reached):
    exchange.end()


def bad_chunk(exchange, phase, reached):
    exchange.send_raw(b"banana\r\n")
    stall(exchange, phase, reached)


def overflowing_chunk(exchange, phase, reached):
    exchange.send_raw(b"fffffffffffffffff\r\n")
    stall(exchange, phase, reached)


def closed_in_a_chunk(exchange, _phase, _reached):
    exchange.send_raw(b"1000\r\nabc")
    exchange.cut()


def nonsense(exchange, _phase, _reached):
    exchange.send_chunk(b"\0\xff<html>\n\n")
    exchange.end()


def endless(exchange, phase, reached):
    for _ in range(HUGE >> 16):
        exchange.send_chunk(KB64)
    stall(exchange, phase, reached)


def endless_chunk(exchange, phase, reached):
    exchange.send_raw(b"%x\r\n" % (2 * HUGE))
    for _ in range(HUGE >> 16):
        exchange.send_raw(KB64)
    stall(exchange, phase, reached)


def length_too_long(exchange, phase, _reached):
    begin(exchange, phase, len(BEGINNINGS[phase][1]) + 100)
    exchange.cut()


def length_too_short(exchange, phase, _reached):
    """The rest of the answer is behind its end."""
    begin(exchange, phase, len(BEGINNINGS[phase][1]) - 5)
    exchange.cut()


def two_framings(exchange, phase, _reached):
    kind, data = BEGINNINGS[phase]
    head = [b"HTTP/1.1 200 OK", b"content-type: " + kind.encode(),
            b"Content-Length: 5", b"Transfer-Encoding: chunked"]
    exchange.send_raw(b"\r\n".join([*head, b"", b""]) +
                      b"%x\r\n%s\r\n" % (len(data), data))
    exchange.cut()


BODY_FAULTS = {
    "closed": behind(closed),
    "reset": behind(reset),
    "half-closed": behind(half_closed),
    "stall": behind(stall),
    "closed without a framing": behind(closed, "close"),
    "ended too early": behind(ended),
    "chunk size that is none": behind(bad_chunk),
    "chunk size above all numbers": behind(overflowing_chunk),
    "closed in a chunk": behind(closed_in_a_chunk),
    "nonsense": behind(nonsense),
    "endless line": behind(endless),
    "endless chunk": behind(endless_chunk),
    "length too long": length_too_long,
    "length too short": length_too_short,
    "two framings": two_framings,
}


# ---- faults of connections --------------------------------------------------

def say(data, then_reset=False):
    """Sends something and ends, whatever is asked."""
    def on_accept(sock):
        sock.sendall(data)
        if then_reset:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                            struct.pack("ii", 1, 0))
    return on_accept


def listen(sock):
    """Reads and says nothing."""
    while sock.recv(65536):
        pass


# Name: (what brings it about, what ends it), functions of the site.
CONNECTION_FAULTS = {
    "refused": (Site.refuse, Site.accept_again),
    "dropped": (Site.drop, Site.serve_again),
    "accepted late": (Site.hold_a_while, Site.serve_again),
    "accepted and never read": (Site.hold, Site.serve_again),
    "closed when accepted": (
        lambda site: site.fail_new(say(b"")), Site.serve_again),
    "reset when accepted": (
        lambda site: site.fail_new(say(b"", True)), Site.serve_again),
    "another protocol": (
        lambda site: site.fail_new(say(b"220 mail ESMTP\r\n")),
        Site.serve_again),
}

# The same of a site with TLS.
HANDSHAKE_FAULTS = {
    "closed": (lambda site: site.fail_new(say(b"")), Site.serve_again),
    "reset": (lambda site: site.fail_new(say(b"", True)), Site.serve_again),
    "silent": (lambda site: site.fail_new(listen), Site.serve_again),
    "no TLS": (
        lambda site: site.fail_new(say(b"HTTP/1.1 400 Bad Request\r\n\r\n")),
        Site.serve_again),
    "alert": (
        lambda site: site.fail_new(say(bytes.fromhex("15030300020228"))),
        Site.serve_again),
    "half a record": (
        lambda site: site.fail_new(say(bytes.fromhex("160303ffff02"))),
        Site.serve_again),
}
