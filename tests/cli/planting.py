# SPDX-License-Identifier: Apache-2.0
"""Runs a command on a machine that was spoilt for it alone: namespaces, limits
and filters that end with it.

    planting.py PLANT... -- COMMAND [ARGUMENT...]

A plant is one of the functions below, with its argument behind "=". Ends with
code 77 and says why where the system does not permit one of them.
"""
import ctypes
import os
import resource
import struct
import sys

NOT_PERMITTED = 77

CLONE_NEWNS = 0x20000
CLONE_NEWUSER = 0x10000000
MS_RDONLY, MS_REC, MS_PRIVATE, MS_REMOUNT = 1, 0x4000, 0x40000, 32
MNT_DETACH = 2
PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP = 38, 22
EPERM = 1

_libc = ctypes.CDLL(None, use_errno=True)


def _call(function, *arguments):
    if function(*arguments) != 0:
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error), function.__name__)


def _mount(source, target, kind, flags, options):
    _call(_libc.mount, source.encode(), target.encode(), kind.encode(),
          ctypes.c_ulong(flags), options.encode())


def _own_mounts():
    """A mount namespace of our own, by a user namespace if need be."""
    if _own_mounts.done:
        return
    user, group = os.getuid(), os.getgid()
    if user == 0:
        _call(_libc.unshare, CLONE_NEWNS)
    else:
        _call(_libc.unshare, CLONE_NEWNS | CLONE_NEWUSER)
        for name, text in (("setgroups", "deny"), ("uid_map", f"0 {user} 1"),
                           ("gid_map", f"0 {group} 1")):
            with open("/proc/self/" + name, "w") as file:
                file.write(text)
    _mount("none", "/", "none", MS_REC | MS_PRIVATE, "")
    _own_mounts.done = True


_own_mounts.done = False


def shm(options):
    """A /dev/shm of our own: "size=16m,mode=1777"."""
    _own_mounts()
    flags = MS_RDONLY if "ro" in options.split(",") else 0
    kept = [word for word in options.split(",") if word and word != "ro"]
    _mount("tmpfs", "/dev/shm", "tmpfs", flags, ",".join(kept))


def fill(_):
    """Fills /dev/shm to its last block."""
    with open("/dev/shm/filler", "wb") as file:
        try:
            while True:
                file.write(bytes(1 << 20))
                file.flush()
        except OSError:
            pass


def no_proc(_):
    _own_mounts()
    _call(_libc.umount2, b"/proc", MNT_DETACH)


def proc(options):
    """/proc mounted anew: "hidepid=2"."""
    _own_mounts()
    _mount("proc", "/proc", "proc", 0, options)


def user(number):
    """Another user from here on: the last of the plants that need rights."""
    os.setgroups([])
    os.setgid(int(number))
    os.setuid(int(number))


def limit(text):
    """limit=NOFILE:16"""
    name, value = text.split(":")
    number = (resource.RLIM_INFINITY if value == "unlimited" else int(value))
    resource.setrlimit(getattr(resource, "RLIMIT_" + name), (number, number))


def dump(mask):
    with open("/proc/self/coredump_filter", "w") as file:
        file.write(mask)


# Numbers of system calls by machine, for those that the tests deny.
CALLS = {
    "x86_64": {"membarrier": 324, "pidfd_open": 434, "memfd_create": 319,
               "fcntl": 72},
    "aarch64": {"membarrier": 283, "pidfd_open": 434, "memfd_create": 279,
                "fcntl": 25},
}


def deny(text):
    """deny=membarrier, or deny=fcntl:37: only if its second argument is so."""
    name, _, argument = text.partition(":")
    number = CALLS[os.uname().machine][name]
    load, equal, ret = 0x20, 0x15, 0x06  # BPF_LD|W|ABS, JMP|JEQ|K, RET|K
    refuse, allow = 0x00050000 | EPERM, 0x7fff0000
    if argument:
        program = [(load, 0, 0, 0), (equal, 0, 3, number),
                   (load, 0, 0, 16 + 8), (equal, 0, 1, int(argument)),
                   (ret, 0, 0, refuse), (ret, 0, 0, allow)]
    else:
        program = [(load, 0, 0, 0), (equal, 0, 1, number),
                   (ret, 0, 0, refuse), (ret, 0, 0, allow)]
    code = ctypes.create_string_buffer(
        b"".join(struct.pack("HBBI", *step) for step in program))
    head = ctypes.create_string_buffer(
        struct.pack("HP", len(program), ctypes.addressof(code)))
    _call(_libc.prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    _call(_libc.prctl, PR_SET_SECCOMP, 2, head, 0, 0)


def main():
    at = sys.argv.index("--")
    for plant in sys.argv[1:at]:
        name, _, argument = plant.partition("=")
        try:
            globals()[name](argument)
        except (OSError, KeyError, ValueError) as error:
            print(f"cannot plant {plant}: {error}", file=sys.stderr)
            sys.exit(NOT_PERMITTED)
    try:
        os.execv(sys.argv[at + 1], sys.argv[at + 1:])
    except OSError as error:  # as where another user cannot reach it
        print(f"cannot run {sys.argv[at + 1]}: {error}", file=sys.stderr)
        sys.exit(NOT_PERMITTED)


if __name__ == "__main__":
    main()
