# SPDX-License-Identifier: AGPL-3.0-or-later
"""A request that cannot be served is refused with the field at fault."""
import json

import pytest

from support.client import chat_body
from support.shape import (check_completion, check_early_error, check_error,
                           check_stream)

USER = {"role": "user", "content": "Hi"}

NOT_STRINGS = [1, 1.5, True, False, [], {}]
NOT_NUMBERS = ["1", "", True, [], {}]
NOT_BOOLEANS = ["true", 1, 0, [], {}]


def parts(*content):
    return chat_body(messages=[{"role": "user", "content": list(content)}])


def messages(*items):
    return chat_body(messages=list(items))


WRONG_TYPES = [
    *(("model", chat_body(model=value)) for value in NOT_STRINGS),
    *(("stream", chat_body(stream=value)) for value in NOT_BOOLEANS),
    *(("temperature", chat_body(temperature=value))
      for value in NOT_NUMBERS),
    *(("top_p", chat_body(top_p=value)) for value in NOT_NUMBERS),
    *(("topP", chat_body(topP=value)) for value in NOT_NUMBERS),
    *(("stream_options", chat_body(stream_options=value))
      for value in ("x", 1, True, [])),
    *(("stream_options.include_usage",
       chat_body(stream_options={"include_usage": value}))
      for value in NOT_BOOLEANS),
    *(("messages", chat_body(messages=value))
      for value in ("x", 1, True, {}, USER)),
    *(("messages[0]", messages(value, USER))
      for value in ("x", 1, True, [], None)),
    *(("messages[1].role", messages(USER, {**USER, "role": value}))
      for value in NOT_STRINGS),
    *(("messages[1].content", messages(USER, {**USER, "content": value}))
      for value in (1, True, {})),
    *(("messages[0].content[1]", parts({"type": "text", "text": "a"}, value))
      for value in ("x", 1, None, [])),
    *(("messages[0].content[0].type", parts({"type": value, "text": "a"}))
      for value in NOT_STRINGS),
    *(("messages[0].content[0].text", parts({"type": "text", "text": value}))
      for value in NOT_STRINGS),
]

MISSING = [
    ("model", {"messages": [USER]}),
    ("model", chat_body(model=None)),
    ("model", chat_body(model="")),
    ("messages", {"model": "AkashGen"}),
    ("messages", chat_body(messages=None)),
    ("messages[0].role", messages({"content": "Hi"})),
    ("messages[0].role", messages({"role": None, "content": "Hi"})),
    ("messages[0].content", messages({"role": "user"})),
    ("messages[0].content", messages({"role": "user", "content": None})),
    ("messages[0].content", messages({"role": "system", "content": None})),
    ("messages[11].content", messages(*[USER] * 11, {"role": "user"})),
    ("messages[0].content[0].type", parts({"text": "a"})),
    ("messages[0].content[0].type", parts({"type": None, "text": "a"})),
    ("messages[0].content[0].text", parts({"type": "text"})),
    ("messages[0].content[0].text", parts({"type": "text", "text": None})),
]

BAD_VALUES = [
    ("messages", messages()),
    ("temperature", chat_body(temperature=2.01)),
    ("temperature", chat_body(temperature=-0.1)),
    ("temperature", chat_body(temperature=1e300)),
    ("top_p", chat_body(top_p=1.01)),
    ("top_p", chat_body(top_p=-1)),
    ("topP", chat_body(topP=1.5)),
    ("model", chat_body(model="AkashGen\0")),
    ("model", chat_body(model="\0")),
]

NOT_JSON = {
    "empty": b"",
    "blanks": b" \r\n\t ",
    "a word": b"hello",
    "half an object": b'{"model":"AkashGen","messages":[',
    "two values": b'{} {}',
    "a comma too many": b'{"model":"AkashGen",}',
    "single quotes": b"{'model':'AkashGen'}",
    "a form": b"model=AkashGen&messages=Hi",
    "bad UTF-8": b'{"model":"Akash\xffGen","messages":[]}',
    "UTF-16": '{"model":"AkashGen"}'.encode("utf-16"),
    "a raw control character": b'{"model":"a\nb"}',
    "a NUL": b'{"model":"a"\0}',
    "a number that overflows": b'{"temperature":1e999}',
    "NaN": b'{"temperature":NaN}',
    "nested 100 deep": b'{"x":' + b"[" * 100 + b"]" * 100 + b"}",
    "nested 1000000 deep": b"[" * 1_000_000,
    "300000 values": b'{"x":[' + b"{}," * 150_000 + b"{}]}",
}

NO_OBJECT = [b"null", b"[]", b'"text"', b"1", b"true"]


@pytest.mark.parametrize("param, body", WRONG_TYPES)
def test_wrong_type_is_refused(program, upstream, param, body):
    message = check_error(program.post(body), 400, "invalid_type", param)
    assert param in message
    assert upstream.count("chat") == 0


@pytest.mark.parametrize("param, body", MISSING)
def test_missing_field_is_refused(program, upstream, param, body):
    message = check_error(program.post(body), 400,
                          "missing_required_parameter", param)
    assert param in message
    assert upstream.count("chat") == 0


@pytest.mark.parametrize("param, body", BAD_VALUES)
def test_bad_value_is_refused(program, upstream, param, body):
    check_error(program.post(body), 400, "invalid_value", param)
    assert upstream.count("chat") == 0


@pytest.mark.parametrize("role", ["root", "USER", "", "tools", "ipython",
                                  "user\0", "x" * 5000, "\x1b[31m"])
def test_unknown_role_is_refused(program, upstream, role):
    body = messages(USER, {"role": role, "content": "Hi"})
    check_error(program.post(body), 400, "unsupported_value",
                "messages[1].role")
    assert upstream.count("chat") == 0


@pytest.mark.parametrize("part", [
    {"type": "input_audio", "input_audio": {"data": "", "format": "wav"}},
    {"type": "file", "file": {"file_id": "x"}},
    {"type": "x" * 5000},
    {"type": "text\0", "text": "Hi"},
])
def test_part_that_is_no_text_is_refused(program, upstream, part):
    body = messages(USER, {"role": "user", "content": [
        {"type": "text", "text": "what is this?"}, part]})
    check_error(program.post(body), 400, "unsupported_content",
                "messages[1].content[1].type")
    assert upstream.count("chat") == 0


@pytest.mark.parametrize("name", NOT_JSON)
def test_body_that_is_not_json_is_refused(program, upstream, name):
    check_error(program.post(NOT_JSON[name]), 400, "invalid_json")
    assert upstream.count("chat") == 0


def test_body_that_is_absent_is_refused(program):
    """A POST without a body and without a length."""
    check_error(program.ask("POST", "/v1/chat/completions"), 400,
                "invalid_json")


@pytest.mark.parametrize("body", NO_OBJECT)
def test_body_that_is_no_object_is_refused(program, body):
    check_error(program.post(body), 400, "invalid_type")


def test_errors_of_a_stream_s_request_are_plain_answers(program):
    response = program.chat(stream=True, temperature="hot")
    check_error(response, 400, "invalid_type", "temperature")


@pytest.mark.parametrize("content_type", [
    "application/x-www-form-urlencoded", "text/plain", "application/json",
    "application/json; charset=utf-8", "nonsense", None])
def test_content_type_does_not_matter(program, content_type):
    """curl -d without -H sends a form's type."""
    headers = [] if content_type is None else [("Content-Type", content_type)]
    body = json.dumps(chat_body()).encode()
    check_completion(program.post(body, headers).json())


def test_body_in_chunks_is_read(program):
    body = json.dumps(chat_body()).encode()
    with program.connect() as connection:
        connection.send_raw(
            b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\n"
            b"Transfer-Encoding: chunked\r\n\r\n")
        for i in range(0, len(body), 5):
            piece = body[i:i + 5]
            connection.send_raw(b"%x\r\n%s\r\n" % (len(piece), piece))
        connection.send_raw(b"0\r\n\r\n")
        check_completion(connection.response().json())


def test_client_may_wait_for_100_continue(program):
    """curl does so with a large body."""
    body = json.dumps(chat_body()).encode()
    with program.connect() as connection:
        connection.send_raw(
            b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\n"
            b"Expect: 100-continue\r\nContent-Length: %d\r\n\r\n" % len(body))
        assert connection.response().status == 100
        connection.send_raw(body)
        check_completion(connection.response().json())


def test_byte_order_mark_in_front_is_skipped(program):
    body = b"\xef\xbb\xbf" + json.dumps(chat_body()).encode()
    check_completion(program.post(body).json())


def test_unknown_fields_pass(program):
    response = program.chat(
        top_k=40, repetition_penalty=1.1, chat_template_kwargs={"x": [1]},
        seed=1, user="ann", n=1, stop=["x"], max_tokens=500,
        max_completion_tokens=500, frequency_penalty=0, presence_penalty=0,
        logit_bias={}, logprobs=False, metadata={"a": "b"}, store=False,
        response_format={"type": "text"}, tools=[], parallel_tool_calls=True,
        service_tier="auto", reasoning_effort="low", anything={"deep": [{}]})
    check_completion(response.json())


def test_unknown_fields_of_messages_and_parts_pass(program):
    response = program.post(messages(
        {"role": "user", "name": "ann", "id": 1, "content": [
            {"type": "text", "text": "Hi", "cache_control": {"x": 1}}]}))
    check_completion(response.json())


@pytest.mark.parametrize("number", [2 ** 63, 2 ** 64 - 1, 10 ** 30, -1e300])
def test_any_number_passes_in_an_unknown_field(program, number):
    check_completion(program.chat(seed=number).json())


def test_null_means_absent(program):
    fields = dict.fromkeys(
        ["stream", "stream_options", "temperature", "top_p", "topP", "n",
         "max_tokens", "max_completion_tokens", "stop", "user", "tools",
         "tool_choice", "response_format", "seed", "logprobs", "audio",
         "modalities", "top_logprobs", "functions", "function_call",
         "presence_penalty", "frequency_penalty", "web_search_options"])
    check_completion(program.chat(**fields).json())


def test_null_within_stream_options_means_absent(program):
    _, payloads = program.stream(stream_options={"include_usage": None})
    check_stream(payloads)


@pytest.mark.parametrize("body", [
    b'{"model":"no","model":"AkashGen","messages":[{"role":"user",'
    b'"content":"Hi"}]}',
    b' \n{"messages":[{"content":"Hi","role":"user"}],"model":"AkashGen"}\n',
])
def test_other_spellings_of_a_request_are_read(program, upstream, body):
    check_completion(program.post(body).json())
    assert upstream.chat_body()["model"] == "AkashGen"


def test_body_over_the_limit_is_refused(start):
    program = start(MAX_BODY_SIZE="2048")
    check_completion(program.chat("x" * 1000).json())
    response = program.chat("x" * 4000)
    check_early_error(response, 413, "request_too_large")


def test_body_over_the_limit_is_refused_before_it_is_read(start):
    program = start(MAX_BODY_SIZE="2048")
    with program.connect() as connection:
        connection.send("POST", "/v1/chat/completions", b"{",
                        [("Content-Length", "1000000000")])
        check_early_error(connection.response(), 413, "request_too_large")


def test_body_in_chunks_over_the_limit_is_refused(start):
    program = start(MAX_BODY_SIZE="2048")
    with program.connect() as connection:
        connection.send_raw(
            b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\n"
            b"Transfer-Encoding: chunked\r\n\r\n1000\r\n" + b"x" * 4096)
        check_early_error(connection.response(), 413, "request_too_large")


BAD_HTTP = {
    "a word": b"nonsense\r\n\r\n",
    "a method alone": b"GET\r\n\r\n",
    "a version that is none": b"GET / HTTP/banana\r\n\r\n",
    "a header without a colon": b"GET / HTTP/1.1\r\nno colon\r\n\r\n",
    "a TLS handshake": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\r\n\r\n",
}


@pytest.mark.parametrize("name", BAD_HTTP)
def test_what_is_no_http_gets_a_json_error(program, name):
    with program.connect() as connection:
        connection.send_raw(BAD_HTTP[name])
        check_early_error(connection.response(), 400, "bad_http")
        assert connection.is_closed()
