# SPDX-License-Identifier: AGPL-3.0-or-later
"""Where the program listens."""
import shutil
import socket
import stat
import subprocess
import sys

import pytest

from support import GUARD_S
from support.client import Connection, chat_body
from support.program import BINARY, environment, run
from support.shape import check_completion, check_stream

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


# ---- several addresses ------------------------------------------------------

def test_several_addresses_are_all_listened_on(launch):
    program = launch(SERVER_ADDRESS="127.0.0.1:0, 127.0.0.2:0")
    second = program.wait_log("listening", 2)
    assert second.get("address") == "127.0.0.2"
    assert answers("127.0.0.1", program.port)
    assert answers("127.0.0.2", int(second.get("port")))
    program.stop()
    assert is_free("127.0.0.1", program.port)
    assert is_free("127.0.0.2", int(second.get("port")))


def test_one_bad_address_of_several_ends_the_start(launch, tmp_path):
    port = launch(SERVER_ADDRESS="127.0.0.1:0").port
    path = tmp_path / "s"
    line = check_refused_start(f"unix:{path},127.0.0.1:{port}")
    assert "in use" in line
    assert not path.exists()


def test_several_addresses_are_all_loopback_or_need_a_key(launch):
    """A warning tells when one of them is open to others."""
    program = launch(SERVER_ADDRESS="127.0.0.1:0,0.0.0.0:0")
    program.wait_log("other machines can connect without a key")


# ---- Unix sockets -----------------------------------------------------------

@pytest.fixture
def path(tmp_path):
    return tmp_path / "api.sock"


def mode_of(path):
    status = path.stat()
    assert stat.S_ISSOCK(status.st_mode)
    return stat.S_IMODE(status.st_mode)


def test_unix_socket(start, path):
    program = start(SERVER_ADDRESS=f"unix:{path}")
    assert mode_of(path) == 0o660
    response = program.chat()
    check_completion(response.json())
    assert program.access(response).get("client") == "unix"
    _, payloads = program.stream()
    check_stream(payloads)
    program.stop()
    assert not program.log("other machines can connect without a key")
    assert not path.exists()


@pytest.mark.parametrize("mode", ["0600", "777", "0000"])
def test_unix_socket_s_permissions(launch, path, mode):
    launch(SERVER_ADDRESS=f"unix:{path}", UNIX_SOCKET_MODE=mode)
    assert mode_of(path) == int(mode, 8)


def test_unix_socket_beside_a_port(launch, path):
    program = launch(SERVER_ADDRESS=f"127.0.0.1:0,unix:{path}")
    program.wait_log("listening", address=f"unix:{path}")
    assert answers("127.0.0.1", program.port)
    assert answers(None, str(path))


def test_proxy_behind_a_unix_socket_is_believed_where_it_is_trusted(
        start, path):
    program = start(SERVER_ADDRESS=f"unix:{path}", TRUSTED_PROXIES="unix")
    response = program.get("/health",
                           headers=[("X-Forwarded-For", "203.0.113.9")])
    assert program.access(response).get("client") == "203.0.113.9"


def test_unix_socket_that_nobody_listens_on_is_replaced(launch, path):
    program = launch(SERVER_ADDRESS=f"unix:{path}")
    program.kill()
    assert mode_of(path)  # it is still there
    again = launch(SERVER_ADDRESS=f"unix:{path}")
    assert again.get("/health").status == 200


def test_unix_socket_in_use_ends_the_start(launch, path):
    program = launch(SERVER_ADDRESS=f"unix:{path}")
    assert "in use" in check_refused_start(f"unix:{path}")
    assert program.get("/health").status == 200


def test_other_file_is_left_alone(path):
    path.write_text("mine")
    assert "in use" in check_refused_start(f"unix:{path}")
    assert path.read_text() == "mine"


def test_folder_that_is_not_there_ends_the_start(path):
    assert "No such file" in check_refused_start(f"unix:{path.parent}/no/s")


def test_socket_that_somebody_else_put_there_is_left(launch, path):
    program = launch(SERVER_ADDRESS=f"unix:{path}")
    path.unlink()
    other = launch(SERVER_ADDRESS=f"unix:{path}")
    program.stop()
    assert other.get("/health").status == 200


def test_metrics_on_a_unix_socket(start, path):
    program = start(METRICS_ADDRESS=f"unix:{path}")
    program.wait_log("metrics are served", address=f"unix:{path}")
    with Connection(str(path)) as connection:
        connection.send("GET", "/metrics")
        assert b"akashchat_build_info" in connection.response().read()
    assert program.get("/metrics").status == 404


# ---- sockets that are handed over -------------------------------------------

@pytest.fixture
def handed():
    """Listening sockets as a service manager opens them."""
    with socket.create_server(("127.0.0.1", 0)) as first, \
            socket.create_server(("127.0.0.1", 0)) as second:
        yield first, second


def port_of(sock):
    return sock.getsockname()[1]


HAND_OVER = """
import fcntl, os, sys
count = int(os.environ["LISTEN_FDS"])
high = [fcntl.fcntl(int(fd), fcntl.F_DUPFD, 100) for fd in
        sys.argv[1:count + 1]]
for place, fd in enumerate(high, 3):
    os.dup2(fd, place)
    os.close(fd)
os.environ["LISTEN_PID"] = str(os.getpid())
os.execv(sys.argv[count + 1], sys.argv[count + 1:])
"""


def hand_over(*socks):
    """Arguments of a program that gets them as descriptors from 3 on."""
    fds = [sock.fileno() for sock in socks]
    return {
        "wrapper": [sys.executable, "-c", HAND_OVER, *map(str, fds)],
        "pass_fds": fds,
        "LISTEN_FDS": str(len(fds)),
    }


def test_handed_sockets_take_the_place_of_the_addresses(start, handed):
    program = start(SERVER_ADDRESS="127.0.0.1:1", **hand_over(*handed))
    program.wait_log("listening", 2)
    for sock in handed:
        assert answers("127.0.0.1", port_of(sock))
    program.stop()
    # They are the manager's and wait for the next program.
    Connection(port_of(handed[0])).close()


def test_handed_socket_may_be_the_metrics(start, handed):
    program = start(LISTEN_FDNAMES="api:metrics", **hand_over(*handed))
    program.wait_log("metrics are served")
    assert answers("127.0.0.1", port_of(handed[0]))
    with Connection(port_of(handed[1])) as connection:
        connection.send("GET", "/metrics")
        assert b"akashchat_build_info" in connection.response().read()
    assert program.get("/metrics").status == 404


def test_sockets_of_another_process_are_not_taken(start, handed):
    program = start(LISTEN_PID="1", LISTEN_FDS="1",
                    pass_fds=[handed[0].fileno()])
    assert answers("127.0.0.1", program.port)
    assert program.port != port_of(handed[0])


def test_handed_descriptor_that_does_not_listen_ends_the_start():
    with socket.socket() as sock:
        arguments = hand_over(sock)
        done = subprocess.run(
            [*arguments["wrapper"], BINARY], check=False, text=True,
            env=environment({"LISTEN_FDS": "1"}), capture_output=True,
            pass_fds=arguments["pass_fds"], timeout=GUARD_S)
    assert done.returncode == 1
    assert "descriptor 3 is no listening stream socket" in done.stderr


@pytest.mark.skipif(shutil.which("systemd-socket-activate") is None,
                    reason="there is no systemd-socket-activate")
def test_socket_activation(upstream, path):
    """systemd's own tool listens, and starts the program for the first
    connection."""
    with subprocess.Popen(
            ["systemd-socket-activate", "-l", str(path),
             "-E", f"AKASH_BASE_URL={upstream.url}", BINARY],
            env=environment({}), stderr=subprocess.PIPE) as process:
        try:
            while not path.exists():
                assert process.poll() is None
            with Connection(str(path)) as connection:
                connection.send("POST", "/v1/chat/completions",
                                chat_body("Hi"))
                check_completion(connection.response().json())
        finally:
            process.terminate()
        assert process.wait(GUARD_S) == 0
