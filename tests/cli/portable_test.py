# SPDX-License-Identifier: Apache-2.0
"""The main job on every system: what needs no Linux. Under Wine it is run as
portable_test.py placid.exe wine.sh PREFIX."""
import json
import os
import pathlib
import time
import unittest

import cli_testing as t


def read(path):
    """The bytes of a file of /proc, none if its process has ended."""
    try:
        return path.read_bytes()
    except OSError:
        return b""


def sleeps(pid):
    """How often any thread of a process has gone to sleep."""
    key = b"\nvoluntary_ctxt_switches:"
    found = [read(path).partition(key)[2].split()
             for path in pathlib.Path(f"/proc/{pid}/task").glob("*/status")]
    return sum(int(words[0]) for words in found if words)


def seconds_of_processor(pid):
    fields = read(pathlib.Path(f"/proc/{pid}/stat")).rpartition(b")")[2].split()
    return sum(int(ticks) for ticks in fields[11:13]) / os.sysconf("SC_CLK_TCK")


class PortableTest(t.StreamTest):
    """Nothing here looks into the shared memory but by the program."""

    def join_and_pass(self, text):
        """Both sides, after `text` has gone through."""
        receiver, sender = self.receive(), self.send()
        sender.stdin.write(text)
        sender.stdin.flush()
        self.assertEqual(receiver.stdout.read(len(text)), text)
        return sender, receiver

    def check(self, data):
        target = self.folder / "target"
        receiver, sender = self.receive(target), self.send()
        sent = t.finish(sender, data)
        code, _, message = t.finish(receiver)
        self.assertEqual((sent[0], code), (t.OK, t.OK), sent[2] + message)
        self.assertTrue(target.read_bytes() == data)

    # One on each side of the sizes of a piece and of the ring.
    def test_sizes(self):
        for size in (0, 1, 4095, 4097, 256 * t.KIB - 8, 4 * t.MIB + 1,
                     20 * t.MIB):
            with self.subTest(size=size):
                self.check(t.random_bytes(size))

    def test_from_file_to_file(self):
        data = t.random_bytes(t.MIB + 3)
        source, target = self.folder / "source", self.folder / "target"
        source.write_bytes(data)
        target.write_bytes(b"x" * (2 * t.MIB))
        receiver = self.receive(target)
        self.assert_ended(self.send(source), t.OK)
        self.assert_ended(receiver, t.OK)
        self.assertEqual(target.read_bytes(), data)

    def test_a_second_sender_is_told_of_the_first(self):
        sender, receiver = self.join_and_pass(b"text")
        self.assert_ended(self.send(), t.NAME_IN_USE, "another sender")
        sender.stdin.close()
        sender.stdin = None
        self.assert_ended(sender, t.OK)
        self.assert_ended(receiver, t.OK)

    def test_deaths_are_noticed_and_free_the_name(self):
        for dies in ("sender", "receiver"):
            with self.subTest(dies=dies):
                sender, receiver = self.join_and_pass(b"text")
                victim, survivor = ((sender, receiver) if dies == "sender"
                                    else (receiver, sender))
                victim.kill()
                victim.wait()
                started = time.monotonic()
                self.assertEqual(survivor.wait(t.TIMEOUT_SECONDS), t.PEER_DIED)
                self.assertLess(time.monotonic() - started, t.NOTICE_SECONDS)
                self.assertIn(f"the {dies} (process",
                              survivor.stderr.read().decode())
                self.check(b"the next pair")

    def test_an_idle_pair_sleeps(self):
        """Who naps instead, say for a millisecond, goes to sleep a hundred times
        a second at least, and who spins takes all of a processor. Under Wine the
        two are processes of Linux, too. A loaded machine only makes both less."""
        if not pathlib.Path("/proc/self/task").exists():
            return
        sender, receiver = self.join_and_pass(b"text")
        pids = [path.parent.name
                for path in pathlib.Path("/proc").glob("[0-9]*/cmdline")
                if self.name.encode() in read(path)]
        self.assertEqual(len(pids), 2)
        time.sleep(1)  # the shorter sleeps that come first are over
        began = time.monotonic()
        before = {pid: (sleeps(pid), seconds_of_processor(pid))
                  for pid in pids}
        time.sleep(3)
        for pid, (slept, took) in before.items():
            slept, took = sleeps(pid) - slept, seconds_of_processor(pid) - took
            elapsed = time.monotonic() - began
            print(f"{slept} sleeps, {took:.2f} s of a processor in "
                  f"{elapsed:.1f} s", flush=True)
            self.assertLess(slept, 50 * elapsed)
            self.assertLess(took, 0.2 * elapsed)
        sender.stdin.close()
        sender.stdin = None
        self.assert_ended(sender, t.OK)
        self.assert_ended(receiver, t.OK)

    def test_a_killed_receiver_has_a_successor(self):
        data = t.random_bytes(2 * t.MIB + 5)
        half = t.MIB + 1
        target = self.folder / "target"
        record = self.folder / "target.placid-resume"
        sender = self.send("--resume")
        receiver = self.receive("--resume", target)
        sender.stdin.write(data[:half])
        sender.stdin.flush()
        t.wait_until(lambda: record.exists() and
                     target.stat().st_size == half)
        receiver.kill()
        receiver.wait()
        receiver = self.receive("--resume", target)
        code, _, message = t.finish(sender, data[half:])
        self.assert_ended(receiver, t.OK)
        self.assertEqual(code, t.OK, message)
        self.assertTrue(target.read_bytes() == data)
        self.assertFalse(record.exists())

    def test_many_senders_are_merged(self):
        target = self.folder / "target"
        receiver = self.receive("--merge", "--senders", "3", target)
        senders = [self.send("--merge") for _ in range(3)]
        text = {sender: b"".join(b"%d %d\n" % (i, n) for n in range(5000))
                for i, sender in enumerate(senders)}
        for sender in senders:
            sender.stdin.write(text[sender])
            sender.stdin.flush()
        for sender in senders:
            self.assertEqual(t.finish(sender)[0], t.OK)
        self.assert_ended(receiver, t.OK)
        arrived = target.read_bytes().splitlines(keepends=True)
        for i, sender in enumerate(senders):
            own = [line for line in arrived if line.startswith(b"%d " % i)]
            self.assertTrue(b"".join(own) == text[sender])
        self.assertEqual(len(arrived), 15000)

    def test_deaths_in_a_merge_are_noticed(self):
        receiver, victim, other = (self.receive("--merge"),
                                   self.send("--merge"), self.send("--merge"))
        for sender in (victim, other):
            sender.stdin.write(b"here\n")
            sender.stdin.flush()
            self.assertEqual(receiver.stdout.readline(), b"here\n")
        victim.kill()
        victim.wait()
        self.assertEqual(t.finish(other, b"there\n")[0], t.OK)
        self.assertEqual(
            self.assert_ended(receiver, t.PEER_DIED, "1 of 2 senders died"),
            b"there\n")
        receiver, other = self.receive("--merge"), self.send("--merge")
        other.stdin.write(b"here\n")
        other.stdin.flush()
        self.assertEqual(receiver.stdout.readline(), b"here\n")
        receiver.kill()
        self.assertEqual(other.wait(t.TIMEOUT_SECONDS), t.PEER_DIED)
        self.assertIsNone(self.listed())

    def test_a_tee_is_watched_until_it_dies(self):
        def put(tee, text):
            tee.stdin.write(text)
            tee.stdin.flush()
            self.assertEqual(tee.stdout.read(len(text)), text)

        for dies in (False, True):
            tee = self.start("tee", self.name)
            watchers = [self.start("watch", "--oldest", self.name)
                        for _ in range(2)]
            put(tee, b"one\n")
            for watcher in watchers:
                self.assertEqual(watcher.stdout.readline(), b"one\n")
            self.assert_ended(self.start("tee", self.name), t.NAME_IN_USE,
                              "another tee")
            put(tee, b"two\n")
            if dies:
                tee.kill()
            tee.stdin.close()
            self.assertEqual(tee.wait(t.TIMEOUT_SECONDS) == t.OK, not dies)
            tee.stdin = None
            for watcher in watchers:
                self.assertEqual(
                    self.assert_ended(watcher,
                                      t.PEER_DIED if dies else t.OK),
                    b"two\n")
            self.assertIsNone(self.listed())

    def listed(self):
        """What `ls` has under our own name, or None."""
        code, output, message = t.finish(self.start("ls", "--json"))
        self.assertEqual(code, t.OK, message)
        return next((found for found in json.loads(output)["objects"]
                     if found["name"] == self.name), None)

    def test_what_looks_after_shared_memory_runs_everywhere(self):
        code, output, message = t.finish(self.start("doctor", "--json"))
        self.assertIn(code, (t.OK, 9), message)
        checks = {check["name"]: check["verdict"]
                  for check in json.loads(output)["checks"]}
        self.assertEqual(checks["a named object"], "ok")
        self.assertIn("leftovers", checks)
        self.assertIsNone(self.listed())
        sender, receiver = self.join_and_pass(b"text")
        found = self.listed()
        self.assertEqual((found["kind"], found["state"], found["living"]),
                         ("stream", "ready", 2))
        self.assertGreaterEqual(found["allocated_bytes"], 4 * t.MIB)
        self.assertIn(found["age_seconds"], range(-5, 600))
        code, output, message = t.finish(
            self.start("inspect", self.name, "--json"))
        self.assertEqual(code, t.OK, message)
        shown = json.loads(output)
        self.assertEqual((shown["kind"], shown["living"]), ("stream", 2))
        self.assertEqual(shown["sender"]["life"], "alive")
        # It is in use, or cannot be removed by anybody else at all.
        code, output, message = t.finish(
            self.start("clean", self.name, "--json"))
        self.assertEqual(code, 9, message)
        self.assertEqual([action["action"] for action in
                          json.loads(output)["actions"]], ["left"])
        sender.stdin.close()
        sender.stdin = None
        self.assert_ended(sender, t.OK)
        self.assert_ended(receiver, t.OK)
        self.assertIsNone(self.listed())

    def test_a_killed_pair_is_cleaned_up_or_gone_by_itself(self):
        sender, receiver = self.join_and_pass(b"text")
        for victim in (sender, receiver):
            victim.kill()
        for victim in (sender, receiver):
            victim.wait()
        for _ in range(2):
            code, output, message = t.finish(
                self.start("clean", self.name, "--json"))
            self.assertEqual(code, t.OK, message + output.decode())
            self.assertIsNone(self.listed())

    def test_mistakes(self):
        self.assert_ended(self.start("send", "a/b"), t.USAGE, "is no name")
        self.assert_ended(self.start("sned"), t.USAGE)
        self.assert_ended(self.send(self.folder / "missing"), t.INPUT_OUTPUT,
                          "cannot open")


if __name__ == "__main__":
    t.main()
