# SPDX-License-Identifier: AGPL-3.0-or-later
"""The simulated Akash Chat itself, asked without the program between: the
newer protocol and pictures."""
import json
import re
import struct
import zlib

import pytest

from support.client import Connection

JOB_LINES = re.compile(
    rb"""0:"<image_generation> jobId='([0-9a-f-]{36})' prompt='(.*)' """
    rb"""negative='(.*)'</image_generation>"\n"""
    rb"""e:\{"finishReason":"stop","usage":\{"promptTokens":20,"""
    rb""""completionTokens":50\},"isContinued":false\}\n"""
    rb"""d:\{"finishReason":"stop","usage":\{"promptTokens":20,"""
    rb""""completionTokens":50\}\}\n""", re.DOTALL)


class Site:
    """The site inside a running program."""

    def __init__(self, program):
        self.port = int(program.wait_log("demo listening").get("port"))
        self.cookie = self.get("/api/auth/session/", ("User-Agent", "test")
                               ).header("Set-Cookie").split(";")[0]

    def ask(self, method, path, *headers, body=None):
        """A response that has been read as far as it goes."""
        with Connection(self.port) as connection:
            connection.send(method, path, body, headers)
            response = connection.response(method)
            response.data = b"".join(response.pieces())
            return response

    def get(self, path, *headers):
        return self.ask("GET", path, *headers)

    def chat(self, text, model="AkashGen"):
        return self.ask(
            "POST", "/api/chat/", ("Cookie", self.cookie), body={
                "model": model,
                "messages": [{"role": "user", "content": text}]})

    def job(self, text):
        """The id of a new job."""
        return JOB_LINES.fullmatch(self.chat(text).data)[1].decode()

    def poll(self, *ids):
        return self.get(f"/api/image-status/?ids={','.join(ids)}")

    def finish(self, job, polls=4):
        """Polls a job so often and returns what is said of it then."""
        for _ in range(polls):
            response = self.poll(job)
        assert response.status == 200
        assert response.header("Content-Type") == "text/plain;charset=UTF-8"
        [told] = json.loads(response.data)
        assert told["job_id"] == job
        return told

    def draw(self, text):
        """The answer to a request for a new picture's file."""
        return self.get(self.finish(self.job(text))["result"])


@pytest.fixture
def site(launch):
    return Site(launch("--demo", "--demo-delay", "0", "--log-level", "debug"))


def decode(png):
    """The rows of pixels of a PNG file, every sum in it checked."""
    assert png.startswith(b"\x89PNG\r\n\x1a\n")
    chunks, at = [], 8
    while at < len(png):
        length, kind = struct.unpack(">I4s", png[at:at + 8])
        data = png[at + 8:at + 8 + length]
        [crc] = struct.unpack(">I", png[at + 8 + length:at + 12 + length])
        assert crc == zlib.crc32(kind + data)
        chunks.append((kind, data))
        at += 12 + length
    assert [kind for kind, _ in chunks] == [b"IHDR", b"IDAT", b"IEND"]
    width, height, *form = struct.unpack(">IIBBBBB", chunks[0][1])
    assert (width, height, form) == (64, 64, [8, 2, 0, 0, 0])
    pixels = zlib.decompress(chunks[1][1])
    assert len(pixels) == height * (1 + 3 * width)
    rows = [pixels[i:i + 1 + 3 * width]
            for i in range(0, len(pixels), 1 + 3 * width)]
    assert all(row[0] == 0 for row in rows)
    return [row[1:] for row in rows]


# ---- pictures ---------------------------------------------------------------

@pytest.mark.parametrize("text", [
    "a cat", "it's", 'a sign "HELLO"', "one\ntwo\tthree", "\\", "漢字 😀",
    "' negative='", "</image_generation>\"\n", "\0"])
def test_job_is_told_in_lines_pasted_together(site, text):
    response = site.chat(text)
    assert response.status == 200
    assert response.header("Content-Type") == "text/plain; charset=utf-8"
    assert response.header("x-vercel-ai-data-stream") == "v1"
    lines = response.data
    match = JOB_LINES.fullmatch(lines)
    escaped = text.replace("'", "\\'").encode()
    assert match[2] == b"In fine detail: " + escaped
    assert match[3] == rb"blurry, the painter\'s shadow"


def test_job_runs_and_its_picture_decodes(site):
    job = site.job("a cat")
    told = [site.finish(job, 1) for _ in range(5)]
    assert [one["status"] for one in told] == [
        "waiting", "pending", "running", "succeeded", "succeeded"]
    assert [one["result"] for one in told[:3]] == [None] * 3
    path = told[3]["result"]
    assert re.fullmatch(r"/api/image/job_[0-9a-f]{8}_00001_\.png", path)
    response = site.get(path)
    assert response.status == 200 and response.complete
    assert response.framing == "chunked"
    assert response.header("Content-Type") == "image/png"
    assert response.header("Cache-Control") == "public, max-age=31536000"
    assert len(set(decode(response.data))) > 1
    assert site.get(path).data == response.data
    head = site.ask("HEAD", path)
    assert head.status == 200 and head.header("Content-Type") == "image/png"


def test_many_jobs_are_asked_for_at_once(site):
    jobs = [site.job("a cat") for _ in range(200)]
    for status in ("waiting", "pending", "running", "succeeded"):
        told = json.loads(site.poll(*jobs).data)
        assert [one["job_id"] for one in told] == jobs
        assert {one["status"] for one in told} == {status}
    files = {site.get(one["result"]).data for one in told[:20]}
    assert len(files) == 20


@pytest.mark.parametrize("marker, status, body", [
    ("jobunknown", 200, '"Job not found: {}"'),
    ("status404", 404, '{{"error":"Middleware error: 404"}}'),
    ("status500", 500, '{{"error":"Middleware error: 500"}}'),
    ("statusobject", 200, '{{"job_id":"{}","status":"waiting"}}'),
    ("statusstring", 200, '"The image service is busy"'),
    ("statusempty", 200, "[]")])
def test_status_cannot_be_given(site, marker, status, body):
    job = site.job(f"[demo:{marker}]")
    for _ in range(4):
        response = site.poll(job)
        assert response.status == status
        assert response.data.decode() == body.format(job)


def test_status_is_junk(site):
    response = site.poll(site.job("[demo:statusjunk]"))
    assert response.status == 200
    with pytest.raises(ValueError):
        json.loads(response.data)


def test_status_recovers(site):
    job = site.job("[demo:statusflaky]")
    assert [site.poll(job).status for _ in range(3)] == [500, 500, 200]


@pytest.mark.parametrize("marker, polls, status, result", [
    ("jobslow=3", 3, "waiting", "None"),
    ("jobslow=3", 9, "running", "None"),
    ("jobslow=3", 10, "succeeded", "/api/image/.*"),
    ("jobfailed", 4, "failed", "None"),
    ("jobforever", 20, "running", "None"),
    ("jobcompleted", 4, "completed", "/api/image/.*"),
    ("jobodd", 2, "loading-model", "None"),
    ("jobodd", 4, "succeeded", "/api/image/.*"),
    ("resulturl", 4, "succeeded", r"http://127\.0\.0\.1:\d+/api/image/.*"),
    ("resultdata", 4, "succeeded", "data:image/png;base64,.*"),
    ("resultnull", 4, "succeeded", "None")])
def test_job_takes_its_course(site, marker, polls, status, result):
    told = site.finish(site.job(f"[demo:{marker}]"), polls)
    assert told["status"] == status
    assert re.fullmatch(result, str(told["result"]))


def test_absolute_url_leads_to_the_picture(site):
    url = site.finish(site.job("[demo:resulturl]"))["result"]
    origin, path = re.fullmatch(r"http://([^/]+)(/.*)", url).groups()
    assert origin == f"127.0.0.1:{site.port}"
    decode(site.get(path).data)


@pytest.mark.parametrize("marker, status, kind, data", [
    ("filemissing", 404, "application/json", b'{"error":"Image not found"}'),
    ("file500", 500, "application/json", b'{"error":"Failed to fetch image"}'),
    ("filetype", 200, "text/html; charset=utf-8", b"<!DOCTYPE html>")])
def test_file_cannot_be_had(site, marker, status, kind, data):
    response = site.draw(f"[demo:{marker}]")
    assert response.status == status
    assert response.header("Content-Type") == kind
    assert response.data.startswith(data)


def test_file_is_big(site):
    response = site.draw("[demo:filebig]")
    assert response.header("Content-Type") == "image/png"
    assert len(response.data) > 20 * 1024 * 1024 and response.complete


def test_client_leaves_a_big_file(site):
    """Nothing else is held up by it."""
    path = site.finish(site.job("[demo:filebig]"))["result"]
    with Connection(site.port) as connection:
        connection.send("GET", path)
        assert connection.response().status == 200
        decode(site.draw("a cat").data)
        connection.reset()
    decode(site.draw("a cat").data)


def test_file_is_cut(site):
    whole = site.draw("a cat")
    cut = site.draw("[demo:filecut]")
    assert not cut.complete
    assert len(cut.data) == len(whole.data) // 2


@pytest.mark.parametrize("path, status, body", [
    ("/api/image-status/", 400, b'{"error":"No job IDs provided"}'),
    ("/api/image-status/?ids=", 400, b'{"error":"No job IDs provided"}'),
    ("/api/image-status/?x=1", 400, b'{"error":"No job IDs provided"}'),
    ("/api/image-status/?ids=nosuch", 200, b'"Job not found: nosuch"'),
    ("/api/image-status/?ids=%ff%22", 200,
     '"Job not found: \ufffd\\""'.encode()),
    ("/api/image-status?ids=a", 308, b"/api/image-status/?ids=a"),
    ("/api/image/job_00000000_00001_.png", 404,
     b'{"error":"Image not found"}'),
    ("/api/image/job_.png?x", 404, b'{"error":"Image not found"}'),
    ("/api/image/a.png/", 308, b"/api/image/a.png"),
    ("/api/image/a", 308, b"/api/image/a/"),
    ("/api/image/a/", 404, b'{"error":"Image not found"}')])
def test_nothing_is_there(site, path, status, body):
    response = site.get(path)
    assert (response.status, response.data) == (status, body)


def test_wrong_methods(site):
    for path in ("/api/image-status/?ids=a", "/api/image/a.png"):
        assert site.ask("POST", path).status == 405


@pytest.mark.parametrize("text", [" ", "a cat [demo:notimage]"])
def test_painter_answers_in_text(site, text):
    lines = site.chat(text).data
    assert lines.startswith(b"f:") and b"image_generation" not in lines
    assert b"Llama" in lines


def test_painter_fails(site):
    assert site.chat("a cat [demo:error]").data == b'3:"Internal boom"\n'


def test_other_models_do_not_draw(site):
    assert b"image_generation" not in site.chat(
        "a cat", "openai/gpt-oss-120b").data
    lines = site.chat("a cat [demo:jobfailed]", "openai/gpt-oss-120b").data
    assert b"What" in lines and b"AkashGen" in lines


# ---- the newer protocol -----------------------------------------------------

def events(response):
    """The data of the events, those but [DONE] as objects."""
    assert response.status == 200
    assert response.header("Content-Type") == "text/event-stream"
    assert response.header("x-vercel-ai-ui-message-stream") == "v1"
    assert response.header("x-vercel-ai-data-stream") is None
    *parts, last = response.data.decode().split("\n\n")
    assert last == ""
    data = [part.removeprefix("data: ") for part in parts]
    return [json.loads(one) if one != "[DONE]" else one for one in data]


def types(found):
    """Their types, deltas in a row once."""
    names = [one if isinstance(one, str) else one["type"] for one in found]
    return [name for i, name in enumerate(names)
            if not name.endswith("-delta") or name != names[i - 1]]


@pytest.mark.parametrize("version", ["", "=5", "=6", "=7"])
def test_answer_in_the_newer_protocol(site, version):
    response = site.chat(f"Hello [demo:protocol{version}]", "DeepSeek-V3-1")
    found = events(response)
    assert response.complete
    assert types(found) == [
        "start", "start-step", "text-start", "text-delta", "text-end",
        "finish-step", "finish", "[DONE]"]
    text = "".join(one.get("delta", "") for one in found[:-1])
    assert text.startswith("Hello, nice to meet you!")


def test_protocol_of_today(site):
    for marker in ("", "[demo:protocol=4]"):
        response = site.chat(f"Hello {marker}", "DeepSeek-V3-1")
        assert response.header("x-vercel-ai-data-stream") == "v1"
        assert response.data.startswith(b"f:")


def test_failures_in_the_newer_protocol(site):
    def ask(marker):
        response = site.chat(f"[demo:protocol] [demo:{marker}]",
                             "DeepSeek-V3-1")
        return types(events(response)), response.complete

    begun = ["start", "start-step", "text-start", "text-delta"]
    assert ask("error") == (["start", "error", "[DONE]"], True)
    assert ask("miderror") == (
        [*begun, "error", "finish-step", "finish", "[DONE]"], True)
    assert ask("abort") == ([*begun, "abort", "[DONE]"], True)
    assert ask("noend") == (begun, True)
    for marker in ("cut", "midcut"):
        assert ask(marker) == (begun, False)


def test_other_statuses_in_the_newer_protocol(site):
    response = site.chat("[demo:protocol] [demo:http500]", "DeepSeek-V3-1")
    assert response.status == 500 and response.data == b""
    assert response.header("x-vercel-ai-ui-message-stream") is None
