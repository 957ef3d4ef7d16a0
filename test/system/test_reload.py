# SPDX-License-Identifier: AGPL-3.0-or-later
"""SIGHUP: what changes without a restart, and that a bad file changes
nothing."""
import json
import os
import pathlib
import shutil
import signal
import ssl
import threading

import pytest

from support import datastream as ds
from support.certificates import Authority
from support.client import Connection
from support.crowd import Traffic
from support.keys import bearer, key_file, line
from support.shape import check_completion, check_error, check_stream


def reload(program, count=1):
    program.signal(signal.SIGHUP)
    return program.wait_log("reloaded", count)


def refuse_reload(program, count=1):
    """Reloads with something bad in a file; the reason."""
    program.signal(signal.SIGHUP)
    return program.wait_log("nothing was reloaded", count).get("reason")


def chats_of(upstream):
    return [request for request in upstream.requests
            if request.kind == "chat"]


def finish(program, errors):
    """Ends a program that has logged so many refused reloads."""
    program.signal()
    program.check(program.wait(), errors)


@pytest.fixture
def config(tmp_path):
    """The file of --config."""
    return tmp_path / "akashchat.conf"


# ---- options --------------------------------------------------------------

def test_option_of_the_file_changes(start, upstream, config):
    config.write_text("SYSTEM_PROMPT=Be brief.\nLOG_LEVEL=warn\n")
    program = start("--config", str(config), SERVER_ADDRESS="127.0.0.1:0",
                    LOG_LEVEL="info")
    program.chat()
    config.write_text("SYSTEM_PROMPT=Be kind.\n")
    reload(program)
    program.chat()
    prompts = [json.loads(chat.body)["system"]
               for chat in chats_of(upstream)]
    assert prompts == ["Be brief.", "Be kind."]
    assert program.wait_log("an option has changed",
                            option="SYSTEM_PROMPT")


def test_log_level_changes(start, config):
    config.write_text("LOG_LEVEL=info\n")
    program = start("--config", str(config))
    shown = program.access(program.get("/health"))
    assert shown
    config.write_text("LOG_LEVEL=warn\n")
    program.signal(signal.SIGHUP)
    program.wait_log("an option has changed", option="LOG_LEVEL")
    hidden = [program.get("/health") for _ in range(3)]
    config.write_text("LOG_LEVEL=info\n")
    reload(program)
    program.access(program.get("/health"))
    ids = {entry.get("id") for entry in program.log("request")}
    assert not ids & {answer.header("X-Request-Id") for answer in hidden}


def test_flag_and_environment_beat_the_file_in_a_reload_too(start, config):
    config.write_text("LOG_LEVEL=info\n")
    program = start("--config", str(config), "--models-ttl=7",
                    QUEUE_TIMEOUT="8")
    config.write_text("MODELS_TTL=9\nQUEUE_TIMEOUT=10\n")
    assert reload(program).get("options_changed") == "0"


def test_limits_change(start, config):
    config.write_text("MAX_BODY_SIZE=1024\n")
    program = start("--config", str(config))
    text = "x" * 4000
    check_error(program.chat(text), 413, "request_too_large")
    config.write_text("MAX_BODY_SIZE=100000\n")
    reload(program)
    check_completion(program.chat(text).json())
    config.write_text("MAX_BODY_SIZE=1024\n")
    reload(program, 2)
    check_error(program.chat(text), 413, "request_too_large")


def test_request_that_waits_begins_when_there_is_more_room(
        start, upstream, config):
    go_on = threading.Event()
    upstream.on_chat = ds.hold(go_on, ds.answer("late"))
    config.write_text("MAX_CONCURRENT_REQUESTS=1\nQUEUE_TIMEOUT=3600\n")
    program = start("--config", str(config))
    with Traffic(program.chat, threads=2, pause_s=3600) as traffic:
        assert upstream.wait_for("chat", 1)
        config.write_text("MAX_CONCURRENT_REQUESTS=2\nQUEUE_TIMEOUT=3600\n")
        reload(program)
        assert upstream.wait_for("chat", 2)
        go_on.set()
        assert [answer.status for answer in traffic.results()] == [200, 200]


def test_what_needs_a_restart_is_told_and_left(start, upstream, config):
    config.write_text("")
    program = start("--config", str(config))
    config.write_text("AKASH_BASE_URL=http://127.0.0.1:1\n"
                      "SERVER_ADDRESS=127.0.0.1:1\nCONNECT_TIMEOUT=1\n"
                      "LOG_FORMAT=json\n")
    program.signal(signal.SIGHUP)
    # The environment of the program beats the first two.
    told = program.wait_log("an option changes with a restart alone")
    assert told.get("option") == "CONNECT_TIMEOUT"
    program.wait_log("reloaded", options_changed="1")
    assert program.chat().status == 200
    assert upstream.count("chat") == 1


@pytest.mark.parametrize("text, part", [
    ("LOG_LEVEL=loud\n", "LOG_LEVEL=loud"),
    ("NO_SUCH=1\n", "NO_SUCH"),
    ("SYSTEM_PROMPT=ok\nTLS_CERT=/no/such\n", "TLS_KEY"),
    ("API_KEYS_FILE=/no/such\n", "/no/such"),
    ("BEARER_TOKEN_FILE=/no/such\n", "/no/such"),
])
def test_bad_file_changes_nothing(start, upstream, config, text, part):
    config.write_text("SYSTEM_PROMPT=Be brief.\n")
    program = start("--config", str(config))
    config.write_text(text)
    assert part in refuse_reload(program)
    config.unlink()
    assert "No such file" in refuse_reload(program, 2)
    check_completion(program.chat().json())
    [chat] = chats_of(upstream)
    assert json.loads(chat.body)["system"] == "Be brief."
    config.write_text("SYSTEM_PROMPT=Be kind.\n")
    reload(program)
    finish(program, 2)


def test_reload_during_a_drain_is_left(start, upstream):
    go_on = threading.Event()
    upstream.on_chat = ds.hold(go_on, ds.answer("late"))
    program = start()
    with Traffic(program.chat, pause_s=3600) as traffic:
        assert upstream.wait_for("chat", 1)
        program.signal()
        program.wait_log("draining")
        program.signal(signal.SIGHUP)
        go_on.set()
        assert [answer.status for answer in traffic.results()] == [200]
    program.check(program.wait())
    assert not program.log("reloaded")


def test_many_reloads_leave_nothing_behind(start, tmp_path, config):
    path = key_file(tmp_path, alice="rpm=100")
    config.write_text(f"API_KEYS_FILE={path}\nMODEL_ALIASES=a=b\n")
    program = start("--config", str(config))
    fds = pathlib.Path(f"/proc/{program.process.pid}/fd")
    before = len(list(fds.iterdir()))
    for count in range(1, 101):
        config.write_text(f"API_KEYS_FILE={path}\n"
                          f"MODEL_ALIASES=a=b{count}\n")
        reload(program, count)
    assert len(list(fds.iterdir())) == before


@pytest.mark.parametrize("option", ["API_KEYS_FILE",
                                    "AKASH_ACCESS_TOKEN_FILE",
                                    "TLS_CERT", "--config"])
def test_pipe_does_not_stop_the_program(start, tmp_path, config, option):
    """Opening one that nobody writes to would wait for ever."""
    pipe = tmp_path / "pipe"
    pipe.write_text("")
    config.write_text("" if option == "--config"
                      else "BEARER_TOKEN=sk-1\n")
    if option == "--config":
        pipe.write_text("BEARER_TOKEN=sk-1\n")
        program = start("--config", str(pipe))
    else:
        program = start("--config", str(config))
    pipe.unlink()
    os.mkfifo(pipe)
    if option != "--config":
        config.write_text(f"BEARER_TOKEN=sk-1\n{option}={pipe}\n" +
                          f"TLS_KEY={pipe}\n" * (option == "TLS_CERT"))
    reason = refuse_reload(program)
    assert "no regular file" in reason and str(pipe) in reason
    assert program.get("/health").status == 200
    finish(program, 1)


# ---- keys -----------------------------------------------------------------

def test_keys_are_read_anew(start, tmp_path):
    path = key_file(tmp_path, alice="", bob="")
    program = start(API_KEYS_FILE=path)
    assert program.chat(headers=bearer("bob")).status == 200
    key_file(tmp_path, alice="", carol="")
    reload(program)
    assert program.chat(headers=bearer("carol")).status == 200
    assert program.chat(headers=bearer("alice")).status == 200
    check_error(program.chat(headers=bearer("bob")), 401, "invalid_api_key")


def test_bad_keys_file_leaves_the_keys_of_before(start, tmp_path):
    path = pathlib.Path(key_file(tmp_path, alice=""))
    program = start(API_KEYS_FILE=str(path))
    path.write_text(line("bob") + "carol nonsense\n")
    reason = refuse_reload(program)
    assert str(path) in reason and "2" in reason
    assert program.chat(headers=bearer("alice")).status == 200
    assert program.chat(headers=bearer("bob")).status == 401
    finish(program, 1)


@pytest.mark.parametrize("emptied", ["", "BEARER_TOKEN=\nAPI_KEYS_FILE=\n"])
def test_emptied_file_does_not_open_the_door(start, config, emptied):
    config.write_text("BEARER_TOKEN=sk-mine\n")
    program = start("--config", str(config))
    config.write_text(emptied)
    assert "takes a restart" in refuse_reload(program)
    check_error(program.get("/v1/models"), 401, None)
    key = [("Authorization", "Bearer sk-mine")]
    assert program.chat(headers=key).status == 200
    finish(program, 1)


def test_reload_does_not_give_back_what_was_used(start, tmp_path):
    path = key_file(tmp_path, alice="rpm=3")
    program = start(API_KEYS_FILE=path)
    statuses = []
    for count in range(1, 6):
        statuses.append(program.chat(headers=bearer("alice")).status)
        reload(program, count)
    assert statuses == [200, 200, 200, 429, 429]


def test_keys_are_reloaded_under_load(start, tmp_path):
    """alice is in every file, bob in every other one: her requests never
    fail, and his are refused or answered, nothing else."""
    path = key_file(tmp_path, alice="", bob="")
    program = start(API_KEYS_FILE=path)
    with Traffic(lambda: program.chat(headers=bearer("alice")).status,
                 threads=4, pause_s=0) as always, \
            Traffic(lambda: program.chat(headers=bearer("bob")).status,
                    threads=4, pause_s=0) as sometimes:
        for count in range(1, 31):
            if count % 2:
                key_file(tmp_path, alice="")
            else:
                key_file(tmp_path, alice="", bob="")
            reload(program, count)
        assert set(always.results()) == {200}
        assert set(sometimes.results()) <= {200, 401}
    assert program.chat(headers=bearer("bob")).status == 200


def test_stream_goes_on_when_its_key_is_gone(start, upstream, tmp_path):
    go_on = threading.Event()

    def slowly(exchange):
        exchange.start()
        exchange.send_chunk(ds.START + ds.text("one "))
        exchange.wait(go_on)
        exchange.send_chunk(ds.text("two") + b"".join(ds.ends()))
        exchange.end()

    upstream.on_chat = slowly
    path = pathlib.Path(key_file(tmp_path, alice="concurrent=1"))
    program = start(API_KEYS_FILE=str(path))
    response = program.open_stream(headers=bearer("alice"))
    with response.connection:
        events = response.events()
        begun = [events.next(), events.next()]
        path.write_text(line("bob"))
        reload(program)
        go_on.set()
        assert check_stream([*begun, *events.rest()]).text == "one two"
    assert program.access(response).get("key") == "alice"


# ---- certificates -----------------------------------------------------------

needs_openssl = pytest.mark.skipif(shutil.which("openssl") is None,
                                   reason="there is no openssl command")


def serial_of(connection):
    return connection.socket.getpeercert()["serialNumber"]


@needs_openssl
def test_certificate_is_reloaded_under_load(start, tmp_path):
    """Every request is answered, connections that exist go on with the old
    certificate, and new ones get the new."""
    authority = Authority(tmp_path / "ours", "Ours")
    names = "DNS:localhost,IP:127.0.0.1"
    issued = [authority.issue(f"n{i}", names) for i in range(4)]
    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"

    def install(number):
        shutil.copy(issued[number][0], cert)
        shutil.copy(issued[number][1], key)

    install(0)
    program = start(TLS_CERT=str(cert), TLS_KEY=str(key))
    program.tls = ssl.create_default_context(cafile=authority.certificate)
    program.tls.options &= ~getattr(ssl, "OP_IGNORE_UNEXPECTED_EOF", 0)
    with program.connect() as kept, \
            Traffic(lambda: program.chat().status, threads=4,
                    pause_s=0) as traffic:
        old = serial_of(kept)
        for count in range(1, 4):
            install(count)
            reload(program, count)
            with program.connect() as fresh:
                assert serial_of(fresh) != old
        kept.send("GET", "/health")
        assert kept.response().status == 200
        assert serial_of(kept) == old
        assert set(traffic.results()) == {200}


@needs_openssl
def test_bad_certificate_leaves_the_one_of_before(start, tmp_path):
    authority = Authority(tmp_path / "ours", "Ours")
    cert, key = authority.issue("front", "IP:127.0.0.1")
    other, _ = authority.issue("other", "IP:127.0.0.1")
    mine = tmp_path / "cert.pem"
    shutil.copy(cert, mine)
    program = start(TLS_CERT=str(mine), TLS_KEY=str(key))
    program.tls = ssl.create_default_context(cafile=authority.certificate)
    with program.connect() as connection:
        serial = serial_of(connection)
    shutil.copy(other, mine)
    assert "it is not the key of the certificate" in refuse_reload(program)
    mine.write_text("nonsense")
    assert "no certificate" in refuse_reload(program, 2)
    with program.connect() as connection:
        assert serial_of(connection) == serial
    finish(program, 2)


@needs_openssl
def test_reload_turns_tls_on(start, tmp_path, config):
    authority = Authority(tmp_path / "ours", "Ours")
    cert, key = authority.issue("front", "IP:127.0.0.1")
    config.write_text("")
    program = start("--config", str(config))
    assert program.get("/health").status == 200
    config.write_text(f"TLS_CERT={cert}\nTLS_KEY={key}\n")
    reload(program)
    context = ssl.create_default_context(cafile=authority.certificate)
    with Connection(program.port, tls=context) as connection:
        connection.send("GET", "/health")
        assert connection.response().status == 200
