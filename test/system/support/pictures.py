# SPDX-License-Identifier: AGPL-3.0-or-later
"""Pictures: files, the answers of the model that draws, a site whose jobs are
drawn, and the API that hands them out."""
import base64
import json
import struct
import threading
import time
import urllib.parse
import zlib

from support import crowd
from support.shape import check_keys, is_integer

IMAGES = "/v1/images/generations"

MISSING = (404, json.dumps({"error": "Image not found"}).encode())


def _chunk(kind, data):
    return (struct.pack(">I", len(data)) + kind + data +
            struct.pack(">I", zlib.crc32(kind + data)))


def png(number=0, padding=0):
    """A PNG of one pixel whose colour tells its number; padding is a number
    of bytes that decoders skip."""
    head = struct.pack(">IIBBBBB", 1, 1, 8, 2, 0, 0, 0)
    pixel = b"\0" + struct.pack(">I", number)[1:]
    return (b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", head) +
            _chunk(b"tEXt", b"Comment\0" + bytes(padding)) +
            _chunk(b"IDAT", zlib.compress(pixel)) + _chunk(b"IEND", b""))


def job_lines(job, prompt, negative="blurry"):
    """What the model answers: nothing is escaped but apostrophes."""
    def paste(text):
        return text.replace("'", "\\'").encode()

    return (b"0:\"<image_generation> jobId='%s' prompt='%s' negative='%s'"
            b"</image_generation>\"\n"
            b"e:{\"finishReason\":\"stop\",\"usage\":{\"promptTokens\":20,"
            b"\"completionTokens\":50},\"isContinued\":false}\n"
            b"d:{\"finishReason\":\"stop\",\"usage\":{\"promptTokens\":20,"
            b"\"completionTokens\":50}}\n" % (
                job.encode(), paste(prompt), paste(negative)))


def file_reply(data, content_type="image/png", framing=None):
    """A handler that gives a file: in chunks, with its length ("length"), or
    until the connection ends ("close")."""
    def handle(exchange):
        headers = [("content-type", content_type)]
        if framing == "length":
            exchange.start(200, headers, len(data), more=data)
        elif framing == "close":
            exchange.start(200, headers, "close", more=data)
        else:
            exchange.reply(200, data, content_type)
    return handle


class Job:
    """One job: its prompt, the file it becomes, how often it was asked for,
    and what is said of it then."""

    def __init__(self, number, prompt, stages):
        self.id = f"job-{number:04d}"
        self.prompt = prompt
        self.picture = png(number)
        self.name = f"job_{number:04d}_00001_.png"
        self.polls = 0
        self._stages = stages

    def status(self):
        """The next one, the last for ever: (status, result)."""
        stage = self._stages[min(self.polls, len(self._stages) - 1)]
        self.polls += 1
        if stage == "succeeded":
            return stage, f"/api/image/{self.name}"
        return stage


class Studio:
    """Has an upstream draw. The prompt that is drawn is the question with
    "Drawn: " before it; stages is what a job's polls say one after the other:
    a status, or (status, result)."""

    def __init__(self, upstream, stages=("succeeded",)):
        self.jobs = {}  # id: Job
        self.stages = stages
        self._changed = threading.Lock()
        self.upstream = upstream
        upstream.on_chat = self.draw
        upstream.on_status = self.tell
        upstream.on_image = self.hand_out

    @staticmethod
    def drawn(prompt):
        return f"Drawn: {prompt}"

    def add(self, exchange):
        """A job for the last message that was sent."""
        message = exchange.request.json()["messages"][-1]["content"]
        with self._changed:
            job = Job(len(self.jobs) + 1, self.drawn(message), self.stages)
            self.jobs[job.id] = job
        return job

    def draw(self, exchange):
        job = self.add(exchange)
        exchange.start()
        exchange.send_chunk(job_lines(job.id, job.prompt))
        exchange.end()

    @staticmethod
    def asked(request):
        """The ids that a poll asks for."""
        query = urllib.parse.urlsplit(request.path).query
        return urllib.parse.parse_qs(query)["ids"][0].split(",")

    def tell(self, exchange):
        told = []
        with self._changed:
            for name in self.asked(exchange.request):
                status = self.jobs[name].status()
                status, result = (status if isinstance(status, tuple)
                                  else (status, None))
                told.append({"job_id": name, "worker_name": "w",
                             "worker_city": "c", "worker_gpu": "g",
                             "status": status, "result": result,
                             "queue_position": 0})
        exchange.reply(200, json.dumps(told).encode(),
                       "text/plain;charset=UTF-8")

    def hand_out(self, exchange):
        path = exchange.request.path
        for job in self.jobs.values():
            if path == f"/api/image/{job.name}":
                file_reply(job.picture)(exchange)
                return
        exchange.reply(*MISSING, "application/json")

    def polls(self):
        """The ids of each poll so far."""
        return [self.asked(one) for one in self.upstream.of_kind("status")]


# ---- asking for them --------------------------------------------------------

def ask(program, prompt="a cat", headers=(), **fields):
    """The response to a request for pictures."""
    return program.ask("POST", IMAGES, {"prompt": prompt, **fields}, headers)


def at_once(asks):
    """Calls each of these functions in a thread of its own and returns their
    results."""
    return crowd.at_once(len(asks), lambda number: asks[number]())


def check_images(response, kind="b64_json", count=1):
    """The official schema's ImagesResponse, of which only created is
    required; returns the data's items."""
    assert response.status == 200, response.read()
    assert response.header("Content-Type") == "application/json"
    body = response.json()
    check_keys(body, {"created", "data"})
    assert is_integer(body["created"])
    assert abs(body["created"] - time.time()) < 60
    assert len(body["data"]) == count
    for item in body["data"]:
        check_keys(item, {kind, "revised_prompt"})
        assert isinstance(item[kind], str)
        assert isinstance(item["revised_prompt"], str)
    return body["data"]


def decode(item):
    """The picture of an item."""
    return base64.b64decode(item["b64_json"], validate=True)


def read_broken(connection):
    """What came before the connection broke."""
    data = b""
    try:
        while (piece := connection.reader.read1(65536)):
            data += piece
    except ConnectionResetError:
        return data
    raise AssertionError("it ended as if all were well")
