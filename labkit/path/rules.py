# SPDX-License-Identifier: BSD-3-Clause
"""What makes a path one that can run. Each rule names path, node or edge, and the fix."""

from collections.abc import Callable
from graphlib import CycleError, TopologicalSorter

from labkit.errors import PathError
from labkit.path.connections import connections_are_known
from labkit.path.function_types import NAME
from labkit.path.graph import Graph, NamedNode
from labkit.text import near


def validate(path: Graph) -> None:
    """Raises PathError with path, node or edge, and the fix, for a path that cannot run."""
    for check in _RULES:
        check(path)


def _names_are_good(path: Graph) -> None:
    for what, name in (("path", path.name), *(("node", n.name) for n in path.nodes)):
        if not isinstance(name, str) or not NAME.fullmatch(name):
            raise PathError(
                f"{what} name {name!r}: use 1 to 40 letters, digits and _ . : -; pass name="
            )
    names = [n.name for n in path.nodes]
    for name in names:
        if names.count(name) > 1:
            raise PathError(f"path {path.name!r} has two nodes called {name!r}; pass name= to one")


def _edges_are_good(path: Graph) -> None:
    nodes = {n.name: n for n in path.nodes}
    taken: dict[tuple[str, str], str] = {}
    for edge in path.edges:
        where = f"path {path.name!r}, edge {edge.source}[{edge.output}] >> {edge.target}"
        for end in (edge.source, edge.target):
            if end not in nodes:
                raise PathError(f"{where}: there is no node {end!r}{near(end, nodes)}")
        source = nodes[edge.source]
        if edge.output not in source.outputs:
            raise PathError(
                f"{where}: {source.kind} has no output {edge.output!r}"
                f"{near(edge.output, source.outputs)}"
            )
        if nodes[edge.target].declared.role == "source":
            raise PathError(
                f"{where}: {nodes[edge.target].kind} is a source and takes no frames; "
                "begin another chain with it"
            )
        key = (edge.source, edge.output)
        if key in taken:
            raise PathError(
                f"{where}: this output leads to {taken[key]} already; an output has one target"
            )
        taken[key] = edge.target


def _is_reached(path: Graph) -> None:
    reached = {n.name for n in path.nodes if n.declared.role == "source"}
    if not reached:
        raise PathError(f"path {path.name!r} has no source; begin it with rx(port) or inject(port)")
    todo = list(reached)
    while todo:
        name = todo.pop()
        for edge in path.edges:
            if edge.source == name and edge.target not in reached:
                reached.add(edge.target)
                todo.append(edge.target)
    for n in path.nodes:
        if n.name not in reached:
            raise PathError(
                f"path {path.name!r}, node {n.name}: no source leads to it; join it with "
                ">> to a chain that begins with rx(port) or inject(port)"
            )


def _has_no_cycle(path: Graph) -> None:
    sources: dict[str, set[str]] = {}
    for edge in path.edges:
        sources.setdefault(edge.target, set()).add(edge.source)
    try:
        TopologicalSorter(sources).prepare()
    except CycleError as error:
        around = " >> ".join(error.args[1])
        raise PathError(
            f"path {path.name!r}, edge {around}: frames would go round for ever; a path has no "
            "cycles, end it with tx(port) or sink()"
        ) from None


def _queues_are_used_once(path: Graph) -> None:
    seen: list[NamedNode] = []
    for n in path.nodes:
        if n.port is None or not n.declared.is_exclusive:
            continue
        for other in seen:
            if (n.kind, n.port) != (other.kind, other.port):
                continue
            if n.queue == other.queue or None in (n.queue, other.queue):
                raise PathError(
                    f"path {path.name!r}, node {n.name}: {other.name} is the {n.kind} of port "
                    f"{n.port}{_whose_queues(n, other)} already; {_fix(n, other)}"
                )
        seen.append(n)


def _whose_queues(n: NamedNode, other: NamedNode) -> str:
    if "queue" not in n.params:
        return ""
    return ", all queues," if other.queue is None else f", queue {other.queue},"


def _fix(n: NamedNode, other: NamedNode) -> str:
    if n.queue == other.queue:
        return "use the same node object in both chains"
    return "name a queue in both, or in none"


def _captures_rotate_what_they_keep(path: Graph) -> None:
    for n in path.nodes:
        if n.kind == "capture" and n.params.get("files") and not n.params.get("rotate"):
            raise PathError(
                f"path {path.name!r}, node {n.name}: files is {n.params['files']}, the files that "
                'are kept of several; say with rotate, such as "10 MB", when the next one begins'
            )


_RULES: tuple[Callable[[Graph], None], ...] = (
    _names_are_good,
    _edges_are_good,
    _is_reached,
    _has_no_cycle,
    _queues_are_used_once,
    _captures_rotate_what_they_keep,
    connections_are_known,
)
