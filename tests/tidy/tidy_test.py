#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Checks what compilers cannot: that the comments and the structure are true.

    tidy_test.py <source root>   one line per fault; exit 1 on any
    tidy_test.py --rules         the rules and the reason for each

A line reads `path:line: rule: what is wrong, what to do`. The rules stand in
layers.py (who includes whom, and the seam), contracts.py (the top comment of a
mapped type), sync_labels.py (edges and orders), systems.py (what differs between
systems) and hygiene.py (any file).
seeded_faults_test.py shows that each rule catches what it is for.
"""
import sys

sys.dont_write_bytecode = True  # a test leaves nothing in the source tree

import source_tree  # noqa: E402: after the line above
import layers  # noqa: E402, F401: each import registers its rules
import contracts  # noqa: E402, F401
import sync_labels  # noqa: E402, F401
import systems  # noqa: E402, F401
import hygiene  # noqa: E402, F401


def main(arguments):
    if arguments == ["--rules"]:
        for one in source_tree.RULES:
            name = one.__name__.replace("_", "-")
            print(f"{name}\n    {one.__doc__.strip()}\n")
        return 0
    if len(arguments) != 1:
        print(__doc__, file=sys.stderr)
        return 2
    faults = source_tree.check(arguments[0])
    for fault in faults:
        print(fault)
    print(f"tidy: {len(source_tree.RULES)} rules, {len(faults)} faults")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
