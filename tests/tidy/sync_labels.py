# SPDX-License-Identifier: Apache-2.0
"""Edges have names: every atomic access against its `sync:` label, and every
label against the Orders table of a contract.

    tail.store(n, kRelease);    // sync: publish (release)
    word.exchange(n, kAcqRel);  // sync: claim (acquire), publish (release)
    head.load(kRelaxed);        // sync: none, our own last store
    Fence(kSeqCst);             // sync: sleep (seq_cst), one sees the other

A label stands on one of the lines of its statement or alone above it. The
sides it names are exactly those that the orders of the statement give.

The Orders table of a header lists the edges of its own code, that of its .cc
file, and of its helpers: the headers that it includes, directly or not, which
have no table of their own (as base/stamp.h). An edge in parentheses, (death),
is held up by something outside the code: it has no ends here.
"""
import functools
import re
from typing import NamedTuple

from contracts import memory_fields, sections_of
from layers import SEAM
from source_tree import rule

ACCESS = re.compile(
    r"(?:(\w+)(?:\[[^\[\]]*\])?)?\s*(?:\.|->)"
    r"(load|store|exchange|compare_exchange\w*|fetch_\w+)\s*\("
    r"|\bmachine::(Load|Store|Exchange|CompareExchange|Fetch\w+)\s*\("
    r"|\b(Fence)\s*\(")
ORDER = re.compile(r"\bk(Relaxed|Acquire|Release|AcqRel|SeqCst)\b")
# Orders that an access cannot have; nor can a failed compare_exchange, a load.
CANNOT = {"load": {"Release", "AcqRel"}, "store": {"Acquire", "AcqRel"},
          "fence": {"Relaxed"}}
SIDES = {"Relaxed": set(), "Acquire": {"acquire"}, "Release": {"release"},
         "AcqRel": {"acquire", "release"}, "SeqCst": {"seq_cst"}}
EDGES = re.compile(r"((?:[a-z][\w-]*, )*[a-z][\w-]*) "
                   r"\((acquire|release|acq_rel|seq_cst)\)(?:[,;:.] ?|$| )")


class Label(NamedTuple):
    line: int
    ends: list  # (edge, side)
    none: bool  # `sync: none`
    reason: str  # what follows


class Statement(NamedTuple):
    line: int
    labels: list
    orders: list  # every order that is named
    excused: int  # relaxed failure orders of a stronger compare_exchange
    accesses: list  # "load", "Fence", ...
    unordered: list  # those of them that name no order, or one they can't have
    words: set  # what they access: "tail", or "fence"


def _arguments(code, opening):
    """The text between the parenthesis at `opening` and its partner."""
    depth = 0
    for at in range(opening, len(code)):
        depth += {"(": 1, ")": -1}.get(code[at], 0)
        if depth == 0:
            return code[opening + 1:at]
    return code[opening + 1:]


def parse_label(comment):
    """The Label in a comment that begins with `sync:`, else None."""
    if not comment.text.startswith("sync:"):
        return None
    rest, ends = comment.text[len("sync:"):].strip(), []
    while m := EDGES.match(rest):
        sides = ("acquire", "release") if m[2] == "acq_rel" else (m[2],)
        ends += [(edge, side) for edge in m[1].split(", ") for side in sides]
        rest = rest[m.end():].lstrip()
    none = re.match(r"none\b[,:;]?\s*(.*)", rest)
    return Label(comment.line, ends, bool(none), none[1] if none else rest)


@functools.cache
def labels_of(source):
    return [label for label in map(parse_label, source.comments) if label]


@functools.cache
def statements_of(source):
    """Every statement that names an order or makes an atomic access."""
    code, found = source.code, []
    bounds = [0] + [m.end() for m in re.finditer(r"[;{}]", code)] + [len(code)]
    alone = {c.line for c in source.comments if c.alone}
    labels = {label.line: label for label in labels_of(source)}
    for start, end in zip(bounds, bounds[1:]):
        piece = code[start:end]
        accesses = list(ACCESS.finditer(piece))
        if not accesses and not ORDER.search(piece):
            continue
        first = source.line_of(start + len(piece) - len(piece.lstrip()))
        last = source.line_of(max(start, end - 1))
        while first - 1 in alone:
            first -= 1
        names, unordered, excused = [], [], 0
        for access in accesses:
            orders = ORDER.findall(_arguments(piece, access.end() - 1))
            names.append(access[2] or access[3] or access[4])
            first_word = names[-1].lower().split("_")[0]
            if not orders or set(orders) & CANNOT.get(first_word, set()):
                unordered.append(names[-1])
            if first_word.startswith("compare") and len(orders) == 2:
                excused += orders[0] != "Relaxed" and orders[1] == "Relaxed"
                unordered += names[-1:] * (orders[1] in CANNOT["load"])
        at = (accesses or [ORDER.search(piece)])[0].end()
        found.append(Statement(
            source.line_of(start + at),
            [labels[n] for n in range(first, last + 1) if n in labels],
            ORDER.findall(piece), excused, names, unordered,
            {"fence" if access[4] else access[1] for access in accesses}))
    return found


def checked(tree):
    """(source, its statements) of the product, but for the seam itself."""
    return [(source, statements_of(source)) for source in tree.product()
            if source.path not in SEAM]


@rule
def order_named(tree):
    """Every access names its order, one that it can have: a default would be
    sequentially consistent, and nobody would have decided it."""
    for source, statements in checked(tree):
        for statement in statements:
            for name in statement.unordered:
                yield (source, statement.line,
                       f"{name} names no order that it can have: say kAcquire "
                       "(load), kRelease (store), ...")


@rule
def sync_label(tree):
    """Every access carries the name of its edge, so that a reader who sees one
    end can find the other."""
    for source, statements in checked(tree):
        for statement in statements:
            if not statement.labels:
                yield (source, statement.line, "no label: add `// sync: "
                       "<edge> (acquire)`, or `// sync: none, <reason>`")
            for label in statement.labels:
                if not label.ends and not label.none:
                    yield (source, label.line, "unreadable label: write `// "
                           "sync: <edge> (acquire|release|acq_rel|seq_cst)`")
                if label.none and not label.reason:
                    yield (source, label.line,
                           "give the reason: `// sync: none, ...`")


@rule
def sync_side(tree):
    """A label says what the code does: its sides are those of the orders in the
    same statement, no more and no fewer; a relaxed access says why it may
    be."""
    for source, statements in checked(tree):
        for statement in statements:
            if not statement.labels:
                continue  # sync-label's business
            said = {side for label in statement.labels
                    for _, side in label.ends}
            done = set().union(*(SIDES[order] for order in statement.orders))
            if statement.orders and said != done:
                yield (source, statement.line, "the label says "
                       f"{' and '.join(sorted(said)) or 'none'}, the code "
                       f"{' and '.join(sorted(done)) or 'relaxed'}")
            relaxed = statement.orders.count("Relaxed") > statement.excused
            none = any(label.none for label in statement.labels)
            if relaxed and done and not none:
                yield (source, statement.line, "one of the accesses is "
                       "relaxed: add `; none, <reason>`")
            elif none and not relaxed:
                yield (source, statement.line, "the label says none, but no "
                       "access here is relaxed")


@rule
def seq_cst_fence(tree):
    """Sequential consistency comes from fences, each with its reason: easier to
    model, no weaker here, and never by accident."""
    for source, statements in checked(tree):
        for statement in statements:
            if "SeqCst" not in statement.orders:
                continue
            if set(statement.accesses) - {"Fence"}:
                yield (source, statement.line, "a seq_cst access: use kAcquire "
                       "or kRelease, and Fence(kSeqCst) where it is needed")
            elif not any(label.reason for label in statement.labels):
                yield (source, statement.line, "why seq_cst? Write `// sync: "
                       "<edge> (seq_cst), <reason>`")


@rule
def stray_label(tree):
    """A label without an access is the trace of code that has moved on."""
    for source, statements in checked(tree):
        used = {label.line for one in statements for label in one.labels}
        for label in labels_of(source):
            if label.line not in used:
                yield (source, label.line, "no statement here names an order: "
                       "remove the label, or move it to its access")


# ---- The Orders tables ------------------------------------------------------


def orders_table(source):
    """{edge: (line, release end, acquire end)} of a header, or None."""
    orders = sections_of(source).get("Orders")
    if not orders:
        return None
    table = {}
    for line, text in orders.rows[1:]:
        if re.match(r" {3}\S", text):  # deeper lines go on with the row above
            cells = re.split(r"\s{2,}", text.strip()) + ["", ""]
            if cells[0] != "edge":
                table[cells[0]] = (line, cells[1], cells[2])
    return table


def _tables(tree):
    """[(header, its table, itself and its .cc file, its helpers)]."""
    found = []
    bodies = {}
    for source in tree.product():
        if source.path.endswith(".cc"):
            bodies.setdefault(source.name[:-len(".cc")], []).append(source)
    for source in tree.headers():
        table = orders_table(source)
        if table is not None:
            helpers = [
                other for other in tree.includes_of(source)
                if orders_table(other) is None and other.path not in SEAM]
            own = [source] + [
                body for body in bodies.get(source.name[:-len(".h")], ())
                if source in tree.includes_of(body)]
            found.append((source, table, own, helpers))
    return found


@rule
def edge_ends(tree):
    """Each edge of an Orders table has both its ends in the code: a release
    that nobody acquires orders nothing."""
    for source, table, own, helpers in _tables(tree):
        ends = {end for one in own + helpers for label in labels_of(one)
                for end in label.ends}
        for edge, (line, _, _) in table.items():
            for side in ("release", "acquire"):
                if edge.startswith("(") or (edge, "seq_cst") in ends:
                    continue
                if (edge, side) not in ends:
                    yield (source, line, f"edge {edge} has no {side} end: "
                           f"label it `// sync: {edge} ({side})` in the code")


@rule
def edge_listed(tree):
    """Each edge in the code stands in an Orders table, where it says what it
    carries and which functions are its ends."""
    listed = {}
    for _, table, own, helpers in _tables(tree):
        for one in own + helpers:
            listed.setdefault(one.path, set()).update(table)
    for source in tree.product():
        if source.path in SEAM:
            continue
        known = set(listed.get(source.path, ()))
        for other in tree.includes_of(source):
            known.update(orders_table(other) or ())
        for label in labels_of(source):
            for edge, _ in label.ends:
                if edge not in known:
                    yield (source, label.line, f"edge {edge} is in no Orders "
                           "table of this header or one that includes it: add "
                           "a row")


@rule
def edge_names(tree):
    """Both ends of a row name functions of the code, and most a field, as
    `TryPush, Commit: tail`: a reader can go there."""
    prose = {"fence", "acquire", "release", "acq_rel", "seq_cst"}
    for source, table, own, helpers in _tables(tree):
        known = set().union(prose, *(one.names for one in own + helpers))
        for edge, (line, *ends) in table.items():
            for end in () if edge.startswith("(") else ends:
                if not re.match(r"[\w:]*\w(?:, [\w:]*\w)*(?:: |$)", end):
                    yield (source, line, f"edge {edge}: write each end as "
                           "`Function: field`, two blanks between the columns")
                    continue
                for name in re.findall(r"\w+", end):
                    if not {name, name + "_"} & known:
                        yield (source, line, f"edge {edge} names {name}, "
                               "which is not in the code")


@rule
def edge_word(tree):
    """A label stands at a word that its edge is about: the field, or fence,
    that the table names for this end, or else a field of the other end."""
    for source, table, _, _ in _tables(tree):
        words = {"fence", *memory_fields(source)}
        uses = [(one.line, edge, side, words & one.words)
                for one in statements_of(source)
                for label in one.labels for edge, side in label.ends]
        at = {}  # (edge, side): the words that labels put it at
        for _, edge, side, found in uses:
            at.setdefault((edge, side), set()).update(found)
        for line, edge, side, found in uses:
            if side not in ("release", "acquire") or edge not in table:
                continue
            end = table[edge][1 if side == "release" else 2].partition(":")[2]
            meant = words & set(re.findall(r"\w+", end))
            meant = meant or at.get(
                (edge, "acquire" if side == "release" else "release"))
            if meant and found and not found & meant:
                yield (source, line, f"edge {edge} is about "
                       f"{' and '.join(sorted(meant))}, the access is to "
                       f"{' and '.join(sorted(found))}")


@rule
def edge_borrowed(tree):
    """A header that uses a helper's class or function has its edges too, and
    lists them: its table is all that orders its bytes."""
    for source, table, _, helpers in _tables(tree):
        orders = sections_of(source)["Orders"]
        for helper in helpers:
            for label in labels_of(helper):
                # The outermost class or function around the label.
                around = [scope.name for scope in helper.scopes if scope.name
                          and scope.first <= label.line <= scope.last]
                for edge, _ in label.ends:
                    if edge not in table and set(around[-1:]) & source.names:
                        yield (source, orders.line, f"uses edge {edge} of "
                               f"{helper.path}: add its row")
