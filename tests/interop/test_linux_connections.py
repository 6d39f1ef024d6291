# SPDX-License-Identifier: BSD-3-Clause
"""conntrack, firewall and nat make of the same frames what Linux's own make of them."""

import random
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from scapy.layers.inet import ICMP, IP, TCP, UDP, IPerror, TCPerror, UDPerror
from scapy.layers.l2 import Ether
from scapy.packet import Packet, Raw

import labkit as lk
from tests.lab.test_conntrack import DIALOGUES
from tests.middlebox import INSIDE_MAC, OUTSIDE_MAC, Middlebox, framed
from tests.network import Host, ip, namespace, unique_name

if shutil.which("nft") is None:
    pytest.skip("nft is not installed (Debian: nftables)", allow_module_level=True)

A, WEB, OUT, B = "10.0.0.1", "10.0.0.2", "192.0.2.1", "198.51.100.9"
MARK = 9  # UDP port of frames that always pass: what was sent before one has been decided then

# As RULES below say it; connections that are not whole are none of either's (nf_conntrack(7))
NFT = """
table ip box {
  chain input { type filter hook input priority 0; policy drop; }
  chain forward {
    type filter hook forward priority 0; policy drop;
    udp dport 9 accept
    ct state established,related accept
    ip saddr 10.0.0.0/24 tcp dport 443 ct state new accept
    ip saddr 10.0.0.0/24 udp dport 53 ct state new accept
    ip saddr 10.0.0.0/24 icmp type echo-request ct state new accept
    ip daddr 10.0.0.2 tcp dport 8080 ct state new accept
  }
  chain out {
    type nat hook postrouting priority 100;
    oifname "wan" ip saddr 10.0.0.0/24 snat to 192.0.2.1
  }
  chain in {
    type nat hook prerouting priority -100;
    iifname "wan" ip daddr 192.0.2.1 tcp dport 80 dnat to 10.0.0.2:8080
  }
}
"""
RULES = (
    "permit udp dst port 9",
    "permit established",
    "permit related",
    "permit tcp src 10.0.0.0/24 dst port 443 new",
    "permit udp src 10.0.0.0/24 dst port 53 new",
    "permit icmp src 10.0.0.0/24 new",
    "permit tcp dst 10.0.0.2 dst port 8080 new",
)
# Linux lets it end a connection that is only begun; RFC 9293 3.10.7.3 does not.
BLIND_RESET = ("<", "R")
SETTINGS = {
    "net.ipv4.ip_forward": 1,
    "net.ipv4.conf.all.rp_filter": 0,
    "net.netfilter.nf_conntrack_tcp_loose": 0,
    "net.netfilter.nf_conntrack_tcp_be_liberal": 1,
}


class Router:
    """Linux between two ports of a lab."""

    def __init__(self, lab: lk.Lab, names: tuple[str, str], macs: dict[str, str]) -> None:
        self._ports = [lab.port(f"af_packet:{name}") for name in names]
        self._macs = macs
        self._marks = 0
        for port in self._ports:
            port.receive(1, timeout=0)

    def out(self, packet: Packet) -> Packet | None:
        return self._through(0, packet)

    def back(self, packet: Packet) -> Packet | None:
        return self._through(1, packet)

    def _through(self, side: int, packet: Packet) -> Packet | None:
        """What comes out on the other side before a frame that was sent behind it."""
        self._marks += 1
        number = self._marks.to_bytes(4, "big")
        ends = IP(src=A, dst=B) if side == 0 else IP(src=B, dst=A)
        mark = framed(ends / UDP(sport=9, dport=MARK) / Raw(number), inside=side == 0)
        for sent in (packet, mark):
            sent = sent.copy()
            sent[Ether].dst = self._macs["lan" if side == 0 else "wan"]
            self._ports[side].send(sent)
        found = None
        while True:
            (frame,) = self._ports[1 - side].receive(1, timeout=60, raw=True)
            got = Ether(frame)
            if UDP in got and got[UDP].dport == MARK:
                assert bytes(got[UDP].payload)[:4] == number
                return found
            if IP in got:
                found = got


@contextmanager
def linux_router(lab: lk.Lab) -> Iterator[Router]:
    """A namespace that forwards between two veth pairs, with the rules of NFT."""
    outer = {"lan": unique_name("fli"), "wan": unique_name("flo")}
    with namespace() as space:
        host = Host(space, "lan", outer["lan"])
        try:
            macs = {}
            for name, other in outer.items():
                ip("link", "add", other, "type", "veth", "peer", "name", name, "netns", space)
                host.run("ethtool", "-K", name, "tx", "off")
                Path(f"/proc/sys/net/ipv6/conf/{other}/disable_ipv6").write_text("1")
                ip("link", "set", other, "up")
                ip("-n", space, "link", "set", name, "up")
                macs[name] = ip("-n", space, "-br", "link", "show", name).split()[2]
            ip("-n", space, "addr", "add", "10.0.0.254/24", "dev", "lan")
            ip("-n", space, "addr", "add", f"{OUT}/24", "dev", "wan")
            ip("-n", space, "route", "add", "default", "via", "192.0.2.254")
            for address, name, mac in (
                *((host_, "lan", INSIDE_MAC) for host_ in (A, WEB)),
                ("192.0.2.254", "wan", OUTSIDE_MAC),
            ):
                ip("-n", space, "neigh", "add", address, "dev", name, "lladdr", mac)
            loaded = host.run("nft", NFT)
            assert loaded.returncode == 0, loaded.stderr
            for name, value in SETTINGS.items():
                done = host.run("sysctl", "-qw", f"{name}={value}")
                assert done.returncode == 0, done.stderr
            yield Router(lab, (outer["lan"], outer["wan"]), macs)
        finally:
            for other in outer.values():
                ip("link", "del", other)


def told(packet: Packet | str | None) -> object:
    """What both have to agree on: not MAC addresses and TTL, which a router changes."""
    if packet is None or isinstance(packet, str):
        return None
    upper = packet[IP].copy()
    upper.ttl, upper.chksum = 64, None
    return bytes(upper)


def dialogues() -> Iterator[tuple[str, Packet]]:
    """Frames and the side they come from: ">" inside."""
    for port, (steps, _) in enumerate(DIALOGUES, 2000):
        for way, flags in steps:
            if (way, flags) == BLIND_RESET:
                continue
            yield from segment(way, flags, port)
    rng = random.Random(3)
    for port in range(3000, 3040):
        for _ in range(rng.randrange(2, 9)):
            way, flags = rng.choice("<>"), rng.choice(["S", "SA", "A", "A", "FA", "R", "RA", "PA"])
            if (way, flags) != BLIND_RESET:
                yield from segment(way, flags, port)
    for port in range(4000, 4010):  # to the server behind the outside address
        for _ in range(6):
            flags = rng.choice(["S", "SA", "A", "FA"])
            if rng.random() < 0.5:
                yield "<", IP(src=B, dst=OUT) / TCP(sport=port, dport=80, flags=flags)
            else:
                yield ">", IP(src=WEB, dst=B) / TCP(sport=8080, dport=port, flags=flags)
    yield from datagrams()


def segment(way: str, flags: str, port: int) -> Iterator[tuple[str, Packet]]:
    if way == ">":
        yield ">", IP(src=A, dst=B) / TCP(sport=port, dport=443, flags=flags)
    else:
        yield "<", IP(src=B, dst=OUT) / TCP(sport=443, dport=port, flags=flags)


def datagrams() -> Iterator[tuple[str, Packet]]:
    """UDP, ICMP queries and errors."""
    yield "<", IP(src=B, dst=OUT) / UDP(sport=53, dport=5000) / b"x"
    yield ">", IP(src=A, dst=B) / UDP(sport=5000, dport=53) / b"x"
    yield "<", IP(src=B, dst=OUT) / UDP(sport=53, dport=5000) / b"answer"
    yield "<", IP(src="198.51.100.8", dst=OUT) / UDP(sport=53, dport=5000) / b"x"
    yield ">", IP(src=A, dst=B) / UDP(sport=5001, dport=54) / b"x"
    yield ">", IP(src=A, dst=B) / UDP(sport=5002, dport=53, chksum=0) / b"x"
    yield "<", IP(src=B, dst=OUT) / ICMP(type=0, id=5)
    yield ">", IP(src=A, dst=B) / ICMP(id=5) / b"ping"
    yield "<", IP(src=B, dst=OUT) / ICMP(type=0, id=5) / b"ping"
    yield "<", IP(src=B, dst=OUT) / ICMP(type=0, id=6) / b"ping"
    router = IP(src="203.0.113.1", dst=OUT)
    for quoted in (
        IPerror(src=OUT, dst=B) / UDPerror(sport=5000, dport=53),
        IPerror(src=OUT, dst=B) / UDPerror(sport=5999, dport=53),
        IPerror(src=OUT, dst=B) / TCPerror(sport=2000, dport=443),
    ):
        for kind, code in ((3, 4), (11, 0)):
            yield "<", router / ICMP(type=kind, code=code) / quoted
    inner = IPerror(src=B, dst=WEB) / TCPerror(sport=4000, dport=8080)
    yield ">", IP(src=WEB, dst=B) / ICMP(type=3, code=1) / inner


def test_linux_decides_the_same(lab: lk.Lab) -> None:
    box_rules = (
        lk.conntrack(),
        lk.firewall(*RULES),
        lk.nat(OUT, dst={f"tcp {OUT}:80": f"{WEB}:8080"}),
    )
    with linux_router(lab) as router:
        ours = Middlebox(lab, *box_rules, reverses=True)
        differ = []
        for way, packet in dialogues():
            frame = framed(packet, inside=way == ">")
            mine = ours.out(frame) if way == ">" else ours.back(frame)
            theirs = router.out(frame) if way == ">" else router.back(frame)
            if told(mine) != told(theirs):
                differ.append((way, packet.summary(), mine, theirs))
        assert differ == []
        assert ours.path.ledger.is_balanced
