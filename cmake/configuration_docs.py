#!/usr/bin/env python3
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Holds the table in docs/configuration.md against the option table.

usage: configuration_docs.py PRINTER DOCUMENT [--update]

PRINTER prints the table (test/docs/print_options.c). Without --update a
difference is an error; with it the document gets the new table.
"""
import pathlib
import subprocess
import sys

BEGIN = "<!-- options: made from src/base/option_table.c -->\n"
END = "<!-- end of options -->\n"


def main():
    printer, path = sys.argv[1], pathlib.Path(sys.argv[2])
    table = subprocess.run([printer], check=True, capture_output=True,
                           text=True).stdout
    text = path.read_text(encoding="utf-8")
    head, rest = text.split(BEGIN)
    tail = rest.split(END)[1]
    wanted = head + BEGIN + table + END + tail
    if wanted == text:
        return 0
    if "--update" in sys.argv[3:]:
        path.write_text(wanted, encoding="utf-8")
        return 0
    print(f"{path}: the options differ from the table in the program;"
          " cmake --build --preset release --target docs mends it")
    return 1


if __name__ == "__main__":
    sys.exit(main())
