# SPDX-License-Identifier: AGPL-3.0-or-later
"""The metrics of MAX_CONCURRENT_REQUESTS and its queue."""
from support.keys import bearer, key_file
from support.metrics import scrape, wait_for
from support.prometheus import check_metrics, needs_promtool
from support.shape import check_error
# pylint: disable-next=unused-import
from test_limits import Client, gated, settle  # noqa: F401

RUNNING = "akashchat_requests_running"
WAITING = "akashchat_queue_waiting"
WAIT = "akashchat_queue_wait_seconds"
REFUSED = "akashchat_queue_refused_total"


def at_gate(metrics):
    """Running, waiting, refused as full, refused after the timeout, and how
    many have waited."""
    return (metrics.get(RUNNING), metrics.get(WAITING),
            metrics.get(REFUSED, reason="full"),
            metrics.get(REFUSED, reason="timeout"), metrics.count(WAIT))


def fill(program, gated, waiting, name=None):
    """One client whose request runs, and others who wait."""
    clients = [Client(program, "first", name)]
    gated.wait_words(1)
    for number in range(waiting):
        clients.append(Client(program, f"w{number}", name))
        settle(program)
    return clients


def test_queue_is_seen(start, gated):
    program = start(MAX_CONCURRENT_REQUESTS="1")
    assert at_gate(scrape(program)) == (0, 0, 0, 0, 0)
    clients = fill(program, gated, 4)
    assert at_gate(scrape(program)) == (1, 4, 0, 0, 0)
    check_error(program.chat(), 503, "overloaded")
    assert at_gate(scrape(program)) == (1, 4, 1, 0, 0)
    clients.pop().leave()
    wait_for(program, lambda metrics: at_gate(metrics) == (1, 3, 1, 0, 1))
    gated.turns.release()
    gated.wait_words(2)
    assert at_gate(scrape(program)) == (1, 2, 1, 0, 2)
    gated.turns.release(3)
    assert [one.answer().status for one in clients] == [200] * 4
    metrics = wait_for(program, lambda metrics: metrics.get(RUNNING) == 0)
    assert at_gate(metrics) == (0, 0, 1, 0, 4)
    assert metrics.get(WAIT, "_sum") > 0


def test_who_waits_too_long_is_seen(start, gated):
    program = start(MAX_CONCURRENT_REQUESTS="1", QUEUE_TIMEOUT="1")
    clients = fill(program, gated, 0)
    check_error(program.chat(), 503, "overloaded")
    metrics = scrape(program)
    assert at_gate(metrics) == (1, 0, 0, 1, 1)
    buckets = metrics.families[WAIT].buckets({})
    assert (buckets[0.5], buckets[30]) == (0, 1)
    assert metrics.get(WAIT, "_sum") > 0.9  # the loop's clock is coarse
    gated.turns.release()
    assert [one.answer().status for one in clients] == [200]


def test_who_makes_room_is_seen(start, gated, tmp_path):
    program = start(MAX_CONCURRENT_REQUESTS="1",
                    API_KEYS_FILE=key_file(tmp_path, greedy="", modest=""))
    clients = fill(program, gated, 4, "greedy")
    clients.append(Client(program, "modest", "modest"))
    check_error(clients.pop(4).answer(), 503, "overloaded")
    metrics = scrape(program, bearer("modest"))
    assert at_gate(metrics) == (1, 4, 1, 0, 1)
    gated.turns.release(5)
    assert [one.answer().status for one in clients] == [200] * 5


def test_running_is_counted_without_a_limit(start, gated):
    program = start()
    clients = fill(program, gated, 2)
    gated.wait_words(3)
    assert at_gate(scrape(program)) == (3, 0, 0, 0, 0)
    gated.turns.release(3)
    assert [one.answer().status for one in clients] == [200] * 3


@needs_promtool
def test_prometheus_own_check(start, gated, tmp_path):
    """With keys, and each way in which a request can be turned away."""
    program = start(MAX_CONCURRENT_REQUESTS="1", QUEUE_TIMEOUT="1",
                    API_KEYS_FILE=key_file(
                        tmp_path, one="", two="rpm=1", three="concurrent=1",
                        four="models=none", five="expires=2020-01-01"))
    client = Client(program, "first", "three")
    gated.wait_words(1)
    statuses = [program.chat(headers=bearer(name)).status for name in
                ("one", "two", "two", "three", "five", "nobody")]
    assert statuses == [503, 503, 429, 429, 401, 401]
    gated.turns.release(2)
    assert client.answer().status == 200
    assert program.chat(headers=bearer("four")).status == 404
    assert program.chat(headers=bearer("one")).status == 200
    check_metrics(program.get("/metrics", bearer("one")))
