#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Shows that the page docs/adding_a_type.md leads to suites that work: ToyRing,
written after it, passes all of them, and with a fault each fails the suite that
is for it.

    toy_test.py ROOT CXX CHECKER [SUITE...]

CHECKER is the library of the model checker, as CXX compiled it. What the page
quotes must also stand in tests/toy, word for word.
"""
import concurrent.futures
import os
import pathlib
import re
import subprocess
import sys
import tempfile
from typing import NamedTuple

FLAGS = ["-std=c++20", "-O1", "-g", "-Wall", "-Wextra", "-Wconversion",
         "-Wshadow", "-Werror"]
TIMEOUT_S = 120


class Suite(NamedTuple):
    sources: list
    flags: list = []
    links_checker: bool = False
    environment: dict = {}


class Case(NamedTuple):
    suite: str
    fault: str
    says: str  # among what the program says, where it fails


SUITES = {
    "model": Suite(["tests/toy/toy_ring_model.cc"],
                   ['-DPLACID_MACHINE_HEADER="tests/model/machine.h"'],
                   links_checker=True),
    "fuzz": Suite(["tests/toy/toy_ring_fuzz.cc", "fuzz/replay_main.cc",
                   "tests/support/guarded_bytes.cc"],
                  environment={"PLACID_RANDOM_INPUTS": "20000"}),
    # Its own framework, but none of its plays.
    "crash": Suite(["tests/toy/toy_ring_crash.cc", "tests/crash/*.cc"]),
}

CASES = [
    Case("model", "kRelaxedPublish", "data race: a plain read"),
    Case("model", "kEarlyRetire", "data race: a plain write"),
    Case("fuzz", "kUnmaskedIndex", "accesses only what is shared"),
    Case("crash", "kEarlyRetire", "was committed and not delivered"),
]


def compiled(root, cxx, folder, suite, source, fault):
    """The object of one source. Only the toy's own know of faults."""
    what = SUITES[suite]
    made = folder / f"{suite}-{fault}-{source.stem}.o"
    if not made.exists():
        subprocess.run(
            [cxx, *FLAGS, f"-I{root}/include", f"-I{root}",
             f"-DTOY_FAULT={fault}", *what.flags, "-c", source, "-o", made],
            check=True)
    return made


def build(root, cxx, checker, folder, suite, fault):
    """The path of the suite's program, with a fault or kNone."""
    objects = []
    for pattern in SUITES[suite].sources:
        for source in sorted(root.glob(pattern)):
            is_toy = source.parent.name == "toy"
            # The suite's framework, not the plays and tests of other types.
            if is_toy or not source.stem.endswith(("_crash", "_test")):
                objects.append(compiled(root, cxx, folder, suite, source,
                                        fault if is_toy else "kNone"))
    program = folder / f"{suite}-{fault}"
    subprocess.run(
        [cxx, *objects, *([checker] if SUITES[suite].links_checker else []),
         "-o", program], check=True)
    return program


def run(suite, program):
    """Whether it passed, and all that it said."""
    done = subprocess.run(
        [program], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        env=os.environ | SUITES[suite].environment, timeout=TIMEOUT_S,
        check=False)
    return done.returncode == 0, done.stdout.decode(errors="replace")


def misquoted(root):
    """The first lines of those quotes in the page that stand nowhere."""
    files = [path.read_text() for path in (root / "tests/toy").iterdir()
             if path.suffix in (".h", ".cc")]
    page = (root / "docs/adding_a_type.md").read_text()
    quotes = re.findall(r"^```cpp\n(.*?)^```$", page, re.M | re.S)
    return [quote.splitlines()[0] for quote in quotes
            if not any(quote in text for text in files)] or (
                [] if quotes else ["no quote at all"])


def main(root, cxx, checker, *names):
    root = pathlib.Path(root).resolve()
    wanted = names or tuple(SUITES)
    cases = [Case(suite, "kNone", "") for suite in SUITES]
    cases = [case for case in cases + CASES if case.suite in wanted]
    failures = 0
    for quote in misquoted(root):
        failures += 1
        print(f"docs/adding_a_type.md quotes what is not there: {quote}")
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        # The cases of a suite share objects, so one after the other.
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            programs = dict(pair for pairs in pool.map(
                lambda suite: [
                    (case, build(root, cxx, checker, folder, *case[:2]))
                    for case in cases if case.suite == suite], wanted)
                for pair in pairs)
        for case in cases:
            passed, said = run(case.suite, programs[case])
            if case.fault == "kNone":
                is_good, verdict = passed, "passes" if passed else "FAILS"
            else:
                is_good = not passed and case.says in said
                verdict = ("is caught" if is_good else
                           "is NOT caught" if passed else
                           f"fails otherwise than by '{case.says}'")
            failures += not is_good
            print(f"{case.suite:8} {case.fault:18} {verdict}", flush=True)
            if not is_good:
                print(said[-3000:])
    return 1 if failures or not cases else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
