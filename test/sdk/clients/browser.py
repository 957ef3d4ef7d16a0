# SPDX-License-Identifier: AGPL-3.0-or-later
"""A headless Chromium that is told what to do through its DevTools pipe:
JSON messages, each ended by a NUL, read from its descriptor 3 and written to
its descriptor 4."""
import fcntl
import json
import os
import signal
import threading

from clients.installed import find_browser
from support import GUARD_S
from support.program import environment

FLAGS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic",
    "--disable-dev-shm-usage", "--no-first-run", "--no-proxy-server",
    "--disable-background-networking", "--disable-component-update",
    "--disable-sync", "--disable-features=HttpsUpgrades",
    # A foreign page of this machine, and no name beside it.
    "--host-resolver-rules="
    "MAP evil.test 127.0.0.1, MAP * ~NOTFOUND, EXCLUDE localhost, "
    "EXCLUDE *.localhost, EXCLUDE 127.0.0.1",
    "--remote-debugging-pipe"]


class Browser:
    """The browser, with a profile in an empty folder."""

    def __init__(self, folder):
        path = find_browser()
        self._changed = threading.Condition()
        self._replies = {}
        self._events = []  # (session, method, parameters)
        self._number = 0
        self._over = False
        # High ones, so that 3 and 4 are free in the child.
        commands, self._to = move_up(os.pipe())
        self._from, answers = move_up(os.pipe())
        with open(folder / "chromium.log", "wb") as log:
            self._child = os.posix_spawn(
                path, [path, *FLAGS, f"--user-data-dir={folder / 'profile'}"],
                {**environment({}), "HOME": str(folder)},
                file_actions=[(os.POSIX_SPAWN_DUP2, log.fileno(), 1),
                              (os.POSIX_SPAWN_DUP2, log.fileno(), 2),
                              (os.POSIX_SPAWN_DUP2, commands, 3),
                              (os.POSIX_SPAWN_DUP2, answers, 4)],
                setpgroup=0)
        os.close(commands)
        os.close(answers)
        self._log = folder / "chromium.log"
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        """Ends it with all of its processes."""
        os.close(self._to)  # it ends with its pipe
        self._thread.join(GUARD_S)
        try:
            os.killpg(self._child, signal.SIGKILL)
        except ProcessLookupError:
            pass
        os.waitpid(self._child, 0)
        self._thread.join(GUARD_S)
        os.close(self._from)

    # ---- the pipe ---------------------------------------------------------

    def _read(self):
        buffer = b""
        while (data := os.read(self._from, 65536)):
            *messages, buffer = (buffer + data).split(b"\0")
            with self._changed:
                for message in map(json.loads, messages):
                    self._take(message)
                self._changed.notify_all()
        with self._changed:
            self._over = True
            self._changed.notify_all()

    def _take(self, message):
        if "id" in message:
            self._replies[message["id"]] = message
        else:
            self._events.append((message.get("sessionId"), message["method"],
                                 message["params"]))

    def wait(self, find):
        """Waits until find() has something true, and returns it."""
        def find_or_fail():
            found = find()
            assert found or not self._over, self._log.read_text()
            return found

        with self._changed:
            found = self._changed.wait_for(find_or_fail, GUARD_S)
        assert found, f"the browser does not answer:\n{self._log.read_text()}"
        return found

    def command(self, method, session=None, **parameters):
        """Has a DevTools command done and returns its result."""
        with self._changed:
            self._number += 1
            number = self._number
        message = {"id": number, "method": method, "params": parameters}
        if session is not None:
            message["sessionId"] = session
        data = json.dumps(message).encode() + b"\0"
        while data:
            data = data[os.write(self._to, data):]
        reply = self.wait(lambda: self._replies.pop(number, None))
        assert "error" not in reply, reply
        return reply["result"]

    def events(self, session, method):
        """The events so far of a page."""
        with self._changed:
            return [parameters for its_session, its_method, parameters
                    in self._events
                    if (its_session, its_method) == (session, method)]

    def wait_event(self, session, method):
        """Waits for the first event of a page and returns it."""
        return self.wait(lambda: self.events(session, method))[0]

    # ---- pages ------------------------------------------------------------

    def open(self, url):
        """A new page, loaded."""
        target = self.command("Target.createTarget",
                              url="about:blank")["targetId"]
        session = self.command("Target.attachToTarget", targetId=target,
                               flatten=True)["sessionId"]
        for domain in ("Page", "Network"):
            self.command(f"{domain}.enable", session)
        result = self.command("Page.navigate", session, url=url)
        assert "errorText" not in result, result
        self.wait_event(session, "Page.loadEventFired")
        return Page(self, target, session)


class Page:
    """A page of the browser, in a tab of its own."""

    def __init__(self, browser, target, session):
        self._browser = browser
        self._target = target
        self._session = session

    def run(self, function, *arguments):
        """Calls a function of the page and returns what its promise gives;
        an exception of it fails the test."""
        given = ", ".join(map(json.dumps, arguments))
        reply = self._browser.command(
            "Runtime.evaluate", self._session,
            expression=f"{function}({given})", awaitPromise=True,
            returnByValue=True)
        assert "exceptionDetails" not in reply, reply["exceptionDetails"]
        return reply["result"].get("value")

    def cors_errors(self):
        """Why the browser kept answers from the page, so far."""
        failed = self._browser.events(self._session, "Network.loadingFailed")
        return [one["corsErrorStatus"]["corsError"] for one in failed
                if "corsErrorStatus" in one]

    def wait_cors_errors(self, count):
        """Waits until it kept so many."""
        self._browser.wait(lambda: len(self.cors_errors()) >= count)
        assert len(self.cors_errors()) == count

    def close(self):
        self._browser.command("Target.closeTarget", targetId=self._target)


def move_up(pair):
    """Two descriptors, moved to numbers from 10 on."""
    moved = [fcntl.fcntl(one, fcntl.F_DUPFD_CLOEXEC, 10) for one in pair]
    for one in pair:
        os.close(one)
    return moved
