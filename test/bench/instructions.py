#!/usr/bin/env python3
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Counts the instructions of a delta's way through the codec with callgrind,
which does not depend on how busy the machine is, and fails where they are
more than the budget and its margin: instructions.py CODEC_WORK."""
import re
import shutil
import subprocess
import sys

SKIPPED = 77

# Instructions for each delta, by gcc 12 with -O3 on x86-64. Who gets below
# one by a change lowers it.
BUDGETS = {
    "stream": 1770,
    "burst": 1390,
    "escapes": 2600,
    "whole": 980,
    "stages": 2030,
    "uistream": 4350,
}
MARGIN = 1.1
# The difference of two runs is free of what comes before and behind.
FEW, MANY = 200, 1200


def instructions(program, case, deltas):
    """How many a whole run takes."""
    done = subprocess.run(
        ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null",
         program, case, str(deltas)],
        check=False, capture_output=True, encoding="utf-8")
    found = re.search(r"Collected : (\d+)", done.stderr)
    if done.returncode != 0 or not found:
        sys.exit(f"{case}: callgrind failed: {done.stderr}")
    return int(found.group(1))


def main():
    if len(sys.argv) != 2:
        sys.exit("usage: instructions.py CODEC_WORK")
    if shutil.which("valgrind") is None:
        print("skipped: valgrind is not installed")
        return SKIPPED
    failed = False
    for case, budget in BUDGETS.items():
        each = (instructions(sys.argv[1], case, MANY) -
                instructions(sys.argv[1], case, FEW)) / (MANY - FEW)
        over = each > budget * MARGIN
        failed |= over
        print(f"{case}: {each:.0f} instructions for each delta, budget "
              f"{budget}{': TOO MANY' if over else ''}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
