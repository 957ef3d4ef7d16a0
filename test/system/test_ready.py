# SPDX-License-Identifier: AGPL-3.0-or-later
"""GET /ready: whether an upstream session can be had, with hysteresis."""
import threading
import time

import pytest

from support import GUARD_S
from support import datastream as ds

NO_SESSION = {"status": "not ready",
              "reason": "no session with the upstream can be had"}


def wait_ready(program, status):
    """Asks until the answer is this one."""
    deadline = time.monotonic() + GUARD_S
    while time.monotonic() < deadline:
        answer = program.get("/ready")
        if answer.status == status:
            return answer
    return pytest.fail(f"/ready is never {status}")


def refuse(exchange):
    exchange.reply(500, b"")


def test_program_is_ready_when_it_has_a_session(program, upstream):
    assert program.get("/ready").status == 503
    answer = wait_ready(program, 200)
    assert answer.json() == {"status": "ready"}
    assert upstream.count("session") == 1
    program.wait_log("ready")


def test_session_that_comes_late_is_waited_for(program, upstream):
    go_on = threading.Event()
    upstream.on_session = ds.hold(go_on, upstream.grant_session)
    for _ in range(5):
        answer = program.get("/ready")
        assert (answer.status, answer.json()) == (503, NO_SESSION)
    go_on.set()
    wait_ready(program, 200)
    assert upstream.count("session") == 1


def test_it_needs_no_key(start):
    program = start(BEARER_TOKEN="sk-1")
    assert wait_ready(program, 200).status == 200


def test_program_is_not_ready_where_no_session_can_be_had(program, upstream):
    upstream.on_session = refuse
    for _ in range(20):
        assert program.get("/ready").status == 503
    assert program.get("/health").status == 200
    upstream.on_session = upstream.grant_session
    wait_ready(program, 200)


def test_one_failure_does_not_end_it_but_three_do(start, upstream):
    """The second session is refused; only when that has happened three times
    the program is not ready any more."""
    upstream.max_age = 1
    program = start()
    wait_ready(program, 200)
    upstream.on_session = refuse
    states = []
    while not states or states[-1] == 200:
        states.append(program.get("/ready").status)
        if states[-1] == 200:
            assert len(program.log("no session could be had")) < 4
    program.wait_log("no session could be had", 3)
    assert program.wait_log("not ready").level == "WARN"
    upstream.on_session = upstream.grant_session
    wait_ready(program, 200)
    program.wait_log("ready", 2)


def test_site_that_says_nothing_is_noticed_before_its_timeout(start,
                                                              upstream):
    """FIRST_EVENT_TIMEOUT is two minutes."""
    upstream.max_age = 1
    program = start()
    wait_ready(program, 200)
    upstream.on_session = lambda exchange: exchange.wait_gone()
    began = time.monotonic()
    wait_ready(program, 503)
    assert 9 < time.monotonic() - began < 20


def test_head_is_answered_too(program):
    wait_ready(program, 200)
    assert program.ask("HEAD", "/ready").status == 200
