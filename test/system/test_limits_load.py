# SPDX-License-Identifier: AGPL-3.0-or-later
"""Limits under load: each key gets what it may, to the request, and one that
asks for much does not hold up the others."""
import collections
import threading

from support import GUARD_S
from support.crowd import at_once
from support.keys import bearer, key_file
from support.metrics import scrape
from support.shape import check_completion, check_error
# pylint: disable-next=unused-import
from test_limits import Client, gated, settle  # noqa: F401

LLAMA = "Meta-Llama-3-3-70B-Instruct"
GPT = "openai/gpt-oss-120b"

KEYS = {"rate": "rpm=4", "pair": "concurrent=3", "llama": "models=Meta-*",
        "free": ""}
EACH = 16  # requests of each key in a wave


class Wave:
    """Requests of every key at once, whose answers are held back until
    those that run are let go together."""

    def __init__(self, program, gated):
        self.program = program
        self.gated = gated
        self.refused = threading.Semaphore(0)

    def _ask(self, number):
        name = list(KEYS)[number % len(KEYS)]
        model = GPT if number // len(KEYS) % 2 else LLAMA
        response = self.program.chat(f"{name} {number}", bearer(name),
                                     model=model)
        if response.status == 200:
            check_completion(response.json())
            return name, 200
        if response.status == 429:
            message = check_error(response, 429, "rate_limit_exceeded")
            assert f"'{name}'" in message
            assert int(response.header("Retry-After")) >= 1
        else:
            check_error(response, 404, "model_not_found", "model")
        self.refused.release()
        return name, response.status

    def run(self, expected):
        """expected: how many of each name and status there are."""
        asked = len(self.gated.words)
        go = sum(count for (_, status), count in expected.items()
                 if status == 200)

        total = EACH * len(KEYS)

        def ask_or_release(number):
            if number < total:
                return self._ask(number)
            self.gated.wait_words(asked + go)
            for _ in range(total - go):
                assert self.refused.acquire(timeout=GUARD_S)
            self.gated.turns.release(go)
            return None

        got = collections.Counter(at_once(total + 1, ask_or_release))
        assert got.pop(None) == 1
        assert got == expected
        assert len(self.gated.words) == asked + go


def test_keys_get_exactly_what_they_may(start, gated, tmp_path):
    """A wave is over well before "rate" has another request (15 s), or one of
    "pair" ends: that is let go only when all the others were answered."""
    program = start(API_KEYS_FILE=key_file(tmp_path, **KEYS))
    wave = Wave(program, gated)
    always = {("llama", 200): EACH // 2, ("llama", 404): EACH // 2,
              ("free", 200): EACH}
    wave.run({**always, ("rate", 200): 4, ("rate", 429): EACH - 4,
              ("pair", 200): 3, ("pair", 429): EACH - 3})
    metrics = scrape(program, bearer("free"))
    for name, refused in (("rate", EACH - 4), ("pair", EACH - 3),
                          ("free", 0)):
        labels = {"route": "chat", "method": "POST", "key": name}
        counts = [metrics.get("akashchat_http_requests_total", **labels,
                              status=status) for status in ("200", "429")]
        assert counts == [EACH - refused, refused]


def test_places_of_a_key_come_back_wave_after_wave(start, gated, tmp_path):
    program = start(API_KEYS_FILE=key_file(tmp_path, pair="concurrent=3"))
    for _ in range(5):
        asked = len(gated.words)
        clients = [Client(program, str(number), "pair")
                   for number in range(12)]
        gated.wait_words(asked + 3)
        settle(program)
        gated.turns.release(3)
        got = collections.Counter(one.answer().status for one in clients)
        assert got == {200: 3, 429: 9}


def test_gate_lets_in_exactly_what_has_room(start, gated):
    """Four run, four times as many wait, and the rest is refused at once."""
    program = start(MAX_CONCURRENT_REQUESTS="4", QUEUE_TIMEOUT="600")
    clients = [Client(program, str(number)) for number in range(50)]
    gated.wait_words(4)
    settle(program)
    assert len(gated.words) == 4
    gated.turns.release(20)
    got = collections.Counter(one.answer().status for one in clients)
    assert got == {200: 20, 503: 30}
    metrics = scrape(program)
    assert metrics.get("akashchat_queue_refused_total", reason="full") == 30
    assert metrics.count("akashchat_queue_wait_seconds") == 16


def test_modest_keys_are_next_beside_a_hundred_of_a_greedy_one(
        start, gated, tmp_path):
    program = start(MAX_CONCURRENT_REQUESTS="25", QUEUE_TIMEOUT="600",
                    API_KEYS_FILE=key_file(tmp_path, greedy="", modest="",
                                           shy=""))
    greedy = [Client(program, f"g{number}", "greedy")
              for number in range(25)]
    gated.wait_words(25)
    greedy += [Client(program, f"g{number}", "greedy")
               for number in range(25, 125)]
    settle(program)
    assert scrape(program, bearer("shy")).get("akashchat_queue_waiting") == 100
    modest = []
    for turn in range(10):
        for name in ("modest", "shy"):
            begun = len(gated.words)
            word = f"{name} {turn}"
            modest.append(Client(program, word, name))
            settle(program)
            # One of the greedy key's may come first, no more.
            for count in (1, 2):
                gated.turns.release()
                gated.wait_words(begun + count)
            assert word in gated.words[begun:]
    gated.turns.release(25 + 100)
    assert [one.answer().status for one in modest] == [200] * 20
    got = collections.Counter(one.answer().status for one in greedy)
    # The first modest request took the place of the last greedy one.
    assert got == {200: 124, 503: 1}
