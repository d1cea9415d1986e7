# SPDX-License-Identifier: Apache-2.0
"""`placid receive --resume`: a receiver that was killed, at whatever moment, and
is started again goes on where it was; the finished file is that which was sent.

PLACID_KILLS says how many random kills to try (default 10), PLACID_SEED when.
"""
import os
import random
import resource
import signal
import struct
import subprocess
import time

import cli_testing as t

KILLS = int(os.environ.get("PLACID_KILLS", "10"))
SEED = int(os.environ.get("PLACID_SEED", str(random.SystemRandom().randrange(
    1 << 32))))
RECORDED_BYTES = 0x130  # in the stream's header
SLOT_BYTES = 52  # of the record: src/cli/resume_record.h
SECOND_SLOT = 0x1000


class ResumeTest(t.StreamTest):

    def setUp(self):
        super().setUp()
        self.source = self.folder / "source"
        self.target = self.folder / "target"
        self.record = self.folder / "target.placid-resume"

    def send_all(self, data, *options, **more):
        self.source.write_bytes(data)
        return self.send("--resume", *options, self.source, **more)

    def go_on(self, *options, **more):
        return self.receive("--resume", *options, self.target, **more)

    def recorded_bytes(self):
        """What the ring need not keep for a receiver's successor."""
        try:
            with open(t.shm_path(self.name), "rb") as f:
                f.seek(RECORDED_BYTES)
                return struct.unpack("=Q", f.read(8))[0]
        except (FileNotFoundError, struct.error):
            return 0

    def assert_arrived(self, data, *processes):
        for process in processes:
            self.assert_ended(process, t.OK)
        self.assertTrue(self.target.read_bytes() == data)
        self.assertFalse(self.record.exists())

    def half_received(self, data):
        """A sender that was deserted by a receiver that had some of `data`."""
        sender = self.send(
            "--resume", "--capacity", "64KiB", stdin=subprocess.PIPE)
        receiver = self.go_on()
        half = len(data) // 2
        sender.stdin.write(data[:half])
        sender.stdin.flush()
        t.wait_until(lambda: self.recorded_bytes() == half)
        receiver.kill()
        receiver.wait()
        return sender

    def finish_half(self, sender, data):
        receiver = self.go_on()
        sender.stdin.write(data[len(data) // 2:])
        sender.stdin.close()
        sender.stdin = None
        self.assert_arrived(data, receiver, sender)


class ArrivalTest(ResumeTest):

    def test_awkward_sizes_arrive_without_any_death(self):
        piece = 16 * t.KIB - 16  # of a ring of 64 KiB
        for size in (0, 1, 7, 8, 9, piece - 1, piece, piece + 1, 64 * t.KIB,
                     t.MIB + 3):
            for receiver_first in (False, True):
                with self.subTest(size=size, receiver_first=receiver_first):
                    data = t.random_bytes(size)
                    ring = ("--capacity", "64KiB")
                    self.target.write_bytes(b"of old, and longer" * 100_000)
                    if receiver_first:
                        receiver = self.go_on(*ring)
                        self.wait_for_side(t.RECEIVER_STATE)
                        sender = self.send_all(data, *ring)
                    else:
                        sender = self.send_all(data, *ring)
                        self.wait_for_side(t.SENDER_STATE)
                        receiver = self.go_on(*ring)
                    self.assert_arrived(data, receiver, sender)

    def test_what_a_pipe_brings_is_kept_at_once(self):
        """What trickles is not held back to fill a piece."""
        sender = self.send("--resume")
        receiver = self.go_on()
        for word in (b"one", b"two"):
            sender.stdin.write(word)
            sender.stdin.flush()
            t.wait_until(lambda: self.target.exists() and
                         self.target.read_bytes().endswith(word))
        sender.stdin.close()
        sender.stdin = None
        self.assert_arrived(b"onetwo", receiver, sender)


class KillTest(ResumeTest):

    def kill_receivers(self, draw, data, ring, kills, longest):
        """Receives `data` with so many receivers killed on the way, or fewer
        where one came to the end; how many were."""
        self.target.unlink(missing_ok=True)
        sender = self.send_all(data, *ring)
        self.wait_for_side(t.SENDER_STATE)
        killed = 0
        while killed < kills and not self.is_over():
            receiver = self.go_on()
            try:
                code = receiver.wait(longest * draw.random())
            except subprocess.TimeoutExpired:
                receiver.kill()
                code = receiver.wait()
            receiver.communicate()
            if code == t.OK:
                self.assert_arrived(data, sender)
                return killed
            self.assertEqual(code, -signal.SIGKILL)
            killed += 1
            if self.target.exists():
                self.assertGreaterEqual(self.target.stat().st_size,
                                        self.recorded_bytes())
        # Killed at the very end, the record alone may be left, or not even
        # that.
        if not self.is_over() or self.record.exists():
            self.assert_ended(self.go_on(), t.OK)
        self.assert_arrived(data, sender)
        return killed

    def is_over(self):
        """Whether a receiver has told the sender that all has arrived."""
        return not t.shm_path(self.name).exists() or \
            self.state(t.RECEIVER_STATE) == 2

    def test_random_kills_lose_and_double_nothing(self):
        print(f"seed {SEED} (PLACID_SEED), {KILLS} kills (PLACID_KILLS)",
              flush=True)
        draw = random.Random(SEED)
        left, streams = KILLS, 0
        while left > 0:
            size = draw.choice([0, 1, draw.randrange(64 * t.KIB), t.MIB,
                                draw.randrange(64 * t.MIB),
                                32 * t.MIB + draw.randrange(100)])
            ring = draw.choice([(), ("--capacity", "64KiB"),
                                ("--capacity", "1MiB")])
            data = t.random_bytes(size, draw.randrange(1 << 32))
            left -= self.kill_receivers(draw, data, ring,
                                        min(left, draw.randrange(1, 8)),
                                        draw.choice([0.01, 0.05, 0.3]))
            streams += 1
        print(f"{KILLS} kills in {streams} streams", flush=True)

    def test_a_kill_in_the_middle_of_a_write(self):
        """In the middle of a piece, of its last byte, of the record: where a
        limit of the size of files kills it."""
        data = t.random_bytes(300_000)
        sender = self.send_all(data, "--capacity", "64KiB")
        self.wait_for_side(t.SENDER_STATE)
        for most in (0, 1, 5000, 100_000, 100_001, 200_000, 299_999):
            receiver = self.go_on(preexec_fn=lambda: resource.setrlimit(
                resource.RLIMIT_FSIZE, (most, most)))
            self.assertEqual(receiver.wait(t.TIMEOUT_SECONDS),
                             -signal.SIGXFSZ)
        self.assert_arrived(data, self.go_on(), sender)

    def test_the_sender_says_so_and_says_what_it_waits_for(self):
        data = t.random_bytes(100_000)
        sender = self.half_received(data)
        line = sender.stderr.readline().decode()
        self.assertRegex(line, r"the receiver \(process \d+\) died; waiting "
                               "for another `placid receive --resume")
        self.finish_half(sender, data)

    def test_a_sender_with_a_full_ring_goes_on(self):
        """Nobody is there to make room, then somebody is."""
        data = t.random_bytes(t.MIB)
        sender = self.send_all(data, "--capacity", "64KiB")
        receiver = self.go_on()
        self.wait_for_both()
        receiver.kill()
        receiver.wait()
        line = sender.stderr.readline().decode()
        if "died" not in line:  # it was too quick for us
            self.assertEqual(sender.wait(t.TIMEOUT_SECONDS), t.OK, line)
            return
        time.sleep(0.5)
        self.assertIsNone(sender.poll())
        self.assert_arrived(data, self.go_on(), sender)

    def test_a_stopped_receiver_is_not_dead(self):
        data = t.random_bytes(100_000)
        sender = self.send("--resume")
        receiver = self.go_on()
        self.wait_for_both()
        receiver.send_signal(signal.SIGSTOP)
        sender.stdin.write(data)
        sender.stdin.close()
        sender.stdin = None
        time.sleep(1.5)
        self.assert_ended(self.go_on(), t.NAME_IN_USE, "another receiver")
        receiver.send_signal(signal.SIGCONT)
        self.assert_ended(receiver, t.OK)
        self.assertEqual(t.finish(sender), (t.OK, b"", ""))

    def test_an_interrupted_receiver_can_go_on(self):
        data = t.random_bytes(100_000)
        sender = self.send("--resume")
        receiver = self.go_on()
        half = len(data) // 2
        sender.stdin.write(data[:half])
        sender.stdin.flush()
        t.wait_until(lambda: self.recorded_bytes() == half)
        receiver.send_signal(signal.SIGINT)
        self.assert_ended(receiver, t.INTERRUPTED, "goes on from there")
        self.assertIn("has left", sender.stderr.readline().decode())
        self.finish_half(sender, data)

    def test_a_sender_that_waits_for_another_can_be_interrupted(self):
        sender = self.half_received(bytes(1000))
        sender.send_signal(signal.SIGINT)
        self.assert_ended(sender, t.INTERRUPTED, "interrupted")

    def test_killed_when_only_the_record_was_left(self):
        """The sender is gone, with exit code 0. Made by hand: the moment is
        short."""
        data = t.random_bytes(1000)
        sender = self.half_received(data)
        image = bytearray(self.record.read_bytes())
        self.finish_half(sender, data)
        total = t.crc32c(data)
        last = image[:32] + struct.pack("<QII", len(data), total, 1)
        last[8:16] = struct.pack("<Q", 7)
        last += struct.pack("<I", t.crc32c(bytes(last)))
        self.record.write_bytes(image.ljust(SECOND_SLOT, b"\0") + last)
        self.assert_ended(self.go_on(), t.OK, "was complete already",
                          f"{total:08x}")
        self.assertFalse(self.record.exists())
        self.assertTrue(self.target.read_bytes() == data)


class RefusalTest(ResumeTest):
    """Whatever is wrong is said, and nothing is changed by it."""

    def check_refused(self, sender, code, *words):
        """Twice, since the first time must not have changed anything."""
        before = self.target.read_bytes()
        record = self.record.read_bytes() if self.record.exists() else None
        for _ in range(2):
            self.assert_ended(self.go_on(), code, *words)
            self.assertEqual(self.target.read_bytes(), before)
            if record is not None:
                self.assertEqual(self.record.read_bytes(), record)
        if sender is not None:
            self.assertIsNone(sender.poll())

    def setUp(self):
        super().setUp()
        self.data = t.random_bytes(50_000)

    def test_needs_a_regular_file(self):
        for target in ([], ["-"], ["/dev/null"], [self.folder]):
            receiver = self.receive("--resume", *target)
            self.assert_ended(receiver, t.USAGE, "--resume needs a FILE")

    def test_both_sides_or_neither(self):
        for first, second in (("send", "receive"), ("receive", "send")):
            for options in ([], ["--resume"]):
                other = [] if options else ["--resume"]
                place = {"send": [], "receive": [self.target]}
                waiting = self.start(first, self.name, *options, *place[first])
                self.wait_for_side(t.SENDER_STATE if first == "send"
                                   else t.RECEIVER_STATE)
                self.assert_ended(
                    self.start(second, self.name, *other, *place[second]),
                    t.USAGE, "start both sides with it, or neither")
                self.assertIsNone(waiting.poll())
                waiting.terminate()
                self.assert_ended(waiting, t.INTERRUPTED)

    def test_a_damaged_record(self):
        sender = self.half_received(self.data)
        record = self.record.read_bytes()
        for wrong in (b"x", bytes(SLOT_BYTES), record[:SLOT_BYTES - 1],
                      record + b"\0" * 5000, t.random_bytes(5000)):
            self.record.write_bytes(wrong)
            self.check_refused(sender, t.INPUT_OUTPUT, "is damaged",
                               "nothing was changed")
        self.record.write_bytes(record)
        self.finish_half(sender, self.data)

    def test_a_record_cut_or_flipped_anywhere_is_refused_or_harmless(self):
        """It may be the older of two then: never less than what the ring has
        given back."""
        sender = self.half_received(self.data)
        record = self.record.read_bytes()
        draw = random.Random(SEED)
        wrong = [record[:draw.randrange(len(record))] for _ in range(8)]
        for _ in range(8):
            flipped = bytearray(record)
            at = draw.choice([0, len(record) - SLOT_BYTES])
            flipped[at + draw.randrange(SLOT_BYTES)] ^= 1 << draw.randrange(8)
            wrong.append(bytes(flipped))
        before = self.target.read_bytes()
        for image in wrong:
            self.record.write_bytes(image)
            receiver = self.go_on()
            try:
                code = receiver.wait(0.1)
                self.assertEqual(code, t.INPUT_OUTPUT)
            except subprocess.TimeoutExpired:  # it waits for more
                receiver.kill()
                receiver.wait()
            self.assertTrue(self.target.read_bytes() == before)
        self.record.write_bytes(record)
        self.finish_half(sender, self.data)

    def test_no_record(self):
        sender = self.half_received(self.data)
        record = self.record.read_bytes()
        self.record.unlink()
        self.check_refused(sender, t.INPUT_OUTPUT, "give the same FILE")
        other = self.folder / "other"
        self.assert_ended(self.receive("--resume", other), t.INPUT_OUTPUT,
                          "give the same FILE")
        self.assertFalse(other.exists())
        self.record.write_bytes(record)
        self.finish_half(sender, self.data)

    def test_an_output_that_became_shorter(self):
        sender = self.half_received(self.data)
        content = self.target.read_bytes()
        os.truncate(self.target, len(content) - 1)
        self.check_refused(sender, t.INPUT_OUTPUT, "fewer than the",
                           "bring the file back")
        self.target.write_bytes(content)
        self.finish_half(sender, self.data)

    def test_an_output_that_became_longer_is_cut(self):
        """As by a receiver that died before its record was written."""
        sender = self.half_received(self.data)
        with open(self.target, "ab") as f:
            f.write(b"more")
        self.finish_half(sender, self.data)

    def test_the_record_of_another_stream(self):
        sender = self.half_received(self.data)
        sender.kill()
        sender.wait()
        self.check_refused(None, t.INPUT_OUTPUT, "no longer, sent",
                           "remove FILE.placid-resume")
        self.assertFalse(t.shm_path(self.name).exists())
        other = self.send_all(b"another")
        self.wait_for_side(t.SENDER_STATE)
        self.check_refused(other, t.INPUT_OUTPUT, "no longer, sent")
        self.record.unlink()
        self.assert_arrived(b"another", self.go_on(), other)

    def test_a_killed_sender_leaves_the_receiver_its_record(self):
        sender = self.send("--resume")
        receiver = self.go_on()
        sender.stdin.write(self.data)
        sender.stdin.flush()
        t.wait_until(lambda: self.recorded_bytes() == len(self.data))
        sender.kill()
        self.assert_ended(receiver, t.PEER_DIED, "kept")
        self.assertTrue(self.target.read_bytes() == self.data)
        self.assertTrue(self.record.exists())

    def test_a_second_receiver_while_the_first_lives(self):
        sender = self.send("--resume")
        receiver = self.go_on()
        sender.stdin.write(self.data)
        sender.stdin.flush()
        t.wait_until(lambda: self.recorded_bytes() == len(self.data))
        self.check_refused(sender, t.NAME_IN_USE, "another receiver",
                           str(receiver.pid))
        sender.stdin.close()
        sender.stdin = None
        self.assert_arrived(self.data, receiver, sender)

    def test_a_second_sender_while_the_first_waits_for_a_receiver(self):
        sender = self.half_received(self.data)
        self.assert_ended(self.send("--resume"), t.NAME_IN_USE,
                          "another sender")
        self.finish_half(sender, self.data)

    def test_a_full_disk(self):
        """It says so, and what to do; and there is room later. (A limit of the
        size of files, since a disk of one's own needs the superuser.)"""
        sender = self.send_all(self.data, "--capacity", "64KiB")
        self.wait_for_side(t.SENDER_STATE)

        def limit():
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
        for _ in range(2):
            receiver = self.go_on(preexec_fn=limit)
            self.assert_ended(receiver, t.INPUT_OUTPUT, "File too large",
                              "goes on from there")
        self.assert_arrived(self.data, self.go_on(), sender)

    def test_a_plain_receiver_ignores_and_leaves_a_record(self):
        self.record.write_bytes(b"whatever")
        receiver, sender = self.receive(self.target), self.send()
        self.assertEqual(t.finish(sender, b"plain")[0], t.OK)
        self.assert_ended(receiver, t.OK)
        self.assertEqual(self.record.read_bytes(), b"whatever")

    def test_flipped_bytes_are_found(self):
        """And nothing is resumed that is not what was sent."""
        sender = self.half_received(self.data)
        sender.stdin.write(self.data[len(self.data) // 2:])
        sender.stdin.close()
        sender.stdin = None
        t.wait_until(lambda: self.state(t.SENDER_STATE) == 2)
        path = t.shm_path(self.name)
        image = path.read_bytes()
        at = image.rfind(self.data[-1000:])
        with open(path, "r+b") as f:
            f.seek(at)
            f.write(bytes([self.data[-1000] ^ 1]))
        self.assert_ended(self.go_on(), t.DAMAGED, "do not use the output")
        self.assert_ended(sender, t.DAMAGED)


if __name__ == "__main__":
    t.main()
