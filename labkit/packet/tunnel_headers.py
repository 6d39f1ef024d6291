# SPDX-License-Identifier: BSD-3-Clause
"""Tunnel headers in scapy as the standards want them sent.

    Ether() / IP() / udp(inner, 4789, over=4) / vxlan(42) / inner

scapy 2.8 by itself sends VXLAN with flags 0x0c and the UDP source port 4789, never sets GENEVE's C
bit, and lets option data that is no multiple of 4 bytes shift what follows.
"""

from collections.abc import Iterable

from scapy.contrib.geneve import GENEVE, GeneveOptions
from scapy.layers.inet import UDP
from scapy.layers.vxlan import VXLAN
from scapy.packet import Packet

from labkit._codec import lib
from labkit.errors import LabError
from labkit.packet.geneve_options import GeneveOption, check_options

ETHERNET = 0x6558  # transparent Ethernet bridging


def entropy_port(inner: bytes | Packet) -> int:
    """The UDP source port of a frame's flow, 49152 to 65535: as lk.Vxlan and the others choose."""
    frame = bytes(inner)
    port: int = 0xC000 | lib.lk_codec_flow_hash(frame, len(frame)) >> 50
    return port


def udp(inner: bytes | Packet, port: int, *, over: int) -> UDP:
    """UDP around a tunnel header: entropy in the source port, no checksum over IPv4 (RFC 7348 4.3),
    one over IPv6 (RFC 8200 8.1). over: 4 or 6."""
    if over not in (4, 6):
        raise LabError(f"over is {over!r}; it is 4 or 6, the IP version outside")
    return UDP(sport=entropy_port(inner), dport=port, chksum=0 if over == 4 else None)


def vxlan(vni: int) -> VXLAN:
    """The I flag alone, everything reserved 0: RFC 7348 5."""
    return VXLAN(flags=0x08, vni=vni)


def geneve(vni: int, options: Iterable[GeneveOption] = (), proto: int = ETHERNET) -> GENEVE:
    """C is set when an option is critical: RFC 8926 3.4. proto: what is carried."""
    checked = check_options(options)
    return GENEVE(
        vni=vni,
        proto=proto,
        critical=int(any(option.critical for option in checked)),
        options=[
            GeneveOptions(classid=option.option_class, type=option.type, data=option.data)
            for option in checked
        ],
    )
