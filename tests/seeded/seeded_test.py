#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Shows that the suites catch what they are for: each patch beside this script is
a bug in a copy of include/, and the suite that its head names must fail for it.
Before that the same suite must pass without it.

    seeded_test.py ROOT [--only NAME]... [--json FILE] [--jobs N]

NAME is a folder, a patch or a suite. A suite is one source and what it needs:

    <x>_model     tests/model/<x>_model.cc, every schedule and stale value
    <x>_test      tests/{os,primitives,wait}/<x>_test.cc, what one thread can
                  show
    <x>_history   tests/linearizability/<x>_history_stress.cc, two threads
    <x>_fuzz      fuzz/<x>_fuzz.cc, from no corpus; needs clang++
    <x>_crash     tests/crash/<x>_crash.cc, a kill at every instruction; needs
                  Linux on x86-64

FILE gets [{"bug", "type", "suite", "caught", "seconds", "said"}]. A patch that
does not apply or not compile is a failure too: repair it, or take it away with
the code it broke. CXX and CLANGXX name the compilers.
"""
import argparse
import concurrent.futures
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time

sys.dont_write_bytecode = True

CXX = os.environ.get("CXX", "g++")
CLANGXX = os.environ.get("CLANGXX") or shutil.which(
    "clang++-19") or shutil.which("clang++")
FLAGS = ["-std=c++20", "-O1"]
MODEL = ["-DPLACID_MACHINE_HEADER=\"tests/model/machine.h\""]
FUZZ = ["-fsanitize=fuzzer", "-fno-sanitize-recover=all"]
LIMIT_S = 400  # for one run; one that takes longer is no verdict
HISTORIES = "60000"
FUZZ_S = "60"  # with a bug
PASSING_FUZZ_S = "5"  # without
# What says most about a failure, from the output of any suite; the first that
# is there.
SAID = [re.compile(pattern) for pattern in (
    r"verdict +.*", r"violated: .*", r"not so: .*", r"history \d+ has no order.*", r"ERROR: .*",
    r"Failure\n(?:Value of: report.has_failed\n.*\nExpected: .*\n)?.*",
    r"FAILED  \] .*")]
# Of the layer os, what those need that sleep.
WAITING = ["linux/futex.cc", "linux/bell.cc", "linux/peer_fence.cc",
           "posix/bell.cc", "posix/operation.cc"]
# What most sources include: compiled once for each kind of suite.
HEADERS = {
    "test": "#include <gtest/gtest.h>\n",
    "history": "#include <gtest/gtest.h>\n#include <random>\n#include <thread>\n",
    "model": "#include <algorithm>\n#include <functional>\n#include <memory>\n"
             "#include <string>\n#include <vector>\n",
}


class Broken(Exception):
    """What is wrong with a patch, or with the tree without one."""


class Bug:
    def __init__(self, path, folder):
        self.path = path
        self.type = folder
        self.name = f"{folder}/{path.stem}"
        head = path.read_text().split("\n--- ", 1)[0]
        suites = re.findall(r"^# caught by: (\w+)$", head, re.M)
        if len(suites) != 1 or not re.search(r"^# breaks: \S", head, re.M):
            raise Broken(f"{self.name}: the head must say `# breaks: what` "
                         "and `# caught by: suite`")
        self.suite = suites[0]


def run(command, **more):
    return subprocess.run(command, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, errors="replace",
                          check=False, **more)


class Builder:
    """Compiles suites against any copy of include/. What does not see the types
    is compiled once."""

    def __init__(self, root, folder):
        self.root = root
        self.folder = folder
        self.shared = {}
        self.lock = threading.Lock()

    def compile(self, source, include, flags, to, compiler=CXX):
        done = run([compiler, *FLAGS, *flags, f"-I{include}", f"-I{self.root}",
                    "-c", source, "-o", to])
        if done.returncode:
            raise Broken(f"{source.name} does not compile:\n{done.stdout}")
        return to

    def once(self, kind):
        """The objects that suites of a kind share."""
        with self.lock:
            if kind in self.shared:
                return self.shared[kind]
            tests = self.root / "tests"
            include = self.root / "include"
            flags = []
            if kind == "model":
                flags = MODEL
                sources = [path for path in (tests / "model").glob("*.cc")
                           if not path.stem.endswith("_model")
                           and not path.stem.endswith("_test")]
                sources.append(tests / "model" / "models_test.cc")
            elif kind == "history":
                sources = [tests / "linearizability" / "main.cc",
                           tests / "linearizability" / "linux" / "pin.cc"]
            elif kind == "crash":
                sources = [path for path in (tests / "crash").glob("*.cc")
                           if not path.stem.endswith(("_crash", "_test"))]
            else:
                sources = [tests / "support" / "guarded_bytes.cc"]
            if kind == "test":
                flags = [f"-I{self.root / 'src'}"]
                sources += [self.root / "src/os" / name for name in WAITING]
            objects = [self.folder / f"{kind}-{source.parent.stem}-"
                       f"{source.stem}.o" for source in sources]
            with concurrent.futures.ThreadPoolExecutor(2) as pool:
                list(pool.map(
                    lambda pair: self.compile(pair[0], include, flags, pair[1]),
                    zip(sources, objects)))
            if kind in HEADERS:
                header = self.folder / f"{kind}.h"
                header.write_text(HEADERS[kind])
                self.compile(header, include, [*flags, "-x", "c++-header"],
                             self.folder / f"{kind}.h.gch")
            self.shared[kind] = objects
            return objects

    def build(self, suite, include, to):
        """The command that runs `suite` against `include`, but for a time."""
        kind = suite.rsplit("_", 1)[1]
        path = {"model": f"tests/model/{suite}.cc",
                "test": next((f"tests/{layer}/{suite}.cc"
                              for layer in ("primitives", "wait", "os")
                              if (self.root / "tests" / layer
                                  / f"{suite}.cc").exists()), None),
                "history": f"tests/linearizability/{suite}_stress.cc",
                "crash": f"tests/crash/{suite}.cc",
                "fuzz": f"fuzz/{suite}.cc"}.get(kind)
        if path is None or not (self.root / path).exists():
            raise Broken(f"there is no suite {suite}")
        flags = {"model": MODEL, "fuzz": FUZZ}.get(kind, [])
        if kind in HEADERS:
            flags = [*flags, "-include", self.folder / f"{kind}.h"]
        compiler = CLANGXX if kind == "fuzz" else CXX
        if compiler is None:
            raise Broken("fuzzing needs clang++: install it, or set CLANGXX")
        objects = self.once(kind)
        source = self.compile(self.root / path, include, flags,
                              to.with_suffix(".o"), compiler)
        libraries = {"fuzz": FUZZ, "crash": ["-static"],
                     "history": ["-lgtest"]}.get(kind, ["-lgtest_main", "-lgtest"])
        done = run([compiler, source, *objects, *libraries, "-pthread", "-o",
                    to])
        if done.returncode:
            raise Broken(f"{suite} does not link:\n{done.stdout}")
        if kind == "fuzz":
            return [to, "-max_len=512", "-timeout=5", "-verbosity=0",
                    f"-artifact_prefix={self.folder}/"]
        if kind == "crash":
            return [to, "--soak", "0"]
        if kind == "history":
            return [to, "--gtest_fail_fast", "--histories", HISTORIES]
        return [to, "--gtest_fail_fast"]


def fails(command, folder):
    """Whether a suite fails, what it says in short, and all that it says."""
    try:
        done = run(command, timeout=LIMIT_S, cwd=folder)
    except subprocess.TimeoutExpired:
        # A slow machine must not make a suite look watchful.
        raise Broken(f"no verdict in {LIMIT_S} s: not caught") from None
    if done.returncode == 0:
        return False, "", done.stdout
    for pattern in SAID:
        if said := pattern.search(done.stdout):
            return True, " ".join(said[0].split()), done.stdout
    return True, f"exit code {done.returncode}", done.stdout


def timed(suite, command, seconds):
    return [*command, f"-max_total_time={seconds}"] if suite.endswith(
        "_fuzz") else command


def check_suite(builder, suite):
    command = builder.build(suite, builder.root / "include",
                            builder.folder / f"plain-{suite}")
    failed, said, text = fails(timed(suite, command, PASSING_FUZZ_S),
                               builder.folder)
    if failed:
        # It may be rare: its seed and its history are all there is of it.
        raise Broken(f"{suite} fails without any bug: {said}\n{text}")


def plant(builder, bug):
    """A copy of include/ with the bug."""
    copy = builder.folder / "bugs" / bug.name
    include = copy / "include"
    shutil.copytree(builder.root / "include", include)
    done = run(["patch", "-p1", "--batch", "--no-backup-if-mismatch", "-d",
                copy, "-i", bug.path])
    if done.returncode or list(include.rglob("*.rej")):
        raise Broken(f"the patch does not apply any more:\n{done.stdout}")
    return include


def check_bug(builder, bug):
    """How long it took, and what the suite said; None where it passed."""
    start = time.monotonic()
    include = plant(builder, bug)
    try:
        command = builder.build(bug.suite, include, include.parent / "suite")
        failed, said, _ = fails(timed(bug.suite, command, FUZZ_S),
                                builder.folder)
    finally:
        shutil.rmtree(include.parent)
    return time.monotonic() - start, said if failed else None


def main():
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("root")
    parser.add_argument("--only", action="append", default=[])
    parser.add_argument("--json")
    parser.add_argument("--jobs", type=int, default=2)
    options = parser.parse_args()
    root = pathlib.Path(options.root).resolve()
    here = root / "tests" / "seeded"
    bugs = [Bug(path, path.parent.name) for path in sorted(here.glob("*/*.patch"))]
    if options.only:
        bugs = [bug for bug in bugs for name in options.only
                if name in (bug.name, bug.type, bug.path.stem, bug.suite)]
    results = []
    faults = 0

    with tempfile.TemporaryDirectory() as folder, \
            concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        builder = Builder(root, pathlib.Path(folder))
        suites = sorted({bug.suite for bug in bugs})
        jobs = {pool.submit(check_suite, builder, suite): suite
                for suite in suites}
        for job in concurrent.futures.as_completed(jobs):
            try:
                job.result()
            except Broken as broken:
                faults += 1
                print(f"BROKEN  {jobs[job]}: {broken}", flush=True)
        jobs = {pool.submit(check_bug, builder, bug): bug for bug in bugs}
        for job in concurrent.futures.as_completed(jobs):
            bug = jobs[job]
            seconds, said = 0.0, None
            try:
                seconds, said = job.result()
                verdict = "caught" if said is not None else "MISSED"
            except Broken as broken:
                verdict, said = "BROKEN", None
                print(broken)
            faults += verdict != "caught"
            results.append({"bug": bug.name, "type": bug.type,
                            "suite": bug.suite, "caught": verdict == "caught",
                            "seconds": round(seconds, 1), "said": said or ""})
            print(f"{verdict} {seconds:5.1f} s  {bug.name} by {bug.suite}: "
                  f"{(said or '')[:100]}", flush=True)
    if options.json:
        results.sort(key=lambda result: result["bug"])
        pathlib.Path(options.json).write_text(json.dumps(results, indent=2) + "\n")
    caught = sum(result["caught"] for result in results)
    print(f"seeded: {caught} of {len(bugs)} bugs caught by {len(suites)} suites")
    return 1 if faults or not bugs else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except Broken as error:
        sys.exit(f"seeded: {error}")
