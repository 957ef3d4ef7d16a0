# SPDX-License-Identifier: AGPL-3.0-or-later
"""GET /metrics: every metric moves as its description says, and the format is
Prometheus'."""
import json
import pathlib
import re
import threading
import time

import pytest

from support import datastream as ds
from support.keys import bearer, key_file
from support.metrics import Metrics, read_labels, scrape, wait_for
from support.program import ROOT, run
from support.prometheus import check_metrics, needs_promtool, promtool
from test_life import begin, slow  # noqa: F401 pylint: disable=unused-import

KEY = "sk-key-K7f3"
BEARER = [("Authorization", f"Bearer {KEY}")]

REQUESTS = "akashchat_http_requests_total"
DURATION = "akashchat_http_request_duration_seconds"
FIRST_BYTE = "akashchat_http_time_to_first_byte_seconds"
FIRST_TOKEN = "akashchat_chat_time_to_first_token_seconds"
GAP = "akashchat_stream_time_between_deltas_seconds"
OVERHEAD = "akashchat_stream_overhead_seconds"
TOKENS = "akashchat_tokens_total"
STREAMS = "akashchat_streams_open"
ENDED = "akashchat_streams_ended_total"
CLIENTS = "akashchat_client_connections"
UPSTREAM = "akashchat_upstream_connections"
RETRIES = "akashchat_upstream_retries_total"
SESSIONS = "akashchat_session_renewals_total"


# ---- the format -----------------------------------------------------------

def make_everything_move(program, upstream):
    """A request of every kind and with every ending but the slow ones."""
    program.chat()
    program.stream()
    for path in ("/health", "/v1/models", "/nothing", "/%22%5c"):
        program.get(path)
    program.ask("BREW", "/")
    for broken in (ds.reply(500), ds.cut_after(ds.START, ds.text("x"))):
        upstream.on_chat = broken
        program.chat()
        program.open_stream().connection.close()
    with program.connect() as connection:
        connection.send_raw(b"nonsense\r\n\r\n")
        assert connection.response().status == 400


def test_format(program, upstream):
    make_everything_move(program, upstream)
    metrics = scrape(program)
    assert len(metrics.families) >= 20
    assert metrics.sum(REQUESTS) >= 10
    assert metrics.get(REQUESTS, route="guard", method="OTHER", status="400",
                       key="") == 1


@needs_promtool
def test_prometheus_own_check(program, upstream):
    make_everything_move(program, upstream)
    check_metrics(program.get("/metrics"))


@needs_promtool
def test_prometheus_own_check_sees_what_is_wrong():
    """It is run in a way that lets it say so."""
    done = promtool("check", "metrics",
                    data="# TYPE a counter\na{x=\"1\"} 1\n")
    assert done.returncode != 0
    assert "help" in done.stderr and "_total" in done.stderr


def test_parser_sees_what_is_wrong():
    """The one of these tests, which must not let everything pass."""
    head = "# HELP a_total A.\n# TYPE a_total counter\n"
    Metrics(head + 'a_total{x="1",y="\\"\\\\\\n"} 1\n')
    assert read_labels('x="\\"\\\\\\n"') == {"x": '"\\\n'}
    histogram = "# HELP b_seconds B.\n# TYPE b_seconds histogram\n"
    Metrics(histogram + 'b_seconds_bucket{le="1"} 1\n'
            'b_seconds_bucket{le="+Inf"} 2\nb_seconds_sum 3\n'
            "b_seconds_count 2\n")
    for bad in (head + "a_total 1", head + "a_total x\n",
                head + 'a_total{x="1" 1\n', head + "a_total{} 1\n",
                head + "a_total 1\na_total 1\n", head + "b 1\n",
                head + 'a_total{x="1",} 1\n', head + 'a_total{x="\\t"} 1\n',
                head + "a_total -1\n", head + head, "a_total 1\n",
                head.replace("_total", ""), head.replace("A.", "A"),
                histogram + 'b_seconds_bucket{le="+Inf"} 2\n'
                "b_seconds_sum 3\nb_seconds_count 1\n",
                histogram + 'b_seconds_bucket{le="1"} 3\n'
                'b_seconds_bucket{le="+Inf"} 2\n'
                "b_seconds_sum 3\nb_seconds_count 2\n"):
        with pytest.raises(AssertionError):
            Metrics(bad)


# ---- what they say --------------------------------------------------------

def test_requests_by_route_method_status_and_key(start, upstream):
    program = start(BEARER_TOKEN=KEY)
    program.chat(headers=BEARER)
    program.chat(headers=BEARER)
    program.get("/health")
    program.ask("HEAD", "/health")
    program.get("/v1/models/none", BEARER)
    upstream.on_chat = ds.reply(500)
    program.chat(headers=BEARER)
    program.chat()
    metrics = scrape(program, BEARER)
    samples = {tuple(dict(labels)[name] for name in
                     ("route", "method", "status", "key")): value
               for (_, labels), value in
               metrics.families[REQUESTS].samples.items()}
    assert samples == {
        ("chat", "POST", "200", "default"): 2,
        ("chat", "POST", "502", "default"): 1,
        ("unknown", "POST", "401", ""): 1,
        ("health", "GET", "200", ""): 1,
        ("health", "HEAD", "200", ""): 1,
        ("model", "GET", "404", "default"): 1}
    again = scrape(program, BEARER)
    assert again.get(REQUESTS, route="metrics", method="GET", status="200",
                     key="default") == 1


def test_names_of_keys(start, tmp_path):
    """Also of one that may not, and not those that nobody has."""
    program = start(API_KEYS_FILE=key_file(
        tmp_path, ann="", bob="rpm=1", eve="expires=2020-01-01"))
    for name in ("ann", "bob", "bob", "eve", "nobody"):
        program.chat(headers=bearer(name))
    metrics = scrape(program, bearer("ann"))
    counts = {(dict(labels)["status"], dict(labels)["key"]): value
              for (_, labels), value in
              metrics.families[REQUESTS].samples.items()}
    assert counts == {("200", "ann"): 1, ("200", "bob"): 1, ("429", "bob"): 1,
                      ("401", "eve"): 1, ("401", ""): 1}
    assert metrics.sum(TOKENS, key="ann") == metrics.sum(TOKENS, key="bob") > 0


def test_labels_are_of_closed_sets(program):
    """Nothing that a client makes up becomes a series."""
    for number in range(30):
        program.ask(f"M{number}", f"/path-{number}",
                    headers=[("Authorization", f"Bearer {number}")])
        program.chat(model=f"model-{number}")
    metrics = scrape(program)
    # Requests, and three histograms' buckets for two routes.
    assert len(metrics.families[REQUESTS].samples) <= 4
    assert not any(str(labels).count("-29") for family in
                   metrics.families.values() for _, labels in family.samples)


class Stepper:
    """A chat whose texts the test lets out one by one."""

    def __init__(self, texts):
        self.turns = threading.Semaphore(0)
        self._texts = texts

    def __call__(self, exchange):
        exchange.start()
        for number in range(self._texts):
            exchange.wait_turn(self.turns)
            exchange.send_chunk(ds.text(f"text {number}"))
        exchange.wait_turn(self.turns)
        exchange.send_chunk(b"".join(ds.ends(prompt=11, completion=7)))
        exchange.end()


def step_through(program, stepper, texts):
    """Reads a stream, each text when it is let out; the response."""
    stepper.turns.release()
    response = program.open_stream()
    with response.connection:
        events = response.events()
        assert events.next_delta()["role"] == "assistant"
        for number in range(texts):
            if number > 0:
                stepper.turns.release()
            assert events.next_delta()["content"] == f"text {number}"
        stepper.turns.release()
        events.rest()
    return response


def test_times_of_a_stream(program, upstream):
    upstream.on_chat = stepper = Stepper(5)
    before = time.monotonic()
    response = step_through(program, stepper, 5)
    program.access(response)
    passed = time.monotonic() - before
    metrics = scrape(program)
    assert metrics.count(FIRST_TOKEN) == 1
    assert metrics.count(GAP) == 5  # the finish comes last
    assert metrics.count(OVERHEAD) == 6
    assert metrics.count(DURATION, route="chat") == 1
    assert metrics.count(FIRST_BYTE, route="chat") == 1
    total = metrics.get(DURATION, "_sum", route="chat")
    parts = metrics.get(FIRST_TOKEN, "_sum") + metrics.get(GAP, "_sum")
    assert 0 < metrics.get(OVERHEAD, "_sum") < total <= passed
    assert 0 < metrics.get(FIRST_BYTE, "_sum", route="chat") <= total
    assert 0 < parts <= total


def test_time_between_deltas_is_that_of_the_upstream(program, upstream):
    def paced(exchange):
        exchange.start()
        for number in range(3):
            if number > 0:
                time.sleep(0.15)  # the upstream's own pace
            exchange.send_chunk(ds.text("x"))
        exchange.send_chunk(b"".join(ds.ends()))
        exchange.end()

    upstream.on_chat = paced
    program.access(program.stream()[0])
    metrics = scrape(program)
    buckets = metrics.families[GAP].buckets({})
    assert buckets[float("inf")] - buckets[0.1] == 2
    # The program itself took nothing like that long.
    assert metrics.get(OVERHEAD, "_sum") < 0.3


def test_whole_answers_have_no_deltas(program):
    program.chat()
    metrics = scrape(program)
    assert metrics.count(FIRST_TOKEN) == 1
    assert metrics.count(GAP) == metrics.count(OVERHEAD) == 0
    assert metrics.sum(ENDED) == 0


def test_slow_client_is_not_the_programs_overhead(program, upstream):
    """What waits for the client is not counted."""
    piece = ds.text("x" * (1 << 15))

    def flood(exchange):
        exchange.start()
        for _ in range(800):
            exchange.send_chunk(piece)
        exchange.send_chunk(b"".join(ds.ends()))
        exchange.end()

    upstream.on_chat = flood
    response = program.open_stream()
    with response.connection:
        time.sleep(1)  # the client's own pace
        response.events().rest()
    program.access(response)
    metrics = scrape(program)
    assert metrics.count(OVERHEAD) >= 1
    assert metrics.get(OVERHEAD, "_sum") < 0.9


def test_tokens(start, upstream):
    upstream.on_chat = ds.answer("x", prompt=11, completion=7)
    program = start(BEARER_TOKEN=KEY)
    program.chat(headers=BEARER)
    program.access(program.stream(headers=BEARER)[0])
    upstream.on_chat = ds.reply(500)
    program.chat(headers=BEARER)
    metrics = scrape(program, BEARER)
    assert metrics.get(TOKENS, type="prompt", key="default") == 22
    assert metrics.get(TOKENS, type="completion", key="default") == 14
    assert metrics.sum(TOKENS) == 36


def test_open_streams_and_connections(program, upstream, slow):
    upstream.on_chat = slow.until_gone
    program.get("/v1/models")  # nothing else is asked of the upstream then
    first, second = program.open_stream(), program.open_stream()

    def shows(metrics, streams, clients, busy):
        return (metrics.get(STREAMS), metrics.get(CLIENTS),
                metrics.get(UPSTREAM, state="busy")) == \
            (streams, clients, busy)

    with first.connection, second.connection, program.connect() as idle:
        begin(first)
        begin(second)
        idle.send("GET", "/health")
        idle.response().read()
        # One more client is the one that asks.
        wait_for(program, lambda metrics: shows(metrics, 2, 4, 2))
        first.connection.close()
        wait_for(program, lambda metrics: shows(metrics, 1, 3, 1))
    wait_for(program, lambda metrics: shows(metrics, 0, 1, 0))


def test_idle_connections_of_the_pool(program):
    def idle(metrics):
        assert metrics.get(UPSTREAM, state="busy") + \
            metrics.get(UPSTREAM, state="idle") <= 2
        return metrics.get(UPSTREAM, state="busy") == 0 and \
            metrics.get(UPSTREAM, state="idle") > 0

    program.chat()
    wait_for(program, idle)
    program.chat()
    wait_for(program, idle)
    # The site, and so the program, closes what is idle for some seconds.
    wait_for(program, lambda metrics:
             metrics.get(UPSTREAM, state="idle") == 0)


def test_sessions_that_fail(program, upstream):
    upstream.on_session = ds.reply(500)
    program.chat()
    metrics = scrape(program)
    assert metrics.get(SESSIONS, result="failed") == 1
    assert metrics.get(SESSIONS, result="ok") == 0
    assert metrics.get(RETRIES) == 0


def test_retries(program, upstream):
    program.chat()
    left = [2]

    def lose_two(exchange):
        left[0] -= 1
        if left[0] >= 0:
            exchange.reply(503, b"<html>", "text/html")
        else:
            ds.answer("x")(exchange)

    upstream.on_chat = lose_two
    assert program.chat().status == 200
    metrics = scrape(program)
    assert metrics.get(RETRIES) == 2
    assert metrics.get(SESSIONS, result="ok") == 1
    upstream.flush_sessions()
    upstream.on_chat = ds.answer("x")
    program.chat()
    assert scrape(program).get(SESSIONS, result="ok") == 2


def endings(metrics):
    return {dict(labels)["ending"]: value for (_, labels), value in
            metrics.families[ENDED].samples.items() if value > 0}


@pytest.mark.parametrize("handler, ending", [
    (ds.answer("x"), "done"),
    (ds.reply(500), "upstream_error"),
    (ds.cut_after(ds.START), "upstream_error"),
    (ds.cut_after(ds.START, ds.text("x")), "cut"),
    (ds.send_lines(ds.text("x"), ds.error("Oh no")), "cut"),
    (ds.reply(400, b"[Message too long", "text/plain"), "refused"),
])
def test_how_streams_end(program, upstream, handler, ending):
    upstream.on_chat = handler
    response = program.open_stream()
    with response.connection:
        response.read()
    assert program.access(response).get("end") == ending
    assert endings(scrape(program)) == {ending: 1}


@pytest.mark.parametrize("texts, option", [
    ((), "FIRST_EVENT_TIMEOUT"), (("x",), "SILENCE_TIMEOUT"),
    (("x",), "REQUEST_TIMEOUT")])
def test_streams_that_take_too_long(start, upstream, texts, option):
    def hold(exchange):
        exchange.start()
        for text in texts:
            exchange.send_chunk(ds.text(text))
        exchange.wait_gone()

    upstream.on_chat = hold
    program = start(**{option: "1"})
    response = program.open_stream()
    with response.connection:
        response.read()
    assert program.access(response).get("end") == "timeout"
    assert endings(scrape(program)) == {"timeout": 1}


def test_streams_whose_client_leaves(program, upstream, slow):
    upstream.on_chat = slow.until_gone
    response = program.open_stream()
    with response.connection:
        begin(response)
    program.access(response)
    assert endings(scrape(program)) == {"client_gone": 1}


def test_requests_that_are_no_stream_do_not_end_one(program, upstream):
    program.post(b'{"stream":true}')
    program.chat()
    upstream.on_chat = ds.reply(500)
    program.chat()
    assert endings(scrape(program)) == {}


def test_process(program):
    first = scrape(program)
    now = time.time()
    assert now - 60 < first.get("process_start_time_seconds") <= now + 1
    assert 1 << 20 < first.get("process_resident_memory_bytes") < \
        first.get("process_virtual_memory_bytes")
    limit = pathlib.Path(f"/proc/{program.process.pid}/limits").read_text()
    soft = re.search(r"Max open files\s+(\d+)", limit)[1]
    assert first.get("process_max_fds") == int(soft)
    with program.connect() as one, program.connect() as two:
        for connection in (one, two):
            connection.send("GET", "/health")
            connection.response().read()
        second = scrape(program)
    assert second.get("process_open_fds") == \
        first.get("process_open_fds") + 2
    assert second.get("process_cpu_seconds_total") > \
        first.get("process_cpu_seconds_total") > 0
    assert second.get("process_start_time_seconds") == \
        first.get("process_start_time_seconds")


def test_build_info(program):
    family = scrape(program).families["akashchat_build_info"]
    [(_, labels)] = family.samples
    labels = dict(labels)
    version = run("--version").stdout.split()[1]
    assert labels["version"] == version
    assert re.fullmatch(r"2\.\d+\.\d+\S*", labels["libevent"])
    assert re.fullmatch(r"3\.\d+\.\d+\S*", labels["openssl"])
    assert list(family.samples.values()) == [1]


# ---- Server-Timing --------------------------------------------------------

def timing(response):
    """Server-Timing as a dict of milliseconds."""
    parts = dict(re.fullmatch(r"(\w+);dur=(\d+\.\d)", part).groups()
                 for part in response.header("Server-Timing").split(", "))
    assert list(parts) == ["session", "upstream"]
    return {name: float(value) for name, value in parts.items()}


@pytest.mark.parametrize("stream", [False, True])
def test_server_timing(program, upstream, stream):
    def late_session(exchange):
        time.sleep(0.2)  # the upstream's own pace
        upstream.grant_session(exchange)

    def late_answer(exchange):
        time.sleep(0.1)  # likewise
        ds.answer("x")(exchange)

    upstream.on_session, upstream.on_chat = late_session, late_answer
    first = timing(program.chat(stream=stream))
    assert first["session"] >= 200 and first["upstream"] >= 100
    second = timing(program.chat(stream=stream))
    assert second["session"] < 100 <= second["upstream"]


def test_server_timing_of_a_failure(program, upstream):
    # Or the list's fetch might have the session renewed before the chat does.
    assert program.get("/v1/models").status == 200
    upstream.on_chat = ds.reply(500)
    assert timing(program.chat())["upstream"] > 0
    upstream.flush_sessions()
    upstream.on_session = ds.reply(500)
    assert timing(program.chat())["session"] > 0


def test_server_timing_is_for_chats(program):
    assert program.get("/health").header("Server-Timing") is None
    assert program.post(b"{}").header("Server-Timing") is None


# ---- what is written about them -------------------------------------------

def test_every_metric_is_described(program):
    """docs/metrics.md has a row for each: name, type, labels, meaning."""
    text = (ROOT / "docs/metrics.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(\w+)` \| (\w+) \|([^|]*)\| (.+) \|$", text,
                      re.MULTILINE)
    program.stream()
    metrics = scrape(program)
    assert [row[0] for row in rows] == list(metrics.families)
    for name, kind, labels, _ in rows:
        family = metrics.families[name]
        assert kind == family.kind
        shown = {label for _, frozen in family.samples
                 for label, _ in frozen} - {"le"}
        assert set(re.findall(r"`(\w+)`", labels)) == shown, name


def walk(panels):
    for panel in panels:
        yield panel
        yield from walk(panel.get("panels", []))


def test_dashboard_shows_every_metric(program):
    with open(ROOT / "docs/grafana.json", encoding="utf-8") as file:
        board = json.load(file)
    panels = list(walk(board["panels"]))
    ids = [panel["id"] for panel in panels]
    assert len(ids) == len(set(ids))
    expressions = [target["expr"] for panel in panels
                   for target in panel.get("targets", [])]
    for panel in panels:
        assert panel["title"]
        assert panel["type"] == "row" or (panel["targets"] and
                                          panel["description"])
    named = {re.sub(r"_(bucket|sum|count)$", "", name)
             if name.endswith(("_bucket", "_sum", "_count")) else name
             for one in expressions
             for name in re.findall(r"\b(?:akashchat|process)_\w+", one)}
    assert named == set(scrape(program).families)
