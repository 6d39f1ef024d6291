# SPDX-License-Identifier: BSD-3-Clause
"""A captured frame as a scapy packet, by the link type that it was captured with."""

from decimal import Decimal

from scapy.layers.inet import IP
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import CookedLinux, CookedLinuxV2, Loopback
from scapy.layers.ppp import PPP
from scapy.packet import Packet, Raw

from labkit.packet.dissect import dissect

ETHERNET, RAW_IP = 1, (12, 14, 101)
LINKS = {
    0: Loopback,
    9: PPP,
    108: Loopback,
    113: CookedLinux,
    228: IP,
    229: IPv6,
    276: CookedLinuxV2,
}


def scapy_packet(data: bytes, link_type: int, wire_length: int, time_ns: int | None) -> Packet:
    """Raw where scapy does not know what it is."""
    packet = _dissected(data, link_type)
    if time_ns is not None:
        packet.time = Decimal(time_ns) / 1_000_000_000
    packet.wirelen = wire_length
    return packet


def _dissected(data: bytes, link_type: int) -> Packet:
    if link_type == ETHERNET:
        return dissect(data)
    layer = LINKS.get(link_type, Raw)
    if link_type in RAW_IP and data:
        layer = {4: IP, 6: IPv6}.get(data[0] >> 4, Raw)
    return layer(data)
