# SPDX-License-Identifier: AGPL-3.0-or-later
"""From a URL and a method to an answer."""
import pytest

from support.client import chat_body
from support.shape import (check_completion, check_error, check_keys,
                           check_stream)

PREFIXES = ["/v1/", "/", "/v1/v1/", "/v1/v1/v1/", "//v1/", "///", "/v1//",
            "//v1//v1//"]
SUFFIXES = ["", "/", "//", "?", "?a=b&c=/d", "/?api-version=2024-06-01"]

KNOWN = ["/v1/chat/completions", "/v1/models", "/v1/models/AkashGen",
         "/health", "/"]

UNKNOWN = ["/v1/nothing", "/v2/chat/completions", "/v1/chat", "/chat",
           "/v1/chat/completions/x", "/v1/chat/completionsx",
           "/xv1/chat/completions", "/V1/chat/completions", "/v1x/models",
           "/v1/Models", "/healthy", "/v1/embeddings",
           "/favicon.ico", "/%2e%2e/etc/passwd", "/v1/../health",
           "/v1/chat%2Fcompletions", "/x" * 3000]

# OPTIONS is left out: it is also how a browser asks for leave.
METHODS = ["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "TRACE"]

WRONG = [(method, path) for path in KNOWN for method in METHODS
         if (method == "POST") != ("chat" in path) or
         method not in ("GET", "HEAD", "POST")]


@pytest.mark.parametrize("prefix", PREFIXES)
@pytest.mark.parametrize("suffix", SUFFIXES)
def test_chat_is_found_with_and_without_v1(program, prefix, suffix):
    path = f"{prefix}chat/completions{suffix}"
    check_completion(program.ask("POST", path, chat_body()).json())


@pytest.mark.parametrize("prefix", PREFIXES)
@pytest.mark.parametrize("suffix", SUFFIXES)
def test_models_are_found_with_and_without_v1(program, prefix, suffix):
    assert program.get(f"{prefix}models{suffix}").json()["object"] == "list"
    model = program.get(f"{prefix}models/openai/gpt-oss-120b{suffix}")
    assert model.json()["id"] == "openai/gpt-oss-120b"


@pytest.mark.parametrize("path", ["/v1/chat/completions?stream=true",
                                  "/v1/chat/completions/"])
def test_stream_is_found_too(program, path):
    response = program.ask("POST", path, chat_body(stream=True))
    events = response.read().decode().split("\n\n")
    check_stream([event.removeprefix("data: ") for event in events if event])


def test_absolute_target_is_understood(program):
    """As a proxy sends it."""
    response = program.get(f"http://127.0.0.1:{program.port}/v1/models")
    assert response.json()["object"] == "list"


def test_connection_goes_on_behind_an_absolute_target(program):
    with program.connect() as connection:
        for _ in range(2):
            connection.send("GET", "http://example.com/health")
            response = connection.response()
            assert response.json()["status"] == "ok"
            assert response.header("Connection") is None


@pytest.mark.parametrize("path", ["/health", "/health/", "/v1/health",
                                  "/health?x"])
def test_health_says_that_all_is_well(program, upstream, path):
    value = program.get(path).json()
    assert value["status"] == "ok" and value["version"]
    assert upstream.requests == []


@pytest.mark.parametrize("path", ["/", "/v1", "/v1/", "//", "/?x"])
def test_root_lists_the_routes(program, path):
    value = program.get(path).json()
    check_keys(value, {"name", "version", "description", "routes"})
    assert value["name"] == "akashchat-api"
    assert value["routes"]["chat"] == "POST /v1/chat/completions"


@pytest.mark.parametrize("path", UNKNOWN)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_unknown_route_gives_404(program, upstream, method, path):
    body = chat_body() if method == "POST" else None
    response = program.ask(method, path, body)
    check_error(response, 404, "unknown_url")
    assert upstream.requests == []


@pytest.mark.parametrize("method, path", WRONG)
def test_wrong_method_gives_405_with_allow(program, method, path):
    allowed = ["POST"] if "chat" in path else ["GET", "HEAD"]
    response = program.ask(method, path)
    assert response.status == 405
    named = {one.strip() for one in response.header("Allow").split(",")}
    assert named >= set(allowed) and method not in named
    assert named <= {*allowed, "OPTIONS"}
    if method != "HEAD":
        check_error(response, 405, "method_not_allowed")


@pytest.mark.parametrize("method", ["GET", "POST", "PUT"])
@pytest.mark.parametrize("path", KNOWN)
def test_method_is_checked_on_a_connection_that_goes_on(
        program, path, method):
    with program.connect() as connection:
        connection.send(method, path)
        connection.response(method).read()
        connection.send("GET", "/health")
        assert connection.response().json()["status"] == "ok"


@pytest.mark.parametrize("path", ["/v1/models", "/v1/models/AkashGen",
                                  "/health", "/", "/v1/nothing",
                                  "/v1/models/nothing"])
def test_head_is_get_without_a_body(program, path):
    get = program.get(path)
    with program.connect() as connection:
        connection.send("HEAD", path)
        head = connection.response("HEAD")
        assert head.status == get.status
        assert head.header("Content-Length") == get.header("Content-Length")
        assert head.header("Content-Type") == get.header("Content-Type")
        # What follows at once is the next answer.
        connection.send("GET", "/health")
        assert connection.response().json()["status"] == "ok"


def test_pipelined_requests_are_answered_in_order(program):
    with program.connect() as connection:
        for number in range(3):
            connection.send("GET", "/health",
                            headers=[("X-Request-Id", f"n{number}")])
        connection.send("POST", "/v1/chat/completions", chat_body("1"))
        connection.send("POST", "/v1/chat/completions",
                        chat_body("2", stream=True))
        connection.send("GET", "/v1/models")
        for number in range(3):
            response = connection.response()
            assert response.header("X-Request-Id") == f"n{number}"
            response.read()
        check_completion(connection.response().json())
        check_stream(connection.response().events().rest())
        assert connection.response().json()["object"] == "list"


def test_connection_closes_where_the_client_says_so(program):
    with program.connect() as connection:
        connection.send("GET", "/health", headers=[("Connection", "close")])
        response = connection.response()
        assert response.header("Connection") == "close"
        response.read()
        assert connection.is_closed()


def test_stream_closes_where_the_client_says_so(program):
    with program.connect() as connection:
        connection.send("POST", "/v1/chat/completions",
                        chat_body(stream=True), [("Connection", "close")])
        response = connection.response()
        check_stream(response.events().rest())
        assert connection.is_closed()
