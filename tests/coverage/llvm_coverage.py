# SPDX-License-Identifier: Apache-2.0
"""Which lines and branches programs have reached, by what llvm-cov exports.

The programs are compiled with -fprofile-instr-generate -fcoverage-mapping. All
instantiations of a template count as one text: a line is reached if any of them
reached it, and so is each way out of a condition. (llvm-cov's own summary takes
the best instantiation alone.)
"""
import bisect
import collections
import json
import pathlib
import subprocess

VERSION = "19"


def merge(profiles, merged):
    """Merges the raw profiles of any number of runs into one file."""
    subprocess.run(
        [f"llvm-profdata-{VERSION}", "merge", *profiles,
         "-o", merged], check=True)


class File:
    """What was reached of one source file."""

    def __init__(self):
        self.lines = {}  # line: how often
        self.branches = collections.Counter()  # (begin, end, way): how often

    @property
    def missed_lines(self):
        return sorted(line for line, count in self.lines.items() if count == 0)

    @property
    def missed_branches(self):
        return sorted(at for at, count in self.branches.items() if count == 0)


class Sum:
    """Lines and branches of some files together."""

    def __init__(self, files):
        files = list(files)
        self.lines = sum(len(file.lines) for file in files)
        self.branches = sum(len(file.branches) for file in files)
        self.missed_lines = sum(len(file.missed_lines) for file in files)
        self.missed_branches = sum(len(file.missed_branches) for file in files)

    @property
    def line_percent(self):
        return _percent(self.missed_lines, self.lines)

    @property
    def branch_percent(self):
        return _percent(self.missed_branches, self.branches)

    def as_json(self):
        return {"lines": self.lines,
                "lines_reached": self.lines - self.missed_lines,
                "line_percent": round(self.line_percent, 2),
                "branches": self.branches,
                "branches_reached": self.branches - self.missed_branches,
                "branch_percent": round(self.branch_percent, 2)}


def _percent(missed, of):
    return 100.0 * (of - missed) / of if of else 100.0


def measure(programs, profile, root, folders):
    """{path below root: File} of all that lies in `folders` (below root)."""
    first, *others = programs
    exported = subprocess.run(
        [f"llvm-cov-{VERSION}", "export", "-format=text", "-skip-expansions",
         f"-instr-profile={profile}", first,
         *(f"-object={other}" for other in others)],
        check=True, stdout=subprocess.PIPE,
        # It counts as a mismatch each inline function of which one program has
        # no more than the text.
        stderr=subprocess.DEVNULL).stdout
    root = pathlib.Path(root).resolve()
    prefixes = tuple(f"{root / folder}/" for folder in folders)
    (data,) = json.loads(exported)["data"]
    files, segments = {}, {}
    for entry in data["files"]:
        path = entry["filename"]
        if path.startswith(prefixes):
            files[path] = File()
            files[path].lines = _lines(entry["segments"])
            segments[path] = entry["segments"]
    for function in data["functions"]:
        for branch in function["branches"]:
            path = function["filenames"][branch[6]]
            if path in files:
                begin, end = tuple(branch[0:2]), tuple(branch[2:4])
                files[path].branches[begin, end, True] += branch[4]
                files[path].branches[begin, end, False] += branch[5]
    for path, file in files.items():
        _forget_constants(file, segments[path])
    return {path.removeprefix(f"{root}/"): file
            for path, file in sorted(files.items()) if file.lines}


def _lines(segments):
    """{line: how often}, by the rules of llvm-cov. A segment is [line, column,
    count, has a count, begins a region, is a gap]."""
    by_line = collections.defaultdict(list)
    for segment in segments:
        by_line[segment[0]].append(segment)
    lines, before = {}, None
    for line in range(min(by_line, default=0), max(by_line, default=-1) + 1):
        here = by_line.get(line, [])
        begun = [s for s in here if s[3] and s[4] and not s[5]]
        is_skipped = bool(here) and not here[0][3] and here[0][4]
        if not is_skipped and (begun or (before and before[3])):
            counts = [s[2] for s in begun]
            if before:
                counts.append(before[2])
            lines[line] = max(counts)
        before = here[-1] if here else before
    return lines


def _forget_constants(file, segments):
    """Drops conditions that the compiler decides: neither way was ever counted,
    though the code that asks was reached."""
    places = [tuple(segment[0:2]) for segment in segments]
    for begin, end, way in list(file.branches):
        if not way:
            continue
        both = (begin, end, True), (begin, end, False)
        at = bisect.bisect_right(places, begin) - 1
        if at >= 0 and segments[at][2] > 0 and not any(
                file.branches[one] for one in both):
            for one in both:
                del file.branches[one]


def table(rows):
    """Lines of a table of (name, Sum)."""
    width = max(len(name) for name, _ in rows)
    yield f"{'':{width}}   lines          branches"
    for name, total in rows:
        yield (f"{name:{width}} {total.line_percent:6.2f} % of {total.lines:5}"
               f" {total.branch_percent:6.2f} % of {total.branches:5}")
