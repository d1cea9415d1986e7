# SPDX-License-Identifier: Apache-2.0
"""`placid ls`, `inspect` and `clean` of what really lies in shared memory. Names
are given to `clean` wherever other tests may leave something at the same time.
"""
import json
import os
import pathlib
import signal
import subprocess
import sys

import cli_testing as t
import planting

TROUBLE = 9


class HousekeepingTest(t.StreamTest):

    def run_json(self, *arguments, code=t.OK):
        found, output, message = t.finish(t.start(*arguments, "--json"))
        self.assertEqual(found, code, message)
        return json.loads(output)

    def listed(self):
        """The entry of our own name, or None."""
        entries = [entry for entry in self.run_json("ls")["objects"]
                   if entry["name"] == self.name]
        self.assertLessEqual(len(entries), 1)
        return entries[0] if entries else None

    def dead_sender(self):
        """A sender that has been killed; what it left."""
        sender = self.send()
        self.wait_for_side(t.SENDER_STATE)
        sender.kill()
        sender.wait()
        return sender

    def test_ls_shows_a_stream_from_its_beginning_to_its_end(self):
        self.assertIsNone(self.listed())
        sender = self.send("--capacity", "64KiB")
        self.wait_for_side(t.SENDER_STATE)
        entry = self.listed()
        self.assertEqual(entry["kind"], "stream")
        self.assertEqual(entry["state"], "ready")
        self.assertEqual((entry["living"], entry["dead"]), (1, 0))
        self.assertEqual(entry["size_bytes"], 128 * t.KIB)
        self.assertGreaterEqual(entry["allocated_bytes"], 128 * t.KIB)
        self.assertEqual(entry["owner_id"], os.getuid())
        sender.send_signal(signal.SIGSTOP)
        self.assertEqual(self.listed()["living"], 1, "stopped is not dead")
        sender.send_signal(signal.SIGCONT)
        sender.terminate()
        sender.wait()
        self.assertIsNone(self.listed())

    def test_ls_is_a_table_for_people(self):
        self.dead_sender()
        code, output, _ = t.finish(t.start("ls"))
        self.assertEqual(code, t.OK)
        lines = output.decode().splitlines()
        self.assertEqual(lines[0].split(), [
            "NAME", "KIND", "STATE", "SIZE", "TAKES", "OWNER", "LIVING",
            "DEAD", "AGE"])
        ours = [line for line in lines if line.startswith(self.name + " ")]
        self.assertEqual(len(ours), 1, output)
        self.assertIn("orphaned", ours[0])
        state = lines[0].index("STATE")
        self.assertTrue(ours[0][state:].startswith("orphaned"), "aligned")
        self.clean()

    def clean(self, *arguments, code=t.OK):
        actions = self.run_json("clean", self.name, *arguments,
                                code=code)["actions"]
        self.assertEqual([action["name"] for action in actions], [self.name])
        return actions[0]["action"]

    def test_an_orphan_goes_once(self):
        self.dead_sender()
        self.assertEqual(self.clean("--dry-run", code=TROUBLE),
                         "would remove")
        self.assertTrue(t.shm_path(self.name).exists())
        self.assertEqual(self.clean(), "removed")
        self.assertFalse(t.shm_path(self.name).exists())
        self.assertEqual(self.clean(), "absent")

    def test_a_living_stream_stays_even_if_it_is_named(self):
        receiver, sender = self.receive(), self.send()
        self.wait_for_both()
        self.assertEqual(self.clean(code=TROUBLE), "left")
        self.assertEqual(t.finish(sender, b"all of it")[0], t.OK)
        self.assertEqual(self.assert_ended(receiver, t.OK), b"all of it")

    def test_a_foreign_file_is_shown_and_left(self):
        path = t.shm_path(self.name)
        path.write_bytes(b"not ours" * 1000)
        entry = self.listed()
        self.assertEqual((entry["kind"], entry["state"]), ("foreign", "-"))
        self.assertEqual(self.clean(code=TROUBLE), "left")
        self.assertEqual(path.read_bytes(), b"not ours" * 1000)
        path.unlink()

    def test_names_of_others_are_printed_safely(self):
        path = t.shm_path(self.name + "\n\x1b]0;title\x07\xff")
        os.mkfifo(path)
        try:
            code, output, _ = t.finish(t.start("ls"))
            self.assertEqual(code, t.OK)
            self.assertNotIn(b"\x1b", output)
            self.assertIn(
                self.name.encode() + rb"\x0a\x1b]0;title\x07\xc3\xbf", output)
            self.run_json("ls")
        finally:
            path.unlink()

    def test_inspect_shows_both_sides_of_a_stream(self):
        sender = self.send("/dev/zero", "--capacity", "64KiB")
        self.wait_for_side(t.SENDER_STATE)
        t.wait_until(lambda: self.sent_bytes() > 0)
        shown = self.run_json("inspect", self.name)
        self.assertEqual(shown["sender"]["life"], "alive")
        self.assertEqual(shown["sender"]["pid"], sender.pid)
        self.assertEqual(shown["receiver"]["life"], "not there")
        self.assertEqual(shown["ring"]["capacity_bytes"], 64 * t.KIB)
        self.assertGreater(shown["ring"]["held_bytes"], 0)
        sender.kill()
        sender.wait()
        shown = self.run_json("inspect", self.name)
        self.assertEqual(shown["sender"]["life"], "dead")
        code, output, _ = t.finish(t.start("inspect", self.name))
        self.assertEqual(code, t.OK)
        self.assertIn(b"sender and receiver are dead", output)
        self.clean()

    def test_mistakes(self):
        self.assert_ended(self.start("inspect", self.name), t.INPUT_OUTPUT,
                          "not found", "placid ls")
        self.assert_ended(self.start("inspect", "a/b"), t.USAGE, "is no name")
        self.assert_ended(self.start("inspect"), t.USAGE)
        self.assert_ended(self.start("ls", "--jsno"), t.USAGE)

    def test_an_output_that_cannot_be_written_is_said(self):
        self.dead_sender()
        for command in (["ls"], ["inspect", self.name], ["doctor"],
                        ["clean", "--dry-run", self.name]):
            for options in ([], ["--json"]):
                with open("/dev/full", "wb") as full:
                    self.assert_ended(
                        self.start(*command, *options, stdout=full),
                        t.INPUT_OUTPUT, "cannot write")
        self.clean()


class OwnFolderTest(t.StreamTest):
    """With a /dev/shm that is empty at first, where that is permitted."""

    def in_own_folder(self, script):
        """What `script`, a shell's, prints; nothing where it may not run."""
        ran = subprocess.run(
            [sys.executable, planting.__file__, "shm=size=64m,mode=1777", "--",
             "/bin/sh", "-c", script, "sh", t.PROGRAM[-1]],
            capture_output=True, timeout=t.TIMEOUT_SECONDS)
        if ran.returncode == planting.NOT_PERMITTED:
            print("not permitted here:", ran.stderr.decode(), flush=True)
            return None
        self.assertEqual(ran.returncode, 0, ran)
        return ran.stdout.decode(), ran.stderr.decode()

    def test_where_there_is_nothing_both_say_so_and_are_content(self):
        said = self.in_own_folder('"$1" ls && "$1" clean && "$1" clean -n')
        if said:
            self.assertEqual(said[0], "")
            self.assertEqual(said[1].count("there is nothing"), 3)

    def test_clean_without_names_takes_the_dead_and_leaves_the_rest(self):
        said = self.in_own_folder(r"""
            "$1" send living < /dev/zero & living=$!
            "$1" send dead < /dev/zero & dead=$!
            head -c 4096 /dev/urandom > /dev/shm/placid.foreign
            until [ -s /dev/shm/placid.living -a -s /dev/shm/placid.dead ]
            do sleep 0.05; done
            sleep 0.3; kill -9 $dead; wait $dead 2> /dev/null
            "$1" clean -n; echo "code $?"
            "$1" clean; echo "code $?"
            "$1" clean; echo "code $?"
            ls /dev/shm
            kill $living; wait $living; true
        """)
        if said:
            self.assertEqual(
                said[0],
                "would remove dead (stream): "
                "sender and receiver are dead, or never came\n"
                "code 9\n"
                "removed dead (stream): "
                "sender and receiver are dead, or never came\n"
                "code 0\n"
                "code 0\n"
                "placid.foreign\nplacid.living\n", said[1])

    def test_another_users_things_are_shown_and_cannot_be_removed(self):
        if os.getuid() != 0:
            print("not permitted here: to be two users", flush=True)
            return
        # The program may lie where another user cannot reach it.
        reachable = self.folder / "placid"
        reachable.write_bytes(pathlib.Path(t.PROGRAM[-1]).read_bytes())
        os.chmod(self.folder, 0o755)
        os.chmod(reachable, 0o755)
        said = self.in_own_folder(fr"""
            "$1" send theirs < /dev/zero & sender=$!
            until [ -s /dev/shm/placid.theirs ]; do sleep 0.05; done
            sleep 0.3; kill -9 $sender; wait $sender 2> /dev/null
            {sys.executable} {planting.__file__} user=54321 -- \
                {reachable} ls
            {sys.executable} {planting.__file__} user=54321 -- \
                {reachable} clean theirs; echo "code $?"
            ls /dev/shm
        """)
        if said:
            self.assertIn("unreadable", said[0])
            self.assertIn("left theirs", said[0])
            self.assertIn("code 9\nplacid.theirs\n", said[0])


if __name__ == "__main__":
    t.main()
