#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Shows that the tidy test catches what it is for.

    seeded_faults_test.py <source root>

Copies the tree, shows the copy clean, then plants one fault at a time by an
edit of a real file, and requires that the rule meant for it, and no other,
reports it in the file meant. Harmless edits must bring no report. A rule that
no fault here puts to the test fails this test, and so does an edit that no
longer applies.
"""
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
from typing import NamedTuple

sys.dont_write_bytecode = True  # a test leaves nothing in the source tree

import source_tree  # noqa: E402
import tidy_test  # noqa: E402: registers the rules
from contracts import SECTIONS  # noqa: E402

RING = "include/placid/primitives/spsc_ring.h"
SEQLOCK = "include/placid/primitives/seqlock.h"
ROLE = "include/placid/primitives/role.h"
RESULT = "include/placid/base/result.h"
MAPPING = "include/placid/os/mapping.h"
README = "include/placid/README.md"
SYSTEMS = "docs/systems.md"
PORT = "src/os/name.cc"  # common to all systems: no system header there
SPDX = "SPDX-License-Identifier: Apache-2.0"

# Where an edit can add something: patterns that match nothing, at one place.
AT_INCLUDES = r"(?m)^(?=#include)"
AT_NAMESPACE_END = r"(?m)^(?=\}  // namespace)"
AT_STATEMENT = r"(?m)^(?=  memory_->tail\.store\()"  # within TryPush
AT_END = r"\Z"


class Seed(NamedTuple):
    what: str
    rule: str  # that must report it; "" for a harmless edit
    path: str
    old: str  # a pattern, replaced once; "" to create the file
    new: str
    also: tuple = ()  # rules that may report it too, seeing the same thing
    at: str = ""  # the file that the report is about, if not the edited one


def layout_seeds():
    row = r"(//   0x080 +)8(  tail)"
    return [
        Seed("a row with a wrong offset", "layout-assert", RING,
             r"0x080( +8  tail)", r"0x088\1", ("layout-table",)),
        Seed("a row with a wrong size", "layout-table", RING, row, r"\g<1>4\2"),
        Seed("a size that is an expression before the last row",
             "layout-table", RING, row, r"\1N\2"),
        Seed("a row that can not be read", "layout-table", RING,
             r"0x080( +8) +tail +producer", r"0x080\1 tail producer",
             ("layout-fields",)),
        Seed("a row left out", "layout-fields", RING,
             r"//   0x080 .*\n", "", ("layout-table",)),
        Seed("the last row left out, of what follows the struct",
             "layout-assert", RING, r"//   0x180 .*\n", ""),
        Seed("a row for a field that is not there", "layout-fields", RING,
             r"(//   0x080 +8  )tail ", r"\1tale ", ("layout-assert",)),
        Seed("a field without a row", "layout-fields", RING,
             r"(struct Memory \{\n)", r"\1    Atomic<std::uint64_t> stray;\n"),
        Seed("two fields of Memory exchanged", "layout-fields", RING,
             r"( +Atomic<std::uint64_t> stamp;\n)(.*;\n)", r"\2\1"),
        Seed("a missing static_assert", "layout-assert", RING,
             r" *static_assert\(offsetof\(Memory, tail\).*\n", ""),
        Seed("a missing static_assert of a pad", "layout-assert", RING,
             r" *static_assert\(offsetof\(Memory, pad1\).*\n", ""),
        Seed("a missing static_assert of what follows the struct",
             "layout-assert", RING,
             r" *static_assert\(offsetof\(Storage, slots\).*\n", ""),
        Seed("a static_assert with another number", "layout-assert", RING,
             r"(offsetof\(Memory, tail\) == )0x080", r"\g<1>0x088"),
        Seed("another version in the Layout line", "layout-version", RING,
             r"(// Layout +version )\d+", r"\g<1>99"),
        Seed("another kLayoutVersion in the code", "layout-version", RING,
             r"(kLayoutVersion = )\d+", r"\g<1>99"),
        Seed("another alignment in the Layout line", "layout-align", RING,
             r"(// Layout.*align )\d+", r"\g<1>64"),
        Seed("another kAlignment in the code", "layout-align", RING,
             r"kAlignment = \w+", "kAlignment = 64"),
        Seed("a Layout line without a version", "layout-version", RING,
             r"(// Layout +)version \d+, ", r"\1"),
    ]


def contract_seeds():
    also = {"Orders": ("edge-listed",)}
    missing = [
        Seed(f"no section {name}", "contract-sections", RING,
             rf"(?m)^// {name}\b", "// Etcetera", also.get(name, ()))
        for name in SECTIONS]
    bare = (f"// {SPDX}\n#ifndef PLACID_SRC_OS_SEEDED_H_\n"
            "#define PLACID_SRC_OS_SEEDED_H_\n\nstruct Memory {\n"
            "  int word;\n};\n\n#endif  // PLACID_SRC_OS_SEEDED_H_\n")
    return missing + [
        Seed("a mapped type without a contract", "contract-sections",
             "src/os/seeded.h", "", bare, ("guarantee-words",)),
        Seed("Readers before Trust", "contract-sections", RING,
             r"(// Trust(?:.*\n)+?)(// Readers .*\n)", r"\2\1"),
        Seed("a word of no meaning for Crash", "guarantee-words", RING,
             r"(// Crash +)[\w-]+", r"\1harmless"),
        Seed("a word of no meaning for Trust", "guarantee-words", RING,
             r"(// Trust +)[\w-]+", r"\1sealed"),
        Seed("Crash clean, but kRecoverable in the code", "guarantee-words",
             RING, r"(// Crash +)recoverable", r"\1clean"),
        Seed("Readers store-free, but kStoring in the code", "guarantee-words",
             RING, r"(// Readers +)storing", r"\1store-free"),
        Seed("Progress lock-free, but kWaitFree in the code",
             "guarantee-words", RING,
             r"(// Progress +.*)wait-free", r"\1lock-free"),
        Seed("kTrusting in the code, but Trust guarded", "guarantee-words",
             RING, r"Trust::kGuarded", "Trust::kTrusting"),
        Seed("no kGuarantees", "guarantee-words", RING,
             r"Guarantees kGuarantees", "Guarantees kPromises"),
        Seed("a contract about a function that is not there", "contract-names",
             RING, r"(// Crash(?:.*\n)+?.*)TakeOverProducer",
             r"\1SeizeProducer"),
    ]


def label_seeds():
    publish = r"(kRelease\);  // sync: )publish \(release\)"
    return [
        Seed("an access without a label", "sync-label", RING,
             r"(tail\.store\(.*kRelease\);)  // sync: publish \(release\)",
             r"\1"),
        Seed("a fence without a label", "sync-label", RING,
             AT_STATEMENT, "  Fence(kRelease);\n"),
        Seed("a label without a side", "sync-label", RING,
             publish, r"\1publish", ("sync-side",)),
        Seed("sync: none without a reason", "sync-label", ROLE,
             r"(// sync: none), .*", r"\1"),
        Seed("a label that says acquire over a release", "sync-side", RING,
             publish, r"\1publish (acquire)"),
        Seed("a label that says release over a relaxed store", "sync-side",
             RING, r"(tail\.store\(.*)kRelease", r"\1kRelaxed"),
        Seed("a label that says release over an acq_rel swap", "sync-side",
             ROLE, r"(compare_exchange\([^;]*)kAcquire", r"\1kAcqRel"),
        Seed("a label that says none over an acquire", "sync-side", RING,
             r"// sync: retire \(acquire\)",
             "// sync: none, our own last store"),
        Seed("a relaxed access behind another's label", "sync-side", RING,
             r"(head\.load\(kAcquire\))(;  // sync: retire)",
             r"\1 + memory_->head.load(kRelaxed)\2"),
        Seed("a label that says release over an acquire fence", "sync-side",
             SEQLOCK, r"Fence\(kRelease\)", "Fence(kAcquire)"),
        Seed("a fence that lost its label", "sync-label", SEQLOCK,
             r"(Fence\(kAcquire\);) +// sync: .*", r"\1", ("edge-ends",)),
        Seed("an access that names no order", "order-named", RING,
             r"head\.load\(kAcquire\)", "head.load()"),
        Seed("a load that releases", "order-named", RING,
             r"head\.load\(kAcquire\)(;  // sync: retire) \(acquire\)",
             r"head.load(kRelease)\1 (release)", ("edge-ends", "edge-word")),
        Seed("a swap that releases when it fails", "order-named", ROLE,
             r"(compare_exchange\([^;]*kRelease,\s*)kRelaxed", r"\1kRelease"),
        Seed("a fence that names no order", "order-named", RING, AT_STATEMENT,
             "  Fence();  // sync: publish (release)\n", ("edge-word",)),
        Seed("a seq_cst store", "seq-cst-fence", RING,
             r"kRelease\);  // sync: finish \(release\)",
             "kSeqCst);  // sync: finish (seq_cst), to be quite sure"),
        Seed("a seq_cst fence without a reason", "seq-cst-fence", RING,
             AT_STATEMENT, "  Fence(kSeqCst);  // sync: finish (seq_cst)\n"),
        Seed("a label whose access has gone", "stray-label", RING,
             AT_STATEMENT, "  reserved_ = 0;  // sync: publish (release)\n"),
    ]


def edge_seeds():
    return [
        Seed("an edge that is not in the table", "edge-listed", RING,
             r"(kRelease\);  // sync: )publish", r"\1emit"),
        Seed("a row of the table left out", "edge-listed", RING,
             r"//   finish .*\n", ""),
        Seed("a row that no code has", "edge-ends", RING,
             r"(//   publish .*\n)",
             r"\1//   refill   TryPush: tail   TryPop: tail   nothing\n"),
        Seed("an edge with its release end alone", "edge-ends", RING,
             r"finish \(acquire\)", "publish (acquire)", ("edge-word",)),
        Seed("an edge with its acquire end alone", "edge-ends", RING,
             r"finish \(release\)", "publish (release)", ("edge-word",)),
        Seed("an edge whose end in a helper has gone", "edge-ends", ROLE,
             r"handover \(acquire\)", "retire (acquire)",
             ("edge-borrowed",), RING),
        Seed("a label that names another edge than its word's", "edge-word",
             RING, r"(tail\.store\(.*// sync: )publish", r"\1retire"),
        Seed("a label that names a fence's edge at a load", "edge-word",
             SEQLOCK, r"(load\(kAcquire\).*// sync: )publish", r"\1tear"),
        Seed("a helper's edge left out of the table", "edge-borrowed", RING,
             r"//   handover .*\n", ""),
        Seed("a label that names the edge of another flag", "edge-word", RING,
             r"(tail\.load\(kAcquire\);\s+// sync: )publish", r"\1finish"),
        Seed("a table that names a function that is not there", "edge-names",
             RING, r"(//   publish +)TryPush", r"\1TryShove"),
        Seed("a table that names a field that is not there", "edge-names",
             RING, r"(//   publish .*?: )tail", r"\1tale"),
        Seed("a row without its acquire end", "edge-names", RING,
             r"(//   publish +\S.*?)  +\S.*", r"\1"),
    ]


def layer_seeds():
    def including(header):
        return AT_INCLUDES, f"#include {header}\n"

    return [
        Seed("base includes os", "layer-include", RESULT,
             *including('"placid/os/name.h"')),
        Seed("base includes primitives", "layer-include", RESULT,
             *including('"placid/primitives/role.h"')),
        Seed("primitives include os", "layer-include", RING,
             *including('"placid/os/name.h"')),
        Seed("os includes primitives", "layer-include", MAPPING,
             *including("<placid/primitives/role.h>"), ("foreign-include",)),
        Seed("a port includes primitives", "layer-include", PORT,
             *including('"placid/primitives/role.h"')),
        Seed("a port includes primitives by a path of its own",
             "layer-include", PORT,
             *including('"../../include/placid/primitives/role.h"')),
        Seed("a system header in primitives", "foreign-include", RING,
             *including("<sys/mman.h>")),
        Seed("a system header in a header of os", "foreign-include", MAPPING,
             *including("<windows.h>")),
        Seed("a system header in src/os, outside a port", "foreign-include",
             PORT, *including("<unistd.h>")),
        Seed("Abseil in a public header", "foreign-include", MAPPING,
             *including('"absl/strings/string_view.h"')),
        Seed("a mutex in primitives", "heavy-include", RING,
             *including("<mutex>")),
        Seed("threads in base", "heavy-include", RESULT,
             *including("<thread>")),
        Seed("streams in base", "heavy-include", RESULT,
             *including("<iostream>")),
        Seed("a layer without a row", "layer-table",
             "include/placid/cellar/wine.h", "", header("CELLAR_WINE"),
             ("header-list",)),
        Seed("a header in no layer", "layer-table", "include/placid/all.h", "",
             header("ALL"), ("header-list",)),
        Seed("a row for a layer without files", "layer-table", README,
             r"(\| os \| base \|.*\n)", r"\1| cellar | base | Wine. |\n"),
        Seed("a row that allows what is no layer", "layer-table", README,
             r"\| os \| base \|", "| os | base, cellar |", ("layer-target",)),
        Seed("a row that allows more than CMake links", "layer-target", README,
             r"\| os \| base \|", "| os | base, primitives |", (),
             "CMakeLists.txt"),
        Seed("CMake links more than the row allows", "layer-target",
             "CMakeLists.txt", r"placid_layer\(os MAY_INCLUDE base",
             "placid_layer(os MAY_INCLUDE base primitives"),
        Seed("a header that README.md does not list", "header-list",
             "include/placid/base/unheard_of.h", "",
             header("BASE_UNHEARD_OF")),
        Seed("README.md lists a header that is not there", "header-list",
             README, r"base/atomic\.h\)", "base/atomics.h)"),
    ]


def header(stem):
    guard = f"PLACID_{stem}_H_"
    return (f"// {SPDX}\n#ifndef {guard}\n#define {guard}\n\n"
            f"#endif  // {guard}\n")


def seam_seeds():
    return [
        Seed("std::atomic outside the seam", "atomic-seam", RING,
             AT_NAMESPACE_END, "inline std::atomic<int> seen;\n"),
        Seed("std::memory_order outside the seam", "atomic-seam", PORT,
             AT_NAMESPACE_END,
             "constexpr auto k = std::memory_order_relaxed;\n"),
        Seed("an atomic builtin outside the seam", "atomic-seam", PORT,
             AT_NAMESPACE_END,
             "int Get(int* p) { return __atomic_load_n(p, 0); }\n"),
        Seed("<atomic> outside the seam", "atomic-seam", RESULT,
             AT_INCLUDES, "#include <atomic>\n"),
        Seed("a platform #ifdef in primitives", "platform-macro", RING,
             AT_INCLUDES, "#ifdef _WIN32\n#endif\n"),
        Seed("a platform #if defined in src", "platform-macro", PORT,
             AT_INCLUDES, "#if defined(__APPLE__)\n#endif\n"),
        Seed("our own platform macro in primitives", "platform-macro", RING,
             AT_INCLUDES, "#if 0\n#elif PLACID_TSAN\n#endif\n"),
        Seed("an #ifdef inside a function", "ifdef-in-function", RING,
             AT_STATEMENT, "#ifdef PLACID_LOUD\n#endif\n"),
        Seed("an #ifdef inside a function of src", "ifdef-in-function", PORT,
             AT_NAMESPACE_END, "void F() {\n#ifndef NDEBUG\n#endif\n}\n"),
    ]


def systems_seeds():
    row = r"(?m)^(\| named object \|.*\| `)\w+\.\w+(` \|)$"
    return [
        Seed("a row whose test was renamed", "documented-case", SYSTEMS, row,
             r"\1SharedObjectConformance.CreateMakesZeros\2"),
        Seed("a row whose test runs on one system", "documented-case", SYSTEMS,
             row, r"\1SessionNamesTest.RawNamesAreNotListed\2"),
        Seed("a row without a test", "documented-case", SYSTEMS, row,
             r"\1as above\2"),
        Seed("a row that says nothing of a system", "documented-case", SYSTEMS,
             r"(?m)^(\| space \| )`posix_fallocate`( \|)", r"\1 \2"),
        Seed("a call of what is a macro on Windows", "windows-macro", RING,
             AT_NAMESPACE_END, "inline int Less() { return std::min(1, 2); }\n"),
        Seed("a limit by the name of a macro on Windows", "windows-macro",
             RESULT, AT_NAMESPACE_END,
             "inline int Most() { return std::numeric_limits<int>::max(); }\n"),
        Seed("an ability that the page passes over", "documented-ability", MAPPING,
             AT_NAMESPACE_END, "bool CanDream();\n\n"),
    ]


def hygiene_seeds():
    cc = f"// {SPDX}\n"
    new_test = "tests/primitives/seeded_test.cc"
    vague = [
        Seed(f"a test called {name}", "test-name", new_test, "",
             f"{cc}{macro}(SeededTest, {name}) {{}}\n")
        for macro, name in (("TEST", "Basic"), ("TEST_F", "PushWorks"),
                            ("TYPED_TEST", "SimpleUse"), ("TEST_P", "Test1"),
                            ("TEST", "Empty"))]
    return vague + [
        Seed("a header without its licence", "spdx-line", RING,
             rf"// {SPDX}\n", ""),
        Seed("a CMake file without its licence", "spdx-line", "CMakeLists.txt",
             rf"# {SPDX}\n", ""),
        Seed("a script without its licence", "spdx-line", "tools/seeded", "",
             "#!/bin/sh\necho seeded\n"),
        Seed("a licence in the third line", "spdx-line", RESULT,
             rf"// {SPDX}\n//", f"//\n//\n// {SPDX}\n//"),
        Seed("a wrong include guard", "include-guard", RING,
             r"#ifndef PLACID_\w+\n#define PLACID_\w+",
             "#ifndef PLACID_RING_H_\n#define PLACID_RING_H_"),
        Seed("a guard that is tested but not defined", "include-guard", RING,
             r"#define PLACID_PRIMITIVES_", "#define PLACID_"),
        Seed("a guard without its name at the end", "include-guard", RESULT,
             r"#endif  // PLACID_\w+\n\Z", "#endif\n"),
        Seed("a stress test without a seed", "stress-seed",
             "tests/primitives/seeded_stress.cc", "", cc),
        Seed("a row about systems without its test", "documented-case",
             "docs/systems.md", r" \| `NameListConformance\.\w+` \|", " | |"),
        Seed("a row about systems whose test is gone", "documented-case",
             "docs/systems.md", r"`NameListConformance\.", "`NameListGone."),
        Seed("a list of suppressions", "no-suppression", "tests/tsan.supp", "",
             "race:SpscRing\n"),
        Seed("a function hidden from ThreadSanitizer", "no-suppression", PORT,
             AT_NAMESPACE_END,
             '__attribute__((no_saniti' 'ze("thread"))) void Hidden();\n'),
        Seed("a developer's directory", "machine-path", PORT, AT_END,
             "// See /ho" "me/ann/placid.\n"),
        Seed("root's directory", "machine-path", "CMakeLists.txt", AT_END,
             "set(cache /ro" "ot/.cache)\n"),
        Seed("a package host", "machine-path", "CMakeLists.txt", AT_END,
             "# from https://regis" "try.example.org/\n"),
        Seed("a host with a port", "machine-path", "CMakeLists.txt", AT_END,
             "# from http://packages.example" ".org:8080/\n"),
        Seed("a promise without an owner", "owned-todo", PORT, AT_END,
             "// TO" "DO: everything.\n"),
        Seed("a source of a thousand lines", "file-length", PORT, AT_END,
             "extern int one_more;\n" * 1000),
    ]


def harmless_edits():
    fence = "  Fence(kSeqCst);  // sync: finish (seq_cst), one sees the other\n"
    return [
        Seed("a label alone above its statement", "", RING,
             r"( *)(memory_->tail\.store\(.*;)  (// sync: publish.*)",
             r"\1\3\n\1\2"),
        Seed("an acq_rel swap that says so", "", ROLE,
             r"kAcquire(,\s+kRelaxed\)+ *\{  // sync: handover) \(acquire\)",
             r"kAcqRel\1 (acq_rel)"),
        Seed("two edges in one label", "", ROLE,
             r"kAcquire(,\s+kRelaxed\)+ *\{  // sync: handover) \(acquire\)",
             r"kAcqRel\1 (acquire), handover (release)"),
        Seed("a relaxed access that gives its reason beside an edge", "", RING,
             r"head\.load\(kAcquire\);(  // sync: retire \(acquire\))",
             r"head.load(kAcquire) + memory_->head.load(kRelaxed);"
             r"\1; none, the same word"),
        Seed("a seq_cst fence with its edge and reason", "", RING,
             AT_STATEMENT, fence),
        Seed("an edge held up by the kernel", "", RING, r"(//   publish .*\n)",
             r"\1//   (death)   the kernel   TakeOverProducer   its stores\n"),
        Seed("an include, an atomic and a label in prose", "", RING,
             AT_STATEMENT,
             '  // Not #include "placid/os/name.h", not std::atomic;\n'
             "  // as in x.store(1, kRelease);  // sync: nothing (release)\n"),
        Seed("an #ifdef in a class", "", RING, r"( +class Producer;\n)",
             r"\1#ifdef PLACID_LOUD\n#endif\n"),
        Seed("a system header in a port", "", "src/os/seeded/port.cc", "",
             f"// {SPDX}\n#include <sys/mman.h>\n"),
        Seed("calls that are no macros on Windows", "", RING, AT_NAMESPACE_END,
             "inline int F() { return (std::max)(std::min<int>(1, 2), 3); }\n"),
        Seed("a promise with an owner", "", PORT, AT_END,
             "// TO" "DO(ann): everything else.\n"),
    ]


def all_seeds():
    return (layout_seeds() + contract_seeds() + label_seeds() + edge_seeds()
            + layer_seeds() + seam_seeds() + systems_seeds()
            + hygiene_seeds()
            + harmless_edits())


def plant(copy, seed):
    """Edits the file; returns what puts it back, or None if nothing changed."""
    path = copy / seed.path
    if not seed.old:
        if path.exists():
            return None
        made = [p for p in path.parents if not p.exists()]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(seed.new, encoding="utf-8")
        return lambda: (path.unlink(), [folder.rmdir() for folder in made])
    if not path.exists():
        return None
    before = path.read_text(encoding="utf-8")
    after = re.sub(seed.old, seed.new, before, count=1)
    if after == before:
        return None
    path.write_text(after, encoding="utf-8")
    return lambda: path.write_text(before, encoding="utf-8")


def verdict(copy, seed, known):
    """What became of one seed: (passed, in words)."""
    restore = plant(copy, seed)
    if restore is None:
        return False, "DID NOT APPLY: adapt the edit to the file as it is now"
    faults = [fault for fault in source_tree.check(copy)
              if (fault.path, fault.rule, fault.text) not in known]
    restore()
    if not seed.rule:
        return not faults, (f"FALSE ALARM: {faults[0]}" if faults
                            else "no report")
    caught = {(fault.rule, fault.path) for fault in faults}
    if (seed.rule, seed.at or seed.path) not in caught:
        return False, f"MISSED; reported: {[str(fault) for fault in faults]}"
    others = [f for f in faults if f.rule not in (seed.rule, *seed.also)]
    if others:
        return False, f"caught, but with a FALSE ALARM: {others[0]}"
    return True, "caught"


def copy_tree(root, copy):
    def skipped(folder, names):
        return [name for name in names if name in source_tree.SKIPPED
                or (folder == root and name.startswith("build"))]
    shutil.copytree(root, copy, symlinks=True, ignore=skipped)


def ends_with_exit_code(root, code):
    """Whether the program itself, run as ctest runs it, ends so, and says
    why."""
    script = pathlib.Path(__file__).parent / "tidy_test.py"
    done = subprocess.run([sys.executable, script, root], capture_output=True,
                          text=True, check=False)
    line = re.search(r"(?m)^[\w./-]+:\d+: [a-z-]+: \S", done.stdout)
    return done.returncode == code and bool(line) == bool(code)


def main(arguments):
    if len(arguments) != 1:
        print(__doc__, file=sys.stderr)
        return 2
    failures, tested = 0, set()

    def report(passed, what, words):
        nonlocal failures
        failures += not passed
        print(f"{'ok  ' if passed else 'FAIL'}  {what}: {words}")

    with tempfile.TemporaryDirectory(prefix="placid-tidy-") as folder:
        copy = pathlib.Path(folder) / "tree"
        copy_tree(arguments[0], copy)
        before = source_tree.check(copy)
        for fault in before:
            print(fault)
        report(not before, "the copy as it is",
               f"{len(before)} faults, to be repaired first" if before
               else "clean")
        report(ends_with_exit_code(copy, 1 if before else 0), "tidy_test.py",
               "exit code as it should be")
        known = {(fault.path, fault.rule, fault.text) for fault in before}
        for seed in all_seeds():
            passed, words = verdict(copy, seed, known)
            report(passed, f"{seed.what} [{seed.rule or 'harmless'}]", words)
            if passed:
                tested.add(seed.rule)
        plant(copy, hygiene_seeds()[0])
        report(ends_with_exit_code(copy, 1), "tidy_test.py on a seeded fault",
               "exit code as it should be")
    for one in source_tree.RULES:
        name = one.__name__.replace("_", "-")
        if name not in tested:
            report(False, f"rule {name}", "put to the test by no seed: add one")
    harmless = len(harmless_edits())
    print(f"seeded faults: {len(all_seeds()) - harmless} planted, {harmless} "
          f"harmless edits, {len(source_tree.RULES)} rules, "
          f"{failures} failures")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
