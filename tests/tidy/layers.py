# SPDX-License-Identifier: Apache-2.0
"""Who may include whom, and what only the seam and the ports may touch.

The layers are the rows of one Markdown table in include/placid/README.md:
`| layer | may include | what |`. A layer may always include itself.
"""
import re

from source_tree import DIRECTIVE, rule

README = "include/placid/README.md"
PLATFORM = {"include/placid/base/platform.h", "include/placid/base/machine.h"}
SEAM = {"include/placid/base/atomic.h", "include/placid/base/machine.h"}
# Where system headers may stand: one folder for each system, and for what the
# program alone needs one source for each family of systems.
PORT = re.compile(r"src/os/\w+/|src/cli/system_\w+\.cc$")
# What the .cc files may use besides the standard library and the layers.
LIBRARIES = {"os": ("absl/",), "cli": ("absl/", "CLI/", "nlohmann/", "isa-l/")}

STANDARD = set("""
    algorithm any array atomic barrier bit bitset charconv chrono codecvt
    compare complex concepts condition_variable coroutine deque exception
    execution expected filesystem flat_map flat_set format forward_list fstream
    functional future generator initializer_list iomanip ios iosfwd iostream
    istream iterator latch limits list locale map mdspan memory memory_resource
    mutex new numbers numeric optional ostream print queue random ranges ratio
    regex scoped_allocator semaphore set shared_mutex source_location
    span spanstream sstream stack stacktrace stdexcept stdfloat stop_token
    streambuf string string_view strstream syncstream system_error thread tuple
    type_traits typeindex typeinfo unordered_map unordered_set utility valarray
    variant vector version cassert cctype cerrno cfenv cfloat cinttypes climits
    clocale cmath csetjmp csignal cstdarg cstddef cstdint cstdio cstdlib cstring
    ctime cuchar cwchar cwctype""".split())
# They block, start threads or bring in the stream machinery.
HEAVY = set("""
    barrier condition_variable fstream future iomanip iostream istream latch
    mutex ostream semaphore shared_mutex sstream syncstream thread""".split())

PLATFORM_MACRO = re.compile(r"""\b(
    _WIN32 | _WIN64 | WIN32 | __linux(?:__)? | __unix__ | __APPLE__ | __MACH__
    | __MINGW\w+ | __GLIBC__ | __GNUC__ | __clang__ | _MSC_VER | __has_feature
    | __has_builtin | __SANITIZE_\w+ | __x86_64__ | __i386__ | __aarch64__
    | __arm__ | __riscv\w* | __SSE\w+ | __AVX\w+ | __ARM_\w+ | _M_\w+
    | PLACID_(?:X86|TSAN|GNU_COMPILER))\b""", re.VERBOSE)


def table_of(tree):
    """{layer: (line, the layers it may include, itself too)} of the README."""
    table = {}
    readme = tree.by_path.get(README)
    lines = readme.lines if readme else []
    for at, text in enumerate(lines):
        if re.match(r"\|\s*layer\s*\|\s*may include\s*\|", text):
            for line, row in enumerate(lines[at + 2:], at + 3):
                cells = [cell.strip(" `") for cell in row.split("|")]
                if len(cells) < 4:
                    break
                below = set(re.findall(r"\w+", cells[2]))
                table[cells[1]] = (line, below | {cells[1]})
    return table


@rule
def layer_table(tree):
    """The table has one row for each folder of the product and no other, so
    that it is the whole truth about who may include whom."""
    table = table_of(tree)
    folders = {}
    for source in tree.product():
        folders.setdefault(source.layer, source)
    for layer, source in folders.items():
        if layer is None:
            yield source, 1, "lies in no layer: move it into a layer's folder"
        elif layer not in table:
            yield source, 1, f"layer {layer} has no row in {README}: add one"
    for layer, (line, below) in table.items():
        readme = tree.by_path[README]
        if layer not in folders:
            yield readme, line, f"no files in layer {layer}: remove the row"
        for other in sorted(below - set(table)):
            yield (readme, line,
                   f"{layer} may include {other}, which is no layer")


@rule
def layer_target(tree):
    """CMake links a layer to what the table lets it include, and to no more:
    one truth, checked by the linker and by the reader."""
    cmake, table = tree.by_path.get("CMakeLists.txt"), table_of(tree)
    for m in re.finditer(r"^placid_layer\((\w+)([^)]*)\)",
                         cmake.text if cmake else "", re.M):
        words = re.split(r"\s+", m[2].strip())
        linked, taking = {m[1]}, False
        for word in words:
            if word.isupper():
                taking = word == "MAY_INCLUDE"
            elif taking:
                linked.add(word)
        allowed = table.get(m[1], (0, {m[1]}))[1]
        if linked != allowed:
            yield (cmake, cmake.line_of(m.start()),
                   f"links {m[1]} to {sorted(linked)}, the table of {README} "
                   f"allows {sorted(allowed)}: make them agree")


@rule
def layer_include(tree):
    """A file includes only layers that its own layer's row names: what stands
    below does not know what stands above."""
    table = table_of(tree)
    for source in tree.product():
        for line, header in source.includes:
            target = tree.resolve(source, header)
            if header.startswith("placid/"):
                other = header.split("/")[1]
            elif target and target.layer:
                other = target.layer
            else:
                continue
            if other not in table.get(source.layer, (0, {source.layer}))[1]:
                yield (source, line, f"{source.layer} may not include {other}:"
                       f" see the table in {README}")


@rule
def header_list(tree):
    """README.md lists every header with what it is for, and no other: it is the
    page a reader of the code opens first."""
    readme = tree.by_path.get(README)
    if not readme:
        return
    listed = {}
    for line, text in enumerate(readme.lines, 1):
        for path in re.findall(r"\]\(([\w/]+\.h)\)", text):
            listed[f"include/placid/{path}"] = line
    for header in tree.headers():
        if header.is_public and header.path not in listed:
            yield header, 1, f"is not listed in {README}: add it in one line"
    for path, line in listed.items():
        if path not in tree.by_path:
            yield (readme, line,
                   f"lists {path}, which does not exist: remove it")


@rule
def foreign_include(tree):
    """A public header needs the standard library alone, so that it builds
    anywhere and nobody's ABI hangs on ours; system headers stand in the ports
    (src/os/<system>), other libraries in .cc files of layers that need them."""
    for source in tree.product():
        libraries = () if source.is_public else LIBRARIES.get(source.layer, ())
        is_port = PORT.match(source.path)
        for line, header in source.includes:
            ours = header.startswith("placid/") or (
                not source.is_public and tree.resolve(source, header))
            compilers = source.path in SEAM and header == "intrin.h"
            if not (ours or compilers or is_port or header in STANDARD
                    or header.startswith(libraries)):
                yield (source, line, f"{header} is no standard header: system "
                       "headers belong in src/os/<system>, libraries in .cc "
                       "files")


@rule
def heavy_include(tree):
    """base and primitives never block, start a thread or print: their headers
    stay light enough for a signal handler's program."""
    for source in tree.product():
        for line, header in source.includes:
            if source.layer in ("base", "primitives") and header in HEAVY:
                yield (source, line,
                       f"no <{header}> in {source.layer}: leave it out")


@rule
def atomic_seam(tree):
    """Atomics are reached through Atomic<T> and Fence alone, so that the model,
    the hostile fuzz build and ThreadSanitizer can take their place."""
    banned = re.compile(
        r"\bstd::(?:atomic|memory_order)\w*|\b__(?:atomic|sync)_\w+"
        r"|#[ \t]*include[ \t]*<atomic>")
    for source in tree.product():
        if source.path not in SEAM:
            for line, m in source.find(banned):
                yield (source, line, f"{m[0]} outside the seam: use Atomic<T>, "
                       "Fence, kAcquire (base/atomic.h)")


@rule
def platform_macro(tree):
    """Compiler, processor and system are told apart in one place, and as values
    elsewhere, so that all other code is the same on each and compiled on
    each."""
    for source in tree.product():
        if source.path in PLATFORM:
            continue
        for line, m in source.find(DIRECTIVE):
            macro = PLATFORM_MACRO.search(m[0])
            if macro and m[1].startswith(("if", "elif")):
                yield (source, line, f"{macro[0]} outside base/platform.h: use "
                       "a value from there, or a port")


@rule
def ifdef_in_function(tree):
    """No conditional inside a function: half of it would never be compiled, or
    read, together with the other half."""
    for source in tree.product():
        functions = [scope for scope in source.scopes if not scope.is_class]
        for line, m in source.find(DIRECTIVE):
            if (m[1].startswith("if") and source.path not in PLATFORM and any(
                    scope.first < line < scope.last for scope in functions)):
                yield (source, line, "#if inside a function: use a value, or "
                       "one function for each side")
