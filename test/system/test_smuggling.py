# SPDX-License-Identifier: AGPL-3.0-or-later
"""Whatever a client sends, a proxy and the program agree about where each
request ends: what one of them takes for a request is one for the other.

All cases of support/smuggling.py are sent through nginx and haproxy, each at
its defaults and at its most lenient, and to the program itself."""
import collections
import concurrent.futures
import re
import shutil

import pytest

from support import smuggling
from support.client import Connection
from support.fronts import HaproxyFront, NginxFront
from support.proxies import SEARCH

THREADS = 24
CASES = smuggling.corpus()
NUMBERED = re.compile(r"/(\d{4})/(\w+)")

# Deadlines of the program are longer than those of the proxies before it.
BEHIND = {"HEAD_TIMEOUT": "3", "BODY_TIMEOUT": "3"}


def read_until(connection, pattern):
    """What comes until it holds a pattern, or the connection ends."""
    data = b""
    try:
        while not pattern.search(data):
            piece = connection.socket.recv(65536)
            if not piece:
                break
            data += piece
    except ConnectionError:
        pass
    return data


def send(connection, data):
    try:
        connection.send_raw(data)
    except ConnectionError:
        pass  # it was refused before its end


# The head of an answer behind which there is none.
LAST_HEAD = (rb"HTTP/1\.[01] [2-5](?:[^\n]*\r\n)+?(?:connection: close|"
             rb"x-path: /%04d/next|x-request-id: %04d-next)\r\n"
             rb"(?:[^\n]+\r\n)*\r\n")


def ask(port, case):
    """The answers to a case and the request behind it, as bytes."""
    last = re.compile(LAST_HEAD % (case.number, case.number), re.I)
    with Connection(port) as connection:
        send(connection, case.bytes())
        return read_until(connection, last)


def of_all(act):
    """What act(case) returned for each case, by its number."""
    with concurrent.futures.ThreadPoolExecutor(THREADS) as pool:
        return list(pool.map(act, CASES))


def answered(program):
    """What the program took for whole requests, and what it refused at the
    door: lists of their lines."""
    lines = program.log("request")
    return ([line for line in lines if line.get("route") != "guard"],
            [line for line in lines if line.get("route") == "guard"])


def fail_if(wrong):
    assert not wrong, f"{len(wrong)} cases:\n" + "\n".join(wrong)


# ---- the program itself -----------------------------------------------------

def check_direct(case, seen, answer):
    """Why what came of a case is wrong, or None."""
    if case.end == smuggling.ANY:
        return None
    if collections.Counter(seen) != collections.Counter(case.answered):
        return f"{case}: took {seen} for requests and not {case.answered}"
    statuses = [int(status) for status in
                re.findall(rb"HTTP/1\.1 ([2-5]\d\d) ", answer)]
    refused = len(statuses) > len(case.answered)
    if refused != (case.end == smuggling.REFUSED):
        return f"{case}: answered {statuses}"
    return None


def test_program_takes_what_is_strictly_http_and_nothing_else(start):
    program = start(HEAD_TIMEOUT="1", BODY_TIMEOUT="1", KEEPALIVE_TIMEOUT="1")
    answers = of_all(lambda case: ask(program.port, case))
    assert program.get("/health").status == 200
    program.stop()
    seen = collections.defaultdict(list)
    for line in answered(program)[0]:
        number, _, what = line.get("id").partition("-")
        if number.isdigit():
            seen[int(number)].append(what)
    fail_if([why for case in CASES if (why := check_direct(
        case, seen[case.number], answers[case.number]))])
    print(f"{len(CASES)} cases")


# ---- behind a proxy ---------------------------------------------------------

class Client:
    """What two clients of a case got: the one that sent it, and another whose
    request goes the same way behind it."""

    def __init__(self, port, case):
        self.case = case
        self.answers = ask(port, case)
        with Connection(port) as connection:
            connection.send("GET", f"/{case.number:04d}/other")
            self.other = connection.response()
            self.other.read()

    def check(self, passed, refused):
        """Yields what is wrong. passed holds, by its id, what the front took
        for a request, refused the ids that the program gave to what it
        refused before it knew one."""
        path = f"/{self.case.number:04d}/other"
        if (self.other.status != 404 or self.other.header("X-Path") != path or
                passed[self.other.header("X-Request-Id")].path != path):
            yield f"{self.case}: another client got {self.other.headers}"
        for identity in re.findall(rb"\nx-request-id: ([^\r\n]+)\r\n",
                                   self.answers, re.I):
            one = passed.get(identity.decode("latin-1"))
            place = one and NUMBERED.search(one.path)
            if (identity.decode("latin-1") not in refused if one is None else
                    place and int(place.group(1)) != self.case.number):
                yield (f"{self.case}: got the answer to {identity}, "
                       f"{one and one.path}")


def compare(passed, seen, refused):
    """Yields where the lines of the program are not what a front passed
    on."""
    by_id = {one.id: one for one in passed}
    told = collections.Counter(line.get("id") for line in seen)
    for line in seen:
        one = by_id.get(line.get("id"))
        if one is None:
            yield f"nobody sent this request: {line.text}"
        elif told[line.get("id")] > 1:
            yield f"seen twice: {line.text}"
        elif one.method != line.get("method") != "OTHER" or (
                one.status is not None and
                one.status != int(line.get("status"))):
            yield f"{one.method} {one.path} {one.status} is {line.text}"
        elif NUMBERED.findall(one.path.partition("?")[0]) != \
                NUMBERED.findall(line.get("path")):
            yield f"{one.path} is {line.text}"
    # What was refused at the door may have got no further than to its line.
    lost = collections.Counter(
        str(one.status) for one in passed
        if one.status is not None and one.id not in told)
    at_the_door = collections.Counter(line.get("status") for line in refused)
    for status in lost - at_the_door:
        yield (f"{lost[status]} answers {status}, but "
               f"{at_the_door[status]} requests were refused so")


FRONTS = {
    "nginx": lambda folder, port: NginxFront(folder, port),
    "lenient nginx": lambda folder, port: NginxFront(folder, port, True),
    "haproxy": lambda folder, port: HaproxyFront(port),
    "lenient haproxy": lambda folder, port: HaproxyFront(port, True),
}


@pytest.mark.parametrize("name", FRONTS)
def test_proxy_and_program_agree_about_every_request(start, tmp_path, name):
    if shutil.which(name.split()[-1], path=SEARCH) is None:
        pytest.skip(f"{name} is not installed")
    program = start(**BEHIND)
    with FRONTS[name](tmp_path, program.port) as front:
        clients = of_all(lambda case: Client(front.port, case))
        assert program.get("/health").status == 200
        with Connection(front.port) as connection:
            connection.send("GET", "/health")
            assert connection.response().json()["status"] == "ok"
        front.stop()
        passed = front.passed()
    program.stop()
    seen, refused = answered(program)
    by_id = {one.id: one for one in passed}
    seen = [line for line in seen if line.get("path") != "/health" or
            line.get("id") in by_id]
    nameless = {line.get("id") for line in refused} - by_id.keys()
    fail_if([*compare(passed, seen, refused),
             *(why for client in clients
               for why in client.check(by_id, nameless))])
    print(f"{len(CASES)} cases, {len(passed)} requests of {name}, "
          f"{len(seen)} answered and {len(refused)} refused by the program")
