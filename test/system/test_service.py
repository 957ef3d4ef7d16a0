# SPDX-License-Identifier: AGPL-3.0-or-later
"""The service manager: what the program tells it (sd_notify), and that it
feeds the watchdog."""
import os
import signal
import socket

import pytest

from support import GUARD_S


class Manager:
    """The socket that NOTIFY_SOCKET names."""

    def __init__(self, name):
        self.name = name
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind("\0" + name[1:] if name[0] == "@" else name)
        self.socket.settimeout(GUARD_S)

    def next(self):
        """The next message as a dict."""
        message = self.socket.recv(4096).decode()
        return dict(line.split("=", 1) for line in message.splitlines())

    def wait_for(self, name):
        """Waits for a message that has a name."""
        while name not in (message := self.next()):
            pass
        return message


@pytest.fixture(params=["path", "abstract"])
def manager(request, tmp_path):
    name = str(tmp_path / "notify") if request.param == "path" \
        else f"@akashchat-test-{os.getpid()}"
    told = Manager(name)
    yield told
    told.socket.close()


def test_start_reload_and_end_are_told(start, manager):
    program = start(NOTIFY_SOCKET=manager.name)
    ready = manager.next()
    assert ready["READY"] == "1"
    assert ready["STATUS"]
    assert program.get("/health").status == 200
    program.signal(signal.SIGHUP)
    reloading = manager.next()
    assert reloading["RELOADING"] == "1"
    assert int(reloading["MONOTONIC_USEC"]) > 0
    assert manager.next()["READY"] == "1"
    program.signal()
    assert manager.next()["STOPPING"] == "1"
    program.check(program.wait())


def test_start_that_fails_tells_nothing(launch, manager):
    with pytest.raises(AssertionError):
        launch(NOTIFY_SOCKET=manager.name, SERVER_ADDRESS="203.0.113.1:1")
    manager.socket.setblocking(False)
    with pytest.raises(BlockingIOError):
        manager.next()


def test_watchdog_is_fed_at_least_twice_in_its_time(start, manager):
    start(NOTIFY_SOCKET=manager.name, WATCHDOG_USEC="200000")
    assert "READY" in manager.next()
    for _ in range(5):
        assert manager.next() == {"WATCHDOG": "1"}


def test_program_that_hangs_feeds_no_watchdog(start, manager):
    program = start(NOTIFY_SOCKET=manager.name, WATCHDOG_USEC="200000")
    manager.wait_for("WATCHDOG")
    program.signal(signal.SIGSTOP)
    manager.socket.settimeout(1)
    with pytest.raises(TimeoutError):
        for _ in range(10):
            manager.next()
    program.signal(signal.SIGCONT)
    manager.wait_for("WATCHDOG")


def test_watchdog_of_another_process_is_left(start, manager):
    program = start(NOTIFY_SOCKET=manager.name, WATCHDOG_USEC="1000",
                    WATCHDOG_PID="1")
    assert "READY" in manager.next()
    assert program.get("/health").status == 200
    program.signal()
    assert "STOPPING" in manager.next()


@pytest.mark.parametrize("name", ["", "relative", "/no/such/socket"])
def test_manager_that_cannot_be_reached_is_no_harm(start, name):
    assert start(NOTIFY_SOCKET=name).get("/health").status == 200
