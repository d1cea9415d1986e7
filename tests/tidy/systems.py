# SPDX-License-Identifier: Apache-2.0
"""What differs between systems: docs/systems.md, against the tests, and what
public headers must not say on all because of one.

Rows of that page are `| what | Linux | Windows | Darwin | the same ... | case |`,
where the case is a test that is compiled for every system: in backquotes, as
`Suite.Name`.
"""
import re

from source_tree import rule

PAGE = "docs/systems.md"
# Folders of tests for some systems only.
OF_SOME = re.compile(r"/(?:linux|posix|windows|darwin|fake|stepped)/")


def _rows(tree):
    """(line, cells) of each row below a table's head."""
    page = tree.by_path.get(PAGE)
    for line, text in enumerate(page.lines if page else [], 1):
        if text.startswith("|") and not re.match(r"\|(?: what \||[- |]+$)",
                                                 text):
            yield line, [cell.strip() for cell in text.strip("|").split("|")]


def _cases(tree):
    """{Suite.Name: whether it is compiled for every system}"""
    found = {}
    for source in tree.cpp():
        if source.path.startswith("tests/"):
            for _, m in source.find(r"\bTEST(?:_F)?\(\s*(\w+),\s*(\w+)\s*\)"):
                name = f"{m[1]}.{m[2]}"
                everywhere = not OF_SOME.search(source.path)
                found[name] = found.get(name, False) or everywhere
    return found


@rule
def documented_case(tree):
    """A row says what there is on each system, and names a test that runs on
    all of them: else the page is somebody's opinion."""
    page, cases = tree.by_path.get(PAGE), _cases(tree)
    for line, cells in _rows(tree):
        if len(cells) != 6 or not all(cells):
            yield page, line, "a row has six cells, and none is empty"
            continue
        case = re.fullmatch(r"`(\w+\.\w+)`", cells[5])
        if not case or case[1] not in cases:
            yield page, line, f"there is no test {cells[5]}: name one"
        elif not cases[case[1]]:
            yield page, line, f"{cells[5]} runs on some systems only"


@rule
def windows_macro(tree):
    """Who includes a public header may have included <windows.h> before, whose
    macros rewrite each call of min and max that stands without parentheses."""
    for source in tree.headers():
        if not source.path.startswith("include/"):
            continue
        for line, m in source.find(r"\b(min|max)\s*\("):
            yield (source, line, f"write (std::{m[1]})(...): {m[1]}( is a "
                   "macro behind <windows.h>")


@rule
def documented_ability(tree):
    """What a port can or cannot is a value, CanSealAnonymous() or HasFutex();
    the page says of each on which systems it is which."""
    page = tree.by_path.get(PAGE)
    for source in tree.headers():
        if source.layer != "os":
            continue
        for line, m in source.find(r"\bbool ((?:Can|Has)\w+)\(\);"):
            if f"`{m[1]}()`" not in (page.text if page else ""):
                yield source, line, f"{PAGE} does not speak of {m[1]}()"
