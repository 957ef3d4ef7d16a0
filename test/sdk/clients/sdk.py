# SPDX-License-Identifier: AGPL-3.0-or-later
"""The official clients. Each runs in a process of its own (sdk_python.py,
sdk_node.mjs) that reads calls as lines of JSON and writes what comes of them
in one form for all clients, with the number of the call in each line:

    {"chunk": {...}}                         of a stream, as it comes
    {"result": {...}, "request_id": "..."}   the end of a call that went well
    {"error": {...}}                         the end of one that raised
"""
import json
import queue
import subprocess
import threading

from clients import installed
from support import GUARD_S
from support.program import environment

# client: the kinds of it that are tested
KINDS = {"python": ["python", "python-async"], "node": ["node"]}

MODEL = "Meta-Llama-3-3-70B-Instruct"


class Error:
    """What a client raised: the names of its class and of those above it,
    its text, and the attributes that the clients document."""

    def __init__(self, fields):
        self.name = fields["classes"][0]
        self.classes = fields["classes"]
        self.text = fields["text"]
        self.status = fields["status"]
        self.code = fields["code"]
        self.param = fields["param"]
        self.type = fields["type"]
        self.request_id = fields["request_id"]
        self.headers = fields["headers"]

    def __repr__(self):
        return f"{self.name}: {self.text}"


class Call:
    """A call that runs in the client's process."""

    def __init__(self, answers):
        self._answers = answers
        self.chunks = []
        self.result = None
        self.request_id = None
        self.error = None

    def _next(self):
        """Takes the next answer; whether it was the last."""
        try:
            answer = self._answers.get(timeout=GUARD_S)
        except queue.Empty:
            raise AssertionError("the client does not answer") from None
        assert answer is not None, "the client's process has ended"
        if "chunk" in answer:
            self.chunks.append(answer["chunk"])
            return False
        if "error" in answer:
            self.error = Error(answer["error"])
        else:
            self.result = answer["result"]
            self.request_id = answer["request_id"]
        return True

    def next_chunk(self):
        """Waits for the next chunk of a stream."""
        assert not self._next(), f"no chunk but {self.error}"
        return self.chunks[-1]

    def wait(self):
        """Waits for the end."""
        while not self._next():
            pass
        return self

    # ---- what came of it --------------------------------------------------

    def ok(self):
        """Itself, if it went well."""
        assert self.error is None, self.error
        return self

    def failed(self, *classes):
        """The error, which is of one of these classes themselves."""
        assert self.error is not None, "it did not fail"
        assert self.error.name in classes, (self.error, self.error.classes)
        return self.error

    def payloads(self):
        """The stream as events, for the system tests' checks. The clients
        keep [DONE] for themselves."""
        return [*map(json.dumps, self.chunks), "[DONE]"]

    def text(self):
        """The text of the stream."""
        return "".join(chunk["choices"][0]["delta"].get("content") or ""
                       for chunk in self.chunks if chunk["choices"])


class Sdk:
    """A client's process. kind is one of KINDS' values."""

    def __init__(self, kind):
        self.name, _, variant = kind.partition("-")
        installed.check(self.name)
        self._variant = variant
        command = {
            "python": [installed.PYTHON, installed.HERE / "sdk_python.py"],
            "node": ["node", installed.HERE / "sdk_node.mjs",
                     installed.NODE_PACKAGE],
        }[self.name]
        # pylint: disable-next=consider-using-with
        self._process = subprocess.Popen(
            command, env=environment({}), stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, encoding="utf-8")
        self._calls = []  # by number: the answers to each
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self):
        for line in self._process.stdout:
            answer = json.loads(line)
            self._calls[answer["number"]].put(answer)
        for answers in self._calls:
            answers.put(None)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._process.stdin.close()
        try:
            status = self._process.wait(GUARD_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            status = self._process.wait()
        self._thread.join(GUARD_S)
        self._process.stdout.close()
        assert status == 0, f"the client's process ended with {status}"

    # ---- calls ------------------------------------------------------------

    def begin(self, server, method, *positional, leave_after=None,
              named=None, **options):
        """Starts a call of a method such as "models.list" of a client that
        is made for it. server is a program or a base URL. Options are those
        of the client: api_key, max_retries, timeout (seconds), headers, and
        strict, whether answers are held against its own types, where it can
        do that. With leave_after a stream is left after so many chunks."""
        base = (server if isinstance(server, str) else
                f"http://{server.host}:{server.port}/v1")
        answers = queue.Queue()
        self._calls.append(answers)
        job = {"number": len(self._calls) - 1, "variant": self._variant,
               "method": method, "positional": positional,
               "named": named or {}, "leave_after": leave_after,
               "client": {"base_url": base, "api_key": "none",
                          "max_retries": 0, "timeout": GUARD_S,
                          "headers": {}, "strict": True, **options}}
        self._process.stdin.write(json.dumps(job) + "\n")
        self._process.stdin.flush()
        return Call(answers)

    def call(self, server, method, *positional, **options):
        """The same to its end."""
        return self.begin(server, method, *positional, **options).wait()

    def begin_chat(self, server, content="Hi", leave_after=None, options=None,
                   **fields):
        """Starts a chat with one message; fields are the request's, options
        the client's."""
        named = {"model": MODEL,
                 "messages": [{"role": "user", "content": content}], **fields}
        return self.begin(server, "chat.completions.create", named=named,
                          leave_after=leave_after, **options or {})

    def chat(self, server, content="Hi", **fields):
        """A whole chat."""
        return self.begin_chat(server, content, **fields).wait()

    def stream(self, server, content="Hi", **fields):
        """A whole stream."""
        return self.begin_chat(server, content, stream=True, **fields).wait()
