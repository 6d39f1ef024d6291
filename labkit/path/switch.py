# SPDX-License-Identifier: BSD-3-Clause
"""A learning switch: lk.bridge is its node, lk.switch the whole path."""

from collections.abc import Mapping, Sequence
from typing import Any

from labkit.arguments.checked import EVERY, checked
from labkit.arguments.hints import is_many
from labkit.errors import PathError
from labkit.packet.edges import MOST_OUTPUTS
from labkit.path.cells import Cell
from labkit.path.chain import Node
from labkit.path.declaration import node
from labkit.path.function_types import Outputs, PortList
from labkit.path.nodes import rx, tx
from labkit.path.path import Path
from labkit.path.types import Name, PortLike, PortType
from labkit.path.vlan_types import DEFAULT, Aging, Entries, Vlans, membership
from labkit.text import near, shown

Ports = Sequence[PortLike | str]
VlansOfPorts = Mapping[Any, Any]


@node(
    role="process",
    kind="switch",
    outputs=(),
    reference="IEEE 802.1Q",
    counters=("learned", "moved", "aged", "flooded", "table_full", "made", "not_copied"),
    table={
        "mac": Cell.MAC,
        "vlan": Cell.WHOLE,
        "port": Cell.OUTPUT,
        "age_s": Cell.SECONDS,
        "moves": Cell.WHOLE,
    },
    asks_where_from=True,
)
def learning(
    ports: PortList,
    outputs: Outputs,
    vlans: Vlans | None = None,
    aging: Aging = 300.0,
    limit: Entries = 65536,
    *,
    name: Name = None,
) -> None:
    """Sends frames to the port on which their destination was seen, or to all."""


@checked(PathError, but=EVERY)
def bridge(
    ports: Ports,
    vlans: VlansOfPorts | None = None,
    aging: float | str = "300 s",
    limit: int = 65536,
    *,
    name: str | None = None,
) -> Node:
    """The node of lk.switch, for a path with more in it: it has an output named after each port.

        bridge = lk.bridge([a, b])
        lab.run(lk.Path(
            lk.rx(a) >> bridge, bridge["a"] >> lk.tx(a),
            lk.rx(b) >> bridge, bridge["b"] >> lk.delay("20 ms") >> lk.tx(b),
        ))

    The parameters are those of lk.switch. A frame that came by another port ends in
    drop_switch_unknown_port.
    """
    if not is_many(ports) or isinstance(ports, (str, Mapping)):
        raise PathError(f"ports is {shown(ports)}; it is a list of ports, such as [a, b, c]")
    names = [str(PortType().given(port)) for port in ports]
    if not 2 <= len(names) <= MOST_OUTPUTS or len(set(names)) < len(names):
        raise PathError(
            f"ports is {shown(names)}; a switch has 2 to {MOST_OUTPUTS} ports, each once"
        )
    members = None if vlans is None else _memberships(names, vlans)
    return learning(names, names, members, aging, limit, name=name)


@checked(PathError, but=EVERY)
def switch(
    ports: Ports,
    vlans: VlansOfPorts | None = None,
    aging: float | str = "300 s",
    limit: int = 65536,
    *,
    name: str = "switch",
) -> Path:
    """A learning switch between ports: the whole path, for lab.run (IEEE 802.1Q).

        sw = lab.run(lk.switch([a, b], vlans={a: 10, b: {"trunk": "all", "native": 1}}))
        sw.tables["switch"]

    A frame goes to the port on which its destination was last seen as a source, and to all others
    where it was not, or where it is for a group. None goes back to the port that it came by.

    vlans: by port. None: tags are not looked at, and stay. 10: an access port, whose frames have no
    tags. [10, 20]: a trunk, whose frames have them. {"trunk": [10, 20], "native": 1}: a trunk on
    which frames without a tag belong to a VLAN, too; "trunk": "all" is every VLAN. A port that is
    not named is an access port of VLAN 1. Addresses are learned by VLAN. A tag is put on or taken
    off as the frame leaves; one that tells a priority alone (VLAN 0) is as good as none. Tags of
    802.1ad are part of what is carried.
    aging: for how long an address is known after its last frame, 0.01 to 1,000,000 s
    limit: addresses that the table holds; a full one learns no more, and floods
    name: of the path and of its node

    RunningPath.tables["switch"] has a row an address: mac, vlan (missing without VLANs), port,
    age_s since its last frame, moves from port to port. `tables.clear("switch")` empties it.
    RunningPath.counters.functions tells addresses learned, moved and aged; frames flooded; frames
    whose source found the table full; copies made, and copies not made for want of buffers.
    RunningPath.counters.outputs tells frames by port. What is not forwarded ends in
    drop_switch_reserved (01:80:C2:00:00:00 to 0F, BPDUs among them), drop_switch_same_port,
    drop_switch_no_port, drop_switch_not_member, drop_switch_untagged or drop_switch_bad_source.
    """
    node = bridge(ports, vlans, aging, limit, name=name)
    names = node.outputs
    ins, outs = (rx(port) >> node for port in names), (node[port] >> tx(port) for port in names)
    return Path(*ins, *outs, name=name)


def _memberships(ports: Sequence[str], vlans: VlansOfPorts) -> list[str]:
    """In words, in the order of the ports."""
    if not isinstance(vlans, Mapping):
        raise PathError(f"vlans is {shown(vlans)}; it is VLANs by port, such as {{a: 10, b: [10]}}")
    given = {str(PortType().given(port)): value for port, value in vlans.items()}
    for port in given:
        if port not in ports:
            raise PathError(
                f"vlans has port {port!r}, which is none of the switch's{near(port, ports)}"
            )
    return [membership(port, given.get(port, DEFAULT)) for port in ports]
