# SPDX-License-Identifier: AGPL-3.0-or-later
"""The program lives within the filters of its own unit."""
import http.client
import json
import re
import signal
import socket
import subprocess
import sys

import pytest

import sandbox
from conftest import PLAIN, need


@pytest.fixture(scope="module")
def enter(system_tree):
    """Puts the unit's filters on the process that calls it."""
    need("systemd-analyze")
    library = sandbox.load_library()
    if library is None:
        pytest.skip("libseccomp is not installed")
    text = (system_tree / "usr/lib/systemd/system/akashchat-api.service"
            ).read_text("utf-8")
    assert re.search("^MemoryDenyWriteExecute=yes$", text, re.MULTILINE)
    groups = re.findall("^SystemCallFilter=(.*)$", text, re.MULTILINE)
    denied = [group[1:].split() for group in groups if group[0] == "~"]
    allowed = [group.split() for group in groups if group[0] != "~"]
    families = re.findall("^RestrictAddressFamilies=(.*)$", text,
                          re.MULTILINE)
    made = sandbox.filters(library, sum(allowed, []), sum(denied, []),
                           families[0].split())

    def load():
        for one in made:
            one.load()

    return load


@pytest.fixture
def serve(system_tree, enter):
    """Starts the program within the filters; returns it and its port."""
    started = []

    def start(*flags):
        server = subprocess.Popen(
            [system_tree / "usr/bin/akashchat-api", "--server-address",
             "localhost:0", *flags], stderr=subprocess.PIPE, text=True,
            env=PLAIN, preexec_fn=enter)
        started.append(server)
        for line in server.stderr:
            found = re.search(r" listening .*port=(\d+)", line)
            if found:
                return server, int(found[1])
        raise AssertionError("it does not listen")

    yield start
    for server in started:
        server.kill()
        server.communicate()


def ask(port, method, path, body=None):
    """The status and the text of an answer."""
    client = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    client.request(method, path, body and json.dumps(body))
    answer = client.getresponse()
    text = answer.read().decode()
    client.close()
    return answer.status, text


def test_the_filters_bite(enter):
    """Otherwise the tests below would tell nothing."""
    for statement in ["import os; os.chroot('/')",
                      "import socket; socket.socket(socket.AF_NETLINK)",
                      "import os; os.nice(1)",
                      "import mmap; mmap.mmap(-1, 1, prot=7)"]:
        done = subprocess.run([sys.executable, "-c", statement],
                              capture_output=True, text=True, env=PLAIN,
                              preexec_fn=enter, check=False)
        assert re.search("PermissionError|Errno 97", done.stderr), statement


def test_it_serves_and_ends_well(serve):
    server, port = serve("--demo", "--demo-delay", "0")
    assert ask(port, "GET", "/health")[0] == 200
    chat = {"model": "DeepSeek-V3-1",
            "messages": [{"role": "user", "content": "What is 12*7?"}]}
    status, text = ask(port, "POST", "/v1/chat/completions", chat)
    assert status == 200 and "84" in text
    status, text = ask(port, "GET", "/metrics")
    assert status == 200 and "\nprocess_open_fds " in text
    server.send_signal(signal.SIGTERM)
    assert server.wait(60) == 0


def test_it_finds_hosts_by_name(serve):
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        site = f"http://localhost:{nobody.getsockname()[1]}"
        _, port = serve("--akash-base-url", site, "--upstream-retries", "0")
        status, text = ask(port, "GET", "/v1/models")
    assert status == 502
    assert "refused" in text
