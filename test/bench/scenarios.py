# SPDX-License-Identifier: AGPL-3.0-or-later
"""The scenarios: what the client does, and which figures come of it."""
import json
import os
import shutil
import subprocess
from dataclasses import dataclass, field

from sides import MODEL, TOKEN, Failed


@dataclass(frozen=True)
class Plan:
    """An answer (plan.h)."""

    deltas: int
    interval_us: int = 0
    per_tick: int = 1
    delta_len: int = 6
    holds: bool = False

    def text(self):
        return (f"plan {self.deltas} {self.interval_us} {self.per_tick} "
                f"{self.delta_len} {int(self.holds)}")


@dataclass(frozen=True)
class Goal:
    """At most limit, better at most aim: of the value, or of its ratio to
    nginx's."""

    limit: float
    aim: float = None
    of_ratio: bool = False


@dataclass(frozen=True)
class Row:
    """A figure: how it is called and printed, and its goal."""

    key: str
    title: str
    unit: str
    goal: Goal = None
    digits: int = 2
    sides: tuple = ()  # the names of others than nginx and the program


@dataclass(frozen=True)
class Scenario:
    """One way of loading: measure(run) returns {row's key: figure}."""

    name: str
    rows: tuple
    measure: callable
    tls: bool = False
    options: dict = field(default_factory=dict)
    direct: bool = False  # the upstream by itself is measured too


class Run:
    """One side, started afresh, under one scenario's load."""

    def __init__(self, side, tls, scale):
        self.side = side
        self.tls = tls
        self.scale = scale  # 1: as documented; smaller: a quick look

    def scaled(self, number, least=1):
        return max(least, int(number * self.scale))

    def client(self, plan, whole=False, models=False, **options):
        """Runs the client; what it found."""
        options = {"tls": int(self.tls or self.side.name == "direct"),
                   "port": self.side.port,
                   "pids": ",".join(map(str, self.side.pids())),
                   **self._request(plan, whole, models), **options}
        if plan is not None:
            options.update(deltas=plan.deltas, delta_len=plan.delta_len)
            if plan.holds:
                options["release"] = self.side.upstream.port
        command = [self.side.bench.tool("bench_client")]
        for name, value in options.items():
            command += ["--" + name.replace("_", "-"), str(value)]
        done = subprocess.run(command, check=False, capture_output=True,
                              encoding="utf-8")
        if done.returncode != 0:
            raise Failed(f"{self.side.name}: {done.stderr.strip()}")
        return json.loads(done.stdout)

    def _request(self, plan, whole, models):
        if self.side.speaks_openai:
            if models:
                return {"path": "/v1/models", "form": "models"}
            body = {"model": MODEL, "stream": not whole, "messages": [
                {"role": "user", "content": plan.text()}]}
            return {"path": "/v1/chat/completions", "body": json.dumps(body),
                    "form": "whole" if whole else "stream"}
        cookie = {"header": f"Cookie: session_token={TOKEN}"}
        if models:
            return {"path": "/api/models/", "form": "models", **cookie}
        body = {"id": "bench", "model": MODEL, "system": " ",
                "temperature": 0.85, "topP": 1.0, "context": [], "messages": [
                    {"role": "user", "content": plan.text()}]}
        return {"path": "/api/chat/", "form": "app",
                "body": json.dumps(body), **cookie}


def per_delta(found):
    return found["cpu_ns"] / found["deltas"] / 1000


def paced(run):
    """Streams with a delta every 20 ms each."""
    window_ms = run.scaled(4000, 300)
    settle_ms = run.scaled(500, 50)
    deltas = (run.scaled(4000, 1500) + settle_ms + window_ms) // 20
    found = run.client(Plan(deltas, interval_us=20000), mode="streams",
                       count=run.scaled(200, 10), settle_ms=settle_ms,
                       window_ms=window_ms)
    return {"cpu": per_delta(found)}


def burst(run):
    """Streams in which 200 deltas come at once, ten times a second."""
    window_ms = run.scaled(4000, 300)
    settle_ms = run.scaled(500, 50)
    ticks = (run.scaled(3000, 1500) + settle_ms + window_ms) // 100
    plan = Plan(200 * ticks, interval_us=100000, per_tick=200)
    found = run.client(plan, mode="streams", count=run.scaled(20, 2),
                       settle_ms=settle_ms, window_ms=window_ms)
    return {"cpu": per_delta(found)}


def loop(run, plan, requests, count, **options):
    warm_up = run.scaled(requests // 4, count)
    return run.client(plan, mode="loop", count=count, warm_up=warm_up,
                      requests=warm_up + run.scaled(requests, count),
                      **options)


def cpu_per_answer(found):
    return found["cpu_ns"] / found["answers"] / 1000


def short_stream(run):
    """Whole streamed answers of 200 deltas that come at once."""
    found = loop(run, Plan(200), 4000, 8)
    return {"cpu": cpu_per_answer(found)}


def short(run):
    """Short answers that are not streamed, on a warm pool."""
    found = loop(run, Plan(1, delta_len=20), 12000, 16, whole=True)
    return {"cpu": cpu_per_answer(found)}


def calm(run):
    """The same at a rate that leaves the processor idle in between."""
    warm_up = run.scaled(1000, 50)
    found = run.client(Plan(1, delta_len=20), whole=True, mode="rate",
                       rate=1000, count=1000, warm_up=warm_up,
                       requests=warm_up + run.scaled(3000, 100))
    return {"cpu": cpu_per_answer(found)}


def models(run):
    """The list of models, out of the cache."""
    found = loop(run, None, 40000, 16, models=True)
    return {"cpu": cpu_per_answer(found),
            "rate": found["answers"] / found["wall_ns"] * 1e9}


def big(run, whole=False):
    """Answers of 1 MB of text, as fast as they come."""
    found = loop(run, Plan(1000, delta_len=1000), 80, 4, whole=whole)
    return {"cpu": cpu_per_answer(found) / 1000}


def big_whole(run):
    return big(run, whole=True)


def idle(run):
    """Streams that are open and silent."""
    count = run.scaled(1500, 20)
    found = run.client(Plan(1, holds=True), mode="streams", count=count,
                       settle_ms=run.scaled(1000, 100),
                       window_ms=run.scaled(500, 50))
    return {kind: (found[f"{kind}_kb"] - found[f"{kind}_before_kb"]) / count
            for kind in ("rss", "pss")}


def slow(run):
    """A tenth of the clients reads slowly; nobody else may suffer."""
    found = run.client(Plan(run.scaled(2000, 100), delta_len=100),
                       mode="streams", count=run.scaled(100, 10),
                       slow_percent=10)
    return {"cpu": per_delta(found),
            "peak": (found["peak_kb"] - found["rss_before_kb"]) / 1024}


def first_byte(run):
    """The time to the first byte at 1,000 requests a second."""
    warm_up = run.scaled(1000, 50)
    found = run.client(Plan(1, delta_len=20), mode="rate", rate=1000,
                       count=1000, warm_up=warm_up,
                       requests=warm_up + run.scaled(5000, 100))
    return {"p50": found["first_p50_us"] / 1000,
            "p99": found["first_p99_us"] / 1000}


def fresh(run):
    """A process that has just been started, by bench_ready; and its size."""
    bench = run.side.bench
    run.side.close()
    folder = bench.folder / "side"
    command, environment = run.side.command(folder, False)
    done = subprocess.run(
        [bench.tool("bench_ready"), str(run.side.port), "/health", *command],
        env=environment, check=False, capture_output=True, encoding="utf-8")
    if done.returncode != 0:
        raise Failed(f"{run.side.name}: {done.stderr.strip()}")
    found = json.loads(done.stdout)
    stripped = bench.folder / "stripped"
    shutil.copyfile(command[0], stripped)
    subprocess.run(["strip", str(stripped)], check=True)
    run.side.open(False)
    return {"ready": found["ready_us"] / 1000, "rss": found["rss_kb"] / 1024,
            "size": os.path.getsize(stripped) / 1024}


SCENARIOS = (
    Scenario("paced", (
        Row("cpu", "Paced streams: CPU for a delta", "µs",
            Goal(1.0, 0.9, of_ratio=True)),), paced),
    Scenario("burst", (
        Row("cpu", "Bursts of 200: CPU for a delta", "µs",
            Goal(1.0, 0.5)),), burst),
    Scenario("answer", (
        Row("cpu", "A streamed answer of 200 deltas: CPU", "µs"),),
        short_stream),
    Scenario("idle", (
        Row("rss", "An idle stream, TLS upstream: RSS", "KB",
            Goal(32, 28), digits=1),
        Row("pss", "An idle stream, TLS upstream: PSS", "KB", digits=1)),
        idle),
    Scenario("idle_tls", (
        Row("rss", "An idle stream, TLS on both sides: RSS", "KB",
            Goal(56), digits=1),), idle, tls=True),
    Scenario("short", (
        Row("cpu", "A short answer, not streamed: CPU", "µs",
            Goal(1.0, 0.7, of_ratio=True), digits=1),), short),
    Scenario("calm", (
        Row("cpu", "The same at 1,000 a second: CPU", "µs", digits=1),),
        calm),
    Scenario("models", (
        Row("cpu", "The list of models, cached: CPU", "µs", digits=1),
        Row("rate", "The list of models, cached: answers", "1/s",
            digits=0)), models),
    Scenario("paced_tls", (
        Row("cpu", "Paced streams, TLS in front: CPU for a delta", "µs"),),
        paced, tls=True),
    Scenario("big", (
        Row("cpu", "A streamed answer of 1 MB: CPU", "ms"),), big),
    Scenario("big_whole", (
        Row("cpu", "An answer of 1 MB, not streamed: CPU", "ms"),),
        big_whole),
    Scenario("slow", (
        Row("cpu", "10 % slow readers: CPU for a delta", "µs"),
        Row("peak", "10 % slow readers: memory's peak", "MB", digits=1)),
        slow),
    Scenario("first_byte", (
        Row("p50", "Time to the first byte at 1,000/s: median", "ms"),
        Row("p99", "Time to the first byte at 1,000/s: 99 %", "ms"),
        Row("added_p50", "Added to the first byte: median", "ms"),
        Row("added_p99", "Added to the first byte: 99 %", "ms",
            Goal(0.3))), first_byte, direct=True),
    Scenario("fresh", (
        Row("ready", "Started and answering", "ms", Goal(20), digits=1),
        Row("rss", "A fresh process: RSS", "MB", Goal(8), digits=1),
        Row("size", "The binary, stripped", "KB", Goal(600), digits=0)),
        fresh),
)
