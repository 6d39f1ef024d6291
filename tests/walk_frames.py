# SPDX-License-Identifier: BSD-3-Clause
"""Frames of every kind that the walk over layers knows, made by scapy, or by hand where scapy
cannot, and what is in them."""

from scapy.contrib.mpls import MPLS
from scapy.contrib.nsh import NSH
from scapy.layers.inet import (
    ICMP,
    IP,
    TCP,
    UDP,
    IPOption_LSRR,
    IPOption_SSRR,
)
from scapy.layers.inet6 import (
    HAO,
    MIP6MH_BRR,
    ICMPv6DestUnreach,
    ICMPv6MLReport,
    ICMPv6ND_NS,
    ICMPv6ND_Redirect,
    ICMPv6NDOptRedirectedHdr,
    ICMPv6NDOptSrcLLAddr,
    IPv6,
    IPv6ExtHdrDestOpt,
    IPv6ExtHdrFragment,
    IPv6ExtHdrHopByHop,
    IPv6ExtHdrRouting,
    IPv6ExtHdrSegmentRouting,
)
from scapy.layers.ipsec import AH, ESP
from scapy.layers.l2 import (
    ARP,
    LLC,
    SNAP,
    STP,
    CookedLinux,
    CookedLinuxV2,
    Dot1AD,
    Dot1AH,
    Dot1Q,
    Dot3,
    Ether,
    Loopback,
)
from scapy.layers.ppp import PPP, PPPoE, PPPoED
from scapy.layers.sctp import SCTP, SCTPChunkData
from scapy.packet import Packet, Raw

ETH = Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02")
V4 = IP(src="10.0.0.1", dst="10.0.0.2")
V6 = IPv6(src="fd00::1", dst="fd00::2")
DATA = UDP(sport=4000, dport=5000) / Raw(b"odd bytes")
PLAIN = ETH / V4 / DATA
UNIVERSAL = Raw(bytes(Ether(src="00:11:22:33:44:56", dst="00:11:22:33:44:55") / V4 / DATA))
# scapy takes the last hop for the destination, also where the route's end has been reached.
ARRIVED = UDP(sport=4000, dport=5000, chksum=int.from_bytes(bytes(PLAIN)[40:42])) / Raw(
    b"odd bytes"
)


def inner(at: int) -> str:
    """PLAIN at an offset."""
    return f"eth {at}, ip {at + 14} good, udp {at + 34} good, data {at + 42}"


UNKNOWN_ROUTE = IPv6ExtHdrRouting(type=253, segleft=1, addresses=["fd00::9"])
UNREACHABLE = ICMP(type=3, code=1)
QUOTED = V4 / UDP(sport=7, dport=9) / Raw(bytes(100))
WITH_LENGTH = bytes(QUOTED) + bytes.fromhex("2000dfff") + bytes(8)  # RFC 4884: 32 words, extensions
NSH_1 = NSH(mdtype=1, context_header=bytes(16))

# By name: the link type, the frame, its layers with their offsets and what is said of checksums.
PLAIN_FRAMES: dict[str, tuple[int, Packet, str]] = {
    "udp": (1, PLAIN, inner(0)),
    "tcp": (1, ETH / V4 / TCP(options=[("MSS", 9)]), "eth 0, ip 14 good, tcp 34 good"),
    "padded": (1, ETH / V4 / UDP() / Raw(bytes(18)), "eth 0, ip 14 good, udp 34 good, data 42"),
    "padding": (
        1,
        ETH / V4 / UDP() / Raw(b"abc") / bytes(15) / b"trail",
        "eth 0, ip 14 good, udp 34 good, data 42",
    ),
    "arp": (1, ETH / ARP() / bytes(18), "eth 0, arp 14, padding 42"),
    "dot3": (1, Dot3(len=38) / LLC() / STP() / bytes(8), "dot3 0, llc 14, data 17, padding 52"),
    "snap": (
        1,
        Dot3() / LLC() / SNAP() / V4 / DATA,
        "dot3 0, llc 14, snap 17, ip 22 good, udp 42 good, data 50",
    ),
    "information": (
        1,
        Dot3(len=9) / LLC(dsap=0xF0, ssap=0xF0, ctrl=0) / bytes(50),
        "dot3 0, llc 14, data 18, padding 23, trailer 60",
    ),
    "tags": (
        1,
        ETH / Dot1AD(vlan=5) / Dot1Q(vlan=6) / Dot1Q(vlan=7) / V4 / DATA,
        "eth 0, vlan 14, vlan 18, vlan 22, ip 26 good, udp 46 good, data 54",
    ),
    "itag": (
        1,
        ETH / Dot1AD(vlan=5, type=0x88E7) / Dot1AH(isid=9) / PLAIN,
        f"eth 0, vlan 14, itag 18, {inner(22)}",
    ),
    "mpls": (
        1,
        ETH / MPLS(label=16, s=0) / MPLS(label=17, s=1) / V6 / DATA,
        "eth 0, mpls 14, mpls 18, ipv6 22, udp 62 good, data 70",
    ),
    "control_word": (
        1,
        ETH / MPLS(s=1) / Raw(bytes(4)) / UNIVERSAL,
        f"eth 0, mpls 14, pw 18, {inner(22)}",
    ),
    "no_control_word": (1, ETH / MPLS(s=1) / UNIVERSAL, f"eth 0, mpls 14, {inner(18)}"),
    "channel": (1, ETH / MPLS(s=1) / Raw(b"\x10\0\0\7" + bytes(20)), "eth 0, mpls 14, data 18"),
    "pppoe": (
        1,
        ETH / PPPoE() / PPP(proto=0x21) / V4 / DATA,
        "eth 0, pppoe 14, ppp 20, ip 22 good, udp 42 good, data 50",
    ),
    "pppoed": (1, ETH / PPPoED(code=9) / Raw(b"\1\1\0\0") / bytes(36), "eth 0, pppoed 14, data 20"),
    "nsh": (1, ETH / NSH_1 / V4 / DATA, "eth 0, nsh 14, ip 38 good, udp 58 good, data 66"),
    "sll": (113, CookedLinux() / V4 / DATA, "sll 0, ip 16 good, udp 36 good, data 44"),
    "sll2": (276, CookedLinuxV2() / V4 / DATA, "sll2 0, ip 20 good, udp 40 good, data 48"),
    "null": (0, Loopback(type=2) / V4 / DATA, "loop 0, ip 4 good, udp 24 good, data 32"),
    "raw": (101, V6 / DATA, "ipv6 0, udp 40 good, data 48"),
    "ppp": (9, PPP(proto=0x57) / V6 / DATA, "ppp 0, ipv6 2, udp 42 good, data 50"),
    "cisco_hdlc": (50, Raw(b"\x0f\0\x08\0") / V4 / DATA, "data 0"),
    "loose_route": (
        1,
        ETH
        / IP(
            src="10.0.0.1",
            dst="10.0.0.7",
            options=[IPOption_LSRR(pointer=4, routers=["10.0.0.8", "10.0.0.2"])],
        )
        / DATA,
        "eth 0, ip 14 good, udp 46 good, data 54",
    ),
    "strict_route_done": (
        1,
        ETH
        / IP(
            src="10.0.0.1", dst="10.0.0.2", options=[IPOption_SSRR(pointer=8, routers=["10.0.0.8"])]
        )
        / ARRIVED,
        "eth 0, ip 14 good, udp 42 good, data 50",
    ),
    "fragment_4": (
        1,
        ETH / IP(flags="MF", src="10.0.0.1") / DATA,
        "eth 0, ip 14 good, udp 34 unknown, data 42",
    ),
    "later_fragment_4": (1, ETH / IP(frag=9) / Raw(bytes(40)), "eth 0, ip 14 good, data 34"),
    "extensions": (
        1,
        ETH
        / V6
        / IPv6ExtHdrHopByHop()
        / IPv6ExtHdrDestOpt()
        / IPv6ExtHdrRouting(addresses=["fd00::9"], segleft=0)
        / IPv6ExtHdrFragment()
        / DATA,
        "eth 0, ipv6 14, hop_by_hop 54, destination 62, routing 70, fragment 94, udp 102 good, "
        "data 110",
    ),
    "route_0": (
        1,
        ETH / V6 / IPv6ExtHdrRouting(addresses=["fd00::8", "fd00::9"], segleft=2) / DATA,
        "eth 0, ipv6 14, routing 54, udp 94 good, data 102",
    ),
    "route_2": (
        1,
        ETH / V6 / IPv6ExtHdrRouting(type=2, addresses=["fd00::9"], segleft=1) / DATA,
        "eth 0, ipv6 14, routing 54, udp 78 good, data 86",
    ),
    "route_4": (
        1,
        ETH
        / V6
        / IPv6ExtHdrSegmentRouting(addresses=["fd00::9", "fd00::8"], segleft=1, lastentry=1)
        / DATA,
        "eth 0, ipv6 14, routing 54, udp 94 good, data 102",
    ),
    "route_unknown": (
        1,
        ETH / V6 / UNKNOWN_ROUTE / DATA,
        "eth 0, ipv6 14, routing 54, udp 78 unknown, data 86",
    ),
    "home": (
        1,
        ETH / V6 / IPv6ExtHdrDestOpt(options=[HAO(hoa="fd00::7")]) / DATA,
        "eth 0, ipv6 14, destination 54, udp 78 good, data 86",
    ),
    "fragment_6": (
        1,
        ETH / V6 / IPv6ExtHdrFragment(m=1) / DATA,
        "eth 0, ipv6 14, fragment 54, udp 62 unknown, data 70",
    ),
    "later_fragment_6": (
        1,
        ETH / V6 / IPv6ExtHdrFragment(offset=3, nh=17) / Raw(bytes(40)),
        "eth 0, ipv6 14, fragment 54, data 62",
    ),
    "ah": (
        1,
        ETH / V6 / AH(nh=17, payloadlen=4, icv=bytes(12)) / Raw(bytes(V6 / DATA)[40:]),
        "eth 0, ipv6 14, ah 54, udp 78 good, data 86",
    ),
    "esp": (1, ETH / V4 / ESP(data=bytes(32)), "eth 0, ip 14 good, esp 34, data 42"),
    "mobility": (1, ETH / V6 / MIP6MH_BRR(), "eth 0, ipv6 14, mobility 54 good"),
    "echo": (1, ETH / V4 / ICMP() / Raw(b"ping"), "eth 0, ip 14 good, icmp 34 good, data 42"),
    "unreachable": (
        1,
        ETH / V4 / UNREACHABLE / QUOTED,
        "eth 0, ip 14 good, icmp 34 good, ip 42 good quoted, udp 62 unknown quoted, data 70 quoted",
    ),
    "extended": (
        1,
        ETH / V4 / ICMP(type=3, code=1, length=32) / Raw(WITH_LENGTH),
        "eth 0, ip 14 good, icmp 34 good, ip 42 good quoted, udp 62 unknown quoted, "
        "data 70 quoted, data 170",
    ),
    "unreachable_6": (
        1,
        ETH / V6 / ICMPv6DestUnreach() / V6 / DATA,
        "eth 0, ipv6 14, icmpv6 54 good, ipv6 62 quoted, udp 102 unknown quoted, data 110 quoted",
    ),
    "redirect_6": (
        1,
        ETH
        / V6
        / ICMPv6ND_Redirect(tgt="fd00::3", dst="fd00::4")
        / ICMPv6NDOptSrcLLAddr()
        / ICMPv6NDOptRedirectedHdr(pkt=V6 / DATA),
        "eth 0, ipv6 14, icmpv6 54 good, ipv6 110 quoted, udp 150 unknown quoted, data 158 quoted",
    ),
    "solicitation": (1, ETH / V6 / ICMPv6ND_NS(tgt="fd00::2"), "eth 0, ipv6 14, icmpv6 54 good"),
    "mld": (
        1,
        ETH / V6 / IPv6ExtHdrHopByHop() / ICMPv6MLReport(),
        "eth 0, ipv6 14, hop_by_hop 54, icmpv6 62 good",
    ),
    "igmp": (
        1,
        ETH / IP(proto=2) / Raw(bytes.fromhex("160009f6e0000009")) / bytes(18),
        "eth 0, ip 14 good, igmp 34 good",
    ),
    "sctp": (
        1,
        ETH / V4 / SCTP() / SCTPChunkData(data=b"four"),
        "eth 0, ip 14 good, sctp 34 good, data 46",
    ),
    "udplite": (
        1,
        ETH
        / IP(src="10.0.0.1", dst="10.0.0.2", proto=136)
        / Raw(bytes.fromhex("00070009000800 00".replace(" ", "")) + b"data"),
        "eth 0, ip 14 good, udplite 34 forbidden, data 42",
    ),
    "zero_4": (
        1,
        ETH / V4 / UDP(chksum=0) / Raw(b"data"),
        "eth 0, ip 14 good, udp 34 none, data 42",
    ),
    "zero_6": (
        1,
        ETH / V6 / UDP(chksum=0) / Raw(b"data"),
        "eth 0, ipv6 14, udp 54 forbidden, data 62",
    ),
    "wrong": (
        1,
        ETH / IP(chksum=1) / UDP(chksum=2) / Raw(b"data"),
        "eth 0, ip 14 wrong, udp 34 wrong, data 42",
    ),
    "wrong_tcp": (1, ETH / V6 / TCP(chksum=2), "eth 0, ipv6 14, tcp 54 wrong"),
    "version": (1, Ether(type=0x800) / Raw(bytes([0x65]) + bytes(V4 / DATA)[1:]), "eth 0, data 14"),
}
