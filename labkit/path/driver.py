# SPDX-License-Identifier: BSD-3-Clause
"""The node by which the driver of a port tells what nodes of a path count."""

from collections.abc import Mapping
from typing import Annotated, Any

from labkit.errors import PathError
from labkit.path.declaration import node
from labkit.path.types import Name, PortName
from labkit.path.values import ParamType, Value
from labkit.text import shown


class TellsType(ParamType):
    """What the driver of a port's NIC tells of a path: `told`, as the engine's command tell_driver
    takes it; `instance`, of which (of another one it begins at 0); and by names of `told` the nodes
    and counters that add up to it (`counters`), or the least of which stands there (`levels`)."""

    def check(self, where: str, name: str, value: Value) -> Value:
        """As lk.nitro() makes it."""
        if not isinstance(value, dict) or value.keys() != {
            "instance",
            "told",
            "counters",
            "levels",
        }:
            raise PathError(f"node {where}: {name} is {shown(value)}; lk.nitro() makes such nodes")
        return value

    def lines(self, value: Value) -> list[str]:
        """How many of its counters this path has."""
        assert isinstance(value, Mapping)
        return [f"tells {len(value['counters']) + len(value['levels'])} counters"]


Tells = Annotated[Mapping[str, Any], TellsType()]


@node(role="process", reference="rte_eth_xstats_get")
def driver(port: PortName, tells: Tells, *, name: Name = None) -> None:
    """Has the driver of a port's NIC tell what nodes of the path count; made by lk.nitro()."""
