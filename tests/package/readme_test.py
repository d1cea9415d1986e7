# SPDX-License-Identifier: Apache-2.0
"""Checks that the C++ in a README is code that the tests compile and run.

Run: readme_test.py <source root>. Each ```cpp block must be, byte for byte, the
body of a file in examples/: all of it but the licence line and the comment
`// Output:` at its end, which output_test.py compares with what it prints. A
```text block right behind the ```cpp block must be that output.
"""
import pathlib
import re
import sys

from output_test import expected_output

BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.M | re.S)


def body(text):
    text = re.sub(r"\A// SPDX-License-Identifier:.*\n(//\n)?", "", text)
    return re.sub(r"^// Output:\n(//.*\n?)+\Z", "", text, flags=re.M).strip()


def faults(readme, examples):
    blocks = BLOCK.findall(readme)
    if not any(language == "cpp" for language, _ in blocks):
        yield "no ```cpp block: the quick start is missing"
    for at, (language, code) in enumerate(blocks):
        if language != "cpp":
            continue
        first = code.strip().splitlines()[0]
        example = examples.get(code.strip())
        if example is None:
            yield f"the block that begins `{first}` is no file of examples/"
            continue
        if at + 1 < len(blocks) and blocks[at + 1][0] == "text":
            if blocks[at + 1][1] != expected_output(example.read_text()):
                yield f"the output behind `{first}` is not that of {example.name}"


def main():
    root = pathlib.Path(sys.argv[1])
    examples = {body(path.read_text()): path
                for path in sorted((root / "examples").glob("*.cc"))}
    found = list(faults((root / "README.md").read_text(), examples))
    print("\n".join("README.md: " + fault for fault in found))
    sys.exit(bool(found))


if __name__ == "__main__":
    main()
