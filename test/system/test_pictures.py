# SPDX-License-Identifier: AGPL-3.0-or-later
"""AkashGen in a chat, before the demo: the picture as Markdown, whole and
streamed, beside the JSON of the program's predecessor. A job takes some
seconds, so that everything is asked at once."""
import concurrent.futures
import json
import re
import urllib.request

import pytest

from support.program import Program
from support.shape import (check_completion, check_error, check_error_body,
                           check_stream)

DRAWN = "In fine detail: "
PICTURE = re.compile(r"!\[(.*)\]\((\S+)\)", re.DOTALL)


def body(prompt, **fields):
    return {"model": "AkashGen", **fields,
            "messages": [{"role": "user", "content": prompt}]}


def payloads_of(response):
    """The data of a stream's events, and how many comments there were."""
    events = response.read().decode().split("\n\n")
    comments = sum(event.startswith(":") for event in events)
    return [event.removeprefix("data: ") for event in events
            if event.startswith("data: ")], comments


def at_once(asks):
    """What each of the functions returns."""
    with concurrent.futures.ThreadPoolExecutor(len(asks)) as pool:
        return [done.result() for done in
                [pool.submit(ask) for ask in asks]]


def both_ways(program, prompts):
    """For each prompt the responses to it, whole and streamed."""
    responses = at_once([
        lambda prompt=prompt, stream=stream: program.post(
            body(prompt, stream=stream))
        for prompt in prompts for stream in (False, True)])
    return dict(zip(prompts, zip(responses[::2], responses[1::2])))


@pytest.fixture(scope="module")
def answers():
    """Everything that is asked here, of one program for what goes well and
    one for what does not, since bad jobs hold up the others."""
    asked = [[*AWKWARD, *OTHER_WORDS, DATA, TEXT], list(FAILURES)]
    programs = [Program("--demo", "--demo-delay", "0", IMAGE_TIMEOUT="60",
                        FIRST_COMMENT_DELAY="2", COMMENT_INTERVAL="2")
                for _ in asked]
    try:
        good, bad = at_once([
            lambda pair=pair: both_ways(*pair)
            for pair in zip(programs, asked)])
        yield good | bad
    finally:
        for program in programs:
            program.stop()


def file_of(url):
    with urllib.request.urlopen(url, timeout=10) as answer:
        assert answer.headers["Content-Type"] == "image/png"
        return answer.read()


def completion_of(response):
    """The content of a whole answer with a picture, and the data that the
    program's predecessor gave."""
    answer = response.json()
    assert answer.pop("code") == 200
    data = answer.pop("data")
    return check_completion(answer)["content"], data


def escaped(prompt):
    text = re.sub(r"[\x00-\x1f\x7f]", " ", DRAWN + prompt)
    return re.sub(r"([\\`*_\[\]<>!|~&$])", r"\\\1", text)


AWKWARD = ["a cat", "Bob's \"big\" cat", "tail\\", "[link](http://x) ![a](b)",
           "<b>bold</b> & *stars* _under_ `code`", "two\nlines\tand tabs",
           "猫 🐈 ~~no~~ | $x$", "' negative='x", "</image_generation>\""]


OTHER_WORDS = [f"a cat [demo:{marker}]" for marker in (
    "jobcompleted", "jobodd", "statusflaky", "resulturl")]
DATA = "a cat [demo:resultdata]"
TEXT = "nothing [demo:notimage]"


def test_picture_is_the_answer(answers):
    files = set()
    for prompt in AWKWARD:
        whole, stream = answers[prompt]
        assert whole.status == stream.status == 200
        content, data = completion_of(whole)
        text, url = PICTURE.fullmatch(content).groups()
        assert text == escaped(prompt)
        assert data.keys() == {"model", "jobId", "prompt", "pic"}
        assert (data["model"], data["pic"]) == ("AkashGen", url)
        assert data["prompt"] == DRAWN + prompt
        assert re.fullmatch(r"[0-9a-f-]{36}", data["jobId"])
        payloads, comments = payloads_of(stream)
        streamed = check_stream(payloads)
        assert PICTURE.fullmatch(streamed.text)[1] == escaped(prompt)
        assert streamed.finish == "stop" and comments >= 1
        for link in (url, PICTURE.fullmatch(streamed.text)[2]):
            picture = file_of(link)
            assert picture.startswith(b"\x89PNG\r\n\x1a\n")
            files.add(picture)
    assert len(files) == 2 * len(AWKWARD), "a picture was given twice"


# Marker: (status, code) of a whole answer, and of a stream's one event, since
# its head has gone out by then.
FAILURES = {
    "[demo:jobfailed]": (502, "upstream_error"),
    "[demo:jobunknown]": (502, "upstream_error"),
    "[demo:status404]": (502, "upstream_error"),
    "[demo:status500]": (502, "upstream_error"),
    "[demo:statusjunk]": (502, "upstream_error"),
    "[demo:statusobject]": (502, "upstream_error"),
    "[demo:statusstring]": (502, "upstream_error"),
    "[demo:statusempty]": (502, "upstream_error"),
    "[demo:resultnull]": (502, "upstream_error"),
}


def test_failures_are_told(answers):
    for prompt, (status, code) in FAILURES.items():
        whole, stream = answers[prompt]
        check_error(whole, status, code)
        assert stream.status == 200
        payloads, comments = payloads_of(stream)
        assert comments >= 1 and "[DONE]" not in payloads
        [event] = payloads
        assert check_error_body(json.loads(event))["code"] == code


def test_error_before_the_job_is_an_http_error(launch):
    program = launch("--demo", "--demo-delay", "0")
    for response in both_ways(program, ["[demo:error]"])["[demo:error]"]:
        check_error(response, 502, "upstream_error")


def test_job_that_takes_too_long(launch):
    program = launch("--demo", "--demo-delay", "0", IMAGE_TIMEOUT="3")
    prompt = "[demo:jobforever]"
    for response in both_ways(program, [prompt])[prompt]:
        check_error(response, 504, "image_timeout")


def test_other_words_of_the_site(answers):
    for prompt in OTHER_WORDS:
        for response in answers[prompt]:
            assert response.status == 200
            assert b"/api/image/job_" in response.read()


def test_picture_in_the_result_itself(answers):
    content, data = completion_of(answers[DATA][0])
    assert data["pic"].startswith("data:image/png;base64,")
    assert content.endswith(f"]({data['pic']})")


def test_answer_in_text_is_the_answer(answers):
    whole, stream = answers[TEXT]
    answer = whole.json()
    text = check_completion(answer)["content"]
    assert text and "data" not in answer and "code" not in answer
    assert check_stream(payloads_of(stream)[0]).text == text


def test_picture_by_way_of_this_server(launch):
    program = launch("--demo", "--demo-delay", "0", IMAGE_URLS="proxy")
    whole, stream = both_ways(program, ["a cat"])["a cat"]
    urls = [completion_of(whole)[1]["pic"],
            PICTURE.fullmatch(check_stream(payloads_of(stream)[0]).text)[2]]
    for url in urls:
        assert url.startswith("http://127.0.0.1/images/job_")  # its Host
        response = program.get(url.removeprefix("http://127.0.0.1"))
        assert response.read().startswith(b"\x89PNG\r\n\x1a\n")
