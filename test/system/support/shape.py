# SPDX-License-Identifier: AGPL-3.0-or-later
"""The official shapes of answers, checked field by field: what the API's
specification requires, and nothing that it does not know but extensions that
are named here."""
import json
import time

ROLE_DELTA = {"role": "assistant", "content": "", "refusal": None}
FINISHES = {"stop", "length", "content_filter", "tool_calls"}


def check_keys(value, required, optional=()):
    """An object has every required key and none that is not named."""
    assert isinstance(value, dict), value
    missing = set(required) - value.keys()
    unknown = value.keys() - set(required) - set(optional)
    assert not missing and not unknown, f"{missing=} {unknown=} in {value}"


def is_integer(value):
    return isinstance(value, int) and not isinstance(value, bool)


ID_PREFIXES = {"chat.completion": "chatcmpl-",
               "chat.completion.chunk": "chatcmpl-",
               "text_completion": "cmpl-"}


def check_head(value, kind):
    """What a completion and its chunks begin with."""
    assert value["object"] == kind
    assert isinstance(value["id"], str)
    assert value["id"].startswith(ID_PREFIXES[kind])
    assert isinstance(value["model"], str)
    assert is_integer(value["created"])
    assert abs(value["created"] - time.time()) < 120


def check_usage(usage):
    check_keys(usage, {"prompt_tokens", "completion_tokens", "total_tokens"})
    assert all(is_integer(tokens) for tokens in usage.values())
    assert usage["prompt_tokens"] >= 1 and usage["completion_tokens"] >= 1
    assert usage["total_tokens"] == (usage["prompt_tokens"] +
                                     usage["completion_tokens"])


def check_completion(value):
    """A chat.completion; returns its one message."""
    check_keys(value, {"id", "object", "created", "model", "choices"},
               {"usage"})
    check_head(value, "chat.completion")
    check_usage(value["usage"])
    [choice] = value["choices"]
    check_keys(choice, {"index", "message", "logprobs", "finish_reason"})
    assert choice["index"] == 0
    assert choice["logprobs"] is None
    assert choice["finish_reason"] in FINISHES
    message = choice["message"]
    check_keys(message, {"role", "content", "refusal"}, {"reasoning_content"})
    assert message["role"] == "assistant"
    assert isinstance(message["content"], str)
    assert message["refusal"] is None
    return message


def check_chunk(chunk, include_usage=False):
    """A chat.completion.chunk with one choice, which is returned."""
    check_keys(chunk, {"id", "object", "created", "model", "choices"} |
               ({"usage"} if include_usage else set()))
    check_head(chunk, "chat.completion.chunk")
    if include_usage:
        assert chunk["usage"] is None
    [choice] = chunk["choices"]
    check_keys(choice, {"index", "delta", "finish_reason"}, {"logprobs"})
    assert choice["index"] == 0
    assert choice.get("logprobs") is None
    check_keys(choice["delta"], set(),
               {"role", "content", "refusal", "reasoning_content"})
    return choice


class Streamed:
    """What a stream's chunks said."""

    def __init__(self, text, reasoning, finish, usage, head):
        self.text = text
        self.reasoning = reasoning
        self.finish = finish
        self.usage = usage
        self.head = head  # id, created, model


def check_deltas(chunks, include_usage=False):
    """The chunks before a stream's finish: one head, the role first and
    once, one piece of text in each of the others. Returns Streamed."""
    choices = [check_chunk(chunk, include_usage) for chunk in chunks]
    heads = {(one["id"], one["created"], one["model"]) for one in chunks}
    assert len(heads) == 1, heads
    assert choices[0]["delta"] == ROLE_DELTA
    texts = {"content": [], "reasoning_content": []}
    for choice in choices[1:]:
        [(kind, text)] = choice["delta"].items()
        assert isinstance(text, str) and text != ""
        texts[kind].append(text)
    assert all(choice["finish_reason"] is None for choice in choices)
    return Streamed("".join(texts["content"]),
                    "".join(texts["reasoning_content"]), None, None,
                    heads.pop())


def check_stream(payloads, include_usage=False):
    """A whole stream: the deltas, one finish, the usage if it was asked for,
    [DONE]. Returns Streamed."""
    assert payloads[-1] == "[DONE]"
    chunks = [json.loads(payload) for payload in payloads[:-1]]
    usage = None
    if include_usage:
        last = chunks.pop()
        check_keys(last, {"id", "object", "created", "model", "choices",
                          "usage"})
        check_head(last, "chat.completion.chunk")
        assert last["choices"] == []
        usage = last["usage"]
        check_usage(usage)
        assert last["id"] == chunks[0]["id"]
        assert last["created"] == chunks[0]["created"]
        assert last["model"] == chunks[0]["model"]
    finish = check_chunk(chunks[-1], include_usage)
    assert finish["delta"] == {}
    assert finish["finish_reason"] in FINISHES
    assert chunks[-1]["id"] == chunks[0]["id"]
    assert chunks[-1]["created"] == chunks[0]["created"]
    streamed = check_deltas(chunks[:-1], include_usage)
    streamed.finish = finish["finish_reason"]
    streamed.usage = usage
    return streamed


def check_text_choice(value, finishes):
    """The one choice of a text_completion, which is returned."""
    check_head(value, "text_completion")
    [choice] = value["choices"]
    check_keys(choice, {"text", "index", "logprobs", "finish_reason"})
    assert isinstance(choice["text"], str)
    assert choice["index"] == 0
    assert choice["logprobs"] is None
    assert choice["finish_reason"] in finishes, choice
    return choice


TEXT_FINISHES = {"stop", "length", "content_filter"}


def check_text_completion(value):
    """A whole text_completion; returns its one choice."""
    check_keys(value, {"id", "object", "created", "model", "choices",
                       "usage"})
    check_usage(value["usage"])
    return check_text_choice(value, TEXT_FINISHES)


def check_text_stream(payloads, include_usage=False):
    """A whole stream of text_completions: texts, one finish, the usage if it
    was asked for, [DONE]. Returns Streamed."""
    assert payloads[-1] == "[DONE]"
    frames = [json.loads(payload) for payload in payloads[:-1]]
    usage = None
    keys = {"id", "object", "created", "model", "choices"}
    if include_usage:
        keys.add("usage")
        assert all(frame["usage"] is None for frame in frames[:-1])
        usage = frames[-1]["usage"]
        check_usage(usage)
        assert frames[-1]["choices"] == []
    for frame in frames:
        check_keys(frame, keys)
        check_head(frame, "text_completion")
    heads = {(one["id"], one["created"], one["model"]) for one in frames}
    assert len(heads) == 1, heads
    *texts, last = frames[:-1] if include_usage else frames
    pieces = [check_text_choice(one, {None})["text"] for one in texts]
    finish = check_text_choice(last, TEXT_FINISHES)
    assert finish["text"] == "" and "" not in pieces
    return Streamed("".join(pieces), "", finish["finish_reason"], usage,
                    heads.pop())


INVALID = "invalid_request_error"

# status: (the type of its errors, the codes they may carry)
ERRORS = {
    400: (INVALID, {None, "bad_http", "invalid_json", "invalid_type",
                    "invalid_value", "missing_required_parameter",
                    "unsupported_value", "unsupported_content",
                    "context_length_exceeded", "image_not_drawn"}),
    401: (INVALID, {None, "invalid_api_key", "expired_api_key"}),
    403: ("permission_error", {"origin_not_allowed"}),
    404: (INVALID, {"model_not_found", "image_not_found", "unknown_url"}),
    405: (INVALID, {"method_not_allowed"}),
    413: (INVALID, {"request_too_large"}),
    414: (INVALID, {"uri_too_long"}),
    417: (INVALID, {"expectation_failed"}),
    429: ("rate_limit_error", {"rate_limit_exceeded"}),
    431: (INVALID, {"headers_too_large"}),
    502: ("server_error",
          {"upstream_error", "upstream_unreachable", "upstream_tls_error",
           "upstream_session_error", "upstream_challenge",
           "upstream_proxy_error"}),
    503: ("server_error", {"shutting_down", "overloaded"}),
    504: ("server_error", {"upstream_connect_timeout",
                           "upstream_first_event_timeout",
                           "upstream_silence_timeout", "request_timeout",
                           "image_timeout"}),
}


def check_error_body(body):
    """An error's JSON, which is that of OpenAI and, beside it, that of the
    program's predecessor. Returns its error object, with the status."""
    check_keys(body, {"error", "code", "data"})
    error = body["error"]
    check_keys(error, {"message", "type", "param", "code"})
    assert isinstance(error["message"], str) and error["message"]
    assert error["param"] is None or (isinstance(error["param"], str) and
                                      error["param"])
    kind, codes = ERRORS[body["code"]]
    assert error["type"] == kind and error["code"] in codes, body
    check_keys(body["data"], {"msg"})
    assert body["data"]["msg"] == error["message"]
    return error


def check_error(response, status, code, param=None):
    """A whole error answer; returns its message."""
    assert response.header("X-Request-Id")
    return check_early_error(response, status, code, param)


def check_early_error(response, status, code, param=None):
    """The same for what is refused before there is a request with an id."""
    text = response.read()
    assert response.status == status, (response.status, text)
    assert response.header("Content-Type") == "application/json"
    body = json.loads(text)
    assert body["code"] == status
    error = check_error_body(body)
    assert (error["code"], error["param"]) == (code, param), error
    return error["message"]


def check_failed_stream(events, begun=()):
    """Reads a stream to its bad end: deltas, one error event, the end of
    the connection; no finish, no [DONE]. begun are payloads that were read
    before. Returns the text and the error."""
    payloads = [*begun]
    while (payload := events.next()) is not None:
        payloads.append(payload)
    assert "[DONE]" not in payloads
    *deltas, last = [json.loads(payload) for payload in payloads]
    streamed = check_deltas(deltas)
    error = check_error_body(last)
    assert events.response.connection.is_closed()
    return streamed.text, error
