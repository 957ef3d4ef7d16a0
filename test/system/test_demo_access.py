# SPDX-License-Identifier: AGPL-3.0-or-later
"""Who gets a session of the simulated Akash Chat, asked without the program
between: what it wants to see of a browser, its access token, refreshing."""
import hashlib
import json

import pytest

from support.client import Connection

SESSION = "/api/auth/session/"
REFRESH = "/api/auth/session/refresh/"
STATUS = "/api/auth/status/"
BROWSER = ("User-Agent", "Mozilla/5.0")
TOKEN = "open-sesame"
PROOF = ("Authorization",
         "Bearer " + hashlib.sha256(TOKEN.encode()).hexdigest())


@pytest.fixture
def ask(launch):
    """Asks the site inside a program: ask(method, path, *headers)."""
    return asker(launch("--demo", "--log-level", "debug"))


@pytest.fixture
def ask_guarded(launch):
    """The same of one that wants an access token."""
    return asker(launch("--demo", "--log-level", "debug",
                        "--akash-access-token", TOKEN))


def asker(program):
    port = int(program.wait_log("demo listening").get("port"))

    def ask(method, path, *headers):
        with Connection(port) as connection:
            connection.send(method, path, None, headers)
            response = connection.response(method)
            response.data = json.loads(b"".join(response.pieces()))
            return response

    return ask


def cookie_of(response):
    """The header that sends a new session's cookie back."""
    assert response.status == 200 and response.data == {"success": True}
    return "Cookie", response.header("Set-Cookie").split(";")[0]


@pytest.mark.parametrize("header, value, complaint", [
    ("User-Agent", None, "no user agent"),
    ("User-Agent", "", "no user agent"),
    ("Sec-Fetch-Site", "cross-site", "invalid fetch site"),
    ("Sec-Fetch-Mode", "websocket", "invalid fetch mode")])
def test_what_is_no_browser_gets_no_session(ask, header, value, complaint):
    headers = {"User-Agent": "x", header: value}
    response = ask("GET", SESSION, *[
        pair for pair in headers.items() if pair[1] is not None])
    assert response.status == 403
    assert response.data == {"error": f"Invalid request - {complaint}"}
    assert response.header("Set-Cookie") is None
    refused = ask("POST", REFRESH, *[
        pair for pair in headers.items() if pair[1] is not None])
    assert refused.status == 403
    assert refused.data == {"error": "Invalid request"}


@pytest.mark.parametrize("site", ["same-origin", "same-site", "none", ""])
@pytest.mark.parametrize("mode", ["navigate", "cors", "no-cors", ""])
def test_browsers_get_a_session(ask, site, mode):
    cookie_of(ask("GET", SESSION, BROWSER, ("Sec-Fetch-Site", site),
                  ("Sec-Fetch-Mode", mode)))


def test_access_token_is_wanted_where_there_is_one(ask, ask_guarded):
    assert not ask("GET", STATUS).data["requiresAccessToken"]
    assert ask_guarded("GET", STATUS).data["requiresAccessToken"]
    for method, path in (("GET", SESSION), ("POST", REFRESH)):
        for proof, error in (
                (None, "Access token required"),
                (("Authorization", PROOF[1].replace("Bearer", "Basic")),
                 "Access token required"),
                (("Authorization", f"Bearer {TOKEN}"),
                 "Invalid Access token")):
            response = ask_guarded(method, path, BROWSER,
                                   *[proof] if proof else [])
            assert response.status == 403
            assert response.data["error"] == error
    cookie_of(ask_guarded("GET", SESSION, BROWSER, PROOF))


def test_program_shows_the_access_token(launch):
    program = launch("--demo", "--demo-delay", "0", "--akash-access-token",
                     TOKEN)
    assert program.chat().status == 200


def test_refreshing_keeps_a_young_session_and_renews_a_lost_one(ask):
    cookie = cookie_of(ask("GET", SESSION, BROWSER))
    kept = ask("POST", REFRESH, BROWSER, cookie)
    assert kept.status == 200 and kept.data == {"success": True}
    assert kept.header("Set-Cookie") is None
    assert ask("GET", "/api/models/", cookie).status == 200
    lost = "Cookie", "session_token=0123"
    assert ask("GET", "/api/models/", lost).status == 403
    renewed = cookie_of(ask("POST", REFRESH, BROWSER, lost))
    assert renewed != cookie
    assert ask("GET", "/api/models/", renewed).status == 200


@pytest.mark.parametrize("cookies", [
    None, "", "other=1", "xsession_token=1",
    "session_tokens=1; other=session_token=2"])
def test_refreshing_needs_a_token(ask, cookies):
    response = ask("POST", REFRESH, BROWSER,
                   *[("Cookie", cookies)] if cookies is not None else [])
    assert response.status == 401
    assert response.data == {"error": "No session token found"}


def test_cookie_is_found_among_others(ask):
    name, value = cookie_of(ask("GET", SESSION, BROWSER))
    for cookies in (f"a=1; {value}", f"{value}; b=2", f"a=1;{value};b=2"):
        assert ask("GET", "/api/models/", (name, cookies)).status == 200
    assert ask("GET", "/api/models/", (name, "a=1"),
               (name, value)).status == 200
