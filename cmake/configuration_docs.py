#!/usr/bin/env python3
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Holds the documents that show the options against the option table.

usage: configuration_docs.py PRINTER ROOT [--update]

PRINTER prints the table in the form of each document
(test/docs/print_options.c). Without --update a difference is an error; with it
the documents below ROOT get the new table.
"""
import pathlib
import subprocess
import sys

# Each document, the form of its table, and how it writes a comment.
DOCUMENTS = [
    ("docs/configuration.md", "markdown", "<!-- {} -->\n"),
    ("docs/akashchat-api.1", "man", '.\\" {}\n'),
    ("cmake/package/akashchat.conf", "sample", "# ({})\n"),
]
BEGIN = "options: made from src/base/option_table.c"
END = "end of options"


def main():
    printer, root = sys.argv[1], pathlib.Path(sys.argv[2])
    status = 0
    for name, form, comment in DOCUMENTS:
        begin, end = comment.format(BEGIN), comment.format(END)
        path = root / name
        table = subprocess.run([printer, form], check=True,
                               capture_output=True, text=True).stdout
        text = path.read_text(encoding="utf-8")
        head, rest = text.split(begin)
        tail = rest.split(end)[1]
        wanted = head + begin + table + end + tail
        if wanted == text:
            continue
        if "--update" in sys.argv[3:]:
            path.write_text(wanted, encoding="utf-8")
            continue
        print(f"{path}: the options differ from the table in the program;"
              " cmake --build --preset release --target docs mends it")
        status = 1
    return status


if __name__ == "__main__":
    sys.exit(main())
