#!/usr/bin/env python3
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Runs the unit and loop tests of a build below valgrind's memcheck, two at
a time: memcheck.py BUILD [REGEX]. A test that fails, a wrong access, a value
that was never set and a block that nobody points to any more are errors; what
valgrind and the test said is then in BUILD/memcheck/NAME.log. Status 1 if
there was any."""
import concurrent.futures
import json
import os
import pathlib
import re
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
ERROR = 99
VALGRIND = ["valgrind", "--leak-check=full", "--track-origins=yes",
            "--errors-for-leak-kinds=definite,indirect,possible",
            "--show-leak-kinds=definite,indirect,possible",
            f"--error-exitcode={ERROR}", "--num-callers=24",
            f"--suppressions={HERE / 'valgrind.supp'}"]
# A test does some 30 times as long.
TIMEOUT_S = 900


def tests(build, wanted):
    """Name, command and environment of each unit and loop test."""
    shown = subprocess.run(
        ["ctest", "--test-dir", build, "-L", "^(unit|loop)$",
         "--show-only=json-v1"],
        check=True, capture_output=True, encoding="utf-8").stdout
    for test in json.loads(shown)["tests"]:
        if not re.search(wanted, test["name"]):
            continue
        values = {each["name"]: each["value"] for each in test["properties"]}
        yield (test["name"], test["command"],
               dict(each.split("=", 1)
                    for each in values.get("ENVIRONMENT", [])))


def run(build, name, command, environment):
    """The name, what is wrong ("" for nothing), and the seconds."""
    log = build / "memcheck" / f"{name}.log"
    log.parent.mkdir(exist_ok=True)
    began = time.monotonic()
    with log.open("w", encoding="utf-8") as out:
        try:
            status = subprocess.run(
                VALGRIND + command, stdout=out, stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL, timeout=TIMEOUT_S, check=False,
                env=dict(os.environ, **environment)).returncode
        except subprocess.TimeoutExpired:
            status = None
    took = time.monotonic() - began
    if status is None:
        return name, f"not over after {TIMEOUT_S} s", took
    if status == 0:
        return name, "", took
    if status != ERROR:
        return name, f"the test failed (status {status})", took
    # What comes last sums up the process; children of a test come before.
    said = re.findall(r"ERROR SUMMARY: [1-9].*", log.read_text("utf-8"))
    return name, said[-1] if said else "errors", took


def main():
    if len(sys.argv) not in (2, 3):
        sys.exit("usage: memcheck.py BUILD [REGEX]")
    build = pathlib.Path(sys.argv[1]).resolve()
    wanted = sys.argv[2] if len(sys.argv) == 3 else ""
    found = list(tests(build, wanted))
    if not found:
        sys.exit("memcheck.py: there are no such tests")
    broken = 0
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for name, wrong, took in pool.map(
                lambda test: run(build, *test), found):
            if wrong:
                broken += 1
                print(f"{name}: {wrong}; {build}/memcheck/{name}.log",
                      flush=True)
            elif took > 30:
                print(f"{name}: ok, {took:.0f} s", flush=True)
    print(f"{len(found)} tests, {broken} with errors")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
