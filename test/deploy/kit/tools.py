# SPDX-License-Identifier: AGPL-3.0-or-later
"""What setup.sh has installed."""
import json
import shutil
import subprocess

import pytest

from support import GUARD_S
from support.program import ROOT

INSTALLED = ROOT / "build/deploy"
DOCKER = ROOT / "docker"


def need(name):
    """Skips the test where "python" or "node" could not be reached for, and
    fails it where the installation failed."""
    path = INSTALLED / f"{name}.txt"
    if not path.exists():
        pytest.skip("test/deploy/setup.sh has not been run")
    word, _, reason = path.read_text("utf-8").strip().partition(" ")
    if word == "skipped":
        pytest.skip(reason)
    assert word == "installed", reason


def run(*command, **options):
    """Runs a command, which must end well; its output."""
    done = subprocess.run(command, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, encoding="utf-8",
                          timeout=4 * GUARD_S, check=False, **options)
    assert done.returncode == 0, done.stdout
    return done.stdout


def run_installed(name, *arguments):
    """Runs a program from PyPI."""
    need("python")
    return run(INSTALLED / "venv/bin" / name, *arguments)


def read_yaml(path):
    """The documents of a YAML file."""
    need("python")
    return json.loads(run(
        INSTALLED / "venv/bin/python", "-c",
        "import json, sys, yaml; print(json.dumps(list("
        "yaml.safe_load_all(open(sys.argv[1], encoding='utf-8')))))", path))


def kustomize():
    """The command that puts a kustomization together, or None."""
    if shutil.which("kustomize"):
        return ["kustomize", "build"]
    if shutil.which("kubectl"):
        return ["kubectl", "kustomize"]
    return None
