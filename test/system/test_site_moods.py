# SPDX-License-Identifier: AGPL-3.0-or-later
"""What stands before the site: a CDN's pages, extra cookies, an access
token."""
import hashlib

import pytest

from support import datastream as ds
from support.shape import check_error

PAGE = b"<!DOCTYPE html><title>Just a moment...</title>"


def _page(status):
    return ds.reply(status, PAGE, "text/html; charset=UTF-8")


@pytest.mark.parametrize("status", [200, 403, 503])
@pytest.mark.parametrize("where", ["session", "chat"])
def test_page_of_a_cdn_is_told_apart_and_named(program, upstream, status,
                                               where):
    setattr(upstream, f"on_{where}", _page(status))
    response = program.chat()
    message = check_error(response, 502, "upstream_challenge")
    assert f"HTTP {status}" in message
    assert "UPSTREAM_COOKIES" in message
    assert "UPSTREAM_USER_AGENT" in message
    assert response.header("X-Should-Retry") == "false"


def test_page_on_the_list_of_models_is_named_too(program, upstream):
    upstream.on_models = _page(403)
    check_error(program.get("/v1/models"), 502, "upstream_challenge")


def test_page_does_not_cost_the_session(program, upstream):
    """403 that is not the app's own is no reason for another session."""
    upstream.on_chat = _page(403)
    program.chat()
    program.chat()
    assert upstream.count("session") == 1


def test_configured_cookies_go_behind_the_sessions(start, upstream):
    program = start(UPSTREAM_COOKIES="cf_clearance=abc; b=1")
    assert program.chat().status == 200
    assert program.get("/v1/models").status == 200
    token = upstream.tokens()[0]
    for kind in ("chat", "models"):
        request = upstream.of_kind(kind)[0]
        assert request.header("Cookie") == (
            f"session_token={token}; cf_clearance=abc; b=1")
    assert upstream.of_kind("session")[0].header("Cookie") == (
        "cf_clearance=abc; b=1")


def test_configured_user_agent_is_sent_everywhere(start, upstream):
    program = start(UPSTREAM_USER_AGENT="Mozilla/5.0 (test)")
    program.chat()
    program.get("/v1/models")
    assert {one.header("User-Agent") for one in upstream.requests} == {
        "Mozilla/5.0 (test)"}


def _wants_token(upstream, token):
    """A site with an access token, as the contract says: its SHA-256."""
    digest = hashlib.sha256(token.encode()).hexdigest()
    grant = upstream.on_session

    def session(exchange):
        given = exchange.request.header("Authorization")
        if given == f"Bearer {digest}":
            grant(exchange)
        elif given is None:
            ds.reply_json(403, {"error": "Access token required",
                                "message": "An access token is needed"})(
                                    exchange)
        else:
            ds.reply_json(403, {"error": "Invalid Access token",
                                "message": "The token is invalid"})(exchange)

    upstream.on_session = session


def test_access_token_is_sent_as_its_digest(start, upstream):
    _wants_token(upstream, "open sesame")
    program = start(AKASH_ACCESS_TOKEN="open sesame")
    assert program.chat().status == 200
    assert upstream.of_kind("chat")[0].header("Authorization") is None


@pytest.mark.parametrize("options", [{}, {"AKASH_ACCESS_TOKEN": "wrong"}],
                         ids=["missing", "wrong"])
def test_site_that_wants_another_access_token_says_so(start, upstream,
                                                      options):
    _wants_token(upstream, "open sesame")
    message = check_error(start(**options).chat(), 502,
                          "upstream_session_error")
    assert "AKASH_ACCESS_TOKEN" in message
