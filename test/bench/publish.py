#!/usr/bin/env python3
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Puts a result of the benchmark into docs/performance.md and draws
docs/performance.svg: publish.py RESULT.json."""
import json
import sys
from pathlib import Path

import picture
import report

DOCS = Path(__file__).resolve().parents[2] / "docs"
BEGIN = "<!-- result: made by test/bench/publish.py -->\n"
END = "<!-- end of result -->\n"


def put(page, result):
    """The page with the result between its two marks."""
    before, _, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not end:
        raise ValueError("the page has no place for a result")
    return (f"{before}{BEGIN}\n{report.heading(result)}.\n\n"
            f"{report.table(result)}\n\n{END}{after}")


def main():
    if len(sys.argv) != 2:
        sys.exit("usage: publish.py RESULT.json")
    result = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    page = DOCS / "performance.md"
    page.write_text(put(page.read_text(encoding="utf-8"), result),
                    encoding="utf-8")
    (DOCS / "performance.svg").write_text(picture.draw(result),
                                          encoding="utf-8")


if __name__ == "__main__":
    main()
