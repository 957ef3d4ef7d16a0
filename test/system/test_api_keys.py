# SPDX-License-Identifier: AGPL-3.0-or-later
"""API_KEYS_FILE: named keys, what they may use, and --hash-key."""
import hashlib
import os
import pty
import subprocess
import termios

import pytest

from support import GUARD_S
from support.keys import bearer, key_file, key_of, line
from support.program import BINARY, ROOT, environment, run
from support.shape import check_completion, check_error

LLAMA = "Meta-Llama-3-3-70B-Instruct"
GPT = "openai/gpt-oss-120b"


def hash_key(data, *flags):
    return subprocess.run(
        [BINARY, "--hash-key", *flags], input=data, env=environment({}),
        capture_output=True, timeout=GUARD_S, check=False)


# ---- the keys -------------------------------------------------------------

def test_each_key_of_the_file_lets_in(start, tmp_path):
    program = start(API_KEYS_FILE=key_file(tmp_path, alice="", bob="rpm=9"))
    for name in ("alice", "bob"):
        response = program.chat(headers=bearer(name))
        check_completion(response.json())
        assert program.access(response).get("key") == name
    for headers in (bearer("carol"), [("x-api-key", key_of("alice")[:-1])]):
        response = program.chat(headers=headers)
        check_error(response, 401, "invalid_api_key")
        assert program.access(response).get("key") is None
    check_error(program.chat(), 401, None)


def test_bearer_token_works_beside_it(start, tmp_path):
    program = start(BEARER_TOKEN="sk-token",
                    API_KEYS_FILE=key_file(tmp_path, alice=""))
    response = program.chat(headers=[("Authorization", "Bearer sk-token")])
    assert response.status == 200
    assert program.access(response).get("key") == "default"
    assert program.chat(headers=bearer("alice")).status == 200
    assert program.chat(headers=bearer("bob")).status == 401


def test_hash_is_no_key(start, tmp_path):
    program = start(API_KEYS_FILE=key_file(tmp_path, alice=""))
    digest = hashlib.sha256(key_of("alice").encode()).hexdigest()
    response = program.chat(headers=[("Authorization", f"Bearer {digest}")])
    check_error(response, 401, "invalid_api_key")


def test_file_without_keys_lets_nobody_in(start, tmp_path):
    program = start(API_KEYS_FILE=key_file(tmp_path))
    check_error(program.chat(headers=bearer("alice")), 401,
                "invalid_api_key")
    check_error(program.get("/v1/models"), 401, None)
    assert program.wait_log("there is no key, so every one is refused")


def test_pages_may_call_where_a_key_is_wanted(start, tmp_path):
    program = start(API_KEYS_FILE=key_file(tmp_path, alice=""))
    response = program.chat(headers=[*bearer("alice"),
                                     ("Origin", "https://chat.example")])
    assert response.header("Access-Control-Allow-Origin") == "*"
    exposed = response.header("Access-Control-Expose-Headers")
    for what in ("limit", "remaining", "reset"):
        assert f"x-ratelimit-{what}-requests" in exposed.split(", ")


def test_expired_key_is_told_so(start, upstream, tmp_path):
    program = start(API_KEYS_FILE=key_file(
        tmp_path, old="expires=2020-02-29", new="expires=2999-01-01",
        hour="expires=2020-01-01T00:00:00-12:00"))
    for name in ("old", "hour"):
        response = program.chat(headers=bearer(name))
        assert "expired" in check_error(response, 401, "expired_api_key")
        assert program.access(response).get("key") == name
        assert program.get("/v1/models", bearer(name)).status == 401
    assert upstream.requests == []
    assert program.chat(headers=bearer("new")).status == 200


@pytest.mark.parametrize("text, why", [
    (key_of("alice") + "\n", "line 1: the SHA-256 of the key is missing"),
    ("# x\n\nalice " + key_of("alice"), "line 3: behind the name stands"),
    (line("alice", "rpm=fast"), "line 1: rpm= wants a whole number"),
    (line("alice") + line("alice"), "line 2: the name is taken")])
def test_bad_file_ends_the_start_with_its_line(tmp_path, text, why):
    path = tmp_path / "keys"
    path.write_text(text)
    for flags, status in (((), 1), (("--check-config",), 2)):
        done = run(*flags, "--demo", API_KEYS_FILE=str(path),
                   SERVER_ADDRESS="127.0.0.1:0")
        assert (done.returncode, done.stdout) == (status, "")
        [told] = done.stderr.splitlines()
        assert told.startswith(f"akashchat-api: API_KEYS_FILE={path}: {why}")
        assert key_of("alice") not in told


def test_example_of_the_documentation_is_a_file(start, tmp_path):
    text = (ROOT / "docs/keys.md").read_text(encoding="utf-8")
    [example] = [block for block in text.split("```\n")
                 if block.startswith("# name")]
    path = tmp_path / "keys"
    path.write_text(example)
    program = start(API_KEYS_FILE=str(path))
    for key, name in (("one", "alice"), ("two", "website"),
                      ("three", "guests")):
        response = program.chat(headers=[("x-api-key", key)])
        assert program.access(response).get("key") == name


# ---- models ---------------------------------------------------------------

@pytest.fixture
def choosy(start, tmp_path):
    """Keys for some models, for all, and for one that stands for another."""
    return start(API_KEYS_FILE=key_file(
        tmp_path, llama="models=Meta-Llama-*,AkashGen", all="",
        none="models=nothing"), MODEL_ALIASES=f"big={GPT},small={LLAMA}")


def test_key_uses_its_models_alone(choosy, upstream):
    assert choosy.chat(headers=bearer("llama"), model=LLAMA).status == 200
    assert choosy.chat(headers=bearer("all"), model=GPT).status == 200
    asked = upstream.count("chat")
    for fields in ({}, {"stream": True}):
        message = check_error(
            choosy.chat(headers=bearer("llama"), model=GPT, **fields), 404,
            "model_not_found", "model")
        assert "do not have access" in message
    body = {"model": GPT, "prompt": "x"}
    check_error(choosy.ask("POST", "/v1/completions", body, bearer("llama")),
                404, "model_not_found", "model")
    assert upstream.count("chat") == asked


def test_pictures_are_drawn_for_keys_that_may_use_the_model(choosy):
    check_error(choosy.ask("POST", "/v1/images/generations", {"prompt": "x"},
                           bearer("none")), 404, "model_not_found", "model")
    response = choosy.ask("POST", "/v1/images/generations", {"prompt": "x"},
                          bearer("llama"))
    assert response.status != 404, response.json()


def test_pattern_is_about_what_an_alias_stands_for(choosy):
    assert choosy.chat(headers=bearer("llama"), model="small").status == 200
    check_error(choosy.chat(headers=bearer("llama"), model="big"), 404,
                "model_not_found", "model")


def test_default_model_is_no_way_around(start, tmp_path):
    program = start(DEFAULT_MODEL=GPT, API_KEYS_FILE=key_file(
        tmp_path, llama="models=Meta-Llama-*"))
    check_error(program.chat(headers=bearer("llama"), model=""), 404,
                "model_not_found", "model")


def test_list_of_models_is_the_key_s(choosy):
    def listed(name):
        return [model["id"] for model in
                choosy.get("/v1/models", bearer(name)).json()["data"]]

    everything = listed("all")
    assert GPT in everything and LLAMA in everything
    assert listed("llama") == [
        one for one in everything
        if one.startswith("Meta-Llama-") or one == "AkashGen"]
    assert listed("none") == []
    assert choosy.get(f"/v1/models/{LLAMA}", bearer("llama")).status == 200
    check_error(choosy.get(f"/v1/models/{GPT}", bearer("llama")), 404,
                "model_not_found", "model")


# ---- --hash-key -----------------------------------------------------------

@pytest.mark.parametrize("data", [b"sk-1", b"sk-1\n", b"sk-1\r\n",
                                  b"sk-1\nanother\n"])
def test_hash_key_prints_the_sha_256(data):
    done = hash_key(data)
    assert (done.returncode, done.stderr) == (0, b"")
    digest = hashlib.sha256(b"sk-1").hexdigest()
    assert done.stdout == digest.encode() + b"\n"


def test_hash_key_and_the_file_go_together(start, tmp_path):
    key = "Schlüssel with spaces"
    digest = hash_key(key.encode()).stdout.decode()
    path = tmp_path / "keys"
    path.write_text(f"alice {digest}")
    program = start(API_KEYS_FILE=str(path))
    value = key.encode().decode("latin-1")  # as bytes of UTF-8
    assert program.chat(headers=[("x-api-key", value)]).status == 200


@pytest.mark.parametrize("data", [b"", b"\n", b" sk-1", b"sk-1 ", b"a\tb",
                                  b"\0sk-1"])
def test_hash_key_refuses_what_no_client_can_send(data):
    done = hash_key(data)
    assert (done.returncode, done.stdout) == (2, b"")
    assert done.stderr.startswith(b"akashchat-api: --hash-key: ")
    assert b"sk-1" not in done.stderr


def read_until(descriptor, end):
    text = b""
    while not text.endswith(end):
        text += os.read(descriptor, 1)
    return text


def test_hash_key_asks_on_a_terminal_and_does_not_show_the_key():
    ours, theirs = pty.openpty()
    with subprocess.Popen([BINARY, "--hash-key"], stdin=theirs,
                          stdout=subprocess.PIPE, stderr=theirs,
                          env=environment({})) as process:
        shown = read_until(ours, b"Key: ")
        while termios.tcgetattr(theirs)[3] & termios.ECHO:
            pass
        os.write(ours, b"sk-1\n")
        digest = process.stdout.read()
        shown += read_until(ours, b"\n")
        assert process.wait(GUARD_S) == 0
    assert termios.tcgetattr(theirs)[3] & termios.ECHO
    os.close(theirs)
    os.close(ours)
    assert digest.decode() == hashlib.sha256(b"sk-1").hexdigest() + "\n"
    assert b"sk-1" not in shown
