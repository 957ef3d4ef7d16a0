# SPDX-License-Identifier: AGPL-3.0-or-later
"""A stream in lock step with its reader."""
import threading

from . import GUARD_S
from . import datastream as ds


class LockStep:
    """A handler of the upstream's that sends a word when the client has the
    one before: any holding back in between ends in the guard."""

    WORDS = ("one", " two", " three", " four")

    def __init__(self):
        self._received = threading.Semaphore(0)

    def __call__(self, exchange):
        exchange.start()
        for word in self.WORDS:
            exchange.send_chunk(ds.text(word))
            assert self._received.acquire(timeout=GUARD_S)
        for line in ds.ends():
            exchange.send_chunk(line)
        exchange.end()

    def follow(self, events):
        """Reads the client's events, to their end."""
        assert events.next_delta()["role"] == "assistant"
        for word in self.WORDS:
            assert events.next_delta()["content"] == word
            self._received.release()
        assert events.rest()[-1] == "[DONE]"
