# SPDX-License-Identifier: AGPL-3.0-or-later
"""The doctor's report, as a test looks at it."""
import re

from support.program import run

FINDINGS = ("ok", "warning", "failed", "skipped")
ADVICE = re.compile(r" {8} (->|  ) (.*)")


class Report:
    """What --doctor printed: lines as (finding, step, text), the advice
    beneath each step, and how it ended."""

    def __init__(self, done):
        assert done.stderr == "", done.stderr
        self.text = done.stdout
        self.status = done.returncode
        self.lines = []
        self.advice = {}
        head, *rest = done.stdout.split("\n")
        assert head.startswith("akashchat-api "), self.text
        for line in rest:
            finding = line[:9].rstrip()
            if finding in FINDINGS:
                assert line[8] == line[22] == " " and line[23] != " ", line
                self.lines.append((finding, line[9:22].rstrip(), line[23:]))
            elif match := ADVICE.fullmatch(line):
                step = self.lines[-1][1]
                self.advice[step] = (
                    self.advice.get(step, "") + match.group(2) + "\n")
        assert done.stdout.isascii()
        assert self.status == int("failed" in self.findings()), self.text
        assert rest[-2].startswith(
            "Something failed" if self.status else "All is well"), self.text

    def findings(self):
        return [finding for finding, _, _ in self.lines]

    def of(self, step):
        """The findings of a step and all that it said."""
        mine = [line for line in self.lines if line[1] == step]
        assert mine, f"nothing about {step}: {self.text}"
        return ([finding for finding, _, _ in mine],
                "\n".join(text for _, _, text in mine))

    def worst(self, step):
        """The worst finding of a step."""
        findings, _ = self.of(step)
        return next(one for one in ("failed", "skipped", "warning", "ok")
                    if one in findings)

    def says(self, step):
        return self.of(step)[1]

    def unwell(self):
        """The steps that failed."""
        return {step for finding, step, _ in self.lines
                if finding == "failed"}


def examine(*flags, **options):
    """The report of --doctor with these flags and this environment."""
    return Report(run("--doctor", *flags, **options))
