# SPDX-License-Identifier: AGPL-3.0-or-later
"""Prometheus' text format 0.0.4, read strictly."""
import math
import re
import time

from support import GUARD_S

NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
ESCAPE = re.compile(r"\\(.)")
LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"')
SAMPLE = re.compile(rf"({NAME})(?:\{{(.*)\}})? (\S+)")
HELP = re.compile(rf"# HELP ({NAME}) ((?:[^\\]|\\[\\n])*)")
TYPE = re.compile(rf"# TYPE ({NAME}) (counter|gauge|histogram)")
VALUE = re.compile(r"[+-]?(?:\d+(?:\.\d+)?(?:e[+-]\d+)?|Inf)|NaN")

TYPE_HEADER = "text/plain; version=0.0.4; charset=utf-8"

# The base units that a name may end with.
UNITS = ("_seconds", "_bytes")


def read_labels(text):
    """The inside of {…} as a dict."""
    labels = {}
    at = 0
    while at < len(text):
        match = LABEL.match(text, at)
        assert match, f"no label: {text[at:]!r}"
        name, value = match.groups()
        assert name not in labels, f"{name} twice: {text}"
        labels[name] = ESCAPE.sub(
            lambda found: "\n" if found[1] == "n" else found[1], value)
        at = match.end()
        if at < len(text):
            assert text[at] == "," and at + 1 < len(text), text
            at += 1
    return labels


def freeze(labels):
    return tuple(sorted(labels.items()))


class Family:
    """One metric: its help, type, and samples by suffix and labels."""

    def __init__(self, name, text, kind):
        self.name = name
        self.help = text
        self.kind = kind
        self.samples = {}  # (suffix, labels): value

    def add(self, name, labels, value):
        assert name.startswith(self.name), f"{name} within {self.name}"
        suffix = name[len(self.name):]
        key = suffix, freeze(labels)
        assert key not in self.samples, f"{name}{labels} twice"
        self.samples[key] = value

    def check(self):
        """The conventions of names, and what a type asks of its samples."""
        assert self.help.endswith("."), self.help
        assert (self.kind == "counter") == self.name.endswith("_total")
        suffixes = {suffix for suffix, _ in self.samples}
        if self.kind != "histogram":
            assert suffixes <= {""}, suffixes
            assert self.kind == "gauge" or min(
                self.samples.values(), default=0) >= 0
            return
        assert self.name.endswith(UNITS)
        assert suffixes in (set(), {"_bucket", "_sum", "_count"})
        for suffix, labels in self.samples:
            if suffix == "_count":
                self._check_histogram(dict(labels))

    def _check_histogram(self, labels):
        buckets = self.buckets(labels)
        bounds = list(buckets)
        assert bounds == sorted(bounds) and bounds[-1] == math.inf
        counts = list(buckets.values())
        assert counts == sorted(counts) and counts[0] >= 0
        assert counts[-1] == self.samples["_count", freeze(labels)]
        assert ("_sum", freeze(labels)) in self.samples

    def buckets(self, labels):
        """The counts by the buckets' ends."""
        found = {}
        for (suffix, frozen), count in self.samples.items():
            one = dict(frozen)
            if suffix == "_bucket":
                bound = float(one.pop("le"))
                if one == labels:
                    found[bound] = count
        return found


class Metrics:
    """What GET /metrics has answered."""

    def __init__(self, text):
        assert text.endswith("\n")
        self.families = {}
        lines = iter(text[:-1].split("\n"))
        family = None
        for line in lines:
            if line.startswith("#"):
                family = self._begin(line, next(lines))
                continue
            match = SAMPLE.fullmatch(line)
            assert match and family is not None, line
            assert match[2] != "", line
            assert VALUE.fullmatch(match[3]), line
            family.add(match[1], read_labels(match[2] or ""), float(match[3]))
        for family in self.families.values():
            family.check()

    def _begin(self, first, second):
        """A family begins with its help and its type."""
        text, kind = HELP.fullmatch(first), TYPE.fullmatch(second)
        assert text and kind and text[1] == kind[1], (first, second)
        assert text[1] not in self.families, f"{text[1]} is there twice"
        return self.families.setdefault(text[1], Family(
            text[1], text[2], kind[2]))

    def get(self, name, suffix="", **labels):
        """The value of one series; 0 where it is not there yet."""
        return self.families[name].samples.get((suffix, freeze(labels)), 0)

    def sum(self, name, suffix="", **labels):
        """Of all series that have these labels."""
        return sum(value for (its, frozen), value in
                   self.families[name].samples.items()
                   if its == suffix and labels.items() <= dict(frozen).items())

    def count(self, name, **labels):
        """How many values a histogram has seen."""
        return self.get(name, "_count", **labels)


# ---- of a program ---------------------------------------------------------

def read_metrics(response):
    """Those of an answer, which must be one."""
    assert response.status == 200, response.read()
    assert response.header("Content-Type") == TYPE_HEADER
    return Metrics(response.read().decode("utf-8"))


def scrape(program, headers=()):
    return read_metrics(program.get("/metrics", headers))


def wait_for(program, what):
    """Asks until what(metrics) is true: the ends of connections come to the
    program in their own time."""
    ends = time.monotonic() + GUARD_S
    while not what(metrics := scrape(program)):
        assert time.monotonic() < ends, metrics.families
    return metrics
