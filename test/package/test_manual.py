# SPDX-License-Identifier: AGPL-3.0-or-later
"""The man page and the sample configuration."""
import re
import subprocess

import pytest

from conftest import PLAIN, need, run


@pytest.fixture(scope="module")
def page(tree):
    return tree / "usr/local/share/man/man1/akashchat-api.1"


@pytest.fixture(scope="module")
def program(tree):
    return tree / "usr/local/bin/akashchat-api"


@pytest.fixture(scope="module")
def sample(tree):
    return tree / "usr/local/etc/akashchat/akashchat.conf"


def test_man_renders_it_without_a_warning(page):
    need("man")
    done = subprocess.run(["man", "--warnings", "-E", "UTF-8", "-l", page],
                          capture_output=True, text=True, check=True,
                          env={**PLAIN, "MANWIDTH": "80"})
    assert "AKASHCHAT-API(1)" in done.stdout
    assert done.stderr == ""


def test_mandoc_has_nothing_against_it(page):
    need("mandoc")
    run("mandoc", "-Tlint", "-Wwarning", page)


def test_every_flag_of_the_help_is_in_the_page(page, program):
    need("man")
    text = run("man", "-E", "ascii", "-l", page, env={"MANWIDTH": "80"})
    text = re.sub(".\b", "", text)
    shown = set(re.findall(r"^ +(--[a-z-]+)(?= |$)", text, re.MULTILINE))
    flags = re.findall(r"^  (--[a-z-]+)", run(program, "--help"),
                       re.MULTILINE)
    assert "--server-address" in flags and "--check-config" in flags
    assert [flag for flag in flags if flag not in shown] == []
    assert "--bearer-token-file" in shown


def test_the_sample_changes_nothing(program, sample):
    assert run(program, "--check-config", "--config", sample) \
        == run(program, "--check-config")


def test_every_line_of_the_sample_can_be_taken_in(program, sample, tmp_path):
    taken = tmp_path / "taken.conf"
    text = re.sub(r"^#(?=[A-Z_]+=)", "", sample.read_text("utf-8"),
                  flags=re.MULTILINE)
    taken.write_text(text, encoding="utf-8")
    defaults = run(program, "--check-config")
    assert run(program, "--check-config", "--config", taken) == defaults
    for line in defaults.splitlines():
        assert line in text.splitlines()
    assert "BEARER_TOKEN_FILE=" in text.splitlines()
