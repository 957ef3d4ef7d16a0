# SPDX-License-Identifier: AGPL-3.0-or-later
"""The upstream over TLS: whom the program trusts, and what it says when it
does not."""
import shutil
import socket
import ssl
import threading

import pytest

from support import datastream as ds
from support.certificates import Authority, openssl
from support.client import chat_body
from support.program import run
from support.shape import check_completion, check_error, check_stream
from support.upstream import Upstream

pytestmark = pytest.mark.skipif(shutil.which("openssl") is None,
                                reason="there is no openssl command")


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("tls") / "ours", "Ours")


@pytest.fixture(scope="module")
def other_authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("tls") / "other", "Other")


@pytest.fixture(scope="module")
def good(authority):
    """The context of a server that is what it says."""
    return authority.context("good", "DNS:localhost,IP:127.0.0.1")


@pytest.fixture
def tls_upstream(good):
    with Upstream(tls=good, name="localhost") as running:
        yield running


@pytest.fixture
def tls_program(launch, tls_upstream, authority):
    return launch(AKASH_BASE_URL=tls_upstream.url,
                  SSL_CERT_FILE=str(authority.certificate))


def test_private_authority_is_trusted_by_ssl_cert_file(tls_program):
    check_completion(tls_program.chat().json())
    check_stream(tls_program.stream()[1])
    assert tls_program.get("/v1/models").status == 200


def test_private_authority_is_trusted_by_ssl_cert_dir(
        launch, tls_upstream, authority, tmp_path):
    shutil.copy(authority.certificate, tmp_path)
    openssl("rehash", tmp_path)
    program = launch(AKASH_BASE_URL=tls_upstream.url,
                     SSL_CERT_DIR=str(tmp_path))
    check_completion(program.chat().json())


def test_upstream_may_be_an_address(launch, tls_upstream, authority):
    program = launch(AKASH_BASE_URL=f"https://127.0.0.1:{tls_upstream.port}",
                     SSL_CERT_FILE=str(authority.certificate))
    check_completion(program.chat().json())


def test_server_name_is_sent(launch, authority, good):
    names = []
    context = authority.context("named")
    context.sni_callback = lambda sock, name, _: names.append(name)
    with Upstream(tls=context, name="localhost") as upstream:
        launch(AKASH_BASE_URL=upstream.url,
               SSL_CERT_FILE=str(authority.certificate)).chat()
    assert set(names) == {"localhost"}


def check_refused(program, upstream, words, code="upstream_tls_error"):
    """Every kind of request says why the upstream is not trusted."""
    for response in (program.chat(), program.chat(stream=True),
                     program.get("/v1/models")):
        message = check_error(response, 502, code)
        assert words in message, message
        assert "localhost" in message or "127.0.0.1" in message
        assert response.header("X-Should-Retry") == "false"
    assert upstream.requests == []


def test_wrong_host_name_is_told(launch, authority):
    context = authority.context("elsewhere", "DNS:elsewhere.example")
    with Upstream(tls=context, name="localhost") as upstream:
        program = launch(AKASH_BASE_URL=upstream.url,
                         SSL_CERT_FILE=str(authority.certificate))
        check_refused(program, upstream, "another host name")


def test_wrong_address_is_told(launch, authority):
    context = authority.context("address", "DNS:localhost,IP:127.0.0.2")
    with Upstream(tls=context) as upstream:
        program = launch(AKASH_BASE_URL=upstream.url,
                         SSL_CERT_FILE=str(authority.certificate))
        check_refused(program, upstream, "another host name")


def test_partial_wildcard_is_not_accepted(launch, authority):
    context = authority.context("wildcard", "DNS:local*")
    with Upstream(tls=context, name="localhost") as upstream:
        program = launch(AKASH_BASE_URL=upstream.url,
                         SSL_CERT_FILE=str(authority.certificate))
        check_refused(program, upstream, "another host name")


def test_unknown_authority_is_told(launch, tls_upstream, other_authority):
    program = launch(AKASH_BASE_URL=tls_upstream.url,
                     SSL_CERT_FILE=str(other_authority.certificate))
    check_refused(program, tls_upstream, "unknown authority")


def test_private_authority_is_unknown_to_the_system(launch, tls_upstream):
    program = launch(AKASH_BASE_URL=tls_upstream.url)
    check_refused(program, tls_upstream, "unknown authority")


def test_expired_certificate_is_told(launch, authority):
    context = authority.context("expired", days=-1)
    with Upstream(tls=context, name="localhost") as upstream:
        program = launch(AKASH_BASE_URL=upstream.url,
                         SSL_CERT_FILE=str(authority.certificate))
        check_refused(program, upstream, "expired")


def test_old_tls_is_refused(launch, authority):
    context = authority.context("old")
    context.set_ciphers("DEFAULT:@SECLEVEL=0")
    with pytest.warns(DeprecationWarning):
        context.minimum_version = ssl.TLSVersion.TLSv1
        context.maximum_version = ssl.TLSVersion.TLSv1_1
    with Upstream(tls=context, name="localhost") as upstream:
        program = launch(AKASH_BASE_URL=upstream.url,
                         SSL_CERT_FILE=str(authority.certificate))
        message = check_error(program.chat(), 502, "upstream_tls_error")
        assert "TLS" in message
        assert upstream.requests == []


def test_upstream_without_tls_is_told(launch):
    """A plain server takes the handshake for a bad request."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        def answer():
            connection, _ = listener.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

        thread = threading.Thread(target=answer)
        thread.start()
        port = listener.getsockname()[1]
        program = launch(AKASH_BASE_URL=f"https://127.0.0.1:{port}")
        message = check_error(program.chat(), 502, "upstream_tls_error")
        assert "127.0.0.1" in message
        thread.join()


@pytest.mark.parametrize("option", ["SSL_CERT_FILE", "SSL_CERT_DIR"])
def test_unreadable_authorities_end_the_start(option, tmp_path):
    missing = tmp_path / "missing"
    done = run(SERVER_ADDRESS="127.0.0.1:0", **{option: str(missing)})
    assert done.returncode != 0
    [line] = done.stderr.splitlines()
    assert option in line and str(missing) in line


def test_authorities_that_are_none_end_the_start(tmp_path):
    path = tmp_path / "empty.pem"
    path.write_text("nothing\n")
    done = run(SERVER_ADDRESS="127.0.0.1:0", SSL_CERT_FILE=str(path))
    assert done.returncode != 0
    assert "SSL_CERT_FILE" in done.stderr


def test_connection_is_used_again(tls_program, tls_upstream):
    for _ in range(5):
        tls_program.chat()
        tls_program.stream()
    assert len({one.connection for one in tls_upstream.of_kind("chat")}) <= 2


def test_long_bodies_arrive_whole(tls_program, tls_upstream):
    text = "Grüße 😀 " * 50_000
    tls_upstream.on_chat = ds.answer(text, text, text)
    response = tls_program.chat(text)
    if check_completion(response.json())["content"] != text * 3:
        pytest.fail("the answer was changed")
    if tls_upstream.chat_body()["messages"][0]["content"] != text:
        pytest.fail("the request was changed")


def test_cut_without_a_tls_end_is_a_failure(tls_program, tls_upstream):
    tls_upstream.on_chat = ds.cut_after(ds.START, ds.text("Partial"))
    check_error(tls_program.chat(), 502, "upstream_error")


def test_close_delimited_answer_needs_its_own_end_only(
        tls_program, tls_upstream):
    """The site's answer says itself where it ends."""
    def until_close(exchange):
        exchange.start(framing="close")
        exchange.send_raw(b"".join(ds.answer_lines("whole")))

    tls_upstream.on_chat = until_close
    check_completion(tls_program.chat().json())


def test_deltas_pass_at_once(tls_program, tls_upstream):
    """Each delta is sent only when the client has the one before."""
    turns = threading.Semaphore(0)

    def in_turn(exchange):
        exchange.start()
        exchange.send_chunk(ds.START)
        for number in range(20):
            exchange.send_chunk(ds.text(f"{number} "))
            exchange.wait_turn(turns)
        exchange.send_chunk(b"".join(ds.ends()))
        exchange.end()

    tls_upstream.on_chat = in_turn
    with tls_program.connect() as connection:
        connection.send("POST", "/v1/chat/completions",
                        chat_body(stream=True))
        events = connection.response().events()
        events.next()
        for number in range(20):
            assert events.next_delta() == {"content": f"{number} "}
            turns.release()
        assert events.rest()[-1] == "[DONE]"


# What the upstream does within an upload, of which it has read a part.
def reset_connection(connection):
    connection.reset()


def refuse_and_close(connection):
    connection.socket.sendall(
        b"HTTP/1.1 413 Content Too Large\r\nContent-Type: application/json\r\n"
        b"Content-Length: 22\r\n\r\n{\"message\":\"too much\"}")


def refuse_and_reset(connection):
    refuse_and_close(connection)
    connection.reset()


@pytest.mark.parametrize("act", [reset_connection, refuse_and_close,
                                 refuse_and_reset])
@pytest.mark.parametrize("size", [1_500_000, 15_000_000])
@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
def test_upload_that_breaks_costs_nothing_else(
        launch, good, authority, act, size, tls):
    """In another process than the program's, so that it can happen between
    two records."""
    def read_a_part(connection):
        connection.reader.read(100_000)
        act(connection)

    with Upstream(tls=good if tls else None, name="localhost") as upstream:
        upstream.on_upload = read_a_part
        program = launch(AKASH_BASE_URL=upstream.url, UPSTREAM_RETRIES="0",
                         SSL_CERT_FILE=str(authority.certificate))
        for _ in range(5):
            response = program.chat("x" * size)
            message = check_error(response, 502, "upstream_error")
            if act is refuse_and_close:
                assert "too much" in message
        check_completion(program.chat().json())
