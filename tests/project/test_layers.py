# SPDX-License-Identifier: BSD-3-Clause
"""Imports go down: a package imports those below it, never one above or beside it, and no circle
closes. Late imports and those for types alone count as any other."""

import ast
import re
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "labkit"

# From top to bottom; what stands in one line does not import each other.
LAYERS = (
    ("", "cli"),
    ("manual",),
    ("notebooks.run",),
    ("notebooks.grade",),
    ("notebooks.report",),
    ("notebooks",),
    ("widgets", "runs"),
    ("ec2",),
    ("trouble", "pairs"),
    ("sources", "dut", "fault"),
    ("hosts", "node"),
    ("lab",),
    ("results",),
    ("engine",),
    ("path", "traffic", "captures"),
    ("packet", "machine"),
    ("figure", "datasets", "progress", "tables"),
    ("arguments",),
    ("units",),
    ("errors", "text"),
)
LEVEL = {name: level for level, names in enumerate(LAYERS) for name in names}
MOST_AT_THE_ROOT = 8

Import = tuple[str, str]  # importing and imported module, such as ("lab.port", "engine.engine")


def module_of(file: Path) -> str:
    parts = file.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_of(file): file for file in sorted(PACKAGE.rglob("*.py"))}


def imports_of(module: str) -> Iterator[str]:
    """Modules of labkit that a module names in any import statement, wherever it stands."""
    for node in ast.walk(ast.parse(MODULES[module].read_text())):
        if isinstance(node, ast.Import):
            yield from (a.name[7:] for a in node.names if a.name.startswith("labkit."))
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module}: imports are absolute"
            if node.module == "labkit" or (node.module or "").startswith("labkit."):
                base = (node.module or "")[7:]
                for alias in node.names:
                    inner = f"{base}.{alias.name}".lstrip(".")
                    yield inner if inner in MODULES else base


IMPORTS: list[Import] = [
    (module, used)
    for module in MODULES
    for used in dict.fromkeys(imports_of(module))
    if used not in ("_codec", "_dataplane", module)
]

# What is still to be opened. Nothing may be added here.
TO_OPEN: set[str] = set()
IMPORTS = [(a, b) for a, b in IMPORTS if f"{a} -> {b}" not in TO_OPEN]


def package_of(module: str) -> str:
    """The package that stands in LAYERS: the longest one that the module lies in."""
    while module and module not in LEVEL:
        module = module.rpartition(".")[0]
    return module


def goes_up(module: str, used: str) -> bool:
    here, there = package_of(module), package_of(used)
    return here != there and LEVEL[there] <= LEVEL[here]


def test_every_package_has_a_place() -> None:
    for module in MODULES:
        root = module.partition(".")[0]
        assert root in LEVEL, f"{module}: name its package in LAYERS and docs/architecture.md"


def test_no_import_goes_up() -> None:
    assert [f"{a} -> {b}" for a, b in IMPORTS if goes_up(a, b)] == []


def test_no_circle() -> None:
    graph: dict[str, set[str]] = {}
    for module, used in IMPORTS:
        # A package's own __init__ lists its modules; they do not ask it.
        if not module.startswith(f"{used}."):
            graph.setdefault(module, set()).add(used)
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(" -> ".join(reversed(error.args[1])))


def test_every_package_has_its_tests() -> None:
    packages = {module for module in MODULES if module and MODULES[module].name == "__init__.py"}
    folders = {package.partition(".")[0] for package in packages}
    assert [
        name for name in sorted(folders) if not list((ROOT / "tests" / name).glob("test_*"))
    ] == []


def test_the_root_is_small() -> None:
    at_the_root = [module for module in MODULES if "." not in module]
    files = [m for m in at_the_root if MODULES[m].parent == PACKAGE]
    assert len(files) <= MOST_AT_THE_ROOT, files


def test_a_rule_that_is_broken_is_seen() -> None:
    assert goes_up("path.path", "lab.lab")
    assert goes_up("widgets.view", "runs.trial")
    assert not goes_up("lab.lab", "path.path")
    assert ("cli", "notebooks.run.commands") in IMPORTS


@pytest.mark.parametrize("document", ["CONTRIBUTING.md", "docs/architecture.md"])
def test_documents_show_every_package_in_this_order(document: str) -> None:
    text = (ROOT / document).read_text()
    (block,) = re.findall(r"```\n( *cli\.py.*?)```", text, re.DOTALL)
    shown = re.findall(r"(?<![\w/.])([a-z0-9_/]+)(?:/|\.py)(?![\w/.])", block)
    names = [name.replace("/", ".") for name in shown]
    assert sorted(names) == sorted(name for name in LEVEL if name)
    assert names == sorted(names, key=lambda name: LEVEL[name])


INCLUDE = re.compile(r'^#include ([<"])([^>"]+)[>"]', re.MULTILINE)
SOURCES = ROOT / "native"
# What a folder of native/ includes besides its own files. The headers of packet/ are shared with
# programs that have no DPDK, and nodes are built on the dataplane, which does not know them.
NATIVE: dict[str, set[str]] = {
    "packet": set(),
    "codec": {"packet"},
    "kernel_echo": set(),
    "dataplane": {"packet"},
    "nodes": {"dataplane", "packet"},
    "cell": {"dataplane", "packet"},
}
WITH_DPDK = {"dataplane", "nodes", "cell"}
# As TO_OPEN: nothing may be added here.
TO_OPEN_IN_C: set[str] = set()


def includes_of(file: Path) -> Iterator[tuple[bool, str]]:
    """Every header that a file includes: whether it stands in quotes, and its name."""
    for bracket, name in INCLUDE.findall(file.read_text()):
        yield bracket == '"', name


def header_of(file: Path, name: str) -> Path | None:
    """Which of our files an include of this name reads, or would read if it were allowed to."""
    here = file.parent.name
    for folder in (here, *sorted(NATIVE[here]), *NATIVE):
        if (found := SOURCES / folder / name).is_file():
            return found
    return None


FILES_IN_C = sorted(file for folder in NATIVE for file in (SOURCES / folder).glob("*.[ch]"))
INCLUDES: list[tuple[Path, Path]] = [
    (file, header)
    for file in FILES_IN_C
    for _, name in includes_of(file)
    if (header := header_of(file, name)) is not None
]


def in_native(file: Path) -> str:
    return str(file.relative_to(SOURCES))


def may_include(file: Path, header: Path) -> bool:
    here, there = file.parent.name, header.parent.name
    return here == there or there in NATIVE[here]


def test_every_folder_of_native_has_a_place() -> None:
    assert {file.parent.name for file in SOURCES.glob("*/*.[ch]")} == set(NATIVE)


def test_every_header_of_ours_is_found() -> None:
    """Also by the checks below: what they cannot read they cannot check."""
    missing = [
        f"{in_native(file)} -> {name}"
        for file in FILES_IN_C
        for is_quoted, name in includes_of(file)
        if is_quoted and header_of(file, name) is None
    ]
    assert missing == []


def test_no_header_has_the_name_of_another() -> None:
    """The compiler searches the folders in turn and takes the first; each module has an api.h."""
    names = [file.name for file in FILES_IN_C if file.suffix == ".h" and file.name != "api.h"]
    assert sorted(names) == sorted(set(names))


def test_no_include_goes_up() -> None:
    found = [
        f"{in_native(file)} -> {in_native(header)}"
        for file, header in INCLUDES
        if not may_include(file, header)
    ]
    assert set(found) - TO_OPEN_IN_C == set()


def test_no_circle_of_includes() -> None:
    graph: dict[str, set[str]] = {}
    for file, header in INCLUDES:
        graph.setdefault(in_native(file), set()).add(in_native(header))
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(" -> ".join(reversed(error.args[1])))


def test_dpdk_stays_in_the_dataplane() -> None:
    found = [
        f"{in_native(file)} -> {name}"
        for file in FILES_IN_C
        if file.parent.name not in WITH_DPDK
        for _, name in includes_of(file)
        if name.startswith("rte_")
    ]
    assert found == []


def test_an_include_that_breaks_a_rule_is_seen() -> None:
    dataplane, packet = SOURCES / "dataplane/port.h", SOURCES / "packet/headers.h"
    assert not may_include(packet, dataplane)
    assert not may_include(dataplane, SOURCES / "nodes/schedule.h")
    assert not may_include(SOURCES / "codec/codec.c", dataplane)
    assert may_include(dataplane, packet)
    assert (SOURCES / "nodes/generate.c", SOURCES / "nodes/schedule.h") in INCLUDES
