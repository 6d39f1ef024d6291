# SPDX-License-Identifier: BSD-3-Clause
"""Bytes into scapy packets, with every tunnel's layers known."""

from scapy.contrib import geneve  # noqa: F401 (binds itself to its UDP port)
from scapy.layers import vxlan  # noqa: F401
from scapy.layers.l2 import Ether


def dissect(frame: bytes) -> Ether:
    """A frame as a scapy packet."""
    return Ether(frame)
