# SPDX-License-Identifier: Apache-2.0
"""The progress line: there on a terminal, at most ten times a second, and gone
where nobody looks."""
import os
import pty
import re
import select
import subprocess
import sys
import time

import cli_testing as t


class TerminalTest(t.StreamTest):

    def run_on_terminal(self, *arguments):
        """Sends 3 MiB in about a second, from when both sides are there; the
        sender's standard error is a terminal. What it showed."""
        reader, terminal = pty.openpty()
        receiver = self.receive(stdout=subprocess.DEVNULL)
        self.wait_for_side(t.RECEIVER_STATE)
        sender = self.send(*arguments, stderr=terminal)
        os.close(terminal)
        self.wait_for_side(t.SENDER_STATE)
        shown = []

        def look(seconds):
            end = time.monotonic() + seconds
            while (left := end - time.monotonic()) > 0:
                if select.select([reader], [], [], left)[0]:
                    try:
                        shown.append(os.read(reader, 4096).decode())
                    except OSError:  # the terminal's other side is closed
                        return
        for _ in range(10):
            sender.stdin.write(bytes(300 * t.KIB))
            sender.stdin.flush()
            look(0.1)
        sender.stdin.close()
        self.assertEqual(sender.wait(t.TIMEOUT_SECONDS), t.OK)
        look(1)
        os.close(reader)
        self.assertEqual(t.finish(receiver)[0], t.OK)
        return "".join(shown)

    def test_shows_bytes_and_rate_and_a_last_line(self):
        started = time.monotonic()
        shown = self.run_on_terminal()
        seconds = time.monotonic() - started
        lines = [line for line in re.split(r"[\r\n]+", shown) if line.strip()]
        self.assertGreaterEqual(len(lines), 3, shown)
        self.assertLessEqual(len(lines), 10 * seconds + 2)
        for line in lines[:-1]:
            self.assertRegex(line.strip(), r"^[\d.]+ (bytes|KiB|MiB)  [\d.]+ ")
        self.assertRegex(lines[-1], r"^sent 2.93 MiB in .*/s; CRC-32C "
                                    r"[0-9a-f]{8} verified")

    def test_quiet_shows_nothing(self):
        self.assertEqual(self.run_on_terminal("--quiet"), "")

    def test_waiting_says_for_what(self):
        reader, terminal = pty.openpty()
        receiver = self.receive(stderr=terminal)
        os.close(terminal)
        shown = ""
        while "\r" not in shown[1:] and "`" not in shown[-1:]:
            shown += os.read(reader, 4096).decode()
        self.assertIn(f"waiting for `placid send {self.name}`", shown)
        receiver.terminate()
        self.assertEqual(receiver.wait(t.TIMEOUT_SECONDS), t.INTERRUPTED)
        os.close(reader)

    def test_a_known_size_gives_share_and_time_left(self):
        source = self.folder / "source"
        source.write_bytes(bytes(40 * t.MIB))
        reader, terminal = pty.openpty()
        sender = self.send(source, stderr=terminal)
        os.close(terminal)
        receiver = self.receive()  # nobody reads its output yet
        shown = ""
        while " % " not in shown.replace(" %)", " % "):
            shown += os.read(reader, 4096).decode()
        self.assertRegex(shown, r"of 40.0 MiB \(\d+ %\)")
        self.assertEqual(len(self.assert_ended(receiver, t.OK)), 40 * t.MIB)
        self.assertEqual(sender.wait(t.TIMEOUT_SECONDS), t.OK)
        os.close(reader)


def with_terminals():
    """A bare root directory may have no pseudo-terminals. Then this starts again
    with some of its own, which nobody else sees; only root can do that."""
    if "PLACID_OWN_TERMINALS" in os.environ:
        return
    try:
        for fd in pty.openpty():
            os.close(fd)
    except OSError as error:
        print(f"{error}: mounting some", flush=True)
        os.environ["PLACID_OWN_TERMINALS"] = "1"
        os.execvp("unshare", [
            "unshare", "--mount", "--propagation", "unchanged", "sh", "-ec",
            "mount --make-rprivate /dev;"
            'mount -t devpts -o ptmxmode=0666 devpts /dev/pts; exec "$@"', "sh",
            sys.executable, *sys.argv])


if __name__ == "__main__":
    with_terminals()
    t.main()
