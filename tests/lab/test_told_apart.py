# SPDX-License-Identifier: BSD-3-Clause
"""Nodes that tell frames apart by headers: classify, header_limit, mtu, slow_path, flow_room."""

from collections.abc import Callable

import pytest
from scapy.contrib.geneve import GENEVE
from scapy.layers.inet import ICMP, IP, TCP, UDP
from scapy.layers.inet6 import (
    ICMPv6DestUnreach,
    ICMPv6PacketTooBig,
    IPv6,
    IPv6ExtHdrFragment,
)
from scapy.layers.l2 import ARP, Dot1Q, Ether
from scapy.layers.vxlan import VXLAN
from scapy.packet import Packet

import labkit as lk
from labkit.errors import PathError
from labkit.lab.running_path import RunningPath
from labkit.path.classify import CLASSES
from tests.lab.test_allowances import SLOW, entered
from tests.lab.test_functions import counters, frames, through
from tests.patience import exactly, wait_until

ETHER = Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02")
OF_CLASS: dict[str, list[Packet]] = {
    "link_local": [
        ETHER / IP(dst="169.254.169.253") / UDP(dport=53),
        ETHER / Dot1Q(vlan=5) / IP(dst="169.254.169.123") / UDP(dport=123),
        ETHER / IPv6(dst="fd00:ec2::254") / TCP(dport=80),
        ETHER / IP(dst="10.0.0.2") / UDP(dport=53),
    ],
    "fragment": [
        ETHER / IP(dst="10.0.0.9", flags="MF") / UDP() / bytes(64),
        ETHER / IP(dst="10.0.0.9", frag=10) / bytes(64),
        ETHER / IPv6(dst="2001:db8::1") / IPv6ExtHdrFragment(m=1) / UDP() / bytes(64),
    ],
    "icmp": [ETHER / IP(dst="10.0.0.9") / ICMP()],
    "tcp": [ETHER / IP(dst="10.0.0.9") / TCP()],
    "udp": [ETHER / IP(dst="10.0.0.9") / UDP(), ETHER / IPv6(dst="2001:db8::1") / UDP()],
    "ipv4": [ETHER / IP(dst="10.0.0.9", proto=89)],
    "ipv6": [ETHER / IPv6(dst="2001:db8::1", nh=89)],
}


def test_frames_leave_by_their_class(lab: lk.Lab) -> None:
    a, b = lab.cable()
    kinds = lk.classify(*CLASSES, resolver="10.0.0.2")  # type: ignore[arg-type]
    ways = [kinds[word] >> lk.sink(name=word) for word in CLASSES]
    path = lab.run(lk.Path(lk.rx(b) >> kinds >> lk.sink(name="none"), *ways, name="works"))
    others = [ETHER / ARP(), bytes(ETHER) + b"\x45", ETHER / IP(dst="10.0.0.9")]
    packets = [packet for those in OF_CLASS.values() for packet in those]
    a.send(packets + others[:2])
    entered(path, len(packets) + 2)
    counted = {name: path.counters.nodes[name].objects for name in (*CLASSES, "none")}
    assert counted == {**{word: len(those) for word, those in OF_CLASS.items()}, "none": 2}
    assert path.ledger.is_balanced


V6 = ETHER / IPv6(src="2001:db8::1", dst="2001:db8::2")
INNER = ETHER / IP(src="10.0.0.1", dst="10.0.0.2") / UDP()
HEADERS = [
    (ETHER / IP() / UDP() / bytes(400), 14 + 20 + 8),
    (ETHER / IP() / TCP(options=[("MSS", 1460)]) / bytes(400), 14 + 20 + 24),
    (ETHER / Dot1Q() / IPv6() / UDP() / bytes(400), 18 + 40 + 8),
    (ETHER / IP(proto=89) / bytes(400), 14 + 20),
    (ETHER / ARP(), 14),
    (ETHER / IP() / UDP(dport=4789) / VXLAN() / INNER / bytes(400), 50 + 42),
    (V6 / UDP(dport=4789) / VXLAN() / INNER / bytes(400), 70 + 42),
    (V6 / UDP(dport=6081) / GENEVE(proto=0x6558) / INNER / bytes(400), 70 + 42),
    (V6 / UDP(dport=6081) / GENEVE(proto=0x0800) / INNER[IP] / bytes(400), 70 + 28),
    (V6 / UDP(dport=6080) / (b"\x00\x04\x00\x00" + bytes(INNER[IP])), 66 + 28),
    (ETHER / IP() / UDP(dport=4789) / b"\x08\x00", 42),  # no whole header of VXLAN
]


@pytest.mark.parametrize(("packet", "length"), HEADERS)
def test_headers_are_measured(lab: lk.Lab, packet: Packet, length: int) -> None:
    a, _, path = through(lab, lk.header_limit(length), lk.header_limit(max(14, length - 1)))
    a.send([packet, packet])
    entered(path, 2)
    assert counters(path, "header_limit")["longest"] == length
    found = counters(path, "header_limit.2")
    if length > 14:
        assert path.drops == {"drop_header_too_long": 2}
        assert (found["passed"], found["dropped"], found["notified"]) == (0, 2, 1)
    assert path.ledger.is_balanced


def test_what_is_longer_than_the_mtu(lab: lk.Lab) -> None:
    a, b, path = through(lab, lk.mtu(1500))
    sizes = (100, 1500, 1501, 1600)
    a.send([ETHER / IP() / bytes(size - 20) for size in sizes])
    a.send([ETHER / Dot1Q() / IP() / bytes(size - 20) for size in sizes])
    entered(path, 8)
    assert len(exactly(b, 4)) == 4
    assert path.drops == {"drop_over_mtu": 4}
    assert counters(path, "mtu") == {"passed": 4, "exceeded": 4}


def test_what_is_longer_may_go_elsewhere(lab: lk.Lab) -> None:
    a, b = lab.cable()
    limit = lk.mtu(576)
    path = lab.run(lk.Path(lk.rx(b) >> limit >> lk.collect(b), limit["other"] >> lk.sink()))
    a.send([ETHER / IP() / bytes(1000)])
    entered(path, 1)
    assert path.counters.nodes["sink"].objects == 1


TO_ANSWER = [
    ETHER / IP(src="10.0.0.9", dst="10.0.1.9", flags="DF") / UDP() / bytes(1600),
    ETHER / Dot1Q(vlan=7) / IP(src="10.0.0.9", dst="10.0.1.9", flags="DF") / TCP() / bytes(1600),
    ETHER / IPv6(src="2001:db8::9", dst="2001:db8:1::9") / UDP() / bytes(1600),
    ETHER
    / IPv6(src="2001:db8::9", dst="2001:db8:1::9")
    / IPv6ExtHdrFragment(nh=17, offset=180, m=1)
    / bytes(1600),
]
NOT_TO_ANSWER = [
    ETHER / IP(src="10.0.0.9", dst="10.0.1.9") / UDP() / bytes(1600),
    ETHER / IP(src="10.0.0.9", dst="224.0.0.9", flags="DF") / UDP() / bytes(1600),
    ETHER / IP(src="0.0.0.0", dst="10.0.1.9", flags="DF") / UDP() / bytes(1600),
    ETHER / IP(src="10.0.0.9", dst="10.0.1.9", flags="DF") / ICMP(type=3) / bytes(1600),
    ETHER / IPv6(src="2001:db8::9", dst="ff02::1") / UDP() / bytes(1600),
    ETHER / IPv6(src="2001:db8::9", dst="2001:db8::1") / ICMPv6DestUnreach() / bytes(1600),
    ETHER / ARP() / bytes(1600),
]


def test_senders_are_told_the_mtu(lab: lk.Lab) -> None:
    a, b = lab.cable()
    limit, answer = lk.mtu(1500), lk.too_big(["10.0.0.1", "2001:db8::1"], 1500)
    path = lab.run(
        lk.Path(
            lk.rx(b) >> limit >> lk.sink(),
            limit["other"] >> answer >> lk.tx(b),
            answer["other"] >> lk.sink(name="silent"),
            name="works",
        )
    )
    a.receive(1, timeout=0)
    a.send(TO_ANSWER + NOT_TO_ANSWER)
    entered(path, len(TO_ANSWER + NOT_TO_ANSWER))
    got = [Ether(frame) for frame in exactly(a, len(TO_ANSWER))]
    assert path.counters.nodes["silent"].objects == len(NOT_TO_ANSWER)
    assert path.ledger.is_balanced
    for packet, told in zip(TO_ANSWER, got, strict=True):
        sent = Ether(bytes(packet))
        assert (told.src, told.dst) == (sent.dst, sent.src)
        layer = IP if IP in sent else IPv6
        assert told[layer].dst == sent[layer].src
        assert told[layer].src == {IP: "10.0.0.1", IPv6: "2001:db8::1"}[layer]
        error = told[ICMP] if layer is IP else told[ICMPv6PacketTooBig]
        assert (error.nexthopmtu if layer is IP else error.mtu) == 1500
        assert len(told[layer]) == {IP: 576, IPv6: 1280}[layer]
        assert bytes(sent[layer]).startswith(bytes(error.payload)[:500])
        again = told.copy()
        if layer is IP:
            assert (error.type, error.code) == (3, 4)
            del again[IP].chksum, again[ICMP].chksum
        else:
            del again[ICMPv6PacketTooBig].cksum
        assert bytes(again) == bytes(told)
    path.stop()


def test_a_flow_is_slow_once(lab: lk.Lab) -> None:
    """And then when it was idle; fragments and ICMP are always slow."""
    a, b = lab.cable()
    slow = lk.slow_path(3600)
    path = lab.run(
        lk.Path(lk.rx(b) >> slow >> lk.sink(), slow["other"] >> lk.sink(name="slow"), name="works")
    )
    for _ in range(3):
        for sport in range(1, 51):
            a.send(frames(1, sport=sport))
        a.send([OF_CLASS["fragment"][0], OF_CLASS["icmp"][0]])
    entered(path, 156)
    assert counters(path, "slow_path") == {"fast": 100, "first": 50, "woken": 0, "exceptions": 6}
    assert path.counters.nodes["slow"].objects == 56
    path = path.replace(path.path)
    a.send(frames(1))
    entered(path, 1)
    assert counters(path, "slow_path")["first"] == 1


def test_a_flow_that_was_idle_is_slow_again(lab: lk.Lab) -> None:
    a, b = lab.cable()
    slow = lk.slow_path(0.0)
    path = lab.run(
        lk.Path(lk.rx(b) >> slow >> lk.sink(), slow["other"] >> lk.sink(name="slow"), name="works")
    )
    for _ in range(5):
        a.send(frames(1))
    entered(path, 5)
    assert counters(path, "slow_path") == {"fast": 0, "first": 1, "woken": 4, "exceptions": 0}


def in_room(lab: lk.Lab, idle: float | str) -> tuple[lk.Port, RunningPath]:
    a, b = lab.cable()
    room = lk.flow_room(10, idle)
    path = lab.run(
        lk.Path(lk.rx(b) >> room >> lk.sink(), room["other"] >> lk.sink(name="full"), name="works")
    )
    return a, path


def test_room_for_so_many_flows(lab: lk.Lab) -> None:
    """Those that are there go on when it is full."""
    a, path = in_room(lab, 3600)
    for _ in range(2):
        a.send([frame for sport in range(1, 50) for frame in frames(1, sport=sport)])
    entered(path, 98)
    found = {"passed": 20, "exceeded": 78, "flows": 10, "used_percent": 100}
    assert counters(path, "flow_room") == found
    assert path.counters.nodes["full"].objects == 78
    assert path.ledger.is_balanced


def test_a_flow_that_rests_gives_up_its_place(lab: lk.Lab) -> None:
    a, path = in_room(lab, "20 ms")
    for first in (1, 101, 201):
        a.send([frame for n in range(10) for frame in frames(1, sport=first + n)])
        entered(path, (first // 100 + 1) * 10)
        wait_until(lambda: counters(path, "flow_room")["flows"] == 0)
    assert counters(path, "flow_room")["passed"] == 30


def test_slow_frames_may_take_more_of_an_allowance(lab: lk.Lab) -> None:
    """10 first packets that weigh 10, then 100 that weigh 1: twice 100 kB."""
    a, b = lab.cable()
    both, slow, end = lk.allowance(SLOW, "200 kB"), lk.slow_path(3600), lk.sink()
    path = lab.run(
        lk.Path(
            lk.rx(b) >> slow >> lk.police(both, name="fast") >> end,
            slow["other"] >> lk.police(both, weight=10, name="first") >> end,
            name="works",
        )
    )
    for sport in range(1, 11):
        a.send(frames(21, sport=sport))
    entered(path, 210)
    fast, first = counters(path, "fast"), counters(path, "first")
    assert fast["passed"] + 10 * first["passed"] == 200
    assert path.ledger.is_balanced


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: lk.classify(), "name one or more"),
        (lambda: lk.classify("icmp", "icmp"), "each once"),
        (lambda: lk.classify("imcp"), "did you mean 'icmp'"),
        (lambda: lk.classify("icmp", resolver="fd00::2"), "resolver is 'fd00::2'"),
        (lambda: lk.header_limit(13), "limit is 13; the range is 14 to 65535"),
        (lambda: lk.mtu(67), "limit is 67; the range is 68 to 65535"),
        (lambda: lk.too_big([]), "give at least one address"),
        (lambda: lk.slow_path("2 d"), "'2 d' is no time"),
        (lambda: lk.flow_room(0), "flows is 0"),
        (lambda: lk.police("1 kpps", weight=2), "weight is 2, but the rate is '1 kpps'"),
    ],
)
def test_what_is_refused(make: Callable[[], object], said: str) -> None:
    with pytest.raises(PathError) as error:
        make()
    assert said in str(error.value)
