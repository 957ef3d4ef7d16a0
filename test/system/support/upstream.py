# SPDX-License-Identifier: AGPL-3.0-or-later
"""A scripted Akash Chat on a loopback port: threads and raw sockets.

Each connection is a thread that reads requests and hands them to a handler,
a function of an Exchange. The session endpoint, the list of models and the
check of the session behave like the site; pictures are drawn by a Studio
(support/pictures.py); a test exchanges what it wants by
assigning another handler:

    upstream.on_chat = answer("Hello", " world")
    upstream.on_session = reply(500)

What was asked is recorded in upstream.requests.
"""
import json
import secrets
import socket
import ssl
import struct
import threading
import time

from support import GUARD_S
from support.datastream import HEADERS, answer

MODELS = [
    {"id": "Meta-Llama-3-3-70B-Instruct", "name": "Llama 3.3 70B",
     "description": "Well-rounded", "temperature": 0.6, "top_p": 0.9,
     "tokenLimit": 128000, "available": True},
    {"id": "openai/gpt-oss-120b", "name": "GPT-OSS 120B",
     "description": "Open weights", "temperature": 0.7, "top_p": 0.95,
     "tokenLimit": 131072, "available": True, "owned_by": "openai"},
    {"id": "Says-Nothing-8B", "name": "Says Nothing", "description": "",
     "temperature": 0.6, "top_p": 0.9},
    {"id": "Offline-32B", "name": "Offline", "description": "",
     "temperature": 0.6, "top_p": 0.9, "tokenLimit": 1000,
     "available": False},
]

KINDS = {("GET", "/api/auth/session/"): "session",
         ("GET", "/api/models/"): "models",
         ("POST", "/api/chat/"): "chat",
         ("GET", "/api/image-status/"): "status"}

STALE = {"success": False, "message": "Unauthorized: Invalid session"}

APP_HEADERS = [("X-Content-Type-Options", "nosniff"),
               ("X-XSS-Protection", "1; mode=block"),
               ("X-Frame-Options", "SAMEORIGIN")]


def kind_of(method, path):
    """What kind of request it is; what stands behind a "?" does not count."""
    path = path.partition("?")[0]
    if method == "GET" and path.startswith("/api/image/"):
        return "image"
    return KINDS.get((method, path), "other")


class Request:
    """What was asked: method, path, headers as (name, value), body, and the
    number of its connection."""

    def __init__(self, method, path, headers, body, connection):
        self.method = method
        self.path = path
        self.headers = headers
        self.body = body
        self.connection = connection
        self.kind = kind_of(method, path)

    def header(self, name):
        """The value of a header, or None; it must not be there twice."""
        values = [value for key, value in self.headers
                  if key.lower() == name.lower()]
        assert len(values) <= 1, f"{name} twice: {values}"
        return values[0] if values else None

    def json(self):
        return json.loads(self.body)

    def raw(self):
        """Everything that was sent, for looking for what must not be in."""
        head = "".join(f"{k}: {v}\n" for k, v in self.headers)
        return f"{self.method} {self.path}\n{head}\n".encode() + self.body


class Exchange:
    """One request and the way to answer it."""

    def __init__(self, upstream, connection, request):
        self.upstream = upstream
        self.request = request
        self.open = True  # for another request
        self._connection = connection

    @property
    def connection(self):
        """The Connection that it came on."""
        return self._connection

    def send_raw(self, data):
        self._connection.socket.sendall(data)

    def start(self, status=200, headers=None, framing="chunked", more=b""):
        """The head, without headers that of a data stream; more leaves in
        the same write."""
        if headers is None:
            headers = HEADERS
        lines = [f"HTTP/1.1 {status} Whatever"]
        lines += [f"{k}: {v}" for k, v in [*APP_HEADERS, *headers]]
        if (self.request.header("Connection") or "").lower() == "close":
            self.open = False
        if framing == "chunked":
            lines += (["Connection: keep-alive", "Keep-Alive: timeout=5"]
                      if self.open else ["Connection: close"])
            lines += ["Transfer-Encoding: chunked"]
        elif framing == "close":
            self.open = False
            lines += ["Connection: close"]
        else:
            lines += [f"Content-Length: {framing}"]
        self.send_raw("\r\n".join([*lines, "", ""]).encode() + more)

    def send_chunk(self, data):
        self.send_raw(b"%x\r\n%s\r\n" % (len(data), data))

    def end(self):
        self.send_raw(b"0\r\n\r\n")

    def reply(self, status, body=b"", content_type=None, headers=()):
        """A whole answer in the app's manner: always in chunks."""
        if content_type is not None:
            headers = [("content-type", content_type), *headers]
        self.start(status, headers)
        if body:
            self.send_chunk(body)
        self.end()

    def cut(self):
        """Closes the connection, whatever is still missing."""
        self.open = False

    def reset(self):
        """Closes the connection with an RST."""
        self.open = False
        self._connection.socket.setsockopt(
            socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    def shut_down(self):
        """Ends what is sent; what comes can still be read."""
        self.open = False
        self._connection.socket.shutdown(socket.SHUT_WR)

    def wait(self, event):
        """Waits for a threading.Event of the test."""
        if not event.wait(GUARD_S):
            raise AssertionError("the upstream waited in vain for the test")

    def wait_turn(self, turns):
        """Takes a turn of a threading.Semaphore that the test releases."""
        if not turns.acquire(timeout=GUARD_S):
            raise AssertionError("the client waited in vain for a delta")

    def wait_gone(self):
        """Waits until the program closes the connection."""
        self.open = False
        try:
            surplus = self._connection.reader.read(1)
        except ConnectionError:
            return
        except TimeoutError:
            raise AssertionError("the program holds on to it") from None
        assert surplus == b"", "a second request came while one was running"


LARGE = 1_000_000  # bytes


class Connection:
    """A program's connection: reads requests until one of the two ends it."""

    def __init__(self, upstream, sock, number):
        self.upstream = upstream
        self.socket = sock
        self.number = number
        self.reader = None

    def run(self):
        self.socket.settimeout(GUARD_S)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self.upstream.tls is not None:
            self.socket = self.upstream.tls.wrap_socket(
                self.socket, server_side=True)
        self.reader = self.socket.makefile("rb")
        while True:
            request = self.read_request()
            if request is None:
                return
            exchange = Exchange(self.upstream, self, request)
            self.upstream.serve(exchange)
            if not exchange.open:
                return

    def read_request(self):
        first = self.reader.readline()
        if not first:
            return None
        method, path, _ = first.decode("latin-1").split(" ", 2)
        headers = []
        while (one := self.reader.readline().decode("latin-1").strip()):
            name, _, value = one.partition(":")
            headers.append((name, value.strip()))
        request = Request(method, path, headers, b"", self.number)
        assert request.header("Transfer-Encoding") is None
        length = int(request.header("Content-Length") or 0)
        if length >= LARGE and self.upstream.on_upload is not None:
            self.upstream.on_upload(self)
            return None
        request.body = self.reader.read(length)
        return request

    def reset(self):
        """Ends with an RST."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                               struct.pack("ii", 1, 0))

    def close(self):
        for thing in (self.reader, self.socket):
            if thing is not None:
                thing.close()


class Upstream:
    """The site. tls is an ssl.SSLContext or None; max_age is the lifetime
    of sessions in seconds, which the upstream itself keeps to; name is what
    its URL calls it."""

    def __init__(self, tls=None, max_age=600, name="127.0.0.1"):
        self.tls = tls
        self.on_upload = None  # gets the Connection of a LARGE body
        self.max_age = max_age
        self.models = MODELS
        self.on_session = self.grant_session
        self.on_models = self.list_models
        self.on_chat = answer("Hello", ", world", "!")
        self.on_status = lambda exchange: exchange.reply(404)
        self.on_image = lambda exchange: exchange.reply(404)
        self.on_other = lambda exchange: exchange.reply(404)
        self.requests = []
        self.refuse_next = 0  # chats and lists, whatever their session
        self.refused = 0    # chats and lists with a stale session
        self.handshakes_failed = []
        self.failures = []  # of handlers: they fail the test
        self.changed = threading.Condition()
        self._sessions = {}  # token: when it ends
        self._tokens = []    # all there ever were
        self._connections = {}
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
        self.port = self._listener.getsockname()[1]
        self.name = name
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    @property
    def url(self):
        scheme = "http" if self.tls is None else "https"
        return f"{scheme}://{self.name}:{self.port}"

    # ---- what a test looks at ---------------------------------------------

    def of_kind(self, kind):
        with self.changed:
            return [one for one in self.requests if one.kind == kind]

    def count(self, kind):
        return len(self.of_kind(kind))

    def chat_body(self):
        """The body of the one chat there was."""
        chats = self.of_kind("chat")
        assert len(chats) == 1
        return chats[0].json()

    def tokens(self):
        with self.changed:
            return list(self._tokens)

    def wait_for(self, kind, count, seconds=GUARD_S):
        """Waits until so many requests of a kind have come. Returns whether
        they have."""
        with self.changed:
            return self.changed.wait_for(
                lambda: sum(one.kind == kind for one in self.requests)
                >= count, seconds)

    def flush_sessions(self):
        """Forgets every session, like a restart of the site's store."""
        with self.changed:
            self._sessions.clear()

    # ---- the site ---------------------------------------------------------

    def serve(self, exchange):
        request = exchange.request
        with self.changed:
            self.requests.append(request)
            self.changed.notify_all()
        if request.kind in ("models", "chat") and not self._admits(request):
            exchange.reply(403, json.dumps(STALE).encode(),
                           "application/json")
            return
        getattr(self, f"on_{request.kind}")(exchange)

    def _admits(self, request):
        """Whether a request has a session that lives."""
        cookie = request.header("Cookie") or ""
        name, _, token = cookie.partition(";")[0].partition("=")
        with self.changed:
            admitted = (name == "session_token" and time.monotonic() <
                        self._sessions.get(token, 0))
            if self.refuse_next > 0:
                self.refuse_next -= 1
                admitted = False
            self.refused += not admitted
        return admitted

    def grant_session(self, exchange, more_headers=()):
        if not exchange.request.header("User-Agent"):
            exchange.reply(403, b'{"error":"Invalid request - no user agent"}',
                           "application/json")
            return
        token = secrets.token_hex(32)
        with self.changed:
            self._sessions[token] = time.monotonic() + self.max_age
            self._tokens.append(token)
        exchange.reply(200, b'{"success":true}', "application/json", [
            *more_headers,
            ("set-cookie",
             f"session_token={token}; Path=/; "
             "Expires=Mon, 23 Nov 2026 01:55:07 GMT; "
             f"Max-Age={self.max_age}; Secure; HttpOnly; SameSite=strict; "
             "Partitioned")])

    def list_models(self, exchange):
        exchange.reply(200, json.dumps(self.models).encode(),
                       "application/json")

    # ---- connections ------------------------------------------------------

    def _accept(self):
        number = 0
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return  # closed
            number += 1
            self._serve_connection(sock, number)

    def _serve_connection(self, sock, number):
        connection = Connection(self, sock, number)
        thread = threading.Thread(
            target=self._run, args=(connection,), daemon=True)
        with self.changed:
            self._connections[connection] = thread
            thread.start()  # within the lock: close() joins it

    def _run(self, connection):
        try:
            connection.run()
        except ssl.SSLError as error:
            with self.changed:
                self.handshakes_failed.append(str(error))
        except OSError:
            pass  # the program went away, as it may
        except Exception as error:  # pylint: disable=broad-except
            with self.changed:
                self.failures.append(error)
        finally:
            connection.close()
            with self.changed:
                self._connections.pop(connection, None)
                self.changed.notify_all()

    def close(self):
        """Ends everything and fails the test if a handler failed."""
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        with self.changed:
            running = dict(self._connections)
        for connection, thread in running.items():
            try:
                connection.socket.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            thread.join(GUARD_S)
        assert not self.failures, self.failures


def unused_port():
    """A bound socket that nobody listens on: connecting to its port is
    refused for as long as it is open."""
    sock = socket.socket()
    sock.bind(("127.0.0.1", 0))
    return sock
