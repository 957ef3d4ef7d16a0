# SPDX-License-Identifier: AGPL-3.0-or-later
"""The shipped configuration of nginx, with a real nginx, before the program
and before instances that fail."""
import json
import threading

import pytest

from kit.front import SHIPPED, Front, Instance, check, install, read_request, \
    refused_port
from support import GUARD_S
from support import datastream as ds
from support.client import chat_body
from support.lockstep import LockStep
from support.nginx import NGINX

pytestmark = pytest.mark.skipif(NGINX is None, reason="nginx is not installed")

MAX_BODY_SIZE = 20971520
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
TRUSTING = {"TRUSTED_PROXIES": "127.0.0.1"}


def drop(connection):
    """Ends when a request has come, as a process does that is killed."""
    read_request(connection)


def drop_the_second(connection):
    """Answers a request and ends when the next one has come, as a process
    does that had nothing left to do when it was told to end."""
    if read_request(connection):
        connection.sendall(ANSWER)
        read_request(connection)


def cut(connection):
    """Ends in the middle of its answer."""
    if read_request(connection):
        connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n"
                           b"\r\n5\r\nHello\r\n")


@pytest.fixture
def behind(tmp_path):
    """Starts an nginx before ports: behind(port, ...)."""
    fronts = []

    def begin(*ports):
        fronts.append(Front(tmp_path, *ports))
        return fronts[-1].__enter__()

    yield begin
    for front in fronts:
        front.__exit__(None, None, None)


def test_nginx_is_content(tmp_path):
    """With the two files that compose.yaml has, too."""
    install(tmp_path, *((SHIPPED / f"akashchat-{name}.conf").read_text("utf-8")
                        for name in ("local", "servers")))
    content, words = check(tmp_path)
    assert content, words
    assert "[warn]" not in words


@pytest.mark.parametrize("instances", [1, 2])
def test_pieces_pass_one_by_one(behind, start, upstream, instances):
    upstream.on_chat = lock_step = LockStep()
    front = behind(*(start().port for _ in range(instances)))
    for _ in range(2 * instances):
        with front.connect() as connection:
            connection.send("POST", "/v1/chat/completions",
                            chat_body(stream=True),
                            [("Accept-Encoding", "gzip")])
            response = connection.response()
            assert response.status == 200
            assert response.header("Content-Encoding") is None
            lock_step.follow(response.events())


def test_both_instances_are_used(behind, start):
    programs = [start(), start()]
    front = behind(*(program.port for program in programs))
    for _ in range(8):
        assert front.ask("GET", "/health").status == 200
    for program in programs:
        assert program.log("request")


def test_address_of_the_client_and_host_go_on(behind, start):
    program = start(**TRUSTING)
    front = behind(program.port)
    for forged in ([], [("X-Forwarded-For", "198.51.100.9")]):
        response = front.ask("GET", "/v1/models", headers=[
            ("X-Test-Address", "192.0.2.7"), *forged])
        assert program.access(response).get("client") == "192.0.2.7"


def test_what_goes_to_an_instance(behind):
    heads = []

    def note(connection):
        heads.append(read_request(connection))
        connection.sendall(ANSWER)

    with Instance(note) as instance:
        front = behind(instance.port)
        front.ask("GET", "/v1/models", headers=[
            ("Host", "chat.example.org:8443"), ("Connection", "close")])
    lines = heads[0].decode().split("\r\n")
    assert lines[0] == "GET /v1/models HTTP/1.1"
    assert "Host: chat.example.org:8443" in lines
    assert "X-Forwarded-Proto: http" in lines
    assert not [line for line in lines if line.startswith("Connection:")]


@pytest.mark.parametrize("path", [
    "/metrics", "/metrics/", "//metrics", "/metrics?x=1", "/%6detrics",
    "/v1/../metrics"])
def test_metrics_stay_inside(behind, start, path):
    program = start()
    assert program.get("/metrics").status == 200
    response = behind(program.port).ask("GET", path)
    assert response.status == 404
    assert response.json()["error"]["code"] == "unknown_url"
    assert response.header("Content-Type") == "application/json"


def test_log_has_no_secret_and_no_text(behind, start):
    program = start(BEARER_TOKEN="sk-the-key")
    front = behind(program.port)
    response = front.ask(
        "POST", "/v1/chat/completions?key=sk-in-the-query",
        chat_body("the question"), [("Authorization", "Bearer sk-the-key"),
                                    ("Cookie", "session=sk-the-cookie")])
    assert response.status == 200
    line = front.access_line()
    assert '"POST /v1/chat/completions" 200' in line
    assert f"127.0.0.1:{program.port}" in line
    assert response.header("X-Request-Id") in line
    for secret in ("sk-", "question", "?"):
        assert secret not in line


def test_largest_body_passes(behind, start, upstream):
    """nginx's limit is the program's, whose answers are better."""
    program = start()
    front = behind(program.port)
    rest = MAX_BODY_SIZE - len(json.dumps(chat_body("")))
    response = front.ask("POST", "/v1/chat/completions",
                         chat_body("x" * rest))
    assert response.status == 200
    assert upstream.count("chat") == 1


def test_larger_body_is_an_error_that_clients_can_read(behind, start):
    """It is refused by what it says of its length."""
    front = behind(start().port)
    with front.connect() as connection:
        connection.send("POST", "/v1/chat/completions", b"{",
                        [("Content-Length", str(MAX_BODY_SIZE + 1))])
        response = connection.response()
        assert response.status == 413
        assert response.json()["error"]["code"] == "request_too_large"


def test_no_instance_is_an_error_that_clients_can_read(behind):
    port, holder = refused_port()
    with holder:
        response = behind(port).ask("POST", "/v1/chat/completions",
                                    chat_body())
    assert response.status == 502
    assert response.json()["error"]["code"] == "bad_gateway"
    assert response.json()["data"]["msg"]


def test_error_of_the_program_stays_its_own(behind, start, upstream):
    upstream.on_chat = ds.answer(reason="error")
    response = behind(start().port).ask("POST", "/v1/chat/completions",
                                        chat_body())
    assert response.status == 502
    assert response.json()["error"]["code"] == "upstream_error"


def test_instance_that_is_not_there_is_passed_over(behind, start, upstream):
    port, holder = refused_port()
    with holder:
        front = behind(port, start().port)
        for _ in range(20):
            assert front.ask("POST", "/v1/chat/completions",
                             chat_body()).status == 200
    assert upstream.count("chat") == 20


@pytest.mark.parametrize("fail", [drop, drop_the_second])
def test_request_that_an_instance_dropped_is_another_s(
        behind, start, upstream, fail):
    """That is how a drain could lose a request: it is on its way on a
    connection that the instance closes. The body goes on whole."""
    question = "x" * 3_000_000  # more than client_body_buffer_size
    with Instance(fail) as instance:
        front = behind(instance.port, start().port)
        with front.connect() as client:
            for _ in range(20):
                client.send("POST", "/v1/chat/completions",
                            chat_body(question))
                response = client.response()
                assert response.status == 200
                response.read()
        assert instance.connections > 0
    assert "prematurely closed" in front.errors()
    for chat in upstream.of_kind("chat"):
        assert question in chat.body.decode()


def test_answer_that_was_begun_is_not_begun_again(behind, start, upstream):
    with Instance(cut) as instance:
        front = behind(instance.port, start().port)
        cuts = 0
        for _ in range(4):
            with front.connect() as client:
                client.send("POST", "/v1/chat/completions", chat_body())
                response = client.response()
                body = b"".join(response.pieces())
                if not response.complete:
                    assert body == b"Hello"
                    cuts += 1
        assert 0 < cuts == instance.connections
        assert upstream.count("chat") == 4 - cuts


def test_client_that_leaves_ends_the_work(behind, start, upstream):
    gone = threading.Event()

    def until_gone(exchange):
        exchange.start()
        exchange.send_chunk(ds.START + ds.text("one"))
        exchange.wait_gone()
        gone.set()

    upstream.on_chat = until_gone
    with behind(start().port).connect() as client:
        client.send("POST", "/v1/chat/completions", chat_body(stream=True))
        assert client.response().events().next_delta()["role"]
    assert gone.wait(GUARD_S)
