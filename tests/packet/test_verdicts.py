# SPDX-License-Identifier: BSD-3-Clause
"""One frame for every verdict that a node can give about a single frame."""

import re
from pathlib import Path

import pytest
from labkit._codec import ffi, lib
from scapy.layers.inet import ICMP, IP, UDP, IPOption_Router_Alert
from scapy.layers.inet6 import (
    ICMPv6EchoRequest,
    ICMPv6ND_NS,
    ICMPv6NDOptMTU,
    ICMPv6NDOptSrcLLAddr,
    ICMPv6Unknown,
    IPv6,
    IPv6ExtHdrDestOpt,
    IPv6ExtHdrFragment,
    IPv6ExtHdrHopByHop,
    IPv6ExtHdrRouting,
)
from scapy.layers.l2 import ARP, Dot1Q, Ether
from scapy.packet import Packet, Raw

from labkit.packet import codec
from tests.frames import (
    BROADCAST,
    CLIENT_4,
    CLIENT_6,
    CLIENT_MAC,
    ENDPOINT,
    SERVER_4,
    SERVER_6,
    SERVER_MAC,
    SOLICITED_6,
    SOLICITED_MAC,
    UDP_PORT,
    ether,
    good_frames,
)
from tests.packet import test_tunnel_verdicts

# Verdicts of nodes that see more than one frame or know a port, and where they are tested
ARP_, ND, ECHO, UDP_, REFUSE = "arp_responder", "nd_responder", "icmp_echo", "udp_echo", "refuse"

TO_US = ether()
DATA = UDP(sport=40000, dport=UDP_PORT) / Raw(b"data")
REQUEST = ARP(op=1, hwsrc=CLIENT_MAC, psrc=CLIENT_4, pdst=SERVER_4)
TO_ALL = Ether(src=CLIENT_MAC, dst=BROADCAST)
TO_GROUP = Ether(src=CLIENT_MAC, dst=SOLICITED_MAC)
GROUP_SOURCE = "03:00:00:00:00:01"


def ipv4(**fields: object) -> Packet:
    return TO_US / IP(**{"src": CLIENT_4, "dst": SERVER_4} | fields)


def ipv6(**fields: object) -> Packet:
    return TO_US / IPv6(**{"src": CLIENT_6, "dst": SERVER_6} | fields)


def asked(**fields: object) -> Packet:
    """The IPv6 header of a neighbour solicitation."""
    return IPv6(**{"src": CLIENT_6, "dst": SOLICITED_6, "hlim": 255} | fields)


def cut(packet: Packet, length: int) -> bytes:
    return bytes(packet)[:length]


def with_ipv4_options(options: str) -> bytes:
    """A datagram with these four bytes of IPv4 options, and a right header checksum."""
    frame = bytes(ipv4(options=[IPOption_Router_Alert()]) / DATA)
    header = frame[14:24] + b"\0\0" + frame[26:34] + bytes.fromhex(options)
    checksum = codec.checksum(header).to_bytes(2, "big")
    return frame[:14] + header[:10] + checksum + header[12:] + frame[38:]


def with_ipv6_options(options: str) -> bytes:
    """A datagram with a destination options header that holds these six bytes."""
    frame = bytes(ipv6() / IPv6ExtHdrDestOpt() / DATA)
    return frame[:56] + bytes.fromhex(options) + frame[62:]


SOLICITATION = ICMPv6ND_NS(tgt=SERVER_6)
FROM_LINK = ICMPv6NDOptSrcLLAddr(lladdr=CLIENT_MAC)
ECHO_6 = ICMPv6EchoRequest(id=1)

# verdict: (kind, frame) ...
EXAMPLES: dict[str, list[tuple[str, Packet | bytes]]] = {
    "next": list(good_frames().values()),
    "other": [
        (UDP_, ipv4() / UDP(sport=1, dport=UDP_PORT + 1)),
        (UDP_, ipv4(dst="10.0.0.3") / DATA),
        (UDP_, Ether(dst=CLIENT_MAC) / IP(src=CLIENT_4, dst=SERVER_4) / DATA),
        (UDP_, TO_ALL / REQUEST),
        (ECHO, ipv4() / DATA),
        (ECHO, ipv4() / ICMP(type="echo-reply")),
        (ECHO, ipv6() / SOLICITATION),
        (ARP_, TO_ALL / ARP(op=1, pdst="10.0.0.3")),
        (ARP_, TO_ALL / ARP(op=2, pdst=SERVER_4)),
        (ARP_, ipv4() / DATA),
        (ND, ipv6() / ECHO_6),
        (ND, TO_GROUP / asked() / ICMPv6ND_NS(tgt="fd00::3")),
        (ND, TO_GROUP / asked(dst="ff02::2") / SOLICITATION),
    ],
    "unhandled": [(REFUSE, TO_ALL / REQUEST)],
    "eth_truncated": [
        (kind, bytes(13)) for kind in (UDP_, ECHO, ARP_, ND, REFUSE, "reflect")
    ],
    "eth_bad_source": [
        (UDP_, Ether(src=GROUP_SOURCE, dst=SERVER_MAC) / ipv4().payload / DATA),
        (ECHO, Ether(src=GROUP_SOURCE, dst=SERVER_MAC) / ipv6().payload / ECHO_6),
        (ARP_, Ether(src=GROUP_SOURCE, dst=BROADCAST) / REQUEST),
        (ARP_, TO_ALL / ARP(op=1, hwsrc=GROUP_SOURCE, pdst=SERVER_4)),
        (ND, Ether(src=GROUP_SOURCE, dst=SOLICITED_MAC) / asked() / SOLICITATION / FROM_LINK),
        (ND, TO_GROUP / asked() / SOLICITATION / ICMPv6NDOptSrcLLAddr(lladdr=GROUP_SOURCE)),
    ],
    "eth_not_for_us": [
        (REFUSE, Ether(src=SERVER_MAC, dst=CLIENT_MAC) / ipv4().payload / DATA),
        (REFUSE, TO_GROUP / REQUEST),
    ],
    "eth_unknown_type": [(REFUSE, Ether(src=CLIENT_MAC, dst=SERVER_MAC, type=0x88B5) / b"local")],
    "vlan_truncated": [
        (REFUSE, cut(TO_US / Dot1Q() / ipv4().payload, 17)),
        (UDP_, cut(TO_US / Dot1Q() / Dot1Q() / ipv4().payload, 21)),
    ],
    "vlan_too_many": [(UDP_, TO_US / Dot1Q() / Dot1Q() / Dot1Q() / ipv4().payload / DATA)],
    "arp_truncated": [(kind, cut(TO_ALL / REQUEST, 41)) for kind in (ARP_, REFUSE)],
    "arp_bad_format": [
        (kind, TO_ALL / ARP(hwtype=6, hwlen=6, plen=4, pdst=SERVER_4)) for kind in (ARP_, REFUSE)
    ],
    "arp_bad_sender": [
        (ARP_, TO_ALL / ARP(op=1, hwsrc=CLIENT_MAC, psrc=sender, pdst=SERVER_4))
        for sender in (SERVER_4, "255.255.255.255", "127.0.0.1", "224.0.0.1")
    ],
    "arp_not_request": [(REFUSE, TO_US / ARP(op=2, pdst=SERVER_4))],
    "arp_no_such_address": [(REFUSE, TO_ALL / ARP(op=1, pdst="10.0.0.3"))],
    "ipv4_truncated": [
        (UDP_, cut(ipv4() / DATA, 14 + 19)),
        (UDP_, cut(ipv4(ihl=6) / DATA, 14 + 23)),
    ],
    "ipv4_bad_version": [(UDP_, ipv4(version=5) / DATA)],
    "ipv4_bad_header_length": [(UDP_, ipv4(ihl=4) / DATA)],
    "ipv4_bad_length": [(UDP_, ipv4(len=33) / DATA), (UDP_, ipv4(len=19) / DATA)],
    "ipv4_bad_checksum": [(UDP_, ipv4(chksum=1) / DATA)],
    "ipv4_fragment": [(UDP_, ipv4(flags="MF") / DATA), (UDP_, ipv4(frag=1) / DATA)],
    "ipv4_bad_option": [
        (UDP_, with_ipv4_options(options)) for options in ("83000000", "83010000", "8305aaaa")
    ],
    "ipv6_bad_option": [
        (UDP_, with_ipv6_options(options)) for options in ("010500000000", "000000000001")
    ],
    "ipv6_unknown_option": [
        (UDP_, with_ipv6_options(options)) for options in ("7e0400000000", "c20400010000")
    ],
    "ipv6_truncated": [(UDP_, cut(ipv6() / DATA, 14 + 39))],
    "ipv6_bad_version": [(UDP_, ipv6(version=4) / DATA)],
    "ipv6_bad_length": [(UDP_, ipv6(plen=13) / DATA)],
    "ipv6_extension_truncated": [
        (UDP_, ipv6(nh=60, plen=7) / bytes(7)),
        (UDP_, ipv6() / IPv6ExtHdrDestOpt(len=3) / DATA),
    ],
    "ipv6_extension_limit": [
        (UDP_, bytes(ipv6(nh=60, plen=84)) + bytes([60, 0, 1, 4, 0, 0, 0, 0]) * 9 + bytes(DATA))
    ],
    "ipv6_extension_order": [
        (UDP_, ipv6() / IPv6ExtHdrDestOpt() / IPv6ExtHdrHopByHop() / DATA),
    ],
    "ipv6_routing_segments": [
        (UDP_, ipv6() / IPv6ExtHdrRouting(addresses=["fd00::9"], segleft=1) / DATA)
    ],
    "ipv6_fragment": [
        (UDP_, ipv6() / IPv6ExtHdrFragment(m=1) / DATA),
        (UDP_, ipv6() / IPv6ExtHdrFragment(offset=1) / DATA),
    ],
    "ip_bad_source": [
        *((UDP_, ipv4(src=source) / DATA) for source in ("0.0.0.0", "127.0.0.1", "224.0.0.1")),
        (UDP_, ipv4(src="255.255.255.255") / DATA),
        *((ECHO, ipv6(src=source) / ECHO_6) for source in ("::", "::1", "ff02::1")),
        (ND, TO_GROUP / asked(src="ff02::1") / SOLICITATION / FROM_LINK),
        (UDP_, ipv4(src=SERVER_4) / DATA),
        (ECHO, ipv6(src=SERVER_6) / ECHO_6),
    ],
    "ip_no_such_address": [
        (REFUSE, ipv4(dst="10.0.0.3") / DATA),
        (REFUSE, ipv6(dst="fd00::3") / DATA),
    ],
    "ip_unknown_protocol": [
        (REFUSE, ipv4(proto=47) / b"gre"),
        (REFUSE, ipv4(proto=58) / b"icmpv6"),
        (REFUSE, ipv6(nh=59)),
    ],
    "udp_truncated": [
        (kind, ip / b"7 bytes") for kind in (UDP_, REFUSE) for ip in (ipv4(proto=17), ipv6(nh=17))
    ],
    "udp_bad_length": [
        (UDP_, ipv4() / UDP(sport=1, dport=UDP_PORT, len=7) / b"data"),
        (UDP_, ipv6() / UDP(sport=1, dport=UDP_PORT, len=13) / b"data"),
    ],
    "udp_bad_checksum": [
        (UDP_, ipv4() / UDP(sport=1, dport=UDP_PORT, chksum=1) / b"data"),
        (REFUSE, ipv6() / UDP(sport=1, dport=1, chksum=1) / b"data"),
    ],
    "udp_zero_checksum": [(UDP_, ipv6() / UDP(sport=1, dport=UDP_PORT, chksum=0) / b"data")],
    "udp_bad_source_port": [(UDP_, ipv4() / UDP(sport=0, dport=UDP_PORT) / b"data")],
    "udp_no_listener": [
        (REFUSE, ipv4() / UDP(sport=1, dport=1)),
        (REFUSE, ipv6() / UDP(sport=1, dport=1)),
    ],
    "udp_to_group": [(REFUSE, TO_ALL / ipv4().payload / DATA)],
    "icmp_to_group": [
        (REFUSE, TO_ALL / ipv4().payload / ICMP()),
        (REFUSE, TO_GROUP / ipv6().payload / ECHO_6),
    ],
    "icmp_truncated": [
        (ECHO, ipv4(proto=1) / b"\x08\0\0"),
        (ECHO, ipv4(proto=1) / b"\x08\0\xf7\xff\0\0\0"),
        (ND, TO_GROUP / asked(nh=58) / bytes(SOLICITATION)[:23]),
        (REFUSE, ipv6(nh=58) / b"\x87\0\0"),
    ],
    "icmp_bad_checksum": [
        (ECHO, ipv4() / ICMP(chksum=1)),
        (ECHO, ipv6() / ICMPv6EchoRequest(cksum=1)),
        (ND, TO_GROUP / asked() / ICMPv6ND_NS(tgt=SERVER_6, cksum=1)),
        (REFUSE, ipv4() / ICMP(chksum=1)),
    ],
    "icmp_not_echo": [
        (REFUSE, ipv4() / ICMP(type="timestamp-request")),
        (REFUSE, ipv4() / ICMP(type="echo-request", code=1)),
        (REFUSE, ipv6() / ICMPv6Unknown(type=200)),
    ],
    "nd_bad_hop_limit": [(ND, TO_GROUP / asked(hlim=254) / SOLICITATION)],
    "nd_bad_code": [(ND, TO_GROUP / asked() / ICMPv6ND_NS(tgt=SERVER_6, code=1))],
    "nd_bad_target": [(ND, TO_GROUP / asked() / ICMPv6ND_NS(tgt=SOLICITED_6))],
    "nd_bad_option": [
        (ND, TO_GROUP / asked() / SOLICITATION / ICMPv6NDOptMTU(len=0)),
        (ND, TO_GROUP / asked() / SOLICITATION / ICMPv6NDOptMTU(len=2)),
        (ND, TO_GROUP / asked() / SOLICITATION / Raw(b"\x01")),
    ],
    "nd_bad_probe": [
        (ND, TO_GROUP / asked(src="::") / SOLICITATION / FROM_LINK),
        (ND, TO_US / asked(src="::", dst=SERVER_6) / SOLICITATION),
    ],
    "nd_no_such_address": [(REFUSE, TO_GROUP / asked() / ICMPv6ND_NS(tgt="fd00::3"))],
}  # fmt: skip


@pytest.mark.parametrize(
    ("verdict", "kind", "frame"),
    [
        pytest.param(verdict, kind, bytes(frame), id=f"{verdict}-{kind}-{number}")
        for verdict, examples in EXAMPLES.items()
        for number, (kind, frame) in enumerate(examples)
    ],
)
def test_verdict(verdict: str, kind: str, frame: bytes) -> None:
    found, after = codec.handle(kind, frame, ENDPOINT)
    assert found.name == verdict
    assert found.name == "next" or after == frame


def test_no_room() -> None:
    """An advertisement is 8 bytes longer than the probe that it answers."""
    frame = good_frames()["nd_probe"][1]
    for tailroom, verdict in ((7, "no_room"), (8, "next")):
        room = len(frame) + tailroom
        buffer = ffi.new("uint8_t[]", room)
        ffi.memmove(buffer, frame, len(frame))
        offset, length = ffi.new("uint32_t *", 0), ffi.new("uint32_t *", len(frame))
        endpoint = codec.native_endpoint(ENDPOINT)
        number = lib.lk_codec_handle(b"nd_responder", buffer, room, offset, length, endpoint)
        assert codec.VERDICTS[number].name == verdict


def test_every_verdict_is_tested() -> None:
    """By an example here or of a tunnel; else by name in a test that sends frames through a lab."""
    here = EXAMPLES.keys() | {"no_room"}
    tunnels = test_tunnel_verdicts.EXAMPLES.keys() | test_tunnel_verdicts.SENDING.keys()
    assert here | tunnels <= codec.VERDICT_BY_NAME.keys()
    files = [file.read_text() for file in Path(__file__).parents[1].rglob("test_*.py")]
    in_labs = "".join(text for text in files if "lk.Lab" in text)
    for verdict in codec.VERDICT_BY_NAME.keys() - here - tunnels:
        assert re.search(rf"\b(drop_)?{verdict}\b", in_labs), f"no test has {verdict}"


def test_verdicts_are_described() -> None:
    for number, verdict in enumerate(codec.VERDICTS):
        assert verdict.number == number
        assert verdict.sentence.endswith(".")
        assert verdict.is_drop == (verdict.name not in ("next", "other"))
    assert len(codec.VERDICT_BY_NAME) == len(codec.VERDICTS)
