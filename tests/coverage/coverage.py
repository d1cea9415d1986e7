#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Builds the preset coverage, runs the tests of all layers and prints which of
our lines and branches they reach. Fails if a test fails, or below 95 % of the
lines or 90 % of the branches of any group.

    coverage.py [--build FOLDER] [--json FILE] [--missed [PATH...]]

Only what is compiled on this system is counted. --missed lists what was not
reached, of the files whose path contains one of PATH.
"""
import argparse
import concurrent.futures
import json
import os
import pathlib
import shutil
import subprocess
import sys

sys.dont_write_bytecode = True  # a test leaves nothing in the source tree

import llvm_coverage  # noqa: E402: after the line above

ROOT = pathlib.Path(__file__).resolve().parents[2]
LEAST_LINES, LEAST_BRANCHES = 95.0, 90.0
# Those of each layer that has any, and of what all ports have in common.
LAYERS = sorted({path.name for folder in ("include/placid", "src")
                 for path in (ROOT / folder).iterdir()
                 if any((ROOT / "tests" / path.name).glob("*_test.cc"))})
TESTS = [*(f"{layer}_test" for layer in LAYERS),
         "os_conformance", "os_conformance_fake"]
PROGRAM = "placid"  # run by tests/cli/*_test.py
GROUPS = {
    "include/placid": ("include/placid/",),
    "src": ("src/",),
    "src/os/fake, a port for tests": ("src/os/fake/",),
}
TIMEOUT_S = 600


def step(text, command, **options):
    """Runs a command silently; what it said is shown if it fails."""
    print(f"  {text}", flush=True)
    done = subprocess.run(command, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, check=False, **options)
    if done.returncode:
        print(done.stdout.decode(errors="replace")[-4000:])
    return done.returncode == 0


def build(folder):
    jobs = str(os.cpu_count())
    return step("configure", ["cmake", "--preset", "coverage", "-B", folder],
                cwd=ROOT) and step(
        "build", ["cmake", "--build", folder, "-j", jobs, "--target",
                  *TESTS, "placid_program"])


def run_tests(folder, profiles):
    """Whether all passed. A child that is killed leaves its counts too: they
    lie in the file itself (%c), which all runs of a program share (%m)."""
    environment = os.environ | {
        "LLVM_PROFILE_FILE": str(profiles / "%m%c.profraw")}
    options = {"env": environment, "timeout": TIMEOUT_S}
    commands = {name: [folder / "bin" / name, "--gtest_brief=1"]
                for name in TESTS}
    for script in sorted((ROOT / "tests/cli").glob("*_test.py")):
        commands[script.name] = [sys.executable, "-B", script,
                                 folder / "bin" / PROGRAM]
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        return all(list(pool.map(
            lambda name: step(name, commands[name], env=environment,
                              timeout=TIMEOUT_S), commands)))


def group_of(path):
    """The most specific group that has `path`."""
    best = max(((len(prefix), name) for name, prefixes in GROUPS.items()
                for prefix in prefixes if path.startswith(prefix)))
    return best[1]


def print_missed(files, parts):
    for path, file in files.items():
        if parts and not any(part in path for part in parts):
            continue
        text = (ROOT / path).read_text().splitlines()
        for line in file.missed_lines:
            print(f"{path}:{line}: line: {text[line - 1].strip()}")
        for (line, column), (end_line, end), way in file.missed_branches:
            if file.lines.get(line) == 0:
                continue  # goes without saying
            stop = end if end_line == line else None
            condition = text[line - 1][column - 1:stop and stop - 1]
            print(f"{path}:{line}: never {str(way).lower()}: {condition}")


def main(arguments):
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--build", default=ROOT / "build/coverage",
                        type=pathlib.Path)
    parser.add_argument("--json", type=pathlib.Path)
    parser.add_argument("--missed", nargs="*", metavar="PATH")
    parser.add_argument("--measure-only", action="store_true",
                        help="of the last run: build and run nothing")
    options = parser.parse_args(arguments)
    profiles = options.build / "profiles"
    merged = options.build / "coverage.profdata"
    passed = True
    if not options.measure_only:
        shutil.rmtree(profiles, ignore_errors=True)
        if not build(options.build):
            return 1
        passed = run_tests(options.build, profiles)
        llvm_coverage.merge(profiles.glob("*.profraw"), merged)

    programs = [options.build / "bin" / name for name in (*TESTS, PROGRAM)]
    files = llvm_coverage.measure(programs, merged, ROOT,
                                  ["include/placid", "src"])
    if options.missed is not None:
        print_missed(files, options.missed)
    rows = [(path, llvm_coverage.Sum([file])) for path, file in files.items()]
    totals = [(name, llvm_coverage.Sum(
        file for path, file in files.items() if group_of(path) == name))
        for name in GROUPS]
    totals.append(("all", llvm_coverage.Sum(files.values())))
    print("\n".join(llvm_coverage.table(rows + totals)))
    if options.json:
        options.json.write_text(json.dumps(
            {"least": {"line_percent": LEAST_LINES,
                       "branch_percent": LEAST_BRANCHES},
             "total": {name: total.as_json() for name, total in totals},
             "files": {name: row.as_json() for name, row in rows}},
            indent=1) + "\n")
    enough = True
    for name, total in totals:
        if (total.line_percent < LEAST_LINES
                or total.branch_percent < LEAST_BRANCHES):
            enough = False
            print(f"TOO LITTLE: {name}: the goal is {LEAST_LINES} % of lines "
                  f"and {LEAST_BRANCHES} % of branches")
    if not passed:
        print("FAILED: a test")
    return 0 if passed and enough else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
