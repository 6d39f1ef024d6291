# SPDX-License-Identifier: BSD-3-Clause
"""An endpoint, and one good frame of every kind that it answers."""

from scapy.layers.inet import ICMP, IP, UDP, IPOption_Router_Alert
from scapy.layers.inet6 import (
    ICMPv6EchoRequest,
    ICMPv6ND_NS,
    ICMPv6NDOptSrcLLAddr,
    IPv6,
    IPv6ExtHdrDestOpt,
    IPv6ExtHdrFragment,
    IPv6ExtHdrHopByHop,
    IPv6ExtHdrRouting,
)
from scapy.layers.l2 import ARP, Dot1AD, Dot1Q, Ether
from scapy.packet import Packet, Raw

from labkit.packet.codec import Endpoint

BROADCAST = "ff:ff:ff:ff:ff:ff"
CLIENT_MAC, SERVER_MAC = "02:00:00:00:00:01", "02:00:00:00:00:02"
CLIENT_4, SERVER_4 = "10.0.0.1", "10.0.0.2"
CLIENT_6, SERVER_6 = "fd00::1", "fd00::2"
SOLICITED_MAC, SOLICITED_6 = "33:33:ff:00:00:02", "ff02::1:ff00:2"
UDP_PORT = 9000

ENDPOINT = Endpoint(SERVER_MAC, (SERVER_4, SERVER_6), UDP_PORT)


def ether(server_mac: str = SERVER_MAC) -> Packet:
    return Ether(src=CLIENT_MAC, dst=server_mac)


def good_packets(server_mac: str = SERVER_MAC) -> dict[str, tuple[str, Packet]]:
    """By name: the kind of node that answers, and the question."""
    link = ether(server_mac)
    v4 = IP(src=CLIENT_4, dst=SERVER_4)
    v6 = IPv6(src=CLIENT_6, dst=SERVER_6)
    data = UDP(sport=40000, dport=UDP_PORT) / Raw(b"odd bytes")
    extensions = (
        IPv6ExtHdrHopByHop()
        / IPv6ExtHdrDestOpt()
        / IPv6ExtHdrRouting(addresses=["fd00::9"], segleft=0)
        / IPv6ExtHdrFragment()
    )
    group = Ether(src=CLIENT_MAC, dst=SOLICITED_MAC)
    solicitation = ICMPv6ND_NS(tgt=SERVER_6)
    arp = ARP(op=1, hwsrc=CLIENT_MAC, psrc=CLIENT_4, pdst=SERVER_4)
    return {
        "udp_v4": ("udp_echo", link / v4 / data),
        "udp_v6": ("udp_echo", link / v6 / data),
        "udp_v4_vlan": ("udp_echo", link / Dot1Q(vlan=5) / v4 / data),
        "udp_v6_qinq": ("udp_echo", link / Dot1AD(vlan=5) / Dot1Q(vlan=6) / v6 / data),
        "udp_v4_options": (
            "udp_echo",
            link / IP(src=CLIENT_4, dst=SERVER_4, options=[IPOption_Router_Alert()]) / data,
        ),
        "udp_v6_extensions": ("udp_echo", link / v6 / extensions / data),
        "icmp_v4": ("icmp_echo", link / v4 / ICMP(id=7, seq=1) / Raw(b"ping")),
        "icmp_v6": ("icmp_echo", link / v6 / ICMPv6EchoRequest(id=7, seq=1, data=b"ping6")),
        "arp": ("arp_responder", Ether(src=CLIENT_MAC, dst=BROADCAST) / arp),
        "nd": (
            "nd_responder",
            group
            / IPv6(src=CLIENT_6, dst=SOLICITED_6, hlim=255)
            / solicitation
            / ICMPv6NDOptSrcLLAddr(lladdr=CLIENT_MAC),
        ),
        "nd_probe": (
            "nd_responder",
            group / IPv6(src="::", dst=SOLICITED_6, hlim=255) / solicitation,
        ),
    }


def good_frames(server_mac: str = SERVER_MAC) -> dict[str, tuple[str, bytes]]:
    """good_packets as bytes."""
    return {name: (kind, bytes(p)) for name, (kind, p) in good_packets(server_mac).items()}
