# SPDX-License-Identifier: BSD-3-Clause
"""A host tells senders of closed ports and unknown protocols, and keeps silent where it has to."""

from collections.abc import Iterator
from typing import Any

import pytest
from scapy.layers.inet import ICMP, IP, UDP, IPerror, UDPerror
from scapy.layers.inet6 import (
    ICMPv6DestUnreach,
    ICMPv6ParamProblem,
    IPerror6,
    IPv6,
    IPv6ExtHdrDestOpt,
    PadN,
)
from scapy.layers.l2 import Ether
from scapy.packet import Packet, Raw

import labkit as lk
from labkit.lab.running_path import RunningPath
from tests.patience import wait_until

HOST = ["10.0.0.2/24", "fd00::2/64"]
V4 = IP(src="10.0.0.1", dst="10.0.0.2")
V6 = IPv6(src="fd00::1", dst="fd00::2")


@pytest.fixture
def ends(lab: lk.Lab) -> Iterator[tuple[lk.Port, lk.Port, RunningPath]]:
    a, b = lab.cable()
    path = lab.echo_server(b, HOST, unreachable=True)
    yield a, b, path
    assert path.ledger.is_balanced


def asked(ends: Any, packet: Packet, *, dst: str | None = None) -> list[Packet]:
    a, b, path = ends
    came = path.ledger.sent
    a.send(Ether(src=a.mac, dst=dst or b.mac) / packet)
    wait_until(lambda: path.ledger.sent > came)  # in a burst of its own
    a.send(Ether(src=a.mac, dst=b.mac) / V4 / ICMP(id=99))  # whose answer comes behind any other
    found: list[Packet] = []
    while not found or ICMP not in found[-1] or found[-1][ICMP].id != 99:
        found += a.receive(1, timeout=10)
    return found[:-1]


def test_a_closed_port_is_told(ends: Any) -> None:
    question = V4 / UDP(sport=5000, dport=9) / Raw(bytes(32))
    (answer,) = asked(ends, question)
    assert (answer[IP].src, answer[IP].dst, answer[IP].ttl) == ("10.0.0.2", "10.0.0.1", 64)
    assert (answer[ICMP].type, answer[ICMP].code) == (3, 3)
    assert (answer[IPerror].dst, answer[UDPerror].dport) == ("10.0.0.2", 9)
    assert bytes(answer[ICMP])[8:] == bytes(question)  # all of it
    assert _checksums_hold(answer)


def test_a_long_datagram_is_quoted_in_part(ends: Any) -> None:
    question = V4 / UDP(sport=5000, dport=9) / Raw(bytes(n % 251 for n in range(1400)))
    (answer,) = asked(ends, question)
    assert answer[IP].len == 576
    assert bytes(answer[IP])[28:] == bytes(question)[: 576 - 28]
    assert _checksums_hold(answer)
    question6 = V6 / UDP(sport=5000, dport=9) / Raw(bytes(n % 251 for n in range(1400)))
    (answer,) = asked(ends, question6)
    assert answer[IPv6].plen == 1280 - 40
    assert bytes(answer[IPv6])[48:] == bytes(question6)[: 1280 - 48]
    assert _checksums_hold(answer)


def test_ipv6(ends: Any) -> None:
    (answer,) = asked(ends, V6 / UDP(sport=5000, dport=9) / Raw(b"x"))
    assert (answer[IPv6].src, answer[IPv6].dst) == ("fd00::2", "fd00::1")
    assert answer[ICMPv6DestUnreach].code == 4
    assert answer[IPerror6].dst == "fd00::2"
    options = IPv6ExtHdrDestOpt(options=[PadN(optdata=bytes(4))])
    options.nh = 99
    (answer,) = asked(ends, V6 / options / Raw(bytes(20)))
    assert (answer[ICMPv6ParamProblem].code, answer[ICMPv6ParamProblem].ptr) == (1, 40)
    (answer,) = asked(ends, IPv6(src="fd00::1", dst="fd00::2", nh=99) / Raw(bytes(20)))
    assert (answer[ICMPv6ParamProblem].code, answer[ICMPv6ParamProblem].ptr) == (1, 6)
    assert _checksums_hold(answer)


def test_a_protocol_that_nobody_answers(ends: Any) -> None:
    (answer,) = asked(ends, IP(src="10.0.0.1", dst="10.0.0.2", proto=99) / Raw(bytes(20)))
    assert (answer[ICMP].type, answer[ICMP].code) == (3, 2)


@pytest.mark.parametrize(
    ("packet", "dst", "drop"),
    [
        (V4 / UDP(dport=9), "ff:ff:ff:ff:ff:ff", "udp_to_group"),
        (IP(src="10.0.0.1", dst="10.0.0.255") / UDP(dport=9), None, "udp_to_group"),
        (IP(src="10.0.0.255", dst="10.0.0.2") / UDP(dport=9), None, "ip_bad_source"),
        (IP(src="10.0.0.1", dst="10.0.0.9") / UDP(dport=9), None, "ip_no_such_address"),
        (V4 / ICMP(type=3, code=3) / V4 / UDP(dport=9), None, "icmp_not_echo"),
        (V4 / UDP(dport=9, chksum=1), None, "udp_bad_checksum"),
        (
            IP(src="10.0.0.1", dst="10.0.0.2", frag=8, proto=17) / Raw(bytes(16)),
            None,
            "ipv4_fragment",
        ),
        (
            IP(src="10.0.0.1", dst="10.0.0.255", proto=99) / Raw(bytes(16)),
            None,
            "ip_unknown_protocol",
        ),
    ],
)
def test_where_nothing_is_told(ends: Any, packet: Packet, dst: str | None, drop: str) -> None:
    assert asked(ends, packet, dst=dst) == []
    assert dict(ends[2].drops) == {f"drop_{drop}": 1}


def test_answers_have_a_limit(lab: lk.Lab) -> None:
    a, b = lab.cable()
    where = lk.icmp_unreachable(HOST, rate=1)
    path = lab.run(lk.rx(b) >> (where | lk.refuse(HOST)) >> lk.tx(b))
    a.send([Ether(src=a.mac, dst=b.mac) / V4 / UDP(dport=9)] * 50)
    assert len(a.receive(1, timeout=10)) == 1
    told = path.counters.functions["icmp_unreachable"]
    assert told["port_unreachable"] + told["limited"] == 50
    assert told["limited"] == path.drops["drop_udp_no_listener"] > 0
    assert path.ledger.is_balanced


def test_silent_by_default(lab: lk.Lab) -> None:
    a, b = lab.cable()
    path = lab.echo_server(b, HOST)
    assert asked((a, b, path), V4 / UDP(dport=9)) == []
    assert dict(path.drops) == {"drop_udp_no_listener": 1}


def _checksums_hold(answer: Packet) -> bool:
    """scapy makes the same headers of the outer packet."""
    layer = answer.payload
    data = bytes(layer)
    if isinstance(layer, IPv6):
        from scapy.layers.inet6 import in6_chksum

        return in6_chksum(58, layer, data[40:]) == 0
    from scapy.utils import checksum

    return checksum(data[:20]) == 0 == checksum(data[20:])
