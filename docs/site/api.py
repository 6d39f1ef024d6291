# SPDX-License-Identifier: BSD-3-Clause
"""Pages of the API: the public names of labkit/__init__.pyi, a page a subject."""

import importlib
import inspect
import re
from functools import lru_cache
from pathlib import Path
from types import ModuleType

import labkit as lk
from docs.site.docstrings import converted

ROOT = Path(__file__).parents[2]
STUB = Path(lk.__file__).with_suffix(".pyi")
IMPORTED = re.compile(r"from \.([\w.]*) import (\w+) as \w+")

# What a user has in hand without its being a public name, by the page it stands on.
MET = {
    "lab": (
        "lab.running_path.RunningPath",
        "lab.socket.PortSocket",
        "lab.rss.Rss",
        "lab.trace.Trace",
        "lab.port_capture.PortCapture",
        "lab.topology.network.Network",
        "lab.topology.host.Host",
    ),
    "packet": ("packet.codec.Verdict",),
    "path": ("path.chain.Node", "path.counters.PathCounters", "path.drops.Drops"),
}
FIRST = ("Lab", "Port", "RunningPath", "Path", "Stream", "Capture", "explain", "record", "look")
TITLES = {
    "lab": "Lab, ports, running paths, live traffic",
    "path": "Paths and their nodes",
    "traffic": "Streams",
    "runs": "Echo, trial, sweep, search",
    "results": "Results and comparisons",
    "captures": "Captures",
    "packet": "Frames, filters, tunnels",
    "sources": "Counters over time",
    "widgets": "Live views",
    "trouble": "Sick NICs",
    "fault": "Faults made on purpose",
    "pairs": "Main and backup",
    "dut": "Devices under test",
    "hosts": "Other hosts",
    "node": "Nodes of your own",
    "ec2": "EC2 instances",
    "notebooks": "Notebooks as tests",
    "machine": "This machine",
    "engine": "The engine's settings",
    "tables": "Tables",
}


def write(folder: Path) -> None:
    """The pages."""
    subjects: dict[str, list[tuple[str, str]]] = {}
    modules: dict[str, ModuleType] = {}
    for where, name in IMPORTED.findall(STUB.read_text()):
        if where == "errors":  # docs/errors.md
            continue
        value = getattr(lk, name)
        if inspect.ismodule(value):
            modules[name] = value
            package = where.partition(".")[0] or name
        else:
            package = where.partition(".")[0]
            subjects.setdefault(package, []).append(("labkit", name))
        subjects.setdefault(package, [])
    for module in modules.values():
        package = module.__name__.split(".")[1]
        known = {value for _, value in subjects[package]}
        members = [
            (module.__name__, member)
            for member in getattr(module, "__all__", ())
            if member not in known and _is_shown(getattr(module, member))
        ]
        subjects[package] += members
    for package, names in subjects.items():
        lines = _head(package, [m for m in modules.values() if m.__name__.split(".")[1] == package])
        listed = dict.fromkeys((*names, *_met(package)))
        for module_name, name in sorted(listed, key=lambda entry: entry[1] not in FIRST):
            lines += _entry(module_name, name)
        (folder / f"{package}.rst").write_text("\n".join(lines) + "\n")


def _head(package: str, modules: list[ModuleType]) -> list[str]:
    title = TITLES.get(package, package)
    lines = [title, "=" * len(title)]
    packages = modules or [importlib.import_module(f"labkit.{package}")]
    for module in packages:
        lines += ["", *converted(module.__doc__ or "")]
    return lines


def _met(package: str) -> list[tuple[str, str]]:
    """What is met on the way: module and name."""
    paths = [f"labkit.{path}".rpartition(".") for path in MET.get(package, ())]
    return [(module, name) for module, _, name in paths]


def shown_signature(
    app: object, what: str, name: str, value: object, options: object, signature: str, returns: str
) -> tuple[str, str] | None:
    """Sphinx's hook: how a class is made is shown where some example makes one."""
    if what == "class" and signature and name.rpartition(".")[2] not in _made_in_examples():
        return "", ""
    return None


@lru_cache(maxsize=1)
def _made_in_examples() -> frozenset[str]:
    files = [*ROOT.glob("docs/**/*.md"), *ROOT.glob("notebooks/*.ipynb"), ROOT / "README.md"]
    text = "".join(file.read_text() for file in files)
    return frozenset(re.findall(r"\blk\.(?:\w+\.)?(\w+)\(", text))


def _is_shown(value: object) -> bool:
    return inspect.isclass(value) or inspect.isfunction(value)


def _entry(module: str, name: str) -> list[str]:
    value = getattr(importlib.import_module(module), name)
    kind = "class" if inspect.isclass(value) else "function" if callable(value) else "data"
    members = ["   :members:"] if kind == "class" else []
    shown = [] if kind != "data" else ["   :no-value:"]
    return ["", f".. py:currentmodule:: {module}", "", f".. auto{kind}:: {name}", *members, *shown]
