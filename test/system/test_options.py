# SPDX-License-Identifier: AGPL-3.0-or-later
"""Options: where they come from, what they say of themselves, and how a bad
one ends the start."""
import re

import pytest

from support.program import run

# Every option, with values that it must refuse. One that is missing here
# fails test_every_option_is_tested.
BAD_VALUES = {
    "SERVER_ADDRESS": ["8080", "localhost", "localhost:http", ":65536",
                       "::1:80", "[::1]", ":-1", "localhost:80 x",
                       "unix:relative", "localhost:80,", "a:1,,b:2"],
    "UNIX_SOCKET_MODE": ["660x", "8", "1777", "rw", "00660"],
    "DRAIN_DELAY": ["-1", "3601", "1s"],
    "TLS_CERT": ["a\nb", "\udcff"],
    "TLS_KEY": ["a\nb", "\udcff"],
    "BEARER_TOKEN": ["a\tb", "a\nb", "\udcff"],
    "API_KEYS_FILE": ["a\nb", "\udcff"],
    "CORS_ALLOW_ORIGINS": ["chat.example.com", "https://", "a\nb", "\udcff"],
    "AKASH_BASE_URL": ["chat.akash.network", "ftp://x", "http://",
                       "https://user:word@x", "http://x?y", "http://x#y",
                       "http://x:0", "http://x:99999", "https:// x"],
    "DEFAULT_MODEL": ["\udcff"],
    "UNKNOWN_MODELS": ["maybe", "Reject", "pass "],
    "MODEL_ALIASES": ["gpt-4o", "a=", "=b", "a=b,a=c", "a=b,", "a=b=c",
                      "*=b", "a=b\nc", "a=\udcff"],
    "SYSTEM_PROMPT": ["\udcff"],
    "DEFAULT_TEMPERATURE": ["hot", "-0.1", "2.1", "nan", "inf", "1,5", "1x"],
    "DEFAULT_TOP_P": ["all", "-0.1", "1.1", "nan"],
    "REASONING": ["Field", "none"],
    "FIRST_COMMENT_DELAY": ["-1", "3601", "soon"],
    "COMMENT_INTERVAL": ["-1", "3601", "often"],
    "UPSTREAM_USER_AGENT": ["a\nb", "a\rb", "\udcff"],
    "UPSTREAM_COOKIES": ["a\nb", "no-equals-sign", "\udcff"],
    "AKASH_ACCESS_TOKEN": ["a\nb", "\udcff"],
    "CONNECT_TIMEOUT": ["0", "3601", "-1", "1.5", "1s", "ten"],
    "FIRST_EVENT_TIMEOUT": ["0", "86401", "soon"],
    "SILENCE_TIMEOUT": ["0", "86401", "soon"],
    "REQUEST_TIMEOUT": ["-1", "86401", "soon"],
    "UPSTREAM_RETRIES": ["-1", "11", "often"],
    "HTTPS_PROXY": ["ftp://proxy", "https://proxy", "http://", "a\nb",
                    "http://proxy:0", "\udcff"],
    # Not looked at where AKASH_BASE_URL is https: see test_proxies.py.
    "HTTP_PROXY": [],
    "ALL_PROXY": ["socks4://proxy", "http://a b", "\udcff"],
    "NO_PROXY": [],
    "MODELS_TTL": ["0", "86401", "10m"],
    "IMAGE_TIMEOUT": ["0", "86401", "3m"],
    "IMAGE_URLS": ["Proxy", "here"],
    "PUBLIC_URL": ["chat.example.com", "https://u@a", "https://a?q"],
    "SSL_CERT_FILE": ["a\nb", "\udcff"],
    "SSL_CERT_DIR": ["a\nb", "\udcff"],
    "MAX_BODY_SIZE": ["1023", "1073741825", "20MB", "99999999999999999999"],
    "MAX_BODY_MEMORY": ["1023", "1099511627777", "1G"],
    "MAX_CONNECTIONS": ["-1", "10000001", "many"],
    "MAX_CONCURRENT_REQUESTS": ["-1", "10000001", "many"],
    "QUEUE_TIMEOUT": ["-1", "3601", "10s"],
    "TRUSTED_PROXIES": ["10.0.0.0/33", "proxy.example", "10.0.0.1:80",
                        "a\nb", "\udcff"],
    "HEAD_TIMEOUT": ["0", "3601", "1s"],
    "BODY_TIMEOUT": ["0", "3601", "1s"],
    "KEEPALIVE_TIMEOUT": ["0", "3601", "1s"],
    "WRITE_TIMEOUT": ["0", "3601", "1s"],
    "DRAIN_TIMEOUT": ["-1", "86401", "1s"],
    "LOG_FORMAT": ["xml", "JSON", "1"],
    "LOG_LEVEL": ["loud", "INFO", "3"],
    "METRICS_ADDRESS": ["localhost", "a:65536", "::1:80", "http://a:80"],
    "DEMO": ["maybe", "2", "On"],
    "DEMO_SESSION_TTL": ["0", "86401", "1s"],
    "DEMO_DELAY": ["-1", "60001", "1ms"],
}
REFUSALS = [(name, value) for name, values in BAD_VALUES.items()
            for value in values]

SECRETS = ["BEARER_TOKEN", "UPSTREAM_COOKIES", "AKASH_ACCESS_TOKEN"]


def flag_of(name):
    return "--" + name.lower().replace("_", "-")


def config(*flags, **options):
    """What --check-config prints, as a dict; it must succeed."""
    done = run(*flags, "--check-config", **options)
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    lines = done.stdout.splitlines()
    assert all("=" in line for line in lines), lines
    return dict(line.split("=", 1) for line in lines)


def complaint(*flags, **options):
    """The one line with which a start ends with exit status 2.
    --check-config takes care that one that goes well ends too."""
    done = run("--check-config", *flags, **options)
    assert (done.returncode, done.stdout) == (2, ""), done
    [line] = done.stderr.splitlines()
    assert line.startswith("akashchat-api: ")
    assert line.isprintable(), line
    return line


def test_every_option_is_tested():
    assert config().keys() == BAD_VALUES.keys()


@pytest.mark.parametrize("flag", ["--help", "-h"])
def test_help_lists_every_option_with_its_default(flag):
    done = run(flag)
    assert (done.returncode, done.stderr) == (0, "")
    listed = re.findall(r"^  (--[\w-]+)", done.stdout, re.MULTILINE)
    assert sorted(listed) == sorted(
        [*map(flag_of, BAD_VALUES), "--config", "--check-config",
         "--hash-key", "--doctor", "--url", "--probe", "--version",
         "--help"])
    for name, value in config().items():
        text = done.stdout.partition(f"  {flag_of(name)}")[2]
        assert len(text.splitlines()[1].strip()) > 10, name
        if value:
            assert f"Default: {value}" in text


def test_help_needs_nothing_else_to_be_right():
    assert run("--help", LOG_LEVEL="loud").returncode == 0


def test_version():
    done = run("--version")
    assert (done.returncode, done.stderr) == (0, "")
    assert re.fullmatch(r"akashchat-api \d+\.\d+\.\d+\n", done.stdout)


def test_defaults():
    values = config()
    assert values["SERVER_ADDRESS"] == "localhost:16571"
    assert values["AKASH_BASE_URL"] == "https://chat.akash.network"
    assert values["DEFAULT_TEMPERATURE"] == "0.85"
    assert values["DEFAULT_TOP_P"] == "1.0"
    assert values["BEARER_TOKEN"] == values["DEFAULT_MODEL"] == ""


@pytest.mark.parametrize("name", SECRETS)
def test_secrets_are_hidden(name):
    secret = "a=S3cr3t"
    for done in (run("--check-config", **{name: secret}),
                 run(flag_of(name), secret, "--check-config")):
        assert done.returncode == 0
        assert f"{name}=(hidden)" in done.stdout.splitlines()
        assert "S3cr3t" not in done.stdout + done.stderr


def test_environment_beats_the_file_and_flags_beat_both(tmp_path):
    path = tmp_path / "options"
    path.write_text("DEFAULT_MODEL=file\nMODELS_TTL=1\nDEMO_DELAY=1\n")
    values = config("--config", str(path), "--default-model", "flag",
                    DEFAULT_MODEL="environment", MODELS_TTL="2")
    assert values["DEFAULT_MODEL"] == "flag"
    assert values["MODELS_TTL"] == "2"
    assert values["DEMO_DELAY"] == "1"
    assert values["CONNECT_TIMEOUT"] == "10"


def test_order_of_flags_does_not_matter_to_the_file(tmp_path):
    path = tmp_path / "options"
    path.write_text("MODELS_TTL=1\n")
    for flags in (["--config", str(path), "--models-ttl", "3"],
                  ["--models-ttl", "3", "--config", str(path)],
                  [f"--config={path}", "--models-ttl=3"]):
        assert config(*flags)["MODELS_TTL"] == "3"


def test_last_flag_of_a_kind_wins():
    assert config("--models-ttl", "1", "--models-ttl=2")["MODELS_TTL"] == "2"


def test_file_has_comments_blanks_and_values_with_equals_signs(tmp_path):
    path = tmp_path / "options"
    path.write_bytes(b"# a comment\n\n  \t\n  DEFAULT_MODEL=a=b # c\r\n"
                     b"\t# DEMO=on\nSYSTEM_PROMPT=Gr\xc3\xbc\xc3\x9fe\n"
                     b"MODELS_TTL=\nDEMO_DELAY=7")
    values = config("--config", str(path))
    assert values["DEFAULT_MODEL"] == "a=b # c"
    assert values["SYSTEM_PROMPT"] == "Grüße"
    assert values["MODELS_TTL"] == "600"
    assert values["DEMO_DELAY"] == "7"


def test_what_check_config_prints_is_a_config_file(tmp_path):
    done = run("--check-config", DEFAULT_MODEL="x y=z", DEMO="yes",
               DEFAULT_TEMPERATURE="", MAX_CONNECTIONS="7")
    path = tmp_path / "options"
    path.write_text(done.stdout)
    assert run("--check-config", "--config", str(path)).stdout == done.stdout


@pytest.mark.parametrize("text, words", [
    ("DEFAULT_MODEL", ["options:1", "NAME=value"]),
    ("\n\nNONSENSE=1\n", ["options:3", "NONSENSE"]),
    ("LOG_LEVEL=loud\n", ["options:1", "LOG_LEVEL=loud", "debug"]),
    ('DEFAULT_MODEL="x"\n', ["options:1", "DEFAULT_MODEL", "quotes"]),
    ("BEARER_TOKEN='S3cr3t'\n", ["options:1", "BEARER_TOKEN", "quotes"]),
    ("BEARER_TOKEN=S3cr3t\x01\n", ["options:1", "BEARER_TOKEN=(hidden)"]),
    ("default_model=x\n", ["options:1", "default_model"]),
    ("S3cr3t\n", ["options:1"]),
])
def test_bad_line_of_a_file_is_told_with_its_place(tmp_path, text, words):
    path = tmp_path / "options"
    path.write_text(text)
    line = complaint("--config", str(path))
    assert all(word in line for word in words), line
    assert "S3cr3t" not in line


def test_weaker_source_is_checked_too(tmp_path):
    """A bad value does not lie in wait for the day when the flag goes."""
    path = tmp_path / "options"
    path.write_text("LOG_LEVEL=loud\n")
    assert "LOG_LEVEL=loud" in complaint("--config", str(path),
                                         LOG_LEVEL="info")
    assert "MODELS_TTL=x" in complaint("--models-ttl", "1", MODELS_TTL="x")


@pytest.mark.parametrize("path", ["missing", "."])
def test_file_that_cannot_be_read_is_told(tmp_path, path):
    path = tmp_path / path
    assert str(path) in complaint("--config", str(path))


@pytest.mark.parametrize("name, value", REFUSALS)
def test_bad_value_is_told_in_one_line(name, value):
    """By the environment and by a flag alike."""
    for line in (complaint(**{name: value}),
                 complaint(f"{flag_of(name)}={value}")):
        if name in (*SECRETS, "HTTPS_PROXY", "ALL_PROXY") or "@" in value:
            assert f"{name}=(hidden): " in line
        elif value.isprintable():
            assert f"{name}={value}: " in line
        else:
            assert f"{name}=" in line
        assert re.search(r"; allowed: .{5,}$", line), line


def test_bad_value_ends_the_start():
    done = run(SERVER_ADDRESS="127.0.0.1:0", LOG_LEVEL="loud")
    assert (done.returncode, done.stdout) == (2, "")
    [line] = done.stderr.splitlines()
    assert "LOG_LEVEL=loud" in line


@pytest.mark.parametrize("name", ["MODELS_TTL", "LOG_LEVEL", "DEMO",
                                  "SERVER_ADDRESS", "AKASH_BASE_URL"])
def test_empty_value_counts_as_absent_but_in_a_flag(name):
    assert config(**{name: ""}) == config()
    assert f"{name}=" in complaint(f"{flag_of(name)}=")


@pytest.mark.parametrize("name", [
    "DEFAULT_MODEL", "SYSTEM_PROMPT", "DEFAULT_TEMPERATURE", "DEFAULT_TOP_P",
    "UPSTREAM_USER_AGENT"])
def test_empty_value_means_something_where_the_table_says_so(name):
    assert config(**{name: ""})[name] == ""
    assert config(f"{flag_of(name)}=")[name] == ""
    assert config(flag_of(name), "")[name] == ""


def test_long_value_is_cut_in_the_complaint():
    line = complaint("--log-level", "x" * 10_000)
    assert line.startswith("akashchat-api: LOG_LEVEL=xxxx")
    assert "debug" in line and len(line) < 600


@pytest.mark.parametrize("flags, words", [
    (["--nonsense"], "--nonsense"), (["--models_ttl", "1"], "--models_ttl"),
    (["nonsense"], "nonsense"), (["-x"], "-x"), ([""], "no such flag"),
    (["--" + "x" * 10_000], "--xxx"), (["--=1"], "--=1"),
    (["--MODELS-TTL", "1"], "--MODELS-TTL"), (["--"], "--"),
    (["--version=1"], "--version"), (["--demo", "on"], "on"),
])
def test_unknown_flag_is_told(flags, words):
    line = complaint(*flags)
    assert words in line and "--help" in line and len(line) < 600


@pytest.mark.parametrize("flag", ["--models-ttl", "--bearer-token",
                                  "--config", "--bearer-token-file"])
def test_flag_without_its_value_is_told(flag):
    assert flag in complaint(flag)


@pytest.mark.parametrize("value", ["on", "true", "yes", "1"])
def test_switch_is_turned_on(value):
    assert config(DEMO=value)["DEMO"] == value
    assert config(f"--demo={value}")["DEMO"] == value


def test_switch_stands_alone_as_a_flag():
    assert config("--demo", "--models-ttl", "1")["DEMO"] == "on"
    assert config("--demo", DEMO="off")["DEMO"] == "on"
    assert config("--demo=off", DEMO="on")["DEMO"] == "off"


@pytest.mark.parametrize("name", SECRETS)
def test_secret_is_read_from_a_file(tmp_path, name):
    path = tmp_path / "secret"
    path.write_text("a=S3cr3t\nsecond line\n")
    lists = tmp_path / "options"
    lists.write_text(f"{name}_FILE={path}\n")
    for values in (config(**{f"{name}_FILE": str(path)}),
                   config(f"{flag_of(name)}-file", str(path)),
                   config("--config", str(lists))):
        assert values[name] == "(hidden)"


@pytest.mark.parametrize("name", SECRETS)
@pytest.mark.parametrize("content", [None, b"", b"\n", b"\nx\n",
                                     b"a=S3cr3t\tx\n", b"a=S3cr3t\xff\n"])
def test_bad_file_of_a_secret_is_told(tmp_path, name, content):
    path = tmp_path / "secret"
    if content is not None:
        path.write_bytes(content)
    line = complaint(**{f"{name}_FILE": str(path)})
    assert name in line and "S3cr3t" not in line
