# SPDX-License-Identifier: AGPL-3.0-or-later
"""An Akash Chat for many connections at once: a process of its own with one
event loop, where the scripted upstream has a thread for each connection.

A chat's last message is a plan, as JSON, that says what its answer is:

    token     marks the request; texts begin with it
    pieces    how many texts the answer has
    size      how many bytes a text is filled up with
    delay_s   the pause before the head and before each piece
    then      "answer": all of it; "hold_head": nothing at all, ever;
              "hold_body": the pieces, but no end; "steps": a piece whenever
              the test says so

A test makes a FastUpstream; this file run by itself is the process, which
obeys lines of JSON on its input with a line of JSON each.
"""
import asyncio
import json
import pathlib
import secrets
import select
import ssl
import subprocess
import sys

from support import GUARD_S
from support import datastream as ds

MODEL = "Meta-Llama-3-3-70B-Instruct"
MODELS = [{"id": MODEL, "name": "Llama 3.3 70B", "description": "",
           "temperature": 0.6, "top_p": 0.9, "tokenLimit": 128000,
           "available": True}]


def piece_text(plan, number):
    """A text of the answer to a plan: the same in the test and here."""
    return f"{plan['token']}/{number} ".ljust(plan["size"], "x")


# ---- the process ----------------------------------------------------------

def head(content_type, *more):
    return "\r\n".join(["HTTP/1.1 200 OK", f"content-type: {content_type}",
                        *more, "Connection: keep-alive",
                        "Transfer-Encoding: chunked", "", ""]).encode()


CHAT_HEAD = head("text/plain; charset=utf-8", "x-vercel-ai-data-stream: v1")


def chunk(data):
    return b"%x\r\n%s\r\n" % (len(data), data)


def whole(value, *headers):
    return (head("application/json", *headers) +
            chunk(json.dumps(value).encode()) + b"0\r\n\r\n")


class Site:
    """What all connections share."""

    def __init__(self):
        self.open = 0  # connections
        self.accepted = 0
        self.running = {}  # token: the connection of a chat without its end
        self.answered = []  # tokens of chats that were answered whole
        self.dropped = []  # … whose connection was closed before
        self.failures = []
        self.step = 0  # how many pieces the plans with steps may send
        self.changed = asyncio.Condition()

    async def notify(self):
        async with self.changed:
            self.changed.notify_all()

    async def command(self, command):
        """Does what a line of the input says and returns the reply."""
        if command["do"] == "step":
            self.step = command["step"]
            await self.notify()
        elif command["do"] == "wait_idle":
            async with self.changed:
                await self.changed.wait_for(lambda: self.open == 0)
        return {"open": self.open, "accepted": self.accepted,
                "running": list(self.running), "answered": self.answered,
                "dropped": self.dropped, "failures": self.failures}


class Peer(asyncio.Protocol):
    """A connection of the program."""

    def __init__(self, site):
        self.site = site
        self.transport = None
        self.token = None  # of the chat that runs
        self._input = b""
        self._task = None

    def connection_made(self, transport):
        self.transport = transport
        self.site.open += 1
        self.site.accepted += 1

    def connection_lost(self, exc):
        self.site.open -= 1
        if self._task is not None:
            self._task.cancel()
        if self.token is not None:
            self.site.running.pop(self.token)
            self.site.dropped.append(self.token)
        if self.site.open == 0:
            # pylint: disable-next=attribute-defined-outside-init
            self.notify = asyncio.ensure_future(self.site.notify())

    def data_received(self, data):
        self._input += data
        try:
            self._read()
        except Exception as error:  # pylint: disable=broad-except
            self._fail(error)

    def _fail(self, error):
        self.site.failures.append(repr(error))
        self.transport.abort()

    def _read(self):
        top, found, rest = self._input.partition(b"\r\n\r\n")
        if not found:
            return
        first, *lines = top.split(b"\r\n")
        length = 0
        for line in lines:
            name, _, value = line.partition(b":")
            if name.lower() == b"content-length":
                length = int(value)
        if len(rest) < length:
            return
        assert len(rest) == length, "more than one request"
        assert self.token is None, "a request before the answer's end"
        self._input = b""
        method, path, _ = first.split(b" ")
        getattr(self, {(b"GET", b"/api/auth/session/"): "_session",
                       (b"GET", b"/api/models/"): "_models",
                       (b"POST", b"/api/chat/"): "_chat"}[method, path])(rest)

    def _session(self, _):
        self.transport.write(whole(
            {"success": True}, f"set-cookie: session_token="
            f"{secrets.token_hex(32)}; Path=/; Max-Age=600; Secure; HttpOnly"))

    def _models(self, _):
        self.transport.write(whole(MODELS))

    def _chat(self, body):
        plan = json.loads(json.loads(body)["messages"][-1]["content"])
        self.token = plan["token"]
        self.site.running[self.token] = self
        if plan["then"] != "hold_head":
            self._task = asyncio.ensure_future(self._answer(plan))

    async def _answer(self, plan):
        try:
            await self._pause(plan)
            self.transport.write(CHAT_HEAD + chunk(ds.START))
            for number in range(plan["pieces"]):
                await self._pause(plan, number)
                self.transport.write(chunk(ds.text(piece_text(plan, number))))
            if plan["then"] == "hold_body":
                return
            self.site.running.pop(self.token)
            self.site.answered.append(self.token)
            self.token = None
            self.transport.write(chunk(b"".join(ds.ends())) + b"0\r\n\r\n")
        except Exception as error:  # pylint: disable=broad-except
            self._fail(error)

    async def _pause(self, plan, number=None):
        if plan["then"] != "steps":
            await asyncio.sleep(plan["delay_s"])
        elif number is not None:
            async with self.site.changed:
                await self.site.changed.wait_for(
                    lambda: number < self.site.step)


async def serve(certificate, key):
    tls = None
    if certificate:
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(certificate, key)
    site = Site()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Peer(site), "127.0.0.1", 0,
                                      ssl=tls, backlog=4096)
    print(json.dumps({"port": server.sockets[0].getsockname()[1]}),
          flush=True)
    reader = asyncio.StreamReader()
    await loop.connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while (line := await reader.readline()):
        print(json.dumps(await site.command(json.loads(line))), flush=True)


# ---- the test's side ------------------------------------------------------

class FastUpstream:
    """The process. tls is a pair of paths (certificate, key) or None."""

    def __init__(self, tls=None):
        self.tls = tls
        # pylint: disable-next=consider-using-with
        self._process = subprocess.Popen(
            [sys.executable, "-m", "support.fast_upstream", *(tls or ())],
            cwd=pathlib.Path(__file__).resolve().parents[1],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.port = self._reply()["port"]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._process.stdin.close()
        self._process.wait(GUARD_S)
        self._process.stdout.close()

    @property
    def url(self):
        scheme = "http" if self.tls is None else "https"
        return f"{scheme}://127.0.0.1:{self.port}"

    def _reply(self):
        ready, _, _ = select.select([self._process.stdout], [], [], GUARD_S)
        assert ready, "the upstream does not reply"
        return json.loads(self._process.stdout.readline())

    def ask(self, do, **fields):
        """Has a command done and returns how the site is then."""
        line = json.dumps({"do": do, **fields}).encode() + b"\n"
        self._process.stdin.write(line)
        self._process.stdin.flush()
        state = self._reply()
        assert not state["failures"], state["failures"]
        return state

    def state(self):
        return self.ask("state")

    def wait_idle(self):
        """Waits until the program has closed every connection."""
        return self.ask("wait_idle")

    def step(self, step):
        """Lets the plans with steps send pieces up to a number."""
        return self.ask("step", step=step)


if __name__ == "__main__":
    asyncio.run(serve(*(sys.argv[1:] or (None, None))))
