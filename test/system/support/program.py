# SPDX-License-Identifier: AGPL-3.0-or-later
"""The program under test as a child process, and its log."""
import json
import os
import pathlib
import re
import signal
import subprocess
import tempfile
import threading

from support import GUARD_S
from support.client import Connection, chat_body

ROOT = pathlib.Path(__file__).resolve().parents[3]
BINARY = os.environ.get("AKASHCHAT_API",
                        str(ROOT / "build/release/akashchat-api"))

# What a child keeps of the environment: nothing that is an option.
KEPT = re.compile(r"PATH|TMPDIR|LANG|LC_\w+|\w+SAN_OPTIONS|LLVM_\w+")

TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
LOG_LINE = re.compile(
    r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z (ERROR|WARN|INFO|DEBUG) "
    r"([^=\"]*?)((?: \w+=(?:[!-~]+|\"(?:[^\"\\]|\\.)*\"))*)")
FIELD = re.compile(r" (\w+)=(\"(?:[^\"\\]|\\.)*\"|[!-~]+)")


class LogLine:
    """A line of the log: level, message and fields (as they are written)."""

    def __init__(self, text):
        match = LOG_LINE.fullmatch(text)
        assert match, f"not a line of the log: {text!r}"
        self.text = text
        self.level, self.message, fields = match.groups()
        pairs = FIELD.findall(fields)
        self.fields = dict(pairs)
        assert len(self.fields) == len(pairs), f"a key twice: {text}"

    def get(self, key):
        return self.fields.get(key)


class JsonLogLine:
    """The same of LOG_FORMAT=json; object is what a JSON parser sees."""

    def __init__(self, text):
        self.text = text
        self.object = json.loads(text, object_pairs_hook=self._members)
        fields = dict(self.object)
        assert TIME.fullmatch(fields.pop("ts")), text
        self.level = fields.pop("level").upper()
        assert self.level in ("ERROR", "WARN", "INFO", "DEBUG"), text
        self.message = fields.pop("msg")
        self.fields = {key: str(value) for key, value in fields.items()}

    @staticmethod
    def _members(pairs):
        assert len(dict(pairs)) == len(pairs), f"a key twice: {pairs}"
        return dict(pairs)

    def get(self, key):
        return self.fields.get(key)


def log_line(text):
    """A line in the form that it has."""
    return JsonLogLine(text) if text.startswith("{") else LogLine(text)


def environment(options):
    """The environment of a child with these options in it."""
    kept = {key: value for key, value in os.environ.items()
            if KEPT.fullmatch(key)}
    return {**kept, **options}


def run(*flags, **options):
    """Runs the program to its end: a CompletedProcess with text. Environment
    and flags are the given ones alone."""
    return subprocess.run(
        [BINARY, *flags], env=environment(options), stdin=subprocess.DEVNULL,
        capture_output=True, timeout=GUARD_S, check=False, encoding="utf-8")


class Program:
    """A running program. options are environment variables; without
    SERVER_ADDRESS it listens on a free port of 127.0.0.1. wrapper is a
    command that becomes the program, pass_fds what it inherits."""

    def __init__(self, *flags, wrapper=(), pass_fds=(), **options):
        options.setdefault("SERVER_ADDRESS", "127.0.0.1:0")
        self.host = "127.0.0.1"  # where tests connect to
        self.tls = None     # with which ssl.SSLContext
        self.lines = []     # of the log, as text
        self._changed = threading.Condition()
        self._ended = False  # the log
        self._stopped = False
        # pylint: disable-next=consider-using-with
        self._stdout = tempfile.TemporaryFile()
        # pylint: disable-next=consider-using-with
        self.process = subprocess.Popen(
            [*wrapper, BINARY, *flags], env=environment(options),
            stdin=subprocess.DEVNULL, stdout=self._stdout,
            stderr=subprocess.PIPE, pass_fds=pass_fds)
        self._thread = threading.Thread(target=self._read_log, daemon=True)
        self._thread.start()
        try:
            listening = self.wait_log("listening")
        except AssertionError:
            self.kill()
            raise
        address = listening.get("address")
        if address.startswith("unix:"):
            self.port = address.removeprefix("unix:")
            return
        self.port = int(listening.get("port"))
        if address not in ("localhost", '""', '"handed over"'):
            self.host = address

    # ---- its log ----------------------------------------------------------

    def _read_log(self):
        for line in self.process.stderr:
            with self._changed:
                self.lines.append(line.decode("utf-8", "replace")
                                  .removesuffix("\n"))
                self._changed.notify_all()
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def log(self, message):
        """The lines so far that have a message."""
        with self._changed:
            parsed = [log_line(text) for text in self.lines]
        return [line for line in parsed if line.message == message]

    def wait_log(self, message, count=1, **fields):
        """Waits for a message with these fields to be logged so many times
        and returns the last of the lines."""
        def find():
            found = [line for text in self.lines
                     if (line := log_line(text)).message == message and
                     fields.items() <= line.fields.items()]
            return found[count - 1] if len(found) >= count else None

        with self._changed:
            self._changed.wait_for(lambda: find() or self._ended, GUARD_S)
            line = find()
        assert line, f"no {message} {fields} in the log: {self.lines}"
        return line

    def access(self, response):
        """The access line of a response."""
        return self.wait_log("request", id=response.header("X-Request-Id"))

    # ---- asking it --------------------------------------------------------

    def connect(self):
        return Connection(self.port, self.host, self.tls)

    def ask(self, method, path, body=None, headers=(), version="1.1"):
        """A request on a connection of its own, with the whole answer."""
        with self.connect() as connection:
            connection.send(method, path, body, headers, version)
            response = connection.response(method)
            response.read()
        return response

    def get(self, path, headers=()):
        return self.ask("GET", path, headers=headers)

    def chat(self, content="Hi", headers=(), **fields):
        """A chat that is answered in one piece."""
        return self.ask("POST", "/v1/chat/completions",
                        chat_body(content, **fields), headers)

    def post(self, body, headers=()):
        """A chat with a body as it is."""
        return self.ask("POST", "/v1/chat/completions", body, headers)

    def open_stream(self, content="Hi", headers=(), **fields):
        """A streaming chat with only its head read; the caller closes
        response.connection."""
        connection = self.connect()
        connection.send("POST", "/v1/chat/completions",
                        chat_body(content, stream=True, **fields), headers)
        return connection.response()

    def stream(self, content="Hi", headers=(), **fields):
        """A whole stream: the response and its payloads, [DONE] included."""
        response = self.open_stream(content, headers, **fields)
        with response.connection:
            assert response.status == 200, response.read()
            payloads = response.events().rest()
        return response, payloads

    # ---- its end ----------------------------------------------------------

    def signal(self, number=signal.SIGTERM):
        self.process.send_signal(number)

    def wait(self):
        """Waits for the exit status, when the log is whole too."""
        status = self.process.wait(GUARD_S)
        self._thread.join(GUARD_S)
        self.process.stderr.close()
        self._stopped = True
        self._stdout.seek(0)
        printed = self._stdout.read()
        self._stdout.close()
        assert printed == b"", "standard output is not for the log"
        return status

    def stop(self):
        """Ends it like an operator and checks that it went well."""
        if self._stopped:
            return
        self.signal()
        try:
            status = self.wait()
        except subprocess.TimeoutExpired:
            self.kill()
            raise
        self.check(status)

    def check(self, status, errors=0):
        """The exit status is 0, and nothing but the log was written: no
        sanitizer has spoken. errors: how many are to be logged."""
        text = "\n".join(self.lines)
        for line in self.lines:
            assert line.startswith("{") or LOG_LINE.fullmatch(line), \
                f"beside the log:\n{text}"
        assert status == 0, f"exit status {status}:\n{text}"
        logged = [line for line in self.lines if log_line(line).level ==
                  "ERROR"]
        assert len(logged) == errors, logged

    def kill(self):
        if not self._stopped:
            self.process.kill()
            self.wait()
