# SPDX-License-Identifier: Apache-2.0
"""Checks what the shared library shows: a soname, and placid's interface alone.

Run: symbols_test.py <library> <soname>.
"""
import re
import subprocess
import sys


def output(*command):
    return subprocess.run(command, check=True, capture_output=True,
                          text=True).stdout


def main():
    library, soname = sys.argv[1:]
    dynamic = output("readelf", "--dynamic", library)
    symbols = [line.split(maxsplit=2)[1:] for line in
               output("nm", "--dynamic", "--defined-only", "--demangle",
                      library).splitlines()]
    # Instances of the standard library's templates are weak in every program.
    names = [name for kind, name in symbols
             if not (kind in "WVu" and "std::" in name)]
    faults = []
    if f"soname: [{soname}]" not in dynamic:
        faults.append(f"the soname is not {soname}")
    if not any(name.startswith("placid::os::Mapping::") for name in names):
        faults.append("placid::os::Mapping is not exported")
    faults += [f"exported, but not of the interface: {name}" for name in names
               if not re.match(r"placid::os::[A-Z]", name)]
    print("\n".join(faults))
    sys.exit(bool(faults))


if __name__ == "__main__":
    main()
