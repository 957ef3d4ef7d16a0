# SPDX-License-Identifier: AGPL-3.0-or-later
"""What the checks of the source share: reading C files, reporting, and a
self-test that runs a check on a temporary tree."""
import pathlib
import re
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent

# Folders that hold nothing of the project's own.
NOT_OURS = {".git", "build", ".cache", "__pycache__", ".pytest_cache",
            "node_modules"}

TOKEN = re.compile(
    r"""//(?:\\\n|[^\n])*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'""",
    re.DOTALL)


def files(root, folder, *suffixes):
    """The files with one of the suffixes (all without) below a folder."""
    for path in sorted((root / folder).rglob("*")):
        inner = path.relative_to(root).parts
        if path.is_file() and not NOT_OURS.intersection(inner) and (
                not suffixes or path.suffix in suffixes):
            yield path


def blank(text, strings=False):
    """C without its comments (and strings), lines and columns kept."""
    def spaces(match):
        token = match.group()
        if token[0] in "\"'" and not strings:
            return token
        return re.sub(r"[^\n]", " ", token)
    return TOKEN.sub(spaces, text)


def line_comments(text):
    """The line numbers of the // comments."""
    return [text.count("\n", 0, match.start()) + 1
            for match in TOKEN.finditer(text)
            if match.group().startswith("//")]


def self_test(check, clean, bad):
    """Runs check on a clean tree and on one violation after the other.

    clean maps paths to texts; bad is a list of (what, path, text, message):
    the tree with that file in place must give one line, path with message.
    """
    def run(tree):
        with tempfile.TemporaryDirectory() as folder:
            root = pathlib.Path(folder)
            for name, text in tree.items():
                path = root / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text, encoding="utf-8")
            return list(check(root))

    wrong = [f"a clean tree gives: {line}" for line in run(clean)]
    for what, path, text, message in bad:
        lines = run({**clean, path: text})
        if (len(lines) != 1 or not lines[0].startswith(path + ":")
                or message not in lines[0]):
            wrong.append(f"{what}: wanted {path} with {message!r}: {lines}")
    for line in wrong:
        print(line)
    print(f"self-test: {len(bad)} violations and a clean tree,",
          f"{len(wrong)} wrong")
    return 1 if wrong else 0


def main(check, clean, bad):
    """The command line of a check: [--self-test | ROOT]."""
    args = sys.argv[1:]
    if args == ["--self-test"]:
        return self_test(check, clean, bad)
    if len(args) > 1 or (args and args[0].startswith("-")):
        print(f"usage: {sys.argv[0]} [--self-test | ROOT]", file=sys.stderr)
        return 2
    lines = list(check(pathlib.Path(args[0]) if args else ROOT))
    for line in lines:
        print(line)
    return 1 if lines else 0
