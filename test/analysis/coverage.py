#!/usr/bin/env python3
# SPDX-License-Identifier: AGPL-3.0-or-later
"""What the runs of a build with the preset "coverage" have reached of src/:
coverage.py BUILD [FOLDER ...]. Prints a table of lines and branches for each
folder and file, and for the FOLDERs ("codec", "net/tls.c") each branch and line
that was never taken. Status 1 below the bounds (docs/internals/analysis.md)."""
import collections
import json
import pathlib
import subprocess
import sys

SRC = pathlib.Path(__file__).resolve().parents[2] / "src"

# Percents: of the lines of all, and of the branches of the folder that
# translates.
LINES_MIN = 90
BRANCHES_MIN = {"codec": 99}

Count = collections.namedtuple("Count", "lines lines_run branches taken")


def llvm(tool, *arguments):
    """Runs a tool of the clang that made the build."""
    path = subprocess.run(["clang", f"-print-prog-name={tool}"], check=True,
                          capture_output=True, encoding="utf-8").stdout
    return subprocess.run([path.strip(), *arguments], check=True,
                          stdout=subprocess.PIPE, encoding="utf-8").stdout


def read(build):
    """The files of src/ as llvm-cov describes them, by their names in it. The
    program holds every function of theirs, whichever program ran it."""
    profiles = list((build / "profiles").glob("*.profraw"))
    if not profiles:
        sys.exit(f"coverage.py: nothing has run in {build}")
    merged = build / "coverage.profdata"
    llvm("llvm-profdata", "merge", "-sparse", "-o", merged, *profiles)
    shown = json.loads(llvm(
        "llvm-cov", "export", "-format=text", f"-instr-profile={merged}",
        build / "akashchat-api", SRC))
    return {str(pathlib.Path(each["filename"]).relative_to(SRC)): each
            for each in shown["data"][0]["files"]}


def branches(name, file):
    """Line, text, and whether it was ever true and ever false, of each
    condition. A switch without default is one to llvm-cov, false in each of
    its cases: where it names each value of its enum there is no such branch."""
    text = (SRC / name).read_text(encoding="utf-8").splitlines()
    for line, column, end, end_column, true, false, *_ in file["branches"]:
        before = text[line - 1][:column - 1]
        if before.rstrip().endswith("switch ("):
            continue
        stop = end_column - 1 if end == line else None
        yield line, text[line - 1][column - 1:stop], true > 0, false > 0


def count(name, file):
    """The figures of a file."""
    lines = file["summary"]["lines"]
    seen = list(branches(name, file))
    return Count(lines["count"], lines["covered"], 2 * len(seen),
                 sum(true + false for _, _, true, false in seen))


def add(one, other):
    return Count(*map(sum, zip(one, other)))


def lines_left(file):
    """The lines that never ran."""
    segments = [each for each in file["segments"] if each[3]]
    left, ran = set(), set()
    for here, behind in zip(segments, segments[1:]):
        which = ran if here[2] > 0 or here[5] else left
        last = behind[0] if behind[1] > 1 else behind[0] - 1
        which.update(range(here[0], last + 1))
    return sorted(left - ran)


def ranges(numbers):
    """First and last of each run of numbers."""
    found = []
    for number in numbers:
        if found and found[-1][1] == number - 1:
            found[-1][1] = number
        else:
            found.append([number, number])
    return found


def percent(part, whole):
    return 100 * part / whole if whole else 100.0


def row(name, figures):
    lines, lines_run, conditions, taken = figures
    return (f"{name:32} {lines_run:6}/{lines:<6}"
            f"{percent(lines_run, lines):6.1f} %"
            f"   {taken:6}/{conditions:<6}{percent(taken, conditions):6.1f} %")


def print_left(name, file):
    """What of a file was never reached."""
    for line, text, true, false in sorted(branches(name, file)):
        if not (true and false):
            never = "true" if false else "false" if true else "reached"
            print(f"src/{name}:{line}: never {never}: {text.strip()}")
    for first, last in ranges(lines_left(file)):
        lines = f"{first}-{last}" if last > first else first
        print(f"src/{name}:{lines}: never run")


def main():
    if len(sys.argv) < 2:
        sys.exit("usage: coverage.py BUILD [FOLDER ...]")
    files = read(pathlib.Path(sys.argv[1]).resolve())
    folders = collections.defaultdict(lambda: Count(0, 0, 0, 0))
    figures = {name: count(name, file) for name, file in files.items()}
    for name, each in figures.items():
        folder = name.rpartition("/")[0] or "main.c"
        folders[folder] = add(folders[folder], each)
        folders["src"] = add(folders["src"], each)
    print(f"{'':32} {'lines':>13} {'':13} {'branches':>13}")
    for name, each in sorted(figures.items()):
        print(row(name, each))
    print()
    total = folders.pop("src")
    for name, each in sorted(folders.items()):
        print(row(f"{name}/" if name != "main.c" else name, each))
    print(row("src/", total))
    for name, file in sorted(files.items()):
        if name.startswith(tuple(sys.argv[2:])):
            print_left(name, file)
    low = [f"{name}/: less than {least} % of the branches"
           for name, least in BRANCHES_MIN.items()
           if percent(folders[name].taken, folders[name].branches) < least]
    if percent(total.lines_run, total.lines) < LINES_MIN:
        low.append(f"src/: less than {LINES_MIN} % of the lines")
    print(*low, sep="\n", end="\n" if low else "")
    return 1 if low else 0


if __name__ == "__main__":
    sys.exit(main())
