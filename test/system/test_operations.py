# SPDX-License-Identifier: AGPL-3.0-or-later
"""docs/operations.md and docs/alerts.yml: every query and rule is one that
Prometheus takes, about metrics that there are, and the rules fire when they
should. What the page says of the log and of errors is held against the
sources."""
import json
import re

import pytest

from support.metrics import scrape
from support.program import ROOT
from support.prometheus import needs_promtool, promtool

ALERTS = ROOT / "docs/alerts.yml"
PAGE = (ROOT / "docs/operations.md").read_text(encoding="utf-8")
RULES = ALERTS.read_text(encoding="utf-8")
QUERIES = re.findall(r"^```promql\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)


def source(name):
    return (ROOT / "src" / name).read_text(encoding="utf-8")


# ---- queries and rules ----------------------------------------------------

@needs_promtool
def test_promtool_takes_the_rules():
    done = promtool("check", "rules", ALERTS)
    assert done.returncode == 0, done.stderr
    assert f"{RULES.count('- alert:')} rules found" in done.stdout


@needs_promtool
def test_promtool_takes_the_queries(tmp_path):
    assert len(QUERIES) >= 8
    path = tmp_path / "queries.yml"
    path.write_text(json.dumps({"groups": [{"name": "page", "rules": [
        {"record": f"query:number{number}", "expr": query}
        for number, query in enumerate(QUERIES)]}]}))
    done = promtool("check", "rules", path)
    assert done.returncode == 0, done.stderr


def test_queries_and_rules_name_what_is_there(program):
    metrics = scrape(program)
    text = "\n".join([*QUERIES, RULES])
    named = {re.sub(r"_(bucket|sum|count)$", "", name) if
             re.sub(r"_(bucket|sum|count)$", "", name) in metrics.families
             else name
             for name in re.findall(r"\b(?:akashchat|process)_\w+", text)}
    assert named and named <= set(metrics.families)


def test_queries_and_rules_name_labels_that_are_there(program):
    """Also their values, where these are of a closed set."""
    values = {"route": set(re.findall(
        r'EVHTTP_REQ_\w+, \w+,?\s+"(\w+)"', source("api/router.c")))}
    program.chat()
    for family in scrape(program).families.values():
        for _, labels in family.samples:
            for name, value in labels:
                values.setdefault(name, set()).add(value)
    assert {"chat", "images", "models"} <= values["route"]
    for name in ("ending", "reason", "result", "type", "state"):
        assert len(values[name]) >= 2
    matchers = re.findall(r'[{ ,](\w+)(?:=~|!~|!=|=)"([^"]*)"',
                          "\n".join([*QUERIES, RULES]))
    assert len(matchers) > 20
    for name, value in matchers:
        if name in ("ending", "reason", "result", "route", "type", "state"):
            assert set(value.split("|")) <= values[name], (name, value)
        else:
            assert name in ("job", "key", "status", "instance"), name


class Scene:
    """Series of an instance, a sample a minute, of which one goes wrong."""

    def __init__(self, *series):
        self.series = [
            {"series": re.sub(r"\{|$", '{job="akashchat",instance="a:1",'
                              if "{" in one else
                              '{job="akashchat",instance="a:1"}', one,
                              count=1), "values": values}
            for one, values in series]


def chats(status, rate, key=""):
    return (f'akashchat_http_requests_total{{route="chat",status="{status}",'
            f'key="{key}"}}', f"0+{rate}x60")


def buckets(name, *ends):
    """A histogram whose values all lie before the end of its last bucket."""
    return [(f'{name}_bucket{{le="{end}"}}',
             f"0+{60 if number + 1 >= len(ends) - 1 else 0}x60")
            for number, end in enumerate(ends)]


def session(result, rate):
    return (f'akashchat_session_renewals_total{{result="{result}"}}',
            f"0+{rate}x60")


def ended(ending, rate):
    return (f'akashchat_streams_ended_total{{ending="{ending}"}}',
            f"0+{rate}x60")


TTFT = "akashchat_chat_time_to_first_token_seconds"
OVERHEAD = "akashchat_stream_overhead_seconds"
WAIT = "akashchat_queue_wait_seconds"

# For each alert the series with which it fires after an hour, and those with
# which none does.
SCENES = {
    "AkashchatDown": (
        [("up", "1x30 0x30")], [("up", "1x60")]),
    "AkashchatRestarts": (
        [("process_start_time_seconds", "5x40 6x5 7x5 8x10")],
        [("process_start_time_seconds", "5x40 6x20")]),
    "AkashchatNoSession": (
        [session("failed", 3), session("ok", 0)],
        [session("failed", 3), session("ok", 1)]),
    "AkashchatErrors": (
        [chats(200, 90), chats(502, 10)],
        [chats(200, 99), chats(502, 1), chats(503, 20), chats(400, 20)]),
    "AkashchatStreamsBreak": (
        [ended("done", 90), ended("cut", 10)],
        [ended("done", 90), ended("client_gone", 40), ended("refused", 9)]),
    "AkashchatRetries": (
        [chats(200, 10), ("akashchat_upstream_retries_total", "0+5x60")],
        [chats(200, 10), ("akashchat_upstream_retries_total", "0+1x60")]),
    "AkashchatFirstTokenSlow": (
        buckets(TTFT, 30, 60, "+Inf"), buckets(TTFT, 5, 10, "+Inf")),
    "AkashchatOverhead": (
        buckets(OVERHEAD, 0.025, 0.05, "+Inf"),
        buckets(OVERHEAD, 0.0005, 0.001, "+Inf")),
    "AkashchatProcessor": (
        [("process_cpu_seconds_total", "0+54x60")],
        [("process_cpu_seconds_total", "0+30x60")]),
    "AkashchatQueueRefuses": (
        [('akashchat_queue_refused_total{reason="full"}', "0+1x60")],
        [('akashchat_queue_refused_total{reason="full"}', "7x60")]),
    "AkashchatQueueSlow": (
        buckets(WAIT, 5, 10, "+Inf"), buckets(WAIT, 0.5, 1, "+Inf")),
    "AkashchatFileDescriptors": (
        [("process_open_fds", "90x60"), ("process_max_fds", "100x60")],
        [("process_open_fds", "90x60"), ("process_max_fds", "-1x60")]),
    "AkashchatKeyLimited": (
        [chats(200, 1, "bob"), chats(429, 9, "bob")],
        [chats(200, 9, "bob"), chats(429, 1, "bob"), chats(429, 90)]),
    "AkashchatWrongKeys": (
        [chats(401, 90)], [chats(401, 30)]),
}


@needs_promtool
@pytest.mark.parametrize("alert", re.findall(r"- alert: (\w+)", RULES))
def test_alert_fires_when_it_should(tmp_path, alert):
    firing, quiet = SCENES[alert]
    query = 'count by (alertname) (ALERTS{alertstate="firing"})'

    def scene(series, samples):
        return {"interval": "1m", "input_series": Scene(*series).series,
                "promql_expr_test": [{"expr": query, "eval_time": "60m",
                                      "exp_samples": samples}]}

    path = tmp_path / "test.yml"
    path.write_text(json.dumps({
        "rule_files": [str(ALERTS)], "evaluation_interval": "1m",
        "tests": [scene(firing, [{"labels": f'{{alertname="{alert}"}}',
                                  "value": 1}]), scene(quiet, [])]}))
    done = promtool("test", "rules", path)
    assert done.returncode == 0, done.stdout + done.stderr


# ---- what the page says ---------------------------------------------------

def test_page_has_every_alert():
    for alert in re.findall(r"- alert: (\w+)", RULES):
        assert f"`{alert}`" in PAGE, alert


def rows(heading):
    """The first cells of the table below a heading."""
    part = PAGE.partition(f"\n{heading}\n")[2]
    table = re.search(r"^\| --- .*\n((?:\|.*\n)+)", part, re.MULTILINE)[1]
    return [line.split("|")[1].strip() for line in table.splitlines()]


def test_page_has_the_messages_of_the_log():
    """Every warning, but those of the demo; and none that there is not."""
    told = {text.strip("`") for text in rows("### Messages")}
    logged = {("info", "request")}
    for path in (ROOT / "src").rglob("*.c"):
        if path.parent.name != "demo":
            text = path.read_text(encoding="utf-8")
            logged |= set(re.findall(
                r'ac_log_(error|warn|info|debug|failure)\(\s*"([^"]*)"',
                text))
            logged |= set(re.findall(r'\.(message) = "([^"]*)"', text))
    warnings = {text for level, text in logged if level == "warn"}
    assert len(warnings) > 5 and warnings <= told
    assert told <= {text for _, text in logged}


def test_page_has_the_fields_of_the_access_line():
    told = {text.strip("`") for text in rows("### The access line")}
    logged = set(re.findall(r'AC_(?:STR|INT)\(\s*"(\w+)"',
                            source("api/access_log.c")))
    assert told == logged and len(told) > 8


def test_page_has_the_errors():
    told = {code for cell in rows("### Error codes")
            for code in re.findall(r"`(\w+)`", cell)}
    known = set(re.findall(r'\{(?:5\d\d|429|401|403), [^,]+,\s*"(\w+)"',
                           source("api/error_reply.c")))
    assert told == known and len(told) > 12
