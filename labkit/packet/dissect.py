# SPDX-License-Identifier: BSD-3-Clause
"""Bytes into scapy packets: the one way, so that a frame has the same layers everywhere.

What scapy finds in a frame depends on the layers that were imported before. So those of a lab's
frames are, with those of our tunnels, which are bound to their UDP ports. All that scapy brings
would take a second, for which the first answer would wait.
"""

from scapy.contrib import geneve
from scapy.layers import dhcp, dhcp6, dns, inet, inet6, ntp, vxlan
from scapy.layers.l2 import Ether
from scapy.packet import Packet, Raw

from labkit.packet import gue_layer as gue

ETHERNET = 14
TUNNELS = (vxlan, geneve, gue)
FIRST_OF_UDP = [module.__name__ for module in (*TUNNELS, dhcp, dhcp6, dns, ntp, inet6)]


def _order(guess: tuple[dict[str, int], type[Packet]]) -> int:
    """Of two layers whose ports a datagram has, as one from 53 to 6081, scapy takes the one that
    was imported first; here a tunnel's destination port counts most."""
    ports, layer = guess
    if layer.__module__ not in FIRST_OF_UDP:
        return len(FIRST_OF_UDP) + 1
    at = FIRST_OF_UDP.index(layer.__module__)
    return len(FIRST_OF_UDP) if at < len(TUNNELS) and "dport" not in ports else at


inet.UDP.payload_guess.sort(key=_order)


def layer_of(frame: bytes) -> type[Packet]:
    """The outermost layer of a frame: Raw where it is too short for an Ethernet header."""
    layer: type[Packet] = Ether if len(frame) >= ETHERNET else Raw
    return layer


def dissect(frame: bytes) -> Packet:
    """A frame as a scapy packet."""
    return layer_of(frame)(frame)
