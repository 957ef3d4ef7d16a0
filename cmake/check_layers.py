#!/usr/bin/env python3
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Checks that a folder of src/ includes itself and lower floors only."""
import fnmatch
import re
import sys

from c_source import blank, files, main

# The floors from top to bottom: each folder and what it may include beside
# itself, a folder ("net") or one header of it ("codec/event.h").
FLOORS = {
    "main.c":   [],
    "program":  ["server", "doctor", "api", "upstream", "codec", "net", "base"],
    "server":   ["doctor/target.h", "api", "upstream", "codec", "net", "base",
                 "demo"],
    "doctor":   ["api", "upstream", "codec", "net", "base", "demo"],
    "api":      ["upstream", "codec", "net", "base"],
    "upstream": ["codec/event.h", "net", "base"],
    "codec":    ["base"],
    "net":      ["base"],
    "demo":     ["base"],
    "base":     [],
}

# The <headers> that a folder must not reach, its project headers' included.
FORBIDDEN = {
    # The library's public face and the loop, nothing behind them.
    "main.c": ["jansson.h", "openssl/*"],
    # Pure: bytes in, events out; no sockets and no timers.
    "codec": ["sys/socket.h", "event2/event.h", "event2/bufferevent*.h",
              "event2/http*.h"],
    # Carries bytes and does not look into them.
    "net": ["jansson.h"],
}

INCLUDE = re.compile(r'[ \t]*#[ \t]*include[ \t]*([<"])([^>"]*)[>"]')
HEADER = re.compile(r"[a-z]\w*/\w+\.h")
GUARD = re.compile(
    r"\s*#\s*ifndef\s+(\w+)\s*\n\s*#\s*define\s+(\w+)\s*\n.*#\s*endif\s*",
    re.DOTALL)


class Tree:
    """The C files of src/ and what they include."""

    def __init__(self, root):
        self.root = root
        self.texts = {}     # "base/buf.c": its text without comments
        self.includes = {}  # "base/buf.c": [(line, '<' or '"', header)]
        for path in files(root, "src", ".c", ".h"):
            name = path.relative_to(root / "src").as_posix()
            text = blank(path.read_text(encoding="utf-8"))
            self.texts[name] = text
            self.includes[name] = [
                (number, *match.groups())
                for number, line in enumerate(text.split("\n"), 1)
                if (match := INCLUDE.match(line))]

    def reached(self, name, seen=None):
        """Every <header> that a file includes through whatever."""
        seen = set() if seen is None else seen
        if name in seen:
            return set()
        seen.add(name)
        found = set()
        for _, kind, header in self.includes.get(name, []):
            found |= ({header} if kind == "<"
                      else self.reached(header, seen))
        return found


def forbidden(folder, headers):
    """Those of the headers that a folder must not reach."""
    return sorted(header for header in headers
                  for pattern in FORBIDDEN.get(folder, [])
                  if fnmatch.fnmatchcase(header, pattern))


def check_include(tree, folder, kind, header):
    """What is wrong with one #include of a file in a folder, or None."""
    if kind == "<":
        if forbidden(folder, [header]):
            return f"{folder} must not include <{header}>"
        if header.split("/")[0] in FLOORS:
            return f'<{header}> is the project\'s own: write "{header}"'
        return None
    if not HEADER.fullmatch(header):
        return f'"{header}" is not of the form "folder/file.h"'
    target = header.split("/")[0]
    if target not in FLOORS:
        return f'"{header}": src has no floor {target}'
    if folder == "main.c":
        return f'main.c must not include "{header}"'
    if target != folder and not {target, header} & set(FLOORS[folder]):
        return f'{folder} must not include "{header}"'
    reached = forbidden(folder, tree.reached(header))
    if reached and target != folder:
        return f'{folder} must not include <{reached[0]}> by "{header}"'
    return None


def check_own_header(tree, name):
    """(line, complaint) about the header that goes with a .c file."""
    own = name[:-2] + ".h"
    if not name.endswith(".c") or own not in tree.includes:
        return
    quoted = [(number, header)
              for number, kind, header in tree.includes[name] if kind == '"']
    if not quoted or quoted[0][1] != own:
        number = quoted[0][0] if quoted else 1
        yield number, f'the first quoted include is to be "{own}"'


def check_guard(tree, name):
    """(line, complaint) about a header's include guard."""
    if not name.endswith(".h"):
        return
    want = "AC_" + re.sub(r"\W", "_", name).upper()
    match = GUARD.fullmatch(tree.texts[name])
    if not match or match.groups() != (want, want):
        yield 1, f"the include guard is to be {want}"


def check(root):
    """Yields a line for each violation."""
    tree = Tree(root)
    for name, includes in tree.includes.items():
        folder = name.split("/")[0]
        found = []
        if folder not in FLOORS or name.count("/") > 1:
            found.append((1, f"{name} stands on no floor"))
        else:
            for number, kind, header in includes:
                complaint = check_include(tree, folder, kind, header)
                if complaint:
                    found.append((number, complaint))
            found += check_own_header(tree, name)
            found += check_guard(tree, name)
        for number, complaint in found:
            yield f"src/{name}:{number}: {complaint}"


# ---- self-test ------------------------------------------------------------

def header(name, *includes):
    """The text of a header with a proper guard."""
    guard = "AC_" + re.sub(r"\W", "_", name).upper()
    body = "".join(f"#include {include}\n" for include in includes)
    return f"/* x */\n#ifndef {guard}\n#define {guard}\n{body}#endif\n"


CLEAN = {
    "src/main.c": "#include <akashchat/akashchat.h>\n"
                  "#include <event2/event.h>\n#include <stdio.h>\n",
    "src/program/flags.c": '#include "server/server.h"\n',
    "src/server/server.h": header("server/server.h"),
    "src/server/server.c": '#include "server/server.h"\n'
                           '#include "demo/demo.h"\n#include "api/chat.h"\n',
    "src/demo/demo.h": header("demo/demo.h", '"base/buf.h"'),
    "src/api/chat.h": header("api/chat.h", '"codec/event.h"'),
    "src/api/chat.c": '#include <jansson.h>\n#include "api/chat.h"\n'
                      '#include "upstream/client.h"\n'
                      '#include "codec/split.h"\n',
    "src/upstream/client.h": header("upstream/client.h", '"codec/event.h"'),
    "src/upstream/client.c": '#include "upstream/client.h"\n'
                             '#include "net/conn.h"\n',
    "src/codec/event.h": header("codec/event.h"),
    "src/codec/split.h": header("codec/split.h", "<event2/buffer.h>"),
    "src/codec/split.c": '#include "codec/split.h"\n#include "base/buf.h"\n'
                         '/* #include "net/conn.h" */\n',
    "src/net/conn.h": header("net/conn.h", "<event2/event.h>"),
    "src/base/buf.h": header("base/buf.h"),
    "src/base/json.h": header("base/json.h", "<jansson.h>"),
    "src/base/loop.h": header("base/loop.h", "<event2/event.h>"),
}

BAD = [
    ("main.c with a project header", "src/main.c",
     '#include "base/buf.h"\n', "main.c must not include"),
    ("main.c with jansson", "src/main.c",
     "#include <jansson.h>\n", "main.c must not include <jansson.h>"),
    ("program to demo", "src/program/flags.c",
     '#include "demo/demo.h"\n', "program must not include"),
    ("server to program", "src/server/x.c",
     '#include "program/x.h"\n', "server must not include"),
    ("server to the inside of doctor", "src/server/x.c",
     '#include "doctor/reach.h"\n', "server must not include"),
    ("doctor to server", "src/doctor/x.c",
     '#include "server/server.h"\n', "doctor must not include"),
    ("api to doctor", "src/api/x.c",
     '#include "doctor/target.h"\n', "api must not include"),
    ("api to server", "src/api/x.c",
     '#include "server/server.h"\n', "api must not include"),
    ("api to demo", "src/api/x.c",
     '#include "demo/demo.h"\n', "api must not include"),
    ("upstream to api", "src/upstream/x.c",
     '#include "api/chat.h"\n', "upstream must not include"),
    ("upstream to codec", "src/upstream/x.c",
     '#include "codec/split.h"\n', "upstream must not include"),
    ("codec to upstream", "src/codec/x.c",
     '#include "upstream/client.h"\n', "codec must not include"),
    ("codec to net", "src/codec/x.c",
     '#include "net/conn.h"\n', "codec must not include"),
    ("net to codec", "src/net/x.c",
     '#include "codec/event.h"\n', "net must not include"),
    ("net to upstream", "src/net/x.c",
     '#include "upstream/client.h"\n', "net must not include"),
    ("demo to net", "src/demo/x.c",
     '#include "net/conn.h"\n', "demo must not include"),
    ("base to net", "src/base/x.c",
     '#include "net/conn.h"\n', "base must not include"),
    ("codec with sockets", "src/codec/x.c",
     "#include <sys/socket.h>\n", "codec must not include <sys/socket.h>"),
    ("codec with events", "src/codec/x.c",
     "#include <event2/event.h>\n", "must not include <event2/event.h>"),
    ("codec with bufferevents", "src/codec/x.c",
     "# include <event2/bufferevent_ssl.h>\n", "<event2/bufferevent_ssl.h>"),
    ("codec with http", "src/codec/x.c",
     "#include <event2/http.h>\n", "must not include <event2/http.h>"),
    ("codec with events by way of base", "src/codec/x.c",
     '#include "base/loop.h"\n', '<event2/event.h> by "base/loop.h"'),
    ("net with jansson", "src/net/x.c",
     "#include <jansson.h>\n", "net must not include <jansson.h>"),
    ("net with jansson by way of base", "src/net/x.c",
     '#include "base/json.h"\n', '<jansson.h> by "base/json.h"'),
    ("no folder", "src/base/x.c",
     '#include "buf.h"\n', 'not of the form "folder/file.h"'),
    ("a relative path", "src/base/x.c",
     '#include "../base/buf.h"\n', 'not of the form "folder/file.h"'),
    ("an unknown folder in an include", "src/base/x.c",
     '#include "misc/x.h"\n', "no floor misc"),
    ("a project header in <>", "src/base/x.c",
     "#include <base/buf.h>\n", 'write "base/buf.h"'),
    ("an unknown folder", "src/misc/x.c", "int x;\n", "stands on no floor"),
    ("a file beside main.c", "src/x.c", "int x;\n", "stands on no floor"),
    ("a folder in a folder", "src/base/in/x.c", "int x;\n",
     "stands on no floor"),
    ("own header not first", "src/codec/split.c",
     '#include "base/buf.h"\n#include "codec/split.h"\n', "first quoted"),
    ("own header not included", "src/codec/split.c",
     "#include <stdio.h>\n", "first quoted"),
    ("no guard", "src/base/x.h", "int x;\n", "to be AC_BASE_X_H"),
    ("another header's guard", "src/base/x.h",
     header("base/y.h"), "to be AC_BASE_X_H"),
    ("a guard that does not close", "src/base/x.h",
     header("base/x.h") + "int x;\n", "to be AC_BASE_X_H"),
]

if __name__ == "__main__":
    sys.exit(main(check, CLEAN, BAD))
