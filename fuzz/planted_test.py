# SPDX-License-Identifier: Apache-2.0
"""Shows that the fuzzers find what they are for: faults planted in copies of our
own headers, each the essence of one that was found in a program that people
relied on, are found in seconds; the headers as they are survive as long.

    planted_test.py ROOT CLANG BUILT [FAULT...]

BUILT is the folder of the targets as they are; those with faults are built
beside it. Each fault is a few lines of a header to be replaced (blanks do not
count). A hunt starts from the target's dictionary and no corpus at all.

Found in seconds means: within so many executions that a machine of today makes
them in under 5 s. They are counted because time would measure the machine and
whoever else works on it; the time is printed. Several seeds, each of which must
find the fault, so that none is found by luck.
"""
import concurrent.futures
import os
import pathlib
import re
import shutil
import subprocess
import sys
import time
from typing import NamedTuple

SEEDS = (1, 2, 3)
# 5 s of the slowest target, alone on one core.
MOST_EXECUTIONS = 150_000
TIMEOUT_S = 300  # only for what hangs
FLAGS = ["-std=c++20", "-O1", "-fsanitize=fuzzer,address,undefined",
         "-fno-sanitize-recover=all"]
CCACHE = [shutil.which("ccache")] if shutil.which("ccache") else []

RING = "placid/primitives/spsc_ring.h"
SLOTTED = "placid/base/slotted.h"
BYTE_RING = "placid/primitives/spsc_byte_ring.h"
MPSC_RING = "placid/primitives/mpsc_ring.h"
MPMC_RING = "placid/primitives/mpmc_ring.h"
SEQLOCK = "placid/primitives/seqlock.h"
LATEST = "placid/primitives/latest.h"
LANES = "placid/primitives/lanes.h"
BROADCAST = "placid/primitives/broadcast_ring.h"
BYTE_BROADCAST = "placid/primitives/broadcast_byte_ring.h"


class Fault(NamedTuple):
    name: str
    what: str
    target: str
    header: str
    edits: list  # (what stands there, what stands there instead)


FAULTS = [
    Fault("double-fetch-length",
          "the length is checked, then read again",
          "spsc_byte_ring_fuzz", BYTE_RING, [(
              "static_cast<std::size_t>(Header::Length(word))};",
              "static_cast<std::size_t>(Header::Length("
              "ring_.HeaderAt(head_).load(kRelaxed)))};")]),
    Fault("double-fetch-geometry",
          "the capacity is checked, then read again",
          "attach_fuzz", SLOTTED, [(
              "return Extent<kExtent>(capacity); return Error",
              "return Extent<kExtent>(memory.capacity.load(kRelaxed)); "
              "return Error")]),
    Fault("unchecked-length",
          "the length of a record is believed",
          "spsc_byte_ring_fuzz", BYTE_RING, [(
              "if (bytes > in_one_piece) return RingResult::kCorrupt;",
              "static_cast<void>(in_one_piece);")]),
    Fault("unchecked-index",
          "the index of the newest cell is believed",
          "latest_fuzz", LATEST, [("number % kCells", "number")]),
    Fault("space-from-peer",
          "free space in a row is what the peer's position leaves",
          "spsc_ring_fuzz", RING, [
              ("if (!used) return RingResult::kCorrupt;",
               "static_cast<void>(used);"),
              ("const std::uint64_t in_row = extent_.capacity() - "
               "(tail_ & extent_.mask());",
               "const std::uint64_t in_row = (tail_ & extent_.mask()) == 0 ? "
               "limit_ - tail_ : extent_.capacity() - (tail_ & extent_.mask());")
          ]),
    Fault("unbounded-walk",
          "whatever is no record is stepped over",
          "spsc_byte_ring_fuzz", BYTE_RING, [
              ("rest == ring_.extent_.capacity()) { return RingResult::kCorrupt; }",
               "rest == ring_.extent_.capacity()) { head_ += 8; continue; }")]),
    Fault("unbounded-wait",
          "a reader tries until the writer has finished",
          "seqlock_fuzz", SEQLOCK, [("if (!backoff.Pause()) {",
                                     "if (!backoff.Pause() && false) {")]),
    Fault("torn-read",
          "a cell that was written again meanwhile counts as whole",
          "latest_fuzz", LATEST, [("kCells - 1;", "kCells + 1;")]),
    Fault("torn-broadcast",
          "room is made for fewer values than are written",
          "broadcast_ring_fuzz", BROADCAST, [(
              "memory_->oldest.store(limit_ - extent_.capacity(),",
              "memory_->oldest.store(limit_ - extent_.capacity() - 1,")]),
    Fault("look-past-the-end",
          "values are looked at past the end of the ring",
          "broadcast_ring_fuzz", BROADCAST, [(
              "std::min<std::uint64_t>({wanted, limit_ - position_, InRow()})",
              "std::min<std::uint64_t>({wanted, limit_ - position_})")]),
    Fault("unchecked-broadcast-length",
          "the length of a record is believed by readers",
          "broadcast_byte_ring_fuzz", BYTE_BROADCAST, [(
              ".AtMost((std::min)({limit - position, rest, Eighth()}));",
              ".AtMost(UINT64_MAX);")]),
    Fault("kept-space",
          "a consumer that finds the ring empty keeps its lag to itself",
          "spsc_ring_fuzz", RING, [(
              "if (*found > 0) return RingResult::kOk; Publish();",
              "if (*found > 0) return RingResult::kOk;")]),
    Fault("early-end",
          "the end is told while a lane is held",
          "lane_ring_fuzz", LANES, [(
              "if (!holder.is_free()) return RingResult::kEmpty;",
              "static_cast<void>(holder);")]),
    Fault("unmasked-head",
          "the consumer goes where head leads it",
          "mpsc_ring_fuzz", MPSC_RING, [(
              "const Slot& At(std::uint64_t position) const { return slots_["
              "static_cast<std::size_t>(position & extent_.mask())];",
              "const Slot& At(std::uint64_t position) const { return slots_["
              "static_cast<std::size_t>(position)];")]),
    Fault("kept-gap",
          "a consumer that skips what was given up and finds nothing keeps it",
          "mpsc_ring_fuzz", MPSC_RING, [(
              "if (result != RingResult::kOk) Publish(); return result;",
              "return result;")]),
    Fault("unmasked-lap",
          "a role goes where the lap of a word leads it",
          "mpmc_ring_fuzz", MPMC_RING, [(
              "return slots_["
              "static_cast<std::size_t>(position & extent_.mask())];",
              "return slots_[static_cast<std::size_t>(position)];")]),
    Fault("untold-offer",
          "a recoverer offers a value again and tells nobody",
          "mpmc_ring_fuzz", MPMC_RING, [(
              "is_offer = is_offer || word.Is(State::kBorrowing); } "
              "if (is_offer) {",
              "is_offer = is_offer || word.Is(State::kBorrowing); } "
              "if (false) {")]),
]


def replaced(text, old, new):
    """`text` with the one place that reads `old`, give or take blanks."""
    pattern = r"\s*".join(map(re.escape, re.findall(r"\w+|[^\w\s]", old)))
    text, count = re.subn(pattern, lambda _: new, text)
    if count != 1:
        raise ValueError(f"found {count} times instead of once: {old}")
    return text


def compiled(command, output):
    """Compiles or links; under ccache where there is one."""
    subprocess.run([*CCACHE, *command, "-o", output], check=True)
    return output


def build(root, clang, folder, support, fault):
    """The path of the fault's target, built with the fault."""
    text = (root / "include" / fault.header).read_text()
    for old, new in fault.edits:
        text = replaced(text, old, new)
    place = folder / fault.name
    planted = place / fault.header
    planted.parent.mkdir(parents=True, exist_ok=True)
    planted.write_text(text)
    includes = [f"-I{path}" for path in (place, root / "include", root)]
    target = compiled(
        [clang, *FLAGS, *includes, "-c",
         root / "fuzz" / f"{fault.target}.cc"], place / "target.o")
    return compiled([clang, *FLAGS, target, support], place / fault.target)


class Hunt(NamedTuple):
    is_found: bool
    executions: int
    seconds: float
    said: str


def hunt(root, program, seed, folder, runs=MOST_EXECUTIONS):
    dictionary = root / "fuzz/dictionaries" / f"{program.name}.dict"
    words = [f"-dict={dictionary}"] if dictionary.exists() else []
    start = time.monotonic()
    done = subprocess.run(
        [program, f"-runs={runs}", f"-seed={seed}", "-max_len=512",
         "-timeout=5", "-print_final_stats=1", "-verbosity=0",
         f"-artifact_prefix={folder}/", *words], timeout=TIMEOUT_S,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    seconds = time.monotonic() - start
    said = re.findall(rb"violated: .*|ERROR: AddressSanitizer: [\w-]+"
                      rb"|runtime error: .*|ERROR: libFuzzer: .*", done.stdout)
    executed = re.search(rb"number_of_executed_units: (\d+)", done.stdout)
    return Hunt(done.returncode != 0, int(executed[1]) if executed else 0,
                seconds, said[0].decode() if said else "")


def main(root, clang, built, *names):
    root = pathlib.Path(root).resolve()
    built = pathlib.Path(built).resolve()
    faults = [fault for fault in FAULTS if not names or fault.name in names]
    failures = 0
    # Always the same place, or ccache would know nothing again.
    folder = built.parent / "planted"
    folder.mkdir(exist_ok=True)
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        support = compiled(
            [clang, *FLAGS, f"-I{root}", "-c",
             root / "tests/support/guarded_bytes.cc"], folder / "support.o")

        def find(fault):
            program = build(root, clang, folder, support, fault)
            return [hunt(root, program, seed, folder) for seed in SEEDS]

        longest = {}  # how long an original must survive
        for fault, hunts in zip(faults, pool.map(find, faults)):
            lost = [seed for seed, one in zip(SEEDS, hunts) if not one.is_found]
            most = max(one.executions for one in hunts)
            longest[fault.target] = max(longest.get(fault.target, 0), most)
            failures += bool(lost)
            print(f"NOT FOUND in {MOST_EXECUTIONS} executions of seed {lost}: "
                  f"{fault.name}: {fault.what}" if lost else
                  f"{most:6} executions, "
                  f"{max(one.seconds for one in hunts):4.1f} s: {fault.name}: "
                  f"{fault.what} ({hunts[0].said})", flush=True)

        survivals = pool.map(
            lambda row: hunt(root, built / row[0], SEEDS[0], folder, row[1]),
            longest.items())
        for target, one in zip(longest, survivals):
            failures += one.is_found
            verdict = f"FAILS ({one.said})" if one.is_found else "survives"
            print(f"{one.executions:6} executions, {one.seconds:4.1f} s: "
                  f"{target} as it is {verdict}", flush=True)
    return 1 if failures or not faults else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
