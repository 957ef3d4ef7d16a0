#!/usr/bin/env python3
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Runs the unit and loop tests of a build below valgrind's memcheck:
memcheck.py BUILD [REGEX]. A test that fails, a wrong access, a value that was
never set and a block that nobody points to any more are errors; what valgrind
and the test said is then in BUILD/memcheck/NAME.log. Status 1 if there was
any. Several run at a time; one that failed, which may be for want of time, is
run once more on its own."""
import concurrent.futures
import json
import os
import pathlib
import re
import subprocess
import sys
import time

ERROR = 99
VALGRIND = ["valgrind", "--leak-check=full",
            "--errors-for-leak-kinds=definite,indirect,possible",
            "--show-leak-kinds=definite,indirect,possible",
            f"--error-exitcode={ERROR}", "--num-callers=24"]
# Nearly all take seconds; those that cut a body everywhere take minutes.
TIMEOUT_S = 3600


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
    said = log.read_text("utf-8", "replace")
    # A test that fails leaves its memory behind: that is no news then.
    failed = re.findall(r"^\[  FAILED  \] ([a-z]\w*)$", said, re.M)
    if failed or status != ERROR:
        return name, f"FAILED {' '.join(sorted(set(failed)))}", took
    # What comes last sums up the process; children of a test come before.
    return name, re.findall(r"ERROR SUMMARY: .*", said)[-1], took


def tell(build, name, wrong, took):
    """Prints a result; whether it is an error."""
    if wrong:
        print(f"{name}: {wrong}; {build}/memcheck/{name}.log", flush=True)
    elif took > 30:
        print(f"{name}: ok, {took:.0f} s", flush=True)
    return bool(wrong)


def main():
    if len(sys.argv) not in (2, 3):
        sys.exit("usage: memcheck.py BUILD [REGEX]")
    build = pathlib.Path(sys.argv[1]).resolve()
    wanted = sys.argv[2] if len(sys.argv) == 3 else ""
    found = list(tests(build, wanted))
    if not found:
        sys.exit("memcheck.py: there are no such tests")
    broken = 0
    again = []
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for test, result in zip(found, pool.map(
                lambda test: run(build, *test), found)):
            if result[1].startswith("FAILED"):
                again.append(test)
            else:
                broken += tell(build, *result)
    for test in again:
        print(f"{test[0]}: once more", flush=True)
        broken += tell(build, *run(build, *test))
    print(f"{len(found)} tests, {broken} with errors")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
