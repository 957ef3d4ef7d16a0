# SPDX-License-Identifier: AGPL-3.0-or-later
"""Behind a real nginx with nothing but a proxy_pass, which buffers answers
unless it is told not to."""
import shutil
import socket
import subprocess
import threading

import pytest

from support import GUARD_S
from support import datastream as ds
from support.client import Connection, chat_body

NGINX = shutil.which("nginx", path="/usr/sbin:/usr/bin:/sbin:/bin")
CONFIG = """
daemon off;
worker_processes 1;
pid {folder}/pid;
error_log {folder}/error.log;
events {{ worker_connections 64; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    server {{
        listen unix:{folder}/socket;
        location / {{ proxy_pass http://127.0.0.1:{port}; }}
    }}
}}
"""

pytestmark = pytest.mark.skipif(NGINX is None, reason="nginx is not installed")


class UnixConnection(Connection):
    """A connection to nginx."""

    def __init__(self, path):  # pylint: disable=super-init-not-called
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(GUARD_S)
        self.socket.connect(str(path))
        self.reader = self.socket.makefile("rb")


@pytest.fixture
def behind_nginx(program, tmp_path):
    """Connects to the program through nginx."""
    (tmp_path / "conf").write_text(
        CONFIG.format(folder=tmp_path, port=program.port), encoding="utf-8")
    with subprocess.Popen([NGINX, "-p", tmp_path, "-c", tmp_path / "conf"],
                          stderr=subprocess.PIPE) as process:
        try:
            _wait_for(tmp_path / "socket", process)
            yield lambda: UnixConnection(tmp_path / "socket")
        finally:
            process.terminate()


def _wait_for(path, process):
    tick = threading.Event()
    for _ in range(GUARD_S * 50):
        if path.exists() or process.poll() is not None:
            break
        tick.wait(0.02)
    assert path.exists(), process.stderr.read()


def test_each_piece_passes_nginx_when_it_comes(behind_nginx, upstream):
    """The upstream sends a piece when the client has the one before: any
    holding back ends in the guard."""
    words = ["one", " two", " three", " four"]
    received = threading.Semaphore(0)

    def lock_step(exchange):
        exchange.start()
        for word in words:
            exchange.send_chunk(ds.text(word))
            assert received.acquire(timeout=GUARD_S)
        for line in ds.ends():
            exchange.send_chunk(line)
        exchange.end()

    upstream.on_chat = lock_step
    with behind_nginx() as connection:
        connection.send("POST", "/v1/chat/completions", chat_body(stream=True))
        response = connection.response()
        assert response.status == 200
        assert response.header("Cache-Control") == "no-cache, no-transform"
        events = response.events()
        assert events.next_delta()["role"] == "assistant"
        for word in words:
            assert events.next_delta()["content"] == word
            received.release()
        assert events.rest()[-1] == "[DONE]"


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
