# SPDX-License-Identifier: BSD-3-Clause
"""What a path leaves to its ports: MAC addresses, and which port is behind a node."""

from collections.abc import Mapping
from dataclasses import replace

from labkit.errors import PathError
from labkit.path.address_types import BorrowsMac
from labkit.path.graph import Graph, NamedNode
from labkit.path.route_types import NetworkType
from labkit.path.types import PortBehindType
from labkit.text import near


def with_macs(graph: Graph, macs: Mapping[str, str]) -> list[NamedNode]:
    """The nodes with what was missing filled in; macs: by port name."""
    return [_filled(graph, node, macs) for node in graph.nodes]


def _filled(graph: Graph, node: NamedNode, macs: Mapping[str, str]) -> NamedNode:
    for parameter in node.declared.parameters:
        kind, value = parameter.type, node.params[parameter.name]
        if isinstance(kind, PortBehindType) and value is None:
            params = {**node.params, parameter.name: _port_behind(graph, node)}
            node = replace(node, params=params)
        if isinstance(kind, NetworkType) and kind.lacking(value):
            params = {
                **node.params,
                parameter.name: kind.filled(
                    value, _port_macs(graph, node, kind.lacking(value), macs)
                ),
            }
            node = replace(node, params=params)
        if isinstance(kind, BorrowsMac) and kind.is_lacking(value):
            mac = _mac_of(graph, node, kind, macs)
            params = {**node.params, parameter.name: kind.filled(value, mac)}
            node = replace(node, params=params)
    return node


def _port_macs(
    graph: Graph, node: NamedNode, ports: list[str], macs: Mapping[str, str]
) -> dict[str, str]:
    for port in ports:
        if port not in macs:
            raise PathError(
                f"path {graph.name!r}, node {node.name}: the MAC of port {port!r} is not "
                f"known{near(port, macs)}; pass macs="
            )
    return {port: macs[port] for port in ports}


def _port_behind(graph: Graph, node: NamedNode) -> str:
    ports = sorted(_ports(graph, node, towards=True))
    if len(ports) != 1:
        way = f"go to ports {', '.join(ports)}" if ports else "go to no port"
        raise PathError(
            f"path {graph.name!r}, node {node.name}: its frames {way}; put it in front of one tx, "
            "whose NIC is the sick one"
        )
    return ports[0]


def _mac_of(graph: Graph, node: NamedNode, kind: BorrowsMac, macs: Mapping[str, str]) -> str:
    ports = _ports(graph, node, towards=kind.lender == "tx")
    if len(ports) != 1:
        way = "go to" if kind.lender == "tx" else "come from"
        raise PathError(
            f"path {graph.name!r}, node {node.name}: its frames {way} ports "
            f"{', '.join(sorted(ports))}, so it has no MAC address of its own; pass {kind.param}="
        )
    (port,) = ports
    if port not in macs:
        raise PathError(
            f"path {graph.name!r}, node {node.name}: the MAC of port {port!r} is not "
            f"known{near(port, macs)}; pass {kind.param}="
        )
    return macs[port]


def _ports(graph: Graph, node: NamedNode, *, towards: bool) -> set[str]:
    """Ports that the node's frames go to, or come from."""
    after: dict[str, list[str]] = {}
    for edge in graph.edges:
        ends = (edge.source, edge.target) if towards else (edge.target, edge.source)
        after.setdefault(ends[0], []).append(ends[1])
    seen, todo, ports = set(), [node.name], set()
    while todo:
        name = todo.pop()
        if name in seen:
            continue
        seen.add(name)
        at = graph.node(name)
        is_end = at.declared.sends if towards else at.declared.brings_frames_in
        if is_end and at.port is not None:
            ports.add(at.port)
        todo += after.get(name, [])
    return ports
