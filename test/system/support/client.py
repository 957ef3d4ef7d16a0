# SPDX-License-Identifier: AGPL-3.0-or-later
"""An HTTP client that hides nothing: a socket, heads, framing, events."""
import json
import socket
import struct

from support import GUARD_S


class Connection:
    """One connection to the program; port may be a Unix socket's path. tls
    is an ssl.SSLContext or None; an end without TLS's own end (close_notify)
    is an error then."""

    def __init__(self, port, host="127.0.0.1", tls=None, session=None):
        if isinstance(port, str):
            self.socket = socket.socket(socket.AF_UNIX)
            self.socket.settimeout(GUARD_S)
            self.socket.connect(port)
        else:
            self.socket = socket.create_connection((host, port), GUARD_S)
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if tls is not None:
            plain = self.socket
            try:
                self.socket = tls.wrap_socket(
                    plain, server_hostname=host, session=session,
                    suppress_ragged_eofs=False)
            except OSError:
                plain.close()
                raise
        self.reader = self.socket.makefile("rb")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.reader.close()
        self.socket.close()

    def reset(self):
        """Closes with an RST."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                               struct.pack("ii", 1, 0))
        self.close()

    def send_raw(self, data):
        self.socket.sendall(data)

    def send(self, method, path, body=None, headers=(), version="1.1"):
        """A request; headers are (name, value) pairs, a body of anything but
        bytes is sent as JSON. Both may hold any byte (as Latin-1)."""
        lines = [f"{method} {path} HTTP/{version}"]
        names = {name.lower() for name, _ in headers}
        if "host" not in names:
            lines.append("Host: 127.0.0.1")
        lines += [f"{name}: {value}" for name, value in headers]
        if body is None:
            body = b""
        elif not isinstance(body, bytes):
            body = json.dumps(body).encode()
            if "content-type" not in names:
                lines.append("Content-Type: application/json")
        if body and "content-length" not in names:
            lines.append(f"Content-Length: {len(body)}")
        head = "\r\n".join([*lines, "", ""]).encode("latin-1")
        self.send_raw(head + body)

    def response(self, method="GET"):
        """The head of the answer; its body is still to be read."""
        first = self.reader.readline()
        assert first.startswith(b"HTTP/"), f"no answer but {first!r}"
        version, status, *_ = first.decode("latin-1").split(" ", 2)
        headers = []
        while (line := self.reader.readline()) not in (b"\r\n", b""):
            assert line.endswith(b"\r\n"), line
            name, _, value = line[:-2].decode("latin-1").partition(":")
            headers.append((name, value.strip()))
        return Response(self, version, int(status), headers, method)

    def is_closed(self):
        """Waits for the program to close; whether nothing came before."""
        try:
            return self.reader.read(1) == b""
        except ConnectionResetError:
            return True


class Response:
    """An answer: version, status, headers, and a body to be read once."""

    def __init__(self, connection, version, status, headers, method):
        self.connection = connection
        self.version = version
        self.status = status
        self.headers = headers
        self.complete = False  # the framing's end was reached
        self.framing = self._find_framing(method)
        self._body = None

    def _find_framing(self, method):
        if method == "HEAD" or self.status in (204, 304):
            return "none"
        if self.header("Transfer-Encoding") is not None:
            assert self.header("Transfer-Encoding") == "chunked"
            assert self.header("Content-Length") is None
            return "chunked"
        if self.header("Content-Length") is not None:
            return "length"
        return "close"

    def header(self, name):
        """The value of a header, or None; it must not be there twice."""
        values = [value for key, value in self.headers
                  if key.lower() == name.lower()]
        assert len(values) <= 1, f"{name} twice: {values}"
        return values[0] if values else None

    def pieces(self):
        """The body's bytes as they come; complete tells how it ended."""
        reader = self.connection.reader
        if self.framing == "chunked":
            yield from self._chunks(reader)
        elif self.framing == "length":
            left = int(self.header("Content-Length"))
            data = reader.read(left)
            self.complete = len(data) == left
            yield data
        elif self.framing == "close":
            while (data := reader.read1(65536)):
                yield data
            self.complete = True
        else:
            self.complete = True

    def _chunks(self, reader):
        while (line := reader.readline()).endswith(b"\r\n"):
            size = int(line, 16)
            data = reader.read(size)
            if size > 0:
                yield data
            if reader.read(2) != b"\r\n":
                return
            if size == 0:
                self.complete = True
                return

    def read(self):
        """The whole body."""
        if self._body is None:
            self._body = b"".join(self.pieces())
            assert self.complete, f"cut off: {self._body!r}"
        return self._body

    def json(self):
        return json.loads(self.read())

    def events(self, on_comment=None):
        return Events(self, on_comment)


class Events:
    """A body of server-sent events, read one by one.

    Nothing but "data: PAYLOAD" and a blank line is accepted: the program
    sends no names or ids, and a comment only where on_comment is there, which
    is then called for each, or where next_frame() is asked.
    """

    def __init__(self, response, on_comment=None):
        self.response = response
        self._on_comment = on_comment
        self._pieces = response.pieces()
        self._buffer = b""

    def next(self):
        """The next payload as text, or None at the body's end."""
        frame = self.next_frame()
        while (frame is not None and frame.startswith(":") and
               self._on_comment is not None):
            self._on_comment()
            frame = self.next_frame()
        if frame is None:
            return None
        assert frame.startswith("data: "), frame
        return frame[len("data: "):]

    def next_frame(self):
        """The next event or comment as it came, without the blank line; or
        None at the body's end."""
        while b"\n\n" not in self._buffer:
            piece = next(self._pieces, None)
            if piece is None:
                assert self._buffer == b"", f"half an event: {self._buffer!r}"
                return None
            self._buffer += piece
        frame, _, self._buffer = self._buffer.partition(b"\n\n")
        assert b"\n" not in frame and b"\r" not in frame, frame
        return frame.decode("utf-8")

    def next_json(self):
        payload = self.next()
        assert payload is not None, "the stream ended"
        return json.loads(payload)

    def next_delta(self):
        """The delta of the next chunk."""
        return self.next_json()["choices"][0]["delta"]

    def rest(self):
        """All payloads to the end; the body must not be cut off."""
        payloads = []
        while (payload := self.next()) is not None:
            payloads.append(payload)
        assert self.response.complete
        return payloads


def chat_body(content="Hi", **fields):
    """A chat request's body; fields replace or add to the plain ones."""
    return {"model": "Meta-Llama-3-3-70B-Instruct",
            "messages": [{"role": "user", "content": content}], **fields}
