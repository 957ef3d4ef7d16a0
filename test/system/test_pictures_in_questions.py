# SPDX-License-Identifier: AGPL-3.0-or-later
"""Pictures go to the site as today's page sends them, and as parts too, from
which newer ones take them."""
import base64

import pytest

from support.client import chat_body
from support.shape import check_error

PNG = "data:image/png;base64," + base64.b64encode(bytes(range(256))).decode()
WEB = "https://pictures.example/cat.webp?size=2"


def picture(url, **more):
    return {"type": "image_url", "image_url": {"url": url, **more}}


def text(words):
    return {"type": "text", "text": words}


def attachment(kind, url):
    return {"contentType": kind, "url": url}


def part(kind, url):
    return {"type": "file", "mediaType": kind, "url": url}


def question(*content):
    return chat_body(messages=[{"role": "user", "content": list(content)}])


def sent(program, upstream, *content):
    """The message that a question with this content became."""
    response = program.post(question(*content))
    assert response.status == 200, response.read()
    [message] = upstream.chat_body()["messages"]
    assert isinstance(message.pop("id"), str)
    return message


@pytest.mark.parametrize("kind, url", [("image/png", PNG),
                                       ("image/webp", WEB)])
def test_picture_is_attached_and_a_part(program, upstream, kind, url):
    message = sent(program, upstream, text("What is this?"), picture(url))
    assert message == {
        "role": "user", "content": "What is this?",
        "parts": [text("What is this?"), part(kind, url)],
        "experimental_attachments": [attachment(kind, url)]}


def test_parts_keep_the_order_of_texts_and_pictures(program, upstream):
    message = sent(program, upstream, text("On"), text("e: "), picture(PNG),
                   text(""), picture(WEB), text("Two."))
    assert message["content"] == "One: Two."
    assert message["parts"] == [
        text("One: "), part("image/png", PNG), part("image/webp", WEB),
        text("Two.")]
    assert message["experimental_attachments"] == [
        attachment("image/png", PNG), attachment("image/webp", WEB)]


def test_picture_may_come_without_words(program, upstream):
    message = sent(program, upstream, picture(PNG))
    assert message["content"] == ""
    assert message["parts"] == [part("image/png", PNG)]


@pytest.mark.parametrize("given", [
    picture(PNG, detail="high"), picture(PNG, detail=None),
    {"type": "image_url", "image_url": PNG},
    {**picture(PNG), "text": "not said", "cache_control": {"type": "x"}},
])
def test_other_spellings_of_a_picture(program, upstream, given):
    message = sent(program, upstream, text("?"), given)
    assert message["content"] == "?"
    assert message["parts"] == [text("?"), part("image/png", PNG)]
    assert message["experimental_attachments"] == [
        attachment("image/png", PNG)]


def test_earlier_questions_keep_their_pictures(program, upstream):
    program.post(chat_body(messages=[
        {"role": "user", "content": [picture(PNG)]},
        {"role": "assistant", "content": "A cat."},
        {"role": "user", "content": "Sure?"}]))
    first, second, third = upstream.chat_body()["messages"]
    assert first["experimental_attachments"] == [
        attachment("image/png", PNG)]
    assert "experimental_attachments" not in second
    assert "experimental_attachments" not in third


def test_large_picture_arrives_whole(program, upstream):
    url = "data:image/jpeg;base64," + "/9j/" * 1_000_000
    message = sent(program, upstream, picture(url))
    if (message["experimental_attachments"] != [attachment("image/jpeg", url)]
            or message["parts"] != [part("image/jpeg", url)]):
        pytest.fail("the picture was changed")


@pytest.mark.parametrize("url", [
    "", "cat.png", "file:///etc/passwd", "ftp://a/b.png", "https://",
    "https://a b/", "data:image/png,AAAA", "data:image/png;base64,",
    "data:image/png;base64,AAAAA", "data:image/png;base64,AA!A",
    "data:application/pdf;base64,AAAA", "data:image/png;base64,AAAA\0",
])
def test_url_that_is_no_picture_is_refused(program, upstream, url):
    at = "messages[0].content[1].image_url"
    check_error(program.post(question(text("?"), picture(url))), 400,
                "invalid_value", at + ".url")
    check_error(program.post(question(
        text("?"), {"type": "image_url", "image_url": url})), 400,
        "invalid_value", at)
    assert upstream.count("chat") == 0


@pytest.mark.parametrize("data", ["AAAA\nAAAA", "AA-_", "AAAAA", "AA==AA=="])
def test_message_says_which_base64_is_taken(program, data):
    message = check_error(
        program.post(question(picture("data:image/png;base64," + data))),
        400, "invalid_value", "messages[0].content[0].image_url.url")
    assert "'+' and '/'" in message and "line breaks" in message


def test_message_says_nothing_of_base64_where_there_is_none(program):
    message = check_error(program.post(question(picture("https://"))), 400,
                          "invalid_value",
                          "messages[0].content[0].image_url.url")
    assert "ase64" not in message


@pytest.mark.parametrize("given, code, param", [
    ({"type": "image_url"}, "missing_required_parameter", ""),
    ({"type": "image_url", "image_url": None}, "missing_required_parameter",
     ""),
    ({"type": "image_url", "image_url": 1}, "invalid_type", ""),
    ({"type": "image_url", "image_url": {}}, "missing_required_parameter",
     ".url"),
    ({"type": "image_url", "image_url": {"url": 1}}, "invalid_type", ".url"),
])
def test_malformed_picture_is_refused(program, given, code, param):
    check_error(program.post(question(given)), 400, code,
                "messages[0].content[0].image_url" + param)


@pytest.mark.parametrize("role", ["system", "developer", "assistant", "tool",
                                  "function"])
def test_pictures_are_for_users(program, upstream, role):
    body = chat_body(messages=[
        {"role": "user", "content": "Hi"},
        {"role": role, "content": [text("x"), picture(PNG)]}])
    message = check_error(program.post(body), 400, "unsupported_content",
                          "messages[1].content[1].type")
    assert "users" in message
    assert upstream.count("chat") == 0
