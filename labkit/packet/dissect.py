# SPDX-License-Identifier: BSD-3-Clause
"""Bytes into scapy packets: the one way, so that a frame has the same layers everywhere.

What scapy finds in a frame depends on the layers that were imported before. So those of a lab's
frames are, with those of our tunnels, which are bound to their UDP ports. All that scapy brings
would take a second, for which the first answer would wait.
"""

from scapy.contrib import geneve  # noqa: F401
from scapy.layers import dhcp, dhcp6, dns, inet, inet6, ntp, vxlan  # noqa: F401
from scapy.layers.l2 import Ether
from scapy.packet import Packet, Raw

from labkit.packet import gue_layer as gue  # noqa: F401

ETHERNET = 14


def layer_of(frame: bytes) -> type[Packet]:
    """The outermost layer of a frame: Raw where it is too short for an Ethernet header."""
    layer: type[Packet] = Ether if len(frame) >= ETHERNET else Raw
    return layer


def dissect(frame: bytes) -> Packet:
    """A frame as a scapy packet."""
    return layer_of(frame)(frame)
