# SPDX-License-Identifier: AGPL-3.0-or-later
"""Behind a real nginx with nothing but a proxy_pass, which buffers answers
unless it is told not to, and as docs/clients.md recommends it."""
import json

import pytest

from support import datastream as ds
from support.client import chat_body
from support.lockstep import LockStep
from support.nginx import NGINX, Nginx

pytestmark = pytest.mark.skipif(NGINX is None, reason="nginx is not installed")


RECOMMENDED = """
    proxy_http_version 1.1;
    proxy_read_timeout 600s;
    client_max_body_size 20m;
"""


@pytest.fixture(params=["", RECOMMENDED], ids=["plain", "recommended"])
def behind_nginx(program, tmp_path, request):
    """Connects to the program through nginx."""
    with Nginx(tmp_path, program.port, request.param) as nginx:
        yield nginx.connect


@pytest.fixture
def behind_recommended_nginx(program, tmp_path):
    with Nginx(tmp_path, program.port, RECOMMENDED) as nginx:
        yield nginx.connect


def test_each_piece_passes_nginx_when_it_comes(behind_nginx, upstream):
    upstream.on_chat = lock_step = LockStep()
    with behind_nginx() as connection:
        connection.send("POST", "/v1/chat/completions", chat_body(stream=True))
        response = connection.response()
        assert response.status == 200
        assert response.header("Cache-Control") == "no-cache, no-transform"
        lock_step.follow(response.events())


def test_errors_and_whole_answers_pass_nginx(behind_nginx, upstream):
    with behind_nginx() as connection:
        connection.send("POST", "/v1/chat/completions", chat_body())
        assert connection.response().json()["object"] == "chat.completion"
    upstream.on_chat = ds.answer(reason="error")
    with behind_nginx() as connection:
        connection.send("POST", "/v1/chat/completions", chat_body())
        response = connection.response()
        assert response.status == 502
        assert response.json()["error"]["code"] == "upstream_error"


def test_stream_that_breaks_does_not_seem_to_end(
        behind_recommended_nginx, program, upstream):
    def be_silent(exchange):
        exchange.start()
        exchange.send_chunk(ds.text("Hello"))
        exchange.wait_gone()

    upstream.on_chat = be_silent
    with behind_recommended_nginx() as connection:
        connection.send("POST", "/v1/chat/completions", chat_body(stream=True))
        response = connection.response()
        events = response.events()
        assert events.next_delta()["role"] == "assistant"
        assert events.next_delta()["content"] == "Hello"
        program.kill()
        assert events.next() is None
        assert not response.complete


def test_picture_passes_nginx(behind_recommended_nginx, upstream):
    """Its question is larger than the megabyte that nginx allows."""
    picture = "data:image/png;base64," + "A" * (2 << 20)
    with behind_recommended_nginx() as connection:
        connection.send("POST", "/v1/chat/completions", chat_body([
            {"type": "text", "text": "What is it?"},
            {"type": "image_url", "image_url": {"url": picture}}]))
        assert connection.response().status == 200
    assert picture in json.dumps(upstream.chat_body())
