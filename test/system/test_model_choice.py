# SPDX-License-Identifier: AGPL-3.0-or-later
"""Which model a chat is for: known, unknown, absent."""
import threading

import pytest

from support import datastream as ds
from support.client import chat_body
from support.shape import check_completion, check_error, check_stream

NO_MODEL = [{"model": None}, {"model": ""}]


def asked_upstream(upstream):
    return [request.json()["model"] for request in upstream.of_kind("chat")]


def knowing(program):
    """The program once it has the list of models."""
    assert program.get("/v1/models").status == 200
    return program


@pytest.mark.parametrize("model", ["Meta-Llama-3-3-70B-Instruct",
                                   "openai/gpt-oss-120b", "Says-Nothing-8B",
                                   "AkashGen"])
def test_listed_model_is_asked(program, upstream, model):
    knowing(program)
    assert program.chat(model=model).json()["model"] == model
    _, payloads = program.stream(model=model)
    assert check_stream(payloads).head[2] == model
    assert asked_upstream(upstream) == [model, model]


@pytest.mark.parametrize("model", ["gpt-4o", "Offline-32B", "akashgen", " ",
                                   "AkashGen ", "Ω", "x" * 5000, "a\nb"])
def test_unknown_model_gives_404(program, upstream, model):
    knowing(program)
    for body in (chat_body(model=model), chat_body(model=model, stream=True)):
        message = check_error(program.post(body), 404, "model_not_found",
                              "model")
        assert model[:100] in message
    assert asked_upstream(upstream) == []


@pytest.mark.parametrize("fields", NO_MODEL)
def test_missing_model_gives_400(program, upstream, fields):
    check_error(program.chat(**fields), 400, "missing_required_parameter",
                "model")
    assert asked_upstream(upstream) == []


def test_unknown_model_passes_by_option(start, upstream):
    program = knowing(start(UNKNOWN_MODELS="pass"))
    value = program.chat(model="gpt-4o").json()
    check_completion(value)
    assert value["model"] == "gpt-4o"
    assert asked_upstream(upstream) == ["gpt-4o"]


@pytest.mark.parametrize("fields", NO_MODEL)
def test_missing_model_does_not_pass_by_option(start, fields):
    program = start(UNKNOWN_MODELS="pass")
    check_error(program.chat(**fields), 400, "missing_required_parameter",
                "model")


@pytest.mark.parametrize("fields", [*NO_MODEL, {"model": "gpt-4o"}])
def test_default_model_stands_in(start, upstream, fields):
    program = knowing(start(DEFAULT_MODEL="openai/gpt-oss-120b"))
    value = program.chat(**fields).json()
    check_completion(value)
    assert value["model"] == "openai/gpt-oss-120b"
    assert asked_upstream(upstream) == ["openai/gpt-oss-120b"]
    assert program.access(program.chat(**fields)).get("model") \
        == "openai/gpt-oss-120b"


def test_default_model_does_not_replace_a_known_one(start, upstream):
    program = knowing(start(DEFAULT_MODEL="openai/gpt-oss-120b"))
    program.chat(model="AkashGen")
    assert asked_upstream(upstream) == ["AkashGen"]


def test_passing_unknown_models_leaves_the_default_for_missing_ones(
        start, upstream):
    program = knowing(start(DEFAULT_MODEL="AkashGen", UNKNOWN_MODELS="pass"))
    program.chat(model="gpt-4o")
    program.chat(model=None)
    assert asked_upstream(upstream) == ["gpt-4o", "AkashGen"]


def test_chat_does_not_wait_for_the_list(program, upstream):
    """While the list is held back, chats are served, and any model passes
    since nothing is known of it."""
    go_on = threading.Event()
    upstream.on_models = ds.hold(go_on, upstream.list_models)
    assert program.chat().status == 200
    assert upstream.wait_for("models", 1)
    assert program.chat(model="gpt-4o").status == 200
    assert program.stream()[0].status == 200
    go_on.set()
    knowing(program)
    assert program.chat(model="gpt-4o").status == 404
    assert upstream.count("models") == 1


def test_chat_does_not_wait_for_a_new_list(start, upstream):
    program = knowing(start(MODELS_TTL="1"))
    go_on = threading.Event()
    upstream.on_models = ds.hold(go_on, upstream.list_models)
    try:
        while upstream.count("models") < 2:
            assert program.chat().status == 200
            upstream.wait_for("models", 2, 0.02)
        assert program.chat().status == 200
        assert program.chat(model="gpt-4o").status == 404  # by the old list
    finally:
        go_on.set()


def test_chat_is_served_though_there_is_no_list(program, upstream):
    upstream.on_models = ds.reply(500)
    assert program.get("/v1/models").status == 502
    assert program.chat(model="gpt-4o").status == 200


def test_chat_brings_the_list_in(program, upstream):
    """So that the second chat's model is checked."""
    program.chat()
    assert upstream.wait_for("models", 1)
    program.wait_log("models fetched")
    assert program.chat(model="gpt-4o").status == 404


def test_default_model_holds_from_the_first_request(start, upstream):
    """The list is fetched at the start."""
    program = start(DEFAULT_MODEL="openai/gpt-oss-120b")
    program.wait_log("models fetched")
    assert program.chat(model="gpt-5-nano").status == 200
    assert upstream.chat_body()["model"] == "openai/gpt-oss-120b"
