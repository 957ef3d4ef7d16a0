# SPDX-License-Identifier: AGPL-3.0-or-later
"""Web pages in a real browser, preflights and all: which may use the program,
and what they see."""
import json
import threading

import pytest

from support import GUARD_S
from support import datastream as ds
from support.shape import check_stream
from support.upstream import MODELS

pytestmark = pytest.mark.needs("browser")

LOCAL = "localhost"
FOREIGN = "evil.test"
KEY = "sk-right"


def base_of(program, host="localhost"):
    return f"http://{host}:{program.port}/v1"


def chat_url(program):
    return f"{base_of(program)}/chat/completions"


def models_url(program):
    return f"{base_of(program)}/models"


def check_answer(seen, status=200):
    """The page saw an answer, and its id; returns the answer's JSON."""
    assert "error" not in seen, seen
    assert seen["status"] == status
    assert seen["headers"]["x-request-id"].startswith("req_")
    return json.loads(seen["text"])


def check_nothing_seen(seen):
    assert seen == {"error": "TypeError: Failed to fetch"}


def statuses(program, method, route=None):
    """The statuses that were answered to requests with a method."""
    return [int(line.get("status")) for line in program.log("request")
            if line.get("method") == method and
            route in (None, line.get("route"))]


# ---- a page of this machine -----------------------------------------------

@pytest.mark.parametrize("host", [LOCAL, "127.0.0.1", "app.localhost"])
def test_local_page_lists_models(visit, program, host):
    page = visit(host)
    seen = page.run("get", models_url(program), "none")
    ids = [model["id"] for model in check_answer(seen)["data"]]
    assert MODELS[0]["id"] in ids
    program.wait_log("request", method="GET")
    # The Authorization header made it ask before.
    assert statuses(program, "OPTIONS") == [204]
    assert page.cors_errors() == []


def test_preflight_holds_for_a_while(visit, program):
    page = visit(LOCAL)
    for _ in range(3):
        check_answer(page.run("get", models_url(program), "none"))
    program.wait_log("request", count=3, method="GET")
    assert statuses(program, "OPTIONS") == [204]


def test_local_page_chats(visit, program):
    seen = visit(LOCAL).run("chat", chat_url(program), "none", {})
    message = check_answer(seen)["choices"][0]["message"]
    assert message["content"] == "Hello, world!"


def test_local_page_streams(visit, program, upstream):
    """Each piece when it comes: the upstream goes on when the page has the
    first."""
    read = threading.Event()

    def handle(exchange):
        exchange.start()
        exchange.send_chunk(ds.text("first"))
        exchange.wait(read)
        exchange.send_chunk(ds.text(" second"))
        exchange.send_chunk(b"".join(ds.ends()))
        exchange.end()

    upstream.on_chat = handle
    page = visit(LOCAL)
    assert page.run("openStream", chat_url(program), "none") == 200
    body = page.run("readUntil", "first")
    assert "second" not in body
    read.set()
    body += page.run("readUntil", None)
    payloads = [event.removeprefix("data: ")
                for event in body.removesuffix("\n\n").split("\n\n")]
    assert check_stream(payloads).text == "first second"


@pytest.mark.parametrize("how", ["abort", "close"])
def test_page_that_leaves_a_stream_ends_it_at_the_upstream(
        visit, program, upstream, how):
    gone = threading.Event()

    def handle(exchange):
        exchange.start()
        exchange.send_chunk(ds.text("first"))
        exchange.wait_gone()
        gone.set()

    upstream.on_chat = handle
    page = visit(LOCAL)
    page.run("openStream", chat_url(program), "none")
    page.run("readUntil", "first")
    if how == "abort":
        page.run("leaveStream")
    else:
        page.run("window.location.replace", "about:blank")
    assert gone.wait(GUARD_S)
    line = program.wait_log("request", route="chat", method="POST")
    assert line.get("end") == "client_gone"


def test_local_page_sees_errors(visit, program, upstream):
    upstream.on_chat = ds.reply(429, headers=[("Retry-After", "7")])
    page = visit(LOCAL)
    seen = page.run("chat", chat_url(program), "none", {})
    body = check_answer(seen, 429)
    assert body["error"]["code"] == "rate_limit_exceeded"
    assert seen["headers"]["retry-after"] == "7"
    upstream.on_chat = ds.reply(403, b"<html>Who are you?</html>",
                                "text/html")
    seen = page.run("chat", chat_url(program), "none", {})
    assert check_answer(seen, 502)["error"]["code"] == "upstream_challenge"
    assert seen["headers"]["x-should-retry"] == "false"
    seen = page.run("chat", chat_url(program), "none", {"temperature": 3})
    assert check_answer(seen, 400)["error"]["param"] == "temperature"
    seen = page.run("get", f"{models_url(program)}/no/model", "none")
    assert check_answer(seen, 404)["error"]["code"] == "model_not_found"
    assert page.cors_errors() == []


def test_local_page_sees_that_there_is_nothing_at_a_url(visit, program):
    page = visit(LOCAL)
    seen = page.run("get", f"{base_of(program)}/nothing", "none")
    assert page.cors_errors() == []
    assert check_answer(seen, 404)["error"]["code"] == "unknown_url"


def test_local_page_sees_that_its_body_is_too_large(visit, start):
    program = start(MAX_BODY_SIZE="4096")
    page = visit(LOCAL)
    seen = page.run("chat", chat_url(program), "none", {"user": "x" * 5000})
    assert page.cors_errors() == []
    assert check_answer(seen, 413)["error"]["code"] == "request_too_large"


# ---- the official client in a page ----------------------------------------

@pytest.mark.needs("node")
def test_official_client_works_in_a_page(visit, program):
    page = visit(LOCAL)
    ids = page.run("listWithClient", base_of(program))
    assert MODELS[0]["id"] in ids
    assert page.run("streamWithClient", base_of(program)) == "Hello, world!"
    assert page.cors_errors() == []


@pytest.mark.needs("node")
def test_official_client_in_a_page_sees_errors(visit, program):
    name, status, code, request_id = visit(LOCAL).run(
        "failWithClient", base_of(program))
    assert (name, status, code) == ("NotFoundError", 404, "model_not_found")
    assert request_id.startswith("req_")


# ---- a page from elsewhere ------------------------------------------------

def test_foreign_page_is_refused(visit, program, upstream):
    page = visit(FOREIGN)
    check_nothing_seen(page.run("get", models_url(program), "none"))
    check_nothing_seen(page.run("chat", chat_url(program), "none", {}))
    check_nothing_seen(page.run("chat", chat_url(program), "none",
                                {"stream": True}))
    page.wait_cors_errors(3)
    program.wait_log("request", count=3)
    assert statuses(program, "OPTIONS") == [403] * 3
    assert len(program.log("request")) == 3
    assert upstream.requests == []


def test_foreign_page_is_refused_without_a_preflight_too(
        visit, program, upstream):
    """Requests that a form could send reach the program, but do nothing."""
    page = visit(FOREIGN)
    check_nothing_seen(page.run("plainGet", models_url(program)))
    check_nothing_seen(page.run("plainPost", chat_url(program)))
    program.wait_log("request", count=2)
    assert statuses(program, "GET") == [403]
    assert statuses(program, "POST") == [403]
    assert upstream.requests == []


def test_foreign_page_is_refused_by_any_name_of_the_program(
        visit, program, upstream):
    page = visit(FOREIGN)
    for host in ("127.0.0.1", "localhost", FOREIGN):
        url = f"{base_of(program, host)}/chat/completions"
        check_nothing_seen(page.run("chat", url, "none", {}))
        check_nothing_seen(page.run("plainPost", url))
    assert upstream.requests == []


def test_page_without_an_origin_is_refused(visit, program, upstream):
    seen = visit(LOCAL).run("askFromSandbox", models_url(program))
    check_nothing_seen(seen)
    program.wait_log("request")
    assert statuses(program, "GET") == [403]
    assert upstream.requests == []


def test_rebound_name_does_not_open_the_chat(browser, program, upstream):
    """A foreign name that leads to the program itself: its page has the
    program's origin, and may not chat all the same."""
    page = browser.open(f"http://{FOREIGN}:{program.port}/health")
    try:
        answered = page.run("""(async (body) => {
            const response = await fetch("/v1/chat/completions",
                {method: "POST", body});
            return response.status;
        })""", json.dumps({"model": MODELS[0]["id"], "messages": [
            {"role": "user", "content": "Hi"}]}))
    finally:
        page.close()
    assert answered == 403
    assert upstream.requests == []


# ---- pages that the operator lets in --------------------------------------

def test_named_page_may_use_it_and_no_other(visit, pages, start):
    program = start(
        CORS_ALLOW_ORIGINS=f"https://chat.example.com,{pages.origin(FOREIGN)}")
    page = visit(FOREIGN)
    check_answer(page.run("get", models_url(program), "none"))
    check_answer(page.run("chat", chat_url(program), "none", {}))
    assert page.run("openStream", chat_url(program), "none") == 200
    assert "[DONE]" in page.run("readUntil", None)
    other = visit(LOCAL)
    check_nothing_seen(other.run("get", models_url(program), "none"))
    assert page.cors_errors() == []
    other.wait_cors_errors(1)


def test_every_page_may_use_it_if_all_are_named(visit, start):
    program = start(CORS_ALLOW_ORIGINS="*")
    for host in (LOCAL, FOREIGN):
        check_answer(visit(host).run("chat", chat_url(program), "none", {}))


def test_every_page_may_use_it_with_the_key(visit, start, upstream):
    program = start(BEARER_TOKEN=KEY)
    page = visit(FOREIGN)
    for key in (None, "wrong"):
        seen = page.run("get", models_url(program), key)
        check_answer(seen, 401)
    assert upstream.requests == []
    check_answer(page.run("get", models_url(program), KEY))
    check_answer(page.run("chat", chat_url(program), KEY, {}))
    assert page.run("openStream", chat_url(program), KEY) == 200
    assert "[DONE]" in page.run("readUntil", None)
    assert page.cors_errors() == []
