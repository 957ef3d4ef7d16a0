#!/usr/bin/env python3
# SPDX-License-Identifier: AGPL-3.0-or-later
"""The benchmark: nginx and the program in front of the same upstream, each
scenario in turn, and a table of what came of it (docs/performance.md)."""
import argparse
import datetime
import json
import sys
import tempfile
from pathlib import Path

import report
from scenarios import SCENARIOS, Run
from sides import NGINX, Bench, Direct, Failed, Nginx, Program, Upstream

PROGRAM = "akashchat-api"


def parse_arguments():
    parser = argparse.ArgumentParser(
        prog="./quickstart bench",
        description="Compares the program with nginx, by processor time and "
                    "memory, and prints a table.")
    parser.add_argument("--json", metavar="FILE",
                        help="write the result as JSON too")
    parser.add_argument("--rounds", type=int, default=5, metavar="N",
                        help="how often each is measured (5)")
    parser.add_argument("--only", metavar="NAME,…",
                        help="these scenarios alone: " +
                        ", ".join(one.name for one in SCENARIOS))
    parser.add_argument("--compare", metavar="BINARY", action="append",
                        default=[], help="measure another build of the "
                        "program beside this one; may be repeated")
    parser.add_argument("--self-check", action="store_true",
                        help="a round with tiny numbers: says that the "
                        "benchmark works, its figures say nothing")
    parser.add_argument("--build", default="build/release", metavar="DIR",
                        help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.rounds < 1:
        parser.error("--rounds must be 1 or more")
    if arguments.self_check:
        arguments.rounds = 1
    return arguments


def chosen(names):
    """The scenarios of a list of names, or all."""
    if names is None:
        return SCENARIOS
    wanted = names.split(",")
    known = {one.name for one in SCENARIOS}
    for name in wanted:
        if name not in known:
            raise Failed(f"no scenario is called {name}")
    return [one for one in SCENARIOS if one.name in wanted]


def say(progress):
    """Shows how far it is, to somebody who watches."""
    if sys.stderr.isatty():
        print(f"\r\033[K{progress}", end="", file=sys.stderr, flush=True)


def measure(scenario, side, scale):
    """One run: a fresh process, one load, its figures."""
    side.open(scenario.tls)
    try:
        return scenario.measure(Run(side, scenario.tls, scale))
    finally:
        side.close()


def run_scenario(scenario, sides, direct, arguments):
    """All rounds, the sides in turn: {name: [figures of each round]}."""
    taking_part = [direct, *sides] if scenario.direct else sides
    runs = {side.name: [] for side in taking_part}
    for number in range(arguments.rounds):
        for side in taking_part:
            say(f"{scenario.name}: round {number + 1} of "
                f"{arguments.rounds}, {side.name}")
            runs[side.name].append(measure(
                scenario, side, 0.02 if arguments.self_check else 1))
    if scenario.direct:
        report.add_added(runs)
    return runs


def run_all(arguments, bench, upstream):
    """Measures everything; the result as report.py and picture.py read it."""
    binary = Path(arguments.build).resolve() / PROGRAM
    sides = [Nginx(bench, upstream),
             Program(bench, upstream, PROGRAM, binary)]
    sides += [Program(bench, upstream, f"other {number}",
                      Path(path).resolve())
              for number, path in enumerate(arguments.compare, 1)]
    direct = Direct(bench, upstream)
    late_us = 0
    rows = []
    for scenario in chosen(arguments.only):
        upstream.lateness()
        runs = run_scenario(scenario, sides, direct, arguments)
        late_us = max(late_us, upstream.lateness()["late_p99_us"])
        rows += [report.summarize(scenario, row, runs, PROGRAM)
                 for row in scenario.rows]
    say("")
    return {
        "machine": report.machine(), "nginx": report.nginx_version(NGINX),
        "date": datetime.date.today().isoformat(),
        "rounds": arguments.rounds, "late_p99_us": late_us,
        "sides": [side.name for side in sides], "rows": rows,
    }


def main():
    arguments = parse_arguments()
    if NGINX is None and arguments.self_check:
        print("skipped: nginx is not installed")
        return 77
    try:
        if NGINX is None:
            raise Failed("nginx is not installed")
        with tempfile.TemporaryDirectory(prefix="bench-") as folder:
            bench = Bench(arguments.build, folder)
            with Upstream(bench) as upstream:
                result = run_all(arguments, bench, upstream)
    except Failed as failure:
        print(f"\nbench: {failure}", file=sys.stderr)
        return 1
    print(report.heading(result))
    print()
    print(report.table(result))
    if arguments.json is not None:
        Path(arguments.json).write_text(
            json.dumps(result, indent=1, ensure_ascii=False) + "\n",
            encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
