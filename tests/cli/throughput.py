# SPDX-License-Identifier: Apache-2.0
"""How fast `placid send` and `placid receive` are beside what the machine can do,
in one interleaved run.

Run: throughput.py <program> [--rounds N] [--gibibytes N] [--folder DIR]
                   [--priority]

Each round measures, one after another, every second one backwards:
  placid    zeros to nothing: placid send --bytes N NAME /dev/zero, while
            placid receive NAME > /dev/null; both sides sum CRC-32C
  pipe      the same bytes through one pipe, by the fastest of three writers:
            head -c N /dev/zero | cat > /dev/null
            dd bs=128K | cat > /dev/null
            cat FILE | cat > /dev/null, FILE being N bytes of nothing (sparse)
  files     placid send NAME FILE and placid receive NAME COPY: real bytes from
            file to file, compared afterwards
  read      cat FILE > /dev/null
  write     the time to write as many bytes from memory to a file

The memory that one kind gives back is what the next one finds, unless a host has
taken it meanwhile: so the kinds that write files come one after the other,
behind a write that is not measured.

Targets (medians of the rounds' own ratios): placid >= 3 x pipe; files >= 0.8 x
the slower of read and write. Exit code 1 if one is missed, 0 otherwise. On a
machine that does something else besides, the ratios still mean something, the
figures do not: the load is printed with them.
"""
import argparse
import filecmp
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

GIB = 1 << 30
BLOCK = 1 << 20


def take_priority():
    """A scheduling group and a priority of our own, where that is allowed."""
    os.setsid()
    try:
        os.setpriority(os.PRIO_PROCESS, 0, -20)
    except PermissionError:
        pass


class Machine:

    def __init__(self, options, folder):
        self.placid = os.path.abspath(options.program)
        self.bytes = int(options.gibibytes * GIB)
        self.setup = take_priority if options.priority else None
        self.source = folder / "source"
        self.copy = folder / "copy"
        self.nothing = folder / "nothing"
        with open(self.source, "wb") as f:
            block = os.urandom(BLOCK)
            for _ in range(self.bytes // BLOCK):
                f.write(block)
        with open(self.nothing, "wb") as f:
            f.truncate(self.bytes)

    def shell(self, command):
        """Bytes per second of a shell command."""
        start = time.perf_counter()
        subprocess.run(["sh", "-c", command], check=True,
                       preexec_fn=self.setup)
        return self.bytes / (time.perf_counter() - start)

    def placid_pair(self, send, receive, output):
        name = f"throughput-{os.getpid()}"
        receiver = subprocess.Popen([self.placid, "receive", name, *receive],
                                    stdout=output, preexec_fn=self.setup)
        shared = pathlib.Path("/dev/shm/placid." + name)
        while not shared.exists():
            time.sleep(0.001)
        start = time.perf_counter()
        sender = subprocess.run([self.placid, "send", name, *send],
                                preexec_fn=self.setup)
        if receiver.wait() != 0 or sender.returncode != 0:
            sys.exit("placid failed")
        return self.bytes / (time.perf_counter() - start)

    def zeros(self):
        return self.placid_pair(["--bytes", str(self.bytes), "/dev/zero"], [],
                                subprocess.DEVNULL)

    def pipe(self):
        return max(
            self.shell(f"head -c {self.bytes} /dev/zero | cat > /dev/null"),
            self.shell(f"dd if=/dev/zero bs=128K count={self.bytes // 131072} "
                       "status=none | cat > /dev/null"),
            self.shell(f"cat {self.nothing} | cat > /dev/null"))

    def files(self):
        return self.placid_pair([str(self.source)], [str(self.copy)], None)

    def read(self):
        return self.shell(f"cat {self.source} > /dev/null")

    def write(self):
        block = bytes(256 * 1024)
        start = time.perf_counter()
        with open(self.copy, "wb", buffering=0) as f:
            for _ in range(self.bytes // len(block)):
                f.write(block)
        return self.bytes / (time.perf_counter() - start)


def show(name, values, unit):
    print(f"  {name:16}{statistics.median(values):8.2f} {unit:6} "
          f"({min(values):.2f} to {max(values):.2f})", flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--gibibytes", type=float, default=4)
    parser.add_argument("--folder", default=None,
                        help="where the files lie (default: the system's)")
    parser.add_argument("--priority", action="store_true",
                        help="run all that is measured at nice -20")
    options = parser.parse_args()
    kinds = ("zeros", "pipe", "read", "files", "write")
    found = {kind: [] for kind in kinds}
    with tempfile.TemporaryDirectory(prefix="placid-", dir=options.folder) as d:
        machine = Machine(options, pathlib.Path(d))
        print(f"{options.gibibytes:g} GiB, {options.rounds} rounds, "
              f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
        for round_ in range(options.rounds):
            to_disk = ["files", "write"][::-1 if round_ % 2 else 1]
            others = ["zeros", "pipe", "read"][::-1 if round_ % 2 else 1]
            for kind in [*others, None, *to_disk]:
                # What was written before must not be written back meanwhile, nor
                # its blocks be given back to the disk.
                if kind not in others:
                    machine.copy.unlink(missing_ok=True)
                os.sync()
                if kind is None:
                    machine.write()
                    continue
                found[kind].append(getattr(machine, kind)() / GIB)
                if kind == "files" and round_ == 0 and not filecmp.cmp(
                        machine.source, machine.copy, shallow=False):
                    sys.exit("the copy differs")
    for kind in kinds:
        show(kind, found[kind], "GiB/s")
    to_pipe = [a / b for a, b in zip(found["zeros"], found["pipe"])]
    to_files = [a / min(b, c) for a, b, c in
                zip(found["files"], found["read"], found["write"])]
    show("zeros / pipe", to_pipe, "x")
    show("files / slower", to_files, "x")
    met = [statistics.median(to_pipe) >= 3, statistics.median(to_files) >= 0.8]
    print(f"  targets: zeros / pipe >= 3 {'met' if met[0] else 'MISSED'}, "
          f"files / slower >= 0.8 {'met' if met[1] else 'MISSED'}; "
          f"load {os.getloadavg()[0]:.1f}")
    sys.exit(not all(met))


if __name__ == "__main__":
    main()
