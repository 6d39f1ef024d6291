# SPDX-License-Identifier: BSD-3-Clause
"""Whom a host answers: senders that cannot be, groups that it is in, reasons to be silent."""

import pytest
from scapy.layers.inet import ICMP, IP, UDP
from scapy.layers.inet6 import (
    ICMPv6EchoReply,
    ICMPv6EchoRequest,
    ICMPv6ND_NS,
    ICMPv6NDOptSrcLLAddr,
    ICMPv6Unknown,
    IPv6,
)
from scapy.layers.l2 import ARP, Dot1Q, Ether
from scapy.packet import Packet, Raw

from labkit.packet import codec
from labkit.packet.codec import Endpoint
from tests.frames import BROADCAST, CLIENT_6, CLIENT_MAC, SERVER_MAC, UDP_PORT

ALL_NODES_MAC = "33:33:00:00:00:01"
HOST = Endpoint(SERVER_MAC, ("10.0.0.2/24", "172.16.3.4/12", "fd00::2/64", "fe80::2/64"), UDP_PORT)
TO_US = Ether(src=CLIENT_MAC, dst=SERVER_MAC)
DATA = UDP(sport=40000, dport=UDP_PORT) / Raw(b"data")
PING = ICMP(id=1, seq=2) / Raw(b"ping")
PING_6 = ICMPv6EchoRequest(id=1, seq=2, data=b"ping")


def verdict(kind: str, packet: Packet, host: Endpoint = HOST) -> str:
    frame = bytes(packet)
    found, after = codec.handle(kind, frame, host)
    assert found.name == "next" or after == frame
    return found.name


def questions_from(source: str, to: str) -> dict[str, Packet]:
    """By the kind of node that answers it."""
    ip = IP(src=source, dst=to)
    return {"udp_echo": TO_US / ip / DATA, "icmp_echo": TO_US / ip / PING}


@pytest.mark.parametrize(
    "source",
    [
        *("10.0.0.2", "172.16.3.4"),
        *("10.0.0.255", "10.0.0.0", "172.31.255.255", "172.16.0.0", "255.255.255.255"),
        *("0.0.0.1", "0.255.0.1", "127.0.0.1", "127.255.255.255"),
        *("224.0.0.1", "239.255.255.250", "240.0.0.1", "254.1.2.3"),
    ],
)
def test_a_source_that_is_no_neighbour_is_not_answered(source: str) -> None:
    """RFC 1122 3.2.1.3: this host itself, broadcasts of its networks, and what is no unicast."""
    for kind, question in (questions_from(source, "10.0.0.2")).items():
        assert verdict(kind, question) == "ip_bad_source"
        assert verdict("refuse", question) == "ip_bad_source"
    asked = ARP(op=1, hwsrc=CLIENT_MAC, psrc=source, pdst="10.0.0.2")
    assert verdict("arp_responder", Ether(src=CLIENT_MAC, dst=BROADCAST) / asked) == (
        "arp_bad_sender"
    )


@pytest.mark.parametrize(
    "source",
    [
        *("10.0.0.1", "10.0.0.254", "10.0.1.255", "10.0.1.0", "192.168.1.255", "172.16.0.255"),
        *("172.32.255.255", "1.0.0.0", "223.255.255.255"),
    ],
)
def test_a_broadcast_address_is_one_of_a_network_that_the_host_is_in(source: str) -> None:
    for kind, question in questions_from(source, "10.0.0.2").items():
        assert verdict(kind, question) == "next"
    asked = ARP(op=1, hwsrc=CLIENT_MAC, psrc=source, pdst="172.16.3.4")
    assert verdict("arp_responder", TO_US / asked) == "next"


@pytest.mark.parametrize("prefix", ["", "/32", "/31"])
def test_a_prefix_without_room_for_a_broadcast_has_none(prefix: str) -> None:
    """Without a prefix length nobody knows which one it would be (RFC 3021 of 31 bits)."""
    host = Endpoint(SERVER_MAC, (f"10.0.0.254{prefix}",), UDP_PORT)
    for source in ("10.0.0.255", "10.0.0.0"):
        for kind, question in questions_from(source, "10.0.0.254").items():
            assert verdict(kind, question, host) == "next"


@pytest.mark.parametrize(
    "source",
    [
        *("::", "::1", "ff02::1", "ff0e::1:2", "::ffff:10.0.0.1", "::ffff:127.0.0.1"),
        *("fd00::2", "fe80::2"),
    ],
)
def test_an_ipv6_source_that_is_no_neighbour_is_not_answered(source: str) -> None:
    ip = TO_US / IPv6(src=source, dst="fd00::2")
    for kind, question in (("udp_echo", ip / DATA), ("icmp_echo", ip / PING_6)):
        assert verdict(kind, question) == "ip_bad_source"
        assert verdict("refuse", question) == "ip_bad_source"
    if source != "::":  # which a duplicate address probe has
        solicitation = (
            Ether(src=CLIENT_MAC, dst="33:33:ff:00:00:02")
            / IPv6(src=source, dst="ff02::1:ff00:2", hlim=255)
            / ICMPv6ND_NS(tgt="fd00::2")
            / ICMPv6NDOptSrcLLAddr(lladdr=CLIENT_MAC)
        )
        assert verdict("nd_responder", solicitation) == "ip_bad_source"


@pytest.mark.parametrize(
    ("group", "source", "answers"),
    [
        ("ff02::1", "fd00::1", "fd00::2"),
        ("ff02::1", "fe80::1", "fe80::2"),
        ("ff02::1", "2001:db8::1", "fd00::2"),
        ("ff02::1:ff00:2", "fe80::9", "fe80::2"),
        ("ff02::1:ff00:2", "fd00::9", "fd00::2"),
    ],
)
@pytest.mark.parametrize("to_mac", [ALL_NODES_MAC, "33:33:ff:00:00:02", BROADCAST, SERVER_MAC])
@pytest.mark.parametrize("tags", [0, 1])
def test_a_ping_to_a_group_is_answered_from_an_own_address(
    group: str, source: str, answers: str, to_mac: str, tags: int
) -> None:
    """RFC 4443 4.2; of several addresses the one that is nearest to who asks (RFC 6724 5)."""
    question, expected = Ether(src=CLIENT_MAC, dst=to_mac), Ether(src=SERVER_MAC, dst=CLIENT_MAC)
    for _ in range(tags):
        question, expected = question / Dot1Q(vlan=5), expected / Dot1Q(vlan=5)
    question = question / IPv6(src=source, dst=group, hlim=1) / PING_6
    expected = (
        expected
        / IPv6(src=answers, dst=source, hlim=64)
        / ICMPv6EchoReply(id=1, seq=2, data=b"ping")
    )
    found, answer = codec.handle("icmp_echo", bytes(question), HOST)
    assert found.name == "next"
    assert answer == bytes(expected)


@pytest.mark.parametrize("group", ["ff01::1", "ff02::2", "ff05::1", "ff02::1:ff00:3", "ff02::1:2"])
def test_a_ping_to_a_group_of_others_is_not_for_this_host(group: str) -> None:
    question = Ether(src=CLIENT_MAC, dst=ALL_NODES_MAC) / IPv6(src=CLIENT_6, dst=group) / PING_6
    assert verdict("icmp_echo", question) == "other"
    assert verdict("refuse", question) == "ip_no_such_address"


def test_a_host_without_ipv6_is_in_no_ipv6_group() -> None:
    host = Endpoint(SERVER_MAC, ("10.0.0.2/24",))
    question = Ether(src=CLIENT_MAC, dst=ALL_NODES_MAC) / IPv6(src=CLIENT_6, dst="ff02::1")
    assert verdict("icmp_echo", question / PING_6, host) == "other"
    assert verdict("refuse", question / PING_6, host) == "ip_no_such_address"


@pytest.mark.parametrize(
    ("mac", "destination"),
    [
        *((BROADCAST, "10.0.0.2"), ("01:00:5e:00:00:01", "10.0.0.2")),
        *((BROADCAST, "10.0.0.255"), (BROADCAST, "10.0.0.0"), (BROADCAST, "255.255.255.255")),
        *((SERVER_MAC, "172.31.255.255"), ("01:00:5e:00:00:01", "224.0.0.1")),
    ],
)
def test_what_comes_to_all_is_silent_for_its_own_reason(mac: str, destination: str) -> None:
    """RFC 1122 3.3.6, 3.2.2.6."""
    link = Ether(src=CLIENT_MAC, dst=mac) / IP(src="10.0.0.1", dst=destination)
    for kind, question, reason in (
        ("icmp_echo", link / PING, "icmp_to_group"),
        ("udp_echo", link / DATA, "udp_to_group"),
    ):
        assert verdict(kind, question) == "other"
        assert verdict("refuse", question) == reason
    assert verdict("refuse", link / ICMP(type="echo-reply")) == "icmp_not_echo"
    assert verdict("refuse", link / UDP(sport=1, dport=UDP_PORT, chksum=1)) == "udp_bad_checksum"


@pytest.mark.parametrize(
    ("mac", "destination"),
    [(BROADCAST, "fd00::2"), (ALL_NODES_MAC, "fd00::2"), (ALL_NODES_MAC, "ff02::1")],
)
def test_an_ipv6_datagram_to_all_has_its_own_reason(mac: str, destination: str) -> None:
    link = Ether(src=CLIENT_MAC, dst=mac) / IPv6(src=CLIENT_6, dst=destination)
    assert verdict("udp_echo", link / DATA) == "other"
    assert verdict("refuse", link / DATA) == "udp_to_group"
    assert verdict("refuse", link / PING_6) == "icmp_to_group"
    assert verdict("refuse", link / ICMPv6Unknown(type=200)) == "icmp_not_echo"


def test_a_group_that_the_host_is_not_in_is_no_address_of_its() -> None:
    link = Ether(src=CLIENT_MAC, dst="01:00:5e:00:00:fb")
    for destination in ("224.0.0.251", "10.0.1.255"):
        assert verdict("refuse", link / IP(src="10.0.0.1", dst=destination) / DATA) == (
            "ip_no_such_address"
        )


def test_what_a_responder_would_answer_is_unhandled_without_it() -> None:
    """A path of refuse alone does not say of a good question that it is a bad one."""
    v6 = IPv6(src=CLIENT_6, dst="fd00::2", hlim=255)
    for question in (
        TO_US / IP(src="10.0.0.1", dst="10.0.0.2") / PING,
        TO_US / v6 / PING_6,
        TO_US / v6 / ICMPv6ND_NS(tgt="fd00::2"),
        TO_US / ARP(op=1, psrc="10.0.0.1", pdst="10.0.0.2"),
    ):
        assert verdict("refuse", question) == "unhandled"


def test_a_solicitation_to_all_nodes_is_answered_unless_it_is_a_probe() -> None:
    """RFC 4861 7.1.1: only a probe has to go to the solicited-node address."""
    link = Ether(src=CLIENT_MAC, dst=ALL_NODES_MAC)
    solicitation = ICMPv6ND_NS(tgt="fd00::2")
    asked = link / IPv6(src=CLIENT_6, dst="ff02::1", hlim=255) / solicitation
    assert verdict("nd_responder", asked) == "next"
    probe = link / IPv6(src="::", dst="ff02::1", hlim=255) / solicitation
    assert verdict("nd_responder", probe) == "nd_bad_probe"
    strange = link / IPv6(src=CLIENT_6, dst="ff02::2", hlim=255) / solicitation
    assert verdict("nd_responder", strange) == "other"
    assert verdict("refuse", strange) == "ip_no_such_address"
