#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Builds placid_crash by each compiler at each level, runs it, sums up.

    crash_matrix.py BUILD_DIRECTORY [--compiler C]... [--level -O0]...
                    [--json FILE] [--jobs N] [-- ARGUMENT OF placid_crash...]

What survives a death is a prefix of the compiled program's order, so each
compiler and level is a program of its own. The library's headers need nothing
but the compiler. Exit 1 on any unrecoverable image.
"""
import argparse
import concurrent.futures
import json
import os
import pathlib
import shutil
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
COMPILERS = ["g++", "clang++-19"]
LEVELS = ["-O0", "-O2", "-O3"]
FLAGS = ["-std=c++20", "-g1", "-Wall", "-Wextra", "-Wconversion", "-Wshadow",
         "-Werror", f"-I{ROOT}", f"-I{ROOT / 'include'}"]
SUMMED = ["operations", "kill_points", "accesses", "images", "checks",
          "recoveries", "unrecoverable", "sigkills", "system_calls", "seconds"]


def newest_source():
    folders = [HERE, ROOT / "tests/support", ROOT / "include"]
    return max(path.stat().st_mtime for folder in folders
               for path in folder.rglob("*") if path.suffix in (".h", ".cc"))


def build(folder, compiler, level):
    """The program, built anew if any source is newer. Only the plays are at
    `level`: what performs them is the same, fast, in all."""
    program = folder / f"placid_crash_{compiler}{level}"
    if program.exists() and program.stat().st_mtime > newest_source():
        return program
    if shutil.which(compiler) is None:
        sys.exit(f"crash_matrix: there is no {compiler} here, and without it "
                 f"nothing is known of what it compiles: install it (Debian: "
                 f"{'clang-19' if 'clang' in compiler else compiler})")
    launcher = [shutil.which("ccache")] if shutil.which("ccache") else []
    objects = folder / f"{compiler}{level}"
    objects.mkdir(parents=True, exist_ok=True)
    made = []
    for source in sorted(HERE.glob("*.cc")):
        if source.stem.endswith("_test"):
            continue
        own = level if source.stem.endswith("_crash") else "-O2"
        made.append(objects / (source.stem + ".o"))
        subprocess.run([*launcher, compiler, *FLAGS, own,
                        f'-DPLACID_CRASH_LEVEL="{level}"', "-c", source, "-o",
                        made[-1]], check=True)
    # Static: no lazy binding in the midst of an operation, and cheap forks.
    partial = program.with_suffix(".new")
    subprocess.run([compiler, "-static", *made, "-o", partial], check=True)
    partial.rename(program)
    return program


def run(job):
    folder, compiler, level, slot, arguments = job
    try:
        program = build(folder, compiler, level)
    except subprocess.CalledProcessError as error:
        return None, f"{compiler} {level} does not compile: {error}"
    report = program.with_suffix(program.suffix + ".json")
    report.unlink(missing_ok=True)
    pin = [] if slot is None else ["--cpu", str(slot)]
    done = subprocess.run([program, "--json", report, *pin, *arguments],
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, check=False)
    if not report.exists():
        return None, f"{done.stdout}exit {done.returncode}, without a report\n"
    return json.loads(report.read_text()), done.stdout


def total(reports):
    """One row for each type, over all programs."""
    types = {}
    for report in reports:
        for row in report["types"]:
            into = types.setdefault(
                row["type"], {"type": row["type"], **dict.fromkeys(SUMMED, 0)})
            for key in SUMMED:
                into[key] += row[key]
    for row in types.values():
        row["seconds"] = round(row["seconds"], 2)
    return list(types.values())


def main():
    words = sys.argv[1:]
    arguments = []
    if "--" in words:
        at = words.index("--")
        words, arguments = words[:at], words[at + 1:]
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--compiler", action="append")
    parser.add_argument("--level", action="append")
    parser.add_argument("--json", type=pathlib.Path)
    parser.add_argument("--jobs", type=int, default=len(os.sched_getaffinity(0)))
    # "--level -O0" would be taken for two options.
    words = [f"--level={b}" if a == "--level" else b
             for a, b in zip([""] + words, words) if b != "--level"]
    options = parser.parse_args(words)
    options.folder.mkdir(parents=True, exist_ok=True)
    programs = [(compiler, level) for compiler in options.compiler or COMPILERS
                for level in options.level or LEVELS]
    # One lane for each processor, each with its share of the programs: forks
    # are several times cheaper where parent and child share a processor.
    processors = sorted(os.sched_getaffinity(0))
    jobs = min(options.jobs, len(programs), len(processors))
    lanes = [[(options.folder, compiler, level,
               processors[lane] if jobs > 1 else None, arguments)
              for compiler, level in programs[lane::jobs]]
             for lane in range(jobs)]
    begin = time.monotonic()
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        results = list(pool.map(lambda lane: [run(job) for job in lane], lanes))
    results = [result for lane in results for result in lane]
    for _, output in results:
        print(output)
    reports = [report for report, _ in results if report is not None]
    types = total(reports)
    for row in types:
        print(f"{row['type']:14} {row['kill_points']:9} kill points "
              f"{row['images']:8} images {row['sigkills']:7} SIGKILLs "
              f"{row['unrecoverable']:4} unrecoverable")
    print(f"{len(reports)} of {len(programs)} programs, "
          f"{time.monotonic() - begin:.0f} s")
    if options.json:
        options.json.write_text(json.dumps(
            {"types": types, "programs": reports}, indent=1) + "\n")
    bad = sum(row["unrecoverable"] for row in types)
    return 1 if bad or len(reports) < len(programs) else 0


if __name__ == "__main__":
    sys.exit(main())
