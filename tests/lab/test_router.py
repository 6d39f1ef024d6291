# SPDX-License-Identifier: BSD-3-Clause
"""lk.router: dialogues with hosts that scapy plays, frame by frame."""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from scapy.layers.inet import ICMP, IP, UDP, IPOption
from scapy.layers.inet6 import (
    ICMPv6DestUnreach,
    ICMPv6EchoReply,
    ICMPv6EchoRequest,
    ICMPv6ND_NA,
    ICMPv6ND_NS,
    ICMPv6NDOptDstLLAddr,
    ICMPv6NDOptSrcLLAddr,
    ICMPv6PacketTooBig,
    ICMPv6TimeExceeded,
    IPv6,
)
from scapy.layers.l2 import ARP, Ether
from scapy.packet import Packet, Raw

import labkit as lk
from labkit.lab.running_path import RunningPath
from tests.patience import wait_until

BROADCAST = "ff:ff:ff:ff:ff:ff"
HOST_A, HOST_B, GATEWAY, GATEWAY_2 = "10.0.1.2", "10.0.2.2", "10.0.2.9", "10.0.2.10"
HOST_A6, HOST_B6, GATEWAY_6 = "fd00:1::2", "fd00:2::2", "fd00:2::9"


@dataclass
class Net:
    """A router between two links, and the ports that hosts have on these."""

    router: RunningPath
    a: lk.Port
    b: lk.Port
    at_a: lk.Port
    at_b: lk.Port

    def frame_a(self, packet: Packet) -> Packet:
        return Ether(src=self.a.mac, dst=self.at_a.mac) / packet

    def ask(self, packet: Packet) -> list[Packet]:
        """What comes back to the host at a, when the router has seen to all that there is."""
        return self.talk([self.frame_a(packet)])[0]

    def talk(self, frames: list[Packet], on: lk.Port | None = None) -> tuple[list[Packet], ...]:
        """What then comes to the host at a, and to those at b."""
        before = self.router.ledger.sent
        (on or self.a).send(frames)
        wait_until(lambda: self.router.ledger.sent == before + len(frames))
        assert self.router.ledger.is_balanced, self.router.ledger
        unread = self.router.lab.engine.commands.unread
        wait_until(lambda: not any(unread(port.name, [0])[0] for port in (self.a, self.b)))
        assert self.router.tables["neighbours"] is not None  # all walks have ended meanwhile
        return tuple(
            [Ether(f) for f in port.receive(4096, timeout=0, raw=True)] for port in (self.a, self.b)
        )

    def answers_arp(self, address: str = GATEWAY) -> list[Packet]:
        """A host at b says who it is; what waited for it comes."""
        reply = Ether(src=self.b.mac, dst=self.at_b.mac) / ARP(
            op=2, hwsrc=self.b.mac, psrc=address, hwdst=self.at_b.mac, pdst="10.0.2.1"
        )
        return self.talk([reply], self.b)[1]

    def answers_nd(self, address: str = GATEWAY_6) -> list[Packet]:
        packet = IPv6(src=address, dst="fd00:2::1", hlim=255) / ICMPv6ND_NA(tgt=address, S=1, O=1)
        reply = Ether(src=self.b.mac, dst=self.at_b.mac) / packet
        return self.talk([reply / ICMPv6NDOptDstLLAddr(lladdr=self.b.mac)], self.b)[1]

    def knows_a(self) -> None:
        """The host at a asks for the router, which learns its MAC by that."""
        ask = ARP(hwsrc=self.a.mac, psrc=HOST_A, pdst="10.0.1.1")
        ask6 = IPv6(src=HOST_A6, dst="ff02::1:ff00:1", hlim=255) / ICMPv6ND_NS(tgt="fd00:1::1")
        ask6 /= ICMPv6NDOptSrcLLAddr(lladdr=self.a.mac)
        frames = [
            Ether(src=self.a.mac, dst=BROADCAST) / ask,
            Ether(src=self.a.mac, dst="33:33:ff:00:00:01") / ask6,
        ]
        arp, nd = self.talk(frames)[0]
        assert (arp[ARP].op, arp[ARP].hwsrc, arp.dst) == (2, self.at_a.mac, self.a.mac)
        assert (nd[ICMPv6ND_NA].tgt, nd[ICMPv6NDOptDstLLAddr].lladdr) == (
            "fd00:1::1",
            self.at_a.mac,
        )

    @property
    def counters(self) -> dict[str, int]:
        return dict(self.router.counters.functions["route"])


ROUTES = {
    "10.9.0.0/16": GATEWAY,
    "10.9.9.0/24": None,
    "10.8.0.0/16": "unreachable",
    "10.10.0.0/16": [GATEWAY, GATEWAY_2],
    "fd00:9::/32": GATEWAY_6,
    "fd00:9:9::/48": "blackhole",
}


def net_of(lab: lk.Lab, **settings: object) -> Net:
    at_a, a = lab.cable("a", "far_a")
    at_b, b = lab.cable("b", "far_b")
    ports = {at_a: ["10.0.1.1/24", "fd00:1::1/64"], at_b: ["10.0.2.1/24", "fd00:2::1/64"]}
    router = lab.run(lk.router(ports, ROUTES, **settings))
    net = Net(router, a, b, at_a, at_b)
    a.receive(1, timeout=0)
    b.receive(1, timeout=0)
    net.knows_a()
    return net


@pytest.fixture
def net(lab: lk.Lab) -> Iterator[Net]:
    net = net_of(lab, icmp_burst=1000)
    yield net
    assert net.router.ledger.is_balanced


def udp(to: str, **fields: object) -> Packet:
    return IP(src=HOST_A, dst=to, id=7, **fields) / UDP(sport=4000, dport=5000) / Raw(b"payload!")


def udp6(to: str, **fields: object) -> Packet:
    return IPv6(src=HOST_A6, dst=to, **fields) / UDP(sport=4000, dport=5000) / Raw(b"payload!")


def test_a_packet_waits_until_its_next_hop_has_answered(net: Net) -> None:
    at_a, at_b = net.talk([net.frame_a(udp("10.9.1.1", ttl=9))])
    assert at_a == []
    (question,) = at_b
    assert (question.dst, question[ARP].op, question[ARP].psrc, question[ARP].pdst) == (
        BROADCAST,
        1,
        "10.0.2.1",
        GATEWAY,
    )
    assert net.counters["held"] == 1
    (forwarded,) = net.answers_arp()
    expected = Ether(src=net.at_b.mac, dst=net.b.mac) / udp("10.9.1.1", ttl=8)
    assert bytes(forwarded) == bytes(expected)
    more = [net.frame_a(udp("10.9.1.1", ttl=n)) for n in range(2, 66)]
    came = net.talk(more)[1]
    assert [frame.ttl for frame in came] == list(range(1, 65))
    assert all(bytes(Ether(bytes(f))) == bytes(_mended(f)) for f in came)
    found = net.counters
    assert (found["forwarded"], found["held"], found["asked"], found["taken"]) == (65, 0, 1, 1)
    table = net.router.tables["neighbours"].set_index("address")
    assert table.loc[GATEWAY, ["mac", "port", "state", "packets"]].tolist() == [
        net.b.mac,
        "b",
        "reachable",
        65,
    ]
    assert table.loc[HOST_A, ["mac", "port", "state"]].tolist() == [net.a.mac, "a", "stale"]


def _mended(frame: Packet) -> Packet:
    """With its checksums made anew."""
    copy = frame.copy()
    del copy[IP].chksum, copy[UDP].chksum
    return copy


TOLD = {
    "one to live": (udp("10.9.1.1", ttl=1), 11, 0, "drop_route_ttl_exceeded"),
    "none to live": (udp("10.9.1.1", ttl=0), 11, 0, "drop_route_ttl_exceeded"),
    "no route": (udp("10.77.1.1"), 3, 0, "drop_route_none"),
    "unreachable": (udp("10.8.1.1"), 3, 1, "drop_route_unreachable"),
    "its own port": (udp("10.0.2.1"), 3, 3, "drop_udp_no_listener"),
    "protocol": (IP(src=HOST_A, dst="10.0.1.1", proto=99), 3, 2, "drop_ip_unknown_protocol"),
    "option": (
        udp("10.9.1.1", options=IPOption(b"\x07\x01\x00\x00")),
        *(12, 0, "drop_ipv4_bad_option"),
    ),
}


def test_the_sender_is_told(net: Net) -> None:
    for name, (packet, kind, code, drop) in TOLD.items():
        before = net.router.drops.get(drop, 0)
        (answer,) = net.ask(packet)
        assert (answer.dst, answer.src) == (net.a.mac, net.at_a.mac), name
        source = "10.0.2.1" if packet.dst == "10.0.2.1" else "10.0.1.1"
        ip = answer[IP]
        assert (ip.src, ip.dst, ip.ttl, ip.tos) == (source, HOST_A, 64, 0xC0), name
        assert (answer[ICMP].type, answer[ICMP].code) == (kind, code), name
        assert bytes(answer)[42:] == bytes(packet), name
        assert bytes(answer) == bytes(_icmp_mended(answer)), name
        assert net.router.drops[drop] == before + 1, name
        if kind == 12:
            assert bytes(answer)[38] == 20  # where the option stands


def _icmp_mended(frame: Packet) -> Packet:
    copy = frame.copy()
    del copy[IP].chksum, copy[ICMP].chksum
    return copy


NOT_TOLD = {
    "blackhole": (udp("10.9.9.1"), "drop_route_blackhole"),
    "broadcast": (udp("10.0.2.255"), "drop_route_not_forwarded"),
    "network": (udp("10.0.2.0"), "drop_route_not_forwarded"),
    "multicast": (udp("224.0.0.9"), "drop_route_not_forwarded"),
    "link-local": (udp("169.254.1.1"), "drop_route_not_forwarded"),
    "loopback": (udp("127.0.0.1"), "drop_route_not_forwarded"),
    "from nobody": (IP(src="0.0.0.0", dst="10.9.1.1") / UDP(), "drop_ip_bad_source"),
    "from a group": (IP(src="224.0.0.1", dst="10.9.1.1") / UDP(), "drop_ip_bad_source"),
    "from link-local": (IP(src="169.254.1.1", dst="10.9.1.1") / UDP(), "drop_route_not_forwarded"),
    "error": (
        IP(src=HOST_A, dst="10.77.1.1") / ICMP(type=3, code=1) / Raw(bytes(28)),
        "drop_route_none",
    ),
    "later fragment": (
        IP(src=HOST_A, dst="10.77.1.1", frag=3) / Raw(bytes(28)),
        "drop_route_none",
    ),
    "source route": (
        udp("10.9.1.1", options=IPOption(b"\x83\x07\x04\x0a\x09\x01\x01\x00")),
        "drop_route_source_routed",
    ),
    "wrong checksum": (udp("10.9.1.1", chksum=1), "drop_ipv4_bad_checksum"),
    "v6 blackhole": (udp6("fd00:9:9::1"), "drop_route_blackhole"),
    "v6 multicast": (udp6("ff0e::1"), "drop_route_not_forwarded"),
    "v6 link-local": (udp6("fe80::1234"), "drop_route_not_forwarded"),
    "v6 from nobody": (IPv6(src="::", dst="fd00:9::1") / UDP(), "drop_ip_bad_source"),
}


def test_what_nobody_is_told_of(net: Net) -> None:
    for name, (packet, drop) in NOT_TOLD.items():
        before = net.router.drops.get(drop, 0)
        assert net.ask(packet) == [], name
        assert net.router.drops[drop] == before + 1, name
    frame = Ether(src=net.a.mac, dst=BROADCAST) / udp("10.9.1.1")
    assert net.talk([frame]) == ([], [])
    other = Ether(src=net.a.mac, dst="02:00:00:00:00:99") / udp("10.9.1.1")
    assert net.talk([other]) == ([], [])
    assert net.router.drops["drop_eth_not_for_us"] == 1


def test_ping_of_all_its_addresses(net: Net) -> None:
    for address in ("10.0.1.1", "10.0.2.1"):
        (answer,) = net.ask(IP(src=HOST_A, dst=address) / ICMP(id=3, seq=4) / Raw(b"ping"))
        assert (answer[IP].src, answer[ICMP].type, answer[ICMP].seq) == (address, 0, 4)
        assert bytes(answer[ICMP].payload) == b"ping"
    own = _link_local(net.at_a.mac)
    for address in ("fd00:1::1", "fd00:2::1", own):
        (answer,) = net.ask(IPv6(src=HOST_A6, dst=address) / ICMPv6EchoRequest(data=b"ping"))
        assert (answer[IPv6].src, answer[ICMPv6EchoReply].data) == (address, b"ping")
    assert net.counters["answered"] == 7


def _link_local(mac: str) -> str:
    first, *rest = bytes.fromhex(mac.replace(":", ""))
    eui = bytes([first ^ 2, *rest[:2], 0xFF, 0xFE, *rest[2:]]).hex(":", 2)
    return str(IPv6(src=f"fe80::{eui}").src)


def test_a_next_hop_that_does_not_answer(lab: lk.Lab) -> None:
    """The sender is told, and asked again is with the next packet."""
    net = net_of(lab, retry="60 ms", tries=2, icmp_burst=1000)
    net.talk([net.frame_a(udp(HOST_B, ttl=9)), net.frame_a(udp6(HOST_B6))])
    wait_until(lambda: net.router.drops.get("drop_neighbour_failed") == 2)
    answers = [Ether(f) for f in net.a.receive(2, timeout=10, raw=True)]
    v4 = next(a for a in answers if IP in a)
    v6 = next(a for a in answers if IPv6 in a)
    assert (v4[ICMP].type, v4[ICMP].code) == (3, 1)
    assert bytes(v4[ICMP].payload) == bytes(udp(HOST_B, ttl=8))
    assert (v6[ICMPv6DestUnreach].code, v6[IPv6].src) == (3, "fd00:1::1")
    table = net.router.tables["neighbours"].set_index("address")
    assert table.loc[HOST_B, "state"] == "failed"
    assert net.counters["asked"] == 4
    assert net.counters["held"] == 0
    assert net.router.ledger.is_balanced
    net.talk([net.frame_a(udp(HOST_B))])
    assert len(net.answers_arp(HOST_B)) == 1


def test_few_packets_wait_and_the_latest_are_kept(net: Net) -> None:
    net.talk([net.frame_a(udp(HOST_B, ttl=n)) for n in range(2, 32)])
    assert net.router.drops == {"drop_neighbour_queue_full": 14}
    assert [frame.ttl for frame in net.answers_arp(HOST_B)] == list(range(15, 31))


def test_errors_have_a_rate(lab: lk.Lab) -> None:
    net = net_of(lab, icmp_rate=0, icmp_burst=5)
    answers = net.talk([net.frame_a(udp("10.77.1.1"))] * 20)[0]
    assert len(answers) == 5
    assert (net.counters["errors"], net.counters["errors_withheld"]) == (5, 15)
    assert net.router.ledger.is_balanced


def test_ecmp_keeps_flows_together(net: Net) -> None:
    flows = [IP(src=HOST_A, dst="10.10.0.1") / UDP(sport=n, dport=9) for n in range(1000, 1200)]
    net.talk([net.frame_a(flow) for flow in flows[:40]])
    net.answers_arp(GATEWAY)
    net.answers_arp(GATEWAY_2)
    sent = [net.frame_a(flow) for flow in flows] * 2
    assert len(net.talk(sent)[1]) == 400
    table = net.router.tables["neighbours"].set_index("address")
    counts = [int(table.loc[gateway, "packets"]) for gateway in (GATEWAY, GATEWAY_2)]
    assert min(counts) > 100
    drops = net.router.drops.get("drop_neighbour_queue_full", 0)
    assert sum(counts) + drops == 440
    routes = net.router.tables["route"]
    both = routes[routes.prefix == "10.10.0.0/16"]
    assert both[["kind", "gateway", "port"]].values.tolist() == [
        ["gateway", GATEWAY, "b"],
        ["gateway", GATEWAY_2, "b"],
    ]


def test_ipv6_dialogue(net: Net) -> None:
    at_a, at_b = net.talk([net.frame_a(udp6("fd00:9::1", hlim=9))])
    assert at_a == []
    (question,) = at_b
    assert question.dst == "33:33:ff:00:00:09"
    assert (question[IPv6].hlim, question[ICMPv6ND_NS].tgt) == (255, GATEWAY_6)
    assert question[ICMPv6NDOptSrcLLAddr].lladdr == net.at_b.mac
    assert question[IPv6].src == _link_local(net.at_b.mac)
    (forwarded,) = net.answers_nd()
    expected = Ether(src=net.at_b.mac, dst=net.b.mac) / udp6("fd00:9::1", hlim=8)
    assert bytes(forwarded) == bytes(expected)

    (answer,) = net.ask(udp6("fd00:9::1", hlim=1))
    assert (answer[ICMPv6TimeExceeded].code, answer[IPv6].src) == (0, "fd00:1::1")
    (answer,) = net.ask(udp6("fd77::1"))
    assert answer[ICMPv6DestUnreach].code == 0
    (answer,) = net.ask(udp6("fd00:2::1"))
    assert (answer[ICMPv6DestUnreach].code, answer[IPv6].src) == (4, "fd00:2::1")
    copy = answer.copy()
    del copy[ICMPv6DestUnreach].cksum
    assert bytes(copy) == bytes(answer)
    net.ask(IPv6(src="fe80::2", dst="fd00:9::1") / UDP())
    assert net.router.drops["drop_route_not_forwarded"] == 1


def test_advertisements_are_checked(net: Net) -> None:
    """RFC 4861 7.1.2, 7.2.5."""
    net.talk([net.frame_a(udp6("fd00:9::1"))])
    good = IPv6(src=GATEWAY_6, dst="fd00:2::1", hlim=255) / ICMPv6ND_NA(tgt=GATEWAY_6, S=1, O=0)
    link = ICMPv6NDOptDstLLAddr(lladdr=net.b.mac)

    def tell(packet: Packet) -> list[Packet]:
        return net.talk([Ether(src=net.b.mac, dst=net.at_b.mac) / packet], net.b)[1]

    far = good.copy()
    far.hlim = 254
    assert tell(far / link) == []
    assert net.router.drops == {"drop_nd_bad_hop_limit": 1}
    assert tell(good) == []  # without a link address it is of no use
    assert net.counters["held"] == 1
    assert len(tell(good / link)) == 1
    other = ICMPv6NDOptDstLLAddr(lladdr="02:00:00:00:00:77")
    tell(good / other)  # which does not override
    (frame,) = net.talk([net.frame_a(udp6("fd00:9::1"))])[1]
    assert frame.dst == net.b.mac


@pytest.mark.parametrize("mtu", [576, 1280])
def test_what_is_too_long(lab: lk.Lab, mtu: int) -> None:
    net = net_of(lab, mtus={"b": mtu}, icmp_burst=1000)
    net.talk([net.frame_a(udp("10.9.1.1")), net.frame_a(udp6("fd00:9::1"))])
    net.answers_arp()
    net.answers_nd()
    long = IP(src=HOST_A, dst="10.9.1.1", flags="DF", id=9) / UDP() / Raw(bytes(range(256)) * 8)
    (answer,) = net.ask(long)
    assert (answer[ICMP].type, answer[ICMP].code, answer[ICMP].nexthopmtu) == (3, 4, mtu)
    assert answer[IP].len == 576
    long[IP].flags = 0
    parts = net.talk([net.frame_a(long)])[1]
    assert all(part[IP].len <= mtu for part in parts)
    data = b"".join(bytes(part[IP].payload) for part in sorted(parts, key=lambda p: p[IP].frag))
    assert data == bytes(long[IP].payload)
    assert [bool(part[IP].flags.MF) for part in parts] == [True] * (len(parts) - 1) + [False]
    assert all(bytes(_ip_mended(part)) == bytes(part) for part in parts)
    (answer,) = net.ask(IPv6(src=HOST_A6, dst="fd00:9::1") / UDP() / Raw(bytes(2048)))
    assert answer[ICMPv6PacketTooBig].mtu == mtu
    assert answer[IPv6].plen == 1240
    assert net.counters["fragmented"] == 1
    assert net.router.drops["drop_route_too_big"] == 2
    assert net.router.ledger.is_balanced


def _ip_mended(frame: Packet) -> Packet:
    copy = frame.copy()
    del copy[IP].chksum
    return copy


def test_neighbours_age(lab: lk.Lab) -> None:
    """reachable, stale, used again, asked itself, reachable."""
    net = net_of(lab, reachable="50 ms", retry="50 ms", tries=50)
    net.talk([net.frame_a(udp("10.9.1.1"))])
    assert len(net.answers_arp()) == 1

    def state() -> str:
        return str(net.router.tables["neighbours"].set_index("address").loc[GATEWAY, "state"])

    wait_until(lambda: state() == "stale")
    assert len(net.talk([net.frame_a(udp("10.9.1.1"))])[1]) == 1
    wait_until(lambda: state() == "probe")
    question = Ether(net.b.receive(1, timeout=60, raw=True)[0])
    assert (question.dst, question[ARP].pdst) == (net.b.mac, GATEWAY)
    asked = net.router.ledger.sent
    net.answers_arp()
    assert net.router.ledger.sent == asked + 1
    wait_until(lambda: state() in ("reachable", "stale"))
    wait_until(lambda: net.router.ledger.is_balanced)


def test_traceroute_through_two_routers(lab: lk.Lab) -> None:
    """Each hop tells by the address that it has towards the sender."""
    host, at_1 = lab.cable("host", "at_1")
    one, two = lab.cable("one", "two")
    at_2, far = lab.cable("at_2", "far")
    first = lk.router(
        {at_1: "10.0.1.1/24", one: "10.0.12.1/24"}, {"0.0.0.0/0": "10.0.12.2"}, name="first"
    )
    second = lk.router(
        {two: "10.0.12.2/24", at_2: "10.0.2.1/24"}, {"10.0.1.0/24": "10.0.12.1"}, name="second"
    )
    routers = [lab.run(first), lab.run(second)]
    server = lab.echo_server(far, ["10.0.2.2"], udp_port=9)
    gateway = lk.resolve(host, "10.0.1.1", source=HOST_A)
    hops = []
    for ttl in range(1, 5):
        probe = IP(src=HOST_A, dst="10.0.2.2", ttl=ttl) / UDP(sport=1000 + ttl, dport=9)
        host.send([Ether(src=host.mac, dst=gateway) / probe / Raw(b"probe")])
        answer = Ether(host.receive(1, timeout=60, raw=True)[0])
        hops.append((answer[IP].src, answer[IP].proto))
        if UDP in answer and ICMP not in answer:
            break
    assert hops == [("10.0.1.1", 1), ("10.0.12.2", 1), ("10.0.2.2", 17)]
    for path in (*routers, server):
        wait_until(lambda path=path: path.ledger.is_balanced)


def test_something_between_a_router_and_its_port(lab: lk.Lab) -> None:
    at_a, a = lab.cable("a", "far_a")
    at_b, b = lab.cable("b", "far_b")
    r = lk.route({at_a: "10.0.1.1/24", at_b: "10.0.2.1/24"}, name="r")
    path = lab.run(
        lk.Path(
            *(lk.rx(at_a) >> r, lk.rx(at_b) >> r),
            *(r["a"] >> lk.tx(at_a), r["b"] >> lk.delay("2 ms") >> lk.tx(at_b)),
            name="works",
        )
    )
    b.receive(1, timeout=0)
    a.send([Ether(src=a.mac, dst=at_a.mac) / udp(HOST_B)])
    assert Ether(b.receive(1, timeout=60, raw=True)[0])[ARP].pdst == HOST_B
    assert list(path.tables) == ["r_neighbours", "r"]
    assert path.counters.outputs["r"] == {"b": 1}
    assert path.path == lk.Path.from_json(path.path.to_json())


def test_more_neighbours_than_the_router_may_know(lab: lk.Lab) -> None:
    net = net_of(lab, neighbours=16)  # of which 3 are gateways, which stay, unlike the host at a
    net.talk([net.frame_a(udp(f"10.0.2.{n}")) for n in range(30, 50)])
    assert net.router.drops == {"drop_neighbour_no_room": 20 - 13}
    assert net.router.ledger.is_balanced
