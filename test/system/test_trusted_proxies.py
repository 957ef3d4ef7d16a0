# SPDX-License-Identifier: AGPL-3.0-or-later
"""TRUSTED_PROXIES: whose X-Forwarded-For is believed."""
import pytest

from support.client import chat_body


def client_of(program, *forwarded):
    """The address in the access line of a request with these headers."""
    response = program.chat(
        headers=[("X-Forwarded-For", value) for value in forwarded])
    assert response.status == 200
    return program.access(response).get("client")


def test_without_the_option_the_peer_is_the_client(program):
    assert client_of(program) == "127.0.0.1"
    assert client_of(program, "198.51.100.1") == "127.0.0.1"


def test_proxy_that_is_not_listed_is_not_believed(start):
    program = start(TRUSTED_PROXIES="127.0.0.2, 10.0.0.0/8, unix")
    assert client_of(program, "198.51.100.1") == "127.0.0.1"


@pytest.mark.parametrize("forwarded, client", [
    (["198.51.100.1"], "198.51.100.1"),
    (["1.1.1.1, 198.51.100.1, 10.1.1.1"], "198.51.100.1"),
    (["1.1.1.1", "198.51.100.1", "10.1.1.1"], "198.51.100.1"),
    (["2001:DB8::1"], "2001:db8::1"),
    (["10.1.1.2, 10.1.1.1"], "10.1.1.2"),
    (["198.51.100.1, unknown"], "127.0.0.1"),
    (["198.51.100.1", ""], "127.0.0.1"),
    (["a=\"b\" key=forged"], "127.0.0.1"),
    ([], "127.0.0.1"),
])
def test_trusted_proxy_tells_the_client(start, forwarded, client):
    program = start(TRUSTED_PROXIES="127.0.0.0/8 10.0.0.0/8")
    assert client_of(program, *forwarded) == client


def test_loopback_of_ipv6_is_a_peer_too(start):
    program = start(SERVER_ADDRESS="[::1]:0", TRUSTED_PROXIES="::1")
    assert client_of(program, "198.51.100.1") == "198.51.100.1"
    assert client_of(program) == "::1"


def test_refused_head_is_the_peer_s(start):
    """Nothing that the guard refuses is believed."""
    program = start(TRUSTED_PROXIES="127.0.0.1")
    with program.connect() as connection:
        connection.send("POST", "/v1/chat/completions", chat_body(), [
            ("X-Forwarded-For", "198.51.100.1"), ("Content-Length", "x")])
        response = connection.response()
        assert response.status == 400
    assert program.access(response).get("client") == "127.0.0.1"
