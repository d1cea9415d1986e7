# SPDX-License-Identifier: Apache-2.0
"""`placid send --merge`: many senders, whole lines, and deaths on each side."""
import json
import signal
import struct
import unittest

import cli_testing as t

LANES = 32


def lines(who, count):
    return b"".join(b"%s %d\n" % (who, i) for i in range(count))


def record(data):
    return struct.pack("<I", len(data)) + data


class MergeTest(t.StreamTest):
    def send(self, *arguments, **options):
        return super().send("--merge", *arguments, **options)

    def receive(self, *arguments, **options):
        return super().receive("--merge", *arguments, **options)

    def put(self, process, data):
        process.stdin.write(data)
        process.stdin.flush()

    def end(self, sender, code=t.OK):
        sender.stdin.close()
        sender.stdin = None
        self.assert_ended(sender, code)

    def assert_merged(self, output, parts):
        """Of each part its lines, and in their order, and nothing else."""
        found = {who: bytearray() for who in parts}
        for line in output.splitlines(keepends=True):
            found[line.split(b" ", 1)[0]] += line
        self.assertTrue(found == parts)

    def test_lines_of_all_arrive_whole_and_in_order(self):
        parts = {b"s%d" % i: lines(b"s%d" % i, 20_000 * i) for i in range(1, 6)}
        for is_receiver_first in (True, False):
            with self.subTest(is_receiver_first=is_receiver_first):
                senders = []
                if is_receiver_first:
                    receiver = self.receive("--senders", "5")
                for who in parts:
                    path = self.folder / who.decode()
                    path.write_bytes(parts[who])
                    senders.append(self.send(path))
                if not is_receiver_first:
                    receiver = self.receive("--senders", "5")
                code, output, message = t.finish(receiver)
                self.assertEqual((code, message), (t.OK, ""))
                self.assert_merged(output, parts)
                for sender in senders:
                    self.assert_ended(sender, t.OK)

    def test_a_line_is_passed_on_at_once_and_the_last_one_is_ended(self):
        receiver, one, two = self.receive(), self.send(), self.send()
        self.put(one, b"one\n")
        self.assertEqual(receiver.stdout.readline(), b"one\n")
        self.put(two, b"half of")
        self.put(one, b"another\n")
        self.assertEqual(receiver.stdout.readline(), b"another\n")
        self.put(two, b" two")
        self.end(two)
        self.end(one)
        self.assertEqual(self.assert_ended(receiver, t.OK), b"half of two\n")

    def test_lines_longer_than_a_lane_stay_whole(self):
        parts = {who: b"".join(who + b" " + bytes([65 + i]) * (100_000 * i) +
                               b"\n" for i in range(1, 8))
                 for who in (b"a", b"b", b"c")}
        receiver = self.receive("--senders", "3", "--capacity", "64KiB")
        senders = []
        for who, data in parts.items():
            (self.folder / who.decode()).write_bytes(data)
            senders.append(self.send(self.folder / who.decode()))
        self.assert_merged(self.assert_ended(receiver, t.OK), parts)
        for sender in senders:
            self.assert_ended(sender, t.OK)

    def test_records_behind_their_lengths(self):
        target = self.folder / "target"
        receiver = self.receive("--frames", "--senders", "2", target)
        senders = [self.send("--frames"), self.send("--frames")]
        wanted = []
        for i, sender in enumerate(senders):
            all_of_it = [b"", b"%d\n" % i, t.random_bytes(500_000, i)]
            wanted += all_of_it
            self.assertEqual(
                t.finish(sender, b"".join(map(record, all_of_it)))[0], t.OK)
        self.assert_ended(receiver, t.OK)
        output = target.read_bytes()
        found = []
        while output:
            length, = struct.unpack_from("<I", output)
            found.append(output[4:4 + length])
            output = output[4 + length:]
        self.assertTrue(sorted(found) == sorted(wanted))

    def test_an_input_that_ends_within_a_record_is_an_error(self):
        receiver, sender = self.receive("--frames"), self.send("--frames")
        whole = record(b"whole")
        self.put(sender, whole)
        self.assertEqual(receiver.stdout.read(len(whole)), whole)
        code, _, message = t.finish(sender, b"\x05\0\0\0ha")
        self.assertEqual(code, t.INPUT_OUTPUT)
        self.assertIn("ends within a record", message)
        self.assert_ended(receiver, t.PEER_GAVE_UP, "could not go on")

    def test_a_killed_sender_leaves_whole_lines(self):
        receiver, victim, other = (self.receive("--capacity", "64KiB"),
                                   self.send(), self.send())
        self.put(other, b"here\n")
        self.assertEqual(receiver.stdout.readline(), b"here\n")
        self.put(victim, b"whole\n")
        self.assertEqual(receiver.stdout.readline(), b"whole\n")
        # Far more than a pipe holds: some of it was sent when this returns.
        self.put(victim, b"x" * 1_000_000)
        victim.kill()
        victim.wait()
        self.put(other, b"there\n")
        self.end(other)
        self.assertEqual(
            self.assert_ended(receiver, t.PEER_DIED,
                              f"a sender (process {victim.pid}) died",
                              "no end", "1 of 2 senders died"), b"there\n")

    def test_a_stopped_sender_delays_only_itself(self):
        receiver, stopped, other = self.receive(), self.send(), self.send()
        self.put(stopped, b"before\n")
        self.assertEqual(receiver.stdout.readline(), b"before\n")
        stopped.send_signal(signal.SIGSTOP)
        for i in range(1000):
            line = b"line %d\n" % i
            self.put(other, line)
            self.assertEqual(receiver.stdout.readline(), line)
        self.end(other)
        stopped.send_signal(signal.SIGCONT)
        self.put(stopped, b"after\n")
        self.end(stopped)
        self.assertEqual(self.assert_ended(receiver, t.OK), b"after\n")

    def test_lanes_of_the_dead_are_given_back(self):
        receiver = self.receive("--keep")
        for i in range(2 * LANES):
            victim = self.send()
            line = b"line %d\n" % i
            self.put(victim, line)
            self.assertEqual(receiver.stdout.readline(), line)
            victim.kill()
            victim.wait()
        receiver.send_signal(signal.SIGTERM)
        self.assertEqual(receiver.wait(t.TIMEOUT_SECONDS), t.INTERRUPTED)

    def test_the_bound_is_told(self):
        receiver = self.receive("--senders", LANES)
        senders = [self.send() for _ in range(LANES)]
        for sender in senders:
            self.put(sender, b"here\n")
        for _ in senders:
            self.assertEqual(receiver.stdout.readline(), b"here\n")
        self.assert_ended(self.send(), t.NAME_IN_USE, "32 senders")
        for sender in senders:
            self.end(sender)
        self.assert_ended(receiver, t.OK)

    def test_a_killed_receiver_is_told_and_frees_the_name(self):
        receiver, senders = self.receive(), [self.send(), self.send()]
        for sender in senders:
            self.put(sender, b"here\n")
            self.assertEqual(receiver.stdout.readline(), b"here\n")
        receiver.kill()
        for sender in senders:
            self.assertEqual(sender.wait(t.TIMEOUT_SECONDS), t.PEER_DIED)
            self.assertIn(f"the receiver (process {receiver.pid}) died",
                          sender.stderr.read().decode())
        receiver, sender = self.receive(), self.send()
        self.assertEqual(t.finish(sender, b"next")[0], t.OK)
        self.assertEqual(self.assert_ended(receiver, t.OK), b"next\n")

    def test_all_killed_at_once_free_the_name(self):
        receiver, sender = self.receive(), self.send()
        self.put(sender, b"here\n")
        self.assertEqual(receiver.stdout.readline(), b"here\n")
        for victim in (receiver, sender):
            victim.kill()
            victim.wait()
        receiver, sender = self.receive(), self.send()
        self.assertEqual(t.finish(sender, b"next\n")[0], t.OK)
        self.assertEqual(self.assert_ended(receiver, t.OK), b"next\n")

    def test_interruptions(self):
        receiver, one, two = self.receive(), self.send(), self.send()
        for sender in (one, two):
            self.put(sender, b"here\n")
            self.assertEqual(receiver.stdout.readline(), b"here\n")
        one.send_signal(signal.SIGINT)
        self.assertEqual(one.wait(t.TIMEOUT_SECONDS), t.INTERRUPTED)
        self.end(two)
        self.assert_ended(receiver, t.PEER_GAVE_UP, "was interrupted",
                          "1 of 2 senders")
        receiver, one = self.receive(), self.send()
        self.put(one, b"here\n")
        self.assertEqual(receiver.stdout.readline(), b"here\n")
        receiver.send_signal(signal.SIGINT)
        self.assertEqual(receiver.wait(t.TIMEOUT_SECONDS), t.INTERRUPTED)
        self.assertEqual(one.wait(t.TIMEOUT_SECONDS), t.PEER_GAVE_UP)
        self.assertIn("was interrupted", one.stderr.read().decode())

    def test_a_full_output_is_told_to_all(self):
        receiver, sender = self.receive("/dev/full"), self.send()
        self.put(sender, b"here\n")
        self.assert_ended(receiver, t.INPUT_OUTPUT, "No space left")
        self.assertEqual(sender.wait(t.TIMEOUT_SECONDS), t.PEER_GAVE_UP)
        self.assertIn("could not write", sender.stderr.read().decode())

    def test_it_ends_when_enough_have_come(self):
        receiver = self.receive("--senders", "2")
        self.assertEqual(t.finish(self.send(), b"one\n")[0], t.OK)
        self.assertIsNone(receiver.poll())
        self.assertEqual(t.finish(self.send(), b"two\n")[0], t.OK)
        self.assertEqual(self.assert_ended(receiver, t.OK), b"one\ntwo\n")

    def test_who_is_there_already_is_told(self):
        receiver, sender = self.receive(), self.send()
        self.put(sender, b"here\n")
        self.assertEqual(receiver.stdout.readline(), b"here\n")
        self.assert_ended(self.receive(), t.NAME_IN_USE, "another receiver",
                          f"process {receiver.pid}")
        self.assert_ended(self.send("--frames"), t.NAME_IN_USE, "--frames")
        self.assert_ended(self.start("watch", self.name), t.NAME_IN_USE)
        self.assert_ended(self.start("send", self.name), t.NAME_IN_USE)
        code, output, message = t.finish(
            self.start("inspect", self.name, "--json"))
        self.assertEqual(code, t.OK, message)
        self.assertEqual(json.loads(output)["living"], 2)
        self.assertIn("LaneByteRing", output.decode())
        self.end(sender)
        self.assert_ended(receiver, t.OK)

    def test_mistakes(self):
        for arguments in (["send", "x", "--frames"], ["receive", "x", "--keep"],
                          ["send", "x", "--merge", "--resume"],
                          ["send", "x", "--merge", "--bytes", "1"],
                          ["receive", "x", "--senders", "2"],
                          ["receive", "x", "--merge", "--senders", "0"],
                          ["send", "--merge", "x" * 151]):
            with self.subTest(arguments=arguments):
                self.assert_ended(self.start(*arguments), t.USAGE, "placid")


if __name__ == "__main__":
    t.main()
