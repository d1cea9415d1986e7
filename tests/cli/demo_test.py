# SPDX-License-Identifier: Apache-2.0
"""`placid demo`: it verifies what it claims, and leaves nothing behind."""
import json
import os
import pathlib
import signal
import time

import cli_testing as t

SECONDS = 120  # on an idle machine it takes ten


class DemoTest(t.StreamTest):

    def setUp(self):
        super().setUp()
        (self.folder / "sub").mkdir()
        for i in range(50):
            (self.folder / "sub" / str(i)).write_bytes(t.random_bytes(i * 997))

    def shared_memory(self):
        return {p.name for p in pathlib.Path("/dev/shm").glob("placid.demo-*")}

    def demo(self, *arguments, **options):
        before = self.shared_memory()
        process = self.start("demo", "--tree", self.folder, *arguments,
                             **options)
        output, message = process.communicate(timeout=SECONDS)
        self.assertEqual((process.returncode, message), (t.OK, b""),
                         output.decode())
        self.assertEqual(self.shared_memory() - before, set())
        return output.decode()

    def test_json_holds_each_figure(self):
        result = json.loads(self.demo("--json"))
        self.assertTrue(result["verified"])
        for act in ("tree", "rings", "readers", "death"):
            self.assertTrue(result[act]["verified"], act)
        self.assertEqual(result["tree"]["files"], 50)
        self.assertEqual(result["tree"]["crc32c_sent"],
                         result["tree"]["crc32c_on_disk"])
        for way in ("ring", "pipe", "unix_socket"):
            figures = result["rings"][way]
            self.assertGreater(figures["bytes_per_second"], 0)
            self.assertLessEqual(figures["round_trip_p50_us"],
                                 figures["round_trip_p99_us"])
        for act in ("readers", "death"):
            self.assertEqual(result[act]["torn"], 0)
            self.assertEqual(result[act]["readers_at_the_end"], 10)
            self.assertGreater(result[act]["reads"], 0)
        self.assertGreaterEqual(result["death"]["writers_killed"], 1)

    def test_text_says_what_to_type_and_to_read_next(self):
        program = pathlib.Path(t.PROGRAM[0])
        text = self.demo(cwd=program.parents[1])
        self.assertIn("All of it was verified", text)
        self.assertIn(f"\n  {program.parent.name}/{program.name} receive", text)
        root = pathlib.Path(__file__).resolve().parents[2]
        for document in ("docs/cli.md", "include/placid/README.md"):
            self.assertIn(document, text)
            self.assertTrue((root / document).exists())

    def test_helpers_end_with_a_demo_that_is_killed(self):
        process = self.start("demo", "--tree", self.folder)
        while b"2  " not in process.stdout.readline():
            pass
        time.sleep(0.5)
        process.kill()
        process.wait()
        t.wait_until(lambda: not t.demo_helpers(process))

    def test_helpers_of_a_demo_that_is_killed_leave_their_stream(self):
        t.make_sparse(self.folder / "large")
        process = self.start("demo", "--tree", self.folder)
        t.wait_until(lambda: any(role.startswith("receive-tree") for role in
                                 t.demo_helpers(process).values()))
        stopped = list(t.demo_helpers(process))
        for pid in stopped:
            os.kill(pid, signal.SIGSTOP)
        process.kill()
        process.wait()
        for pid in stopped:
            os.kill(pid, signal.SIGCONT)
        t.wait_until(lambda: not t.demo_helpers(process))
        self.assertFalse(t.shm_path(f"demo-{process.pid}").exists())

    def test_a_helper_that_comes_after_the_death_ends_too(self):
        nobody = 1 << 30  # no pid is as large
        helper = self.start("demo-helper", nobody, "echo-of-file")
        self.assertEqual(helper.wait(t.TIMEOUT_SECONDS), -signal.SIGTERM)

    def test_a_helper_that_comes_after_the_death_leaves_its_stream(self):
        """Whether it ends before it looks out for that, or reports an interruption."""
        for _ in range(20):
            helper = self.start("demo-helper", 1 << 30, "receive-tree",
                                self.name)
            self.assertIn(helper.wait(t.TIMEOUT_SECONDS),
                          (-signal.SIGTERM, t.OK))
            self.assertFalse(t.shm_path(self.name).exists())

    def test_a_reader_that_has_seen_enough_ends_it(self):
        """As `placid demo | head` does."""
        process = self.start("demo", "--tree", self.folder)
        process.stdout.close()
        process.stdout = None
        self.assert_ended(process, t.INPUT_OUTPUT, "cannot write the output")
        t.wait_until(lambda: not t.demo_helpers(process))


if __name__ == "__main__":
    t.main()
