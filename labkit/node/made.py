# SPDX-License-Identifier: BSD-3-Clause
"""A node in C: compiled, declared as any other kind is, put in the place of its former version."""

import atexit
import hashlib
import inspect
import os
import shutil
import tempfile
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

from labkit.arguments.checked import EVERY, checked, fitting
from labkit.errors import PathError
from labkit.node.entries import counters_of, names_of, parameters_of, read_entries
from labkit.node.renewing import renew
from labkit.node.source import check_entries, check_name, check_source
from labkit.node.toolchain import ENGINE, TRAPS, compile_c
from labkit.path.chain import Node
from labkit.path.declaration import make
from labkit.path.kinds import KINDS
from labkit.path.own_kinds import kind_of
from labkit.path.own_node import CELL, DROP, OUTPUT, VERSIONS, OwnNode, sha256
from labkit.units import plain

FOLDERS = "labkit-nodes-"

Maker = Callable[..., Any]  # gives a Node, or the Chain of one in Python


@checked(PathError)
def compile(name: str, source: str, *, sanitize: bool = False) -> Maker:  # noqa: A001
    """Compiles a node in C, and gives what makes its nodes: `%%node` without a notebook.

        ttl = lk.node.compile("ttl", source)
        lab.run(lk.rx(a) >> ttl() >> lk.tx(b))

    name: of the node, and of its function in the source
    source: C; docs/own_node.md tells what it may use
    sanitize: what C leaves undefined (UndefinedBehaviorSanitizer) ends the engine, and is told with
        its line; bytes outside of a frame are what lk.node.test finds

    Running paths that have a node of this name get the new version between two bursts.

    Raises PathError for a source without such a function, CompileError with the lines that are
    wrong, and LabError where there is no compiler.
    """
    own = compiled(name, source, sanitize=sanitize)
    declare(own)
    return maker_of(own)


def compiled(name: str, source: str, *, sanitize: bool = False, first_line: int = 1) -> OwnNode:
    """What there is to know of the node, and its library.

    first_line: number, in the cell, of the source's first line
    """
    check_name(name)
    has_state = check_source(name, source)
    version = hashlib.sha256(f"{first_line} {sanitize} {source}".encode()).hexdigest()[:12]
    native = f"{name}_v{version}"
    known = KINDS[name].own if name in KINDS else None
    if known is not None and known.native == native:
        return known
    library = built(
        name, source, first_line, [*ENGINE, *(TRAPS if sanitize else ())], native, has_state
    )
    entries = read_entries(library)
    check_entries(name, entries, 0)
    return OwnNode(
        name=name,
        native=native,
        language="C",
        text=source,
        library=str(_kept(library)),
        first_line=first_line,
        has_state=has_state,
        parameters=parameters_of(entries),
        drops=names_of(entries, DROP),
        outputs=names_of(entries, OUTPUT),
        counters=counters_of(entries),
    )


def built(
    name: str,
    source: str,
    first_line: int,
    options: list[str],
    native: str,
    has_state: bool,
    end: str = "in_engine.h",
) -> Path:
    """What the compiler makes of a cell with what stands before and behind it."""
    file = folder() / f"{native}.c"
    file.write_text(
        f'#include "cell.h"\n#line {first_line} "{CELL}"\n{source}\n#line 1 "{end}"\n'
        f'#include "{end}"\n'
    )
    names = [f"-DLK_CELL_NAME={name}", f"-DLK_CELL_KIND={native}"]
    state = ["-DLK_CELL_STATE"] if has_state else []
    output = file.with_suffix("." + end.partition(".")[0])
    compile_c(name, file, output, [*options, *names, *state], source, first_line)
    return output


@cache
def folder() -> Path:
    """Of this process, for its libraries; nobody else may enter it."""
    _remove_abandoned()
    owner = os.getpid()
    made = Path(tempfile.mkdtemp(prefix=f"{FOLDERS}{owner}-"))

    def remove() -> None:
        if os.getpid() == owner:  # a fork of the process has its name, and is not its owner
            shutil.rmtree(made, ignore_errors=True)

    atexit.register(remove)
    return made


def _remove_abandoned() -> None:
    """Folders of this user's processes that ended without removing them."""
    for old in Path(tempfile.gettempdir()).glob(f"{FOLDERS}*-*"):
        pid = old.name.removeprefix(FOLDERS).partition("-")[0]
        with suppress(OSError):
            if pid.isdigit() and old.lstat().st_uid == os.geteuid() and not is_running(int(pid)):
                shutil.rmtree(old, ignore_errors=True)


def is_running(pid: int) -> bool:
    """Whether there is such a process."""
    return Path(f"/proc/{pid}").exists()


def _kept(library: Path) -> Path:
    """Under the name that the engine takes: that of what is in it."""
    digest = hashlib.sha256(library.read_bytes()).hexdigest()
    library.chmod(0o500)
    return library.replace(library.with_name(f"{library.stem}-{digest}.so"))


def declare(own: OwnNode) -> list[str]:
    """Makes its kind known, and puts it into the paths that have a node of its name: what came of
    these, in words."""
    VERSIONS[own.native] = own
    KINDS.put(kind_of(own))
    return renew(own)


def maker_of(own: OwnNode) -> Maker:
    """The function that makes nodes of the kind, as nodes of labkit's have it."""
    kind = kind_of(own)
    parameters = [
        inspect.Parameter(
            p.name,
            inspect.Parameter.POSITIONAL_OR_KEYWORD,
            default=inspect.Parameter.empty if own_p.default is None else p.default,
            annotation=float if own_p.is_real else int,
        )
        for p, own_p in zip(kind.parameters, own.parameters, strict=True)
    ]
    named = inspect.Parameter(
        "name", inspect.Parameter.KEYWORD_ONLY, default=None, annotation=str | None
    )
    signature = inspect.Signature([*parameters, named], return_annotation=Node)

    def maker(*args: Any, **kwargs: Any) -> Node:
        try:
            given = signature.bind(*args, **kwargs).arguments
        except TypeError as error:
            raise TypeError(f"{own.name}(): {error}") from None
        name = fitting("name", given.pop("name", None), str | None, PathError)
        return make(own.name, given, name)

    maker.__name__ = maker.__qualname__ = own.name
    maker.__signature__ = signature  # type: ignore[attr-defined]
    maker.__doc__ = f"{kind.sentence}\n\n{_told(own)}"
    maker.__module__ = "labkit.node"
    maker.own = own  # type: ignore[attr-defined]
    return checked(PathError, but=EVERY)(maker)


def _told(own: OwnNode) -> str:
    """What help() tells of it."""
    ranges = [f"{p.name}: {plain(p.lowest)} to {plain(p.highest)}" for p in own.parameters]
    parts = {
        "drops": [f"drop_{name}" for name in own.drops],
        "outputs": ["next", "other", *own.outputs],
        "counters": [name if n == 1 else f"{name}_0 … {name}_{n - 1}" for name, n in own.counters],
    }
    lines = [*ranges, *(f"{what}: {', '.join(names)}" for what, names in parts.items() if names)]
    return "\n".join([*lines, f"source: {own.language}, SHA-256 {sha256(own.text)[:16]}…"])
