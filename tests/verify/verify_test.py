#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""verify.py against reports made up for it: each goal must be able to be missed,
and what a part says must arrive in the line of its type.

    verify_test.py
"""
import json
import os
import pathlib
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True
FOLDER = tempfile.TemporaryDirectory()
os.environ["PLACID_BUILD"] = FOLDER.name
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

import verify  # noqa: E402: after its folder is named

GOOD = {
    "model": [{"type": "SpscRing", "models": 2, "models_exhaustive": 2,
               "executions": 10, "states": 5, "deaths": 3, "mutants": 4,
               "mutants_killed": 3, "mutants_equivalent": 1,
               "bounds": "threads: 2", "seconds": 1.5}],
    "model-cases": {"testsuites": [
        {"name": "Known/LitmusTest", "tests": 40, "failures": 0}]},
    "crash": {"types": [{"type": "SpscRing", "operations": 9,
                         "kill_points": 700, "images": 60, "unrecoverable": 0,
                         "sigkills": 10_000, "seconds": 2.0}],
              "programs": [{"compiler": compiler, "optimisation": level,
                            "bounds": {"second_party_operations": 3,
                                       "recoverers_killed": 2}}
                           for compiler in ("g++", "clang")
                           for level in ("-O0", "-O2", "-O3")]},
    "fuzz": [{"target": "spsc_ring_fuzz", "types": ["SpscRing"],
              "fuzz_executions": 20_000_000, "crashes": 0, "seconds": 9.0}],
    "linearizability": [{"type": "SpscRing", "histories": 1_000_000,
                         "overlapping_share": 0.8, "violations": 0, "seed": 7,
                         "seconds": 3.0}],
    "seeded": [{"bug": "spsc_ring/lap", "type": "spsc_ring",
                "suite": "spsc_ring_model", "caught": True, "seconds": 3.0}],
    "coverage": {"least": {"line_percent": 95.0, "branch_percent": 90.0},
                 "total": {"all": {"line_percent": 97.0,
                                   "branch_percent": 91.0}}},
}
PLANTED = (" 40958 executions,  1.2 s: double-fetch-length: read twice "
           "(violated)\n")


def judged(planted=PLANTED, **changes):
    """The report of parts that said GOOD, but for these changes."""
    verify.OUT.mkdir(parents=True, exist_ok=True)
    for name, said in (GOOD | changes).items():
        (verify.OUT / f"{name}.json").write_text(json.dumps(said))
    (verify.OUT / "planted.log").write_text(planted)
    report = verify.Report()
    for part in verify.PARTS:
        part.read(report)
        report.parts.append({"part": part.name, "passed": True, "seconds": 1.0,
                             "budget": 1, "why": None})
    return report.as_json(0.0)


def changed(name, **row):
    """GOOD's list of that name with its first row changed."""
    return {name: [GOOD[name][0] | row]}


class VerifyTest(unittest.TestCase):
    def test_a_type_has_one_line_with_all_that_the_parts_say(self):
        said = judged()
        self.assertTrue(said["passed"], said["goals"])
        (line,) = said["types"]
        for key, value in {
                "type": "SpscRing", "executions": 10, "states": 5, "deaths": 3,
                "mutants": 4, "mutants_killed": 3, "mutants_equivalent": 1,
                "kill_points": 700, "images": 60, "unrecoverable": 0,
                "fuzz_executions": 20_000_000, "histories": 1_000_000,
                "overlapping_share": 0.8}.items():
            self.assertEqual(line[key], value, key)
        self.assertEqual(line["bounds"]["model"], "threads: 2")
        self.assertEqual(line["seconds"]["crash"], 2.0)
        self.assertTrue(all(goal["is_met"] for goal in said["goals"]))

    def test_each_goal_of_a_bounded_run_can_be_missed(self):
        crash = GOOD["crash"]
        for what in (
                changed("model", mutants_killed=2),
                changed("model", executions=0),
                changed("model", models_exhaustive=1),
                {"model-cases": {"testsuites": [{
                    "name": "Known/LitmusTest", "tests": 40, "failures": 1}]}},
                {"crash": crash | {"programs": crash["programs"][:5]}},
                {"crash": crash | {"types": [
                    crash["types"][0] | {"unrecoverable": 1}]}},
                changed("fuzz", crashes=1),
                changed("linearizability", violations=1),
                changed("linearizability", overlapping_share=0.4),
                changed("seeded", caught=False),
                {"seeded": []},
                {"coverage": GOOD["coverage"] | {"total": {"all": {
                    "line_percent": 94.9, "branch_percent": 91.0}}}},
                {"planted": "NOT FOUND in 60 s: double-fetch-length: ...\n"},
                {"planted": PLANTED.replace("1.2", "5.1")}):
            with self.subTest(what):
                self.assertFalse(judged(**what)["passed"])

    def test_what_only_a_long_run_reaches_is_a_shortfall_and_no_failure(self):
        for what in (changed("fuzz", fuzz_executions=1),
                     changed("linearizability", histories=1)):
            with self.subTest(what):
                said = judged(**what)
                self.assertTrue(said["passed"])
                self.assertIn("short of it", verify.markdown(said))

    def test_a_part_that_failed_fails_the_whole(self):
        report = verify.Report()
        report.parts.append({"part": "model", "passed": False, "seconds": 0.0,
                             "budget": 1, "why": "it does not build"})
        said = report.as_json(0.0)
        self.assertFalse(said["passed"])
        self.assertIn("it does not build", verify.markdown(said))

    def test_the_readme_gets_the_table_between_its_markers(self):
        verify.REPORT.write_text(json.dumps(judged()))
        readme = pathlib.Path(FOLDER.name) / "README.md"
        readme.write_text(f"a\n{verify.BEGIN}\nold\n{verify.END}\nb\n")
        self.assertEqual(verify.update_readme(readme), 0)
        text = readme.read_text()
        self.assertTrue(text.startswith(f"a\n{verify.BEGIN}\n| type |"), text)
        self.assertTrue(text.endswith(f"|\n{verify.END}\nb\n"), text)
        self.assertIn("20,000,000", text)
        self.assertNotIn("old", text)
        readme.write_text("no markers\n")
        self.assertEqual(verify.update_readme(readme), 1)


if __name__ == "__main__":
    unittest.main()
