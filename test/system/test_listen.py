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
    """Whether a health is told at an address."""
    with Connection(port, host) as connection:
        connection.send("GET", "/health")
        return connection.response().status == 200


def is_free(host, port):
    """Whether nobody listens at an address."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        with socket.create_server((host, port), family=family):
            return True
    except OSError:
        return False


def launch_beside(launch, address, host):
    """A program that listens at an address and leaves the same port of
    another host free. That may be taken by somebody else, hence the loop."""
    for _ in range(5):
        program = launch(SERVER_ADDRESS=address)
        if is_free(host, program.port):
            return program
    return pytest.fail(f"{address} takes {host} too")


def test_port_that_was_picked_is_logged(launch):
    program = launch(SERVER_ADDRESS="127.0.0.1:0")
    line = program.wait_log("listening")
    assert line.get("address") == "127.0.0.1"
    assert 0 < int(line.get("port")) < 65536
    assert answers("127.0.0.1", program.port)


@needs_ipv6
def test_127_0_0_1_alone(launch):
    launch_beside(launch, "127.0.0.1:0", "::1")


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
    program = launch_beside(launch, "[::1]:0", "127.0.0.1")
    assert answers("::1", program.port)


def test_another_address_alone(launch):
    program = launch_beside(launch, "127.0.0.2:0", "127.0.0.1")
    assert answers("127.0.0.2", program.port)


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


def test_port_can_be_taken_again_after_the_end(launch):
    """Also while the kernel still remembers a connection that the first
    program closed."""
    program = launch()
    with program.connect() as connection:
        connection.send("GET", "/health", headers=[("Connection", "close")])
        connection.response().read()
        assert connection.is_closed()
    program.stop()
    again = launch(SERVER_ADDRESS=f"127.0.0.1:{program.port}")
    assert again.get("/health").status == 200


@pytest.mark.parametrize("address", ["203.0.113.1:0", "[2001:db8::1]:0"])
def test_address_of_another_machine_ends_the_start(address):
    assert "cannot listen" in check_refused_start(address)
