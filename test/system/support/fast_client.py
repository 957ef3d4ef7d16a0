# SPDX-License-Identifier: AGPL-3.0-or-later
"""Clients of an event loop, for many at once. They send plans (see
fast_upstream.py) and know the answers."""
import asyncio
import json
import socket
import struct

from support import GUARD_S
from support.fast_upstream import MODEL, piece_text


def request_bytes(plan, stream):
    """A chat with a plan; its request id is the plan's token."""
    body = json.dumps({"model": MODEL, "stream": stream, "messages": [
        {"role": "user", "content": json.dumps(plan)}]}).encode()
    return (b"POST /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1\r\n"
            b"Content-Type: application/json\r\nX-Request-Id: %s\r\n"
            b"Content-Length: %d\r\n\r\n"
            % (plan["token"].encode(), len(body))) + body


class FastClient:
    """One connection to the program."""

    def __init__(self, reader, writer):
        self.reader = reader
        self.writer = writer
        self._events = b""  # of the stream, not yet read by next_event()
        self.over = False   # the body's end was reached

    @classmethod
    async def open(cls, port):
        client = cls(*await asyncio.open_connection(
            "127.0.0.1", port, limit=1 << 20))
        client.socket().setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return client

    def socket(self):
        return self.writer.get_extra_info("socket")

    def send(self, data):
        self.writer.write(data)

    # ---- the ways to go ---------------------------------------------------

    async def close(self):
        self.writer.close()
        await self.writer.wait_closed()

    async def reset(self):
        """Closes with an RST."""
        self.socket().setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                                 struct.pack("ii", 1, 0))
        self.writer.transport.abort()
        try:
            await self.writer.wait_closed()
        except ConnectionError:
            pass  # the program was faster

    async def half_close(self):
        """Ends its side only, and waits for the program to end its own."""
        self.writer.write_eof()
        try:
            while await self.reader.read(1 << 16):
                pass
        except ConnectionError:
            pass
        await self.close()

    # ---- answers ----------------------------------------------------------

    async def head(self):
        """The status and the head of an answer."""
        head = await self.reader.readuntil(b"\r\n\r\n")
        self.over = False
        return int(head[9:12]), head.lower()

    async def chunk(self):
        """The next chunk of a body, b"" at its end."""
        size = int(await self.reader.readuntil(b"\r\n"), 16)
        data = await self.reader.readexactly(size + 2)
        assert data.endswith(b"\r\n"), data
        self.over = size == 0
        return data[:-2]

    async def next_event(self):
        """The payload of the next event, None at the body's end."""
        while b"\n\n" not in self._events:
            data = await self.chunk()
            if not data:
                assert self._events == b"", self._events
                return None
            self._events += data
        event, _, self._events = self._events.partition(b"\n\n")
        assert event.startswith(b"data: "), event
        return event[len(b"data: "):]

    async def next_delta(self):
        """The delta of the next chunk."""
        payload = await self.next_event()
        assert payload not in (None, b"[DONE]"), payload
        return json.loads(payload)["choices"][0]["delta"]

    async def check_streamed(self, plan):
        """Reads a stream to its end: it has the plan's texts, in order."""
        status, _ = await self.head()
        assert status == 200, (plan, status, await self._body())
        assert (await self.next_delta())["role"] == "assistant"
        for number in range(plan["pieces"]):
            await self.check_piece(plan, number)
        await self.check_end()

    async def check_piece(self, plan, number):
        delta = await self.next_delta()
        assert delta == {"content": piece_text(plan, number)}, (plan, delta)

    async def check_end(self):
        payload = json.loads(await self.next_event())
        assert payload["choices"][0]["finish_reason"] == "stop", payload
        assert await self.next_event() == b"[DONE]"
        assert await self.next_event() is None

    async def check_whole(self, plan):
        """Reads an answer in one piece."""
        status, head = await self.head()
        body = await self._body(head)
        assert status == 200, (plan, status, body)
        message = json.loads(body)["choices"][0]["message"]
        assert message["content"] == "".join(
            piece_text(plan, number) for number in range(plan["pieces"]))

    async def _body(self, head=b""):
        for line in head.split(b"\r\n"):
            name, _, value = line.partition(b":")
            if name == b"content-length":
                return await self.reader.readexactly(int(value))
        pieces = []
        while (data := await self.chunk()):
            pieces.append(data)
        return b"".join(pieces)


async def at_once(count, act, pending):
    """Calls act(number) so many times, no more than pending at a time; the
    first exception is raised."""
    numbers = iter(range(count))

    async def run():
        for number in numbers:
            await asyncio.wait_for(act(number), GUARD_S)

    tasks = [asyncio.ensure_future(run()) for _ in range(pending)]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
