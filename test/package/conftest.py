# SPDX-License-Identifier: AGPL-3.0-or-later
"""What the package tests share: installed trees, and tools that may lack."""
import os
import pathlib
import shutil
import subprocess

import pytest

SOURCE = pathlib.Path(os.environ["AC_SOURCE"])
BUILD = pathlib.Path(os.environ["AC_BUILD"])
SHARED = pathlib.Path(os.environ["AC_SHARED"])
PACKAGES = pathlib.Path(os.environ["AC_PACKAGES"])
VERSION = os.environ["AC_VERSION"]

# An environment without options of the program's own.
PLAIN = {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8",
         "HOME": os.environ.get("HOME", "/")}


def run(*command, env=None, **options):
    """The standard output of a command that must end well."""
    done = subprocess.run([str(word) for word in command], text=True,
                          capture_output=True, env={**PLAIN, **(env or {})},
                          **options)
    assert done.returncode == 0, \
        f"{command}: {done.returncode}\n{done.stdout}{done.stderr}"
    return done.stdout


def need(tool):
    """Skips a test where a tool is not there; Debian has them all, since
    quickstart installs them."""
    if not shutil.which(tool):
        pytest.skip(f"{tool} is not installed")


def install(build, root, prefix="/usr/local"):
    """Runs `cmake --install` into the folder root and returns it."""
    run("cmake", "--install", build, "--prefix", prefix,
        env={"DESTDIR": str(root)})
    return root


@pytest.fixture(scope="session")
def tree(tmp_path_factory):
    """The ordinary build, installed below /usr/local of this folder."""
    return install(BUILD, tmp_path_factory.mktemp("static"))


@pytest.fixture(scope="session")
def system_tree(tmp_path_factory):
    """The same below /usr, as a distribution has it."""
    return install(BUILD, tmp_path_factory.mktemp("system"), "/usr")


@pytest.fixture(scope="session")
def shared_tree(tmp_path_factory):
    """The build with a shared library, below /usr/local of this folder."""
    return install(SHARED, tmp_path_factory.mktemp("shared"))
