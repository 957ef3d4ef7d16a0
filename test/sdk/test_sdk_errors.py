# SPDX-License-Identifier: AGPL-3.0-or-later
"""Each error arrives as the official clients' own exception, with its
message, code, param and request id, and is tried again as it should be."""
import threading
import time

import pytest

from clients.sdk import MODEL
from support import GUARD_S
from support import datastream as ds
from support import uistream as ui
from support.client import chat_body
from support.endless import Endless
from support.keys import bearer, key_file, key_of
from support.upstream import unused_port

AUDIO = {"role": "user", "content": [
    {"type": "text", "text": "What is this?"},
    {"type": "input_audio", "input_audio": {"data": "AA==", "format": "wav"}}]}


def check(error, status, code, param=None):
    """The attributes of an error that came with an HTTP status."""
    assert error.status == status, error
    assert (error.code, error.param) == (code, param), error
    assert error.type
    assert error.text
    assert error.request_id
    assert error.headers["x-request-id"] == error.request_id


def check_logged(program, error):
    line = program.wait_log("request", id=error.request_id)
    assert line.get("status") == str(error.status)


# ---- the client's fault ---------------------------------------------------

BAD = {
    "temperature": ({"temperature": 3}, "invalid_value", "temperature"),
    "no messages": ({"messages": []}, "invalid_value", "messages"),
    "type": ({"top_p": "high"}, "invalid_type", "top_p"),
    "role": ({"messages": [{"role": "judge", "content": "x"}]},
             "unsupported_value", "messages[0].role"),
    "audio": ({"messages": [AUDIO]}, "unsupported_content",
              "messages[0].content[1].type"),
    "n": ({"n": 2}, "unsupported_value", "n"),
    "JSON": ({"response_format": {"type": "json_object"}},
             "unsupported_value", "response_format"),
}


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("name", BAD)
def test_bad_request(sdk, program, upstream, name, stream):
    fields, code, param = BAD[name]
    error = sdk.chat(program, stream=stream, **fields).failed(
        "BadRequestError")
    check(error, 400, code, param)
    check_logged(program, error)
    assert upstream.count("chat") == 0


def test_wrong_key(sdk, start, upstream):
    program = start(BEARER_TOKEN="right")
    wrong = {"options": {"api_key": "wrong"}}
    for error in (sdk.chat(program, **wrong).failed("AuthenticationError"),
                  sdk.stream(program, **wrong).failed("AuthenticationError"),
                  sdk.call(program, "models.list", api_key="wrong").failed(
                      "AuthenticationError")):
        check(error, 401, "invalid_api_key")
        assert "Incorrect API key" in error.text
    assert upstream.requests == []
    sdk.chat(program, options={"api_key": "right"}).ok()


def test_expired_key(sdk, start, tmp_path):
    program = start(API_KEYS_FILE=key_file(tmp_path,
                                           old="expires=2020-01-01"))
    error = sdk.chat(program, options={"api_key": key_of("old")}).failed(
        "AuthenticationError")
    check(error, 401, "expired_api_key")


def test_model_that_a_key_may_not_use(sdk, start, tmp_path):
    program = start(API_KEYS_FILE=key_file(tmp_path, few="models=Qwen*"))
    error = sdk.chat(program, options={"api_key": key_of("few")}).failed(
        "NotFoundError")
    check(error, 404, "model_not_found", "model")


def test_refused_page(sdk, program, upstream):
    foreign = {"options": {"headers": {"Origin": "http://evil.test"}}}
    for error in (sdk.chat(program, **foreign).failed("PermissionDeniedError"),
                  sdk.stream(program, **foreign).failed(
                      "PermissionDeniedError")):
        check(error, 403, "origin_not_allowed")
        assert "CORS_ALLOW_ORIGINS" in error.text
    assert upstream.count("chat") == 0


@pytest.mark.parametrize("stream", [False, True])
def test_unknown_model(sdk, program, stream):
    sdk.call(program, "models.list").ok()
    error = sdk.chat(program, model="gpt-0", stream=stream).failed(
        "NotFoundError")
    check(error, 404, "model_not_found", "model")
    assert "gpt-0" in error.text


def test_retrieving_an_unknown_model(sdk, program):
    error = sdk.call(program, "models.retrieve", "some/model").failed(
        "NotFoundError")
    check(error, 404, "model_not_found", "model")
    assert "some/model" in error.text


def test_unknown_url(sdk, program):
    named = {"model": MODEL, "input": "x"}
    error = sdk.call(program, "embeddings.create", named=named).failed(
        "NotFoundError")
    check(error, 404, "unknown_url")


@pytest.mark.parametrize("size", [5_000, 500_000, 5_000_000])
def test_body_too_large(sdk, start, upstream, size):
    """The answer arrives although the client is still sending."""
    program = start(MAX_BODY_SIZE="4096")
    call = sdk.chat(program, "x" * size)
    # Neither client has a class for 413.
    error = call.failed("APIStatusError", "APIError")
    check(error, 413, "request_too_large")
    assert program.wait_log("request refused", id=error.request_id)
    assert "MAX_BODY_SIZE" in error.text
    assert upstream.count("chat") == 0


# ---- the upstream's fault -------------------------------------------------

WORDS = {
    "rate": ("Rate limit exceeded, try again later.", 429, "RateLimitError",
             "rate_limit_exceeded", None),
    "context": ("This model's maximum context length is 8192 tokens.", 400,
                "BadRequestError", "context_length_exceeded", None),
    "model": ("The model `x` does not exist.", 404, "NotFoundError",
              "model_not_found", "model"),
    "key": ("Incorrect API key provided.", 502, "InternalServerError",
            "upstream_error", None),
    "other": ("Something broke.", 502, "InternalServerError",
              "upstream_error", None),
}


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("name", WORDS)
def test_error_line_of_the_upstream(sdk, program, upstream, protocol, name,
                                    stream):
    """The site says 200 and fails within; the client gets a status."""
    words, status, expected, code, param = WORDS[name]
    upstream.on_chat = protocol.send_lines(
        protocol.START, protocol.error(words))
    error = sdk.chat(program, stream=stream).failed(expected)
    check(error, status, code, param)
    assert words in error.text
    check_logged(program, error)
    if status == 429:
        assert int(error.headers["retry-after"]) > 0


ANSWERS = {
    "500": (ds.reply(500), 502, "upstream_error"),
    "cut before any text": (ds.cut_after(ds.START), 502, "upstream_error"),
    "no answer": (lambda exchange: exchange.reset(), 502, "upstream_error"),
    "web page": (ds.reply(403, b"<html>Are you human?</html>", "text/html"),
                 502, "upstream_challenge"),
    "no data stream": (ds.send_lines(b"hello\n"), 502, "upstream_error"),
}


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("name", ANSWERS)
def test_broken_upstream(sdk, program, upstream, name, stream):
    upstream.on_chat, status, code = ANSWERS[name]
    error = sdk.chat(program, stream=stream).failed("InternalServerError")
    check(error, status, code)
    check_logged(program, error)


# The same in either protocol.
BREAKS = {
    "nothing": lambda p: p.send_lines(),
    "end behind the start": lambda p: p.send_lines(p.START),
    "cut behind the start": lambda p: p.cut_after(p.START),
    "finish is an error": lambda p: p.send_lines(p.START, *p.ends("error")),
    "no word and no reason": lambda p: p.answer(reason="unknown"),
    "text behind an error": lambda p: p.send_lines(
        p.START, p.error("Oh no"), p.text("Hello"), *p.ends()),
}


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("name", BREAKS)
def test_answer_that_breaks_before_it_begins(sdk, program, upstream, protocol,
                                             name, stream):
    upstream.on_chat = BREAKS[name](protocol)
    error = sdk.chat(program, stream=stream).failed("InternalServerError")
    check(error, 502, "upstream_error")


@pytest.mark.parametrize("stream", [False, True])
def test_answer_that_is_aborted_before_it_begins(sdk, program, upstream,
                                                 stream):
    upstream.on_chat = ui.send_lines(
        ui.START, ui.part("abort", reason="No more"), ui.DONE)
    error = sdk.chat(program, stream=stream).failed("InternalServerError")
    check(error, 502, "upstream_error")
    assert "No more" in error.text


def test_session_that_is_refused(sdk, program, upstream):
    upstream.on_session = ds.reply(500)
    error = sdk.chat(program).failed("InternalServerError")
    check(error, 502, "upstream_session_error")


def test_upstream_that_is_not_there(sdk, launch):
    with unused_port() as port:
        program = launch(
            AKASH_BASE_URL=f"http://127.0.0.1:{port.getsockname()[1]}")
        error = sdk.chat(program).failed("InternalServerError")
    check(error, 502, "upstream_unreachable")


@pytest.mark.parametrize("stream", [False, True])
def test_upstream_that_stays_silent(sdk, start, upstream, protocol, stream):
    upstream.on_chat = Endless(protocol, protocol.START)
    program = start(FIRST_EVENT_TIMEOUT="1")
    error = sdk.chat(program, stream=stream).failed("InternalServerError")
    check(error, 504, "upstream_first_event_timeout")
    upstream.on_chat.check_gone()


# ---- no HTTP answer at all ------------------------------------------------

def test_nobody_listens(sdk):
    with unused_port() as port:
        url = f"http://127.0.0.1:{port.getsockname()[1]}/v1"
        error = sdk.chat(url).failed("APIConnectionError")
    assert error.status is None


def test_client_that_loses_patience(sdk, program, upstream):
    """Its own exception, and the chat ends at the upstream too."""
    gone = threading.Event()

    def handle(exchange):
        exchange.wait_gone()
        gone.set()

    sdk.call(program, "models.list").ok()  # there is a session now
    upstream.on_chat = handle
    error = sdk.chat(program, options={"timeout": 1}).failed(
        "APITimeoutError", "APIConnectionTimeoutError")
    assert "APIConnectionError" in error.classes
    assert upstream.wait_for("chat", 1)
    assert gone.wait(GUARD_S)
    assert program.wait_log("request", end="client_gone")


# ---- trying again ---------------------------------------------------------

class Tries:
    """A handler that fails so many times before it answers, and when it was
    asked."""

    def __init__(self, failures, failing):
        self._failures = failures
        self._failing = failing
        self.times = []

    def __call__(self, exchange):
        self.times.append(time.monotonic())
        if len(self.times) <= self._failures:
            self._failing(exchange)
        else:
            ds.answer("At last")(exchange)


LIMITED = ds.reply(429, headers=[("Retry-After", "1")])


def test_retry_after_is_obeyed(sdk, program, upstream):
    upstream.on_chat = tries = Tries(1, LIMITED)
    call = sdk.chat(program, options={"max_retries": 1}).ok()
    assert call.result["choices"][0]["message"]["content"] == "At last"
    first, second = tries.times
    # Without the header it would be half a second at most.
    assert second - first >= 0.95


@pytest.mark.parametrize("retries", [0, 1])
def test_number_of_retries_is_respected(sdk, program, upstream, retries):
    upstream.on_chat = Tries(9, LIMITED)
    error = sdk.chat(program, options={"max_retries": retries}).failed(
        "RateLimitError")
    check(error, 429, "rate_limit_exceeded")
    assert error.headers["retry-after"] == "1"
    assert upstream.count("chat") == 1 + retries


def test_key_that_has_used_up_its_requests(sdk, start, tmp_path):
    program = start(API_KEYS_FILE=key_file(tmp_path, slow="rpm=1"))
    options = {"api_key": key_of("slow")}
    sdk.chat(program, options=options).ok()
    error = sdk.chat(program, options=options).failed("RateLimitError")
    check(error, 429, "rate_limit_exceeded")
    assert 0 < int(error.headers["retry-after"]) <= 60
    assert error.headers["x-ratelimit-remaining-requests"] == "0"


def test_busy_key_is_tried_again(sdk, start, upstream, tmp_path):
    program = start(API_KEYS_FILE=key_file(tmp_path, one="concurrent=1"))
    go_on = threading.Event()
    upstream.on_chat = ds.hold(go_on, ds.answer("x"))
    with program.connect() as connection:
        connection.send("POST", "/v1/chat/completions", chat_body(),
                        bearer("one"))
        assert upstream.wait_for("chat", 1)
        threading.Thread(target=lambda: (
            program.wait_log("request", status="429"), go_on.set())).start()
        sdk.chat(program, options={"api_key": key_of("one"),
                                   "max_retries": 2}).ok()
        assert connection.response().status == 200
    assert program.log("request")[0].get("status") == "429"


def test_failed_upstream_is_tried_again(sdk, program, upstream):
    upstream.on_chat = Tries(1, ds.reply(500))
    sdk.stream(program, options={"max_retries": 1}).ok()
    assert upstream.count("chat") == 2


def test_what_stays_broken_is_not_tried_again(sdk, program, upstream):
    """A web page in front of the site: x-should-retry says no."""
    upstream.on_chat = ANSWERS["web page"][0]
    error = sdk.chat(program, options={"max_retries": 2}).failed(
        "InternalServerError")
    check(error, 502, "upstream_challenge")
    assert error.headers["x-should-retry"] == "false"
    assert upstream.count("chat") == 1


def test_requests_that_are_wrong_are_not_tried_again(sdk, program, upstream):
    sdk.chat(program, temperature=3, options={"max_retries": 2}).failed(
        "BadRequestError")
    assert upstream.count("chat") == 0
    program.wait_log("request")
    assert len(program.log("request")) == 1


# ---- what the clients check -----------------------------------------------

def test_python_client_is_strict(sdk, upstream):
    """An answer without "choices", from the upstream itself, does not pass
    its types. The client for Node checks none."""
    upstream.on_other = ds.reply_json(200, {
        "id": "x", "object": "chat.completion", "created": 1, "model": "x"})
    call = sdk.chat(f"{upstream.url}/v1")
    if sdk.name == "python":
        call.failed("APIResponseValidationError")
    else:
        call.ok()
