#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A fuzz campaign: hunts, minimises what it finds, and says what it reached.

    campaign.py [TARGET] [SECONDS] [--executions N] [--json FILE]
                [--commit-corpus]

Each target, or the one named, runs for SECONDS (60) under libFuzzer, and as
long again under AFL++ where afl-fuzz is installed. With --executions it then
goes on until it has made so many, with short inputs and without sanitizers:
many times as fast, and guard pages and the hostile machine see every access.
An input that fails ends its target's run and is made small. What was found is
merged with the corpus into the smallest one that reaches as much; --commit-
corpus writes that back to fuzz/corpus. Replaying it under clang's coverage
then tells how much of the headers that a target is for it reaches. Exit code
1: something failed.
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
import time

sys.dont_write_bytecode = True  # leaves nothing in the source tree
ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path.append(str(ROOT / "tests/coverage"))

import llvm_coverage  # noqa: E402: after the line above

MOST_BYTES = 4096  # of one input
MOST_BYTES_PLAIN = 128  # of one of very many, without sanitizers
INPUT_TIMEOUT_S = 10
MINIMIZE_S = 30
AFL_CLANG = "afl-clang-fast++"
QUIET = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}


class Target:
    """One program of fuzz/, and where its things lie."""

    def __init__(self, source, build):
        self.source = source
        self.name = source.stem
        text = source.read_text()
        # "// Type: ..." or "// Type, Another: ...": what comes after "and" is
        # in it, but not what it is for.
        about = re.search(r"^// ([\w:]+(?:, [\w:]+)*)(?: and \w+)?: ", text,
                          re.M)
        self.types = about[1].split(", ") if about else [self.name]
        # What it is for: the headers it names, and the code behind them.
        self.subjects = set()
        for header in re.findall(r'^#include "((?:placid|cli)/.*)\.h"', text,
                                 re.M):
            self.subjects |= {f"include/{header}.h", f"src/{header}.h",
                              f"src/{header.removeprefix('placid/')}.cc"}
        self.program = build / "bin" / self.name
        self.seeds = ROOT / "fuzz/corpus" / self.name
        self.found = build / "corpus" / self.name
        self.small = build / "minimised" / self.name
        self.crashes = build / "crashes" / self.name
        dictionary = ROOT / "fuzz/dictionaries" / f"{self.name}.dict"
        self.dictionary = dictionary if dictionary.exists() else None


class Report:
    """What a campaign had to say of a target."""

    def __init__(self, target):
        self.target = target
        self.executions = 0
        self.seconds = 0.0
        self.crashes = []
        self.notes = []
        self.corpus = 0
        self.reached = None  # an llvm_coverage.Sum

    def as_json(self):
        reached = self.reached.as_json() if self.reached else {}
        return {"target": self.target.name, "types": self.target.types,
                "fuzz_executions": self.executions,
                "crashes": len(self.crashes),
                "seconds": round(self.seconds, 1),
                "corpus": self.corpus,
                "line_percent": reached.get("line_percent"),
                "branch_percent": reached.get("branch_percent")}


def folders(*paths):
    """Those that there are."""
    return [path for path in paths if path.is_dir()]


def libfuzzer(target, program, bounds, report, most_bytes=MOST_BYTES):
    for folder in (target.found, target.crashes):
        folder.mkdir(parents=True, exist_ok=True)
    dictionary = [f"-dict={target.dictionary}"] if target.dictionary else []
    start = time.monotonic()
    before = set(target.crashes.iterdir())
    done = subprocess.run(
        [program, *bounds, "-verbosity=0",
         f"-max_len={most_bytes}", f"-timeout={INPUT_TIMEOUT_S}",
         "-print_final_stats=1", f"-artifact_prefix={target.crashes}/",
         *dictionary, target.found, *folders(target.seeds)],
        check=False, **QUIET)
    report.seconds += time.monotonic() - start
    said = done.stdout.decode(errors="replace")
    executed = re.search(r"number_of_executed_units: (\d+)", said)
    report.executions += int(executed[1]) if executed else 0
    if done.returncode:
        found = sorted(set(target.crashes.iterdir()) - before)
        report.crashes += found or [target.program]
        report.notes += re.findall(
            r"violated: .*|ERROR: \w+: .*|runtime error: .*", said)[:1] or [
                said[-500:]]


def minimise_crash(target, crash):
    """The path of a smaller input that fails, if there is one."""
    small = crash.with_name(f"small-{crash.name}")
    subprocess.run(
        [target.program, "-minimize_crash=1", f"-max_total_time={MINIMIZE_S}",
         f"-timeout={INPUT_TIMEOUT_S}", f"-exact_artifact_path={small}", crash],
        check=False, **QUIET)
    return small if small.exists() else crash


def merge(target, queues, report):
    """Leaves in target.small, and in target.found, what counts."""
    shutil.rmtree(target.small, ignore_errors=True)
    target.small.mkdir(parents=True)
    subprocess.run(
        [target.program, "-set_cover_merge=1", "-use_counters=0",
         f"-timeout={INPUT_TIMEOUT_S}", f"-max_len={MOST_BYTES}",
         target.small, *folders(target.seeds, target.found, *queues)],
        check=False, **QUIET)
    report.corpus = sum(1 for _ in target.small.iterdir())
    if report.corpus:
        shutil.rmtree(target.found)
        shutil.copytree(target.small, target.found)


# ---- Other builds ------------------------------------------------------------

def build_otherwise(build, targets, flags, **environment):
    """Whether the targets are there as the preset fuzz has them, but for the
    flags and for the compiler that CXX may name."""
    compiler = environment.pop("CXX", None)
    commands = (
        ["cmake", "--preset", "fuzz", "-B", build,
         f"-DCMAKE_CXX_FLAGS={flags}",
         "-DCMAKE_CXX_FLAGS_RELWITHDEBINFO=-O2 -gline-tables-only",
         *([f"-DCMAKE_CXX_COMPILER={compiler}"] if compiler else [])],
        ["cmake", "--build", build, "-j", str(os.cpu_count()), "--target",
         *(target.name for target in targets)])
    for command in commands:
        done = subprocess.run(command, cwd=ROOT, check=False, **QUIET,
                              env=os.environ | environment)
        if done.returncode:
            print(done.stdout.decode(errors="replace")[-2000:])
            return False
    return True


# ---- AFL++ -------------------------------------------------------------------

def has_afl():
    return bool(shutil.which("afl-fuzz") and shutil.which(AFL_CLANG))


def build_with_afl(build, targets):
    shutil.rmtree(build, ignore_errors=True)
    if build_otherwise(build, targets, "-fsanitize=address,undefined "
                       "-fno-sanitize-recover=all", CXX=AFL_CLANG,
                       AFL_QUIET="1"):
        return True
    print("AFL++ is installed but does not build the targets")
    return False


def afl(target, build, seconds, report):
    """The folder of what AFL++ kept."""
    out = build / "out" / target.name
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    dictionary = ["-x", target.dictionary] if target.dictionary else []
    environment = {"AFL_NO_UI": "1", "AFL_SKIP_CPUFREQ": "1",
                   "AFL_NO_AFFINITY": "1",
                   "AFL_I_DONT_CARE_ABOUT_MISSING_CRASHES": "1"}
    done = subprocess.run(
        ["afl-fuzz", "-V", str(seconds), "-i", target.small, "-o", out,
         "-G", str(MOST_BYTES), "-m", "none", *dictionary,
         "--", build / "bin" / target.name],
        check=False, env=os.environ | environment, **QUIET)
    stats = out / "default/fuzzer_stats"
    if not stats.exists():
        report.notes.append("afl-fuzz did not run: " + done.stdout.decode(
            errors="replace")[-300:])
        return out
    numbers = dict(re.findall(r"(\w+) *: (\d+)", stats.read_text()))
    report.executions += int(numbers["execs_done"])
    report.seconds += float(numbers["run_time"])
    report.crashes += sorted((out / "default/crashes").glob("id:*"))
    return out / "default/queue"


# ---- What is reached ---------------------------------------------------------

def measure(reports, build):
    """Fills in what each target's corpus reaches of its subjects; returns the
    files of include/placid that all of them together reach."""
    for command in (["cmake", "--preset", "coverage", "-B", build],
                    ["cmake", "--build", build, "-j", str(os.cpu_count()),
                     "--target", *(r.target.name for r in reports)]):
        done = subprocess.run(command, cwd=ROOT, check=False, **QUIET)
        if done.returncode:
            print(done.stdout.decode(errors="replace")[-2000:])
            print("NOT MEASURED: what is reached, see above")
            return {}
    merged, programs = [], []
    for report in reports:
        target = report.target
        program = build / "bin" / target.name
        raw = build / f"{target.name}.profraw"
        subprocess.run(
            [program, *folders(target.small)], check=False, **QUIET,
            env=os.environ | {"LLVM_PROFILE_FILE": str(raw),
                              "PLACID_RANDOM_INPUTS": "0"})
        profile = build / f"{target.name}.profdata"
        llvm_coverage.merge([raw], profile)
        files = llvm_coverage.measure([program], profile, ROOT,
                                      ["include/placid", "src"])
        report.reached = llvm_coverage.Sum(
            file for path, file in files.items() if path in target.subjects)
        merged.append(profile)
        programs.append(program)
    everything = build / "fuzz.profdata"
    llvm_coverage.merge(merged, everything)
    return llvm_coverage.measure(programs, everything, ROOT,
                                 ["include/placid"])


def run(target, options, plain_build, afl_build):
    report = Report(target)
    libfuzzer(target, target.program, [f"-max_total_time={options.seconds}"],
              report)
    missing = options.executions - report.executions
    if missing > 0 and not report.crashes:
        libfuzzer(target, plain_build / "bin" / target.name,
                  [f"-runs={missing}"], report, MOST_BYTES_PLAIN)
    report.crashes = [minimise_crash(target, crash) if crash.is_file() and
                      crash != target.program else crash
                      for crash in report.crashes]
    merge(target, [], report)
    if afl_build and not report.crashes and report.corpus:
        merge(target, [afl(target, afl_build, options.seconds, report)], report)
    print(f"  {target.name}: {report.executions} executions"
          + "".join(f"\n    FAILED: {note}" for note in report.notes)
          + "".join(f"\n    input: {path}" for path in report.crashes),
          flush=True)
    return report


def main(arguments):
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("target", nargs="?", metavar="TARGET",
                        help="one target; all if left out, or `all`")
    parser.add_argument("seconds", nargs="?", type=int, default=60,
                        metavar="SECONDS")
    parser.add_argument("--executions", type=int, metavar="N", default=0,
                        help="go on until each target has made so many")
    parser.add_argument("--json", type=pathlib.Path, metavar="FILE")
    parser.add_argument("--commit-corpus", action="store_true",
                        help="write the minimised corpus back to fuzz/corpus")
    parser.add_argument("--no-coverage", action="store_true")
    parser.add_argument("--no-afl", action="store_true",
                        help="libFuzzer alone, even if AFL++ is installed")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(),
                        help="targets that run at a time")
    parser.add_argument("--build", type=pathlib.Path,
                        default=ROOT / "build/fuzz")
    parser.add_argument("--coverage-build", type=pathlib.Path,
                        default=ROOT / "build/coverage")
    options = parser.parse_args(arguments)
    if options.target and options.target.isdigit():  # SECONDS alone
        options.target, options.seconds = None, int(options.target)
    targets = [Target(source, options.build)
               for source in sorted(ROOT.glob("fuzz/**/*_fuzz.cc"))]
    if options.target and options.target != "all":
        named = [t for t in targets if t.name == options.target]
        if not named:
            print(f"no target '{options.target}': there are "
                  + " ".join(target.name for target in targets))
            return 2
        targets = named
    missing = [str(t.program) for t in targets if not t.program.exists()]
    if missing:
        print("not built (cmake --preset fuzz):", *missing)
        return 2

    plain_build = options.build.with_name(options.build.name + "-plain")
    if options.executions and not build_otherwise(
            plain_build, targets, "-fsanitize=fuzzer-no-link"):
        return 2
    afl_build = None
    if options.no_afl or not has_afl():
        print("AFL++ is not used" if options.no_afl
              else "AFL++ is not installed: libFuzzer alone")
    else:
        folder = options.build.with_name(options.build.name + "-afl")
        afl_build = folder if build_with_afl(folder, targets) else None
    print(f"{len(targets)} targets, {options.seconds} s each", flush=True)
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        reports = list(pool.map(
            lambda target: run(target, options, plain_build, afl_build),
            targets))
    files = {}
    if not options.no_coverage:
        files = measure(reports, options.coverage_build)
    if options.commit_corpus:
        for target in targets:
            if any(target.small.iterdir()):
                shutil.rmtree(target.seeds, ignore_errors=True)
                shutil.copytree(target.small, target.seeds)

    print(f"{'target':22} {'executions':>11} {'per s':>8} {'crashes':>7} "
          f"{'corpus':>6} {'lines':>7} {'branches':>8}")
    for report in reports:
        reached = report.reached
        print(f"{report.target.name:22} {report.executions:11} "
              f"{report.executions / max(report.seconds, 1e-9):8.0f} "
              f"{len(report.crashes):7} {report.corpus:6} " +
              (f"{reached.line_percent:5.1f} % {reached.branch_percent:6.1f} %"
               if reached else "      ?        ?"))
    rows = [(path, llvm_coverage.Sum([file])) for path, file in files.items()
            if not path.startswith("include/placid/os/")]
    if rows:
        print("\nReached of the headers, by all of these together:")
        print("\n".join(llvm_coverage.table(rows)))
    if options.json:
        options.json.write_text(json.dumps(
            [report.as_json() for report in reports], indent=1) + "\n")
    return 1 if any(report.crashes for report in reports) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
