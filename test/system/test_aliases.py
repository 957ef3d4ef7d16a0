# SPDX-License-Identifier: AGPL-3.0-or-later
"""Models under other names (MODEL_ALIASES)."""
from support.shape import check_completion, check_error, check_stream

LLAMA = "Meta-Llama-3-3-70B-Instruct"


def asked_upstream(upstream):
    return [request.json()["model"] for request in upstream.of_kind("chat")]


def knowing(program):
    """The program once it has the list of models."""
    assert program.get("/v1/models").status == 200
    return program


def test_alias_gets_its_model(start, upstream):
    program = knowing(start(
        MODEL_ALIASES=f"gpt-4o={LLAMA}, gpt-4/mini = openai/gpt-oss-120b"))
    value = program.chat(model="gpt-4o").json()
    check_completion(value)
    assert value["model"] == LLAMA
    response, payloads = program.stream(model="gpt-4/mini")
    assert check_stream(payloads).head[2] == "openai/gpt-oss-120b"
    assert asked_upstream(upstream) == [LLAMA, "openai/gpt-oss-120b"]
    assert program.access(response).get("model") == "openai/gpt-oss-120b"


def test_models_keep_their_own_names(start, upstream):
    program = knowing(start(MODEL_ALIASES=f"gpt-4o={LLAMA}"))
    assert program.chat(model=LLAMA).json()["model"] == LLAMA
    assert asked_upstream(upstream) == [LLAMA]


def test_alias_is_a_whole_name(start, upstream):
    program = knowing(start(MODEL_ALIASES=f"gpt-4o={LLAMA}"))
    for model in ("gpt-4", "gpt-4o-mini", "GPT-4o", " gpt-4o", "gpt-4o="):
        check_error(program.chat(model=model), 404, "model_not_found",
                    "model")
    assert asked_upstream(upstream) == []


def test_alias_comes_before_the_model_of_that_name(start, upstream):
    program = knowing(start(MODEL_ALIASES=f"AkashGen={LLAMA}"))
    assert program.chat(model="AkashGen").json()["model"] == LLAMA
    assert asked_upstream(upstream) == [LLAMA]


def test_alias_of_an_alias_is_not_followed(start, upstream):
    program = knowing(start(MODEL_ALIASES=f"a=b,b={LLAMA}"))
    message = check_error(program.chat(model="a"), 404, "model_not_found",
                          "model")
    assert "'b'" in message and "'a'" in message
    assert program.chat(model="b").status == 200
    assert asked_upstream(upstream) == [LLAMA]


def test_alias_of_an_unknown_model_is_like_that_model(start, upstream):
    aliases = {"MODEL_ALIASES": "gpt-4o=Gone-1B"}
    message = check_error(knowing(start(**aliases)).chat(model="gpt-4o"), 404,
                          "model_not_found", "model")
    assert "Gone-1B" in message and "gpt-4o" in message
    program = knowing(start(**aliases, DEFAULT_MODEL=LLAMA))
    assert program.chat(model="gpt-4o").json()["model"] == LLAMA
    program = knowing(start(**aliases, UNKNOWN_MODELS="pass"))
    assert program.chat(model="gpt-4o").json()["model"] == "Gone-1B"
    assert asked_upstream(upstream) == [LLAMA, "Gone-1B"]


def test_aliases_are_not_on_the_list_of_models(start):
    program = start(MODEL_ALIASES=f"gpt-4o={LLAMA}")
    ids = [model["id"] for model in program.get("/v1/models").json()["data"]]
    assert "gpt-4o" not in ids and LLAMA in ids
    check_error(program.get("/v1/models/gpt-4o"), 404, "model_not_found",
                "model")
