# SPDX-License-Identifier: AGPL-3.0-or-later
"""What clients send when they are set up, in their own words: the list of
models, the check of the connection with a model of their own choice, the
preflights of those that run in a browser. docs/clients.md recommends the
options that are set here."""
import json
import urllib.parse

import pytest

from support.shape import (check_completion, check_error, check_keys,
                           check_stream)
from support.upstream import MODELS

LLAMA = MODELS[0]["id"]
KEY = "sk-right"
BEARER = ("Authorization", f"Bearer {KEY}")

# What a web app of this machine and one from elsewhere are called by.
LOCAL = "http://localhost:3210"
FOREIGN = "https://app.nextchat.dev"

# The models that their programs ask for unless they are told otherwise.
LOBE_CHAT_CHECKS = ["gpt-5-nano", "gpt-5-mini", "gpt-4o-mini"]
NEXT_CHAT_DEFAULT = "gpt-4o-mini"

# Chromium's list for the official client in a page. Firefox names User-Agent
# too where a page sets it.
SDK_HEADERS = ("x-stainless-arch,x-stainless-lang,x-stainless-os,"
               "x-stainless-package-version,x-stainless-retry-count,"
               "x-stainless-runtime,x-stainless-runtime-version")
SDK_IN_NODE = [("Accept", "application/json"),
               ("User-Agent", "OpenAI/JS 6.49.0"),
               ("X-Stainless-Retry-Count", "0"), ("X-Stainless-Lang", "js"),
               ("X-Stainless-Package-Version", "6.49.0"),
               ("X-Stainless-OS", "Linux"), ("X-Stainless-Arch", "x64"),
               ("X-Stainless-Runtime", "node"),
               ("X-Stainless-Runtime-Version", "v20.20.2"),
               ("Accept-Language", "*"), ("Sec-Fetch-Mode", "cors"),
               ("Accept-Encoding", "gzip, deflate")]
SDK_IN_A_PAGE = [("Accept", "*/*"), ("X-Stainless-Retry-Count", "0"),
                 ("X-Stainless-Lang", "js"), ("X-Stainless-OS", "Unknown"),
                 ("X-Stainless-Arch", "unknown"),
                 ("X-Stainless-Package-Version", "6.49.0"),
                 ("X-Stainless-Runtime", "browser:chrome"),
                 ("X-Stainless-Runtime-Version", "156.0.0")]
AIOHTTP = [("Accept", "*/*"), ("Accept-Encoding", "gzip, deflate, br"),
           ("User-Agent", "Python/3.11 aiohttp/3.12.15")]


@pytest.fixture
def ready(start):
    """Starts programs and lets them fetch the list of models, without which
    no model is known to be unknown."""
    def start_ready(**options):
        program = start(**options)
        assert program.get("/v1/models", [BEARER]).status == 200
        return program

    return start_ready


class Page:
    """A page in a browser: asks with its origin, first whether it may."""

    def __init__(self, program, origin, asked):
        self.program = program
        self.asked = asked  # the headers it wants to send, in lower case
        self.origin = [("Origin", origin), ("Referer", origin + "/"),
                       ("Sec-Fetch-Mode", "cors"),
                       ("Sec-Fetch-Site", "cross-site"),
                       ("Sec-Fetch-Dest", "empty")]

    def send(self, method, path, body=None, headers=()):
        """What a browser makes of fetch(): the answer, if the page may read
        it."""
        self._preflight(method, path)
        response = self.program.ask(method, path, body,
                                    [*headers, *self.origin])
        self._check_readable(response)
        exposed = response.header("Access-Control-Expose-Headers")
        assert "x-request-id" in exposed.lower().split(", ")
        return response

    def _preflight(self, method, path):
        """It names no key."""
        response = self.program.ask("OPTIONS", path, headers=[
            *self.origin, ("Accept", "*/*"),
            ("Access-Control-Request-Method", method),
            ("Access-Control-Request-Headers", self.asked),
            ("Access-Control-Request-Private-Network", "true")])
        assert 200 <= response.status < 300
        self._check_readable(response)
        methods = response.header("Access-Control-Allow-Methods")
        assert method in methods.split(", ")
        # "*" would not stand for Authorization.
        allowed = response.header("Access-Control-Allow-Headers")
        assert set(self.asked.split(",")) <= {
            name.strip().lower() for name in allowed.split(",")}
        assert response.header(
            "Access-Control-Allow-Private-Network") == "true"

    def _check_readable(self, response):
        allowed = response.header("Access-Control-Allow-Origin")
        assert allowed in ("*", dict(self.origin)["Origin"])
        # Only a page that sends cookies would need the name and this one.
        assert response.header("Access-Control-Allow-Credentials") is None


def check_models(response):
    """A list that clients can show: ids, each as a string, in data."""
    assert response.status == 200, response.read()
    assert response.header("Content-Type") == "application/json"
    value = response.json()
    check_keys(value, {"object", "data"})
    assert value["object"] == "list"
    for model in value["data"]:
        assert model["object"] == "model"
        assert isinstance(model["created"], int)
        assert isinstance(model["owned_by"], str)
    ids = [model["id"] for model in value["data"]]
    for model in MODELS:
        assert (model["id"] in ids) == model.get("available", True)
    return ids


def check_whole(response):
    """A whole answer: its text."""
    assert response.status == 200, response.read()
    assert response.header("Content-Type") == "application/json"
    return check_completion(response.json())["content"]


def check_streamed(response, include_usage=False):
    """A stream by its whole body; returns what its chunks said."""
    assert response.status == 200, response.read()
    # NextChat shows a stream of any other type as an error.
    assert response.header("Content-Type").startswith("text/event-stream")
    events = response.read().decode().removesuffix("\n\n").split("\n\n")
    return check_stream([event.removeprefix("data: ") for event in events],
                        include_usage)


def asked_model(upstream):
    return upstream.of_kind("chat")[-1].json()["model"]


# ---- Open WebUI -----------------------------------------------------------

def test_open_webui_verifies_its_connection(ready):
    """From its server, with a key and with what it tells of its user."""
    program = ready(SERVER_ADDRESS=":0", BEARER_TOKEN=KEY)
    user = [("X-OpenWebUI-User-Name", urllib.parse.quote("Zoë 王")),
            ("X-OpenWebUI-User-Id", "1f0c"),
            ("X-OpenWebUI-User-Email", "zoe@example.com"),
            ("X-OpenWebUI-User-Role", "admin")]
    for path in ("/v1/models", "/models", "/v1/v1/models", "/v1/models/"):
        check_models(program.get(path, [BEARER, *user, *AIOHTTP]))


def test_open_webui_without_a_key(ready):
    """It sends no header at all then."""
    check_models(ready().get("/v1/models", AIOHTTP))
    message = check_error(ready(BEARER_TOKEN=KEY).get("/v1/models", AIOHTTP),
                          401, None)
    assert "API key" in message


def test_open_webui_verifies_a_direct_connection(ready):
    """From the browser: a GET with a Content-Type, and Bearer alone where
    the key is empty."""
    asked = "authorization,content-type"
    headers = [("Accept", "application/json"),
               ("Content-Type", "application/json")]
    for key in ("Bearer ", "Bearer none"):
        page = Page(ready(), "http://localhost:3000", asked)
        check_models(page.send("GET", "/v1/models", headers=[
            ("Authorization", key), *headers]))
    page = Page(ready(BEARER_TOKEN=KEY), "https://webui.example.com", asked)
    check_models(page.send("GET", "/v1/models", headers=[BEARER, *headers]))


def test_open_webui_chats_and_asks_for_a_title(ready, upstream):
    program = ready(BEARER_TOKEN=KEY)
    headers = [BEARER, ("Content-Type", "application/json"), *AIOHTTP]
    streamed = check_streamed(program.post(
        {"stream": True, "model": LLAMA,
         "messages": [{"role": "user", "content": "Hi"}],
         "stream_options": {"include_usage": True}}, headers), True)
    assert streamed.text == "Hello, world!"
    title = check_whole(program.post(
        {"model": LLAMA, "stream": False, "max_completion_tokens": 1000,
         "messages": [{"role": "user", "content": "### Task:\nA title"}]},
        headers))
    assert title == "Hello, world!"
    assert upstream.count("chat") == 2


# ---- LobeChat -------------------------------------------------------------

def lobe_chat_check(model):
    """Its check is a chat with the parameters of its default agent."""
    return {"messages": [{"content": "hello", "role": "user"}],
            "model": model, "frequency_penalty": 0, "presence_penalty": 0,
            "temperature": 1, "top_p": 1, "stream": True,
            "stream_options": {"include_usage": True}}


@pytest.mark.parametrize("model", LOBE_CHAT_CHECKS)
@pytest.mark.parametrize("options", [
    {"MODEL_ALIASES": ",".join(f"{name}={LLAMA}"
                               for name in LOBE_CHAT_CHECKS)},
    {"DEFAULT_MODEL": LLAMA}], ids=["aliases", "default"])
def test_lobe_chat_checks_from_its_server(ready, upstream, options, model):
    program = ready(BEARER_TOKEN=KEY, **options)
    check_models(program.get("/v1/models", [BEARER, *SDK_IN_NODE]))
    streamed = check_streamed(program.post(
        lobe_chat_check(model), [BEARER, *SDK_IN_NODE]), True)
    assert streamed.text
    assert asked_model(upstream) == LLAMA


@pytest.mark.parametrize("origin, options", [
    (LOCAL, {}),
    ("https://lobechat.com", {"BEARER_TOKEN": KEY}),
    ("https://lobechat.com",
     {"CORS_ALLOW_ORIGINS": f"https://lobechat.com,{LOCAL}"})],
    ids=["local", "with-a-key", "named"])
def test_lobe_chat_checks_from_the_browser(ready, origin, options):
    """Its client request mode."""
    program = ready(DEFAULT_MODEL=LLAMA, **options)
    page = Page(program, origin, f"authorization,{SDK_HEADERS}")
    check_models(page.send("GET", "/v1/models",
                           headers=[BEARER, *SDK_IN_A_PAGE]))
    page = Page(program, origin,
                f"authorization,content-type,user-agent,{SDK_HEADERS}")
    assert check_streamed(page.send(
        "POST", "/v1/chat/completions", lobe_chat_check("gpt-5-nano"),
        [BEARER, *SDK_IN_A_PAGE]), True).text


def test_lobe_chat_is_told_which_model_there_is_not(ready):
    response = ready().post(lobe_chat_check("gpt-5-nano"), SDK_IN_NODE)
    message = check_error(response, 404, "model_not_found", "model")
    assert "gpt-5-nano" in message


# ---- NextChat -------------------------------------------------------------

def next_chat_body(model=NEXT_CHAT_DEFAULT, **fields):
    return {"messages": [{"role": "system", "content": "You are ChatGPT"},
                         {"role": "user", "content": "hello"}],
            "stream": True, "model": model, "temperature": 0.5,
            "presence_penalty": 0, "frequency_penalty": 0, "top_p": 1,
            **fields}


NEXT_CHAT_HEADERS = [("Content-Type", "application/json"),
                     ("Accept", "application/json"), BEARER]


@pytest.mark.parametrize("origin, options", [
    (LOCAL, {}), ("tauri://localhost", {}),
    (FOREIGN, {"BEARER_TOKEN": KEY})], ids=["local", "app", "with-a-key"])
@pytest.mark.parametrize("base", ["", "/v1"])
def test_next_chat_talks_from_the_browser(ready, upstream, base, origin,
                                          options):
    """It puts v1/ behind the address that it is given. A chat is followed by
    a request for its title, which is not streamed."""
    program = ready(MODEL_ALIASES=f"{NEXT_CHAT_DEFAULT}={LLAMA}", **options)
    page = Page(program, origin, "authorization,content-type")
    path = f"{base}/v1/chat/completions"
    response = page.send("POST", path, next_chat_body(), NEXT_CHAT_HEADERS)
    assert check_streamed(response).text == "Hello, world!"
    response = page.send("POST", path, next_chat_body(stream=False),
                         NEXT_CHAT_HEADERS)
    assert check_whole(response) == "Hello, world!"
    assert asked_model(upstream) == LLAMA


def test_next_chat_thinks_that_a_model_reasons(ready):
    """By its name; then it sends a developer message and a limit."""
    program = ready(MODEL_ALIASES=f"o3-mini={LLAMA}")
    body = next_chat_body("o3-mini", max_completion_tokens=4000,
                          temperature=1)
    body["messages"][0] = {"role": "developer",
                           "content": "Formatting re-enabled"}
    response = program.post(body, NEXT_CHAT_HEADERS)
    assert check_streamed(response).text == "Hello, world!"


def test_next_chat_asks_for_a_balance(ready):
    """There is none, which is told in JSON that the page may read."""
    page = Page(ready(BEARER_TOKEN=KEY), FOREIGN,
                "authorization,content-type")
    for path in ("/dashboard/billing/usage?start_date=2026-11-01"
                 "&end_date=2026-11-24", "/dashboard/billing/subscription"):
        check_error(page.send("GET", path, headers=NEXT_CHAT_HEADERS), 404,
                    "unknown_url")


def test_next_chat_asks_from_its_server(ready):
    """Through /api/openai of its own."""
    program = ready(BEARER_TOKEN=KEY, DEFAULT_MODEL=LLAMA)
    headers = [("Content-Type", "application/json"),
               ("Cache-Control", "no-store"), BEARER]
    check_models(program.get("/v1/models", headers))
    assert check_streamed(program.post(next_chat_body(), headers)).text


# ---- Cherry Studio --------------------------------------------------------

CHERRY_STUDIO = [("HTTP-Referer", "https://cherry-ai.com"),
                 ("X-Title", "Cherry Studio"), ("X-Api-Key", KEY), BEARER]


@pytest.mark.parametrize("options", [{}, {"BEARER_TOKEN": KEY}],
                         ids=["open", "with-a-key"])
def test_cherry_studio_manages_and_checks(ready, options):
    """Its window has no web security, so that it sends no origin."""
    program = ready(**options)
    ids = check_models(program.get("/v1/models",
                                   [*CHERRY_STUDIO, *SDK_IN_A_PAGE]))
    for stream in (False, True):
        response = program.post(
            {"model": ids[0], "stream": stream,
             "messages": [{"role": "user", "content": "hi"}]},
            [*CHERRY_STUDIO, *SDK_IN_A_PAGE])
        assert (check_streamed(response).text if stream
                else check_whole(response))


# ---- Cline ----------------------------------------------------------------

def test_cline_begins_a_task(ready, upstream):
    """No check, but a long prompt, arrays of parts and a wish for usage."""
    prompt = "You are Cline, a highly skilled software engineer.\n" * 1000
    parts = ["<task>\nFix it\n</task>", "# task_progress",
             "<environment_details>\n# Files\n</environment_details>"]
    response = ready(BEARER_TOKEN=KEY).post(
        {"model": LLAMA, "temperature": 0, "stream": True,
         "stream_options": {"include_usage": True},
         "messages": [
             {"role": "system", "content": prompt},
             {"role": "user", "content": [
                 {"type": "text", "text": part} for part in parts]}]},
        [BEARER, *SDK_IN_NODE])
    streamed = check_streamed(response, include_usage=True)
    assert streamed.text == "Hello, world!"
    assert streamed.usage["prompt_tokens"] >= len(prompt) // 4
    asked = upstream.chat_body()
    assert asked["system"] == prompt
    assert json.dumps(asked["messages"]).count("environment_details") >= 2
    assert 0 < asked["temperature"] < 0.01
