# SPDX-License-Identifier: BSD-3-Clause
"""Stations at the ports of a path, and where what they say comes out."""

from collections.abc import Callable
from typing import Any

from scapy.layers.l2 import Dot1Q, Ether
from scapy.packet import Packet, Raw

import labkit as lk
from labkit.lab.running_path import RunningPath
from labkit.path.chain import Chain
from tests.patience import wait_until

GROUP = "ff:ff:ff:ff:ff:ff"


def mac(number: int) -> str:
    return f"02:00:00:00:00:{number:02x}"


def frame(source: int, target: int | str, *tags: Packet, number: int = 0) -> bytes:
    """From one station to another, numbered, with the tags."""
    packet: Packet = Ether(src=mac(source), dst=mac(target) if isinstance(target, int) else target)
    for tag in tags:
        packet /= tag
    return bytes(packet / Raw(number.to_bytes(2, "big") + bytes(44)))


def tag(vlan: int, prio: int = 0) -> Packet:
    return Dot1Q(vlan=vlan, prio=prio, type=0x9000)


class Stations:
    """So many stations, each on a cable of its own to a port of the path that `make` makes."""

    def __init__(
        self, lab: lk.Lab, count: int, make: Callable[[list[lk.Port]], Chain | lk.Path]
    ) -> None:
        cables = [lab.cable(f"p{n}", f"s{n}") for n in range(count)]
        self.ports, self.far = [c[0] for c in cables], [c[1] for c in cables]
        self._readers = [far.frames.new_reader() for far in self.far]  # which sending leaves alone
        self.path: RunningPath = lab.run(make(self.ports))

    def say(self, station: int, *frames: bytes) -> dict[str, int]:
        """How many frames then left the path's first node of several outputs, by output; those
        that were dropped there included."""
        node = next(n.name for n in self.path.path.nodes if n.declared.role == "process")
        entered = self.path.ledger.sent + len(frames)
        before = dict(self.path.counters.outputs[node])
        self.far[station].send(list(frames))
        wait_until(lambda: self.path.ledger.sent == entered and self.path.ledger.is_balanced)
        after = self.path.counters.outputs[node]
        return {k: n - before.get(k, 0) for k, n in after.items() if n != before.get(k, 0)}

    def heard(self, station: int, count: int) -> list[bytes]:
        """The next frames that came to it."""
        found: list[bytes] = []

        def is_there() -> bool:
            while len(found) < count and (read := self._readers[station].read()) is not None:
                found.append(read[0])
            return len(found) == count

        wait_until(is_there)
        return found

    def functions(self, node: str) -> Any:
        return self.path.counters.functions[node]
