# SPDX-License-Identifier: AGPL-3.0-or-later
"""Pictures of the demo: each of its markers, in every form but a chat
(test_pictures.py). A job takes some seconds, so that all are asked for at
once."""
import base64

from support.pictures import (ask, at_once, check_images, decode,
                              read_broken)
from support.shape import check_error

# Marker: (status, code) of base64; an address is not fetched.
DEMO = {
    "notimage": (400, "image_not_drawn"), "error": (502, "upstream_error"),
    "jobfailed": (502, "upstream_error"),
    "jobunknown": (502, "upstream_error"),
    "status404": (502, "upstream_error"),
    "status500": (502, "upstream_error"),
    "statusjunk": (502, "upstream_error"),
    "statusobject": (502, "upstream_error"),
    "statusstring": (502, "upstream_error"),
    "statusempty": (502, "upstream_error"),
    "resultnull": (502, "upstream_error"),
    "filemissing": (404, "image_not_found"),
    "file500": (502, "upstream_error"),
    "filebig": (502, "upstream_error"),
    "filetype": (502, "upstream_challenge"),
    "filecut": (502, "upstream_error"),
    "jobforever": (504, "image_timeout"),
}
DRAWS = ["a cat", "[demo:jobcompleted]", "[demo:jobodd]",
         "[demo:statusflaky]", "[demo:resulturl]", "[demo:resultdata]"]


def test_demo_fails_in_every_way(launch):
    program = launch("--demo", "--demo-delay", "0", IMAGE_TIMEOUT="60")
    hurried = launch("--demo", "--demo-delay", "0", IMAGE_TIMEOUT="3")
    responses = at_once([
        lambda name=name: ask(
            hurried if name == "jobforever" else program, f"[demo:{name}]")
        for name in DEMO])
    for response, (status, code) in zip(responses, DEMO.values()):
        param = "prompt" if code == "image_not_drawn" else None
        check_error(response, status, code, param)


def test_demo_draws(launch):
    """The picture is that of the file route, byte by byte."""
    program = launch("--demo", "--demo-delay", "0", IMAGE_URLS="proxy")
    responses = at_once([
        lambda prompt=prompt, kind=kind: ask(
            program, prompt, n=2, response_format=kind,
            headers=[("Host", f"127.0.0.1:{program.port}")])
        for prompt in DRAWS for kind in ("b64_json", "url")])
    files = set()
    for index, response in enumerate(responses):
        kind = ("b64_json", "url")[index % 2]
        for item in check_images(response, kind, 2):
            if kind == "b64_json":
                picture = decode(item)
            elif item["url"].startswith("data:"):
                picture = base64.b64decode(item["url"].partition(",")[2])
            else:
                path = item["url"].removeprefix(
                    f"http://127.0.0.1:{program.port}")
                assert path.startswith("/images/")
                picture = program.get(path).read()
            assert picture.startswith(b"\x89PNG\r\n\x1a\n")
            assert picture.endswith(b"IEND\xaeB`\x82")
            files.add(picture)
    assert len(files) == 4 * len(DRAWS), "a picture was given twice"


def test_demo_has_files_that_fail(launch):
    """Their addresses are handed out; GET /images/{name} tells."""
    program = launch("--demo", "--demo-delay", "0", IMAGE_URLS="proxy",
                     PUBLIC_URL="https://here/")
    names = ["filemissing", "file500", "filetype", "filebig", "filecut"]
    paths = {}
    for name, response in zip(names, at_once([
            lambda name=name: ask(program, f"[demo:{name}]",
                                  response_format="url") for name in names])):
        [item] = check_images(response, "url")
        paths[name] = item["url"].removeprefix("https://here")
    for name in names[:3]:
        check_error(program.get(paths[name]), *DEMO[name])
    for name in names[3:]:
        with program.connect() as connection:
            connection.send("GET", paths[name])
            response = connection.response()
            assert response.header("Content-Type") == "image/png"
            read_broken(connection)
            assert program.access(response).get("end") == "cut"
