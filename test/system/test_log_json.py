# SPDX-License-Identifier: AGPL-3.0-or-later
"""LOG_FORMAT=json: an object a line, of everything that is logged in a whole
run."""
import json

import pytest

from support import datastream as ds
from support.program import JsonLogLine
from test_log import KEY, Secrets, ask_everything

NUMBERS = {"port", "status", "ttfb_ms", "duration_ms", "prompt_tokens",
           "completion_tokens", "max_age_s", "pause_ms", "delay_s", "timeout_s",
           "waiting", "count", "fd", "state"}


def objects(program):
    """The lines as a JSON parser reads them; each is plain ASCII."""
    for text in program.lines:
        assert text.isascii() and text.isprintable(), text
    return [json.loads(text) for text in program.lines]


def test_every_line_of_a_whole_run_is_an_object(start, upstream):
    secrets = Secrets()
    program = start(LOG_FORMAT="json", LOG_LEVEL="debug", BEARER_TOKEN=KEY,
                    SYSTEM_PROMPT=secrets.new("prompt"))
    ask_everything(program, upstream, secrets)
    program.stop()
    lines = objects(program)
    assert len(lines) > 40
    messages = {line["msg"] for line in lines}
    assert {"listening", "request", "request failed", "session obtained",
            "draining"} <= messages
    for line in lines:
        assert list(line)[:3] == ["ts", "level", "msg"]
        assert line["level"] in ("error", "warn", "info", "debug")
        for key, value in line.items():
            assert isinstance(value, int if key in NUMBERS else str), line
    secrets.check(program, upstream)


def test_access_line_as_an_object(start, upstream):
    program = start(LOG_FORMAT="json")
    upstream.on_chat = ds.answer("x", prompt=11, completion=7)
    line = dict(program.access(response := program.chat()).object)
    assert line.pop("duration_ms") >= line.pop("ttfb_ms") >= 0
    assert line.pop("ts").endswith("Z")
    assert line == {
        "level": "info", "msg": "request", "method": "POST",
        "id": response.header("X-Request-Id"), "path": "/v1/chat/completions",
        "route": "chat", "status": 200, "client": "127.0.0.1", "end": "done",
        "model": "Meta-Llama-3-3-70B-Instruct",
        "prompt_tokens": 11, "completion_tokens": 7}


@pytest.mark.parametrize("model", [
    'x\n{"ts":"forged"}', '"}', "\x1b[31m", "Ω\u2028😀", "\\", "\\u0000",
    "x" * 10_000, "é" * 10_000, "\x01" * 10_000])
def test_model_cannot_forge_a_line(start, model):
    program = start(LOG_FORMAT="json", UNKNOWN_MODELS="pass")
    line = program.access(program.chat(model=model))
    assert line.get("end") == "done"
    # A long one is cut, perhaps within a character.
    assert model.startswith(line.object["model"].rstrip("\ufffd"))
    assert len(line.object["model"]) > 0
    program.stop()
    for text in program.lines:
        JsonLogLine(text)
    assert len(program.log("listening")) == 1
