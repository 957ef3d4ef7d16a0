# SPDX-License-Identifier: AGPL-3.0-or-later
"""What came of the runs: medians, ratios, goals; as a table and as JSON."""
import os
import platform
import re
import statistics
import subprocess

BASE = "nginx"


def machine():
    """What was measured on, and with which libraries."""
    model = "unknown"
    with open("/proc/cpuinfo", encoding="utf-8") as info:
        found = re.search(r"^model name\s*: (.*)$", info.read(), re.MULTILINE)
    if found:
        model = found.group(1)
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return {"cpu": model, "cores": os.cpu_count(),
            "memory_gb": round(memory / 1e9), "kernel": platform.release()}


def nginx_version(nginx):
    done = subprocess.run([nginx, "-v"], check=True, capture_output=True,
                          encoding="utf-8")
    return done.stderr.strip().rpartition("/")[2]


def judge(goal, value, ratio):
    """"aim", "met" or "missed"; None without a goal or a value."""
    figure = ratio if goal is not None and goal.of_ratio else value
    if goal is None or figure is None:
        return None
    if goal.aim is not None and figure <= goal.aim:
        return "aim"
    return "met" if figure <= goal.limit else "missed"


def add_added(runs):
    """Puts what a side adds over the upstream alone beside its times."""
    for name, rounds in runs.items():
        for found, direct in zip(rounds, runs["direct"]):
            if name != "direct":
                found["added_p50"] = found["p50"] - direct["p50"]
                found["added_p99"] = found["p99"] - direct["p99"]


def summarize(scenario, row, runs, program):
    """One row of the result; runs are {side's name: [figures]}."""
    values = {name: [found[row.key] for found in rounds if row.key in found]
              for name, rounds in runs.items()}
    values = {name: rounds for name, rounds in values.items() if rounds}
    ratios = {}
    for name, rounds in values.items():
        # Neighbours in time: what disturbs the one disturbs the other.
        pairs = [mine / theirs
                 for mine, theirs in zip(rounds, values.get(BASE, []))
                 if theirs > 0]
        if name != BASE and pairs:
            ratios[name] = statistics.median(pairs)
    medians = {name: statistics.median(rounds)
               for name, rounds in values.items()}
    goal = row.goal
    return {
        "scenario": scenario.name, "key": row.key, "title": row.title,
        "unit": row.unit, "digits": row.digits, "values": values,
        "medians": medians, "ratios": ratios,
        "goal": None if goal is None else {
            "limit": goal.limit, "aim": goal.aim, "of_ratio": goal.of_ratio},
        "verdict": judge(goal, medians.get(program), ratios.get(program)),
    }


def goal_text(row):
    """The goal as people read it."""
    goal = row["goal"]
    if goal is None:
        return ""
    unit = "×" if goal["of_ratio"] else " " + row["unit"]
    text = f"≤ {goal['limit']:g}{unit}"
    if goal["aim"] is not None:
        text += f" (aim {goal['aim']:g})"
    return text


def cell(row, name):
    value = row["medians"].get(name)
    return "" if value is None else f"{value:,.{row['digits']}f}"


def spread(row, name):
    """The smallest and the largest of the rounds."""
    values = row["values"].get(name)
    if not values:
        return ""
    digits = row["digits"]
    return f"{min(values):.{digits}f}–{max(values):.{digits}f}"


def table(result):
    """The rows as a Markdown table."""
    names = result["sides"]
    others = [name for name in names if name != BASE]
    head = ["", "unit", *names, *(f"{name} : {BASE}" for name in others),
            "goal", ""]
    lines = [head]
    for row in result["rows"]:
        ratios = [f"{row['ratios'][name]:.2f}" if name in row["ratios"]
                  else "" for name in others]
        lines.append([row["title"], row["unit"],
                      *(cell(row, name) for name in names), *ratios,
                      goal_text(row), row["verdict"] or ""])
    widths = [max(len(line[i]) for line in lines) for i in range(len(head))]
    text = []
    for number, line in enumerate(lines):
        cells = [one.ljust(width) if i in (0, 1, len(head) - 2, len(head) - 1)
                 else one.rjust(width)
                 for i, (one, width) in enumerate(zip(line, widths))]
        text.append("| " + " | ".join(cells) + " |")
        if number == 0:
            text.append("|" + "|".join(
                "-" * (width + 2) if i in (0, 1, len(head) - 2, len(head) - 1)
                else "-" * (width + 1) + ":"
                for i, width in enumerate(widths)) + "|")
    return "\n".join(text)


def heading(result):
    """A line about the machine and the run."""
    place = result["machine"]
    return (f"{place['cpu']}, {place['cores']} cores, "
            f"{place['memory_gb']} GB, Linux {place['kernel']}; "
            f"nginx {result['nginx']}; {result['rounds']} rounds, medians, "
            f"{result['date']}; upstream's ticks late by at most "
            f"{result['late_p99_us'] / 1000:.1f} ms (99 %)")
