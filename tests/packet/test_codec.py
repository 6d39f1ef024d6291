# SPDX-License-Identifier: BSD-3-Clause
"""The codec's answers against frames that scapy makes of the same fields, byte for byte."""

import ipaddress
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scapy.layers.inet import ICMP, IP, TCP, UDP, IPOption_NOP, IPOption_Router_Alert, IPOption_RR
from scapy.layers.inet6 import (
    ICMPv6EchoReply,
    ICMPv6EchoRequest,
    ICMPv6ND_NA,
    ICMPv6ND_NS,
    ICMPv6NDOptDstLLAddr,
    ICMPv6NDOptMTU,
    ICMPv6NDOptSrcLLAddr,
    IPv6,
    IPv6ExtHdrDestOpt,
    IPv6ExtHdrFragment,
    IPv6ExtHdrHopByHop,
    IPv6ExtHdrRouting,
    PadN,
)
from scapy.layers.l2 import ARP, Dot1AD, Dot1Q, Ether
from scapy.packet import Packet, Raw
from scapy.utils import checksum as scapy_checksum

from labkit.packet import codec
from tests.frames import (
    BROADCAST,
    ENDPOINT,
    SERVER_4,
    SERVER_6,
    SERVER_MAC,
    SOLICITED_6,
    SOLICITED_MAC,
    UDP_PORT,
    good_frames,
)

properties = settings(max_examples=200, deadline=None, derandomize=True, database=None)

Fields = dict[str, Any]


def joined(layers: list[Packet], last: Packet) -> Packet:
    packet = last
    for layer in reversed(layers):
        packet = layer / packet
    return packet


def is_unicast(address: ipaddress.IPv4Address) -> bool:
    is_host = address.packed[0] not in (0, 127) and address.packed[0] < 224
    return is_host and str(address) != SERVER_4


def mac_text(data: bytes) -> str:
    return bytes([data[0] & 0xFE, *data[1:]]).hex(":")


macs = st.binary(min_size=6, max_size=6).map(mac_text)
ports = st.integers(1, 65535)
words = st.integers(0, 65535)
octets = st.integers(0, 255)
ipv4_sources = st.ip_addresses(v=4).filter(is_unicast).map(str)
ipv6_sources = (
    st.ip_addresses(v=6)
    .filter(lambda address: not address.is_multicast and int(address) > 1)
    .filter(lambda address: address.ipv4_mapped is None and str(address) != SERVER_6)
    .map(str)
)
# Short ones of every length, and jumbo ones up to an MTU of 9001
payloads = st.binary(max_size=80) | st.builds(
    lambda size, unit: (unit * size)[:size], st.integers(1000, 8900), st.binary(min_size=1)
)
paddings = st.binary(max_size=46)
vlan_tags = st.lists(
    st.builds(
        lambda kind, vlan, prio: kind(vlan=vlan, prio=prio),
        st.sampled_from([Dot1Q, Dot1AD]),
        st.integers(0, 4095),
        st.integers(0, 7),
    ),
    max_size=2,
)
ipv4_fields = st.fixed_dictionaries(
    {"tos": octets, "id": words, "flags": st.sampled_from([0, 2, 4, 6])}
)
ipv6_fields = st.fixed_dictionaries({"tc": octets, "fl": st.integers(0, 0xFFFFF)})
ipv4_options = st.lists(
    st.sampled_from([IPOption_NOP(), IPOption_Router_Alert(), IPOption_RR(routers=["1.2.3.4"])]),
    max_size=4,
)
pads = st.binary(max_size=40).map(lambda data: [PadN(optdata=data)])
later_extensions = st.one_of(
    st.builds(lambda options: IPv6ExtHdrDestOpt(options=options), pads),
    st.builds(
        lambda hops: IPv6ExtHdrRouting(addresses=hops, segleft=0),
        st.lists(ipv6_sources, max_size=3),
    ),
    st.builds(lambda number: IPv6ExtHdrFragment(id=number), st.integers(0, 2**32 - 1)),
)
ipv6_extensions = st.builds(
    lambda first, rest: [*first, *rest],
    st.lists(st.builds(lambda options: IPv6ExtHdrHopByHop(options=options), pads), max_size=1),
    st.lists(later_extensions, max_size=7),
)


def checksums_are_right(frame: bytes) -> bool:
    """scapy makes the same bytes when it computes every checksum of the frame itself."""
    packet = Ether(frame)
    for layer, name in ((IP, "chksum"), (UDP, "chksum"), (ICMP, "chksum")):
        if layer in packet and getattr(packet[layer], name) != 0:
            delattr(packet[layer], name)
    for layer in (ICMPv6EchoReply, ICMPv6ND_NA):
        if layer in packet:
            del packet[layer].cksum
    return bytes(packet) == frame


def answer(kind: str, question: bytes) -> bytes:
    verdict, frame = codec.handle(kind, question, ENDPOINT)
    assert verdict.name == "next", f"{kind} says {verdict.name}: {verdict.sentence}"
    return frame


@properties
@given(st.binary(max_size=300) | st.binary(min_size=1, max_size=4).map(lambda unit: unit * 4000))
@example(b"")
@example(bytes(64))
@example(b"\xff" * 70001)
def test_checksum_is_scapys(data: bytes) -> None:
    assert codec.checksum(data) == scapy_checksum(data)


@properties
@given(
    macs, ipv4_sources, ports, payloads, vlan_tags, ipv4_fields, octets, ipv4_options, paddings,
    st.booleans(),
)  # fmt: skip
def test_udp_echo_over_ipv4(
    mac: str,
    source: str,
    port: int,
    payload: bytes,
    tags: list[Packet],
    fields: Fields,
    ttl: int,
    options: list[Packet],
    padding: bytes,
    has_checksum: bool,
) -> None:
    checksum = {} if has_checksum else {"chksum": 0}
    question = joined(
        [
            Ether(src=mac, dst=SERVER_MAC),
            *tags,
            IP(src=source, dst=SERVER_4, ttl=ttl, options=options, **fields),
            UDP(sport=port, dport=UDP_PORT, **checksum),
        ],
        Raw(payload),
    )
    expected = joined(
        [
            Ether(src=SERVER_MAC, dst=mac),
            *tags,
            IP(src=SERVER_4, dst=source, ttl=64, **fields),
            UDP(sport=UDP_PORT, dport=port, **checksum),
        ],
        Raw(payload),
    )
    frame = answer("udp_echo", bytes(question) + padding)
    assert frame == bytes(expected)
    assert checksums_are_right(frame)


@properties
@given(
    macs, ipv6_sources, ports, payloads, vlan_tags, ipv6_fields, octets, ipv6_extensions, paddings
)
def test_udp_echo_over_ipv6(
    mac: str,
    source: str,
    port: int,
    payload: bytes,
    tags: list[Packet],
    fields: Fields,
    hop_limit: int,
    extensions: list[Packet],
    padding: bytes,
) -> None:
    question = joined(
        [
            Ether(src=mac, dst=SERVER_MAC),
            *tags,
            IPv6(src=source, dst=SERVER_6, hlim=hop_limit, **fields),
            *extensions,
            UDP(sport=port, dport=UDP_PORT),
        ],
        Raw(payload),
    )
    expected = joined(
        [
            Ether(src=SERVER_MAC, dst=mac),
            *tags,
            IPv6(src=SERVER_6, dst=source, hlim=64, **fields),
            UDP(sport=UDP_PORT, dport=port),
        ],
        Raw(payload),
    )
    frame = answer("udp_echo", bytes(question) + padding)
    assert frame == bytes(expected)
    assert checksums_are_right(frame)


@properties
@given(macs, ipv4_sources, words, words, payloads, vlan_tags, ipv4_options, paddings)
@example(SERVER_MAC, "10.0.0.1", 0, 0, b"", [], [], b"")  # sums up to +0
@example(SERVER_MAC, "10.0.0.1", 0, 0, bytes(56), [], [], b"")
@example(SERVER_MAC, "10.0.0.1", 0, 0xF7FF, b"", [], [], b"")
@example(SERVER_MAC, "10.0.0.1", 0, 0xFFFF, b"", [], [], b"")  # sums up to -0
def test_icmp_echo_over_ipv4(
    mac: str,
    source: str,
    number: int,
    sequence: int,
    payload: bytes,
    tags: list[Packet],
    options: list[Packet],
    padding: bytes,
) -> None:
    question = joined(
        [
            Ether(src=mac, dst=SERVER_MAC),
            *tags,
            IP(src=source, dst=SERVER_4, options=options),
            ICMP(type="echo-request", id=number, seq=sequence),
        ],
        Raw(payload),
    )
    expected = joined(
        [
            Ether(src=SERVER_MAC, dst=mac),
            *tags,
            IP(src=SERVER_4, dst=source, ttl=64),
            ICMP(type="echo-reply", id=number, seq=sequence),
        ],
        Raw(payload),
    )
    frame = answer("icmp_echo", bytes(question) + padding)
    assert frame == bytes(expected)
    assert scapy_checksum(frame[34 + 4 * len(tags) :]) == 0
    assert checksums_are_right(frame)


@properties
@given(macs, ipv6_sources, words, words, payloads, vlan_tags, ipv6_extensions, paddings)
def test_icmp_echo_over_ipv6(
    mac: str,
    source: str,
    number: int,
    sequence: int,
    payload: bytes,
    tags: list[Packet],
    extensions: list[Packet],
    padding: bytes,
) -> None:
    question = joined(
        [
            Ether(src=mac, dst=SERVER_MAC),
            *tags,
            IPv6(src=source, dst=SERVER_6),
            *extensions,
        ],
        ICMPv6EchoRequest(id=number, seq=sequence, data=payload),
    )
    expected = joined(
        [
            Ether(src=SERVER_MAC, dst=mac),
            *tags,
            IPv6(src=SERVER_6, dst=source, hlim=64),
        ],
        ICMPv6EchoReply(id=number, seq=sequence, data=payload),
    )
    frame = answer("icmp_echo", bytes(question) + padding)
    assert frame == bytes(expected)
    assert checksums_are_right(frame)


@properties
@given(macs, ipv4_sources, vlan_tags, paddings, st.booleans())
@example("02:00:00:00:00:01", "0.0.0.0", [], b"", False)  # an RFC 5227 probe
def test_arp_responder(
    mac: str, sender: str, tags: list[Packet], padding: bytes, is_unicast_request: bool
) -> None:
    destination = SERVER_MAC if is_unicast_request else BROADCAST
    question = joined(
        [Ether(src=mac, dst=destination), *tags],
        ARP(op="who-has", hwsrc=mac, psrc=sender, pdst=SERVER_4),
    )
    expected = joined(
        [Ether(src=SERVER_MAC, dst=mac), *tags],
        ARP(op="is-at", hwsrc=SERVER_MAC, psrc=SERVER_4, hwdst=mac, pdst=sender),
    )
    assert answer("arp_responder", bytes(question) + padding) == bytes(expected)


@properties
@given(
    macs, macs, ipv6_sources, vlan_tags, st.booleans(), st.booleans(), st.booleans(), paddings
)  # fmt: skip
def test_nd_responder(
    mac: str,
    link: str,
    source: str,
    tags: list[Packet],
    has_link: bool,
    is_unicast: bool,
    has_mtu: bool,
    padding: bytes,
) -> None:
    to_mac, to = (SERVER_MAC, SERVER_6) if is_unicast else (SOLICITED_MAC, SOLICITED_6)
    options = [ICMPv6NDOptMTU()] * has_mtu + [ICMPv6NDOptSrcLLAddr(lladdr=link)] * has_link
    question = Ether(src=mac, dst=to_mac)
    for layer in (*tags, IPv6(src=source, dst=to, hlim=255), ICMPv6ND_NS(tgt=SERVER_6), *options):
        question = question / layer
    expected = joined(
        [
            Ether(src=SERVER_MAC, dst=link if has_link else mac),
            *tags,
            IPv6(src=SERVER_6, dst=source, hlim=255),
            ICMPv6ND_NA(tgt=SERVER_6, R=0, S=1, O=1),
        ],
        ICMPv6NDOptDstLLAddr(lladdr=SERVER_MAC),
    )
    frame = answer("nd_responder", bytes(question) + padding)
    assert frame == bytes(expected)
    assert checksums_are_right(frame)


@properties
@given(macs, vlan_tags, paddings)
def test_nd_responder_defends_its_address(mac: str, tags: list[Packet], padding: bytes) -> None:
    """A duplicate address probe is answered to all nodes, unsolicited (RFC 4861 7.2.4)."""
    question = joined(
        [
            Ether(src=mac, dst=SOLICITED_MAC),
            *tags,
            IPv6(src="::", dst=SOLICITED_6, hlim=255),
        ],
        ICMPv6ND_NS(tgt=SERVER_6),
    )
    expected = joined(
        [
            Ether(src=SERVER_MAC, dst="33:33:00:00:00:01"),
            *tags,
            IPv6(src=SERVER_6, dst="ff02::1", hlim=255),
            ICMPv6ND_NA(tgt=SERVER_6, R=0, S=0, O=1),
        ],
        ICMPv6NDOptDstLLAddr(lladdr=SERVER_MAC),
    )
    frame = answer("nd_responder", bytes(question) + padding)
    assert frame == bytes(expected)
    assert checksums_are_right(frame)


four_tuples = st.fixed_dictionaries(
    {"src": macs, "dst": macs, "sport": words, "dport": words, "ttl": octets}
)


@properties
@given(
    four_tuples, st.ip_addresses(v=4).map(str), st.ip_addresses(v=4).map(str),
    st.sampled_from([UDP, TCP]), payloads, vlan_tags, ipv4_options, paddings,
    st.sampled_from([{}, {"chksum": 0x1234}]),
)  # fmt: skip
def test_reflect_ipv4(
    f: Fields, a: str, b: str, proto: type[Packet], payload: bytes, tags: list[Packet],
    options: list[Packet], padding: bytes, checksum: Fields,
) -> None:  # fmt: skip
    """Swapped, whatever the checksums say; options, TTL and padding stay."""

    def made(src: str, dst: str, sip: str, dip: str, sport: int, dport: int) -> bytes:
        ip = IP(src=sip, dst=dip, ttl=f["ttl"], options=options, **checksum)
        return bytes(
            joined(
                [Ether(src=src, dst=dst), *tags, ip, proto(sport=sport, dport=dport)], Raw(payload)
            )
        )

    question = made(f["src"], f["dst"], a, b, f["sport"], f["dport"]) + padding
    verdict, frame = codec.handle("reflect", question)
    assert verdict.name == "next"
    assert frame == made(f["dst"], f["src"], b, a, f["dport"], f["sport"]) + padding
    assert codec.handle("reflect", frame)[1] == question


@properties
@given(
    four_tuples, st.ip_addresses(v=6).map(str), st.ip_addresses(v=6).map(str),
    st.sampled_from([UDP, TCP]), payloads, vlan_tags, ipv6_extensions, paddings,
)  # fmt: skip
def test_reflect_ipv6(
    f: Fields, a: str, b: str, proto: type[Packet], payload: bytes, tags: list[Packet],
    extensions: list[Packet], padding: bytes,
) -> None:  # fmt: skip
    def made(src: str, dst: str, sip: str, dip: str, sport: int, dport: int) -> bytes:
        ip = IPv6(src=sip, dst=dip, hlim=f["ttl"])
        l4 = proto(sport=sport, dport=dport)
        return bytes(joined([Ether(src=src, dst=dst), *tags, ip, *extensions, l4], Raw(payload)))

    question = made(f["src"], f["dst"], a, b, f["sport"], f["dport"]) + padding
    verdict, frame = codec.handle("reflect", question)
    assert verdict.name == "next"
    assert frame == made(f["dst"], f["src"], b, a, f["dport"], f["sport"]) + padding


@pytest.mark.parametrize("is_tagged", [False, True])
@pytest.mark.parametrize("offset", [0, 5])
def test_reflect_leaves_the_ports_of_a_fragment(is_tagged: bool, offset: int) -> None:
    tags = [Dot1Q(vlan=1)] * is_tagged
    ip = IP(src="1.1.1.1", dst="2.2.2.2", flags="MF", frag=offset, chksum=1)
    question = bytes(joined([Ether(), *tags, ip], UDP(sport=1, dport=2)))
    _, frame = codec.handle("reflect", question)
    reflected = Ether(frame)
    assert (reflected[IP].src, reflected[IP].dst) == ("2.2.2.2", "1.1.1.1")
    assert frame[34 + 4 * is_tagged :] == question[34 + 4 * is_tagged :]


def test_reflect_swaps_only_macs_of_other_frames() -> None:
    question = bytes(Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02", type=0x88B5)) + b"xyz"
    _, frame = codec.handle("reflect", question)
    assert frame == question[6:12] + question[:6] + question[12:]


@pytest.mark.parametrize("total_length", [0, 19, 23, 1000])
def test_reflect_does_not_depend_on_tags(total_length: int) -> None:
    """The short way for plain frames decides as the long way for tagged ones."""
    ip = IP(len=total_length) / UDP() / Raw(b"payload")
    plain = codec.handle("reflect", bytes(Ether() / ip))
    tagged = codec.handle("reflect", bytes(Ether() / Dot1Q() / ip))
    assert plain[0] == tagged[0]
    assert plain[1][:12] + plain[1][14:] == tagged[1][:12] + tagged[1][18:]


@pytest.mark.parametrize("name", good_frames())
def test_answers_carry_right_checksums(name: str) -> None:
    kind, question = good_frames()[name]
    assert checksums_are_right(answer(kind, question))


def test_signature() -> None:
    """Magic, stream, sequence number and TSC: the last 18 bytes (native/packet/signature.h)."""
    end = b"labK" + bytes.fromhex("0102 03040506 0708090a0b0c0d0e")
    assert codec.signature(b"frame" + end) == (0x0102, 0x03040506, 0x0708090A0B0C0D0E)
    assert codec.signature(end) == codec.signature(b"frame" + end)
    assert codec.signature(end[1:]) is None
    assert codec.signature(b"") is None
    assert codec.signature(end + b"x") is None


def test_unknown_kind() -> None:
    with pytest.raises(ValueError, match="'tx' is no kind"):
        codec.handle("tx", b"frame", ENDPOINT)
