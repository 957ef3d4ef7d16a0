# SPDX-License-Identifier: AGPL-3.0-or-later
"""Prometheus' own tool, promtool, which checks metrics and rules. Tests that
need it are marked with needs_promtool and skipped where there is none."""
import shutil
import subprocess

import pytest

from support import GUARD_S

PROMTOOL = shutil.which("promtool")

needs_promtool = pytest.mark.skipif(
    PROMTOOL is None,
    reason="there is no promtool (Debian's package prometheus)")


def promtool(*arguments, data=None):
    """Runs it; a CompletedProcess of text."""
    return subprocess.run(
        [PROMTOOL, *map(str, arguments)], input=data, capture_output=True,
        encoding="utf-8", timeout=GUARD_S, check=False)


def check_metrics(response):
    """What /metrics has answered has no fault and no lint."""
    done = promtool("check", "metrics", data=response.read().decode())
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
