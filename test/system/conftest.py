# SPDX-License-Identifier: AGPL-3.0-or-later
"""The fixtures of the system tests: an upstream, and programs before it."""
import pytest

from support import datastream, uistream
from support.program import Program
from support.upstream import Upstream


@pytest.fixture
def upstream():
    """A scripted Akash Chat."""
    with Upstream() as running:
        yield running


@pytest.fixture
def launch():
    """Starts programs: launch(*flags, **environment). Each is stopped when
    the test is over and must end well; its log is shown if the test fails."""
    programs = []

    def start(*flags, **options):
        programs.append(Program(*flags, **options))
        return programs[-1]

    yield start
    for program in programs:
        try:
            program.stop()
        finally:
            print(*program.lines, sep="\n")


@pytest.fixture
def start(launch, upstream):
    """Starts programs before the upstream: start(*flags, **environment)."""
    def start_before(*flags, **options):
        options.setdefault("AKASH_BASE_URL", upstream.url)
        return launch(*flags, **options)

    return start_before


@pytest.fixture
def program(start):
    """A program before the upstream, with every option at its default."""
    return start()


@pytest.fixture(params=[datastream, uistream],
                ids=["data-stream", "ui-stream"])
def protocol(request):
    """What the upstream writes its answers in: both modules have the same
    functions."""
    return request.param


@pytest.fixture(params=[False, True], ids=["whole", "stream"])
def stream(request):
    """Whether the client asks for a stream."""
    return request.param
