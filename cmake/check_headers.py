#!/usr/bin/env python3
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Checks that each header compiles alone: check_headers.py CC [BUILD ROOT];
without these the check is tried on headers that do and do not. Those of ROOT/src as the files of BUILD are compiled; the public ones as strict
C11 and, where there is a compiler for it, as C++11."""
import concurrent.futures
import contextlib
import io
import json
import os
import pathlib
import shlex
import shutil
import subprocess
import sys
import tempfile

WARNINGS = ["-Wall", "-Wextra", "-Werror", "-fsyntax-only"]
C11 = ["-x", "c", "-std=c11"]
CXX11 = ["-x", "c++", "-std=c++11", "-Wold-style-cast"]


def flags_of(build, source):
    """Where the files of src/ find headers, and what is defined for them."""
    commands = json.loads((build / "compile_commands.json").read_text("utf-8"))
    words = shlex.split(next(
        each["command"] for each in commands
        if pathlib.Path(each["file"]) == source / "base/buf.c"))
    flags = []
    for word, behind in zip(words, words[1:]):
        if word == "-isystem":
            flags += [word, behind]
        elif word.startswith(("-I", "-D")):
            flags.append(word)
    return flags


def compile_alone(compiler, flags, header):
    """What the compiler says about a file that includes the header only."""
    done = subprocess.run(
        [compiler, *WARNINGS, *flags, "-"], input=f'#include "{header}"\n',
        capture_output=True, encoding="utf-8", check=False)
    return done.stderr if done.returncode != 0 else ""


def find_cxx(compiler):
    """One that compiles C++: that of the build or another, or None."""
    for each in (compiler, "clang", "g++", "c++"):
        if shutil.which(each) and not compile_alone(each, CXX11, "stdint.h"):
            return each
    return None


def jobs(compiler, build, root):
    """The name, compiler, flags and file of each check."""
    source, public = root / "src", root / "include"
    own = [*C11, *flags_of(build, source)]
    cxx = find_cxx(compiler)
    for header in sorted(source.rglob("*.h")):
        yield str(header.relative_to(root)), compiler, own, header
    for header in sorted(public.rglob("*.h")):
        name = str(header.relative_to(root))
        yield name, compiler, [*C11, "-pedantic", f"-I{public}"], header
        if cxx:
            yield f"{name} as C++", cxx, [*CXX11, f"-I{public}"], header
        else:
            print(f"{name}: not tried as C++, there is no compiler for it")


def check(compiler, build, root):
    """Prints what is wrong; how many headers that were, and of how many."""
    todo = list(jobs(compiler, build, root))
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        said = list(pool.map(lambda job: compile_alone(*job[1:]), todo))
    bad = [(job[0], text) for job, text in zip(todo, said) if text]
    for name, text in bad:
        print(f"{name}: does not compile alone:\n{text}")
    return len(bad), len(todo)


def self_test(compiler):
    """Whether a header that lacks an include and one that is no C++ are found
    among others."""
    with tempfile.TemporaryDirectory() as folder:
        root = pathlib.Path(folder)
        for name, text in (
                ("src/base/good.h", "#include <stddef.h>\nsize_t f(void);\n"),
                ("src/base/bad.h", "size_t f(void);\n"),
                ("include/x/good.h", "struct x;\n"),
                ("include/x/bad.h", "struct x { int class; };\n")):
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_text(text, encoding="utf-8")
        (root / "compile_commands.json").write_text(json.dumps([
            {"file": str(root / "src/base/buf.c"), "command": "cc -c"}]))
        with contextlib.redirect_stdout(io.StringIO()) as said:
            check(compiler, root, root)
    found = [line.split(":")[0] for line in said.getvalue().splitlines()
             if line.endswith("does not compile alone:")]
    wanted = ["src/base/bad.h"]
    if find_cxx(compiler):
        wanted.append("include/x/bad.h as C++")
    print(f"self-test: found {found}, wanted {wanted}")
    return found == wanted


def main():
    if len(sys.argv) not in (2, 4):
        sys.exit("usage: check_headers.py CC [BUILD ROOT]")
    compiler = sys.argv[1]
    if len(sys.argv) == 2:
        return 0 if self_test(compiler) else 1
    build, root = (pathlib.Path(each).resolve() for each in sys.argv[2:])
    bad, tried = check(compiler, build, root)
    print(f"{tried} headers, {bad} do not compile alone")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
