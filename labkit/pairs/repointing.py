# SPDX-License-Identifier: BSD-3-Clause
"""Paths of a lab taken from one port to another: the same path, with the other port's name."""

from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import replace

from labkit.errors import LabError, PathError
from labkit.lab.flows.paths import PREFIX
from labkit.lab.lab import Lab
from labkit.lab.port import Port
from labkit.lab.running_path import RunningPath
from labkit.path.address_types import BorrowsMac
from labkit.path.counters import REFUSED_BY_TX
from labkit.path.graph import NamedNode
from labkit.path.path import Path
from labkit.path.types import PortType
from labkit.path.values import Value


def carried_by(lab: Lab, port: Port) -> list[RunningPath]:
    """The declared paths with a node on a port; not those that live traffic has for itself."""
    return [
        running
        for name, running in dict(lab.paths).items()
        if not name.startswith(PREFIX) and port.name in running.path.ports
    ]


def tx_nodes(lab: Lab, port: Port) -> Iterator[str]:
    """The nodes that offer frames to a port, as "path/PATH/NODE"."""
    for running in lab.all_paths():
        for node in running.path.nodes:
            if node.declared.sends and node.port == port.name:
                yield f"path/{running.name}/{node.name}"


def check_can_switch(lab: Lab, main: Port, backup: Port) -> None:
    """Raises LabError for what cannot be taken from one port to the other, naming it."""
    paths = carried_by(lab, main)
    if not paths:
        raise PathError(
            f"no path of this lab uses port {main.name}, so there is nothing to switch; run one, "
            f"such as lk.rx(client) >> lk.tx({main.name})"
        )
    for port in (main, backup):
        _check_flows(lab, port)
    for running in paths:
        _check_path(lab, running, main, backup)


def switch(lab: Lab, main: Port, backup: Port) -> int:
    """Takes every path from one port to the other, each between two bursts.

    Frames that their tx nodes had refused on the first one, since the paths began.
    """
    with lab.live.changing if lab.live is not None else nullcontext():
        check_can_switch(lab, main, backup)
        before = carried_by(lab, main)
        for running in before:
            running.replace(moved(running.path, main, backup))
    return sum(_refused(running, main) for running in before)


def _refused(running: RunningPath, port: Port) -> int:
    outputs = running.counters.outputs
    nodes = [n.name for n in running.path.nodes if n.declared.sends and n.port == port.name]
    return sum(outputs.get(name, {}).get(drop, 0) for name in nodes for drop in REFUSED_BY_TX)


def moved(path: Path, main: Port, backup: Port) -> Path:
    """The same path on the other port; MAC addresses that the port had lent are the other's."""
    names = {node.name: _other_name(node, main, backup) for node in path.nodes}
    nodes = [
        NamedNode(names[node.name], node.kind, _moved_params(node, main, backup))
        for node in path.nodes
    ]
    edges = [
        replace(edge, source=names[edge.source], target=names[edge.target]) for edge in path.edges
    ]
    return Path.from_data(nodes, edges, path.name)


def _other_name(node: NamedNode, main: Port, backup: Port) -> str:
    """Nodes that nobody named are called after their port: tx:main, tx:main.2."""
    kind = f"{node.kind}:{main.name}"
    if node.port == main.name and (node.name == kind or node.name.startswith(f"{kind}.")):
        return f"{node.kind}:{backup.name}{node.name[len(kind) :]}"
    return node.name


def _moved_params(node: NamedNode, main: Port, backup: Port) -> dict[str, Value]:
    params: dict[str, Value] = dict(node.params)
    for parameter in node.declared.parameters:
        value = node.params[parameter.name]
        if isinstance(parameter.type, PortType) and value == main.name:
            params[parameter.name] = backup.name
        elif isinstance(parameter.type, BorrowsMac) and value is not None:
            params[parameter.name] = parameter.type.without(value, main.mac)
    return params


def _check_flows(lab: Lab, port: Port) -> None:
    live = lab.live
    if live is None or live.is_closed:
        return
    for flow in live.flows.values():
        if flow.on is port:
            raise LabError(
                f"flow {flow.name!r} sends on port {port.name} itself, and a flow stays on its "
                "port; send it on another port, and have a path take it to the pair: "
                f"lk.rx(client) >> lk.tx({port.name})"
            )


def _check_path(lab: Lab, running: RunningPath, main: Port, backup: Port) -> None:
    if running.name == f"tunnels:{main.name}":
        raise PathError(
            f"port {main.name} carries tunnels, which stay with it; close their inner ports, or "
            "declare a path with lk.encap and lk.decap"
        )
    if backup.name in running.path.ports:
        raise PathError(f"path {running.name!r} uses both {main.name} and {backup.name}")
    for node in running.path.nodes:
        if node.kind == "capture":
            raise PathError(
                f"path {running.name!r} has a capture, {node.name}, whose file has one writer, so "
                "the path cannot be taken to another port; capture on a path that stays"
            )
    queues = {name: port.last_info.rx_queues for name, port in lab.ports.items()}
    taken = {
        key: other.name
        for other in carried_by(lab, backup)
        for key in other.path.exclusive_queues(queues)
    }
    for kind, port, queue in moved(running.path, main, backup).exclusive_queues(queues):
        if owner := taken.get((kind, port, queue)):
            raise PathError(
                f"path {owner!r} has {kind} of port {port}, queue {queue}, which path "
                f"{running.name!r} needs when it is switched there; stop it"
            )
    for node in running.path.nodes:
        info = backup.last_info
        most = info.rx_queues if node.declared.receives else info.tx_queues
        if node.port == main.name and node.queue is not None and node.queue >= most:
            raise PathError(
                f"path {running.name!r}, node {node.name}, uses queue {node.queue}, and port "
                f"{backup.name} has {most}; open it with queues={node.queue + 1}"
            )
