# SPDX-License-Identifier: AGPL-3.0-or-later
"""Every fault of the site, in every phase, for every kind of client.

A cell is a fault in a phase. A program of its own meets it three times: with a
client that wants a whole answer, one that wants a stream, and one that leaves
when the fault is there. What each gets is as the tables say; then, when the
fault is over, the next request is answered, and the program holds as many
descriptors as before and not much more memory.
"""
import concurrent.futures
import contextlib
import threading

import pytest

from support import GUARD_S, faults, nameserver
from support.certificates import Authority
from support.client import chat_body
from support.crowd import at_once
from support.faults import PHASES, Site
from support.footprint import MB, SANITIZED, Footprint
from support.outcome import describe
from support.pictures import IMAGES
from support.program import Program

THREADS = 48
OPTIONS = {"CONNECT_TIMEOUT": "1", "FIRST_EVENT_TIMEOUT": "3",
           "SILENCE_TIMEOUT": "1", "UPSTREAM_RETRIES": "1",
           "IMAGE_TIMEOUT": "7", "IMAGE_URLS": "proxy",
           "DEFAULT_TEMPERATURE": "1"}

# Memory above what was held before a fault, and what may stay of that.
PEAK = 8 * MB
PEAKS = {"status": 80 * MB,  # two answers, each as large as a picture
         "image": 80 * MB}
REST = 4 * MB


# ---- what clients ask, and what they get ------------------------------------

# Phase: for a whole answer and for a stream what is asked: method, path, body.
CHAT = "/v1/chat/completions"
DRAW = {"prompt": "a cat", "response_format": "b64_json"}
QUESTIONS = {
    "session": (("POST", CHAT, chat_body()),
                ("POST", CHAT, chat_body(stream=True))),
    "models": (("GET", "/v1/models", None),
               ("GET", "/v1/models/Says-Nothing-8B", None)),
    "chat": (("POST", CHAT, chat_body()),
             ("POST", CHAT, chat_body(stream=True))),
    "status": (("POST", IMAGES, DRAW),
               ("POST", CHAT, {**chat_body("a cat", stream=True),
                               "model": faults.DRAWING_MODEL})),
    "image": (("POST", IMAGES, DRAW), ("GET", "/images/a.png", None)),
}


def get(program, question):
    """What comes of a question."""
    with program.connect() as connection:
        connection.send(*question)
        try:
            response = connection.response()
        except ConnectionError:
            return "nothing"
        return describe(response)


def leave(program, site, question):
    """Asks and leaves when the fault is there."""
    with program.connect() as connection:
        connection.send(*question, headers=[("X-Request-Id", "leaver")])
        assert site.reached.wait(GUARD_S)


# ---- a cell -----------------------------------------------------------------

KINDS = ("whole", "stream", "leaver")

# Where each kind of client has its fault for itself; otherwise they come
# together, since who comes later is told what is known already.
IN_TURN = ("chat", "status", "image")


class Cell:
    """One fault in one phase. tls is what certificates there are (a
    Certificates), or None; names is who knows the site's name, or None."""

    def __init__(self, name, phase, tls=None, names=None):
        self.name = name
        self.phase = phase
        self._tls = tls
        self._names = names
        self.seen = {}
        self.peak = self.rest = 0  # of memory, in bytes
        self.tries = 0      # that failed when all was well again

    def __str__(self):
        return f"{self.phase}, {self.name}"

    def run(self):
        """Fills in what was seen; raises where something is wrong whatever
        the fault is."""
        options = dict(OPTIONS)
        wrapper = ()
        if self._tls:
            options["SSL_CERT_FILE"] = str(self._tls.authority)
        with Site(tls=self._tls and self._tls.good) as site:
            options["AKASH_BASE_URL"] = site.url
            if self._names:
                wrapper = self._names.wrapper
                options["AKASH_BASE_URL"] = f"http://site.example:{site.port}"
            program = Program(wrapper=wrapper, **options)
            try:
                self._meet(program, site)
            except BaseException:
                program.kill()
                raise
            program.stop()
        return self

    def _meet(self, program, site):
        footprint = Footprint(program.process.pid)
        descriptors = footprint.descriptors()
        if self.phase not in ("session", "models"):
            assert get(program, QUESTIONS["chat"][0]) == "200"
        held = footprint.reset_peak()
        self._ask(program, site)
        self.seen["leaver"] = program.wait_log(
            "request", id="leaver").get("end")
        self.peak = footprint.peak() - held
        at_once(2, lambda kind: self._recover(
            program, QUESTIONS[self.phase][kind]))
        site.hang_up()
        footprint.wait_descriptors(descriptors)
        self.rest = footprint.rss() - held
        ids = [line.get("id") for line in program.log("request")]
        assert len(ids) == len(set(ids))

    def _ask(self, program, site):
        if self.phase in IN_TURN:
            for kind in KINDS:
                self._begin(site, kind)
                self.seen[kind] = self._ask_one(program, site, kind)
                self._end(site)
        else:
            self._begin(site, None)
            self.seen = dict(zip(KINDS, at_once(
                len(KINDS),
                lambda i: self._ask_one(program, site, KINDS[i]))))
            self._end(site)

    def _begin(self, site, kind):
        """Brings the fault about for a kind of client, None for all."""
        raise NotImplementedError

    def _end(self, site):
        raise NotImplementedError

    def _ask_one(self, program, site, kind):
        whole, stream = QUESTIONS[self.phase]
        if kind == "leaver":
            return leave(program, site, whole)
        return get(program, whole if kind == "whole" else stream)

    def _recover(self, program, question):
        """Sessions and lists that cannot be had are asked for again after a
        while."""
        tick = threading.Event()
        while (seen := get(program, question)) != "200":
            self.tries += 1
            assert self.tries < 20 * GUARD_S, seen
            tick.wait(0.05)

    def check(self, wanted):
        """Yields what is not as it is wanted: an outcome, or one for whole
        answers and one for streams."""
        if isinstance(wanted, str):
            wanted = (wanted, wanted)
        for kind, outcome in zip(KINDS, wanted):
            if self.seen[kind] not in outcome.split(" or "):
                yield f"{self}, {kind}: {self.seen[kind]} and not {outcome}"
        ends = ("client_gone",) if self.name.startswith("stall") else ENDS
        if self.seen["leaver"] not in ends:
            yield f"{self}: who leaves ends as {self.seen['leaver']}"
        if self.tries > 0 and self.phase not in ("session", "models"):
            yield f"{self}: {self.tries} failed when all was well"
        if SANITIZED:
            return
        if self.peak > PEAKS.get(self.phase, PEAK):
            yield f"{self}: took {self.peak / MB:.1f} MB"
        if self.rest > REST:
            yield f"{self}: keeps {self.rest / MB:.1f} MB"


ENDS = ("client_gone", "upstream_error", "refused", "timeout", "done")


# ---- what is expected -----------------------------------------------------------

ERROR = "502 upstream_error"
CHALLENGE = "502 upstream_challenge"
SESSION = "502 upstream_session_error"
FIRST = "504 upstream_first_event_timeout"
SILENT = "504 upstream_silence_timeout"
TOO_LONG = "504 image_timeout"
UNREACHABLE = "502 upstream_unreachable"


# ---- the matrix -------------------------------------------------------------

class AnswerCell(Cell):
    """A fault of the answers of a phase."""

    def __init__(self, name, phase, fault):
        super().__init__(name, phase)
        self._fault = fault

    def _begin(self, site, kind):
        site.arm(self.phase, self._fault)

    def _end(self, site):
        site.disarm()


class ConnectionCell(Cell):
    """A fault of connections: begin(site) brings it about, end(site) ends
    it."""

    # The phase before, with whose answer it begins.
    BEFORE = {"status": "chat", "image": "status"}

    def __init__(self, name, phase, fault, **more):
        super().__init__(name, phase, **more)
        self._begin_fault, self._end_fault = fault

    def _begin(self, site, kind):
        # A picture's file alone is asked for without a job.
        if self.phase in self.BEFORE and (self.phase, kind) != ("image",
                                                                "stream"):
            site.when_answered(self.BEFORE[self.phase], self._begin_fault)
        else:
            site.fail_at_once(self._begin_fault)

    def _end(self, site):
        self._end_fault(site)


class Certificates:
    """Of a site at 127.0.0.1."""

    def __init__(self, folder):
        authority = Authority(folder / "ca", "ca")
        self.authority = authority.certificate
        self.good = authority.context("good", "IP:127.0.0.1")
        self.expired = authority.context("expired", "IP:127.0.0.1", -1)
        self.other = authority.context("other", "DNS:other.example")


def certificate_faults(tls):
    """Other certificates than the one that was there at first."""
    return {name: (lambda site, bad=bad: site.exchange_tls(bad),
                   lambda site: site.exchange_tls(tls.good))
            for name, bad in {"expired": tls.expired,
                              "another name": tls.other}.items()}


def later(seconds, reply):
    """A reply that takes its time."""
    def answer(query, send):
        threading.Timer(seconds, reply, (query, send)).start()
    return answer


def with_flags(flags):
    return lambda query, send: send(nameserver.answer(query, flags=flags))


# What a name server does.
NAMES = {
    "late": later(0.7, nameserver.Nameserver.know),
    "never": lambda query, send: None,
    "no such name": with_flags(nameserver.NXDOMAIN),
    "failure": with_flags(nameserver.SERVFAIL),
    "no address": with_flags(0),
    "truncated": with_flags(nameserver.TRUNCATED),
    "another address": lambda query, send: send(
        nameserver.answer(query, "127.0.0.9")),
    "garbage": lambda query, send: send(query[:2] + b"\xff" * 40),
    "half an answer": lambda query, send: send(
        nameserver.answer(query, "127.0.0.1")[:-3]),
    "another's answer": lambda query, send: send(
        bytes([query[0] ^ 1]) + nameserver.answer(query, "127.0.0.9")[1:]),
}


def name_fault(server, reply):
    def begin(site):
        server.reply = reply
        site.hang_up()

    def end(_site):
        server.reply = server.know

    return begin, end


# ---- what is wanted ---------------------------------------------------------

ERROR = "502 upstream_error"
PAGE = "502 upstream_challenge"
SESSION = "502 upstream_session_error"
UNREACHABLE = "502 upstream_unreachable"
TLS = "502 upstream_tls_error"
CONNECT = "504 upstream_connect_timeout"
FIRST = "504 upstream_first_event_timeout"
SILENT = "504 upstream_silence_timeout"
PICTURE = "504 image_timeout"
LIMIT = "429 rate_limit_exceeded"
GOOD = "200"
CUT_STREAM = "200 then upstream_error"
SILENT_STREAM = "200 then upstream_silence_timeout"
BROKEN = "200 broken"

# For each phase what it is for most faults, then for some.
PAGES = {"200 as a page": PAGE, "403 as a page": PAGE, "503 as a page": PAGE,
         "429": LIMIT}
HEADS = {
    "session": (ERROR, {**PAGES, "stall": FIRST, "stall in the head": FIRST,
                        "500": SESSION, "308": SESSION}),
    "models": (ERROR, {**PAGES, "stall": FIRST, "stall in the head": FIRST}),
    "chat": (ERROR, {**PAGES, "stall": FIRST, "stall in the head": FIRST}),
    "status": (ERROR, {**PAGES, "stall": PICTURE,
                       "stall in the head": PICTURE}),
    "image": (ERROR, {**PAGES, "stall": FIRST, "stall in the head": FIRST}),
}

# Whose number is too large to be one is taken for a large one.
STALLS = ("stall", "chunk size above all numbers")
WHOLE_BUT_BAD = ("closed without a framing", "ended too early", "nonsense",
                 "length too short")
BODIES = {
    "session": (ERROR, dict.fromkeys(STALLS, FIRST) | dict.fromkeys(
        (*WHOLE_BUT_BAD, "endless line", "endless chunk"), SESSION)),
    "models": (ERROR, dict.fromkeys(STALLS, FIRST)),
    "chat": ((ERROR, CUT_STREAM),
             dict.fromkeys(STALLS, (SILENT, SILENT_STREAM)) |
             {"two framings": ERROR}),
    # To read three times as much as a picture may have takes its time.
    "status": (ERROR, dict.fromkeys(STALLS, PICTURE) | dict.fromkeys(
        ("endless line", "endless chunk"), f"{ERROR} or {PICTURE}")),
    # Only its framing tells whether a picture is whole.
    "image": ((ERROR, BROKEN), dict.fromkeys(STALLS, (SILENT, BROKEN)) |
              dict.fromkeys(WHOLE_BUT_BAD, GOOD) | {"two framings": ERROR}),
}

# An RST may come before the program knows that it is connected.
EITHER = f"{ERROR} or {UNREACHABLE}"
CONNECTIONS = {"refused": UNREACHABLE, "dropped": CONNECT,
               "accepted late": GOOD, "accepted and never read": FIRST,
               "closed when accepted": EITHER, "reset when accepted": EITHER,
               "another protocol": EITHER}
HANDSHAKES = {"closed": UNREACHABLE, "reset": UNREACHABLE, "silent": CONNECT}
NO_NAME = {"late": GOOD, "never": FIRST, "another's answer": FIRST}

# Polls go on for as long as a picture may take. The time of a file counts from
# when there is a connection, so that it is the resolver that gives up.
OTHERWISE = {("status", "dropped"): PICTURE, ("status", "silent"): PICTURE,
             ("status", "accepted and never read"): PICTURE,
             ("status", "never"): PICTURE,
             ("status", "another's answer"): PICTURE,
             ("image", "never"): UNREACHABLE,
             ("image", "another's answer"): UNREACHABLE}


def by_phase(table):
    """The wanted outcomes of such a table as a function of a cell."""
    def wanted(cell):
        usual, some = table[cell.phase]
        return some.get(cell.name, usual)
    return wanted


def by_name(table, usual):
    """The same for outcomes that are mostly the same in all phases."""
    def wanted(cell):
        return OTHERWISE.get((cell.phase, cell.name),
                             table.get(cell.name, usual))
    return wanted


def make_cells(folder, stack):
    """Yields a group's name and its cells, with what is wanted of them."""
    yield "answers", [AnswerCell(name, phase, fault) for phase in PHASES
                      for name, fault in faults.HEAD_FAULTS.items()], \
        by_phase(HEADS)
    yield "bodies", [AnswerCell(name, phase, fault) for phase in PHASES
                     for name, fault in faults.BODY_FAULTS.items()], \
        by_phase(BODIES)
    yield "connections", [ConnectionCell(name, phase, fault)
                          for phase in PHASES for name, fault in
                          faults.CONNECTION_FAULTS.items()], \
        by_name(CONNECTIONS, None)
    tls = Certificates(folder)
    more = {**faults.HANDSHAKE_FAULTS, **certificate_faults(tls)}
    yield "handshakes", [ConnectionCell(name, phase, fault, tls=tls)
                         for phase in PHASES
                         for name, fault in more.items()], \
        by_name(HANDSHAKES, TLS)
    if nameserver.missing():
        return

    def cell(name, phase, reply):
        server = stack.enter_context(nameserver.Nameserver(folder))
        return ConnectionCell(name, phase, name_fault(server, reply),
                              names=server)

    yield "names", [cell(name, phase, reply) for phase in PHASES
                    for name, reply in NAMES.items()], \
        by_name(NO_NAME, UNREACHABLE)


@pytest.fixture(scope="module", name="outcomes")
def run_all(tmp_path_factory):
    """What is wrong in each group of cells, which run side by side, since
    they mostly wait: lists of lines by the groups' names."""
    with contextlib.ExitStack() as stack, \
            concurrent.futures.ThreadPoolExecutor(THREADS) as pool:
        groups = list(make_cells(tmp_path_factory.mktemp("faults"), stack))
        running = [(name, cell, wanted(cell), pool.submit(cell.run))
                   for name, cells, wanted in groups for cell in cells]
        wrong = {name: [] for name, _, _ in groups}
        for name, cell, wanted, future in running:
            if future.exception() is not None:
                wrong[name].append(f"{cell}: {future.exception()!r}")
            else:
                wrong[name] += cell.check(wanted)
        print(f"{len(running)} cells for each of {len(KINDS)} kinds of client")
        yield wrong


@pytest.mark.parametrize("group", ["answers", "bodies", "connections",
                                   "handshakes", "names"])
def test_fault_gives_what_the_tables_say(outcomes, group):
    """And nothing stays of it."""
    if group not in outcomes:
        pytest.skip(f"no name server: {nameserver.missing()}")
    assert not outcomes[group], "\n".join(outcomes[group])
