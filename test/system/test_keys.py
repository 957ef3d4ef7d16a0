# SPDX-License-Identifier: AGPL-3.0-or-later
"""The key that clients must send where BEARER_TOKEN is set."""
import json

import pytest

from support.client import chat_body
from support.shape import check_completion, check_error

KEY = "sk-right-0123456789"
WRONG = "sk-wrong-9876543210"

GUARDED = [("POST", "/v1/chat/completions"), ("POST", "/chat/completions"),
           ("POST", "/v1/v1/chat/completions/"), ("GET", "/v1/models"),
           ("GET", "/models"), ("GET", "/v1/models/AkashGen"),
           ("GET", "/models/AkashGen"), ("HEAD", "/v1/models")]

GOOD_HEADERS = [
    ("Authorization", f"Bearer {KEY}"), ("authorization", f"bearer {KEY}"),
    ("AUTHORIZATION", f"BEARER {KEY}"), ("Authorization", f"Bearer   {KEY}"),
    ("x-api-key", KEY), ("X-API-Key", KEY), ("api-key", KEY),
    ("Api-Key", KEY)]

MISSING_HEADERS = [[], [("Authorization", "")], [("Authorization", "Bearer")],
                   [("Authorization", "Bearer ")], [("x-api-key", "")]]

WRONG_HEADERS = [
    ("Authorization", f"Bearer {WRONG}"), ("Authorization", f"Bearer {KEY}x"),
    ("Authorization", f"Bearer {KEY[:-1]}"),
    ("Authorization", f"Bearer {KEY.upper()}"),
    ("Authorization", f"Bearer x{KEY}"),
    ("Authorization", f"Bearer {KEY} x"), ("x-api-key", WRONG),
    ("api-key", WRONG), ("Authorization", "Bearer " + "x" * 10_000)]


@pytest.fixture
def guarded(start):
    return start(BEARER_TOKEN=KEY)


def ask(program, method, path, headers):
    body = chat_body() if method == "POST" else None
    return program.ask(method, path, body, headers)


@pytest.mark.parametrize("method, path", GUARDED)
def test_route_needs_the_key(guarded, upstream, method, path):
    response = ask(guarded, method, path, [])
    assert response.status == 401
    assert response.header("WWW-Authenticate") == "Bearer"
    if method != "HEAD":
        check_error(response, 401, None)
    assert ask(guarded, method, path,
               [("Authorization", f"Bearer {WRONG}")]).status == 401
    assert upstream.requests == []
    assert ask(guarded, method, path,
               [("Authorization", f"Bearer {KEY}")]).status == 200


@pytest.mark.parametrize("header", GOOD_HEADERS)
def test_key_is_taken_from_any_of_the_usual_headers(guarded, header):
    check_completion(guarded.chat(headers=[header]).json())


@pytest.mark.parametrize("headers", MISSING_HEADERS)
def test_missing_key_is_told(guarded, upstream, headers):
    message = check_error(guarded.chat(headers=headers), 401, None)
    assert "Authorization: Bearer" in message
    assert upstream.requests == []


@pytest.mark.parametrize("header", WRONG_HEADERS)
def test_wrong_key_is_told_and_not_repeated(guarded, upstream, header):
    response = guarded.chat(headers=[header])
    check_error(response, 401, "invalid_api_key")
    assert WRONG not in response.read().decode()
    assert upstream.requests == []


@pytest.mark.parametrize("value", ["Basic dXNlcjpwYXNz", KEY, f"Token {KEY}",
                                   f"Bearer{KEY}"])
def test_other_kinds_of_authorization_are_refused(guarded, value):
    response = guarded.chat(headers=[("Authorization", value)])
    assert response.status == 401


@pytest.mark.parametrize("path", ["/health", "/", "/v1/health", "/v1"])
def test_health_and_root_need_no_key(guarded, path):
    assert guarded.get(path).status == 200


def test_without_a_key_nobody_learns_what_is_there(guarded):
    check_error(guarded.get("/v1/nothing"), 401, None)
    check_error(guarded.ask("DELETE", "/v1/models"), 401, None)
    key = [("Authorization", f"Bearer {KEY}")]
    check_error(guarded.get("/v1/nothing", key), 404, "unknown_url")


@pytest.mark.parametrize("body", [
    b"{", b"", b"x" * 5_000_000, b"[" * 1_000_000,
    json.dumps(chat_body("x" * 5_000_000)).encode(),
    json.dumps(chat_body(model=7)).encode()],
    ids=["broken", "empty", "huge and broken", "deep", "huge", "bad field"])
def test_wrong_key_comes_before_any_look_at_the_body(guarded, body):
    for headers in ([], [("Authorization", f"Bearer {WRONG}")]):
        code = "invalid_api_key" if headers else None
        check_error(guarded.post(body, headers), 401, code)


def test_keys_are_never_sent_upstream(guarded, upstream):
    secret = "Xq7-never-upstream"
    for name, value in GOOD_HEADERS:
        guarded.chat(headers=[(name, value), ("Cookie", f"a={secret}"),
                              ("X-Secret", secret),
                              ("OpenAI-Organization", secret)])
        guarded.get(f"/v1/models?key={secret}", [(name, value)])
    assert upstream.count("chat") == len(GOOD_HEADERS)
    for request in upstream.requests:
        assert KEY.encode() not in request.raw()
        assert secret.encode() not in request.raw()


def test_without_a_bearer_token_any_key_passes(program, upstream):
    for headers in ([], [("Authorization", f"Bearer {WRONG}")],
                    [("x-api-key", WRONG)], [("Authorization", "Basic x")]):
        check_completion(program.chat(headers=headers).json())
    assert all(WRONG.encode() not in request.raw()
               for request in upstream.requests)


def test_key_of_a_file_is_wanted(start, tmp_path):
    path = tmp_path / "key"
    path.write_text(KEY + "\n")
    program = start(BEARER_TOKEN_FILE=str(path))
    assert program.chat().status == 401
    assert program.chat(
        headers=[("Authorization", f"Bearer {KEY}")]).status == 200


def test_key_may_hold_any_letter(start):
    key = "Schlüssel \"with\" spaces; = and 漢字"
    program = start(BEARER_TOKEN=key)
    value = key.encode().decode("latin-1")  # as bytes of UTF-8
    assert program.chat(
        headers=[("Authorization", f"Bearer {value}")]).status == 200
    assert program.chat(headers=[("x-api-key", value)]).status == 200
    assert program.chat(headers=[("x-api-key", value[:-1])]).status == 401


def test_refused_connection_goes_on(guarded):
    """A client may try again on the same connection."""
    with guarded.connect() as connection:
        connection.send("POST", "/v1/chat/completions", chat_body())
        check_error(connection.response(), 401, None)
        connection.send("POST", "/v1/chat/completions", chat_body(),
                        [("Authorization", f"Bearer {KEY}")])
        check_completion(connection.response().json())
