# SPDX-License-Identifier: Apache-2.0
"""The tree as the rules see it: files, their code without comments, faults.

A rule is a generator over the tree that yields (source, line, what is wrong
and what to do). Its name in reports is its own, its docstring the reason.
"""
import bisect
import functools
import pathlib
import posixpath
import re
from typing import NamedTuple

CPP = (".h", ".cc")
# Where tools and builds put what is not ours.
SKIPPED = {".git", ".cache", ".vscode", ".idea", "__pycache__",
           "compile_commands.json", "CMakeUserPresets.json"}
# Fuzz corpora and images of old layouts are data, as they fell.
DATA = ("fuzz/corpus/", "tests/golden/images/")

RULES = []


def rule(check):
    """Registers a rule under its function's name."""
    RULES.append(check)
    return check


class Fault(NamedTuple):
    path: str
    line: int
    rule: str
    text: str

    def __str__(self):
        return f"{self.path}:{self.line}: {self.rule}: {self.text}"


class Comment(NamedTuple):
    line: int  # of its first character
    text: str  # without the slashes and what surrounds them
    alone: bool  # nothing but blanks stands before it


class Scope(NamedTuple):
    first: int  # the lines of its braces
    last: int
    is_class: bool  # or a namespace; else a function or an initialiser
    name: str


DIRECTIVE = re.compile(r"^[ \t]*#[ \t]*(\w+)(?:\\\n|[^\n])*", re.MULTILINE)
_TOKEN = re.compile(
    r"""(?P<comment>//[^\n]*|/\*.*?\*/)
      | R"(?P<fence>\w*)\(.*?\)(?P=fence)"
      | "(?:\\.|[^"\\\n])*"
      | (?<![\w'])'(?:\\.|[^'\\\n])+'""",
    re.DOTALL | re.VERBOSE)


class Source:
    """A text file and, if it is C++, its code and its comments apart."""

    def __init__(self, path, text):
        self.path = path  # below the root, with slashes
        self.text = text
        self.lines = text.splitlines()
        self._found = {}
        self._starts = [0] + [m.end() for m in re.finditer("\n", text)]

    def line_of(self, offset):
        return bisect.bisect_right(self._starts, offset)

    def find(self, pattern, where="code"):
        """[(line, match)] of a pattern in the code, or in the whole text."""
        key = (pattern, where)
        if key not in self._found:
            self._found[key] = [
                (self.line_of(m.start()), m)
                for m in re.finditer(pattern, getattr(self, where))]
        return self._found[key]

    @property
    def name(self):
        return self.path.rsplit("/", 1)[-1]

    @property
    def is_public(self):
        return self.path.startswith("include/placid/")

    @property
    def layer(self):
        """The layer that this product file belongs to, else None."""
        parts = self.path.removeprefix("include/placid/").split("/")
        if not self.is_public:
            parts = parts[1:] if parts[0] == "src" else []
        return parts[0] if len(parts) > 1 else None

    @functools.cached_property
    def code(self):
        """The text with comments and literals blanked: offsets stay right."""
        def blank(token):
            inside = re.sub(r"[^\n]", " ", token[0])
            return inside if token["comment"] else '"' + inside[1:-1] + '"'
        return _TOKEN.sub(blank, self.text)

    @functools.cached_property
    def comments(self):
        found = []
        for token in _TOKEN.finditer(self.text):
            if token["comment"]:
                line = self.line_of(token.start())
                before = self.text[self._starts[line - 1]:token.start()]
                text = token[0].strip("/*").strip()
                found.append(Comment(line, text, not before.strip()))
        return found

    @functools.cached_property
    def scopes(self):
        """Every pair of braces as a Scope, inner ones first."""
        found, opened, since = [], [], 0
        for line, m in self.find(rf"(?m)(?:{DIRECTIVE.pattern})|[{{}};]"):
            if m[0] == "{":
                opened.append((line, self.code[since:m.start()]))
            elif m[0] == "}" and opened:
                first, head = opened.pop()
                found.append(_scope(first, line, head))
            since = m.end()
        return found

    @functools.cached_property
    def names(self):
        """Every identifier of the code."""
        return set(re.findall(r"[A-Za-z_]\w*", self.code))

    @functools.cached_property
    def includes(self):
        """(line, header) of each #include."""
        return [(line, m[1]) for line, m in self.find(
            r'(?m)^[ \t]*#[ \t]*include[ \t]*[<"]([^>"\n]+)[>"]', "text")]


_source = functools.cache(Source)  # equal texts are taken apart once


def _scope(first, last, head):
    """The Scope of the braces after `head`."""
    while re.search(r"<[^<>]*>", head):  # a template's "class T" opens nothing
        head = re.sub(r"<[^<>]*>", "", head)
    is_class = bool(
        re.search(r"\b(?:namespace|class|struct|union|enum)\b",
                  head.split("(")[0])
        or re.search(r'\bextern\s*"[^"]*"\s*$', head))
    name = re.search(r"\b(?:class|struct)\s+(?:\w+\([^)]*\)\s*)?(\w+)"
                     if is_class else r"(\w+)\s*\(", head)
    return Scope(first, last, is_class, name[1] if name else "")


class Tree:
    """All text files below a root, in the order of their paths."""

    def __init__(self, root):
        self.root = pathlib.Path(root)
        self.sources = sorted(self._read(self.root), key=lambda s: s.path)
        self.by_path = {s.path: s for s in self.sources}
        self._included = {}

    def _read(self, folder):
        for path in folder.iterdir():
            build = folder == self.root and path.name.startswith("build")
            if build or path.name in SKIPPED:
                continue
            if path.is_dir() and not path.is_symlink():
                yield from self._read(path)
            elif path.is_file() and not path.is_symlink():
                below = path.relative_to(self.root).as_posix()
                if below.startswith(DATA):
                    continue
                try:
                    yield _source(below, path.read_text(encoding="utf-8"))
                except UnicodeDecodeError:
                    pass  # no text, no rule

    def cpp(self):
        return [s for s in self.sources if s.path.endswith(CPP)]

    def product(self):
        """What users run: include/ and src/, but not the tests."""
        return [s for s in self.cpp()
                if s.path.startswith(("include/", "src/"))]

    def headers(self):
        return [s for s in self.product() if s.path.endswith(".h")]

    def resolve(self, source, header):
        """The file of ours that `source` gets by #include "header", or None."""
        if "." not in header:
            return None  # a standard header
        for folder in ("include", "src", posixpath.dirname(source.path)):
            path = posixpath.normpath(posixpath.join(folder, header))
            found = self.by_path.get(path)
            if found:
                return found
        return None

    def includes_of(self, source):
        """All files of ours that `source` includes, directly or not."""
        if source.path not in self._included:
            seen, todo = {source.path: source}, [source]
            while todo:
                at = todo.pop()
                for _, header in at.includes:
                    found = self.resolve(at, header)
                    if found and found.path not in seen:
                        seen[found.path] = found
                        todo.append(found)
            del seen[source.path]
            self._included[source.path] = list(seen.values())
        return self._included[source.path]


def check(root):
    """Every fault of the tree below `root`, in the order of paths and lines."""
    tree = Tree(root)
    faults = []
    for one in RULES:
        name = one.__name__.replace("_", "-")
        for source, line, text in one(tree):
            faults.append(Fault(source.path, line, name, text))
    return sorted(set(faults))
