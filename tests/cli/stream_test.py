# SPDX-License-Identifier: Apache-2.0
"""`placid send` and `placid receive` when all goes well, and when they are used
wrongly."""
import os
import pathlib
import signal
import subprocess
import time

import cli_testing as t


class ArrivalTest(t.StreamTest):
    """A lost, doubled or moved piece changes the bytes that arrive."""

    def check(self, data, receiver_first, *options):
        if receiver_first:
            receiver = self.receive(*options)
            self.wait_for_side(t.RECEIVER_STATE)
            sender = self.send(*options, stdin=self.file(data))
        else:
            sender = self.send(*options, stdin=self.file(data))
            self.wait_for_side(t.SENDER_STATE)
            receiver = self.receive(*options)
        code, output, message = t.finish(receiver)
        self.assertEqual((code, message), (t.OK, ""))
        self.assertEqual(t.finish(sender), (t.OK, b"", ""))
        self.assertTrue(output == data, f"{len(data)} bytes were sent, "
                                        f"{len(output)} others arrived")

    def file(self, data):
        path = self.folder / "input"
        path.write_bytes(data)
        opened = open(path, "rb")
        self.addCleanup(opened.close)
        return opened

    def test_every_size_arrives_whoever_comes_first(self):
        ring = 64 * t.KIB
        sizes = [0, 1, 7, 8, 9, 4095, 4096, 4097, ring - 1, ring, ring + 1,
                 ring // 4 - 8, 3 * t.MIB + 5]
        for size in sizes:
            for receiver_first in (False, True):
                with self.subTest(size=size, receiver_first=receiver_first):
                    self.check(t.random_bytes(size), receiver_first,
                               "--capacity", "64KiB")

    def test_around_the_default_capacity(self):
        ring = 4 * t.MIB
        for size in (ring - 1, ring, ring + 1):
            with self.subTest(size=size):
                self.check(t.random_bytes(size), size % 2 == 0)

    def test_100_mebibytes_arrive(self):
        self.check(t.random_bytes(100 * t.MIB), False)

    def test_both_at_once(self):
        """Both create, lock and set up the same object in the same moment."""
        data = t.random_bytes(50_000)
        for _ in range(20):
            sender = self.send(stdin=self.file(data))
            receiver = self.receive()
            self.assertEqual(t.finish(receiver), (t.OK, data, ""))
            self.assertEqual(t.finish(sender), (t.OK, b"", ""))

    def test_one_stream_after_another_under_one_name(self):
        """The next pair comes while the last one is leaving."""
        senders = [self.send(stdin=self.file(b"first"))]
        self.wait_for_side(t.SENDER_STATE)
        for text in (b"first", b"second", b"third"):
            self.assertEqual(t.finish(self.receive()), (t.OK, text, ""))
            if text != b"third":
                following = {b"first": b"second", b"second": b"third"}[text]
                senders.append(self.send(stdin=self.file(following)))
        for sender in senders:
            self.assertEqual(t.finish(sender)[0], t.OK)

    def test_a_pipe_that_trickles_is_passed_on_at_once(self):
        receiver = self.receive()
        sender = self.send()
        for word in (b"one\n", b"two\n", b"three\n"):
            sender.stdin.write(word)
            sender.stdin.flush()
            self.assertEqual(receiver.stdout.readline(), word)
        sender.stdin.close()
        self.assertEqual(receiver.wait(t.TIMEOUT_SECONDS), t.OK)
        self.assertEqual(sender.wait(t.TIMEOUT_SECONDS), t.OK)

    def test_a_dash_is_the_standard_one_and_a_device_needs_no_emptying(self):
        receiver = self.receive("-")
        self.assertEqual(t.finish(self.send("-"), b"dashing")[0], t.OK)
        self.assertEqual(self.assert_ended(receiver, t.OK), b"dashing")
        receiver = self.receive("/dev/null")
        self.assertEqual(t.finish(self.send(), b"nothing")[0], t.OK)
        self.assert_ended(receiver, t.OK)

    def test_from_file_to_file(self):
        data = t.random_bytes(t.MIB + 3)
        source, target = self.folder / "source", self.folder / "target"
        source.write_bytes(data)
        target.write_bytes(b"x" * (2 * t.MIB))  # longer: must be cut
        receiver = self.receive(target)
        self.assert_ended(self.send(source), t.OK)
        self.assert_ended(receiver, t.OK)
        self.assertEqual(target.read_bytes(), data)

    def test_only_the_first_bytes_if_asked(self):
        receiver = self.receive()
        self.assert_ended(self.send("--bytes", "3KiB", "/dev/zero"), t.OK)
        self.assertEqual(self.assert_ended(receiver, t.OK), bytes(3 * t.KIB))

    def test_appends_where_the_shell_says_so(self):
        target = self.folder / "target"
        target.write_bytes(b"before ")
        with open(target, "ab") as output:
            receiver = self.receive(stdout=output)
            self.assertEqual(t.finish(self.send(), b"after")[0], t.OK)
            self.assertEqual(t.finish(receiver)[0], t.OK)
        self.assertEqual(target.read_bytes(), b"before after")

    def test_waiting_costs_little(self):
        receiver = self.receive()
        self.wait_for_side(t.RECEIVER_STATE)
        time.sleep(2)
        fields = pathlib.Path(f"/proc/{receiver.pid}/stat").read_text()
        ticks = sum(int(f) for f in fields.rsplit(")", 1)[1].split()[11:13])
        share = ticks / os.sysconf("SC_CLK_TCK") / 2
        receiver.terminate()
        self.assertEqual(t.finish(receiver)[0], t.INTERRUPTED)
        self.assertLess(share, 0.5)  # it is about 0.0001: see docs/cli.md


class UsageTest(t.StreamTest):
    """Each mistake has its exit code and a message that says what to do."""

    def run_placid(self, *arguments):
        return t.finish(self.start(*arguments), b"")

    def test_alone_prints_help(self):
        code, output, _ = self.run_placid()
        self.assertEqual(code, t.OK)
        for word in (b"send", b"receive", b"demo"):
            self.assertIn(word, output)

    def test_version(self):
        code, output, _ = self.run_placid("--version")
        self.assertEqual(code, t.OK)
        self.assertRegex(output, rb"^placid \d+\.\d+\.\d+")

    def test_help_lists_the_exit_codes(self):
        for command in ("send", "receive"):
            code, output, _ = self.run_placid(command, "--help")
            self.assertEqual(code, t.OK)
            self.assertIn(b"Exit codes", output)

    def test_wrong_arguments(self):
        for arguments in (["send"], ["receive"], ["sent", "x"],
                          ["send", "x", "y", "z"], ["send", "--colour", "x"],
                          ["send", "x", "--capacity", "100000"],
                          ["send", "x", "--capacity", "4KiB"],
                          ["send", "x", "--capacity", "2GiB"],
                          ["send", "x", "--bytes", "many"]):
            with self.subTest(arguments=arguments):
                code, _, message = self.run_placid(*arguments)
                self.assertEqual(code, t.USAGE, message)
                self.assertIn("placid", message)

    def test_bad_names(self):
        for name in ("", "a/b", "../x", ".hidden", "x" * 181, "with space"):
            with self.subTest(name=name):
                code, _, message = self.run_placid("send", name)
                self.assertEqual(code, t.USAGE, message)
                self.assertIn("is no name", message)

    def test_missing_file(self):
        code, _, message = self.run_placid("send", self.name,
                                           self.folder / "missing")
        self.assertEqual(code, t.INPUT_OUTPUT)
        self.assertIn("No such file", message)

    def test_directory_instead_of_a_file(self):
        code, _, message = self.run_placid("send", self.name, self.folder)
        self.assertEqual(code, t.INPUT_OUTPUT)
        self.assertIn("directory", message)

    def test_output_that_cannot_be_opened_does_not_take_the_name(self):
        code, _, message = self.run_placid("receive", self.name,
                                           self.folder / "no" / "file")
        self.assertEqual(code, t.INPUT_OUTPUT)
        self.assertIn("No such file", message)

    def test_a_second_of_either_side_is_told_who_is_there(self):
        for command, offset in (("send", t.SENDER_STATE),
                                ("receive", t.RECEIVER_STATE)):
            first = self.start(command, self.name)
            self.wait_for_side(offset)
            kept = self.folder / "kept"
            kept.write_bytes(b"of old")
            code, _, message = self.run_placid(command, self.name, kept)
            self.assertEqual(code, t.NAME_IN_USE)
            self.assertIn(f"process {first.pid}", message)
            self.assertEqual(kept.read_bytes(), b"of old")
            new = self.folder / "new"
            if command == "receive":
                self.run_placid(command, self.name, new)
                self.assertFalse(new.exists())
            self.assertIsNone(first.poll())
            first.send_signal(signal.SIGINT)
            self.assertEqual(first.wait(t.TIMEOUT_SECONDS), t.INTERRUPTED)

    def test_silent_without_a_terminal(self):
        receiver = self.receive(stdout=subprocess.DEVNULL)
        sender = self.send("/dev/zero", "--bytes", "300M")
        self.assertEqual(t.finish(sender), (t.OK, b"", ""))
        self.assertEqual(t.finish(receiver)[2], "")


if __name__ == "__main__":
    t.main()
