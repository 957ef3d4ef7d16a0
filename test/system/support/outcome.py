# SPDX-License-Identifier: AGPL-3.0-or-later
"""What becomes of a request, in a few words."""
import json

from support.shape import check_error_body


def describe(response):
    """An answer in a few words: its status, an error's code, and how it
    ended."""
    try:
        data = b"".join(response.pieces())
    except ConnectionError:
        return f"{response.status} broken"
    if not response.complete:
        return f"{response.status} broken"
    return f"{response.status} {_describe_body(response, data)}".strip()


def _describe_body(response, data):
    kind = response.header("Content-Type")
    if kind.startswith("text/event-stream"):
        last = data.decode().rstrip("\n").rpartition("\n\n")[2]
        last = last.removeprefix("data: ")
        if last == "[DONE]":
            return ""
        return f"then {check_error_body(json.loads(last))['code']}"
    if kind == "application/json":
        value = json.loads(data)
        return check_error_body(value)["code"] if "error" in value else ""
    return "" if data else "empty"
