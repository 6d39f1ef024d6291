# SPDX-License-Identifier: BSD-3-Clause
"""A captured packet without the lengths and checksums that it was captured with."""

from typing import TYPE_CHECKING

from labkit.traffic.fields import all_layers

if TYPE_CHECKING:
    from scapy.packet import Packet

COMPUTED = ("len", "plen", "length", "ihl", "dataofs", "chksum", "cksum", "checksum")


def rebuilt(packet: "Packet") -> "Packet":
    """A copy whose lengths and checksums scapy computes, without the padding of a short frame.

    UDP's checksum of 0 stays where it says that there is none.
    """
    made = packet.copy()
    made.clear_cache()
    for layer in all_layers(made):
        for field in layer.fields_desc:
            is_none = field.name == "chksum" and is_left_out(layer)
            if field.name in COMPUTED and field.default is None and not is_none:
                layer.fields.pop(field.name, None)
        if layer.payload.name == "Padding":
            layer.remove_payload()
    return made


def is_left_out(layer: "Packet") -> bool:
    """Whether a UDP header has no checksum: over IPv4 (RFC 768), or as a tunnel's (RFC 6935)."""
    from scapy.layers.inet import IP, UDP
    from scapy.layers.inet6 import IPv6

    if not isinstance(layer, UDP) or layer.chksum != 0:
        return False
    return isinstance(layer.underlayer, IP) or IP in layer.payload or IPv6 in layer.payload
