# SPDX-License-Identifier: Apache-2.0
"""`placid doctor` on machines that were really spoilt: small, full, closed file
systems, limits, filters of system calls, a /proc that is not there.

What this system does not permit to plant is printed by name. The same facts are
planted without any rights in doctor_test.cc.
"""
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

import cli_testing as t
import planting

PLANTING = [sys.executable, planting.__file__]
TROUBLE = 9
OTHER_USER = 54321  # of no rights, and no system's own

# What is planted, the check that must speak, and what it must say. File systems
# are of a namespace of their own: nobody else on this machine is disturbed.
HEALTHY = "shm=size=1g,mode=1777"
PLANTS = {
    "small": (["shm=size=16m,mode=1777"], "space", "trouble"),
    "docker's default": (["shm=size=64m,mode=1777"], "space", "trouble"),
    "full": (["shm=size=300m,mode=1777", "fill"], "space", "trouble"),
    "full, and nothing can be made":
        (["shm=size=16m,mode=1777", "fill"], "a named object", "trouble"),
    "no inodes": (["shm=size=1g,nr_inodes=3"], "files", "trouble"),
    "read-only": (["shm=size=1g,ro"], "place of named objects", "trouble"),
    "another's": (["shm=size=1g,mode=0700", f"user={OTHER_USER}"],
                  "place of named objects", "trouble"),
    "not sticky": (["shm=size=1g,mode=0777"], "place of named objects",
                   "trouble"),
    "few descriptors": (["limit=NOFILE:16"], "open files",
                        "trouble"),
    "no locked memory": ([HEALTHY, "limit=MEMLOCK:0", f"user={OTHER_USER}"],
                         "locked memory", "note"),
    "small files": ([f"limit=FSIZE:{t.MIB}"], "file size",
                    "trouble"),
    "dumps of everything": ([HEALTHY, "dump=0x3f", "limit=CORE:unlimited"],
                            "core dumps", "trouble"),
    "no membarrier": (["deny=membarrier"], "membarrier", "trouble"),
    "no pidfd": (["deny=pidfd_open"], "pidfd_open", "trouble"),
    "no memfd": (["deny=memfd_create"], "memfd_create and seals",
                 "trouble"),
    "no locks": (["deny=fcntl:37"],
                 "locks of open file descriptions", "trouble"),
    "no /proc": ([HEALTHY, "no_proc"], "/proc", "trouble"),
    "hidden processes": ([HEALTHY, "proc=hidepid=2"], "/proc", "note"),
}
# Limits and filters, which everybody may lay upon himself.
NEED_NO_RIGHTS = ["few descriptors", "small files", "no membarrier",
                  "no pidfd", "no memfd", "no locks"]


def environment():
    """A sanitizer forbids core dumps, and so would hide what is planted."""
    variables = dict(os.environ)
    for name in ("ASAN_OPTIONS", "TSAN_OPTIONS"):
        given = variables.get(name)
        variables[name] = (f"{given}:" if given else "") + "disable_coredump=0"
    return variables


def report_code(report):
    verdicts = [check["verdict"] for check in report["checks"]]
    return TROUBLE if "trouble" in verdicts else 0


def diagnose(plants, *arguments):
    """({check: its object}, exit code), or (None, why not)."""
    ran = subprocess.run(
        PLANTING + plants + ["--"] + t.PROGRAM +
        ["doctor", "--json", *arguments],
        capture_output=True, timeout=t.TIMEOUT_SECONDS, env=environment())
    if ran.returncode == planting.NOT_PERMITTED:
        return None, ran.stderr.decode().strip()
    if not ran.stdout and b"Sanitizer" in ran.stderr:
        return None, f"{plants}: a sanitizer does not start on such a machine"
    try:
        report = json.loads(ran.stdout)
    except ValueError as error:
        raise AssertionError(f"{plants}: {ran}") from error
    # Who looks for leaks where /proc is gone ends with a code of its own.
    is_ours = b"LeakSanitizer has encountered a fatal error" not in ran.stderr
    code = ran.returncode if is_ours else report_code(report)
    return {check["name"]: check for check in report["checks"]}, code


class DoctorTest(unittest.TestCase):

    def setUp(self):
        self.may_not = []

    def tearDown(self):
        for line in self.may_not:
            print("not permitted here, see doctor_test.cc:", line, flush=True)

    def plant(self, name, plants, check, verdict, *arguments):
        """True: it was planted, and found."""
        checks, code = diagnose(plants, *arguments)
        if checks is None:
            self.may_not.append(f"{name}: {code}")
            return False
        found = checks[check]
        self.assertEqual(found["verdict"], verdict, (name, found))
        for key in ("found", "meaning", "advice"):
            self.assertTrue(found[key], (name, found))
        if verdict == "trouble":
            self.assertEqual(code, TROUBLE, name)
        return True

    def test_what_is_planted_is_found(self):
        found = [name for name, (plants, check, verdict) in PLANTS.items()
                 if self.plant(name, plants, check, verdict)]
        print(f"{len(found)} of {len(PLANTS)} planted and found:",
              ", ".join(found), flush=True)
        self.assertLessEqual(set(NEED_NO_RIGHTS), set(found))

    def test_where_nothing_is_planted_none_of_it_is_found(self):
        """So it was what was planted that was found above."""
        checks, code = diagnose([HEALTHY, "limit=CORE:0"])
        if checks is None:
            self.may_not.append(code)
            return
        for name in ("space", "files", "place of named objects",
                     "a named object", "leftovers"):
            self.assertEqual(checks[name]["verdict"], "ok", checks[name])
        self.assertEqual(code == TROUBLE, any(
            check["verdict"] == "trouble" for check in checks.values()))

    def test_what_files_say_is_found_below_another_root(self):
        """These need no rights but those of another user."""
        with tempfile.TemporaryDirectory(prefix="placid-doctor-") as folder:
            root = pathlib.Path(folder)
            os.chmod(root, 0o755)
            (root / "etc/systemd").mkdir(parents=True)
            (root / "etc/systemd/logind.conf").write_text(
                "[Login]\nRemoveIPC=yes\n")
            (root / "proc").symlink_to("/proc")
            (root / "sys").symlink_to("/sys")
            (root / ".dockerenv").touch()
            as_person = [f"user={OTHER_USER}"] if os.getuid() == 0 else []
            self.plant("RemoveIPC", as_person, "systemd RemoveIPC", "trouble",
                       "--root", folder)
            self.plant("a container", [], "container", "note", "--root",
                       folder)
            (root / "proc").unlink()
            self.plant("no /proc below the root", [], "/proc", "trouble",
                       "--root", folder)

    def test_what_the_dead_left_is_found_until_it_is_cleaned(self):
        """In a /dev/shm of its own, by one shell there."""
        script = r"""
            program=$1; out=$2
            "$program" doctor --json > "$out/before"
            "$program" send left < /dev/zero & sender=$!
            until [ -e /dev/shm/placid.left ]; do sleep 0.05; done
            sleep 0.2; kill -9 $sender; wait $sender
            "$program" doctor --json > "$out/orphaned"
            "$program" clean > "$out/cleaned"; echo $? >> "$out/cleaned"
            "$program" doctor --json > "$out/after"
            "$program" clean --json > "$out/again"; echo $? > "$out/code"
        """
        if len(t.PROGRAM) > 1:
            self.skipTest("an emulator has no shell")
        with tempfile.TemporaryDirectory(prefix="placid-doctor-") as folder:
            ran = subprocess.run(
                PLANTING + [HEALTHY, "--", "/bin/sh", "-c", script, "sh",
                            t.PROGRAM[0], folder],
                capture_output=True, timeout=t.TIMEOUT_SECONDS)
            if ran.returncode == planting.NOT_PERMITTED:
                self.may_not.append(ran.stderr.decode().strip())
                return
            out = pathlib.Path(folder)

            def verdict(name):
                checks = json.loads((out / name).read_text())["checks"]
                return next(check["verdict"] for check in checks
                            if check["name"] == "leftovers")
            self.assertEqual(verdict("before"), "ok")
            self.assertEqual(verdict("orphaned"), "trouble", ran)
            cleaned = (out / "cleaned").read_text()
            self.assertIn("removed left (stream)", cleaned)
            self.assertTrue(cleaned.endswith("\n0\n"), cleaned)
            self.assertEqual(verdict("after"), "ok")
            again = json.loads((out / "again").read_text())
            self.assertEqual(again["actions"], [])
            self.assertEqual((out / "code").read_text(), "0\n")


if __name__ == "__main__":
    t.main()
