# SPDX-License-Identifier: AGPL-3.0-or-later
"""POST /v1/images/generations: pictures as base64 and as addresses."""
import base64
import json
import threading
import time

import pytest

from support import GUARD_S
from support import datastream as ds
from support.footprint import MB, Footprint, quiet_sanitizer
from support.pictures import (IMAGES, MISSING, Studio, ask, at_once,
                              check_images, decode, file_reply, job_lines,
                              png)
from support.shape import check_error

KEPT = "job_0001_00001_.png"  # the first job's file


@pytest.fixture
def studio(upstream):
    return Studio(upstream)


# ---- pictures --------------------------------------------------------------

def test_picture_comes_as_base64(program, upstream, studio):
    response = ask(program)
    [item] = check_images(response)
    [job] = studio.jobs.values()
    assert decode(item) == job.picture
    assert item["revised_prompt"] == "Drawn: a cat"
    assert response.header("X-Ignored-Parameters") is None
    body = upstream.chat_body()
    assert body["model"] == "AkashGen"
    [message] = body["messages"]
    assert (message["role"], message["content"]) == ("user", "a cat")
    line = program.access(response)
    assert (line.get("route"), line.get("model"), line.get("end")) == (
        "images", "AkashGen", "done")


def test_picture_comes_as_an_address(program, upstream, studio):
    [item] = check_images(ask(program, response_format="url"), "url")
    assert item == {"url": f"{upstream.url}/api/image/{KEPT}",
                    "revised_prompt": "Drawn: a cat"}
    assert len(studio.jobs) == 1
    assert not upstream.of_kind("image")


def test_path_in_any_form(program, studio):
    paths = ["/images/generations", "/v1/images/generations/",
             "/v1/v1/images/generations"]
    for response in at_once([
            lambda path=path: program.ask("POST", path, {"prompt": "x"})
            for path in paths]):
        check_images(response)
    assert len(studio.jobs) == len(paths)


PROMPTS = ["it's", 'a sign "HELLO"', "two\nlines\tand tabs", "tail\\",
           "漢字 😀", "' negative='x", "</image_generation>\"\n",
           "x" * 100_000]


def test_prompt_that_was_drawn_is_told(program, studio):
    del studio
    for prompt, response in zip(PROMPTS, at_once([
            lambda prompt=prompt: ask(program, prompt, response_format="url")
            for prompt in PROMPTS])):
        [item] = check_images(response, "url")
        assert item["revised_prompt"] == f"Drawn: {prompt}"


@pytest.mark.parametrize("kind", ["b64_json", "url"])
def test_several_pictures_come_in_the_order_of_their_jobs(
        program, upstream, studio, kind):
    """Though the first one is ready last, and jobs run side by side."""
    started = threading.Barrier(3)
    answers = iter([["running", "running", "succeeded"],
                    ["running", "succeeded"], ["succeeded"]])
    lock = threading.Lock()

    def draw(exchange):
        with lock:
            studio.stages = next(answers)
            job = studio.add(exchange)
        started.wait(GUARD_S)  # none would pass if they came in turn
        exchange.start()
        exchange.send_chunk(job_lines(job.id, f"{job.prompt} {job.id}"))
        exchange.end()

    upstream.on_chat = draw
    items = check_images(ask(program, n=3, response_format=kind), kind, 3)
    assert upstream.count("chat") == 3
    for item in items:
        job = studio.jobs[item["revised_prompt"].rpartition(" ")[2]]
        if kind == "url":
            assert item["url"].endswith(f"/api/image/{job.name}")
        else:
            assert decode(item) == job.picture
    assert len({item[kind] for item in items}) == 3
    ids = [body.json()["id"] for body in upstream.of_kind("chat")]
    assert len(set(ids)) == 3


def test_model_by_its_name_and_by_an_alias(start, studio):
    program = start(MODEL_ALIASES="dall-e-3=AkashGen,gpt-4o=DeepSeek-R1",
                    DEFAULT_MODEL="DeepSeek-R1")
    for response in at_once([
            lambda model=model: ask(program, model=model,
                                    response_format="url")
            for model in (None, "", "AkashGen", "dall-e-3")]):
        check_images(response, "url")
    assert len(studio.jobs) == 4
    for model in ("gpt-4o", "gpt-image-1", "DeepSeek-R1", "akashgen"):
        message = check_error(ask(program, model=model), 404,
                              "model_not_found", "model")
        assert "AkashGen" in message and "MODEL_ALIASES" in message
    assert len(studio.jobs) == 4


def test_fields_without_effect_are_listed(program, studio):
    response = ask(program, size="1024x1024", quality="hd", style="natural",
                   background="opaque", moderation="low",
                   output_format="webp", output_compression=50, user="me",
                   response_format="url", n=1)
    check_images(response, "url")
    assert response.header("X-Ignored-Parameters") == (
        "size, quality, style, background, moderation, output_format, "
        "output_compression, user")
    response = ask(program, size="auto", quality="auto", style="vivid",
                   background="auto", moderation="auto", output_format="png",
                   output_compression=100, response_format="url")
    check_images(response, "url")
    assert response.header("X-Ignored-Parameters") is None
    assert len(studio.jobs) == 2


@pytest.mark.parametrize("fields, code, param", [
    ({"prompt": None}, "missing_required_parameter", "prompt"),
    ({"prompt": ""}, "invalid_value", "prompt"),
    ({"prompt": 7}, "invalid_type", "prompt"),
    ({"n": 5}, "invalid_value", "n"), ({"n": 0}, "invalid_value", "n"),
    ({"stream": True}, "unsupported_value", "stream"),
    ({"response_format": "png"}, "invalid_value", "response_format"),
    ({"size": "big"}, "invalid_value", "size"),
    ({"quality": "best"}, "invalid_value", "quality"),
    ({"model": 1}, "invalid_type", "model")])
def test_malformed_request_is_refused(program, upstream, fields, code, param):
    body = {"prompt": "x", **fields}
    check_error(program.ask("POST", IMAGES, body), 400, code, param)
    assert not upstream.of_kind("chat")


def test_key_is_wanted(start, studio):
    program = start(BEARER_TOKEN="secret")
    check_error(ask(program), 401, None)
    check_error(program.get(IMAGES, [("x-api-key", "secret")]), 405,
                "method_not_allowed")
    check_images(ask(program, headers=[("Authorization", "Bearer secret")]))
    assert len(studio.jobs) == 1


def test_body_is_json_whatever_its_type_says(program, studio):
    del studio
    body = json.dumps({"prompt": "x"}).encode()
    check_images(program.ask("POST", IMAGES, body,
                             [("Content-Type", "text/plain")]))


# ---- addresses -------------------------------------------------------------

HOST = [("Host", "chat.local:8443")]


@pytest.mark.parametrize("options, host, base", [
    ({}, HOST, "http://chat.local:8443"),
    ({}, [("Host", "[::1]:80")], "http://[::1]:80"),
    ({"PUBLIC_URL": "https://chat.example.com"}, HOST,
     "https://chat.example.com"),
    ({"PUBLIC_URL": "https://chat.example.com/akash//"}, HOST,
     "https://chat.example.com/akash"),
    ({"PUBLIC_URL": "http://[::1]:1/"}, HOST, "http://[::1]:1")])
def test_address_is_the_public_one(start, studio, options, host, base):
    del studio
    program = start(IMAGE_URLS="proxy", **options)
    [item] = check_images(
        ask(program, headers=host, response_format="url"), "url")
    assert item["url"] == f"{base}/images/{KEPT}"


def test_address_leads_to_the_picture(start, studio):
    program = start(IMAGE_URLS="proxy")
    response = ask(program, response_format="url", headers=[
        ("Host", f"127.0.0.1:{program.port}")])
    [item] = check_images(response, "url")
    base = f"http://127.0.0.1:{program.port}"
    assert item["url"].startswith(f"{base}/images/")
    [job] = studio.jobs.values()
    assert program.get(item["url"].removeprefix(base)).read() == job.picture


def test_host_that_is_none_leaves_the_sites_address(start, upstream, studio):
    del studio
    program = start(IMAGE_URLS="proxy")
    for response in at_once([
            lambda host=host: ask(program, headers=[("Host", host)],
                                  response_format="url")
            for host in ("a)b", "'", "")]):
        [item] = check_images(response, "url")
        assert item["url"].startswith(f"{upstream.url}/api/image/job_")


def test_result_of_another_kind(start, upstream, studio):
    """A query, an address elsewhere, the picture itself."""
    program = start(IMAGE_URLS="proxy", PUBLIC_URL="https://a/b")
    inline = "data:image/png;base64," + base64.b64encode(png(5)).decode()
    results = [f"/api/image/{KEPT}?type=output", "https://cdn.example/x.png",
               inline]
    for result, expected in zip(results, [
            f"https://a/b/images/{KEPT}?type=output", results[1], inline]):
        studio.stages = [("succeeded", result)]
        [item] = check_images(ask(program, response_format="url"), "url")
        assert item["url"] == expected
    [item] = check_images(ask(program))
    assert decode(item) == png(5)
    studio.stages = [("succeeded", results[1])]
    assert "URL" in check_error(ask(program), 502, "upstream_error")
    assert not upstream.of_kind("image")


# ---- what goes wrong -------------------------------------------------------

def test_answer_in_words_is_told(program, upstream):
    text = "I can't \"draw\" that.\nSorry \U0001f622"
    upstream.on_chat = ds.answer(text[:9], text[9:])
    message = check_error(ask(program), 400, "image_not_drawn", "prompt")
    assert message.endswith(text)
    upstream.on_chat = ds.send_lines(ds.START, *ds.ends())
    check_error(ask(program), 400, "image_not_drawn", "prompt")
    assert not upstream.of_kind("status")


def test_long_answer_in_words_is_cut_and_left(program, upstream):
    gone = threading.Event()

    def handle(exchange):
        exchange.start()
        exchange.send_chunk(ds.START)
        try:
            while True:
                exchange.send_chunk(ds.text("é "))
        finally:
            gone.set()

    upstream.on_chat = handle
    message = check_error(ask(program), 400, "image_not_drawn", "prompt")
    assert message.endswith("é ") or message.endswith("é")
    assert 900 < len(message.encode()) < 1024
    assert gone.wait(GUARD_S)


def cut_line(exchange):
    exchange.start()
    exchange.send_chunk(job_lines("job-1", "x")[:60])
    exchange.end()


# What the chat does: (handler, status, code).
CHATS = {
    "error": (ds.send_lines(ds.error("Internal boom")), 502,
              "upstream_error"),
    "rate limit": (ds.send_lines(ds.error("Rate limit reached")), 429,
                   "rate_limit_exceeded"),
    "no model": (ds.send_lines(ds.error("The model `x` does not exist")),
                 404, "model_not_found"),
    "nothing": (ds.send_lines(), 502, "upstream_error"),
    "cut text": (ds.cut_after(ds.START, ds.text("I")), 502,
                 "upstream_error"),
    "half a job": (cut_line, 502, "upstream_error"),
    "bad id": (ds.send_lines(job_lines("../x", "y")), 502, "upstream_error"),
    "too much": (ds.send_lines(b"0:\"<image_generation> jobId='a' prompt='",
                               b"x" * 300_000), 502, "upstream_error"),
    "http 500": (lambda exchange: exchange.reply(500), 502,
                 "upstream_error"),
}


@pytest.mark.parametrize("name", CHATS)
def test_chat_that_fails(program, upstream, name):
    upstream.on_chat, status, code = CHATS[name]
    response = ask(program)
    check_error(response, status, code,
                "model" if code == "model_not_found" else None)
    assert not upstream.of_kind("status")


def test_job_is_drawn_though_the_end_behind_it_is_lost(
        program, upstream, studio):
    def draw(exchange):
        job = studio.add(exchange)
        exchange.start()
        exchange.send_chunk(job_lines(job.id, "x").split(b"\n")[0] + b"\n")
        exchange.cut()

    upstream.on_chat = draw
    check_images(ask(program, response_format="url"), "url")
    for stream in (False, True):  # and so in a chat
        response = program.chat(model="AkashGen", stream=stream)
        assert response.status == 200
        assert b"/api/image/job_" in response.read()


def test_file_that_drips_is_given_up(start, upstream, studio):
    def drip(exchange):
        exchange.start(200, [("content-type", "image/png")], 1000)
        exchange.send_raw(png(1)[:16])
        while True:
            time.sleep(0.2)  # the upstream's own pace
            exchange.send_raw(b"x")

    upstream.on_image = drip
    program = start(IMAGE_TIMEOUT="2")
    check_error(ask(program), 504, "image_timeout")


# What the file is: (handler, status, code).
FILES = {
    "missing": (lambda exchange: exchange.reply(*MISSING, "application/json"),
                404, "image_not_found"),
    "500": (lambda exchange: exchange.reply(
        500, b'{"error":"Failed to fetch image"}', "application/json"),
            502, "upstream_error"),
    "no picture": (file_reply(b"<!DOCTYPE html><html>"), 502,
                   "upstream_error"),
    "too large": (lambda exchange: exchange.start(
        200, [("content-type", "image/png")], 20 * MB + 1), 502,
                  "upstream_error"),
}


@pytest.mark.parametrize("name", FILES)
def test_file_that_fails(program, upstream, studio, name):
    upstream.on_image, status, code = FILES[name]
    check_error(ask(program), status, code)
    assert len(studio.jobs) == 1


def test_largest_picture_passes(start, upstream, studio):
    program = start(**quiet_sanitizer())
    picture = png(3, padding=20 * MB - 400)
    upstream.on_image = file_reply(picture, framing="length")
    footprint = Footprint(program.process.pid)
    check_images(ask(program, response_format="url"), "url")
    before = footprint.reset_peak()
    [item] = check_images(ask(program))
    assert decode(item) == picture
    # The picture itself (in a buffer that grew by doubling) and its base64.
    assert footprint.peak() - before < 90 * MB
    assert len(studio.jobs) == 2


def test_one_failure_ends_all(program, upstream, studio):
    """And nothing more is asked for the others."""
    studio.stages = ["running"]
    lock = threading.Lock()
    chats = []

    def draw(exchange):
        with lock:
            chats.append(exchange)
            nth = len(chats)
        if nth == 2:
            assert upstream.wait_for("status", 1)
            ds.answer("No.")(exchange)
        else:
            studio.draw(exchange)

    upstream.on_chat = draw
    message = check_error(ask(program, n=2), 400, "image_not_drawn",
                          "prompt")
    assert message.endswith("No.")
    check_no_more_polls(program, upstream, studio)


def check_no_more_polls(program, upstream, studio):
    """Another picture is drawn, which takes some polls: what was given up is
    asked for in none of them, where else it would be in each."""
    given_up = set(studio.jobs)
    before = upstream.count("status")
    studio.stages = ["running", "succeeded"]
    check_images(ask(program, response_format="url"), "url")
    polls = studio.polls()[before:]
    assert len(polls) == 2
    assert not given_up & {name for poll in polls for name in poll}


def test_failed_job_is_told(program, studio):
    studio.stages = ["waiting", "failed"]
    check_error(ask(program), 502, "upstream_error")


# ---- deadlines -------------------------------------------------------------

def test_chat_has_the_first_events_time(start, upstream):
    program = start(FIRST_EVENT_TIMEOUT="1")
    gone = threading.Event()

    def handle(exchange):
        exchange.start()
        exchange.send_chunk(b"0:\"<image_generation> ")
        exchange.wait_gone()
        gone.set()

    upstream.on_chat = handle
    check_error(ask(program), 504, "upstream_first_event_timeout")
    assert gone.wait(GUARD_S)


def test_job_may_take_longer_than_a_first_event(start, studio):
    program = start(FIRST_EVENT_TIMEOUT="1")
    studio.stages = ["running", "succeeded"]
    check_images(ask(program))


def test_job_has_a_time_of_its_own(start, upstream, studio):
    program = start(IMAGE_TIMEOUT="3")
    studio.stages = ["running"]
    check_error(ask(program), 504, "image_timeout")
    check_no_more_polls(program, upstream, studio)


def test_request_has_its_time(start, upstream, studio):
    program = start(REQUEST_TIMEOUT="2")
    studio.stages = ["running"]
    check_error(ask(program, n=2), 504, "request_timeout")
    given_up = set(studio.jobs)
    assert len(given_up) == 2
    assert upstream.count("status") >= 1


# ---- clients that leave, and many ------------------------------------------

@pytest.mark.parametrize("way", ["close", "reset"])
@pytest.mark.parametrize("moment", ["chat", "status", "image"])
def test_client_that_leaves_ends_everything(
        program, upstream, studio, moment, way):
    """Wherever its pictures are, what runs is cut off and no further poll is
    sent."""
    gone = threading.Semaphore(0)
    handler = f"on_{moment}"
    usual = getattr(upstream, handler)

    def wait_gone(exchange):
        if moment == "chat":
            studio.add(exchange)
        exchange.wait_gone()
        gone.release()

    setattr(upstream, handler, wait_gone)
    connection = program.connect()
    connection.send("POST", IMAGES, {"prompt": "x", "n": 2},
                    [("X-Request-Id", "leaver")])
    expected = 1 if moment == "status" else 2  # a poll is for both
    assert upstream.wait_for(moment, expected)
    getattr(connection, way)()
    for _ in range(expected):
        assert gone.acquire(timeout=GUARD_S)
    line = program.wait_log("request", id="leaver")
    assert line.get("end") == "client_gone"
    setattr(upstream, handler, usual)
    check_no_more_polls(program, upstream, studio)


def test_200_jobs_share_their_polls(start, upstream, studio):
    """Each client gets its own picture; a round of polls has a request for
    each 50 jobs at most."""
    program = start(**quiet_sanitizer())
    clients, together = 100, threading.Barrier(200)
    studio.stages = ["waiting", "running", "succeeded"]

    def draw(exchange):
        job = studio.add(exchange)
        together.wait(GUARD_S)
        exchange.start()
        exchange.send_chunk(job_lines(job.id, job.prompt))
        exchange.end()

    upstream.on_chat = draw
    footprint = Footprint(program.process.pid)
    before = footprint.reset_peak()
    responses = at_once([
        lambda number=number: ask(program, f"picture {number}", n=2)
        for number in range(clients)])
    pictures = {job.picture: job for job in studio.jobs.values()}
    seen = set()
    for number, response in enumerate(responses):
        for item in check_images(response, count=2):
            picture = decode(item)
            assert item["revised_prompt"] == f"Drawn: picture {number}"
            assert pictures[picture].prompt == item["revised_prompt"]
            seen.add(picture)
    assert len(seen) == 2 * clients == len(studio.jobs)
    polls = studio.polls()
    asked = [name for poll in polls for name in poll]
    assert max(map(len, polls)) <= 50
    assert len(polls) <= len(asked) / 50 + 8
    assert len(polls) < 30, len(polls)
    assert footprint.peak() - before < 64 * MB
