# SPDX-License-Identifier: Apache-2.0
"""Rules for every file: licence, names, paths, length, and no looking away.

The patterns below are written so that they do not match themselves.
"""
import re

from source_tree import CPP, rule

SPDX = "SPDX-License-Identifier: Apache-2.0"
LICENSED = (".h", ".cc", ".py", ".sh", ".cmake", ".in", ".md", ".yml", ".yaml")
LICENSED_NAMES = {"CMakeLists.txt", ".clang-format", ".clang-tidy",
                  ".gitignore", ".gitattributes", "Dockerfile"}
SOURCES = (".h", ".cc", ".py", ".sh", ".cmake")
MAX_LINES = 600


def _is_script(source):
    return source.text.startswith("#!")


@rule
def spdx_line(tree):
    """Each file says its licence in its first line (a script in its second),
    so that a file copied out of the tree still does."""
    for source in tree.sources:
        if (source.path.endswith(LICENSED) or source.name in LICENSED_NAMES
                or _is_script(source)):
            at = 1 if _is_script(source) else 0
            if SPDX not in "".join(source.lines[at:at + 1]):
                yield source, at + 1, f'put "{SPDX}" into this line'


@rule
def include_guard(tree):
    """A guard is the path in capitals, PLACID_<LAYER>_<FILE>_H_ for a public
    header and PLACID_SRC_... for an inner one: two headers with one guard would
    hide each other."""
    for source in tree.cpp():
        if not source.path.endswith(".h"):
            continue
        below = source.path.removeprefix("include/placid/")
        guard = "PLACID_" + re.sub(r"[/.-]", "_", below).upper() + "_"
        m = re.search(r"^#ifndef (\w+)\n#define (\w+)$", source.code, re.M)
        line = source.line_of(m.start()) if m else 1
        if not m or (m[1], m[2]) != (guard, guard):
            yield source, line, f"the include guard must be {guard}"
        elif source.lines[-1] not in (f"#endif  // {guard}",
                                      f"#endif /* {guard} */"):
            yield source, len(source.lines), f"end with #endif  // {guard}"


@rule
def test_name(tree):
    """A test's name is a claim that can be false, in at least two words: it is
    all that a report shows of it."""
    vague = re.compile(r"(?:Basic|Simple|Smoke|Sanity|Misc)\w*|\w*Works|"
                       r"Tests?\d*|[A-Z][a-z]*\d*")
    for source in tree.cpp():
        for line, m in source.find(
                r"(?m)^(?:TYPED_)?TEST(?:_[FP])?\(\s*\w+,\s*(\w+)\)"):
            if vague.fullmatch(m[1]):
                yield (source, line, f"{m[1]} is no claim: say what holds, as "
                       "PushIntoFullRingChangesNothing does")


@rule
def stress_seed(tree):
    """A stress test prints its seed, or what it found can not be found
    again."""
    for source in tree.cpp():
        if source.path.endswith("_stress.cc") and "seed" not in source.code:
            yield source, 1, "takes no seed: draw from one and print it"


@rule
def no_suppression(tree):
    """ThreadSanitizer's word is final: no suppression file, list or
    attribute."""
    silenced = re.compile(
        r"no_saniti[z]e|__tsan_default_suppression[s]|\bsuppression[s]="
        r"|disable_sanitizer_instrumentatio[n]")
    for source in tree.sources:
        if source.path.endswith(".supp") or "suppressions" in source.name:
            yield source, 1, "a list of suppressions: repair what it hides"
        for line, m in source.find(silenced, "text"):
            yield (source, line,
                   f"{m[0]} silences a sanitizer: repair what it hides")


@rule
def machine_path(tree):
    """A tracked file names no developer's directory and no package host: the
    tree must build on any machine from that machine's own sources."""
    private = re.compile(r"(?<![\w.$}/-])/(?:work|root|home/[\w.-]+)/"
                         r"|\b[A-Za-z]:\\Users\\")
    host = re.compile(
        r"\b(?:registry|mirrors?|artifactory|nexus|pypi|deb|archive|security"
        r"|snapshot|ftp|proxy)\.[a-z0-9-]+\.[a-z]{2,}\b"
        r"|https?://[\w.-]+:\d+")
    for source in tree.sources:
        for line, m in source.find(private, "text"):
            yield (source, line,
                   f"{m[0]} exists on one machine: derive the path")
        for line, m in source.find(host, "text"):
            yield (source, line,
                   f"{m[0]} is one host: use what the machine is set up with")


@rule
def owned_todo(tree):
    """A promise has an owner, or nobody keeps it."""
    for source in tree.sources:
        for line, m in source.find(
                r"\b(?:TOD[O]|FIXM[E]|XX[X])\b(?!\(\w)", "text"):
            yield (source, line, f"{m[0]} without an owner: write "
                   f"TOD{'O'}(name), or do it")


@rule
def file_length(tree):
    """A source that is too long to read at one sitting is two sources. Lines
    of comment and empty ones are free."""
    for source in tree.sources:
        if source.path.endswith(SOURCES):
            text = source.code if source.path.endswith(CPP) else source.text
            lines = sum(1 for line in text.splitlines() if line.strip())
            if lines > MAX_LINES:
                yield (source, len(source.lines), f"{lines} lines of code, "
                       f"more than {MAX_LINES}: divide it")
