# SPDX-License-Identifier: AGPL-3.0-or-later
"""Streams with silence in them that lasts as long as the client wants: until
it has got so many comments."""
import concurrent.futures
import json
import threading
import time

from support import datastream as ds
from support.client import chat_body


class Talk:
    """One stream: rounds of (words, comments). The upstream sends the words
    of a round, then nothing until the client has got so many comments, each
    within the guard."""

    def __init__(self, *rounds):
        self.rounds = rounds
        self.text = "".join(word for words, _ in rounds for word in words)
        self.longest_s = 0  # silence of the upstream
        self._comments = threading.Semaphore(0)
        self._count = 0  # of the comments that came

    def answer(self, exchange):
        """The upstream's part: a handler."""
        exchange.start()
        for words, comments in self.rounds:
            if words:
                exchange.send_chunk(b"".join(map(ds.text, words)))
            began = time.monotonic()
            for _ in range(comments):
                exchange.wait_turn(self._comments)
            self.longest_s = max(self.longest_s, time.monotonic() - began)
        exchange.send_chunk(b"".join(ds.ends()))
        exchange.end()

    def _hear(self):
        self._count += 1
        self._comments.release()

    def listen(self, connection, name):
        """The client's part: everything arrives, and a comment for nothing
        but silence."""
        connection.send("POST", "/v1/chat/completions",
                        chat_body(name, stream=True))
        response = connection.response()
        assert response.status == 200, response.read()
        payloads = response.events(self._hear).rest()
        assert payloads[-1] == "[DONE]"
        choices = [json.loads(payload)["choices"][0]
                   for payload in payloads[:-1]]
        assert "".join(choice["delta"].get("content", "")
                       for choice in choices) == self.text
        assert choices[-1]["finish_reason"] == "stop"
        assert self._count == sum(comments for _, comments in self.rounds)


def by_name(talks):
    """A handler that finds the talk that its request's message names."""
    def handle(exchange):
        name = exchange.request.json()["messages"][-1]["content"]
        talks[name].answer(exchange)
    return handle


def have(talks, connects):
    """Has talks at the same time, each on a connection that the function of
    its name makes."""
    def listen(name):
        with connects[name]() as connection:
            talks[name].listen(connection, name)

    with concurrent.futures.ThreadPoolExecutor(len(talks)) as pool:
        for future in [pool.submit(listen, name) for name in talks]:
            future.result()
