# SPDX-License-Identifier: AGPL-3.0-or-later
"""Many requests at once, of whose clients one in ten leaves at a random
moment: nothing stays behind, and whoever stays is served as if alone."""
import asyncio
import collections
import random
import shutil
import time

import pytest

from support.certificates import self_signed
from support.fast_client import FastClient, at_once, request_bytes
from support.fast_upstream import FastUpstream
from support.footprint import MB, SANITIZED, Footprint, quiet_sanitizer

PENDING = 100  # clients at once

# How often clients leave, when, and how.
LEAVE = 0.1
MOMENTS = ["in the request", "before the head", "in the answer", "any"]
WAYS = ["close", "reset", "half_close"]

# What the program may have grown by, when as much traffic again as it has
# had has passed. The allocator's own noise is below 1 MB.
GROWTH = 2 * MB


class Crowd:
    """Clients one after the other, by a random number generator of their
    own, and what became of them."""

    def __init__(self, port, seed):
        self.port = port
        self.random = random.Random(seed)
        self.idle = []  # connections that may be used again
        self.left = collections.Counter()
        # Tokens: of chats that were read to their end, of those that were
        # left and have none, and of the latter those whose head was read.
        self.stayed = set()
        self.held = set()
        self.begun = set()

    async def act(self, _):
        draw = self.random
        stream = draw.random() < 0.5
        plan = {"token": f"t{draw.getrandbits(64):016x}",
                "pieces": draw.randrange(1, 6),
                "size": draw.choice([20, 100, 1000, 20_000]),
                "delay_s": draw.choice([0, 0, 0.001, 0.005]),
                "then": "answer"}
        client = self.idle.pop() if self.idle else \
            await FastClient.open(self.port)
        if draw.random() < LEAVE:
            await self._leave(client, plan, stream)
        else:
            await self._stay(client, plan, stream)

    async def _stay(self, client, plan, stream):
        client.send(request_bytes(plan, stream))
        if stream:
            await client.check_streamed(plan)
        else:
            await client.check_whole(plan)
        self.stayed.add(plan["token"])
        if self.random.random() < 0.7:
            self.idle.append(client)
        else:
            await client.close()

    async def _leave(self, client, plan, stream):
        draw = self.random
        moment, way = draw.choice(MOMENTS), draw.choice(WAYS)
        pause_s = draw.choice([0, 0.001, 0.01, 0.03])
        if moment == "in the request":
            data = request_bytes(plan, stream)
            client.send(data[:draw.randrange(len(data))])
        elif moment == "before the head":
            plan["then"] = "hold_head"
            client.send(request_bytes(plan, stream))
        elif moment == "in the answer":
            plan["then"] = "hold_body"
            client.send(request_bytes(plan, stream))
            if stream:
                await client.head()
                self.begun.add(plan["token"])
                await client.next_delta()
                for number in range(draw.randrange(plan["pieces"])):
                    await client.check_piece(plan, number)
        else:
            client.send(request_bytes(plan, stream))
        await asyncio.sleep(pause_s)
        await getattr(client, way)()
        self.left[moment, way] += 1
        if plan["then"] != "answer":
            self.held.add(plan["token"])

    async def run(self, count):
        await at_once(count, self.act, PENDING)
        for client in self.idle:
            await client.close()
        self.idle.clear()


@pytest.fixture(scope="module", name="certificate")
def make_certificate(tmp_path_factory):
    if shutil.which("openssl") is None:
        pytest.skip("there is no openssl command")
    return self_signed(tmp_path_factory.mktemp("leavers"))


def pass_traffic(program, upstream, seed, count):
    """Lets a crowd pass and waits until the program has closed everything.
    Returns the crowd."""
    crowd = Crowd(program.port, seed)
    begin = time.monotonic()
    asyncio.run(crowd.run(count))
    seconds = time.monotonic() - begin
    upstream.wait_idle()
    print(f"{count} requests of seed {seed} in {seconds:.1f} s: "
          f"{len(crowd.stayed)} stayed, left: {dict(crowd.left)}")
    return crowd


def check_chats(program, state, crowd):
    """What became of the chats, as the upstream and the log tell."""
    answered, dropped = set(state["answered"]), set(state["dropped"])
    assert state["running"] == []
    assert crowd.stayed <= answered and not crowd.stayed & dropped
    assert crowd.begun <= dropped and not crowd.held & answered
    # A client may have left before its request was whole.
    assert len(crowd.held & dropped) > len(crowd.held) / 2
    gone = {line.get("id") for line in program.log("request")
            if line.get("end") == "client_gone"}
    assert crowd.held & dropped <= gone and not crowd.stayed & gone


def check_leavers(program, upstream, count):
    seed = random.randrange(1 << 32)
    footprint = Footprint(program.process.pid)
    before = footprint.descriptors()
    pass_traffic(program, upstream, seed, count)
    footprint.wait_descriptors(before)
    memory = footprint.rss()
    crowd = pass_traffic(program, upstream, seed + 1, count)
    footprint.wait_descriptors(before)
    growth = footprint.rss() - memory
    print(f"RSS {memory / MB:.1f} MB, grown by {growth / MB:.2f} MB")
    assert SANITIZED or growth < GROWTH
    program.stop()  # it checks for leaks
    check_chats(program, upstream.state(), crowd)


def sized(count):
    return count * 3 // 10 if SANITIZED else count


def test_nothing_stays_of_clients_that_leave(launch):
    with FastUpstream() as upstream:
        program = launch(AKASH_BASE_URL=upstream.url, **quiet_sanitizer())
        check_leavers(program, upstream, sized(10_000))


def test_nothing_stays_of_clients_that_leave_before_tls(launch, certificate):
    with FastUpstream(certificate) as upstream:
        program = launch(AKASH_BASE_URL=upstream.url,
                         SSL_CERT_FILE=certificate[0], **quiet_sanitizer())
        check_leavers(program, upstream, sized(5_000))
