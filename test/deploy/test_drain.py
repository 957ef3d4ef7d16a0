# SPDX-License-Identifier: AGPL-3.0-or-later
"""Two instances behind a real nginx with the shipped configuration, and one of
them is ended: no stream is cut and no request fails."""
import itertools
import threading

import pytest

from kit.front import Front
from support import datastream as ds
from support.client import chat_body
from support.crowd import Traffic, at_once
from support.metrics import scrape
from support.nginx import NGINX
from support.shape import check_completion, check_stream

pytestmark = pytest.mark.skipif(NGINX is None, reason="nginx is not installed")

STREAMS = 50  # that the instance has when it is told to end
HELD = "held"


class Held:
    """A handler whose streams for HELD go on when they may, a word for each
    time; all others are answered at once."""

    WORDS = [f"word{number} " for number in range(20)]

    def __init__(self):
        self.go_on = threading.Event()

    def __call__(self, exchange):
        if exchange.request.json()["messages"][-1]["content"] != HELD:
            ds.answer("one", " two")(exchange)
            return
        exchange.start()
        exchange.send_chunk(ds.START + ds.text("begun "))
        exchange.wait(self.go_on)
        for word in self.WORDS:
            exchange.send_chunk(ds.text(word))
        for line in ds.ends():
            exchange.send_chunk(line)
        exchange.end()


class HeldStream:
    """A client of a stream that is held."""

    def __init__(self, front):
        self.connection = front.connect()
        self.connection.send("POST", "/v1/chat/completions",
                             chat_body(HELD, stream=True))
        response = self.connection.response()
        assert response.status == 200
        self._events = response.events()
        self._begun = [self._events.next(), self._events.next()]

    def check_rest(self):
        with self.connection:
            stream = check_stream([*self._begun, *self._events.rest()])
        assert stream.text == "begun " + "".join(Held.WORDS)


def asking(front):
    """Asks for one thing after the other and checks the answer."""
    number = itertools.count()

    def ask():
        kind = next(number) % 3
        if kind == 0:
            response = front.ask("GET", "/v1/models")
            assert response.status == 200, response.read()
        elif kind == 1:
            response = front.ask("POST", "/v1/chat/completions", chat_body())
            assert response.status == 200, response.read()
            assert check_completion(response.json())["content"] == "one two"
        else:
            with front.connect() as connection:
                connection.send("POST", "/v1/chat/completions",
                                chat_body(stream=True))
                response = connection.response()
                assert response.status == 200, response.read()
                stream = check_stream(response.events().rest())
            assert stream.text == "one two"

    return ask


def streams_of(program):
    return scrape(program).get("akashchat_streams_open")


def test_instance_with_50_streams_drains(tmp_path, start, upstream):
    upstream.on_chat = held = Held()
    leaving, staying = start(), start()
    with Front(tmp_path, leaving.port, staying.port) as front:
        streams = at_once(2 * STREAMS, lambda _: HeldStream(front))
        while streams_of(leaving) < STREAMS:
            streams += at_once(10, lambda _: HeldStream(front))
        with Traffic(asking(front), 6, pause_s=0.001) as traffic:
            staying.wait_log("request", 10)
            leaving.wait_log("request", 10)
            leaving.signal()
            leaving.wait_log("draining")
            # It is gone for new requests, which come all the time.
            staying.wait_log("request", 200)
            assert leaving.process.poll() is None
            held.go_on.set()
            at_once(len(streams), lambda number: streams[number].check_rest())
            leaving.check(leaving.wait())
            staying.wait_log("request", 300)
            answers = traffic.results()
        print(f"{len(streams)} streams and {len(answers)} other requests")
        ends = [line.get("end") for line in leaving.log("request")
                if line.get("route") == "chat"]
        assert ends.count("done") >= STREAMS


def test_upgrade_of_one_after_the_other(tmp_path, start, upstream):
    """Under load, with no longer streams: an instance that is told to end has
    little left to do, closes its idle connections and is gone."""
    upstream.on_chat = Held()
    programs = [start(), start()]
    with Front(tmp_path, *(program.port for program in programs)) as front:
        with Traffic(asking(front), 8, pause_s=0) as traffic:
            for number in range(12):
                for program in programs:
                    program.wait_log("request", 30)
                old = programs[number % 2]
                old.signal()
                old.check(old.wait())
                programs[number % 2] = start(
                    SERVER_ADDRESS=f"127.0.0.1:{old.port}")
            answers = traffic.results()
        print(f"{len(answers)} requests")
