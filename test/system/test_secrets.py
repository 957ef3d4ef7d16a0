# SPDX-License-Identifier: AGPL-3.0-or-later
"""Marked secrets and texts go in through every door; whatever comes out (log,
standard output, /metrics, heads and bodies) is looked through for them."""
import base64
import hashlib
import itertools
import json

import pytest

from support import datastream as ds
from support.client import chat_body
from support.keys import key_of, line
from support.pictures import Studio, job_lines, png
from support.program import run
from support.proxies import NAME
from support.shape import check_error
from support.upstream import Upstream, unused_port

MARK = "Zx9q"
LLAMA = "Meta-Llama-3-3-70B-Instruct"
NAMES = ("alice", "slow", "old", "narrow")


class Marks:
    """Words, each of its own, that stand for secrets and texts."""

    def __init__(self):
        self.words = set()
        self._numbers = itertools.count()

    def new(self, kind):
        word = f"{MARK}-{kind}-{next(self._numbers)}"
        self.words.add(word)
        return word


class Everything:
    """A program with a secret in each option that has one, the keys behind
    the names of a file, and all that it has answered."""

    def __init__(self, start, upstream, folder, **options):
        self.marks = Marks()
        self.upstream = upstream
        self.keys = {name: self.marks.new(f"key-{name}") for name in NAMES}
        self.keys["default"] = self.marks.new("token")
        self.answered = 0
        path = folder / "keys"
        path.write_text(
            line("padding") + self._line("alice") +
            self._line("slow", "rpm=1") + self._line("narrow", "models=x") +
            self._line("old", "expires=2020-01-01"))
        token = folder / "token"
        token.write_text(self.keys["default"] + "\n")
        self.options = {
            "BEARER_TOKEN_FILE": str(token), "API_KEYS_FILE": str(path),
            "UPSTREAM_COOKIES": f"cf={self.marks.new('cookies')}",
            "AKASH_ACCESS_TOKEN": self.marks.new("access"),
            "SYSTEM_PROMPT": self.marks.new("prompt"),
            "ALL_PROXY": f"http://joe:{self.marks.new('proxy')}@127.0.0.1:1",
            "IMAGE_URLS": "proxy", "UPSTREAM_RETRIES": "0",
            "LOG_LEVEL": "debug", "TRUSTED_PROXIES": "127.0.0.1", **options}
        upstream.on_session = self._grant
        self.program = start(**self.options)

    def _line(self, name, settings=""):
        digest = hashlib.sha256(self.keys[name].encode()).hexdigest()
        return f"{name} {digest} {settings}\n"

    def _grant(self, exchange):
        """A session, and a cookie that nobody asked for."""
        self.upstream.grant_session(exchange, [
            ("set-cookie", f"track={self.marks.new('tracking')}; Path=/")])

    def bearer(self, name="default"):
        return ("Authorization", f"Bearer {self.keys[name]}")

    def ask(self, status, path, body=None, headers=None, method=None,
            may_tell=()):
        """Asks with a secret in each header that may hold one and checks the
        answer; may_tell: the texts that its body may have."""
        if headers is None:
            headers = [self.bearer()]
        new = self.marks.new
        headers = [*headers, ("Cookie", f"sid={new('sid')}"),
                   ("Proxy-Authorization", f"Basic {new('basic')}"),
                   ("X-Forwarded-For", f"{new('xff')}, 192.0.2.1"),
                   ("Referer", f"https://a.example/?t={new('referer')}"),
                   ("OpenAI-Organization", new("organization")),
                   ("User-Agent", new("agent")),
                   ("X-Request-Id", f"not an id: {new('id')}")]
        path += f"?api_key={new('query')}"
        response = self.program.ask(
            method or ("GET" if body is None else "POST"), path, body,
            headers)
        assert response.status == status, (path, response.read())
        self.look_through(response, may_tell)
        return response

    def look_through(self, response, may_tell=()):
        self.answered += 1
        head = "\n".join(f"{name}: {value}"
                         for name, value in response.headers)
        body = response.read().decode("utf-8", "replace")
        for text in may_tell:
            body = body.replace(text, "")
        self.check(head, body)

    def check(self, *texts):
        for text in texts:
            at = text.find(MARK)
            assert at < 0, text[max(0, at - 200):at + 200]
            for token in self.upstream.tokens():
                assert token not in text

    def check_log(self):
        """Stops the program first."""
        self.program.stop()
        assert len(self.program.lines) > self.answered
        self.check(*self.program.lines)


@pytest.fixture(params=["text", "json"])
def everything(start, upstream, tmp_path, request):
    one = Everything(start, upstream, tmp_path, LOG_FORMAT=request.param)
    yield one
    metrics = one.program.get("/metrics", [one.bearer()])
    assert metrics.status == 200
    one.look_through(metrics)
    one.check_log()
    if request.param == "json":
        for text in one.program.lines:
            assert isinstance(json.loads(text), dict)


def test_keys(everything):
    """The right ones, wrong ones, and all that is no key, in every header."""
    new = everything.marks.new
    keys = everything.keys
    for name in ("Authorization", "x-api-key", "api-key"):
        for key, status in ((keys["default"], 200), (keys["alice"], 200),
                            (keys["old"], 401), (new("wrong"), 401),
                            (keys["alice"][:-1], 401),
                            (keys["alice"] + "x", 401)):
            value = f"Bearer {key}" if name == "Authorization" else key
            everything.ask(status, "/v1/models", headers=[(name, value)])
            everything.ask(status, "/v1/chat/completions", chat_body("x"),
                           [(name, value)])
    for value in ("Basic {}", "Token {}", "Bearer{}", "{}", "Bearer {} x",
                  "bearer  {},{}", "Digest username=\"{}\""):
        everything.ask(401, "/v1/models",
                       headers=[("Authorization", value.format(
                           new("variant"), new("variant")))])
        everything.ask(401, "/v1/chat/completions", b"{",
                       headers=[("Authorization", value.format(
                           keys["alice"], "x"))])
    two = [("Authorization", f"Bearer {new('one')}"),
           ("x-api-key", new("other"))]
    everything.ask(401, "/v1/models", headers=two)
    for path in ("/metrics", "/v1/nothing", "/v1/models/none"):
        everything.ask(401, path, headers=[("api-key", new("wrong"))])
    # The limits of a key.
    for status in (200, 429):
        everything.ask(status, "/v1/chat/completions", chat_body(new("text")),
                       [everything.bearer("slow")])
    everything.ask(404, "/v1/chat/completions", chat_body(new("text")),
                   [everything.bearer("narrow")])


def texts_of(new):
    """A conversation with a marked text in each place for one."""
    return [{"role": "system", "content": new("system")},
            {"role": "developer", "content": new("developer")},
            {"role": "user", "name": new("name"), "content": [
                {"type": "text", "text": new("part")},
                {"type": "image_url", "image_url": {
                    "url": f"https://a.example/x.png?sig={new('sig')}"}}]},
            {"role": "assistant", "content": None, "tool_calls": [
                {"id": new("call"), "type": "function", "function": {
                    "name": "f", "arguments": json.dumps(new("args"))}}]},
            {"role": "tool", "tool_call_id": new("call"),
             "content": new("tool")},
            {"role": "user", "content": new("user")}]


def test_texts_of_chats(everything):
    new = everything.marks.new

    def ask(status, may_tell=(), **fields):
        for stream in (False, True):
            body = {**chat_body(), "messages": texts_of(new),
                    "user": new("end-user"), "metadata": {"k": new("meta")},
                    "stop": [new("stop")], "stream": stream, **fields}
            everything.ask(200 if stream and may_tell else status,
                           "/v1/chat/completions", body, may_tell=may_tell)

    answer = new("answer")
    everything.upstream.on_chat = ds.answer(answer)
    ask(200, [answer])
    completion = {"model": LLAMA, "prompt": new("prompt"),
                  "suffix": "", "user": new("end-user")}
    everything.ask(200, "/v1/completions", completion, may_tell=[answer])
    everything.ask(200, "/v1/completions", {**completion, "stream": True},
                   may_tell=[answer])
    everything.upstream.flush_sessions()
    ask(200, [answer])
    for field in ({"temperature": new("value")}, {"stream": new("value")},
                  {"messages": [new("value")]}, {"messages": new("value")},
                  {"messages": [{"role": "user", "content": 7,
                                 new("member"): new("value")}]},
                  {"n": new("value")}, {"tool_choice": new("value")},
                  {"response_format": {"type": "json_schema", "json_schema":
                                       {"name": new("value")}}},
                  {"stop": [new("value")] * 100}):
        everything.ask(400, "/v1/chat/completions", {
            **chat_body(), "messages": texts_of(new), **field})
    for broken in (b"{%s}", b'{"a":"%s"', b"%s", b'["%s"]', b'"%s\xff"',
                   b'{"model":"' + LLAMA.encode() + b'","%s":1,"%s":2}'):
        word = new("broken")
        # What is wrong with a body is told to its sender with its place.
        everything.ask(400, "/v1/chat/completions",
                       broken.replace(b"%s", word.encode()),
                       may_tell=[word])


def test_texts_of_failures(everything):
    """What the site says when it fails is its own affair."""
    new = everything.marks.new
    page = f"<html><title>{new('title')}</title>{new('page')}</html>".encode()
    cookie = [("set-cookie", f"session_token={new('stale')}"),
              ("x-trace", new("trace"))]
    failures = [
        ds.reply(status, page, "text/html", cookie)
        for status in (400, 401, 403, 404, 413, 429, 500, 502, 503)]
    told = new("json")  # the site's word about a request, for its sender
    failures += [
        ds.reply_json(500, {"error": told, "stack": new("stack")}),
        ds.reply_json(400, {"error": {"message": told}}),
        ds.reply(200, page, "text/html", cookie),
        ds.reply(302, headers=[("location", f"/login?token={new('url')}")]),
        ds.reply(307, headers=[
            ("location", f"https://a.example/x?code={new('url')}")]),
        ds.reply(308, headers=[
            ("location", f"https://joe:{new('login')}@a.example/")]),
        ds.send_lines(b"nonsense " + new("line").encode() + b"\n"),
        ds.cut_after(ds.START), lambda exchange: exchange.reset()]
    for failure in failures:
        everything.upstream.on_chat = failure
        for stream in (False, True):
            response = everything.program.ask(
                "POST", "/v1/chat/completions",
                {**chat_body(new("text")), "stream": stream},
                [everything.bearer()])
            assert response.status >= 400 or stream, response.read()
            everything.look_through(response, [told])
    moved = [("location", f"https://joe:{new('login')}@a.example/"
              f"?code={new('code')}#{new('fragment')}")]
    for handler in (ds.reply(500, page, "text/html", cookie),
                    ds.reply(302, headers=moved),
                    ds.reply_json(403, {"error": new("session")}),
                    ds.reply(200, page, "text/html")):
        everything.upstream.flush_sessions()
        everything.upstream.on_chat = ds.answer("x")
        everything.upstream.on_session = handler
        everything.ask(502, "/v1/chat/completions", chat_body(new("text")))


def test_quote_of_the_site_is_for_the_client_alone(everything):
    """The site may repeat a text in its error, and a secret beside it."""
    new = everything.marks.new
    for words in ("Invalid prompt: {}", "Rate limit: {}", "{}"):
        told = new("echo")
        complaint = ds.error(words.format(told))
        for lines in ([complaint], [ds.text("x"), complaint]):
            everything.upstream.on_chat = ds.send_lines(*lines)
            for stream in (False, True):
                response = everything.program.ask(
                    "POST", "/v1/chat/completions",
                    {**chat_body(told), "stream": stream},
                    [everything.bearer()])
                head = str(response.headers)
                everything.check(
                    head, response.read().decode().replace(told, ""))


def test_prompts_of_pictures(everything):
    new = everything.marks.new
    studio = Studio(everything.upstream)
    path = "/v1/images/generations"
    for form in ("b64_json", "url"):
        prompt = new("picture")
        response = everything.ask(
            200, path, {"prompt": prompt, "response_format": form,
                        "user": new("end-user")}, may_tell=[prompt])
    name = response.json()["data"][0]["url"].rpartition("/")[2]
    response = everything.program.get(f"/images/{name}")
    assert response.read() == studio.jobs["job-0002"].picture
    everything.ask(404, "/images/none.png")
    everything.ask(400, path, {"prompt": [new("picture")]})
    everything.ask(400, path, {"prompt": new("picture"), "n": new("n")})
    prompt = new("picture")
    everything.ask(200, "/v1/chat/completions",
                   {**chat_body(prompt), "model": "AkashGen"},
                   may_tell=[prompt])
    for stages in ((("failed", new("why")),), (("succeeded", new("what")),),
                   (("succeeded", f"https://a.example/?k={new('key')} "),)):
        studio.stages = stages
        everything.ask(502, path, {"prompt": new("picture")})
    for status, body in ((500, new("page")), (200, new("page"))):
        everything.upstream.on_status = ds.reply(
            status, body.encode(), "text/plain")
        studio.stages = ("succeeded",)
        everything.ask(502, path, {"prompt": new("picture")})


def test_pictures_in_questions(everything):
    new = everything.marks.new
    picture = base64.b64encode(png()).decode()
    for url, status in (
            (f"data:image/png;base64,{picture}", 200),
            (f"data:image/png;name={new('name')};base64,{picture}", None),
            (f"data:text/plain;base64,{new('data')}", 400),
            (f"data:image/png;base64,{new('data')}!", 400),
            (f"https://joe:{new('login')}@a.example/x.png", None),
            (f"file:///etc/{new('path')}", 400), (new("none"), 400)):
        body = {**chat_body(), "messages": [{"role": "user", "content": [
            {"type": "image_url", "image_url": {"url": url}},
            {"type": "text", "text": new("text")}]}]}
        response = everything.program.ask(
            "POST", "/v1/chat/completions", body, [everything.bearer()])
        assert status in (None, response.status), response.read()
        everything.look_through(response)


def test_requests_that_are_no_proper_http(everything):
    new = everything.marks.new
    for text in ("GET /v1/models HTTP/1.1\r\nAuthorization: Bearer {}\r\n\r\n",
                 "GET /v1/models HTTP/1.1\r\nHost: a\r\nCookie : {}\r\n\r\n",
                 "GET /v1/models HTTP/1.1\r\nHost: a\r\n {}: x\r\n\r\n",
                 "GET /v1/models HTTP/1.1\r\nHost: a\r\n{}\r\n\r\n",
                 "GET /v1/models HTTP/1.1\r\nHost: {}\r\nHost: b\r\n\r\n",
                 "GET /v1/models HTTP/1.1\r\nHost: a\r\nExpect: {}\r\n\r\n",
                 "POST /v1/chat/completions HTTP/1.1\r\nHost: a\r\n"
                 "Content-Length: {}\r\n\r\n",
                 "POST /v1/chat/completions HTTP/1.1\r\nHost: a\r\n"
                 "Transfer-Encoding: chunked\r\n\r\n{}\r\n",
                 "GET /v1/models?key={} HTTP/3\r\n\r\n", "{}\r\n\r\n",
                 "GET /v1/models?key={}\x01 HTTP/1.1\r\n\r\n",
                 "GET /v1/models?" + "x" * 9000 + "{} HTTP/1.1\r\n\r\n"):
        with everything.program.connect() as connection:
            connection.send_raw(text.format(new("raw")).encode("latin-1"))
            response = connection.response()
            assert response.status >= 400
            everything.look_through(response)


def test_check_config_and_bad_values(everything):
    """Neither what is in force nor a complaint has a secret in it."""
    options = dict(everything.options, SERVER_ADDRESS="127.0.0.1:0")
    # A system prompt is no secret to whoever sets it.
    del options["SYSTEM_PROMPT"]
    done = run("--check-config", **options)
    assert done.returncode == 0 and "(hidden)" in done.stdout, done.stdout
    everything.check(done.stdout, done.stderr)
    new = everything.marks.new
    for name, value in (("BEARER_TOKEN", "{}\t"), ("UPSTREAM_COOKIES", "{}"),
                        ("AKASH_ACCESS_TOKEN", "{}\n"),
                        ("ALL_PROXY", "http://joe:{}@"),
                        ("AKASH_BASE_URL", "http://joe:{}@a.example"),
                        ("PUBLIC_URL", "https://joe:{}@a.example")):
        value = value.format(new(name.lower()))
        flag = "--" + name.lower().replace("_", "-")
        for flags in ((), ("--check-config",)):
            for done in (run(*flags, **{name: value}),
                         run(*flags, flag, value)):
                assert done.returncode == 2
                everything.check(done.stdout, done.stderr)


@pytest.mark.parametrize("form", ["text", "json"])
def test_password_of_a_proxy(launch, tmp_path, form):
    """Where nobody answers at its address."""
    with Upstream(name=NAME) as upstream, unused_port() as port:
        address = f"127.0.0.1:{port.getsockname()[1]}"
        marks = Marks()
        for scheme in ("http", "socks5", "socks5h"):
            login = f"{marks.new('user')}:{marks.new('password')}"
            program = launch(
                AKASH_BASE_URL=upstream.url, LOG_LEVEL="debug",
                HTTP_PROXY=f"{scheme}://{login}@{address}", LOG_FORMAT=form,
                UPSTREAM_RETRIES="0")
            response = program.chat()
            message = check_error(response, 502, "upstream_unreachable")
            assert MARK not in message
            program.stop()
            assert MARK not in "\n".join(program.lines)
            assert address in "\n".join(program.lines)


def test_marks_are_found():
    """The one of these tests: an output with a mark fails."""
    one = Everything.__new__(Everything)
    one.upstream = type("None", (), {"tokens": lambda self: ["t0ken"]})()
    one.check("nothing")
    for text in (f"x {MARK}-x", "a t0ken"):
        with pytest.raises(AssertionError):
            one.check("nothing", text)
