# SPDX-License-Identifier: Apache-2.0
"""What the tests of the program `placid` share.

Each test file is run as: <file>_test.py <program> [COMMAND...]; the rest of the
arguments is put in front of the program (an emulator, such as wine).
"""
import contextlib
import os
import pathlib
import random
import signal
import struct
import subprocess
import sys
import tempfile
import time
import unittest

OK, INTERNAL, USAGE, NAME_IN_USE, PEER_DIED, DAMAGED, INPUT_OUTPUT, \
    INTERRUPTED, PEER_GAVE_UP, TROUBLE, LOST = range(11)

KIB = 1024
MIB = 1024 * 1024
# What the other side may take to say that its peer is gone. It aims at a tenth
# of a second and promises one; a loaded machine gets more.
NOTICE_SECONDS = 15
TIMEOUT_SECONDS = 60

# The layout that src/cli/stream_header.h and spsc_byte_ring.h describe.
STREAM_STAMP = 0x000
SENDER_STATE = 0x080
RECEIVER_STATE = 0x100
RING = 0xFE80
RING_TAIL = RING + 0x080
DATA = 0x10000

# A shell that started the tests in the background has these ignored, and what
# they start would inherit that.
for _signal in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
    signal.signal(_signal, signal.SIG_DFL)

PROGRAM = [os.path.abspath(sys.argv[1])]


def shm_path(name):
    return pathlib.Path("/dev/shm/placid." + name)


def start(*arguments, **options):
    """Starts placid; input and output are pipes unless told otherwise."""
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE,
             "stderr": subprocess.PIPE}
    return subprocess.Popen(PROGRAM + [str(a) for a in arguments],
                            **(pipes | options))


def finish(process, data=None):
    """(exit code, output, message) of a process once it has ended."""
    try:
        output, message = process.communicate(data, timeout=TIMEOUT_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        output, message = process.communicate()
        raise AssertionError(
            f"placid did not end within {TIMEOUT_SECONDS} s; it said {message}")
    return process.returncode, output, (message or b"").decode()


def make_sparse(path):
    """A file that takes the demo some tenths of a second, and no room."""
    with open(path, "wb") as file:
        file.truncate(200 * MIB)


def demo_helpers(demo):
    """{pid: role and arguments} of the processes that a demo has started."""
    found = {}
    for path in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = path.read_bytes().split(b"\0")
        except OSError:
            continue
        if words[1:3] == [b"demo-helper", str(demo.pid).encode()]:
            found[int(path.parent.name)] = b" ".join(words[3:]).decode()
    return found


def wait_until(condition, seconds=TIMEOUT_SECONDS):
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise AssertionError("what was waited for did not happen")
        time.sleep(0.005)


class StreamTest(unittest.TestCase):
    """Names of its own, a directory of its own, and nothing left behind."""

    count = 0

    def setUp(self):
        StreamTest.count += 1
        self.name = f"test-{os.getpid()}-{StreamTest.count}"
        self._started = []
        folder = tempfile.TemporaryDirectory(prefix="placid-test-")
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def tearDown(self):
        for process in self._started:
            if process.poll() is None:
                process.kill()
            with contextlib.suppress(ValueError):
                process.communicate()
        left = self.objects()
        for path in left:
            path.unlink()
        self.assertEqual(left, [], "the shared memory was left behind")

    def objects(self):
        """What lies in shared memory under our name: a segment has several."""
        return [path for path in shm_path(self.name).parent.glob(
            shm_path(self.name).name + "*")
            if path.name == shm_path(self.name).name or
            path.name.startswith(shm_path(self.name).name + ".")]

    def start(self, *arguments, **options):
        process = start(*arguments, **options)
        self._started.append(process)
        return process

    def send(self, *arguments, **options):
        return self.start("send", self.name, *arguments, **options)

    def receive(self, *arguments, **options):
        return self.start("receive", self.name, *arguments, **options)

    def state(self, offset):
        """The state word at `offset` of the stream's header, 0 if none."""
        try:
            with open(shm_path(self.name), "rb") as f:
                f.seek(offset)
                return struct.unpack("=I", f.read(4))[0]
        except (FileNotFoundError, struct.error):
            return 0

    def sent_bytes(self):
        """What the ring has ever held, headers included."""
        try:
            with open(shm_path(self.name), "rb") as f:
                f.seek(RING_TAIL)
                return int.from_bytes(f.read(8), sys.byteorder)
        except FileNotFoundError:  # nobody has come yet
            return 0

    def wait_for_side(self, offset):
        wait_until(lambda: self.state(offset) != 0)

    def wait_for_both(self):
        """Only then is the death of one noticed: who never came is waited for."""
        self.wait_for_side(SENDER_STATE)
        self.wait_for_side(RECEIVER_STATE)

    def assert_ended(self, process, code, *words):
        """Ended with `code`, and its message has all of `words`."""
        found, output, message = finish(process)
        self.assertEqual(found, code, message)
        for word in words:
            self.assertIn(word, message)
        return output


def random_bytes(size, seed=1):
    return random.Random(seed).randbytes(size)


def crc32c(data):
    """As both sides compute it. Slow: for some kilobytes."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def main():
    program = PROGRAM[0]
    if not os.access(program, os.X_OK):
        sys.exit(f"{program} is no program")
    PROGRAM[:0] = sys.argv[2:]
    unittest.main(argv=[sys.argv[0], "-v"])
