# SPDX-License-Identifier: BSD-3-Clause
"""Bytes into scapy packets, with every tunnel's layers known."""

from scapy.contrib import geneve  # noqa: F401 (binds itself to its UDP port)
from scapy.layers import vxlan  # noqa: F401
from scapy.layers.l2 import Ether
from scapy.packet import Packet, Raw

from labkit.packet import gue_layer as gue  # noqa: F401

ETHERNET = 14


def dissect(frame: bytes) -> Packet:
    """A frame as a scapy packet; one that is too short for an Ethernet header is Raw."""
    return Ether(frame) if len(frame) >= ETHERNET else Raw(frame)
