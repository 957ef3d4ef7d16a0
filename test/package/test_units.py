# SPDX-License-Identifier: AGPL-3.0-or-later
"""The systemd units, looked at by systemd itself."""
import re
import subprocess

import pytest

from conftest import PLAIN, need, run

# Tenths of systemd's exposure level, which goes from 0 (none) to 10.
MOST_EXPOSURE = 15


@pytest.fixture(scope="module")
def units(system_tree, tmp_path_factory):
    """A folder with the units, whose program is where it lies here."""
    folder = tmp_path_factory.mktemp("units")
    for path in system_tree.glob("usr/lib/systemd/system/*"):
        text = path.read_text(encoding="utf-8")
        (folder / path.name).write_text(
            text.replace("=/usr/bin/akashchat",
                         f"={system_tree}/usr/bin/akashchat"),
            encoding="utf-8")
    return folder


def setting(units, name, unit="akashchat-api.service"):
    text = (units / unit).read_text(encoding="utf-8")
    found = re.findall(rf"^{name}=(.*)$", text, re.MULTILINE)
    assert len(found) == 1
    return found[0]


@pytest.fixture(scope="module")
def defaults(system_tree):
    """The options at their defaults."""
    said = run(system_tree / "usr/bin/akashchat-api", "--check-config")
    return dict(line.split("=", 1) for line in said.splitlines())


@pytest.mark.parametrize("name", ["service", "socket"])
def test_systemd_understands_the_unit(units, name):
    need("systemd-analyze")
    # The page is not in the system's own man path.
    done = subprocess.run(["systemd-analyze", "verify", "--man=no",
                           units / f"akashchat-api.{name}"],
                          capture_output=True, text=True, env=PLAIN)
    assert [line for line in done.stderr.splitlines()
            if "akashchat" in line] == []
    assert done.returncode == 0, done.stderr


def test_the_service_is_exposed_to_little(units):
    need("systemd-analyze")
    version = int(run("systemd-analyze", "--version").split()[1])
    if version < 250:
        pytest.skip(f"systemd {version} does not look at units offline")
    run("systemd-analyze", "security", "--offline=yes", "--no-pager",
        f"--threshold={MOST_EXPOSURE}", units / "akashchat-api.service")


def test_the_service_may_drain(units, defaults):
    assert int(setting(units, "TimeoutStopSec")) >= 15 + int(
        defaults["DRAIN_TIMEOUT"]) + int(defaults.get("DRAIN_DELAY", 0))


def test_the_socket_listens_where_the_program_does(units, defaults):
    port = defaults["SERVER_ADDRESS"].rsplit(":", 1)[1]
    assert setting(units, "ListenStream", "akashchat-api.socket") \
        == f"127.0.0.1:{port}"
