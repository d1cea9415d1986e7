# SPDX-License-Identifier: Apache-2.0
"""The contract of a mapped type: its header's top comment, against its code.

A mapped type is a header above base, public or inner, with a `Layout` section,
a struct Memory, a kLayoutVersion or a kGuarantees. Its sections stand in the
order of SECTIONS, each at a line's start: `// Layout     version 0, ...`.
"""
import functools
import re
from typing import NamedTuple

from source_tree import rule

SECTIONS = ("Layout", "Invariant", "Threads", "Progress", "Crash", "Trust",
            "Readers", "Orders")
# From strongest to weakest, as in base/guarantees.h.
WORDS = {
    "Progress": ("wait-free", "lock-free", "obstruction-free", "blocking"),
    "Crash": ("clean", "recoverable", "fatal"),
    "Trust": ("trusting", "guarded"),
    "Readers": ("store-free", "storing"),
}


class Section(NamedTuple):
    line: int
    rows: list  # (line, text) of what follows the name


class Row(NamedTuple):
    line: int
    offset: int
    size: str
    field: str


@functools.cache
def sections_of(source):
    """{name: Section} of a header's top comment; the first of each name."""
    found, rows = {}, None
    for line, text in enumerate(source.lines, 1):
        if not text.startswith("//"):
            break
        m = re.match(r"// ([A-Z]\w+)(?:\s{2,}(.*)|)$", text)
        if m and m[1] in SECTIONS:
            rows = [(line, m[2] or "")]
            found.setdefault(m[1], Section(line, rows))
        elif re.match(r"// \S", text):
            rows = None  # prose after a section
        elif rows is not None:
            rows.append((line, text[2:]))
    return found


@functools.cache
def is_mapped(source):
    return source.layer != "base" and bool(
        "Layout" in sections_of(source)
        or re.search(r"\bstruct\s+Memory\s*\{", source.code)
        or re.search(r"\bconstexpr\b[^;(]*\bk(?:LayoutVersion|Guarantees)\b",
                     source.code))


def mapped(tree):
    return [header for header in tree.headers() if is_mapped(header)]


def text_of(section):
    return " ".join(text.strip() for _, text in section.rows)


@rule
def contract_sections(tree):
    """Every mapped type says all of what a user may rely on, in one order, so
    that two types can be compared line by line."""
    for source in mapped(tree):
        found = sections_of(source)
        for name in SECTIONS:
            if name not in found:
                yield (source, 1,
                       f"no section {name} in the top comment: write it")
        present = [name for name in SECTIONS if name in found]
        for before, after in zip(present, present[1:]):
            if found[before].line > found[after].line:
                yield (source, found[after].line, f"{after} stands before "
                       f"{before}: the order is {', '.join(SECTIONS)}")


def _said(name, section):
    """The guarantee word that a section gives, or None: the first word, and of
    Progress, which speaks of each operation, the weakest."""
    text = text_of(section)
    if name == "Progress":
        found = [word for word in WORDS[name]
                 if re.search(rf"(?<![\w-]){word}\b", text)]
        return found[-1] if found else None
    first = re.match(r"[\w-]*", text)[0]
    return first if first in WORDS[name] else None


@rule
def guarantee_words(tree):
    """Progress, Crash, Trust and Readers use the few words that have one
    meaning, and kGuarantees in the code says the same."""
    for source in mapped(tree):
        declared = re.search(r"\bkGuarantees\b[^;{]*\{([^}]*)\}", source.code)
        if not declared:
            yield source, 1, "declares no kGuarantees: see base/guarantees.h"
        for name, section in sections_of(source).items():
            if name not in WORDS:
                continue
            said = _said(name, section)
            if not said:
                yield (source, section.line, f"{name} must begin with one of "
                       f"{', '.join(WORDS[name])}" if name != "Progress" else
                       f"Progress must use one of {', '.join(WORDS[name])}")
                continue
            meant = "k" + said.title().replace("-", "")
            found = declared and re.search(rf"\b{name}::(\w+)", declared[1])
            if declared and (not found or found[1] != meant):
                yield (source, section.line, f"{name} is {said} here, and "
                       f"{found[1] if found else 'missing'} in kGuarantees")


@rule
def layout_version(tree):
    """The version in the Layout line is the one that the stamp carries."""
    for source in mapped(tree):
        layout = sections_of(source).get("Layout")
        if not layout:
            continue
        said = re.match(r"version (\d+)\b", layout.rows[0][1])
        coded = re.search(r"\bkLayoutVersion\s*(?:=\s*|\{\s*)(\d+)",
                          source.code)
        if not said:
            yield source, layout.line, "write `Layout     version N, ...`"
        if not coded:
            yield source, layout.line, "the code has no kLayoutVersion = N"
        if said and coded and said[1] != coded[1]:
            yield (source, layout.line, f"version {said[1]} here, "
                   f"kLayoutVersion = {coded[1]} in the code")


@rule
def layout_align(tree):
    """The alignment in the Layout line is the code's kAlignment."""
    for source in mapped(tree):
        layout = sections_of(source).get("Layout")
        said = layout and re.search(r"\balign (\d+)\b", layout.rows[0][1])
        m = re.search(r"\bkAlignment\s*=\s*(\w+)\s*;", source.code)
        coded = m and _number(m[1], [source] + tree.includes_of(source))
        if layout and not said:
            yield source, layout.line, "the Layout line must say `align N`"
        elif layout and int(said[1]) != coded:
            yield (source, layout.line, f"align {said[1]} here, kAlignment = "
                   f"{coded} in the code")


def layout_rows(source):
    """The rows of the Layout table, and the lines that look like one but can
    not be read."""
    rows, unreadable = [], []
    layout = sections_of(source).get("Layout")
    for line, text in layout.rows[1:] if layout else []:
        if re.match(r"\s*0x", text):
            cells = re.split(r"\s{2,}", text.strip())
            if (re.fullmatch(r"0x[0-9a-f]{3,}", cells[0]) and len(cells) > 2
                    and re.fullmatch(r"\w+", cells[2])):
                rows.append(Row(line, int(cells[0], 16), cells[1], cells[2]))
            else:
                unreadable.append(line)
    return rows, unreadable


@rule
def layout_table(tree):
    """The rows tile the bytes from 0 without gap or overlap; pads are rows too,
    and only the last row's size may be an expression."""
    for source in mapped(tree):
        rows, unreadable = layout_rows(source)
        for line in unreadable:
            yield (source, line, "unreadable row: write offset, size, field, "
                   "writer and meaning, two blanks between them")
        layout = sections_of(source).get("Layout")
        if layout and not rows:
            yield source, layout.line, "the Layout table has no rows"
        end = 0
        for row in rows:
            if end is None:
                yield (source, row.line,
                       "only the last row may have a symbolic size")
                break
            if row.offset != end:
                what = "overlaps" if row.offset < end else "leaves a gap after"
                yield (source, row.line, f"{row.field} at {row.offset:#05x} "
                       f"{what} the row before, which ends at {end:#05x}")
            end = row.offset + int(row.size) if row.size.isdigit() else None


@rule
def layout_assert(tree):
    """The compiler vouches for each row: static_assert(offsetof(Memory, tail)
    == 0x080) stands beside the struct, with the same number. Since all rows are
    asserted and tile, the sizes are true as well."""
    for source in mapped(tree):
        rows, fields = layout_rows(source)[0], memory_fields(source)
        size = _asserted(source, r"sizeof\(\s*(Memory)").get("Memory")
        inside = _asserted(source, r"offsetof\(\s*Memory\s*,\s*(\w+)")
        storage = _asserted(source, r"offsetof\(\s*Storage\s*,\s*(\w+)")
        has_storage = re.search(r"\bstruct\b[^;{]*\bStorage\s*\{", source.code)
        for row in rows:
            if row.field in fields:
                found = inside.get(row.field)
            elif row.field in storage or not has_storage:
                # What follows the struct: at its end, where T has its say.
                found = storage.get(row.field) or size
            else:
                found = None
            if found is None:
                yield (source, row.line, f"add static_assert(offsetof(Memory, "
                       f"{row.field}) == {row.offset:#05x})")
            elif found != row.offset:
                yield (source, row.line, f"{row.field} at {row.offset:#05x} "
                       f"here, at {found:#05x} in its static_assert")
        missing = storage.keys() - {row.field for row in rows}
        for name in missing if rows else ():
            yield (source, rows[-1].line,
                   f"{name} follows Memory in Storage: add its row")
        if rows and rows[-1].size.isdigit():
            end = rows[-1].offset + int(rows[-1].size)
            if size != end:
                yield (source, rows[-1].line, "the table ends here: add "
                       f"static_assert(sizeof(Memory) == {end:#05x})")


def _asserted(source, what):
    """{name: number} of each static_assert(<what>) == number), the number
    written out or as a constant of the same header; None if it is neither."""
    found = {}
    for m in re.finditer(rf"static_assert\(\s*{what}\s*\)\s*==\s*(\w+)",
                         source.code):
        found[m[1]] = _number(m[2], [source])
    return found


def _number(text, sources):
    """The value of a number, or of a constant that a source defines as one."""
    for source in sources if text.startswith("k") else ():
        m = re.search(rf"\b{text}\s*=\s*(\w+)\s*;", source.code)
        if m and m[1] != text:
            return _number(m[1], sources)
    return int(text, 0) if re.fullmatch(r"0x[0-9a-fA-F]+|\d+", text) else None


@functools.cache
def memory_fields(source):
    """The names of the fields of struct Memory, in order."""
    start = re.search(r"\bstruct\s+Memory\s*\{", source.code)
    if not start:
        return []
    depth, end = 1, start.end()
    while depth and end < len(source.code):
        depth += {"{": 1, "}": -1}.get(source.code[end], 0)
        end += 1
    found = []
    for piece in source.code[start.end():end - 1].split(";"):
        m = re.fullmatch(r"(\w+)\b[^()]*\s(\w+)\s*(?:\[\w*\]|\{\s*\})?",
                         piece.strip())
        if m and m[1] not in ("static", "using", "friend", "struct"):
            found.append(m[2])
    return found


@rule
def layout_fields(tree):
    """The table and struct Memory have the same fields in the same order. Only
    the last row, of symbolic size, may be none: it follows the struct."""
    for source in mapped(tree):
        rows, fields = layout_rows(source)[0], memory_fields(source)
        listed = [row.field for row in rows]
        for row in rows:
            follows = row is rows[-1] and not row.size.isdigit()
            if row.field not in fields and not follows:
                yield (source, row.line,
                       f"struct Memory has no field {row.field}")
        for name in fields:
            if rows and name not in listed:
                yield (source, rows[-1].line, f"field {name} of struct Memory "
                       "is not in the table: add a row")
        if ([name for name in listed if name in fields]
                != [name for name in fields if name in listed]):
            yield (source, rows[0].line,
                   "struct Memory has another order of fields")


@rule
def contract_names(tree):
    """The functions, types and constants that a contract names exist: a promise
    about a function that was renamed binds nobody."""
    known = set().union(*(header.names for header in tree.headers()))
    for source in mapped(tree):
        for name, section in sections_of(source).items():
            for line, text in section.rows if name != "Orders" else []:
                for word in re.findall(
                        r"\b(?:[A-Z][a-z]+[A-Z]\w*|k[A-Z]\w+)", text):
                    if word not in known:
                        yield (source, line,
                               f"names {word}, which no header has")
