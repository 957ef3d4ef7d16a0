# SPDX-License-Identifier: AGPL-3.0-or-later
"""What goes to the upstream, as the upstream recorded it."""
import pytest

from support.shape import check_completion

USER = {"role": "user", "content": "Hi"}


def sent(program, upstream, *messages, **fields):
    """The body that a chat with these messages became."""
    response = program.post({"model": "AkashGen", "messages": messages,
                             **fields})
    assert response.status == 200, response.read()
    return upstream.chat_body()


def test_a_plain_chat_becomes_what_the_web_page_sends(program, upstream):
    body = sent(program, upstream, USER)
    assert body.keys() == {"id", "messages", "model", "system",
                           "temperature", "topP", "context"}
    assert isinstance(body["id"], str) and body["id"]
    assert body["model"] == "AkashGen"
    assert body["system"] == " "
    assert body["temperature"] == 0.85
    assert body["topP"] == 1.0
    assert body["context"] == []
    [message] = body["messages"]
    assert isinstance(message.pop("id"), str)
    assert message == {"role": "user", "content": "Hi",
                       "parts": [{"type": "text", "text": "Hi"}]}


def test_headers_of_a_chat(program, upstream):
    program.chat()
    [request] = upstream.of_kind("chat")
    [token] = upstream.tokens()
    assert request.header("Cookie") == f"session_token={token}"
    assert request.header("User-Agent").startswith("Mozilla/5.0 ")
    assert request.header("Content-Type") == "application/json"
    assert request.header("Host") == f"127.0.0.1:{upstream.port}"
    assert request.header("Accept-Encoding") in (None, "identity")
    assert request.header("Expect") is None
    names = {name.lower() for name, _ in request.headers}
    assert names <= {"cookie", "user-agent", "content-type", "host",
                     "accept", "accept-encoding", "content-length",
                     "connection"}


def test_headers_of_the_session_and_the_list(program, upstream):
    program.get("/v1/models")
    [session] = upstream.of_kind("session")
    [models] = upstream.of_kind("models")
    assert session.header("User-Agent").startswith("Mozilla/5.0 ")
    assert session.header("Cookie") is None
    assert models.header("Cookie") == f"session_token={upstream.tokens()[0]}"


def test_user_agent_is_an_option(start, upstream):
    start(UPSTREAM_USER_AGENT="curl/8.0 (x)").chat()
    assert {request.header("User-Agent") for request in upstream.requests} \
        == {"curl/8.0 (x)"}


def test_empty_user_agent_gives_the_program_s_name(start, upstream):
    start(UPSTREAM_USER_AGENT="").chat()
    agents = {request.header("User-Agent") for request in upstream.requests}
    assert len(agents) == 1 and agents.pop().startswith("akashchat-api/")


def test_path_of_the_base_url_goes_in_front(start, upstream):
    def site(exchange):
        exchange.request.path = exchange.request.path.removeprefix("/app")
        {"/api/auth/session/": upstream.grant_session,
         "/api/models/": upstream.list_models,
         "/api/chat/": upstream.on_chat}[exchange.request.path](exchange)

    upstream.on_other = site
    for url in (upstream.url + "/app", upstream.url + "/app/"):
        response = start(AKASH_BASE_URL=url).chat()
        assert response.status == 200, response.read()
    assert upstream.requests[0].header("Host") == f"127.0.0.1:{upstream.port}"


def test_system_and_developer_messages_are_joined(program, upstream):
    body = sent(program, upstream,
                {"role": "system", "content": "One."}, USER,
                {"role": "developer", "content": [
                    {"type": "text", "text": "T"},
                    {"type": "text", "text": "wo."}]},
                {"role": "assistant", "content": "Yes?"},
                {"role": "system", "content": "Three."}, USER)
    assert body["system"] == "One.\n\nTwo.\n\nThree."
    assert [message["role"] for message in body["messages"]] == [
        "user", "assistant", "user"]


def test_empty_system_messages_leave_no_blank_lines(program, upstream):
    body = sent(program, upstream, {"role": "system", "content": ""},
                {"role": "system", "content": "A"},
                {"role": "system", "content": []},
                {"role": "system", "content": "B"}, USER)
    assert body["system"] == "A\n\nB"


def test_empty_system_message_counts_as_none(program, upstream):
    body = sent(program, upstream, {"role": "system", "content": ""}, USER)
    assert body["system"] == " "


def test_system_prompt_stands_in_for_a_missing_one(start, upstream):
    program = start(SYSTEM_PROMPT="Be brief.\nVery.")
    assert sent(program, upstream, USER)["system"] == "Be brief.\nVery."


def test_system_message_beats_the_system_prompt(start, upstream):
    program = start(SYSTEM_PROMPT="Be brief.")
    body = sent(program, upstream, {"role": "system", "content": "Long."},
                USER)
    assert body["system"] == "Long."


@pytest.mark.parametrize("fields, key, value", [
    ({"temperature": 0.3}, "temperature", 0.3),
    ({"temperature": 2}, "temperature", 2),
    ({"temperature": None}, "temperature", 0.85),
    ({"top_p": 0.5}, "topP", 0.5),
    ({"topP": 0.25}, "topP", 0.25),
    ({"top_p": 0.5, "topP": 0.25}, "topP", 0.5),
    ({"top_p": None, "topP": 0.25}, "topP", 0.25),
    ({"top_p": None}, "topP", 1.0),
])
def test_numbers_are_passed_on(program, upstream, fields, key, value):
    assert sent(program, upstream, USER, **fields)[key] == value


@pytest.mark.parametrize("zero", [0, 0.0, -0.0, 1e-300])
@pytest.mark.parametrize("asked, key", [
    ("temperature", "temperature"), ("top_p", "topP"), ("topP", "topP")])
def test_zero_is_sent_as_a_tiny_number(program, upstream, zero, asked, key):
    """The site takes 0 for absent."""
    assert 0 < sent(program, upstream, USER, **{asked: zero})[key] <= 0.001


def test_defaults_are_options(start, upstream):
    program = start(DEFAULT_TEMPERATURE="0.1", DEFAULT_TOP_P="0.2")
    body = sent(program, upstream, USER)
    assert (body["temperature"], body["topP"]) == (0.1, 0.2)


def test_empty_defaults_leave_the_numbers_out(start, upstream):
    program = start(DEFAULT_TEMPERATURE="", DEFAULT_TOP_P="")
    assert not sent(program, upstream, USER).keys() & {
        "temperature", "topP", "top_p"}


def test_empty_defaults_do_not_hide_what_is_asked_for(start, upstream):
    program = start(DEFAULT_TEMPERATURE="", DEFAULT_TOP_P="")
    body = sent(program, upstream, USER, temperature=0.5, top_p=0.5)
    assert (body["temperature"], body["topP"]) == (0.5, 0.5)


@pytest.mark.parametrize("content, expected", [
    ([{"type": "text", "text": "a"}, {"type": "text", "text": "b"}], "ab"),
    ([{"type": "text", "text": "a\n"}, {"type": "text", "text": ""}], "a\n"),
    ([{"type": "text", "text": "x", "cache_control": {"type": "e"}}], "x"),
    ([], ""),
    ("", ""),
    ("NUL \0 😀 \u2028 \"\\\n", "NUL \0 😀 \u2028 \"\\\n"),
])
def test_content_is_one_string_and_one_part(program, upstream, content,
                                            expected):
    body = sent(program, upstream, {"role": "user", "content": content})
    [message] = body["messages"]
    assert message["content"] == expected
    assert message["parts"] == [{"type": "text", "text": expected}]


@pytest.mark.parametrize("message", [
    {"role": "assistant", "content": None}, {"role": "assistant"}])
def test_null_content_of_an_assistant_is_empty(program, upstream, message):
    body = sent(program, upstream, USER, message, USER)
    assert body["messages"][1]["content"] == ""
    assert body["messages"][1]["role"] == "assistant"


def test_conversation_keeps_its_order(program, upstream):
    turns = [("user", "1"), ("user", "2"), ("assistant", "3"),
             ("user", "4"), ("assistant", "5")]
    body = sent(program, upstream,
                *({"role": role, "content": text} for role, text in turns))
    assert [(one["role"], one["content"]) for one in body["messages"]] \
        == turns
    ids = [message["id"] for message in body["messages"]]
    assert len(set(ids)) == len(ids)


def test_lone_surrogate_of_a_request_becomes_a_replacement(
        program, upstream):
    response = program.post(
        b'{"model":"AkashGen","messages":[{"role":"user",'
        b'"content":"a\\ud83db"}]}')
    check_completion(response.json())
    assert upstream.chat_body()["messages"][0]["content"] == "a\ufffdb"


def test_only_known_fields_go_to_the_upstream(program, upstream):
    body = sent(program, upstream, {**USER, "name": "Ann"},
                user="ann", seed=1, max_tokens=5, stream=False, stop=["x"],
                metadata={"a": "b"}, context=["x"], system="sneaked in")
    assert body["context"] == [] and body["system"] == " "
    assert body.keys() == {"id", "messages", "model", "system",
                           "temperature", "topP", "context"}
    assert body["messages"][0].keys() == {"id", "role", "content", "parts"}


def test_large_conversation_arrives_whole(program, upstream):
    text = "Grüße 😀 " * 200_000
    body = sent(program, upstream, {"role": "user", "content": text})
    if body["messages"][0]["content"] != text:
        pytest.fail("the text was changed")


def test_model_s_name_is_passed_as_it_is(start, upstream):
    program = start(UNKNOWN_MODELS="pass")
    model = 'Ω/"quoted"\\\n'
    response = program.chat(model=model)
    assert response.json()["model"] == model
    assert upstream.chat_body()["model"] == model


SPECIAL = ["<|endoftext|>", "<|fim_prefix|>", "<|fim_middle|>",
           "<|fim_suffix|>", "<|endofprompt|>"]


def test_special_tokens_stand_in_parts_alone(program, upstream):
    """In content and system they make the site's tokenizer fail."""
    text = "a" + "b".join(SPECIAL) + "c <| |> <|im_start|>"
    messages = [{"role": "system", "content": text},
                {"role": "user", "content": text}]
    assert program.post({"model": "Meta-Llama-3-3-70B-Instruct",
                         "messages": messages}).status == 200
    body = upstream.chat_body()
    sent = body["messages"][0]
    assert sent["parts"] == [{"type": "text", "text": text}]
    for armed in (sent["content"], body["system"]):
        assert not any(token in armed for token in SPECIAL)
        assert armed.replace("\u200b", "") == text
        assert "<|im_start|>" in armed
