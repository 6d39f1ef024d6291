# SPDX-License-Identifier: BSD-3-Clause
"""Switches and routers of a topology, as nodes between its wires."""

from collections.abc import Mapping, Sequence

from labkit.lab.topology.addressing import Attached, Layout
from labkit.lab.topology.routes import routes_of
from labkit.path.chain import Chain, Node
from labkit.path.routing import route
from labkit.path.switch import bridge

MTU = 1500

Ways = Mapping[str, Node]  # by name of the interface


def switch_of(layout: Layout, name: str, into: Ways, out: Ways) -> list[Chain]:
    """A learning switch."""
    interfaces = layout.interfaces[name]
    return _joined(bridge([i.name for i in interfaces], name=name), interfaces, into, out)


def router_of(layout: Layout, name: str, into: Ways, out: Ways) -> list[Chain]:
    """A router with its static routes."""
    interfaces = layout.interfaces[name]
    ports = {i.name: [str(a) for a in i.addresses.values()] for i in interfaces}
    macs = {i.name: i.mac for i in interfaces}
    mtus = dict.fromkeys(ports, MTU)
    router = route(ports, routes_of(layout, name), macs=macs, mtus=mtus, name=name)
    return _joined(router, interfaces, into, out)


def _joined(
    device: Node | Chain, interfaces: Sequence[Attached], into: Ways, out: Ways
) -> list[Chain]:
    return [
        *(out[i.name] >> device for i in interfaces),
        *(device[i.name] >> into[i.name] for i in interfaces),
    ]
