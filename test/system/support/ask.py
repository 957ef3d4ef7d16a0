# SPDX-License-Identifier: AGPL-3.0-or-later
"""One question, asked so that the answer is streamed or whole: a test that
holds for both is given stream as a parameter."""
from support.shape import (Streamed, check_completion, check_error,
                           check_failed_stream, check_stream,
                           check_text_completion, check_text_stream)

MODEL = "Meta-Llama-3-3-70B-Instruct"
WITH_USAGE = {"include_usage": True}


def said(value, text, reasoning=""):
    """What a whole answer said, in the form of a stream's."""
    return Streamed(text, reasoning, value["choices"][0]["finish_reason"],
                    value["usage"],
                    (value["id"], value["created"], value["model"]))


def chat(program, stream, **fields):
    """A chat that goes well, as a Streamed; its usage is asked for."""
    if stream:
        _, payloads = program.stream(stream_options=WITH_USAGE, **fields)
        return check_stream(payloads, include_usage=True)
    response = program.chat(**fields)
    assert response.status == 200, response.read()
    value = response.json()
    message = check_completion(value)
    return said(value, message["content"],
                message.get("reasoning_content", ""))


def chat_fails(program, stream, status, code, param=None):
    """A chat that fails when it has begun: a whole answer with this status,
    a stream with one event. Returns the text that came before, and the
    message."""
    if not stream:
        response = program.chat()
        assert (response.header("Retry-After") is None) == (status != 429)
        return "", check_error(response, status, code, param)
    response = program.open_stream()
    with response.connection:
        assert response.status == 200, response.read()
        text, error = check_failed_stream(response.events())
    assert (error["code"], error["param"]) == (code, param), error
    return text, error["message"]


def chat_is_refused(program, stream, status, code, param=None):
    """A chat that fails before it begins: an error for whole answers and for
    streams. Returns the message."""
    response = program.chat(stream=stream)
    message = check_error(response, status, code, param)
    assert (response.header("Retry-After") is None) == (status != 429)
    return message


# ---- POST /v1/completions -------------------------------------------------

def post_completion(program, prompt="Hi", headers=(), **fields):
    """A request for a completion, with the whole answer."""
    return program.ask("POST", "/v1/completions",
                       {"model": MODEL, "prompt": prompt, **fields}, headers)


def open_completion(program, prompt="Hi", **fields):
    """A streamed completion with only its head read; the caller closes
    response.connection."""
    connection = program.connect()
    connection.send("POST", "/v1/completions",
                    {"model": MODEL, "prompt": prompt, "stream": True,
                     **fields})
    return connection.response()


def completion(program, stream, **fields):
    """A completion that goes well, as a Streamed."""
    if stream:
        response = open_completion(
            program, stream_options=WITH_USAGE, **fields)
        with response.connection:
            assert response.status == 200, response.read()
            return check_text_stream(response.events().rest(),
                                     include_usage=True)
    response = post_completion(program, **fields)
    assert response.status == 200, response.read()
    value = response.json()
    return said(value, check_text_completion(value)["text"])
