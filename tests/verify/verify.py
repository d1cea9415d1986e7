#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs every judge with bounds that fit 25 minutes on two cores, and writes what
they found, one line a type, beside the goals.

    verify.py [--only PART...] [--long HOURS]
    verify.py --readme README.md

The report is build/verify-report.json and .md; what the parts said lies in
build/verify/ (PLACID_BUILD names another folder than build). --long runs the parts once as they are, then again for HOURS in
all, each with the bounds that its share of that time allows. --readme runs
nothing: it puts the report's table between the markers in README.md.

Exit status 1: a part failed, or a goal that bounded runs must meet is not met.
A goal that only a long run can reach is no failure; what it fell short by stands
beside it.
"""
import argparse
import json
import os
import pathlib
import platform
import re
import shutil
import subprocess
import sys
import time

sys.dont_write_bytecode = True  # leaves nothing in the source tree

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("PLACID_BUILD", ROOT / "build"))
OUT = BUILD / "verify"
REPORT = BUILD / "verify-report.json"
BEGIN, END = "<!-- verify:begin -->", "<!-- verify:end -->"
JOBS = str(os.cpu_count())

# As reports of the parts may call a type, and as we call it.
TYPES = {name: name for name in (
    "Seqlock", "Latest", "SpscRing", "SpscByteRing", "MpscRing", "MpscByteRing",
    "LaneRing", "LaneByteRing", "MpmcRing", "BroadcastRing",
    "BroadcastByteRing", "Counter", "RoleClaim", "Stamp", "Slotted",
    "EventCount", "Participants", "SegmentHeader", "NameRecord",
    "NameRegistry", "Directory", "WaitMask", "WaitSet",
    "Doorbells")} | {"Role": "RoleClaim"}


# ---- The parts ---------------------------------------------------------------

class Part:
    """One judge: how it is built, run and read.

    `budget` scales its bounds: 1 is the run that ./run verify does."""

    name = ""
    share = 0.0  # of the time of a long run
    build_commands = ()
    script = None  # that must exist
    folder = ROOT  # where it runs

    def command(self, budget):
        raise NotImplementedError

    def environment(self, budget):
        return {}

    def read(self, report):
        """Adds what its JSON says to the report."""
        raise NotImplementedError

    @property
    def json(self):
        return OUT / f"{self.name}.json"

    @property
    def log(self):
        return OUT / f"{self.name}.log"

    def load(self):
        return json.loads(self.json.read_text())


def preset(name, *targets):
    return (["cmake", "--preset", name, "-B", BUILD / name],
            ["cmake", "--build", BUILD / name, "-j", JOBS,
             *(["--target", *targets] if targets else [])])


class Model(Part):
    """Model checker, its litmus tests, and the mutation of orders and bumps."""
    name = "model"
    share = 0.2
    build_commands = preset("dev", "model_test")
    # Compiler caches make the sources' names relative to it.
    folder = BUILD / "dev"
    cases = OUT / "model-cases.json"

    def command(self, budget):
        return [BUILD / "dev/bin/model_test", "--json", self.json,
                f"--gtest_output=json:{self.cases}"]

    def environment(self, budget):
        return {"PLACID_MODEL_LONG": str(budget)}

    def read(self, report):
        for row in self.load():
            report.of(row["type"]).update(
                executions=row["executions"], states=row["states"],
                deaths=row["deaths"], mutants=row["mutants"],
                mutants_killed=row["mutants_killed"],
                mutants_equivalent=row["mutants_equivalent"])
            report.bound(row["type"], "model", row["bounds"], row["seconds"])
        rows = self.load()
        litmus = sum(suite["tests"] - suite["failures"]
                     for suite in json.loads(self.cases.read_text())
                     ["testsuites"] if "LitmusTest" in suite["name"])
        alive = sum(row["mutants"] - row["mutants_killed"] -
                    row["mutants_equivalent"] for row in rows)
        bounded = sum(row["models"] - row["models_exhaustive"] for row in rows)
        report.goal("litmus tests with the outcomes of the literature, cached "
                    "= uncached", "at least 40", litmus, litmus >= 40)
        report.goal("types whose models explored nothing", 0,
                    *none(sum(not row["executions"] for row in rows)))
        report.goal("mutants that no model notices, unexplained", 0,
                    *none(alive))
        report.goal("models that were not explored to their bounds", 0,
                    *none(bounded))


class Crash(Part):
    """The kill-stepper: every instruction, every compiler and level."""
    name = "crash"
    share = 0.25
    script = ROOT / "tests/crash/crash_matrix.py"
    sigkills = 300  # at random moments, of each build

    def command(self, budget):
        return [sys.executable, "-B", self.script, BUILD / "crash", "--json",
                self.json, "--", "--soak", str(int(self.sigkills * budget))]

    def read(self, report):
        said = self.load()
        programs = [f"{each['compiler']} {each['optimisation']}"
                    for each in said["programs"]]
        bounds = said["programs"][0]["bounds"]
        for row in said["types"]:
            for key in ("kill_points", "images", "unrecoverable", "sigkills"):
                report.add(row["type"], key, row[key])
            report.bound(
                row["type"], "crash",
                f"{row['operations']} operations in {len(programs)} builds, "
                f"{bounds['second_party_operations']} of the second party, "
                f"{bounds['recoverers_killed']} recoverers killed",
                row["seconds"])
        report.data["builds"] = programs
        report.goal("builds that were killed at every instruction: compiler "
                    "x level", 6, len(programs), len(programs) >= 6)
        report.goal("images that nobody could recover", 0, *none(
            sum(row["unrecoverable"] for row in said["types"])))
        kills = sum(row["sigkills"] for row in said["types"])
        report.goal("real SIGKILLs", "10,000 in the long run", kills,
                    kills >= 10_000, is_long=True)


class Fuzz(Part):
    """Hostile peers."""
    name = "fuzz"
    share = 0.4
    script = ROOT / "fuzz/campaign.py"
    build_commands = preset("fuzz")
    seconds = 20  # each target
    executions = 20_000_000  # each target, in a long run at least

    def command(self, budget):
        least = ["--executions", str(self.executions)] if budget > 1 else []
        return [sys.executable, "-B", self.script, "all",
                str(int(self.seconds * budget)), *least, "--no-afl",
                "--no-coverage", "--build", BUILD / "fuzz", "--json", self.json]

    def read(self, report):
        rows = self.load()
        for row in rows:
            for name in row["types"]:
                report.add(name, "fuzz_executions", row["fuzz_executions"])
                report.bound(name, "fuzz", None, row["seconds"])
        least = min(row["fuzz_executions"] for row in rows)
        report.goal("hostile inputs that crash a target", 0,
                    *none(sum(row["crashes"] for row in rows)))
        report.goal("hostile executions of each target",
                    f"{self.executions:,} in the long run", least,
                    least >= self.executions,
                    is_long=True)
        report.data["fuzz"] = rows


class Planted(Part):
    """That the fuzzers find what they are for."""
    name = "planted"
    script = ROOT / "fuzz/planted_test.py"
    build_commands = preset("fuzz")

    def command(self, budget):
        return [sys.executable, "-B", self.script, ROOT, "clang++-19",
                BUILD / "fuzz/bin"]

    def read(self, report):
        said = self.log.read_text()
        found = {name: float(seconds) for seconds, name in re.findall(
            r"^ *\d+ executions, +([\d.]+) s: ([\w-]+):", said, re.M)}
        missed = len(re.findall("^NOT FOUND", said, re.M))
        slowest = max(found.values(), default=None)
        fetches = [seconds for name, seconds in found.items()
                   if name.startswith("double-fetch")]
        report.goal("planted faults that the fuzzers do not find", 0,
                    *none(missed if found else None))
        report.goal("slowest planted double fetch, in seconds", "under 5",
                    max(fetches, default=None),
                    bool(fetches) and max(fetches) < 5)
        report.goal("slowest planted fault, in seconds", "under 5", slowest,
                    slowest is not None and slowest < 5, is_long=True)


class Linearizability(Part):
    """Histories of two threads against the sequential types."""
    name = "linearizability"
    share = 0.15
    build_commands = preset("dev", "linearizability_test")
    histories = 100_000  # a test

    def command(self, budget):
        return [BUILD / "dev/bin/linearizability_test", "--histories",
                str(int(self.histories * budget)), "--json", self.json]

    def read(self, report):
        rows = self.load()
        for row in rows:
            report.of(row["type"]).update(
                histories=row["histories"],
                overlapping_share=round(row["overlapping_share"], 3))
            report.bound(row["type"], "linearizability",
                         f"seed {row['seed']}", row["seconds"])
        report.goal("histories that no sequential order explains", 0,
                    *none(sum(row["violations"] for row in rows)))
        share = min(row["overlapping_share"] for row in rows)
        report.goal("least share of histories that overlap", "0.5",
                    round(share, 3), share >= 0.5)
        rings = [row["histories"] for row in rows if "Ring" in row["type"]]
        report.goal("histories of each ring", "1,000,000 in the long run",
                    min(rings), min(rings) >= 1_000_000, is_long=True)


class Seeded(Part):
    """Bugs kept as patches, each with the suite that must catch it."""
    name = "seeded"
    script = ROOT / "tests/seeded/seeded_test.py"

    def command(self, budget):
        return [sys.executable, "-B", self.script, ROOT, "--json", self.json]

    def read(self, report):
        rows = self.load()
        report.data["seeded"] = rows
        caught = sum(row["caught"] for row in rows)
        report.goal("seeded bugs caught by the suite they name", len(rows),
                    caught, rows and caught == len(rows))


class Coverage(Part):
    """Lines and branches of what is compiled here."""
    name = "coverage"
    script = ROOT / "tests/coverage/coverage.py"

    def command(self, budget):
        return [sys.executable, "-B", self.script, "--build",
                BUILD / "coverage", "--json", self.json]

    def read(self, report):
        said = self.load()
        report.data["coverage"] = said["total"]
        for group, total in said["total"].items():
            for key, least in said["least"].items():
                what = key.replace("_percent", "s") if key.startswith(
                    "line") else "branches"
                report.goal(f"coverage: % of {what} of {group}", least,
                            round(total[key], 1), total[key] >= least)


PARTS = (Model(), Crash(), Planted(), Fuzz(), Linearizability(), Seeded(),
         Coverage())


def none(count):
    """What was found of what there must be nothing of, and whether it is so."""
    return count, count == 0


# ---- Running -----------------------------------------------------------------

def run(part, budget):
    """Whether the part passed, how long it took, and why it could not run."""
    if part.script and not part.script.exists():
        return False, 0.0, f"{part.script.relative_to(ROOT)} does not exist"
    OUT.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(OUT / part.name, ignore_errors=True)
    part.json.unlink(missing_ok=True)
    with part.log.open("w") as log:
        options = {"stdout": log, "stderr": subprocess.STDOUT,
                   "stdin": subprocess.DEVNULL, "check": False}
        for command in part.build_commands:
            if subprocess.run(command, cwd=ROOT, **options).returncode:
                return False, 0.0, "it does not build"
        start = time.monotonic()
        done = subprocess.run(
            [str(word) for word in part.command(budget)], cwd=part.folder,
            env=os.environ | part.environment(budget), **options)
    seconds = time.monotonic() - start
    return done.returncode == 0, seconds, None


def tail(path, lines=15):
    if not path.exists():
        return ""
    text = path.read_text(errors="replace").splitlines()
    return "\n".join(f"    | {line[:200]}" for line in text[-lines:])


# ---- The report --------------------------------------------------------------

class Report:
    def __init__(self):
        self.types = {}
        self.data = {}
        self.goals = []
        self.parts = []

    def of(self, name):
        name = TYPES.get(name, name)
        return self.types.setdefault(
            name, {"type": name, "bounds": {}, "seconds": {}})

    def add(self, name, key, number):
        row = self.of(name)
        row[key] = row.get(key, 0) + number

    def bound(self, name, part, text, seconds):
        row = self.of(name)
        if text:
            row["bounds"][part] = text
        row["seconds"][part] = round(
            row["seconds"].get(part, 0) + seconds, 1)

    def goal(self, what, wanted, found, is_met, is_long=False):
        self.goals.append({"goal": what, "wanted": wanted, "found": found,
                           "is_met": bool(is_met), "is_long": is_long})

    def as_json(self, hours):
        passed = all(part["passed"] for part in self.parts) and all(
            goal["is_met"] or goal["is_long"] for goal in self.goals)
        return {"passed": passed, "long_hours": hours,
                "machine": {"processor": platform.machine(),
                            "cpus": os.cpu_count(),
                            "system": platform.system()},
                "types": [self.types[name] for name in sorted(self.types)],
                "goals": self.goals, "parts": self.parts, **self.data}


def shown(value):
    if value is None:
        return "not measured"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:,}" if isinstance(value, int) else str(value)


def table(head, rows):
    lines = ["| " + " | ".join(head) + " |",
             "| --- |" + " ---: |" * (len(head) - 1)]
    lines += ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join(lines)


def type_table(report):
    rows = []
    for row in report["types"]:
        def number(key):
            return shown(row[key]) if key in row else ""
        mutants = overlapping = ""
        if row.get("mutants"):
            mutants = (f"{row['mutants_killed']} of {row['mutants']}"
                       + (f" + {row['mutants_equivalent']} equivalent"
                          if row["mutants_equivalent"] else ""))
        if "overlapping_share" in row:
            overlapping = f" ({100 * row['overlapping_share']:.0f} %)"
        rows.append([f"`{row['type']}`", number("executions"),
                     number("states"), number("deaths"), mutants,
                     number("kill_points"), number("images"),
                     number("unrecoverable"), number("fuzz_executions"),
                     number("histories") + overlapping])
    return table(["type", "executions", "states", "deaths", "mutants killed",
                  "kill points", "images", "unrecoverable",
                  "hostile executions", "histories (overlapping)"], rows)


def markdown(report):
    goals = [[goal["goal"], shown(goal["wanted"]), shown(goal["found"]),
              "met" if goal["is_met"] else
              "short of it" if goal["is_long"] else "**NOT MET**"]
             for goal in report["goals"]]
    parts = [[part["part"], "passed" if part["passed"] else
              f"**FAILED** {part['why'] or ''}".strip(),
              f"{part['seconds']:.0f}", f"{part['budget']:g}"]
             for part in report["parts"]]
    bounds = [[f"`{row['type']}`", part, text]
              for row in report["types"]
              for part, text in row["bounds"].items()]
    seeded = [[row["bug"], row.get("type", ""), row["suite"],
               "caught" if row["caught"] else "**MISSED**"]
              for row in report.get("seeded", [])]
    machine = report["machine"]
    text = [
        "# What was verified", "",
        f"On {machine['cpus']} processors ({machine['system']}, "
        f"{machine['processor']})"
        + (f", and {report['long_hours']:g} hours more." if report["long_hours"]
           else ", bounded."),
        "Bounded exploration is no proof: the bounds stand below.", "",
        type_table(report), "",
        "## Goals", "", table(["goal", "wanted", "found", ""], goals), "",
        "## Bounds", "", table(["type", "part", "bounds"], bounds), "",
        "## Parts", "",
        table(["part", "verdict", "seconds", "budget"], parts), ""]
    if report.get("builds"):
        text += ["Killed at every instruction: "
                 + ", ".join(report["builds"]) + ".", ""]
    if seeded:
        text += ["## Seeded bugs", "",
                 table(["bug", "type", "suite", ""], seeded), ""]
    return "\n".join(text)


def write(report, hours):
    data = report.as_json(hours)
    REPORT.parent.mkdir(exist_ok=True)
    REPORT.write_text(json.dumps(data, indent=1) + "\n")
    REPORT.with_suffix(".md").write_text(markdown(data))
    return data


def update_readme(path):
    text = path.read_text()
    if text.count(BEGIN) != 1 or text.count(END) != 1:
        print(f"{path} has no lines {BEGIN} and {END}, once each")
        return 1
    if not REPORT.exists():
        print(f"no {REPORT} yet: ./run verify writes it")
        return 1
    before, rest = text.split(BEGIN)
    after = rest.split(END)[1]
    made = type_table(json.loads(REPORT.read_text()))
    path.write_text(f"{before}{BEGIN}\n{made}\n{END}{after}")
    return 0


# ---- All of it ---------------------------------------------------------------

def judge(part, budget, report):
    print(f"  {part.name:18}", end="", flush=True)
    passed, seconds, why = run(part, budget)
    if why is None:
        try:
            part.read(report)
        except (OSError, ValueError, KeyError, TypeError) as error:
            passed, why = False, f"its report cannot be read: {error!r}"
    report.parts.append({"part": part.name, "passed": passed,
                         "seconds": round(seconds, 1), "budget": budget,
                         "why": why})
    print(f"{seconds:7.0f} s{'' if passed else '  FAILED'}"
          + (f": {why}" if why else ""), flush=True)
    if not passed:
        print(tail(part.log) + f"\n    The whole log: {part.log}")
    return seconds


def main(arguments):
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--only", nargs="+", metavar="PART",
                        choices=[part.name for part in PARTS])
    parser.add_argument("--long", type=float, metavar="HOURS", default=0.0)
    parser.add_argument("--readme", type=pathlib.Path, metavar="FILE")
    options = parser.parse_args(arguments)
    if options.readme:
        return update_readme(options.readme)
    parts = [part for part in PARTS
             if not options.only or part.name in options.only]
    report = Report()
    seconds = {part: judge(part, 1, report) for part in parts}
    data = write(report, 0.0)
    if options.long and data["passed"]:
        # The same again, with bounds as much wider as there is time for.
        print(f"for {options.long:g} hours:")
        report = Report()
        soaked = [part for part in parts if part.share]
        whole = sum(part.share for part in soaked)
        for part in parts:
            budget = 1.0
            if part.share:
                budget = max(1.0, options.long * 3600 * part.share / whole
                             / max(seconds[part], 1.0))
            judge(part, round(budget, 1), report)
        data = write(report, options.long)
    print(f"{REPORT}: "
          + ("all goals of a bounded run are met" if data["passed"]
             else "NOT all goals are met"))
    for goal in data["goals"]:
        if not goal["is_met"]:
            print(f"  {'short of' if goal['is_long'] else 'NOT MET'}: "
                  f"{goal['goal']}: {shown(goal['found'])} instead of "
                  f"{shown(goal['wanted'])}")
    return 0 if data["passed"] else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
