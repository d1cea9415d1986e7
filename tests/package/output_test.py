# SPDX-License-Identifier: Apache-2.0
"""Runs an example and compares what it prints with the comment at its end.

Run: output_test.py <source> <program>. The comment is the last in the source:

    // Output:
    // first line
    // second line
"""
import pathlib
import re
import subprocess
import sys


def expected_output(text):
    """The lines of the `// Output:` comment, or None if there is none."""
    m = re.search(r"^// Output:\n((?://.*\n?)+)\Z", text.rstrip() + "\n", re.M)
    return m and "".join(re.sub(r"^// ?", "", line) + "\n"
                         for line in m[1].splitlines())


def main():
    source, program = sys.argv[1:]
    expected = expected_output(pathlib.Path(source).read_text())
    if expected is None:
        sys.exit(f"{source}: no `// Output:` comment at its end")
    run = subprocess.run([program], capture_output=True, text=True, timeout=60)
    if run.returncode != 0:
        sys.exit(f"{program}: exit code {run.returncode}\n{run.stderr}")
    if run.stdout != expected:
        sys.exit(f"--- {source} promises\n{expected}--- it printed\n{run.stdout}")


if __name__ == "__main__":
    main()
