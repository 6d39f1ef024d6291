# SPDX-License-Identifier: BSD-3-Clause
"""scapy's tunnel headers with the bytes that the standards want.

    outer("192.0.2.1", "192.0.2.2", VXLAN_PORT) / vxlan(42) / frame

Left to itself scapy sends the flags of VXLAN-GPE (0x0c) and 4789 as both UDP ports, computes a UDP
checksum over IPv4, leaves GENEVE's critical bit clear, and misaligns option data that is no whole
number of words.
"""

import ipaddress
from collections.abc import Iterable

from scapy.contrib.geneve import GENEVE, GeneveOptions
from scapy.layers.inet import IP, UDP
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import Ether
from scapy.layers.vxlan import VXLAN
from scapy.packet import Packet

from labkit.errors import TunnelError
from labkit.tunnels.base import MOST_VNI
from labkit.tunnels.options import CRITICAL, MOST_OPTIONS, GeneveOption

VXLAN_PORT, GENEVE_PORT = 4789, 6081
WORD = 4  # bytes that GENEVE counts lengths in
VNI_FLAG = 0x08
ENTROPY_PORT = 49152  # the first source port that RFC 7348 5 recommends


def outer(
    local: str,
    remote: str,
    udp_port: int,
    *,
    local_mac: str = "02:00:00:00:00:0a",
    remote_mac: str = "02:00:00:00:00:0b",
    source_port: int = ENTROPY_PORT,
    checksum: bool | None = None,
    ttl: int = 64,
    traffic_class: int = 0,
) -> Packet:
    """Ethernet, IP and UDP around a tunnel header. IPv4 or IPv6 follows from the addresses.

    checksum: of UDP; None: over IPv6 yes (RFC 8200 8.1), over IPv4 no (RFC 7348 4.3)
    traffic_class: DSCP and ECN as one byte

    Raises TunnelError for what is no address, and for addresses of two IP versions.
    """
    try:
        versions = {ipaddress.ip_address(address).version for address in (local, remote)}
    except ValueError as error:
        raise TunnelError(f"outer: {error}") from None
    if len(versions) != 1:
        raise TunnelError(
            f"outer: local {local} and remote {remote} are of two IP versions; give two of one"
        )
    link = Ether(src=local_mac, dst=remote_mac)
    ip: Packet
    if 4 in versions:
        ip = IP(src=local, dst=remote, ttl=ttl, tos=traffic_class, flags="DF", id=0)
    else:
        ip = IPv6(src=local, dst=remote, hlim=ttl, tc=traffic_class)
    wanted = 6 in versions if checksum is None else checksum
    return link / ip / UDP(sport=source_port, dport=udp_port, chksum=None if wanted else 0)


def vxlan(vni: int) -> Packet:
    """A VXLAN header: the I flag alone, reserved bits zero (RFC 7348 5)."""
    return VXLAN(flags=VNI_FLAG, vni=_checked(vni))


def geneve_option(
    option_class: int, option_type: int, data: bytes = b"", *, critical: bool = False
) -> Packet:
    """An option of GENEVE, its data padded with zero bytes to whole words (RFC 8926 3.5).

    Raises TunnelError for more than 124 bytes, and for a class or type out of range.
    """
    padded = data + bytes(-len(data) % WORD)
    option = GeneveOption(option_class, option_type, padded, critical)
    words = len(padded) // WORD
    return GeneveOptions(classid=option.option_class, type=option.type, length=words, data=padded)


def geneve(vni: int, options: Iterable[Packet] = ()) -> Packet:
    """A GENEVE header: the critical bit when an option is critical (RFC 8926 3.4).

    options: of geneve_option(). scapy fills in the protocol type from the layer that follows.
    """
    options = list(options)
    size = sum(WORD + option.length * WORD for option in options)
    if size > MOST_OPTIONS:
        raise TunnelError(
            f"geneve: the options have {size} bytes with their headers; GENEVE carries at most "
            f"{MOST_OPTIONS} (RFC 8926 3.4)"
        )
    critical = any(option.type & CRITICAL for option in options)
    return GENEVE(
        vni=_checked(vni), critical=int(critical), optionlen=size // WORD, options=options
    )


def _checked(vni: int) -> int:
    if not 0 <= vni <= MOST_VNI:
        raise TunnelError(f"vni is {vni}; the range is 0 to {MOST_VNI}")
    return vni
