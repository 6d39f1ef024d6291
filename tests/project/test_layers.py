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
    ("notebooks.run",),
    ("notebooks.report",),
    ("notebooks",),
    ("widgets", "runs"),
    ("sources", "dut"),
    ("lab", "results"),
    ("engine",),
    ("path", "traffic"),
    ("packet", "machine"),
    ("figure", "datasets", "progress", "units"),
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
TO_OPEN = {
    "engine.ports -> lab.port_limits",
    "errors -> packet.codec",
    "lab.exclusive -> lab.lab",
    "lab.host_paths -> lab.lab",
    "lab.host_paths -> lab.port",
    "lab.host_paths -> lab.running_path",
    "lab.lab -> lab.exclusive",
    "lab.lab -> lab.host_paths",
    "lab.lab -> lab.open_labs",
    "lab.lab -> lab.overview",
    "lab.lab -> lab.port",
    "lab.lab -> lab.running_path",
    "lab.lab -> lab.trace",
    "lab.lab -> lab.tunnel_ports",
    "lab.lab -> widgets.dashboard",
    "lab.neighbours -> lab.port",
    "lab.open_labs -> lab.lab",
    "lab.overview -> lab.lab",
    "lab.port -> lab.lab",
    "lab.port -> lab.port_close",
    "lab.port -> lab.socket",
    "lab.port_close -> lab.exclusive",
    "lab.port_close -> lab.port",
    "lab.port_close -> lab.tunnel_ports",
    "lab.running_path -> lab.lab",
    "lab.socket -> lab.port",
    "lab.trace -> lab.lab",
    "lab.tunnel_ports -> lab.lab",
    "lab.tunnel_ports -> lab.neighbours",
    "lab.tunnel_ports -> lab.port",
    "machine.description -> lab.lab",
    "path.drawing -> path.edge_frames",
    "path.drawing -> path.layout",
    "path.drawing -> path.path",
    "path.edge_frames -> path.path",
    "path.layout -> path.path",
    "path.nodes -> lab.port",
    "path.path -> path.drawing",
    "path.path -> path.rules",
    "path.rules -> path.path",
    "results.comparison -> results.difference_figure",
    "results.comparison -> results.results",
    "results.curves -> results.comparison",
    "results.curves -> results.results",
    "results.difference_figure -> results.curves",
    "results.latency -> lab.lab",
    "results.latency -> results.latency_figure",
    "results.latency_figure -> results.latency",
    "results.latency_figure -> runs.trial_figure",
    "results.results -> results.curves",
    "runs.trial -> runs.trial_figure",
    "runs.trial_figure -> runs.trial",
    "traffic.compile -> traffic.stream",
    "traffic.stream -> traffic.compile",
}
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
    shown = re.findall(r"(?<![\w/.])([a-z_/]+)(?:/|\.py)(?![\w/.])", block)
    names = [name.replace("/", ".") for name in shown]
    assert sorted(names) == sorted(name for name in LEVEL if name)
    assert names == sorted(names, key=lambda name: LEVEL[name])


INCLUDE = re.compile(r'^#include "([^"]+)"', re.MULTILINE)
# native/packet knows no DPDK library and nothing of the others; nodes are built on the dataplane.
NATIVE = {"packet": {"packet"}, "codec": {"codec", "packet"}, "kernel_echo": {"kernel_echo"}}
