#!/usr/bin/env python3
# SPDX-License-Identifier: AGPL-3.0-or-later
"""What the benchmark makes of its figures: medians, ratios, goals, the table
and the picture."""
import unittest
from xml.etree import ElementTree

import picture
import publish
import report
from scenarios import Goal, Row, Scenario

PROGRAM = "akashchat-api"


def summarized(row, nginx, program):
    scenario = Scenario("paced", (row,), None)
    runs = {"nginx": [{row.key: value} for value in nginx],
            PROGRAM: [{row.key: value} for value in program]}
    return report.summarize(scenario, row, runs, PROGRAM)


def result_of(*rows):
    return {"machine": {"cpu": "A <fast> one", "cores": 2, "memory_gb": 4,
                        "kernel": "6.1"},
            "nginx": "1.22", "date": "2025-01-01", "rounds": 3,
            "late_p99_us": 400, "sides": ["nginx", PROGRAM],
            "rows": list(rows)}


class TestSummary(unittest.TestCase):

    def test_the_ratio_is_the_median_of_the_pairs(self):
        row = summarized(Row("cpu", "CPU", "µs"), [10, 20, 10], [5, 40, 6])
        self.assertEqual(row["medians"], {"nginx": 10, PROGRAM: 6})
        self.assertEqual(row["ratios"], {PROGRAM: 0.6})

    def test_a_goal_of_the_ratio(self):
        goal = Goal(1.0, 0.9, of_ratio=True)
        for mine, verdict in ((80, "aim"), (90, "aim"), (100, "met"),
                              (101, "missed")):
            row = summarized(Row("cpu", "CPU", "µs", goal), [100], [mine])
            self.assertEqual(row["verdict"], verdict, mine)

    def test_a_goal_of_the_value(self):
        for mine, verdict in ((28, "aim"), (32, "met"), (33, "missed")):
            row = summarized(Row("rss", "RSS", "KB", Goal(32, 28)), [1],
                             [mine])
            self.assertEqual(row["verdict"], verdict, mine)

    def test_no_goal_has_no_verdict(self):
        row = summarized(Row("cpu", "CPU", "µs"), [1], [2])
        self.assertIsNone(row["verdict"])

    def test_what_is_added_is_over_the_direct_connection_of_the_round(self):
        runs = {"direct": [{"p50": 1, "p99": 2}, {"p50": 2, "p99": 9}],
                PROGRAM: [{"p50": 3, "p99": 5}, {"p50": 3, "p99": 10}]}
        report.add_added(runs)
        self.assertEqual([found["added_p99"] for found in runs[PROGRAM]],
                         [3, 1])
        self.assertEqual([found["added_p50"] for found in runs[PROGRAM]],
                         [2, 1])
        self.assertNotIn("added_p99", runs["direct"][0])


class TestOutput(unittest.TestCase):

    def setUp(self):
        self.result = result_of(
            summarized(Row("cpu", "Paced", "µs",
                           Goal(1.0, 0.9, of_ratio=True)), [10], [15]))

    def test_the_table(self):
        head, line, row = report.table(self.result).split("\n")
        self.assertEqual({len(head), len(line), len(row)}, {len(head)})
        cells = [cell.strip() for cell in row.strip("|").split("|")]
        self.assertEqual(cells, ["Paced", "µs", "10.00", "15.00", "1.50",
                                 "≤ 1× (aim 0.9)", "missed"])

    def test_a_new_result_takes_the_place_of_the_old(self):
        page = f"# A\n{publish.BEGIN}old\n{publish.END}Z\n"
        once = publish.put(page, self.result)
        self.assertEqual(publish.put(once, self.result), once)
        self.assertIn("| Paced ", once)
        self.assertNotIn("old", once)
        self.assertTrue(once.startswith("# A\n") and once.endswith("Z\n"))
        with self.assertRaises(ValueError):
            publish.put("# no marks\n", self.result)

    def test_the_picture_is_xml_with_a_bar_of_the_ratio(self):
        root = ElementTree.fromstring(picture.draw(self.result))
        bars = root.findall("{*}rect")
        self.assertEqual([bar.get("class") for bar in bars], ["more"])
        self.assertAlmostEqual(float(bars[0].get("width")),
                               picture.RIGHT - picture.LEFT)
        line = root.find("{*}line")
        self.assertAlmostEqual(
            (float(line.get("x1")) - picture.LEFT) * 1.5,
            picture.RIGHT - picture.LEFT, delta=0.2)
        texts = " ".join(text.text for text in root.findall("{*}text"))
        self.assertIn("A <fast> one", texts)
        self.assertIn("15.00 : 10.00 µs", texts)


if __name__ == "__main__":
    unittest.main()
