# SPDX-License-Identifier: AGPL-3.0-or-later
"""What there is to test with: what setup.sh has installed, and a browser."""
import pathlib
import shutil

HERE = pathlib.Path(__file__).resolve().parent
SDK = HERE.parents[2] / "build" / "sdk"
PYTHON = SDK / "venv/bin/python"
NODE_PACKAGE = SDK / "node/node_modules/openai"


def outcome(client):
    """What setup.sh has noted of "python" or "node": a word and a reason."""
    path = SDK / f"{client}.txt"
    if not path.exists():
        return "skipped", (f"openai for {client.title()} is not installed: "
                           "test/sdk/setup.sh has not been run")
    word, _, rest = path.read_text("utf-8").strip().partition(" ")
    return word, rest


def why_skip(client):
    """Why tests with a client ("python", "node", "browser") are skipped, or
    None."""
    if client == "browser":
        return None if find_browser() else "Chromium is not installed"
    word, reason = outcome(client)
    return reason if word == "skipped" else None


def check(client):
    """Fails if a client could have been installed, but was not."""
    word, reason = outcome(client)
    assert word == "installed", reason


def find_browser():
    """The path of a Chromium, or None. A snap does not count: it keeps out
    of the folders that the tests give it."""
    for name in ("chromium", "google-chrome"):
        path = shutil.which(name)
        if path is not None and pathlib.Path(path).resolve().name != "snap":
            return path
    return None
