# SPDX-License-Identifier: AGPL-3.0-or-later
"""The fixtures of the tests with clients. The program, the upstream and their
fixtures are those of the system tests."""
import collections
import importlib.util
import pathlib
import sys

import pytest

SYSTEM = pathlib.Path(__file__).resolve().parents[1] / "system"
sys.path.insert(0, str(SYSTEM))

# pylint: disable=wrong-import-position
from clients import installed  # noqa: E402
from clients.browser import Browser  # noqa: E402
from clients.pages import Pages  # noqa: E402
from clients.sdk import KINDS, Sdk  # noqa: E402

SKIPPED = 77  # what CTest takes for a skip


def load_system_fixtures():
    spec = importlib.util.spec_from_file_location(
        "system_conftest", SYSTEM / "conftest.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


system = load_system_fixtures()
launch, program = system.launch, system.program
start, upstream = system.start, system.upstream
protocol = system.protocol


def pytest_addoption(parser):
    parser.addoption("--client", choices=KINDS,
                     help="the official client to test with; all if absent")


def pytest_generate_tests(metafunc):
    """A test with the fixture sdk runs with each kind of the client."""
    if "sdk" in metafunc.fixturenames:
        client = metafunc.config.getoption("--client")
        kinds = [pytest.param(kind, marks=pytest.mark.needs(name))
                 for name in ([client] if client else KINDS)
                 for kind in KINDS[name]]
        metafunc.parametrize("sdk", kinds, indirect=True, scope="session")


def pytest_collection_modifyitems(items):
    """Skips what is marked with a need that is not there."""
    for item in items:
        for mark in item.iter_markers("needs"):
            reason = installed.why_skip(*mark.args)
            if reason is not None:
                item.add_marker(pytest.mark.skip(reason=reason))


def pytest_terminal_summary(terminalreporter):
    """Says once for each reason what was skipped."""
    reasons = collections.Counter(
        report.longrepr[2].removeprefix("Skipped: ")
        for report in terminalreporter.stats.get("skipped", ()))
    for reason, count in reasons.items():
        terminalreporter.write_line(f"{count} skipped: {reason}")


def pytest_sessionfinish(session, exitstatus):
    """A run that skipped every test is a skip for CTest too."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if exitstatus == 0 and not reporter.stats.get("passed"):
        session.exitstatus = SKIPPED


@pytest.fixture(scope="session")
def sdk(request):
    """An official client in a process of its own."""
    with Sdk(request.param) as running:
        yield running


@pytest.fixture(scope="session")
def browser(tmp_path_factory):
    """A headless Chromium."""
    with Browser(tmp_path_factory.mktemp("browser")) as running:
        yield running


@pytest.fixture(scope="session")
def pages():
    """A server of web pages."""
    with Pages() as running:
        yield running


@pytest.fixture
def visit(browser, pages):  # pylint: disable=redefined-outer-name
    """Opens pages: visit(host) is one of that host's."""
    opened = []

    def visit_host(host):
        opened.append(browser.open(pages.url(host)))
        return opened[-1]

    yield visit_host
    for page in opened:
        page.close()
