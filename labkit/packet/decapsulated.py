# SPDX-License-Identifier: BSD-3-Clause
"""What came out of a tunnel: the frame, and what was around it."""

import ipaddress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from labkit._codec import lib
from labkit.packet.geneve_options import GeneveOption, parse_options

if TYPE_CHECKING:
    from scapy.packet import Packet


@dataclass(frozen=True)
class Decapsulated:
    """What came out of a tunnel, and what was around it.

    Attributes
    ----------
    frame: as the inner side gets it, scapy packet or bytes like what was given. IP that came
        without an Ethernet header has one.
    payload: what the tunnel carried: "ethernet", "ip", "gre" or "etherip" (both hold Ethernet)
    vni: virtual network identifier; None for GUE
    options: GENEVE options
    source, destination, source_port: of the outer headers
    outer_ecn: the outer ECN field, 0 to 3
    ecn: of the inner IP header after RFC 6040 4.2; None when no IP is inside
    offset: byte of the outer frame at which what was carried begins
    """

    frame: "bytes | Packet"
    payload: str
    vni: int | None
    options: tuple[GeneveOption, ...]
    source: str
    destination: str
    source_port: int
    outer_ecn: int
    ecn: int | None
    offset: int


def describe(
    raw: bytes, found: Any, frame: "bytes | Packet", payload: str, *, has_vni: bool
) -> Decapsulated:
    """A frame that was taken out of `raw`; found: struct lk_decapsulated of it."""
    at, width = found.outer.l3, 4 if found.outer.ip_version == 4 else 16
    first = at + (12 if width == 4 else 8)
    source, destination = (
        str(ipaddress.ip_address(raw[start : start + width])) for start in (first, first + width)
    )
    options = raw[found.options : found.options + found.options_length]
    inner = bytes(frame)
    traffic_class = lib.lk_codec_traffic_class(inner, len(inner))
    return Decapsulated(
        frame,
        payload,
        found.vni if has_vni else None,
        parse_options(options),
        source,
        destination,
        int.from_bytes(raw[found.outer.l4 : found.outer.l4 + 2], "big"),
        (raw[at + 1] if width == 4 else raw[at + 1] >> 4) & 3,
        None if traffic_class < 0 else traffic_class & 3,
        found.inner,
    )
