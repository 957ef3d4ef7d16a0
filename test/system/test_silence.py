# SPDX-License-Identifier: AGPL-3.0-or-later
"""Silence longer than what stands before the program waits for: comments keep
the connection. nginx waits for 3 s here instead of its 60; test_slow.py has
the real figures."""
import threading

import pytest

from support import datastream as ds
from support.client import chat_body
from support.crowd import at_once
from support.nginx import NGINX, Nginx
from support.silence import Talk, by_name

NGINX_WAITS_S = 3
COMMENTS_EACH_SECOND = {"FIRST_COMMENT_DELAY": "1", "COMMENT_INTERVAL": "1"}
NO_COMMENTS = {"FIRST_COMMENT_DELAY": "0", "COMMENT_INTERVAL": "0"}

pytestmark = pytest.mark.skipif(NGINX is None, reason="nginx is not installed")


@pytest.fixture
def behind_nginx(start, tmp_path):
    """Starts a program with options behind nginx and returns the latter."""
    running = []

    def start_behind(**options):
        program = start(**options)
        running.append(Nginx(tmp_path, program.port,
                             f"proxy_read_timeout {NGINX_WAITS_S}s;"))
        return running[-1].__enter__()

    yield start_behind
    for nginx in running:
        nginx.__exit__()


def test_silence_longer_than_nginx_waits_for_is_bridged(
        behind_nginx, upstream):
    talks = {"before": Talk(([], 5), (["Hello", ", world"], 0)),
             "within": Talk((["Hello"], 5), ([", world"], 0))}
    upstream.on_chat = by_name(talks)
    nginx = behind_nginx(**COMMENTS_EACH_SECOND)

    def listen(number):
        name = ["before", "within"][number]
        with nginx.connect() as connection:
            talks[name].listen(connection, name)

    at_once(2, listen)
    for talk in talks.values():
        assert talk.longest_s > NGINX_WAITS_S


def test_without_comments_nginx_gives_silence_up(behind_nginx, upstream):
    """What the comments are for; and the upstream is let go."""
    left = threading.Semaphore(0)

    def be_silent(exchange):
        exchange.start()
        if exchange.request.json()["messages"][-1]["content"] == "within":
            exchange.send_chunk(ds.text("Hello"))
        exchange.wait_gone()
        left.release()

    upstream.on_chat = be_silent
    nginx = behind_nginx(**NO_COMMENTS)

    def give_up(number):
        with nginx.connect() as connection:
            connection.send(
                "POST", "/v1/chat/completions",
                chat_body(["before", "within"][number], stream=True))
            response = connection.response()
            if number == 0:
                assert response.status == 504
                return
            assert response.status == 200
            events = response.events()
            assert events.next_delta()["role"] == "assistant"
            assert events.next_delta()["content"] == "Hello"
            assert events.next() is None
            assert not response.complete

    at_once(2, give_up)
    for _ in range(2):
        assert left.acquire(timeout=30)
