# SPDX-License-Identifier: BSD-3-Clause
"""A scapy packet in a tunnel, to be a stream's: what is put behind it is carried with it."""

from dataclasses import fields, replace
from typing import Any

from scapy.layers.inet import UDP
from scapy.packet import Packet

from labkit.packet.tunnels import Tunnel

FOLLOWING = ("len", "plen", "chksum")  # of IPv4, IPv6 and UDP


def tunnel_packet(inner: Packet, tunnel: Tunnel) -> Packet:
    """The packet as the tunnel sends it, whose lengths and checksums are left to scapy.

    Checksums that the tunnel does not send stay 0. The outer UDP source port is that of this
    packet's flow, whatever becomes of its fields.
    """
    known: Any = next(f.default for f in fields(tunnel) if f.name == "udp_port")
    packet: Packet = replace(tunnel, udp_port=known).encap(inner)  # scapy knows layers by ports
    packet[UDP].dport = tunnel.udp_port
    layer = packet
    while layer:
        for name in FOLLOWING:
            is_unsent = isinstance(layer, UDP) and layer.chksum == 0 and name == "chksum"
            if name in layer.fields and not is_unsent:
                layer.delfieldval(name)
        layer = layer.payload
    return packet
