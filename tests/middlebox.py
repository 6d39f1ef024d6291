# SPDX-License-Identifier: BSD-3-Clause
"""A path between two sides, and what it makes of each frame."""

from scapy.layers.l2 import Ether
from scapy.packet import Packet

import labkit as lk
from labkit.lab.running_path import RunningPath
from labkit.path.chain import Node
from tests.patience import wait_until

INSIDE_MAC, OUTSIDE_MAC = "02:00:00:00:00:0a", "02:00:00:00:00:0b"


class Middlebox:
    """Nodes that both directions go through, between a port inside and one outside.

    back: an output of the last node whose frames go back to where they came from
    reverses: the way back goes through the nodes behind the first in the other order
    """

    path: RunningPath

    def __init__(self, lab: lk.Lab, *nodes: Node, back: str = "", reverses: bool = False) -> None:
        self.inside, near = lab.cable(ring_size=4096)
        self.outside, far = lab.cable(ring_size=4096)
        there, again = lk.path.chain.as_chain(lk.rx(near)), lk.path.chain.as_chain(lk.rx(far))
        for node in nodes:
            there = there >> node
        for node in (nodes[0], *nodes[:0:-1]) if reverses else nodes:
            again = again >> node
        to_inside = lk.tx(near)
        chains = [there >> lk.tx(far), again >> to_inside]
        if back:
            chains.append(nodes[-1][back] >> to_inside)
        self.path = lab.run(lk.Path(*chains, name="box"))
        for port in (self.inside, self.outside):
            port.receive(1, timeout=0)

    def out(self, packet: Packet) -> Packet | str:
        """What comes out on the outside, or the drop node's name."""
        return self._through(self.inside, self.outside, packet)

    def back(self, packet: Packet) -> Packet | str:
        """The other way."""
        return self._through(self.outside, self.inside, packet)

    def hairpin(self, packet: Packet) -> Packet | str:
        """From inside to inside."""
        return self._through(self.inside, self.inside, packet)

    def _through(self, source: lk.Port, target: lk.Port, packet: Packet) -> Packet | str:
        before, drops = self.path.ledger.sent, dict(self.path.drops)
        source.send(packet)
        wait_until(lambda: self.path.ledger.sent == before + 1)
        wait_until(lambda: self.path.ledger.is_balanced)
        for name, count in self.path.drops.items():
            if count > drops.get(name, 0):
                return name
        (frame,) = target.receive(1, timeout=60, raw=True)
        return Ether(frame)

    def counters(self, node: str) -> dict[str, int]:
        """What the node counted."""
        return dict(self.path.counters.functions[node])


def framed(packet: Packet, *, inside: bool = True, vlan: int | None = None) -> Packet:
    """In Ethernet, from one side to the other."""
    from scapy.layers.l2 import Dot1Q

    macs = (INSIDE_MAC, OUTSIDE_MAC) if inside else (OUTSIDE_MAC, INSIDE_MAC)
    link = Ether(src=macs[0], dst=macs[1])
    return link / packet if vlan is None else link / Dot1Q(vlan=vlan) / packet
