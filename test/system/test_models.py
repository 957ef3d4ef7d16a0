# SPDX-License-Identifier: AGPL-3.0-or-later
"""The list of models: its form, its cache, and one model by its id."""
import math
import threading

import pytest

from support import datastream as ds
from support.crowd import at_once
from support.shape import check_error, check_keys, is_integer

LISTED = ["Meta-Llama-3-3-70B-Instruct", "openai/gpt-oss-120b",
          "Says-Nothing-8B", "AkashGen"]


# What: (the handler, status, code).
FAILURES = {
    "500": (ds.reply(500), 502, "upstream_error"),
    "a web page": (ds.reply(403, b"<html>", "text/html"), 502,
                   "upstream_challenge"),
    "an object": (ds.reply_json(200, {}), 502, "upstream_error"),
    "half a list": (ds.reply(200, b'[{"id":"a"},', "application/json"), 502,
                    "upstream_error"),
    "nothing": (ds.reply(200), 502, "upstream_error"),
    "429": (ds.reply(429), 429, "rate_limit_exceeded"),
    "cut": (lambda exchange: exchange.cut(), 502, "upstream_error"),
    "endless": (ds.send_lines(*[b" " * 1_000_000] * 10, b"[]"), 502,
                "upstream_error"),
}


def check_model(model):
    """The official fields, and those that the program's predecessor gave."""
    check_keys(model, {"id", "object", "created", "owned_by", "permission",
                       "root", "parent"}, {"name", "context_window"})
    assert isinstance(model["id"], str)
    assert model["object"] == "model"
    assert is_integer(model["created"]) and model["created"] > 0
    assert isinstance(model["owned_by"], str) and model["owned_by"]
    assert model["permission"] is None
    assert model["root"] == model["id"]
    assert model["parent"] is None
    if "context_window" in model:
        assert is_integer(model["context_window"])


def get_list(program):
    response = program.get("/v1/models")
    assert response.status == 200, response.read()
    assert response.header("Content-Type") == "application/json"
    value = response.json()
    check_keys(value, {"object", "data"})
    assert value["object"] == "list"
    for model in value["data"]:
        check_model(model)
    return value["data"]


def ids(program):
    return [model["id"] for model in get_list(program)]


def test_list_has_what_is_available_and_akashgen(program):
    """False is hidden; an absent "available" says nothing."""
    assert ids(program) == LISTED


def test_models_carry_what_the_site_knows(program):
    by_id = {model["id"]: model for model in get_list(program)}
    llama = by_id["Meta-Llama-3-3-70B-Instruct"]
    assert llama["name"] == "Llama 3.3 70B"
    assert llama["context_window"] == 128000
    assert "context_window" not in by_id["Says-Nothing-8B"]
    assert "context_window" not in by_id["AkashGen"]


def test_akashgen_of_the_site_is_listed_once(program, upstream):
    upstream.models = [{"id": "AkashGen", "name": "AkashGen",
                        "tokenLimit": 12000, "available": True}]
    [model] = get_list(program)
    assert model["id"] == "AkashGen" and model["context_window"] == 12000


def test_odd_entries_do_not_spoil_the_list(program, upstream):
    upstream.models = [
        None, 1, "x", [], {}, {"id": None}, {"id": ""}, {"id": 7},
        {"id": "twice", "name": "one"}, {"id": "twice", "name": "two"},
        {"id": "no-limit", "tokenLimit": "many", "name": None},
        {"id": "zero", "tokenLimit": 0},
        {"id": "null", "available": None, "tokenLimit": None},
        {"id": 'Ω "q" \\ /', "name": "😀\n"}]
    assert ids(program) == ["twice", "no-limit", "zero", "null",
                            'Ω "q" \\ /', "AkashGen"]


def test_empty_list_has_akashgen(program, upstream):
    upstream.models = []
    assert ids(program) == ["AkashGen"]


def test_thousands_of_models_are_listed(program, upstream):
    names = [f"vendor/model-{number}" for number in range(9000)]
    upstream.models = [{"id": name} for name in names]
    if ids(program) != [*names, "AkashGen"]:
        pytest.fail("the list is another")


@pytest.mark.parametrize("path, model", [
    ("Meta-Llama-3-3-70B-Instruct", "Meta-Llama-3-3-70B-Instruct"),
    ("openai/gpt-oss-120b", "openai/gpt-oss-120b"),
    ("openai%2Fgpt-oss-120b", "openai/gpt-oss-120b"),
    ("openai%2fgpt-oss-120b", "openai/gpt-oss-120b"),
    ("openai/gpt-oss-120b/", "openai/gpt-oss-120b"),
    ("openai/gpt-oss-120b?x=1", "openai/gpt-oss-120b"),
    ("%41kashGen", "AkashGen"),
    ("AkashGen", "AkashGen"),
])
def test_one_model_by_its_id(program, path, model):
    response = program.get(f"/v1/models/{path}")
    assert response.status == 200
    value = response.json()
    check_model(value)
    assert value["id"] == model
    assert value in get_list(program)


@pytest.mark.parametrize("path", [
    "nothing", "openai", "gpt-oss-120b", "akashgen", "Offline-32B", "%00",
    "AkashGen%00", "AkashGen%00x", "%", "%zz", "%ff",
    "openai%252Fgpt-oss-120b",
    "../models", "x" * 5000, "+", "AkashGen+"])
def test_unknown_model_gives_404(program, path):
    check_error(program.get(f"/v1/models/{path}"), 404, "model_not_found",
                "model")


def test_list_is_fetched_once(program, upstream):
    for _ in range(3):
        get_list(program)
        program.get("/v1/models/AkashGen")
        program.chat()
    assert upstream.count("models") == 1


def test_many_at_once_fetch_the_list_once(program, upstream):
    all_sent = threading.Event()
    upstream.on_models = ds.hold(all_sent, upstream.list_models)
    connections = [program.connect() for _ in range(50)]
    for connection in connections:
        connection.send("GET", "/v1/models")
    program.get("/health")  # by its answer the others have been read
    all_sent.set()
    for connection in connections:
        with connection:
            assert connection.response().json()["object"] == "list"
    assert upstream.count("models") == 1
    assert upstream.count("session") == 1


def ask_until_fetched_again(program, upstream, count):
    """Asks for the list until the upstream has been asked so many times;
    what each answer listed."""
    seen = []
    while upstream.count("models") < count:
        seen.append(ids(program))
        assert len(seen) < 1000
        upstream.wait_for("models", count, 0.02)
    return seen


def test_list_is_fetched_again_when_it_is_old(start, upstream):
    program = start(MODELS_TTL="1")
    assert ids(program) == LISTED
    upstream.models = [{"id": "new"}]
    ask_until_fetched_again(program, upstream, 2)
    assert ids(program) == ["new", "AkashGen"]


@pytest.mark.parametrize("name", ["500", "an object", "cut"])
def test_old_list_serves_while_the_upstream_fails(start, upstream, name):
    program = start(MODELS_TTL="1")
    assert ids(program) == LISTED
    upstream.on_models = FAILURES[name][0]
    seen = ask_until_fetched_again(program, upstream, 2)
    seen += [ids(program) for _ in range(20)]
    assert all(listed == LISTED for listed in seen)
    # And the upstream is left alone for a while. A request that a pooled
    # connection lost was sent again at once, and then UPSTREAM_RETRIES times.
    assert upstream.count("models") == (5 if name == "cut" else 2)


@pytest.mark.parametrize("name", FAILURES)
def test_list_that_cannot_be_had_is_an_error(program, upstream, name):
    upstream.on_models, status, code = FAILURES[name]
    for path in ("/v1/models", "/v1/models/AkashGen"):
        check_error(program.get(path), status, code)


def test_failing_list_is_asked_for_seldom(program, upstream):
    upstream.on_models = ds.reply(500)
    at_once(10, lambda _: program.get("/v1/models"))
    for _ in range(10):
        check_error(program.get("/v1/models"), 502, "upstream_error")
    assert upstream.count("models") == 1


def test_two_refused_sessions_fail_the_list(program, upstream):
    upstream.refuse_next = math.inf
    response = program.get("/v1/models")
    assert response.status == 502
    assert upstream.count("models") == 2


def test_client_that_leaves_while_it_waits_does_no_harm(program, upstream):
    go_on = threading.Event()
    upstream.on_models = ds.hold(go_on, upstream.list_models)
    with program.connect() as connection:
        connection.send("GET", "/v1/models")
        assert upstream.wait_for("models", 1)
    program.wait_log("request", route="models", end="client_gone")
    go_on.set()
    assert ids(program) == LISTED
    assert upstream.count("models") == 1


@pytest.mark.parametrize("nothing", [
    [], [{"id": "a", "available": False}], [{"name": "no id"}]])
def test_empty_list_says_nothing_about_models(program, upstream, nothing):
    upstream.models = nothing
    ids = [one["id"] for one in program.get("/v1/models").json()["data"]]
    assert ids == ["AkashGen"]
    assert program.chat(model="whatever").status == 200
