# SPDX-License-Identifier: BSD-3-Clause
"""One frame of a capture, with what the file says of it."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from labkit.packet.explanation import Explanation, explain
from labkit.text import Html

if TYPE_CHECKING:
    from scapy.packet import Packet

NS = 1_000_000_000


@dataclass(frozen=True, repr=False)
class CapturedFrame:
    """A frame of a capture.

    Attributes
    ----------
    number: in the capture, from 0
    data: the bytes that were captured; bytes(frame) gives them, too
    wire_length: bytes that it had on the wire
    time_ns: since 1970; None where the file has none
    interface: number of its interface among those of the file
    link_type: number of its LINKTYPE; 1: Ethernet
    fcs: so many of its last bytes on the wire are the FCS
    comments: on it, of pcapng
    """

    number: int
    data: bytes
    wire_length: int
    time_ns: int | None
    interface: int
    link_type: int
    fcs: int
    comments: tuple[str, ...] = ()

    @property
    def scapy(self) -> "Packet":
        """It as a scapy packet, with its time and wire length."""
        from labkit.captures.scapy_packet import scapy_packet  # late: scapy is slow to load

        return scapy_packet(self.data, self.link_type, self.wire_length, self.time_ns)

    def explain(self, tunnel: Any = None) -> Explanation:
        """Its layers with their bytes, fields and checksums: see lk.explain()."""
        return explain(self, tunnel)

    def __bytes__(self) -> bytes:
        return self.data

    def __len__(self) -> int:
        return len(self.data)

    def __repr__(self) -> str:
        return f"<CapturedFrame {self._head}>"

    def _repr_html_(self) -> Html:
        said = f"<p>{self._head}</p>"
        return Html(said + self.explain()._repr_html_())

    @property
    def _head(self) -> str:
        length = f"{self.wire_length} bytes"
        if len(self.data) < self.wire_length:
            length = f"{len(self.data)} of {length}"
        when = "without a time" if self.time_ns is None else f"at {moment(self.time_ns)}"
        return f"{self.number}: {length} {when}"


def moment(time_ns: int) -> str:
    """A time in UTC with nanoseconds."""
    seconds, ns = divmod(time_ns, NS)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M:%S}.{ns:09d} UTC"
