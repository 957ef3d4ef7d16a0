#!/usr/bin/env python3
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Mixed traffic with faults for a given time: soak.py [SECONDS].

Every good answer carries a checksum of its own that the client verifies, so a
mixed-up or damaged one is seen; no answer to a question that the site failed
to answer may look good. Memory and descriptors are sampled, and after the
warm-up a line is laid through the samples by linear regression. Exit status 1
if something was wrong or if memory or descriptors grew.

AKASHCHAT_API names the program, as for the system tests.
"""
import argparse
import collections
import hashlib
import itertools
import json
import pathlib
import random
import socket
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "system"))

# pylint: disable=wrong-import-position
from support import datastream as ds  # noqa: E402
from support import pictures, smuggling  # noqa: E402
from support.client import Connection, chat_body  # noqa: E402
from support.faults import (BODY_FAULTS, DRAWING_MODEL,  # noqa: E402
                            HEAD_FAULTS, Site)
from support.footprint import (MB, SANITIZED, Footprint,  # noqa: E402
                               quiet_sanitizer)
from support.outcome import describe  # noqa: E402
from support.program import Program  # noqa: E402

OPTIONS = {"CONNECT_TIMEOUT": "2", "FIRST_EVENT_TIMEOUT": "5",
           "SILENCE_TIMEOUT": "2", "UPSTREAM_RETRIES": "1",
           "MODELS_TTL": "3", "HEAD_TIMEOUT": "2", "BODY_TIMEOUT": "2"}
FAULTS = {**{f"head: {name}": fault for name, fault in HEAD_FAULTS.items()},
          **{f"body: {name}": fault for name, fault in BODY_FAULTS.items()}}
CHAT = "/v1/chat/completions"
CASES = smuggling.corpus()
WORDS = ("abc", "äöü", "漢字", "😀", '"quoted"', "\\", "<b>", "\n")
KEPT_LINES = 20_000  # of the log
INTERVAL_S = 0.5     # of the samples

# What may be gained from the warm-up to the end, by the line through it all.
MEMORY_BOUND = (64 if SANITIZED else 1.5) * MB
DESCRIPTORS_BOUND = 12


# ---- the site ---------------------------------------------------------------

def sealed(name):
    """The answer to a question: words that depend on it, and their
    checksum."""
    generator = random.Random(name)
    words = [f"{name} "]
    for _ in range(generator.choice((1, 5, 30, 300))):
        words.append(generator.choice(WORDS) * generator.randrange(1, 40) +
                     " ")
    seal = hashlib.sha256("".join(words).encode()).hexdigest()
    return [*words, seal]


def is_sealed(name, text):
    """Whether a text is the answer to this question."""
    return (text.startswith(f"{name} ") and text[-64:] ==
            hashlib.sha256(text[:-64].encode()).hexdigest())


class SoakSite(Site):
    """Answers "NAME" with what is sealed for it, and "NAME!FAULT" with a
    fault. Sessions are forgotten now and then, and connections closed behind
    answers."""

    def __init__(self):
        super().__init__()
        self.requests = collections.deque(maxlen=1000)
        draw = self.on_chat
        self._chance = random.Random(3)

        def chat(exchange):
            body = exchange.request.json()
            name, _, fault = body["messages"][-1]["content"].partition("!")
            if fault:
                FAULTS[fault](exchange, "chat", threading.Event())
            elif body["model"] == DRAWING_MODEL:
                draw(exchange)
            else:
                self._tell(exchange, name)

        self.on_chat = chat
        self.on_image = self.studio.hand_out

    def _tell(self, exchange, name):
        exchange.start()
        lines = ds.answer_lines(*sealed(name), prompt=1, completion=2)
        count = self._chance.randrange(1, 60)
        for i in range(0, len(lines), count):
            exchange.send_chunk(b"".join(lines[i:i + count]))
        exchange.end()
        if self._chance.random() < 0.05:
            exchange.cut()


# ---- the clients ------------------------------------------------------------

class Wrong(Exception):
    """An answer is not what it must be."""


class Soak:
    """One run: what was asked, what was wrong, what was measured."""

    def __init__(self, seconds):
        self.site = SoakSite()
        self.program = Program(AKASH_BASE_URL=self.site.url,
                               **{**OPTIONS, **quiet_sanitizer()})
        self.program.lines = collections.deque(self.program.lines,
                                               maxlen=KEPT_LINES)
        self.footprint = Footprint(self.program.process.pid)
        self.seconds = seconds
        self.over = threading.Event()
        self.counts = collections.Counter()
        self.wrong = []
        self.samples = []
        self._numbers = itertools.count()

    def name(self):
        return f"question-{next(self._numbers)}"

    def check(self, name, text):
        if not is_sealed(name, text):
            raise Wrong(f"{name} was answered {text[:100]!r}…{text[-100:]!r}")

    # Each of these is one turn of a kind of client.

    def stream(self, chance, slow=False):
        name = self.name()
        with self.program.connect() as connection:
            if slow:
                connection.socket.setsockopt(socket.SOL_SOCKET,
                                             socket.SO_RCVBUF, 4096)
            connection.send("POST", CHAT, chat_body(name, stream=True))
            response = connection.response()
            if response.status != 200:
                raise Wrong(f"{name}: {response.status} {response.read()!r}")
            text = []
            events = response.events()
            while (payload := events.next()) != "[DONE]":
                if payload is None:
                    raise Wrong(f"{name}: the stream ended")
                text.append(pieces_of(payload))
                if slow and chance.random() < 0.05:
                    self.over.wait(0.05)
            self.check(name, "".join(text))

    def slow(self, chance):
        self.stream(chance, slow=True)

    def whole(self, _chance):
        name = self.name()
        response = self.program.chat(name)
        if response.status != 200:
            raise Wrong(f"{name}: {response.status} {response.read()!r}")
        self.check(name, response.json()["choices"][0]["message"]["content"])

    def faulty(self, chance):
        fault = chance.choice(list(FAULTS))
        with self.program.connect() as connection:
            connection.send("POST", CHAT, chat_body(
                f"{self.name()}!{fault}", stream=chance.random() < 0.5))
            outcome = describe(connection.response())
        if outcome == "200":
            raise Wrong(f"{fault} looks good")

    def picture(self, _chance):
        name = self.name()
        response = pictures.ask(self.program, name)
        if response.status != 200:
            raise Wrong(f"{name}: {response.status} {response.read()!r}")
        [item] = response.json()["data"]
        studio = self.site.studio
        [job] = [job for job in list(studio.jobs.values())
                 if job.prompt == studio.drawn(name)]
        if pictures.decode(item) != job.picture:
            raise Wrong(f"{name}: another picture")

    def models(self, _chance):
        response = self.program.get("/v1/models")
        if response.status != 200:
            raise Wrong(f"models: {response.status} {response.read()!r}")

    def bad(self, chance):
        case = chance.choice(CASES)
        with Connection(self.program.port) as connection:
            try:
                connection.send_raw(case.bytes())
                connection.socket.recv(65536)
            except ConnectionError:
                pass

    def leaver(self, chance):
        with self.program.connect() as connection:
            connection.send("POST", CHAT, chat_body(
                self.name() + chance.choice(["", "!head: stall",
                                             "!body: stall"]),
                stream=chance.random() < 0.7))
            if chance.random() < 0.5:
                connection.socket.recv(chance.randrange(1, 5000))
            if chance.random() < 0.5:
                connection.reset()

    def flush(self, _chance):
        self.site.flush_sessions()
        self.over.wait(3)

    CLIENTS = (("stream", 3), ("whole", 2), ("faulty", 3), ("picture", 2),
               ("models", 1), ("bad", 1), ("leaver", 2), ("slow", 2),
               ("flush", 1))

    def _keep_on(self, kind, seed):
        chance = random.Random(seed)
        act = getattr(self, kind)
        while not self.over.is_set():
            try:
                act(chance)
                self.counts[kind] += 1
            except (Wrong, AssertionError, OSError, ValueError) as error:
                self.wrong.append(f"{kind}: {error!r:.500}")
            self.over.wait(0.01)

    # ---- the run -------------------------------------------------------------

    def run(self):
        descriptors = self.footprint.descriptors()
        began = time.monotonic()
        threads = [threading.Thread(target=self._keep_on, args=(kind, i))
                   for i, kind in enumerate(
                       kind for kind, count in self.CLIENTS
                       for _ in range(count))]
        for thread in threads:
            thread.start()
        while (at := time.monotonic() - began) < self.seconds:
            self.samples.append((at, self.footprint.rss(),
                                 len(self.footprint.descriptors())))
            if self.program.process.poll() is not None:
                self.wrong.append("the program has ended")
                break
            self.over.wait(INTERVAL_S)
        self.over.set()
        for thread in threads:
            thread.join()
        self._settle(descriptors)

    def _settle(self, descriptors):
        """Ends it all and sees that nothing is left."""
        try:
            self.site.hang_up()
            self.footprint.wait_descriptors(descriptors)
            self.program.stop()
            self.site.close()
        except (AssertionError, OSError) as error:
            self.wrong.append(f"at the end: {error!r:.2000}")
            self.program.kill()

    def report(self):
        """Prints all figures. Returns whether all was well."""
        warm_up = max(self.seconds / 3, 5)
        samples = [one for one in self.samples if one[0] > warm_up]
        span_s = samples[-1][0] - samples[0][0]
        print(", ".join(f"{kind} {self.counts[kind]}"
                        for kind, _ in self.CLIENTS))
        well = True
        for what, column, unit, bound in (
                ("memory", 1, MB, MEMORY_BOUND),
                ("descriptors", 2, 1, DESCRIPTORS_BOUND)):
            slope, mean = regression([(one[0], one[column])
                                      for one in samples])
            peak = max(one[column] for one in self.samples)
            tenths = self.samples[::max(len(self.samples) // 10, 1)]
            print(f"{what}:", *(f"{one[column] / unit:.2f}"
                                for one in tenths))
            print(f"  mean {mean / unit:.2f}, peak {peak / unit:.2f}, "
                  f"slope {slope * 3600 / unit:+.2f} an hour, "
                  f"{slope * span_s / unit:+.2f} in {span_s:.0f} s after "
                  f"{warm_up:.0f} s of warm-up (bound {bound / unit:g})")
            well = well and slope * span_s <= bound
        for line in self.wrong[:20]:
            print(f"wrong: {line}")
        print(f"{len(self.wrong)} wrong; {'well' if well else 'it grows'}")
        return well and not self.wrong


def pieces_of(payload):
    """The text of a chunk."""
    chunk = json.loads(payload)
    if "error" in chunk:
        raise Wrong(f"an error in a stream: {chunk}")
    return chunk["choices"][0]["delta"].get("content", "")


def regression(points):
    """The slope of the line through the points, and their mean."""
    mean_x = sum(x for x, _ in points) / len(points)
    mean_y = sum(y for _, y in points) / len(points)
    above = sum((x - mean_x) * (y - mean_y) for x, y in points)
    below = sum((x - mean_x) ** 2 for x, _ in points)
    return above / below, mean_y


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("seconds", nargs="?", type=int, default=300)
    seconds = max(parser.parse_args().seconds, 12)
    soak = Soak(seconds)
    soak.run()
    sys.exit(0 if soak.report() else 1)


if __name__ == "__main__":
    main()
