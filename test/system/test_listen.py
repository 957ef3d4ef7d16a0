# SPDX-License-Identifier: AGPL-3.0-or-later
"""Where the program listens."""
import socket

import pytest

from support.client import Connection
from support.program import run

LOOPBACKS = ["127.0.0.1", "::1"]


def has_ipv6():
    try:
        with socket.create_server(("::1", 0), family=socket.AF_INET6):
            return True
    except OSError:
        return False


needs_ipv6 = pytest.mark.skipif(not has_ipv6(), reason="there is no ::1")


def answers(host, port):
    """Whether the program's health is told at an address."""
    try:
        with Connection(port, host) as connection:
            connection.send("GET", "/health")
            return connection.response().status == 200
    except ConnectionRefusedError:
        return False


def test_port_that_was_picked_is_logged(launch):
    program = launch(SERVER_ADDRESS="127.0.0.1:0")
    line = program.wait_log("listening")
    assert line.get("address") == "127.0.0.1"
    assert 0 < int(line.get("port")) < 65536
    assert answers("127.0.0.1", program.port)
    if has_ipv6():
        assert not answers("::1", program.port)


@needs_ipv6
def test_localhost_is_both_loopbacks(launch):
    program = launch(SERVER_ADDRESS="localhost:0")
    assert [answers(host, program.port) for host in LOOPBACKS] \
        == [True, True]


def test_localhost_is_127_0_0_1(launch):
    program = launch(SERVER_ADDRESS="localhost:0")
    assert program.wait_log("listening").get("address") == "localhost"
    assert answers("127.0.0.1", program.port)


def test_no_host_is_every_address(launch):
    program = launch(SERVER_ADDRESS=":0")
    assert answers("127.0.0.1", program.port)
    assert answers("127.0.0.2", program.port)
    if has_ipv6():
        assert answers("::1", program.port)


@needs_ipv6
def test_ipv6_loopback_alone(launch):
    program = launch(SERVER_ADDRESS="[::1]:0")
    assert answers("::1", program.port)
    assert not answers("127.0.0.1", program.port)


def test_another_address_alone(launch):
    program = launch(SERVER_ADDRESS="127.0.0.2:0")
    assert answers("127.0.0.2", program.port)
    assert not answers("127.0.0.1", program.port)


@pytest.mark.parametrize("flags", [["--server-address", "127.0.0.1:0"],
                                   ["--server-address=127.0.0.1:0"]])
def test_flag_says_where_to_listen(launch, flags):
    program = launch(*flags, SERVER_ADDRESS="127.0.0.2:0")
    assert answers("127.0.0.1", program.port)


def check_refused_start(address):
    done = run(SERVER_ADDRESS=address)
    assert done.returncode not in (0, 2)
    assert done.returncode > 0  # no signal
    [line] = done.stderr.splitlines()
    assert line.startswith("akashchat-api: ")
    return line


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", ""])
def test_port_in_use_ends_the_start(launch, host):
    port = launch(SERVER_ADDRESS="127.0.0.1:0").port
    line = check_refused_start(f"{host}:{port}")
    assert str(port) in line and "in use" in line


@needs_ipv6
def test_port_in_use_on_one_loopback_ends_the_start_of_localhost():
    with socket.create_server(("::1", 0), family=socket.AF_INET6) as taken:
        port = taken.getsockname()[1]
        line = check_refused_start(f"localhost:{port}")
        assert "in use" in line
    with socket.create_server(("127.0.0.1", port)):
        pass  # the other one was let go


def test_port_is_free_again_after_the_end(launch):
    first = launch(SERVER_ADDRESS="127.0.0.1:0")
    first.get("/health")
    first.stop()
    second = launch(SERVER_ADDRESS=f"127.0.0.1:{first.port}")
    assert second.get("/health").status == 200


@pytest.mark.parametrize("address", ["203.0.113.1:0", "[2001:db8::1]:0"])
def test_address_of_another_machine_ends_the_start(address):
    assert "cannot listen" in check_refused_start(address)
