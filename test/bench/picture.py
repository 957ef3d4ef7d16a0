# SPDX-License-Identifier: AGPL-3.0-or-later
"""Draws the benchmark's result. A bar is as long as the program's share of
what nginx takes; shorter is better."""
from xml.sax.saxutils import escape

BASE = "nginx"
PROGRAM = "akashchat-api"

# Other than these, rows tell the same thing in another way.
ROWS = (
    ("paced", "cpu"), ("paced_tls", "cpu"), ("burst", "cpu"),
    ("short", "cpu"), ("models", "cpu"), ("big", "cpu"),
    ("idle", "rss"), ("idle_tls", "rss"),
    ("fresh", "ready"), ("fresh", "rss"), ("fresh", "size"),
)

WIDTH = 840
LEFT = 310       # where bars begin
RIGHT = 650      # where the longest ends
TOP = 72
STEP = 28
BAR = 16

STYLE = """
text { font: 13px system-ui, sans-serif; fill: #24292f; }
.title { font-size: 16px; font-weight: 600; }
.small { font-size: 11px; fill: #57606a; }
.less { fill: #2da44e; }
.more { fill: #bf8700; }
.line { stroke: #57606a; stroke-dasharray: 3 3; }
@media (prefers-color-scheme: dark) {
  text { fill: #e6edf3; }
  .small { fill: #8d96a0; }
  .less { fill: #3fb950; }
  .more { fill: #d29922; }
  .line { stroke: #8d96a0; }
}
"""


def drawn_rows(result):
    """The rows of the picture that were measured, in its order."""
    found = {(row["scenario"], row["key"]): row for row in result["rows"]
             if PROGRAM in row["ratios"]}
    return [found[place] for place in ROWS if place in found]


def text(x, y, words, kind="", anchor="start"):
    attributes = f' class="{kind}"' if kind else ""
    return (f'<text x="{x}" y="{y}" text-anchor="{anchor}"{attributes}>'
            f'{escape(words)}</text>')


def figure(row, name):
    return f"{row['medians'][name]:,.{row['digits']}f}"


def bar(row, y, scale):
    """A row: what it is, its bar, and both figures."""
    ratio = row["ratios"][PROGRAM]
    kind = "less" if ratio <= 1 else "more"
    return "\n".join((
        text(LEFT - 10, y + 12, row["title"], anchor="end"),
        f'<rect x="{LEFT}" y="{y}" width="{ratio * scale:.1f}" '
        f'height="{BAR}" rx="2" class="{kind}"/>',
        text(RIGHT + 12, y + 12, f"{ratio:.2f}"),
        text(WIDTH - 10, y + 12, f"{figure(row, PROGRAM)} : "
             f"{figure(row, BASE)} {row['unit']}", "small", "end"),
    ))


def draw(result):
    """The picture as SVG."""
    rows = drawn_rows(result)
    longest = max([1.0, *(row["ratios"][PROGRAM] for row in rows)])
    scale = (RIGHT - LEFT) / longest
    bottom = TOP + STEP * len(rows)
    place = result["machine"]
    one = LEFT + scale
    return "\n".join((
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" '
        f'height="{bottom + 34}" viewBox="0 0 {WIDTH} {bottom + 34}" '
        f'role="img">',
        f"<title>{PROGRAM} beside nginx</title>",
        f"<style>{STYLE}</style>",
        text(10, 24, f"{PROGRAM} beside nginx, which translates nothing: "
             "less is better", "title"),
        text(10, 44, f"{place['cpu']}, {place['cores']} cores, Linux "
             f"{place['kernel']}; medians of {result['rounds']} rounds, "
             f"{result['date']}", "small"),
        *(bar(row, TOP + STEP * i, scale) for i, row in enumerate(rows)),
        f'<line x1="{one:.1f}" y1="{TOP - 6}" x2="{one:.1f}" '
        f'y2="{bottom}" class="line"/>',
        text(round(one, 1), bottom + 16, "nginx = 1", "small", "middle"),
        "</svg>", ""))
