# SPDX-License-Identifier: AGPL-3.0-or-later
"""Lines of the web app's data stream, as ai 4 writes them, and the handlers
that send them as an answer to POST /api/chat/."""
import json
import re
import time

SURROGATE = re.compile("[\ud800-\udfff]")

HEADERS = [("content-type", "text/plain; charset=utf-8"),
           ("x-vercel-ai-data-stream", "v1")]


def literal(text):
    """A text as JavaScript's JSON.stringify writes it; surrogates that stand
    apart in the Python string are written as escapes."""
    return SURROGATE.sub(lambda found: f"\\u{ord(found.group()):04x}",
                         json.dumps(text, ensure_ascii=False)).encode()


def line(code, value):
    """One line: a code and any JSON value."""
    if isinstance(value, str):
        return code.encode() + b":" + literal(value) + b"\n"
    compact = json.dumps(value, separators=(",", ":"))
    return code.encode() + b":" + compact.encode() + b"\n"


START = line("f", {"messageId": "msg-I8MYvifiUPWpD1EqWLDFpc1f"})


def text(value):
    return line("0", value)


def reasoning(value):
    return line("g", value)


def error(message):
    return line("3", message)


def step_end(reason="stop", prompt=None, completion=None):
    return line("e", {"finishReason": reason,
                      "usage": {"promptTokens": prompt,
                                "completionTokens": completion},
                      "isContinued": False})


def message_end(reason="stop", prompt=None, completion=None):
    return line("d", {"finishReason": reason,
                      "usage": {"promptTokens": prompt,
                                "completionTokens": completion}})


def ends(reason="stop", prompt=None, completion=None):
    """Both lines of an answer's end."""
    return [step_end(reason, prompt, completion),
            message_end(reason, prompt, completion)]


def answer_lines(*texts, reason="stop", prompt=None, completion=None):
    """A whole answer: start, texts, ends."""
    return [START, *map(text, texts), *ends(reason, prompt, completion)]


# ---- handlers -------------------------------------------------------------

def send_lines(*lines, headers=None):
    """A handler: the head, each line as a chunk of its own, the end."""
    def handle(exchange):
        exchange.start(headers=headers)
        for one in lines:
            exchange.send_chunk(one)
        exchange.end()
    return handle


def answer(*texts, **ending):
    """A handler: a whole answer of these texts."""
    return send_lines(*answer_lines(*texts, **ending))


def cut_after(*lines, headers=None):
    """A handler: these lines, then the connection is closed within the
    body."""
    def handle(exchange):
        exchange.start(headers=headers)
        for one in lines:
            exchange.send_chunk(one)
        exchange.cut()
    return handle


def reply(status, body=b"", content_type=None, headers=()):
    """A handler: one whole answer; without a type and a body it is the app's
    bare 500."""
    def handle(exchange):
        exchange.reply(status, body, content_type, headers)
    return handle


def reply_json(status, value, headers=()):
    return reply(status, json.dumps(value).encode(), "application/json",
                 headers)


def hold(event, handler):
    """A handler that waits for an event before it does what another does."""
    def handle(exchange):
        exchange.wait(event)
        handler(exchange)
    return handle


def paced(pause_s, first, *others):
    """A handler that sends a line, and the others so much later."""
    def answer(exchange):
        exchange.start()
        exchange.send_chunk(first)
        time.sleep(pause_s)  # the upstream's own pace
        for line in others:
            exchange.send_chunk(line)
        exchange.end()
    return answer
