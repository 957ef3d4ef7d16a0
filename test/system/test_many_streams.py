# SPDX-License-Identifier: AGPL-3.0-or-later
"""Two thousand streams at once: each is answered as if it were alone, and
costs little. What it costs is printed (pytest -rP)."""
import asyncio
import secrets
import shutil
import warnings

import pytest

from support import GUARD_S
from support.certificates import self_signed
from support.fast_client import FastClient, at_once, request_bytes
from support.fast_upstream import FastUpstream
from support.footprint import SANITIZED, Footprint, open_files_limit

STREAMS = 200 if SANITIZED else 2000
STEPS = 5
OPENING = 50  # at once; that many TLS handshakes are waited for
WARM_UP = 20  # streams before those that are measured

# Bytes for each open stream.
PLAIN_COST = 13 * 1024
TLS_COST = 30 * 1024


@pytest.fixture(scope="module", name="certificate")
def make_certificate(tmp_path_factory):
    if shutil.which("openssl") is None:
        pytest.skip("there is no openssl command")
    return self_signed(tmp_path_factory.mktemp("streams"))


def stream_count():
    """How many streams the limit of open files allows: each takes two of
    the program, which keeps some for itself."""
    limit = open_files_limit()
    count = min(STREAMS, limit // 2 - 64)
    if count < STREAMS:
        warnings.warn(f"only {count} streams, not {STREAMS}: ulimit -n is "
                      f"{limit}")
    return count


def make_plan(then):
    return {"token": secrets.token_hex(8), "pieces": STEPS, "size": 200,
            "delay_s": 0, "then": then}


class Streams:
    """So many streams of which all are open at once."""

    def __init__(self, program, upstream, count):
        self.program = program
        self.upstream = upstream
        self.count = count
        self.open = []  # pairs (plan, client)

    async def warm_up(self):
        async def act(_):
            plan = make_plan("answer")
            client = await FastClient.open(self.program.port)
            client.send(request_bytes(plan, stream=True))
            await client.check_streamed(plan)
            await client.close()

        await at_once(WARM_UP, act, WARM_UP)

    async def _open_one(self, _):
        plan = make_plan("steps")
        client = await FastClient.open(self.program.port)
        client.send(request_bytes(plan, stream=True))
        status, _ = await client.head()
        assert status == 200
        assert (await client.next_delta())["role"] == "assistant"
        await client.check_piece(plan, 0)
        self.open.append((plan, client))

    async def _all(self, *acts):
        await asyncio.wait_for(asyncio.gather(*acts), GUARD_S)

    async def run(self, when_open):
        """Opens all, has when_open() called, and lets a piece of each pass
        in turn until all are over."""
        self.upstream.step(1)
        await at_once(self.count, self._open_one, OPENING)
        when_open()
        for step in range(1, STEPS):
            assert len(self.upstream.step(step + 1)["dropped"]) == 0
            await self._all(*(client.check_piece(plan, step)
                              for plan, client in self.open))
        await self._all(*(client.check_end() for _, client in self.open))
        await self._all(*(client.close() for _, client in self.open))


def check_streams(program, upstream, cost):
    count = stream_count()
    streams = Streams(program, upstream, count)
    footprint = Footprint(program.process.pid)
    asyncio.run(streams.warm_up())
    upstream.wait_idle()
    rss, pss = footprint.rss(), footprint.pss()
    grown = {}

    def measure():
        assert len(upstream.state()["running"]) == count
        grown["rss"] = (footprint.rss() - rss) / count
        grown["pss"] = (footprint.pss() - pss) / count

    asyncio.run(streams.run(measure))
    print(f"{count} streams: {grown['rss'] / 1024:.1f} KB of RSS, "
          f"{grown['pss'] / 1024:.1f} KB of PSS for each, beside "
          f"{rss / 1024:.0f} KB of RSS")
    state = upstream.state()
    assert {plan["token"] for plan, _ in streams.open} <= \
        set(state["answered"])
    assert state["running"] == [] and state["dropped"] == []
    assert SANITIZED or max(grown.values()) <= cost


def test_many_streams_at_once(launch):
    with FastUpstream() as upstream:
        program = launch(AKASH_BASE_URL=upstream.url)
        check_streams(program, upstream, PLAIN_COST)


def test_many_streams_at_once_before_tls(launch, certificate):
    with FastUpstream(certificate) as upstream:
        program = launch(AKASH_BASE_URL=upstream.url,
                         SSL_CERT_FILE=certificate[0])
        check_streams(program, upstream, TLS_COST)
