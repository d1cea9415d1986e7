# SPDX-License-Identifier: Apache-2.0
"""`placid demo` whose helpers are killed in the middle: it names the acts that
were not verified, is not wedged, and leaves nothing behind."""
import contextlib
import json
import os
import signal
import threading
import time

import cli_testing as t

SECONDS = 240  # on an idle machine it takes ten

# What each act may say where one of its helpers was killed.
FAILURES = {
    "tree": {"a helper process failed"},
    "rings": {"not all messages came through the " + way
              for way in ("placid ring", "pipe", "Unix socket")},
    "readers": {"the readers could not be started",
                "a reader was wedged or failed",
                "a reader missed the last value", "the writer failed"},
    "death": {"the readers could not be started",
              "a writer could not be started",
              "after the death there is no whole new value",
              "a reader was wedged or failed",
              "a reader missed the last value", "the successor failed"},
}


class DemoDeathsTest(t.StreamTest):

    def run_and_kill(self, victims, *arguments):
        """The end of a demo of which a helper of each kind in `victims` is
        killed, so many seconds after it was first seen. Where one of them has
        ended before, once more, and sooner."""
        t.make_sparse(self.folder / "file")
        for haste in (1, 0.5, 0.2, 0, 0):
            waits = {kind: wait * haste for kind, wait in victims.items()}
            killed, demo, output, message = self.kill_once(waits, *arguments)
            if killed == set(victims):
                break
        self.assertEqual(killed, set(victims))
        self.assertEqual(demo.returncode, t.DAMAGED, message)
        self.assertIn(b"is not so here", message)
        t.wait_until(lambda: not t.demo_helpers(demo))
        self.assertFalse(t.shm_path(f"demo-{demo.pid}").exists())
        return output.decode()

    def kill_once(self, victims, *arguments):
        demo = self.start("demo", "--tree", self.folder, *arguments)
        killed = set()

        def kill_all():
            due = {}
            while demo.poll() is None:
                for pid, role in t.demo_helpers(demo).items():
                    for kind in victims.keys() - killed:
                        if role.startswith(kind):
                            due.setdefault(
                                kind, (time.monotonic() + victims[kind], pid))
                for kind, (when, pid) in list(due.items()):
                    if kind not in killed and time.monotonic() >= when:
                        del due[kind]
                        with contextlib.suppress(ProcessLookupError):
                            os.kill(pid, signal.SIGKILL)
                            killed.add(kind)
                time.sleep(0.005)
        killer = threading.Thread(target=kill_all)
        killer.start()
        output, message = demo.communicate(timeout=SECONDS)
        killer.join()
        return killed, demo, output, message

    def test_of_each_act_the_one_that_reads(self):
        """One of them has not joined yet, and the others are at work."""
        result = json.loads(self.run_and_kill(
            {"receive-tree": 0, "sink-of-ring": 0.1, "echo-of-ring": 0.1,
             "read-seqlock": 0.3, "read-latest": 0.3}, "--json"))
        self.assertFalse(result["verified"])
        for act, may in FAILURES.items():
            self.assertFalse(result[act]["verified"], act)
            self.assertLessEqual(set(result[act]["failures"]), may)
        self.assertIn("not all messages came through the placid ring",
                      result["rings"]["failures"])
        # The others were not disturbed.
        for way in ("pipe", "unix_socket"):
            self.assertGreater(result["rings"][way]["bytes_per_second"], 0)

    def test_of_each_act_the_one_that_writes(self):
        text = self.run_and_kill(
            {"send-tree": 0, "sink-of-file": 0.1, "echo-of-file": 0.1,
             "write-seqlock": 0.2, "write-latest 500": 0.1})
        self.assertIn("NOT all of it is true", text)
        for failure in ("a helper process failed",
                        "not all messages came through the pipe",
                        "the writer failed", "the successor failed"):
            self.assertIn("NOT VERIFIED: " + failure, text)


if __name__ == "__main__":
    t.main()
