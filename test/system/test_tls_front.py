# SPDX-License-Identifier: AGPL-3.0-or-later
"""TLS between clients and the program (TLS_CERT and TLS_KEY)."""
import pathlib
import shutil
import signal
import socket
import ssl
import subprocess
import threading
import time

import pytest

from support import GUARD_S
from support import datastream as ds
from support.certificates import EC_KEY, Authority, openssl
from support.client import Connection, chat_body
from support.crowd import at_once
from support.program import run
from support.shape import (check_completion, check_early_error, check_error,
                           check_stream)

pytestmark = pytest.mark.skipif(shutil.which("openssl") is None,
                                reason="there is no openssl command")

HELLO = "Hello, world!"


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("front") / "ours", "Ours")


@pytest.fixture(scope="module")
def files(authority):
    """A certificate for 127.0.0.1 and its key."""
    return authority.issue("front", "DNS:localhost,IP:127.0.0.1")


def make_context(authority, version=None):
    """A client's context that wants a version, or any."""
    context = ssl.create_default_context(cafile=authority.certificate)
    # Some builds of Python take any end for a clean one.
    context.options &= ~getattr(ssl, "OP_IGNORE_UNEXPECTED_EOF", 0)
    if version is not None:
        context.minimum_version = version
        context.maximum_version = version
    return context


@pytest.fixture
def start_tls(start, files, authority):
    """Starts programs with TLS in front."""
    def start_with(**options):
        certificate, key = files
        program = start(TLS_CERT=str(certificate), TLS_KEY=str(key),
                        **options)
        program.tls = make_context(authority)
        return program

    return start_with


@pytest.fixture
def front(start_tls):
    return start_tls()


def check_clean_end(connection):
    """The program says goodbye: without that, reading fails."""
    assert connection.socket.recv(1) == b""


# ---- answers ----------------------------------------------------------------

@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2,
                                     ssl.TLSVersion.TLSv1_3])
def test_answers_whole_and_streamed(front, authority, version):
    front.tls = make_context(authority, version)
    response = front.chat()
    assert check_completion(response.json())["content"] == HELLO
    assert check_stream(front.stream()[1]).text == HELLO
    assert front.get("/v1/models").status == 200
    assert front.access(response).get("status") == "200"


def test_connection_is_kept(front):
    with front.connect() as connection:
        for _ in range(5):
            connection.send("GET", "/health")
            assert connection.response().read()
            connection.send("POST", "/v1/chat/completions", chat_body())
            check_completion(connection.response().json())
            connection.send("POST", "/v1/chat/completions",
                            chat_body(stream=True))
            check_stream(connection.response().events().rest())


def test_pipelined_requests_are_answered_in_order(front):
    with front.connect() as connection:
        for path in ("/health", "/v1/models", "/nowhere", "/health"):
            connection.send("GET", path)
        statuses = []
        for _ in range(4):
            response = connection.response()
            response.read()
            statuses.append(response.status)
        assert statuses == [200, 200, 404, 200]


def test_deltas_pass_at_once(front, upstream):
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

    upstream.on_chat = in_turn
    response = front.open_stream()
    with response.connection:
        events = response.events()
        events.next()
        for number in range(20):
            assert events.next_delta() == {"content": f"{number} "}
            turns.release()
        assert events.rest()[-1] == "[DONE]"


def test_long_bodies_arrive_whole(front, upstream):
    text = "Grüße 😀 " * 100_000
    upstream.on_chat = ds.answer(*["Grüße 😀 " * 10_000] * 30)
    response = front.chat(text)
    if check_completion(response.json())["content"] != text * 3:
        pytest.fail("the answer was changed")
    if upstream.chat_body()["messages"][0]["content"] != text:
        pytest.fail("the request was changed")
    if check_stream(front.stream()[1]).text != text * 3:
        pytest.fail("the stream was changed")


def test_200_clients_at_once(front, upstream):
    everybody = threading.Barrier(200)

    def wait_for_all(exchange):
        everybody.wait(GUARD_S)
        ds.answer("Hello", ", world", "!")(exchange)

    upstream.on_chat = wait_for_all
    texts = at_once(200, lambda _: check_stream(front.stream()[1]).text)
    assert texts == [HELLO] * 200


@pytest.mark.skipif(shutil.which("curl") is None, reason="there is no curl")
def test_curl(front, authority):
    done = subprocess.run(
        ["curl", "-sS", "--cacert", str(authority.certificate),
         "-w", "%{http_version} %{http_code}", "-o", "/dev/null",
         f"https://127.0.0.1:{front.port}/health"],
        capture_output=True, check=False, timeout=GUARD_S, encoding="utf-8",
        env={})
    assert (done.stderr, done.stdout) == ("", "1.1 200")


# ---- the door ---------------------------------------------------------------

@pytest.mark.parametrize("request_text, status, code", [
    (b"GARBAGE\r\n\r\n", 400, "bad_http"),
    (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999\r\n\r\n", 413,
     "request_too_large"),
    (b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"a" * 40_000 + b"\r\n\r\n", 431,
     "headers_too_large"),
], ids=["400", "413", "431"])
def test_refusals_are_told_and_end_cleanly(
        start_tls, request_text, status, code):
    program = start_tls(MAX_BODY_SIZE="2048")
    with program.connect() as connection:
        connection.send_raw(request_text)
        response = connection.response()
        check_early_error(response, status, code)
        assert response.header("Connection") == "close"
        check_clean_end(connection)


def test_refusal_reaches_a_client_that_is_still_sending(start_tls):
    """What it sends is read on, so that no reset takes the answer away."""
    program = start_tls(MAX_BODY_SIZE="2048")
    with program.connect() as connection:
        connection.send_raw(b"POST / HTTP/1.1\r\nHost: a\r\n"
                            b"Content-Length: 1000000\r\n\r\n")
        connection.send_raw(b"x" * 1_000_000)
        check_early_error(connection.response(), 413, "request_too_large")
        check_clean_end(connection)


def test_key_is_wanted(start_tls):
    program = start_tls(BEARER_TOKEN="sk-1")
    check_error(program.chat(), 401, None)
    assert program.chat(
        headers=[("Authorization", "Bearer sk-1")]).status == 200


# ---- the end of a connection ------------------------------------------------

def test_connection_close_ends_cleanly(front):
    with front.connect() as connection:
        connection.send("GET", "/health", headers=[("Connection", "close")])
        connection.response().read()
        check_clean_end(connection)


def test_http_1_0_stream_ends_cleanly(front):
    """Its end is the connection's: only a goodbye tells it from a cut."""
    with front.connect() as connection:
        connection.send("POST", "/v1/chat/completions",
                        chat_body(stream=True), version="1.0")
        response = connection.response()
        assert response.framing == "close"
        check_stream(response.events().rest())


def test_http_1_0_stream_that_is_cut_does_not_end_cleanly(
        start_tls, upstream):
    def begin(exchange):
        exchange.start()
        exchange.send_chunk(ds.START + ds.text("Hello"))
        exchange.wait_gone()

    upstream.on_chat = begin
    program = start_tls()
    with program.connect() as connection:
        connection.send("POST", "/v1/chat/completions",
                        chat_body(stream=True), version="1.0")
        events = connection.response().events()
        events.next()
        assert events.next_delta() == {"content": "Hello"}
        program.signal(signal.SIGTERM)
        program.wait_log("draining")
        program.signal(signal.SIGTERM)  # ends at once
        with pytest.raises(ssl.SSLError):
            events.rest()
    assert program.wait() == 0


def test_idle_connections_end_cleanly(start_tls):
    program = start_tls(KEEPALIVE_TIMEOUT="1")
    with program.connect() as connection:
        connection.send("GET", "/health")
        connection.response().read()
        check_clean_end(connection)


def test_goodbye_is_answered(front):
    with front.connect() as connection:
        connection.send("GET", "/health")
        connection.response().read()
        connection.socket.unwrap()


def leave_by_goodbye(connection):
    """The program closes without a word: it did not send all it had."""
    with pytest.raises(OSError):
        connection.socket.unwrap()


def leave_by_half_close(connection):
    connection.socket.shutdown(socket.SHUT_WR)


@pytest.mark.parametrize("leave", [
    Connection.close, Connection.reset, leave_by_goodbye,
    leave_by_half_close])
@pytest.mark.parametrize("stream", [True, False])
def test_client_that_leaves_cancels_the_upstream(
        front, upstream, leave, stream):
    begun = threading.Event()
    left = threading.Event()

    def begin(exchange):
        exchange.start()
        exchange.send_chunk(ds.START + ds.text("Hello"))
        begun.set()
        exchange.wait_gone()
        left.set()

    upstream.on_chat = begin
    with front.connect() as connection:
        connection.send("POST", "/v1/chat/completions",
                        chat_body(stream=stream))
        if stream:
            assert connection.response().events().next_delta()
        assert begun.wait(GUARD_S)
        leave(connection)
        assert left.wait(GUARD_S)


def test_client_that_reads_nothing_is_dropped(start_tls, upstream):
    left = threading.Event()

    def flood(exchange):
        exchange.start()
        exchange.send_chunk(ds.START)
        line = ds.text("x" * 10_000)
        try:
            while True:
                exchange.send_chunk(line)
        except OSError:
            left.set()
            raise

    upstream.on_chat = flood
    program = start_tls(WRITE_TIMEOUT="1")
    with program.connect() as connection:
        connection.send("POST", "/v1/chat/completions",
                        chat_body(stream=True))
        assert left.wait(GUARD_S)
        program.wait_log("request", end="client_gone")


# ---- handshakes -------------------------------------------------------------

def reused(program, session):
    """Whether a session is taken up again, and the one that follows."""
    with Connection(program.port, program.host, program.tls,
                    session) as connection:
        connection.send("GET", "/health")
        connection.response().read()  # the tickets of TLS 1.3 come before
        return connection.socket.session_reused, connection.socket.session


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2,
                                     ssl.TLSVersion.TLSv1_3])
def test_sessions_are_resumed(front, authority, version):
    front.tls = make_context(authority, version)
    was_reused, session = reused(front, None)
    assert not was_reused and session is not None
    for _ in range(3):
        was_reused, session = reused(front, session)
        assert was_reused


def test_tls_1_1_is_refused(front, authority):
    context = make_context(authority)
    context.set_ciphers("DEFAULT:@SECLEVEL=0")
    with pytest.warns(DeprecationWarning):
        context.minimum_version = ssl.TLSVersion.TLSv1
        context.maximum_version = ssl.TLSVersion.TLSv1_1
    with pytest.raises(ssl.SSLError, match="(?i)protocol.version"):
        Connection(front.port, front.host, context)
    assert front.get("/health").status == 200


@pytest.mark.parametrize("offered, chosen", [
    (["h2", "http/1.1"], "http/1.1"), (["http/1.1"], "http/1.1"),
    ([], None)])
def test_http_1_1_is_chosen(front, offered, chosen):
    if offered:
        front.tls.set_alpn_protocols(offered)
    with front.connect() as connection:
        assert connection.socket.selected_alpn_protocol() == chosen
        connection.send("GET", "/health")
        assert connection.response().status == 200


def test_h2_alone_is_refused(front, authority):
    context = make_context(authority)
    context.set_alpn_protocols(["h2"])
    with pytest.raises(ssl.SSLError, match="(?i)no.application.protocol"):
        Connection(front.port, front.host, context)
    assert front.get("/health").status == 200


def test_renegotiation_is_refused(front, authority):
    """R on a line of its own asks openssl's client to do it."""
    done = subprocess.run(
        ["openssl", "s_client", "-connect", f"127.0.0.1:{front.port}",
         "-tls1_2", "-CAfile", str(authority.certificate)],
        input="R\n", capture_output=True, check=False, timeout=GUARD_S,
        encoding="utf-8")
    assert "Verify return code: 0" in done.stdout
    assert "no renegotiation" in done.stderr
    assert front.get("/health").status == 200


def half_hello(authority):
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = make_context(authority).wrap_bio(
        incoming, outgoing, server_hostname="127.0.0.1")
    with pytest.raises(ssl.SSLWantReadError):
        client.do_handshake()
    hello = outgoing.read()
    return hello[:len(hello) // 2]


@pytest.mark.parametrize("begin", ["nothing", "half", "drip"])
def test_handshake_must_end_within_the_heads_time(
        start_tls, authority, begin):
    program = start_tls(HEAD_TIMEOUT="1")
    hello = half_hello(authority)
    started = time.monotonic()
    with socket.create_connection((program.host, program.port),
                                  GUARD_S) as sock:
        if begin == "half":
            sock.sendall(hello)
        sock.settimeout(0.1)
        for byte in hello if begin == "drip" else b"":
            try:
                sock.sendall(bytes([byte]))
                if sock.recv(1) == b"":
                    break
            except TimeoutError:
                continue
            except ConnectionError:
                break
        else:
            sock.settimeout(GUARD_S)
            assert sock.recv(1) == b""
    assert 0.9 < time.monotonic() - started < 5
    assert program.get("/health").status == 200


def test_handshakes_that_fail_disturb_nobody(front, upstream, authority):
    """OpenSSL's list of errors is one for all connections."""
    turns = threading.Semaphore(0)

    def in_turn(exchange):
        exchange.start()
        exchange.send_chunk(ds.START)
        for _ in range(20):
            exchange.send_chunk(ds.text("x"))
            exchange.wait_turn(turns)
        exchange.send_chunk(b"".join(ds.ends()))
        exchange.end()

    strict = make_context(authority)
    strict.set_alpn_protocols(["h2"])
    distrustful = ssl.create_default_context()
    upstream.on_chat = in_turn
    response = front.open_stream()
    with response.connection:
        for number in range(20):
            if number % 4 == 0:
                with pytest.raises(ssl.SSLError):
                    Connection(front.port, front.host, strict)
            elif number % 4 == 1:
                with pytest.raises(ssl.SSLCertVerificationError):
                    Connection(front.port, front.host, distrustful)
            elif number % 4 == 2:
                with Connection(front.port) as other:
                    other.send_raw(b"\x00" * 100)
                    while other.socket.recv(100):
                        pass
            else:
                front.connect().reset()
            turns.release()
        assert check_stream(response.events().rest()).text == "x" * 20


# ---- clients that do not speak TLS ------------------------------------------

def test_plain_http_is_told_to_use_https(front):
    with Connection(front.port) as connection:
        connection.send("POST", "/v1/chat/completions", chat_body("x" * 9999))
        response = connection.response()
        message = check_early_error(response, 400, "bad_http")
        assert "https://" in message
        assert connection.socket.recv(1) == b""
    front.wait_log("request", id=response.header("X-Request-Id"),
                   route="guard", status="400")
    assert front.get("/health").status == 200


@pytest.mark.parametrize("data", [
    b"\x00" * 100, b"SSH-2.0-OpenSSH_9.2\r\n", b"\x16\x03\x01\xff\xff",
    b"OPTIONS / HTTP/1.1\r\nHost: a\r\n\r\n"])
def test_what_is_no_tls_is_closed(start_tls, data):
    program = start_tls(HEAD_TIMEOUT="1")
    with Connection(program.port) as connection:
        connection.send_raw(data)
        try:
            while connection.socket.recv(100):
                pass
        except ConnectionResetError:
            pass
    assert program.get("/health").status == 200


# ---- the files --------------------------------------------------------------

def check_refused_start(*words, **options):
    for flags, status in (((), 1), (("--check-config",), 2)):
        done = run(*flags, SERVER_ADDRESS="127.0.0.1:0", **options)
        assert (done.returncode, done.stdout) == (status, "")
        [line] = done.stderr.splitlines()
        for word in words:
            assert word in line, line


@pytest.mark.parametrize("alone", ["TLS_CERT", "TLS_KEY"])
def test_one_file_alone_ends_the_start(alone):
    check_refused_start("TLS_CERT", "TLS_KEY", f"{alone} is set without",
                        **{alone: "/some/file"})


@pytest.mark.parametrize("option", ["TLS_CERT", "TLS_KEY"])
@pytest.mark.parametrize("what, words", [
    ("missing", "No such file"), ("directory", "Is a directory"),
    ("empty", "there is no"), ("text", "there is no"),
    ("broken", "there is no")])
def test_bad_file_ends_the_start(files, tmp_path, option, what, words):
    paths = dict(zip(["TLS_CERT", "TLS_KEY"], map(str, files)))
    path = tmp_path / what
    if what == "directory":
        path.mkdir()
    elif what == "broken":
        begin, *_ = pathlib.Path(paths[option]).read_text(
            encoding="ascii").split("\n")
        path.write_text(f"{begin}\nAAAA\n{begin.replace('BEGIN', 'END')}\n")
    elif what != "missing":
        path.write_text("" if what == "empty" else "no PEM\n")
    paths[option] = str(path)
    check_refused_start(f"{option}={path}", words, **paths)


def test_files_in_each_others_place_end_the_start(files):
    certificate, key = map(str, files)
    check_refused_start(f"TLS_CERT={key}", "no certificate",
                        TLS_CERT=key, TLS_KEY=certificate)
    check_refused_start(f"TLS_KEY={certificate}", "no private key",
                        TLS_CERT=certificate, TLS_KEY=certificate)


@pytest.mark.parametrize("kind", [
    EC_KEY[1:], ["rsa:2048", "-nodes"]], ids=["same type", "another type"])
def test_key_of_another_certificate_ends_the_start(files, tmp_path, kind):
    openssl("req", "-x509", "-newkey", *kind, "-keyout", tmp_path / "key",
            "-out", tmp_path / "cert", "-subj", "/CN=x")
    check_refused_start(f"TLS_KEY={tmp_path}/key", "not the key",
                        TLS_CERT=str(files[0]), TLS_KEY=f"{tmp_path}/key")


@pytest.mark.parametrize("form", [["pkcs8", "-topk8"], ["ec", "-aes128"]],
                         ids=["pkcs8", "traditional"])
def test_encrypted_key_ends_the_start_without_a_question(
        files, tmp_path, form):
    certificate, key = files
    encrypted = tmp_path / "key"
    openssl(*form, "-in", key, "-out", encrypted, "-passout", "pass:secret")
    assert "ENCRYPTED" in encrypted.read_text()
    check_refused_start(f"TLS_KEY={encrypted}", "is encrypted",
                        TLS_CERT=str(certificate), TLS_KEY=str(encrypted))


def test_weak_certificate_ends_the_start(tmp_path):
    openssl("req", "-x509", "-newkey", "rsa:512", "-nodes", "-keyout",
            tmp_path / "key", "-out", tmp_path / "cert", "-subj", "/CN=x")
    check_refused_start(f"TLS_CERT={tmp_path}/cert", "ee key too small",
                        TLS_CERT=f"{tmp_path}/cert",
                        TLS_KEY=f"{tmp_path}/key")


def test_chain_is_sent(start, authority, tmp_path):
    """A client that trusts the root alone needs what is between."""
    between = authority.below("between")
    certificate, key = between.issue("leaf", "IP:127.0.0.1")
    chain = tmp_path / "chain.pem"
    chain.write_text(certificate.read_text() +
                     between.certificate.read_text())
    program = start(TLS_CERT=str(chain), TLS_KEY=str(key))
    program.tls = make_context(authority)
    assert program.get("/health").status == 200


def test_both_may_be_in_one_file(start, files, authority, tmp_path):
    certificate, key = files
    both = tmp_path / "both.pem"
    both.write_text(key.read_text() + certificate.read_text())
    program = start(TLS_CERT=str(both), TLS_KEY=str(both))
    program.tls = make_context(authority)
    assert program.get("/health").status == 200
