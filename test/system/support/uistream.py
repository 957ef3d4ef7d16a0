# SPDX-License-Identifier: AGPL-3.0-or-later
"""Parts of the UI message stream, as ai 5, 6 and 7 write them, and the
handlers that send them as an answer to POST /api/chat/. What datastream.py
has too goes by the same name here, so that a test can be given either."""
import functools
import json

from support import datastream
from support.datastream import SURROGATE

HEADERS = [("content-type", "text/event-stream"),
           ("cache-control", "no-cache"),
           ("x-vercel-ai-ui-message-stream", "v1"),
           ("x-accel-buffering", "no")]

DONE = b"data: [DONE]\n\n"


def part(kind, **members):
    """One event: a part of a type with its members."""
    compact = json.dumps({"type": kind, **members}, ensure_ascii=False,
                         separators=(",", ":"))
    escaped = SURROGATE.sub(lambda found: f"\\u{ord(found.group()):04x}",
                            compact)
    return b"data: " + escaped.encode() + b"\n\n"


def block(kind, number, *texts):
    """A whole block, kind being "text" or "reasoning"."""
    return b"".join([
        part(f"{kind}-start", id=number),
        *(part(f"{kind}-delta", id=number, delta=one) for one in texts),
        part(f"{kind}-end", id=number)])


# A step begins with a block for all reasoning and one for all text, which
# overlap as blocks may.
START = b"".join([part("start", messageId="msg-6Tz8"), part("start-step"),
                  part("reasoning-start", id="reasoning-0"),
                  part("text-start", id="txt-0")])
BLOCKS_END = b"".join([part("reasoning-end", id="reasoning-0"),
                       part("text-end", id="txt-0")])


def text(value):
    return part("text-delta", id="txt-0", delta=value)


def reasoning(value):
    return part("reasoning-delta", id="reasoning-0", delta=value)


def error(message):
    return part("error", errorText=message)


def step_end():
    return BLOCKS_END + part("finish-step")


def message_end(reason="stop", prompt=None, completion=None):
    """The finish part, with usage in its metadata where a site puts it."""
    members = {} if reason is None else {"finishReason": reason}
    if prompt is not None or completion is not None:
        members["messageMetadata"] = {"totalUsage": {
            "inputTokens": prompt, "outputTokens": completion}}
    return part("finish", **members)


def ends(reason="stop", prompt=None, completion=None):
    """Everything of an answer's end."""
    return [step_end(), message_end(reason, prompt, completion), DONE]


def answer_lines(*texts, reason="stop", prompt=None, completion=None):
    """A whole answer: start, texts, ends."""
    return [START, *map(text, texts), *ends(reason, prompt, completion)]


# ---- handlers -------------------------------------------------------------

send_lines = functools.partial(datastream.send_lines, headers=HEADERS)
cut_after = functools.partial(datastream.cut_after, headers=HEADERS)


def answer(*texts, **ending):
    """A handler: a whole answer of these texts."""
    return send_lines(*answer_lines(*texts, **ending))
