# SPDX-License-Identifier: AGPL-3.0-or-later
"""The fixtures of the tests of what is in docker/. The program, the upstream
and their fixtures are those of the system tests."""
import importlib.util
import pathlib
import sys

SYSTEM = pathlib.Path(__file__).resolve().parents[1] / "system"
sys.path.insert(0, str(SYSTEM))


def load_system_fixtures():
    spec = importlib.util.spec_from_file_location(
        "system_conftest", SYSTEM / "conftest.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


system = load_system_fixtures()
launch, start, upstream = system.launch, system.start, system.upstream

SKIPPED = 77  # what CTest takes for a skip


def pytest_sessionfinish(session, exitstatus):
    """A run that skipped every test is a skip for CTest too."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if exitstatus == 0 and not reporter.stats.get("passed"):
        session.exitstatus = SKIPPED
