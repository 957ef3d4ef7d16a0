# SPDX-License-Identifier: AGPL-3.0-or-later
"""Pictures as the official clients get them. A picture in an <img> is the
browser's affair (test_browser.py)."""
import base64
import urllib.request

import pytest

from support import GUARD_S
from support import datastream as ds
from support.pictures import Studio
from support.shape import check_keys, is_integer


def generate(sdk, program, prompt="a cat", **fields):
    return sdk.call(program, "images.generate",
                    named={"prompt": prompt, **fields})


def items_of(call, kind, count):
    """The pictures of an answer, which holds what the schema wants and
    nothing else."""
    check_keys(call.ok().result, {"created", "data"})
    assert is_integer(call.result["created"])
    assert len(call.result["data"]) == count
    for item in call.result["data"]:
        check_keys(item, {kind, "revised_prompt"})
    return call.result["data"]


def read(url):
    with urllib.request.urlopen(url, timeout=GUARD_S) as answer:
        return answer.read()


@pytest.fixture
def studio(upstream):
    return Studio(upstream, ["running", "succeeded"])


@pytest.mark.parametrize("fields", [{}, {"response_format": "b64_json"}])
def test_pictures_are_those_of_the_site(sdk, program, studio, fields):
    items = items_of(generate(sdk, program, n=3, **fields), "b64_json", 3)
    pictures = [base64.b64decode(item["b64_json"]) for item in items]
    assert sorted(pictures) == sorted(
        job.picture for job in studio.jobs.values())
    assert len(set(pictures)) == 3
    assert {item["revised_prompt"] for item in items} == {"Drawn: a cat"}


def test_addresses_lead_to_the_pictures(sdk, start, studio):
    program = start(IMAGE_URLS="proxy")
    items = items_of(
        generate(sdk, program, n=3, response_format="url"), "url", 3)
    for item in items:
        assert item["url"].startswith(
            f"http://127.0.0.1:{program.port}/images/")
    assert sorted(read(item["url"]) for item in items) == sorted(
        job.picture for job in studio.jobs.values())


def test_addresses_of_the_site_are_the_default(sdk, program, upstream,
                                               studio):
    [item] = items_of(
        generate(sdk, program, response_format="url"), "url", 1)
    [job] = studio.jobs.values()
    assert item["url"] == f"{upstream.url}/api/image/{job.name}"
    assert read(item["url"]) == job.picture


def test_parameters_of_the_api_pass(sdk, start, studio):
    program = start(MODEL_ALIASES="gpt-image-1=AkashGen")
    call = generate(sdk, program, model="gpt-image-1", size="1024x1024",
                    quality="high", background="opaque", moderation="low",
                    output_format="webp", output_compression=80, user="me")
    items_of(call, "b64_json", 1)
    assert len(studio.jobs) == 1


def test_answer_in_words_is_an_error(sdk, program, upstream):
    upstream.on_chat = ds.answer("I only draw cats.")
    error = generate(sdk, program).error
    assert error.name == "BadRequestError" and error.status == 400
    assert (error.code, error.param) == ("image_not_drawn", "prompt")
    assert "I only draw cats." in error.text


def test_another_model_is_an_error(sdk, program):
    error = generate(sdk, program, model="dall-e-3").error
    assert error.name == "NotFoundError" and error.status == 404
    assert (error.code, error.param) == ("model_not_found", "model")


def test_failed_job_is_an_error(sdk, program, studio):
    studio.stages = ["failed"]
    error = generate(sdk, program).error
    assert error.name == "InternalServerError" and error.status == 502
    assert error.code == "upstream_error"
