# SPDX-License-Identifier: BSD-3-Clause
"""A captured packet without the lengths and checksums that it was captured with."""

from typing import TYPE_CHECKING

from labkit.traffic.fields import all_layers

if TYPE_CHECKING:
    from scapy.packet import Packet

COMPUTED = ("len", "plen", "length", "ihl", "dataofs", "chksum", "cksum", "checksum")


def rebuilt(packet: "Packet") -> "Packet":
    """A copy whose lengths and checksums scapy computes, without the padding of a short frame.

    UDP's checksum of 0 stays: it says that there is none (RFC 768).
    """
    made = packet.copy()
    made.clear_cache()
    for layer in all_layers(made):
        for field in layer.fields_desc:
            value = layer.fields.get(field.name)
            is_none = field.name == "chksum" and value == 0 and layer.name == "UDP"
            if field.name in COMPUTED and field.default is None and not is_none:
                layer.fields.pop(field.name, None)
        if layer.payload.name == "Padding":
            layer.remove_payload()
    return made
