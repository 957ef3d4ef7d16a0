# SPDX-License-Identifier: AGPL-3.0-or-later
"""The log: an access line for each request, nobody's secrets, no forgeries."""
import itertools
import threading

import pytest

from support import datastream as ds
from support.client import chat_body
from support.program import LogLine

KEY = "sk-key-K7f3"


def fields_of(program, response):
    """An access line's fields; the id and the times are checked here."""
    fields = dict(program.access(response).fields)
    assert fields.pop("id") == response.header("X-Request-Id")
    assert int(fields.pop("duration_ms")) >= int(fields.pop("ttfb_ms")) >= 0
    return fields


def test_access_line_of_a_chat(program, upstream):
    upstream.on_chat = ds.answer("x", prompt=11, completion=7)
    expected = {"method": "POST", "path": "/v1/chat/completions",
                "route": "chat", "status": "200", "client": "127.0.0.1",
                "model": "Meta-Llama-3-3-70B-Instruct",
                "prompt_tokens": "11", "completion_tokens": "7",
                "end": "done"}
    assert fields_of(program, program.chat()) == expected
    assert fields_of(program, program.stream()[0]) == expected


@pytest.mark.parametrize("method, path, route, status, end", [
    ("GET", "/v1/models", "models", "200", "done"),
    ("GET", "/v1/models/openai/gpt-oss-120b", "model", "200", "done"),
    ("GET", "/v1/models/nothing", "model", "404", "refused"),
    ("GET", "/health", "health", "200", "done"),
    ("HEAD", "/health", "health", "200", "done"),
    ("GET", "/", "root", "200", "done"),
    ("GET", "/nothing", "unknown", "404", "refused"),
    ("DELETE", "/v1/models", "models", "405", "refused"),
    ("POST", "/v1/chat/completions", "chat", "400", "refused"),
])
def test_access_line_of_other_requests(program, method, path, route, status,
                                       end):
    response = program.ask(method, path)
    assert fields_of(program, response) == {
        "method": method, "path": path, "route": route, "status": status,
        "client": "127.0.0.1", "end": end}


def test_access_line_of_a_failure_of_the_upstream(program, upstream):
    upstream.on_chat = ds.reply(500)
    response = program.chat()
    fields = fields_of(program, response)
    assert (fields["status"], fields["end"]) == ("502", "upstream_error")
    warning = program.wait_log("request failed",
                               id=response.header("X-Request-Id"))
    assert warning.level == "WARN"
    assert warning.get("code") == "upstream_error"
    assert "HTTP 500" in warning.get("reason")


def test_each_request_has_one_access_line(program, upstream):
    upstream.on_models = ds.reply(500)
    asked = [program.chat(), program.stream()[0], program.get("/v1/models"),
             program.get("/nothing"), program.post(b"{")]
    program.get("/health", [("X-Request-Id", "last")])
    program.wait_log("request", id="last")
    ids = [line.get("id") for line in program.log("request")]
    assert ids == [one.header("X-Request-Id") for one in asked] + ["last"]


def test_times_are_those_of_the_first_byte_and_the_end(program, upstream):
    """The answer takes the time that the test takes, a little at least."""
    go_on = threading.Event()

    def slow(exchange):
        exchange.start()
        exchange.send_chunk(ds.START + ds.text("one"))
        exchange.wait(go_on)
        exchange.send_chunk(b"".join(ds.ends()))
        exchange.end()

    upstream.on_chat = slow
    response = program.open_stream()
    with response.connection:
        events = response.events()
        events.next_delta()
        for _ in range(50):
            program.get("/health")
        go_on.set()
        events.rest()
    line = program.access(response)
    assert int(line.get("ttfb_ms")) < int(line.get("duration_ms"))


@pytest.mark.parametrize("level, levels", [("info", {"INFO"}),
                                           ("debug", {"INFO", "DEBUG"})])
def test_log_level_is_heeded(start, upstream, level, levels):
    """That a pooled connection had died is of interest at debug alone."""
    program = start(LOG_LEVEL=level)
    answer = upstream.on_chat
    used = set()
    was_cut = threading.Event()

    def cut_a_used_one(exchange):
        if exchange.request.connection in used:
            was_cut.set()
            exchange.cut()
        else:
            used.add(exchange.request.connection)
            answer(exchange)

    upstream.on_chat = cut_a_used_one
    while not was_cut.is_set():
        assert program.chat().status == 200
    program.stop()
    assert {LogLine(text).level for text in program.lines} == levels


class Secrets:
    """Words that may never be logged, each of them its own."""

    def __init__(self):
        self.words = []
        self._numbers = itertools.count()

    def new(self, what):
        self.words.append(f"S3cr3t-{what}-{next(self._numbers)}")
        return self.words[-1]

    def check(self, program, upstream):
        log = "\n".join(program.lines)
        assert "listening" in log
        for word in [*self.words, KEY, *upstream.tokens()]:
            assert word not in log


def ask_everything(program, upstream, secrets):
    """A whole run: every kind of request and of ending, with a secret in
    whatever place there is for one."""
    def chat(**fields):
        messages = [{"role": role, "content": secrets.new(role)}
                    for role in ("system", "developer", "user", "assistant")]
        messages.append({"role": "user", "content": [
            {"type": "text", "text": secrets.new("part")}]})
        headers = [("Authorization", f"Bearer {KEY}"),
                   ("Cookie", f"sid={secrets.new('cookie')}"),
                   ("X-Request-Id", f"no id: {secrets.new('id')}")]
        body = {**chat_body(), "messages": messages,
                "user": secrets.new("name"), **fields}
        path = f"/v1/chat/completions?key={secrets.new('query')}"
        return program.ask("POST", path, body, headers)

    upstream.on_chat = lambda exchange: ds.answer(
        secrets.new("answer"), secrets.new("answer"))(exchange)
    assert chat().status == 200
    assert chat(stream=True).status == 200
    upstream.flush_sessions()
    assert chat().status == 200
    for broken in ([ds.error("Rate limit")], [ds.START, ds.text("x")],
                   [ds.text("x"), ds.error("terminated")],
                   [b"nonsense " + secrets.new("line").encode() + b"\n"]):
        upstream.on_chat = ds.send_lines(*broken)
        chat()
        chat(stream=True)
    upstream.on_chat = ds.reply(403, secrets.new("page").encode(),
                                "text/html")
    assert chat().status == 502
    upstream.on_chat = lambda exchange: exchange.reset()
    assert chat().status == 502
    upstream.flush_sessions()
    upstream.on_session = ds.reply_json(403, {"error": "Access token"})
    assert chat().status == 502
    for field in ({"temperature": "hot"}, {"messages": [secrets.new("m")]},
                  {"model": 1}, {"stream": secrets.new("stream")}):
        assert chat(**field).status == 400
    key = [("Authorization", f"Bearer {KEY}")]
    assert program.post(secrets.new("body").encode(), key).status == 400
    for name in ("x-api-key", "api-key"):
        header = [(name, secrets.new("wrong"))]
        assert program.post(b"{}", header).status == 401
    program.ask("GET", "/v1/models?api_key=" + secrets.new("query"),
                headers=key)


def test_no_secret_and_no_text_is_logged_in_a_whole_run(start, upstream):
    secrets = Secrets()
    program = start(LOG_LEVEL="debug", BEARER_TOKEN=KEY,
                    SYSTEM_PROMPT=secrets.new("prompt"),
                    AKASH_ACCESS_TOKEN=secrets.new("access"),
                    UPSTREAM_COOKIES="cf=" + secrets.new("cookie"))
    ask_everything(program, upstream, secrets)
    program.stop()
    assert len(program.log("request")) > 20
    assert len(upstream.tokens()) == 2
    secrets.check(program, upstream)


def test_secrets_do_not_go_upstream_in_a_whole_run(start, upstream):
    """Of the client's words only the messages do."""
    secrets = Secrets()
    program = start(BEARER_TOKEN=KEY)
    ask_everything(program, upstream, secrets)
    sent = b"".join(request.raw() for request in upstream.requests)
    assert b"S3cr3t-user-" in sent and b"S3cr3t-part-" in sent
    for word in secrets.words:
        kind = word.split("-")[1]
        if kind in ("cookie", "id", "query", "wrong", "name"):
            assert word.encode() not in sent


@pytest.mark.parametrize("words", ["Invalid prompt: {}", "Too long: {}",
                                   "Bad request: {}", "{}"])
def test_error_that_repeats_a_message_is_not_logged(start, upstream, words):
    """The site's "Invalid prompt" does so, and a model's server may."""
    secrets = Secrets()
    program = start(LOG_LEVEL="debug")
    secret = secrets.new("echo")
    complaint = ds.error(words.format(secret))
    for lines in ([complaint], [ds.text("x"), complaint]):
        upstream.on_chat = ds.send_lines(*lines)
        program.chat(secret)
        program.chat(secret, stream=True)
    program.stop()
    secrets.check(program, upstream)


FORGED = "2026-01-01T00:00:00.000Z INFO listening address=evil port=1"


def check_lines(program):
    """Every line is one of the log's own, in plain ASCII."""
    for text in list(program.lines):
        assert all(" " <= char <= "~" for char in text), text
        assert len(text) < 2048
        LogLine(text)
    assert len(program.log("listening")) == 1


@pytest.mark.parametrize("path", [
    "/x\x1b[31mred", "/x\x7f", "/é\xff\x80", '/"quoted"', "/a=b", "/a\\b",
    "/ blank", "/x\ty", "/" + "x" * 20_000, "/" + "\x01" * 5000,
    "/" + '"' * 5000, "/x\n" + FORGED, "/x\r\n\r\n" + FORGED])
def test_path_cannot_forge_a_line(program, path):
    with program.connect() as connection:
        connection.send("GET", path)
        assert connection.response().status in (400, 404, 414)
    program.get("/health", [("X-Request-Id", "next")])
    program.wait_log("request", id="next")
    check_lines(program)


@pytest.mark.parametrize("header", ["X-Request-Id", "User-Agent", "Host",
                                    "Authorization", "Referer"])
@pytest.mark.parametrize("value", [FORGED, "\x1b[31m", "a\tb", "é\xff",
                                   'q" end=done x="', "x\r\n " + FORGED])
def test_header_cannot_forge_a_line(program, header, value):
    with program.connect() as connection:
        connection.send("GET", "/health", headers=[(header, value)])
        assert connection.response().status in (200, 400)
    program.get("/health", [("X-Request-Id", "next")])
    program.wait_log("request", id="next")
    check_lines(program)


@pytest.mark.parametrize("model", [
    f"x\n{FORGED}", "x\r\n", "\x1b[31m", 'q" end=done', "Ω\u2028😀", "a=b",
    "\\n", "x" * 10_000])
def test_model_cannot_forge_a_line(start, model):
    program = start(UNKNOWN_MODELS="pass")
    response = program.chat(model=model)
    # All of the line is there, however long the model's name.
    assert program.access(response).get("end") == "done"
    check_lines(program)


def test_upstream_cannot_forge_a_line(program, upstream):
    upstream.on_chat = ds.send_lines(
        ds.error(f"x\n{FORGED}\r\n\x1b[31m\" end=done"))
    response = program.chat()
    program.access(response)
    upstream.on_chat = ds.reply(308, headers=[
        ("location", f"/x\x1b{FORGED}")])
    program.access(program.chat())
    check_lines(program)
