# SPDX-License-Identifier: BSD-3-Clause
"""The layers of a frame with their bytes, their fields, and what is to be said of them."""

import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property

from labkit.packet.fields import icmpv6
from labkit.packet.fields.formats import Placed, fields_of, placed_fields
from labkit.packet.fields.reader import Pair
from labkit.packet.layer_remarks import checksum_text, problem_text
from labkit.packet.walk import Found

LONGEST_PAYLOAD = 64  # bytes of data that are kept
WITHOUT_HEADER = ("data", "padding", "trailer", "fcs")
# Data by the layer that it stands behind, by the address of LLC or the port of UDP: its format and
# its name
BEHIND = {"pppoed": ("pppoe_tags", "PPPoE tags"), "sctp": ("sctp_chunks", "SCTP chunks")}
SAPS = {0x42: ("stp", "STP")}
PORTS = {
    53: ("dns", "DNS"),
    67: ("dhcp", "DHCP"),
    68: ("dhcp", "DHCP"),
    123: ("ntp", "NTP"),
    546: ("dhcpv6", "DHCPv6"),
    547: ("dhcpv6", "DHCPv6"),
    5353: ("dns", "mDNS"),
}


@dataclass(frozen=True)
class Layer:
    """One layer of a frame.

    Attributes
    ----------
    name: such as "Ethernet", "IP", "ICMPv6 Echo Request", "data"
    offset, length: of its own bytes on the wire
    data: those of its bytes that are there; of payload the first 64
    checksum: "good"; "wrong: it is 0x1234 and should be 0x5678"; "unfinished: ..." as a sender
        leaves it to its NIC; "not there" where it was left out; "cannot be told: ..." with why;
        "" where there is no checksum
    problem: what is wrong with the layer, such as "cut short by the capture"; "" where nothing is
    is_quoted: inside of an ICMP error: a packet that was sent before
    kind: of what format it is, such as "eth", "ip", "data"
    """

    name: str
    offset: int
    length: int
    data: bytes
    checksum: str
    problem: str
    is_quoted: bool
    kind: str
    _raw: bytes = field(repr=False, compare=False)

    @cached_property
    def fields(self) -> tuple[Pair, ...]:
        """(name, value) of the fields whose bytes are there, taken apart when they are wanted."""
        return fields_of(self.kind, self._raw[self.offset : self.offset + self.length])

    @cached_property
    def placed(self) -> tuple[Placed, ...]:
        """The same fields, each with its place: bits from the first one of the layer."""
        return placed_fields(self.kind, self._raw[self.offset : self.offset + self.length])

    @property
    def missing(self) -> int:
        """How many of its bytes the capture left out."""
        return min(self.length, max(0, self.offset + self.length - len(self._raw)))


def layers_of(raw: bytes, found: list[Found], wire_length: int) -> Iterator[Layer]:
    """Layers out of what the walk found in a frame of which `raw` is there."""
    for number, layer in enumerate(found):
        kind, name = layer.kind, layer.title
        begin, end = layer.offset, layer.offset + layer.length
        if kind == "icmpv6":
            name = icmpv6.name(raw[begin : begin + 1])
        elif kind == "data":
            kind, name = _known_data(raw, found, number) or (kind, name)
        if kind == "fcs":
            checksum = _fcs_text(raw, begin, wire_length)
        else:
            checksum = checksum_text(raw, found, number)
        if layer.kind in WITHOUT_HEADER:
            end = min(end, begin + LONGEST_PAYLOAD)
        yield Layer(
            name,
            begin,
            layer.length,
            raw[begin:end],
            checksum,
            problem_text(raw, found, number),
            layer.is_quoted,
            kind,
            raw,
        )


def _known_data(raw: bytes, found: list[Found], number: int) -> tuple[str, str] | None:
    """Format and name of data that the layer before it tells of."""
    if number == 0 or found[number].problem != "none":
        return None
    before = found[number - 1]
    if before.kind == "llc" and before.offset < len(raw):
        return SAPS.get(raw[before.offset])
    if before.kind != "udp" or before.length < 4:
        return BEHIND.get(before.kind)
    ports = raw[before.offset : before.offset + 4]
    source, destination = int.from_bytes(ports[:2], "big"), int.from_bytes(ports[2:], "big")
    return PORTS.get(destination) or PORTS.get(source)


def _fcs_text(raw: bytes, at: int, wire_length: int) -> str:
    """IEEE 802.3 3.2.9: its bytes are in the other order."""
    if wire_length != len(raw):
        return "cannot be told: cut short by the capture"
    if wire_length - at != 4:
        return ""
    stored, right = int.from_bytes(raw[at:], "little"), zlib.crc32(raw[:at])
    if stored == right:
        return "good"
    return f"wrong: it is {stored:#010x} and should be {right:#010x}"
