# SPDX-License-Identifier: BSD-3-Clause
"""A traced frame at one node."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from labkit.packet.summary import summary

if TYPE_CHECKING:
    from scapy.packet import Packet


@dataclass(frozen=True)
class Step:
    """A frame as it entered a node.

    Attributes
    ----------
    packet: number of the traced frame, from 0
    path, node: where it was; node is a drop node's name when the frame was refused
    time_ns: CLOCK_REALTIME
    length: of the frame in bytes, without FCS
    before: the frame's first bytes as they entered the node (all of them up to the snap length)
    after: the same as they entered the next node; None for the last one
    lane: of the path
    """

    packet: int
    path: str | None
    node: str
    time_ns: int
    length: int
    before: bytes
    after: bytes | None = None
    lane: int = 0

    @property
    def changed(self) -> list[int]:
        """Offsets of the bytes that the node changed."""
        if self.after is None:
            return []
        longest = max(len(self.before), len(self.after))
        return [i for i in range(longest) if self.before[i : i + 1] != self.after[i : i + 1]]

    @property
    def summary(self) -> str:
        """The frame before the node in one line: its layers and addresses."""
        return summary(self.before, max(self.length, len(self.before)))

    def dissect(self) -> "Packet":
        """The frame before the node, as a scapy packet."""
        from labkit.packet.dissect import dissect  # late: scapy is slow

        return dissect(self.before)
