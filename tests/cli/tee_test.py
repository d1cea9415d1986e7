# SPDX-License-Identifier: Apache-2.0
"""`placid tee` and `placid watch`: who looks on, who is too slow, who dies."""
import json
import pathlib
import re
import signal
import unittest

import cli_testing as t


def lines(first, last):
    return "".join(f"line {i}\n" for i in range(first, last)).encode()


class TeeTest(t.StreamTest):
    def tee(self, *arguments, **options):
        return self.start("tee", self.name, *arguments, **options)

    def watch(self, *arguments, **options):
        return self.start("watch", self.name, *arguments, **options)

    def see(self, *arguments):
        """One that sees all of it, whether it or the tee was first."""
        return self.watch("--oldest", *arguments)

    def put(self, tee, text):
        """Through the tee: it has been shown once it has come out."""
        tee.stdin.write(text)
        tee.stdin.flush()
        self.assertEqual(tee.stdout.read(len(text)), text)

    def end(self, tee):
        tee.stdin.close()
        tee.stdin = None
        self.assert_ended(tee, t.OK)

    def wait_for_tee(self):
        t.wait_until(lambda: len(self.objects()) == 3)

    def test_all_who_are_there_first_see_all_of_it(self):
        watchers = [self.see() for _ in range(5)]
        tee = self.tee()
        self.put(tee, b"one\n")
        for watcher in watchers:
            self.assertEqual(watcher.stdout.readline(), b"one\n")
        self.put(tee, b"two\nthree\n")
        self.put(tee, b"four")
        self.end(tee)
        for watcher in watchers:
            self.assertEqual(self.assert_ended(watcher, t.OK),
                             b"two\nthree\nfour")

    def test_a_line_is_seen_at_once(self):
        watcher, tee = self.see(), self.tee()
        for word in (b"one\n", b"two\n"):
            self.put(tee, word)
            self.assertEqual(watcher.stdout.readline(), word)
        self.end(tee)
        self.assert_ended(watcher, t.OK)

    def test_bytes_of_any_kind_in_pieces(self):
        data = t.random_bytes(300_000) + b"x" * 200_000 + b"\n\n"
        target = self.folder / "target"
        target.write_bytes(b"y" * 600_000)  # longer: must be cut
        watcher, tee = self.see(target), self.tee()
        self.wait_for_reader(watcher)
        self.assertTrue(t.finish(tee, data) == (t.OK, data, ""))
        self.assert_ended(watcher, t.OK)
        self.assertTrue(target.read_bytes() == data)

    def test_from_a_file(self):
        source = self.folder / "source"
        source.write_bytes(b"one\ntwo")
        self.assertEqual(self.assert_ended(self.tee(source), t.OK),
                         b"one\ntwo")

    def test_nothing_is_shown_too(self):
        watcher, tee = self.see(), self.tee()
        self.wait_for_reader(watcher)
        self.end(tee)
        self.assertEqual(self.assert_ended(watcher, t.OK), b"")

    def test_who_comes_late_begins_now_or_with_the_oldest(self):
        tee = self.tee()
        self.put(tee, b"early\n")
        oldest, late = self.see(), self.watch()
        self.assertEqual(oldest.stdout.readline(), b"early\n")
        self.wait_for_reader(late)
        self.put(tee, b"late\n")
        self.end(tee)
        self.assertEqual(self.assert_ended(oldest, t.OK), b"late\n")
        self.assertEqual(self.assert_ended(late, t.OK), b"late\n")

    def wait_for_reader(self, watcher):
        """Until it looks: it has the data mapped and a second thread."""
        tasks = pathlib.Path(f"/proc/{watcher.pid}/task")
        t.wait_until(lambda: len(list(tasks.glob("*"))) == 2)

    def maps(self, process):
        text = pathlib.Path(f"/proc/{process.pid}/maps").read_text()
        return [line for line in text.splitlines() if self.name in line]

    def test_who_looks_on_cannot_write(self):
        tee, watcher = self.tee(), self.watch()
        self.wait_for_tee()
        self.wait_for_reader(watcher)
        maps = self.maps(watcher)
        self.assertNotEqual(maps, [])
        for line in maps:
            self.assertIn(" r--s ", line)
        self.end(tee)
        self.assert_ended(watcher, t.OK)

    def test_who_is_too_slow_is_told_how_much_it_lost(self):
        watcher = self.see()
        tee = self.tee("--capacity", "64KiB")
        self.wait_for_tee()
        self.wait_for_reader(watcher)
        count = 100_000
        # It sits in its output while the tee goes round and round.
        t.finish(tee, lines(0, count))
        self.assertEqual(tee.returncode, t.OK)
        code, output, message = t.finish(watcher)
        self.assertEqual(code, t.LOST, message)
        found = re.search(r"watch: ([\d,]+) of ([\d,]+) records were lost",
                          message)
        lost, of = (int(text.replace(",", "")) for text in found.groups())
        self.assertEqual(of, count)
        seen = [int(line.removeprefix(b"line "))
                for line in output.splitlines()]
        self.assertEqual(len(seen), count - lost)
        self.assertEqual(seen, sorted(set(seen)))

    def test_a_stopped_watcher_is_not_waited_for(self):
        watcher, tee = self.see(), self.tee("--capacity", "64KiB")
        self.put(tee, b"first\n")
        self.assertEqual(watcher.stdout.readline(), b"first\n")
        watcher.send_signal(signal.SIGSTOP)
        for _ in range(20):
            self.put(tee, lines(0, 1000))
        self.put(tee, b"last\n")
        watcher.send_signal(signal.SIGCONT)
        self.end(tee)
        output = self.assert_ended(watcher, t.LOST, "records were lost")
        self.assertTrue(output.endswith(b"last\n"))

    def test_a_killed_tee_is_told_and_cleared_away(self):
        watchers = [self.see() for _ in range(3)]
        tee = self.tee()
        self.put(tee, b"first\n")
        for watcher in watchers:
            self.assertEqual(watcher.stdout.readline(), b"first\n")
        self.put(tee, b"last\n")
        tee.kill()
        tee.wait()
        for watcher in watchers:
            self.assertEqual(
                self.assert_ended(watcher, t.PEER_DIED,
                                  f"the tee (process {tee.pid}) died"),
                b"last\n")
        self.assertEqual(self.objects(), [])

    def test_who_is_killed_looking_on_disturbs_nobody(self):
        watchers, tee = [self.see(), self.see()], self.tee()
        self.put(tee, b"one\n")
        for watcher in watchers:
            self.assertEqual(watcher.stdout.readline(), b"one\n")
        watchers[0].kill()
        watchers[0].wait()
        self.put(tee, b"two\n")
        self.end(tee)
        self.assertEqual(self.assert_ended(watchers[1], t.OK), b"two\n")

    def test_the_name_of_a_killed_one_is_free(self):
        tee = self.tee()
        self.put(tee, b"one\n")
        tee.kill()
        tee.wait()
        tee, watcher = self.tee(), self.see()
        self.put(tee, b"two\n")
        self.assertEqual(watcher.stdout.readline(), b"two\n")
        self.end(tee)
        self.assert_ended(watcher, t.OK)

    def test_a_second_tee_is_told_of_the_first(self):
        tee = self.tee()
        self.put(tee, b"one\n")
        self.assert_ended(self.tee(), t.NAME_IN_USE, "another tee",
                          f"process {tee.pid}")
        self.end(tee)

    def test_interruptions(self):
        watcher, tee = self.see(), self.tee()
        self.put(tee, b"one\n")
        self.assertEqual(watcher.stdout.readline(), b"one\n")
        tee.send_signal(signal.SIGINT)
        self.assertEqual(tee.wait(t.TIMEOUT_SECONDS), t.INTERRUPTED)
        self.assertIn("interrupted", tee.stderr.read().decode())
        self.assert_ended(watcher, t.PEER_GAVE_UP, "was interrupted")
        watcher, tee = self.see(), self.tee()
        self.put(tee, b"two\n")
        self.assertEqual(watcher.stdout.readline(), b"two\n")
        watcher.send_signal(signal.SIGINT)
        self.assertEqual(watcher.wait(t.TIMEOUT_SECONDS), t.INTERRUPTED)
        self.put(tee, b"three\n")
        self.end(tee)

    def test_an_output_that_nobody_reads_is_an_error(self):
        tee, watcher = self.tee(), self.see()
        self.put(tee, b"one\n")
        self.assertEqual(watcher.stdout.readline(), b"one\n")
        tee.stdout.close()
        tee.stdin.write(b"two\n")
        tee.stdin.close()
        self.assertEqual(tee.wait(t.TIMEOUT_SECONDS), t.INPUT_OUTPUT)
        tee.stdout = tee.stdin = None
        self.assertEqual(self.assert_ended(watcher, t.PEER_GAVE_UP), b"two\n")

    def test_names_of_other_things_are_left_alone(self):
        sender = self.send()
        self.wait_for_side(t.SENDER_STATE)
        self.assert_ended(self.tee(), t.NAME_IN_USE, "something else")
        self.assert_ended(self.watch(), t.NAME_IN_USE, "something else")
        sender.send_signal(signal.SIGINT)
        self.assertEqual(sender.wait(t.TIMEOUT_SECONDS), t.INTERRUPTED)
        tee = self.tee()
        self.put(tee, b"one\n")
        self.assert_ended(self.receive(), t.NAME_IN_USE)
        self.end(tee)

    def test_mistakes(self):
        for arguments in (["tee"], ["watch"], ["tee", "a/b"],
                          ["watch", "x" * 151], ["tee", "x" * 151],
                          ["tee", "x", "--oldest"],
                          ["tee", "x", "--capacity", "1"]):
            with self.subTest(arguments=arguments):
                self.assert_ended(self.start(*arguments), t.USAGE, "placid")
        self.assert_ended(self.tee(self.folder / "missing"), t.INPUT_OUTPUT,
                          "No such file")

    def test_it_is_listed_and_shown_and_left_alone_while_it_lives(self):
        tee = self.tee()
        self.put(tee, b"one\n")
        code, output, message = t.finish(
            self.start("inspect", self.name, "--json"))
        self.assertEqual(code, t.OK, message)
        shown = json.loads(output)
        self.assertEqual((shown["kind"], shown["state"], shown["open"]),
                         ("segment", "ready", True))
        self.assertIn("BroadcastByteRing", output.decode())
        self.assert_ended(self.start("clean", self.name), t.TROUBLE)
        tee.kill()
        tee.wait()
        self.assert_ended(self.start("clean", self.name), t.OK)
        self.assertEqual(self.objects(), [])


if __name__ == "__main__":
    t.main()
