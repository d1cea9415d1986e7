# SPDX-License-Identifier: Apache-2.0
"""What becomes of a stream when one side is killed, stopped, interrupted, or
cannot go on."""
import array
import fcntl
import os
import random
import signal
import subprocess
import termios
import time

import cli_testing as t

SEED = int(os.environ.get("PLACID_SEED", "20240607"))


class DeathTest(t.StreamTest):
    """The survivor says so soon, keeps what it has, and leaves nothing."""

    def assert_noticed(self, survivor, code, *words):
        started = time.monotonic()
        output = self.assert_ended(survivor, code, *words)
        self.assertLess(time.monotonic() - started, t.NOTICE_SECONDS)
        return output

    def test_a_receiver_keeps_what_a_killed_sender_had_sent(self):
        data = t.random_bytes(3 * t.MIB)
        sender, receiver = self.send(), self.receive()
        sender.stdin.write(data)
        sender.stdin.flush()
        self.assertEqual(receiver.stdout.read(len(data)), data)
        sender.kill()
        rest = self.assert_noticed(receiver, t.PEER_DIED,
                                   f"sender (process {sender.pid}) died",
                                   "kept")
        self.assertEqual(rest, b"")

    def test_what_lay_in_the_ring_at_the_death_arrives(self):
        """The receiver is stopped until after the sender's death, so that all
        of it lies in the ring then."""
        data = t.random_bytes(300_000)
        receiver = self.receive()
        self.wait_for_side(t.RECEIVER_STATE)
        receiver.send_signal(signal.SIGSTOP)
        sender = self.send()
        sender.stdin.write(data)
        sender.stdin.flush()
        t.wait_until(lambda: self.sent_bytes() >= len(data))
        sender.kill()
        sender.wait()
        receiver.send_signal(signal.SIGCONT)
        self.assertEqual(self.assert_noticed(receiver, t.PEER_DIED), data)

    def test_a_sender_with_nothing_to_read_notices(self):
        """It sits in a read of a quiet pipe."""
        sender, receiver = self.send(), self.receive()
        self.wait_for_both()
        receiver.kill()
        started = time.monotonic()
        self.assertEqual(sender.wait(t.TIMEOUT_SECONDS), t.PEER_DIED)
        self.assertLess(time.monotonic() - started, t.NOTICE_SECONDS)
        self.assertIn(f"receiver (process {receiver.pid}) died",
                      sender.stderr.read().decode())

    def test_a_sender_with_a_full_ring_notices(self):
        receiver = self.receive()  # its output pipe is full at once
        sender = self.send("/dev/zero", stdin=subprocess.DEVNULL)
        self.wait_for_both()
        t.wait_until(lambda: self.sent_bytes() > 3 * t.MIB)
        receiver.kill()
        self.assert_noticed(sender, t.PEER_DIED, "receiver", "died")

    def test_a_sender_waiting_for_the_verdict_notices(self):
        receiver, sender = self.receive(), self.send()
        self.wait_for_both()
        receiver.send_signal(signal.SIGSTOP)
        sender.stdin.write(b"all of it")
        sender.stdin.close()
        sender.stdin = None
        t.wait_until(lambda: self.state(t.SENDER_STATE) == 2)
        receiver.kill()
        self.assert_noticed(sender, t.PEER_DIED, "receiver", "died")

    def blocked_receiver(self, signal_):
        """Of 2 MiB that lie in the ring when the sender ends by a signal, with
        a reader that is asleep; and that sender's data."""
        data = t.random_bytes(2 * t.MIB)
        receiver = self.receive()
        sender = self.send()
        sender.stdin.write(data)
        sender.stdin.flush()
        self.wait_for_both()
        t.wait_until(lambda: self.sent_bytes() >= len(data))
        sender.send_signal(signal_)
        return receiver, data

    def test_a_receiver_that_cannot_write_says_so_and_goes_on(self):
        """It says at once that the sender is gone, and still delivers all once
        the reader wakes."""
        for signal_, word, code in (
                (signal.SIGKILL, "died", t.PEER_DIED),
                (signal.SIGINT, "has left", t.PEER_GAVE_UP)):
            with self.subTest(word=word):
                receiver, data = self.blocked_receiver(signal_)
                line = receiver.stderr.readline().decode()
                self.assertIn(word + "; writing what has arrived", line)
                self.assertEqual(self.assert_ended(receiver, code), data)

    def test_a_receiver_that_goes_on_after_a_death_can_be_interrupted(self):
        receiver, _ = self.blocked_receiver(signal.SIGKILL)
        receiver.stderr.readline()
        receiver.send_signal(signal.SIGINT)
        self.assertEqual(receiver.wait(t.TIMEOUT_SECONDS), t.INTERRUPTED)

    def test_a_stopped_peer_is_not_dead(self):
        data = t.random_bytes(100_000)
        receiver = self.receive()
        self.wait_for_side(t.RECEIVER_STATE)
        receiver.send_signal(signal.SIGSTOP)
        sender = self.send()
        sender.stdin.write(data)
        sender.stdin.close()
        sender.stdin = None
        time.sleep(1.5)
        self.assertIsNone(sender.poll())
        receiver.send_signal(signal.SIGCONT)
        self.assertEqual(self.assert_ended(receiver, t.OK), data)
        self.assert_ended(sender, t.OK)

    def test_kills_at_random_moments_wedge_nothing(self):
        """Whatever is killed and whenever: the survivor ends with the right
        code and a prefix of the bytes, and the next pair gets the name."""
        print(f"seed {SEED} (PLACID_SEED)", flush=True)
        draw = random.Random(SEED)
        source = self.folder / "source"
        data = t.random_bytes(8 * t.MIB, SEED) * 4
        source.write_bytes(data)
        target = self.folder / "target"
        ends = {}
        for round_ in range(30):
            receiver = self.receive(target)
            sender = self.send(source)
            victims = draw.choice([[sender], [receiver], [sender, receiver]])
            if draw.random() < 0.7:
                t.wait_until(lambda: self.state(t.SENDER_STATE) != 0 and
                             self.state(t.RECEIVER_STATE) != 0
                             or None not in (sender.poll(), receiver.poll()))
            time.sleep(0.02 * draw.random())
            for victim in victims:
                victim.kill()
            self.end_lonely_survivor(sender, receiver, victims)
            for process in (sender, receiver):
                found = t.finish(process)[0]
                may = {t.OK, -signal.SIGKILL} if process in victims else \
                    {t.OK, t.PEER_DIED, t.INTERRUPTED}
                ends[found] = ends.get(found, 0) + 1
                self.assertIn(found, may, f"round {round_}")
            if target.exists():
                got = target.read_bytes()
                self.assertTrue(data.startswith(got), f"round {round_}")
        print("how they ended:", ends, flush=True)
        receiver, sender = self.receive(), self.send(source)
        self.assertTrue(self.assert_ended(receiver, t.OK) == data)
        self.assert_ended(sender, t.OK)

    def end_lonely_survivor(self, sender, receiver, victims):
        """One that was killed before it came is still waited for. (What an
        earlier round left behind shows two sides until it is replaced.)"""
        if len(victims) == 2:
            return
        mine, theirs, survivor = (
            (t.RECEIVER_STATE, t.SENDER_STATE, receiver) if victims == [sender]
            else (t.SENDER_STATE, t.RECEIVER_STATE, sender))
        victims[0].wait()
        t.wait_until(lambda: survivor.poll() is not None or
                     self.state(mine) != 0 and self.state(theirs) == 0)
        if survivor.poll() is None:
            survivor.terminate()


class StaleTest(t.StreamTest):
    """What the dead left behind is recognised and replaced."""

    def leave_behind(self, *commands):
        processes = [self.start(command, self.name) for command in commands]
        for command in commands:
            self.wait_for_side(t.SENDER_STATE if command == "send"
                               else t.RECEIVER_STATE)
        for process in processes:
            process.send_signal(signal.SIGSTOP)
        for process in processes:
            process.kill()
            process.wait()
        self.assertTrue(t.shm_path(self.name).exists())

    def check_transfer(self):
        receiver, sender = self.receive(), self.send()
        self.assertEqual(t.finish(sender, b"fresh")[0], t.OK)
        self.assertEqual(self.assert_ended(receiver, t.OK), b"fresh")

    def test_replaced_whoever_died(self):
        for commands in (["send"], ["receive"], ["send", "receive"]):
            with self.subTest(commands=commands):
                self.leave_behind(*commands)
                self.check_transfer()

    def test_of_another_layout_version(self):
        self.leave_behind("send")
        path = t.shm_path(self.name)
        image = bytearray(path.read_bytes())
        image[1] += 1  # the stamp's byte for the version
        path.write_bytes(image)
        self.check_transfer()

    def test_of_another_layout_version_but_in_use(self):
        sender = self.send()
        self.wait_for_side(t.SENDER_STATE)
        with open(t.shm_path(self.name), "r+b", buffering=0) as f:
            version = os.pread(f.fileno(), 1, 1)
            os.pwrite(f.fileno(), bytes([version[0] + 1]), 1)
            self.assert_ended(self.receive(), t.NAME_IN_USE, "another release")
            os.pwrite(f.fileno(), version, 1)
        sender.terminate()
        self.assert_ended(sender, t.INTERRUPTED)

    def test_created_but_never_used(self):
        """Its creator died before it wrote a word."""
        path = t.shm_path(self.name)
        path.write_bytes(bytes(t.DATA + t.MIB))
        path.chmod(0o600)
        self.check_transfer()

    def test_half_set_up(self):
        """Its creator died between the ring's stamp and the header's."""
        self.leave_behind("send")
        path = t.shm_path(self.name)
        image = bytearray(path.read_bytes())
        image[:t.RING] = bytes(t.RING)
        path.write_bytes(image)
        self.check_transfer()

    def test_truncated(self):
        for size in (4096, t.DATA, t.DATA + 100):
            with self.subTest(size=size):
                self.leave_behind("receive")
                os.truncate(t.shm_path(self.name), size)
                self.check_transfer()

    def test_with_a_ring_that_lies(self):
        self.leave_behind("receive")
        with open(t.shm_path(self.name), "r+b") as f:
            f.seek(t.RING + 8)  # its capacity
            f.write((1 << 39).to_bytes(8, "little"))
        self.check_transfer()


class ForeignTest(t.StreamTest):
    """What is not ours is left alone."""

    def check_untouched(self, content):
        path = t.shm_path(self.name)
        path.write_bytes(content)
        path.chmod(0o600)
        for command in ("send", "receive"):
            process = self.start(command, self.name)
            code, _, message = t.finish(process, b"")
            self.assertEqual(code, t.NAME_IN_USE)
            self.assertIn("no stream", message)
            self.assertIn("choose another name", message)
        self.assertEqual(path.read_bytes(), content)
        path.unlink()

    def test_other_bytes(self):
        for content in (b"x", b"something else" * 1000, bytes(100), bytes(5000),
                        bytes(t.DATA + 4096), bytes(t.DATA + 12345),
                        t.random_bytes(t.DATA + t.MIB)):
            with self.subTest(size=len(content)):
                self.check_untouched(content)

    def test_an_empty_one(self):
        self.check_untouched(b"")

    def test_a_directory(self):
        t.shm_path(self.name).mkdir()
        code, _, message = t.finish(self.send(), b"")
        t.shm_path(self.name).rmdir()
        self.assertEqual(code, t.NAME_IN_USE, message)


class HostileTest(t.StreamTest):
    """Somebody writes to the shared memory who should not."""

    def overwrite(self, offset, content):
        with open(t.shm_path(self.name), "r+b") as f:
            f.seek(offset)
            f.write(content)

    def complete_sender(self, data):
        sender = self.send()
        sender.stdin.write(data)
        sender.stdin.close()
        sender.stdin = None
        t.wait_until(lambda: self.state(t.SENDER_STATE) == 2)
        return sender

    def test_flipped_bytes_are_found_and_both_sides_say_so(self):
        data = t.random_bytes(50_000)
        sender = self.complete_sender(data)
        at = 12_345
        self.overwrite(t.DATA + 16 + at, bytes([data[at] ^ 1]))
        self.assert_ended(self.receive(), t.DAMAGED, "do not use the output")
        self.assert_ended(sender, t.DAMAGED, "do not use its output")

    def test_a_record_that_claims_too_much(self):
        sender = self.complete_sender(b"small")
        self.overwrite(t.DATA, (0xFFFF_FFF0).to_bytes(4, "little"))
        self.assert_ended(self.receive(), t.DAMAGED, "contradicts itself")
        self.assert_ended(sender, t.DAMAGED)

    def test_counts_that_cannot_be(self):
        receiver = self.receive()
        self.wait_for_side(t.RECEIVER_STATE)
        self.overwrite(t.RING_TAIL, b"\xff" * 8)
        self.assert_ended(receiver, t.DAMAGED, "contradicts itself")

    def test_a_name_that_is_removed_while_one_waits(self):
        receiver = self.receive()
        self.wait_for_side(t.RECEIVER_STATE)
        t.shm_path(self.name).unlink()
        self.assert_ended(receiver, t.INPUT_OUTPUT, "removed")

    def test_memory_that_is_cut_short(self):
        """Every touch of a lost page would be a silent death."""
        sender = self.complete_sender(t.random_bytes(500_000))
        receiver = self.receive(stdout=subprocess.PIPE)
        t.wait_until(lambda: self.state(t.RECEIVER_STATE) == 1)
        os.truncate(t.shm_path(self.name), 4096)
        self.assert_ended(receiver, t.INPUT_OUTPUT)
        sender.kill()
        sender.wait()
        t.shm_path(self.name).unlink(missing_ok=True)


class EndingTest(t.StreamTest):
    """One side ends early and tells the other why."""

    def test_interruptions(self):
        for signal_ in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            for is_sender in (True, False):
                with self.subTest(signal=signal_, is_sender=is_sender):
                    receiver, sender = self.receive(), self.send()
                    self.wait_for_both()
                    ending, other = ((sender, receiver) if is_sender else
                                     (receiver, sender))
                    ending.send_signal(signal_)
                    self.assertEqual(ending.wait(t.TIMEOUT_SECONDS),
                                     t.INTERRUPTED)
                    self.assertEqual(other.wait(t.TIMEOUT_SECONDS),
                                     t.PEER_GAVE_UP)
                    self.assertIn("was interrupted",
                                  other.stderr.read().decode())

    def test_interrupted_in_the_middle(self):
        receiver = self.receive(stdout=subprocess.DEVNULL)
        sender = self.send("/dev/zero")
        self.wait_for_both()
        time.sleep(0.05)
        sender.send_signal(signal.SIGINT)
        self.assert_ended(sender, t.INTERRUPTED, "interrupted")
        self.assert_ended(receiver, t.PEER_GAVE_UP, "was interrupted", "kept")

    def test_a_receiver_in_a_blocked_write_can_be_interrupted(self):
        receiver = self.receive()
        sender = self.send("/dev/zero", "--bytes", "3MiB")
        self.wait_for_side(t.RECEIVER_STATE)
        t.wait_until(lambda: self.state(t.SENDER_STATE) == 2)
        receiver.send_signal(signal.SIGTERM)
        self.assertEqual(receiver.wait(t.TIMEOUT_SECONDS), t.INTERRUPTED)
        self.assert_ended(sender, t.PEER_GAVE_UP, "was interrupted")

    def test_a_write_that_has_not_begun_can_be_interrupted(self):
        """The pipe is full to the last byte: the call ends with none written."""
        receiver, sender = self.receive(), self.send()
        room = fcntl.fcntl(receiver.stdout, fcntl.F_GETPIPE_SZ)
        filled = array.array("i", [0])

        def is_full():
            fcntl.ioctl(receiver.stdout, termios.FIONREAD, filled)
            return filled[0] == room
        sender.stdin.write(bytes(room))
        sender.stdin.flush()
        t.wait_until(is_full)
        sender.stdin.write(b"more")
        sender.stdin.flush()
        t.wait_until(lambda: self.sent_bytes() > room)
        time.sleep(0.2)
        receiver.send_signal(signal.SIGTERM)
        self.assertEqual(receiver.wait(t.TIMEOUT_SECONDS), t.INTERRUPTED,
                         receiver.stderr.read())
        self.assert_ended(sender, t.PEER_GAVE_UP, "was interrupted")

    def test_signals_that_are_ignored_stay_so(self):
        """As nohup leaves them."""
        receiver = self.receive(preexec_fn=lambda: signal.signal(
            signal.SIGHUP, signal.SIG_IGN))
        sender = self.send()
        self.wait_for_both()
        receiver.send_signal(signal.SIGHUP)
        self.assertEqual(t.finish(sender, b"all of it")[0], t.OK)
        self.assertEqual(self.assert_ended(receiver, t.OK), b"all of it")

    def test_an_output_that_cannot_be_emptied(self):
        """Sealed against it. Nothing may be written over what is there."""
        for sent in (b"", b"new"):
            with self.subTest(sent=sent):
                fd = os.memfd_create("output", os.MFD_ALLOW_SEALING)
                os.write(fd, b"of old")
                fcntl.fcntl(fd, fcntl.F_ADD_SEALS, fcntl.F_SEAL_SHRINK)
                receiver = self.receive(f"/proc/self/fd/{fd}", pass_fds=[fd])
                sender = self.send()
                self.assertEqual(t.finish(sender, sent)[0], t.PEER_GAVE_UP)
                self.assert_ended(receiver, t.INPUT_OUTPUT, "cannot write",
                                  "not permitted")
                self.assertEqual(os.pread(fd, 100, 0), b"of old")
                os.close(fd)

    def test_a_full_disk(self):
        with open("/dev/full", "wb") as full:
            receiver = self.receive(stdout=full)
            sender = self.send("/dev/zero", "--bytes", "1MiB")
            self.assert_ended(receiver, t.INPUT_OUTPUT, "No space left")
        self.assert_ended(sender, t.PEER_GAVE_UP, "could not write its output")

    def test_a_reader_that_has_seen_enough(self):
        """As `placid receive NAME | head` does."""
        receiver = self.receive()
        receiver.stdout.close()
        receiver.stdout = None
        sender = self.send("/dev/zero")
        self.assert_ended(receiver, t.INPUT_OUTPUT, "Broken pipe")
        self.assert_ended(sender, t.PEER_GAVE_UP, "could not write its output")

    def test_an_input_that_cannot_be_read(self):
        receiver = self.receive()
        self.wait_for_side(t.RECEIVER_STATE)
        with open(self.folder / "write-only", "wb") as unreadable:
            sender = self.send(stdin=unreadable)
            self.assert_ended(sender, t.INPUT_OUTPUT, "cannot read")
        self.assert_ended(receiver, t.PEER_GAVE_UP, "could not read its input")


if __name__ == "__main__":
    t.main()
