#!/usr/bin/env python3
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Checks what must not stand in the source: banned functions, files and
functions that are too long, // comments, a missing licence line, and paths of
somebody's machine."""
import re
import sys

from c_source import blank, files, line_comments, main

# Functions that are not called in src/ and include/, and what to take.
BANNED = {
    "alloca": "ac_malloc",
    "atoi": "strtol, with errors seen",
    "atol": "strtol, with errors seen",
    "atoll": "strtoll, with errors seen",
    "gets": "fgets",
    "sprintf": "snprintf or ac_asprintf",
    "strcat": "struct ac_buf",
    "strcpy": "ac_strdup or memcpy",
    "strncat": "struct ac_buf",
    "strncpy": "memcpy",
    "strtok": "strcspn",
    "vsprintf": "vsnprintf",
}

MAX_FILE_LINES = 600
MAX_FUNCTION_LINES = 70  # from its { to its }

SPDX = "/* SPDX-License-Identifier: AGPL-3.0-or-later */"

CALL = re.compile(r"(?<![\w.>])(%s)\s*\(" % "|".join(BANNED))
HOMES = re.compile(r"(?<![\w.:/}-])/(?:work|home|root|Users)/")


def check_calls(text):
    """(line, complaint) about calls of banned functions."""
    for number, line in enumerate(blank(text, strings=True).split("\n"), 1):
        for call in CALL.finditer(line):
            name = call.group(1)
            yield number, f"{name} is banned: use {BANNED[name]}"


def check_functions(text):
    """(line, complaint) about functions that are too long.

    A body goes from a { at the line's start (or at the end of a line such as
    "name(int arg) {" that itself begins there) to a } at the line's start.
    """
    start = None
    for number, line in enumerate(blank(text, strings=True).split("\n"), 1):
        if line.rstrip() == "{" or re.match(r"[A-Za-z_].*\)\s*\{\s*$", line):
            start = number
        elif line.startswith("}") and start is not None:
            if number - start > MAX_FUNCTION_LINES:
                yield start, (f"a function of {number - start} lines, "
                              f"at most {MAX_FUNCTION_LINES}")
            start = None


def check_c(text):
    """(line, complaint) about any C file."""
    if text.split("\n", 1)[0] != SPDX:
        yield 1, f"the first line is to be {SPDX}"
    length = len(text.splitlines())
    if length > MAX_FILE_LINES:
        yield length, f"{length} lines, at most {MAX_FILE_LINES}"
    for number in line_comments(text):
        yield number, "write /* */, not //"
    yield from check_functions(text)


def check_paths(text):
    """(line, complaint) about paths of somebody's machine."""
    for number, line in enumerate(text.split("\n"), 1):
        match = HOMES.search(line)
        if match:
            yield number, f"an absolute path: {match.group()}"


def check(root):
    """Yields a line for each violation."""
    for path in files(root, "."):
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        name = path.relative_to(root).as_posix()
        folder = name.split("/")[0]
        found = list(check_paths(text))
        if path.suffix in (".c", ".h"):
            if folder in ("src", "include", "test"):
                found += check_c(text)
            if folder in ("src", "include"):
                found += check_calls(text)
        for number, complaint in sorted(found):
            yield f"{name}:{number}: {complaint}"


# ---- self-test ------------------------------------------------------------

def function(lines, head="int\nf(void)\n{\n"):
    """A file with one function whose } stands so many lines below its {."""
    return SPDX + "\n" + head + "\tg();\n" * (lines - 1) + "}\n"


# Pieces, so that this file passes its own check.
HOME = "/" + "home/"
WORK = "/" + "work/"

CLEAN = {
    "src/base/x.c": function(MAX_FUNCTION_LINES),
    "src/base/long.c": SPDX + "\n" * MAX_FILE_LINES,
    "src/base/words.c": SPDX + '\n/* atoi(s) and // */\nchar *s = "gets(a)";\n'
                        'char c = \'"\'; char *u = "http://x/y";\n'
                        "int n = my_atoi(s) + p->atoi(s);\n"
                        "int a[] = {\n\t1,\n};\n",
    "include/x/x.h": SPDX + "\n",
    "test/unit/x.c": SPDX + "\nint n = atoi(s);\n",
    "docs/x.md": "https://example.com" + HOME + " and ${dir}" + WORK + "\n",
    "build/x.c": "int x; // " + HOME + "\n",
}

BAD = [
    *((f"a call of {name}", "src/base/x.c",
       f"{SPDX}\nint n = {name} (a, b);\n", f"{name} is banned")
      for name in BANNED),
    ("a call in include", "include/x/x.h",
     SPDX + "\n#define F(x) atoi(x)\n", "atoi is banned"),
    ("a call behind a comment", "src/base/x.c",
     SPDX + '\n/* " */ int n = atoi("*/");\n', ":2: atoi is banned"),
    ("a long file", "src/base/x.c", SPDX + "\n" * (MAX_FILE_LINES + 1),
     "601 lines"),
    ("a long test", "test/unit/x.c", SPDX + "\n" * (MAX_FILE_LINES + 1),
     "601 lines"),
    ("a // comment", "src/base/x.c", SPDX + "\nint x; // a\n", "not //"),
    ("a // comment at the start", "test/x.h", SPDX + "\n// a\n", "not //"),
    ("no SPDX line", "include/x/y.h", "int x;\n", "SPDX"),
    ("an empty file", "src/base/x.c", "", "SPDX"),
    ("a long function", "src/base/x.c", function(MAX_FUNCTION_LINES + 1),
     ":4: a function of 71 lines"),
    ("a long inline function", "src/base/x.h",
     function(MAX_FUNCTION_LINES + 1, "static int\nF(int a) {\n"),
     ":3: a function of 71 lines"),
    ("a home in a script", "tool.sh", "cd " + HOME + "me\n",
     "absolute path"),
    ("a path in quotes", "test/data/x.txt", 'x = "' + WORK + 'x"\n',
     "absolute path"),
    ("a path in C", "src/base/x.c", SPDX + '\nchar *s = "' + HOME + '";\n',
     "absolute path"),
]

if __name__ == "__main__":
    sys.exit(main(check, CLEAN, BAD))
