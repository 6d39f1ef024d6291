# SPDX-License-Identifier: BSD-3-Clause
"""Frames of every tunnel that the walk over layers knows, as those in walk_frames.py."""

from scapy.contrib.erspan import ERSPAN_II, ERSPAN_III
from scapy.contrib.etherip import EtherIP
from scapy.contrib.geneve import GENEVE, GeneveOptions
from scapy.contrib.gtp import GTP_U_Header, GTPPDUSessionContainer
from scapy.layers.inet import IP, UDP
from scapy.layers.inet6 import ICMPv6EchoRequest
from scapy.layers.l2 import GRE, GRErouting
from scapy.layers.l2tp import L2TP
from scapy.layers.ppp import PPP
from scapy.layers.vxlan import VXLAN
from scapy.packet import Packet, Raw

from tests.walk_frames import DATA, ETH, NSH_1, PLAIN, V4, V6, inner


def over(port: int, carried: Packet | bytes, sport: int = 5000) -> Packet:
    return ETH / V4 / UDP(sport=sport, dport=port) / carried


def gre(flags: int, kind: int, fields: bytes, carried: Packet | bytes) -> Packet:
    header = flags.to_bytes(2, "big") + kind.to_bytes(2, "big") + fields
    return ETH / IP(src="10.0.0.1", dst="10.0.0.2", proto=47) / Raw(header + bytes(carried))


TEREDO = V6 / ICMPv6EchoRequest()
AUTHENTICATION = bytes([0, 1, 0, 0]) + bytes(9)
ORIGIN = bytes([0, 0]) + bytes(6)

TUNNEL_FRAMES: dict[str, tuple[int, Packet, str]] = {
    "gre": (
        1,
        ETH / V4 / GRE() / V4 / DATA,
        "eth 0, ip 14 good, gre 34, ip 38 good, udp 58 good, data 66",
    ),
    "gre_all": (
        1,
        ETH / V4 / GRE(chksum_present=1, key_present=1, seqnum_present=1) / V6 / DATA,
        "eth 0, ip 14 good, gre 34 good, ipv6 50, udp 90 good, data 98",
    ),
    "gre_routing": (
        1,
        ETH
        / V4
        / GRE(routing_present=1, proto=0x800)
        / GRErouting(address_family=2, routing_info=b"\n\0\0\1")
        / GRErouting()
        / V4
        / DATA,
        "eth 0, ip 14 good, gre 34, ip 54 good, udp 74 good, data 82",
    ),
    "gre_1": (
        1,
        gre(0x3081, 0x880B, bytes(12), bytes.fromhex("ff030021") + bytes(V4 / DATA)),
        "eth 0, ip 14 good, gre 34, ppp 50, ip 54 good, udp 74 good, data 82",
    ),
    "gre_1_acknowledgement": (1, gre(0x2081, 0x880B, bytes(8), b""), "eth 0, ip 14 good, gre 34"),
    "nvgre": (
        1,
        ETH / V4 / GRE(key_present=1, proto=0x6558) / PLAIN,
        f"eth 0, ip 14 good, gre 34, {inner(42)}",
    ),
    "erspan_1": (1, gre(0, 0x88BE, b"", PLAIN), f"eth 0, ip 14 good, gre 34, {inner(38)}"),
    "erspan_2": (
        1,
        ETH / V4 / GRE(seqnum_present=1, proto=0x88BE) / ERSPAN_II() / PLAIN,
        f"eth 0, ip 14 good, gre 34, erspan 42, {inner(50)}",
    ),
    "erspan_3": (
        1,
        ETH / V4 / GRE(seqnum_present=1, proto=0x22EB) / ERSPAN_III() / PLAIN,
        f"eth 0, ip 14 good, gre 34, erspan 42, {inner(54)}",
    ),
    "erspan_3_platform": (
        1,
        ETH
        / V4
        / GRE(seqnum_present=1, proto=0x22EB)
        / ERSPAN_III(o=1)
        / Raw(b"\x0c" + bytes(7))
        / PLAIN,
        f"eth 0, ip 14 good, gre 34, erspan 42, {inner(62)}",
    ),
    "etherip": (1, ETH / V4 / EtherIP() / PLAIN, f"eth 0, ip 14 good, etherip 34, {inner(36)}"),
    "vxlan": (
        1,
        over(4789, VXLAN(vni=5) / PLAIN),
        f"eth 0, ip 14 good, udp 34 good, vxlan 42, {inner(50)}",
    ),
    "gpe_ip": (
        1,
        over(4790, VXLAN(flags=0x0C, NextProtocol=1) / V4 / DATA),
        "eth 0, ip 14 good, udp 34 good, vxlan_gpe 42, ip 50 good, udp 70 good, data 78",
    ),
    "gpe_nsh": (
        1,
        over(4790, VXLAN(flags=0x0C, NextProtocol=4) / NSH_1 / V4 / DATA),
        "eth 0, ip 14 good, udp 34 good, vxlan_gpe 42, nsh 50, ip 74 good, udp 94 good, data 102",
    ),
    "geneve": (
        1,
        over(6081, GENEVE(vni=5, options=[GeneveOptions(data=bytes(8))]) / PLAIN),
        f"eth 0, ip 14 good, udp 34 good, geneve 42, {inner(62)}",
    ),
    "gue": (
        1,
        over(6080, b"\1\4\0\0" + bytes(4) + bytes(V4 / DATA)),
        "eth 0, ip 14 good, udp 34 good, gue 42, ip 50 good, udp 70 good, data 78",
    ),
    "gue_1": (
        1,
        over(6080, V4 / DATA),
        "eth 0, ip 14 good, udp 34 good, ip 42 good, udp 62 good, data 70",
    ),
    "gtp": (
        1,
        over(2152, GTP_U_Header(teid=7) / V4 / DATA),
        "eth 0, ip 14 good, udp 34 good, gtp 42, ip 50 good, udp 70 good, data 78",
    ),
    "gtp_extended": (
        1,
        over(2152, GTP_U_Header(teid=7) / GTPPDUSessionContainer(QFI=9) / V4 / DATA),
        "eth 0, ip 14 good, udp 34 good, gtp 42, ip 58 good, udp 78 good, data 86",
    ),
    "teredo": (1, over(3544, TEREDO), "eth 0, ip 14 good, udp 34 good, ipv6 42, icmpv6 82 good"),
    "teredo_origin": (
        1,
        over(3544, ORIGIN + bytes(TEREDO)),
        "eth 0, ip 14 good, udp 34 good, teredo 42, ipv6 50, icmpv6 90 good",
    ),
    "teredo_authentication": (
        1,
        over(3544, AUTHENTICATION + ORIGIN + bytes(TEREDO)),
        "eth 0, ip 14 good, udp 34 good, teredo 42, ipv6 63, icmpv6 103 good",
    ),
    "l2tp": (
        1,
        over(1701, L2TP(hdr=0) / PPP(proto=0x21) / V4 / DATA, 1701),
        "eth 0, ip 14 good, udp 34 good, l2tp 42, ppp 48, ip 50 good, udp 70 good, data 78",
    ),
    "l2tp_control": (
        1,
        over(1701, bytes.fromhex("c802000c0001000000010001"), 1701),
        "eth 0, ip 14 good, udp 34 good, l2tp 42",
    ),
    "l2tpv3": (
        1,
        ETH / IP(proto=115) / Raw(bytes.fromhex("00000007") + bytes(20)),
        "eth 0, ip 14 good, l2tpv3 34, data 38",
    ),
}
