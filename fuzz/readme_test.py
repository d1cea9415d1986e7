# SPDX-License-Identifier: Apache-2.0
"""Checks that the target that fuzz/README.md shows is fuzz/example_fuzz.cc,
which is built and run as every other, and that its list has every target.

    readme_test.py ROOT
"""
import pathlib
import re
import sys


def main(root):
    fuzz = pathlib.Path(root) / "fuzz"
    readme = (fuzz / "README.md").read_text()
    example = (fuzz / "example_fuzz.cc").read_text()
    example = example.removeprefix(
        "// SPDX-License-Identifier: Apache-2.0\n//\n").strip()
    faults = []
    shown = re.findall(r"^```cpp\n(.*?)^```$", readme, re.M | re.S)
    if [code.strip() for code in shown] != [example]:
        faults.append("its C++ is not fuzz/example_fuzz.cc: copy it again")
    for target in sorted(fuzz.glob("**/*_fuzz.cc")):
        if f"`{target.stem}`" not in readme:
            faults.append(f"it does not say what {target.stem} is")
    print("\n".join("fuzz/README.md: " + fault for fault in faults))
    return bool(faults)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
