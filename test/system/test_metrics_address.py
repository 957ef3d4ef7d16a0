# SPDX-License-Identifier: AGPL-3.0-or-later
"""Where /metrics is, and who gets it: METRICS_ADDRESS and keys."""
import pytest

from support.certificates import self_signed
from support.client import Connection
from support.metrics import read_metrics, scrape
from support.program import run
from test_life import begin, slow  # noqa: F401 pylint: disable=unused-import

KEY = "sk-key-K7f3"
BEARER = [("Authorization", f"Bearer {KEY}")]

REQUESTS = "akashchat_http_requests_total"


def metrics_port(program):
    return int(program.wait_log("metrics are served").get("port"))


def ask_at(port, method, path, headers=()):
    with Connection(port) as connection:
        connection.send(method, path, headers=headers)
        response = connection.response(method)
        response.read()
    return response


@pytest.mark.parametrize("path", ["/v1/metrics", "/v1/v1/metrics",
                                  "/v1//metrics/", "/metrics/x", "/metric"])
def test_they_are_nowhere_else(program, path):
    assert program.get(path).status == 404


def test_methods(program):
    assert program.ask("HEAD", "/metrics").status == 200
    assert program.get("/metrics/").status == 200
    assert program.get("/metrics?x=y").status == 200
    response = program.ask("POST", "/metrics", b"x")
    assert response.status == 405
    assert "GET" in response.header("Allow")


def test_key_is_wanted_where_one_is_set(start):
    program = start(BEARER_TOKEN=KEY)
    assert program.get("/metrics").status == 401
    assert program.get("/metrics", [("x-api-key", "wrong")]).status == 401
    metrics = scrape(program, BEARER)
    assert metrics.get(REQUESTS, route="unknown", method="GET", status="401",
                       key="") == 2


def test_own_address_needs_no_key_and_has_nothing_else(start):
    program = start(BEARER_TOKEN=KEY, METRICS_ADDRESS="127.0.0.1:0")
    port = metrics_port(program)
    assert port != program.port
    read_metrics(ask_at(port, "GET", "/metrics"))
    for path in ("/", "/health", "/v1/models", "/v1/metrics",
                 "/v1/chat/completions"):
        assert ask_at(port, "GET", path).status == 404
    assert ask_at(port, "POST", "/metrics").status == 405
    assert program.get("/metrics").status == 401
    assert program.get("/metrics", BEARER).status == 404


def test_own_address_shows_the_clients_of_the_other(start, upstream):
    program = start(METRICS_ADDRESS="localhost:0")
    program.chat()
    metrics = read_metrics(ask_at(metrics_port(program), "GET", "/metrics"))
    assert metrics.get(REQUESTS, route="chat", method="POST", status="200",
                       key="") == 1
    assert metrics.get("akashchat_client_connections") == 0
    assert metrics.get("akashchat_session_renewals_total", result="ok") == 1


def test_own_address_speaks_plain_http_beside_tls(start, tmp_path):
    certificate, key = self_signed(tmp_path)
    program = start(TLS_CERT=certificate, TLS_KEY=key,
                    METRICS_ADDRESS="127.0.0.1:0")
    assert ask_at(metrics_port(program), "GET", "/metrics").status == 200
    assert b"HTTPS" in ask_at(program.port, "GET", "/metrics").read()


@pytest.mark.parametrize("options, origin, status", [
    ({}, "https://evil.example", 403), ({}, "http://localhost:8080", 200),
    ({"CORS_ALLOW_ORIGINS": "https://a.example"}, "https://a.example", 200)])
def test_no_foreign_page_reads_the_own_address(start, options, origin,
                                               status):
    program = start(BEARER_TOKEN=KEY, METRICS_ADDRESS="127.0.0.1:0",
                    **options)
    response = ask_at(metrics_port(program), "GET", "/metrics",
                      [("Origin", origin)])
    assert response.status == status
    assert (response.header("Access-Control-Allow-Origin") == origin) == \
        (status == 200)


def test_own_address_that_is_in_use_ends_the_start(program):
    done = run(SERVER_ADDRESS="127.0.0.1:0",
               METRICS_ADDRESS=f"127.0.0.1:{program.port}", DEMO="on")
    assert done.returncode != 0
    assert f"cannot listen on 127.0.0.1 port {program.port}" in done.stderr


def test_own_address_serves_while_clients_are_drained(start, upstream, slow):
    upstream.on_chat = slow.until_gone
    program = start(METRICS_ADDRESS="127.0.0.1:0")
    port = metrics_port(program)
    response = program.open_stream()
    with response.connection:
        begin(response)
        program.signal()
        program.wait_log("draining")
        metrics = read_metrics(ask_at(port, "GET", "/metrics"))
        assert metrics.get("akashchat_streams_open") == 1
        program.signal()
        program.check(program.wait())
