# SPDX-License-Identifier: BSD-3-Clause
"""The longest prefix, against a model in Python: as a tree (few routes) and as tables (many)."""

import random
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

import pytest
from scapy.layers.inet import IP, UDP
from scapy.layers.inet6 import ICMPv6ND_NA, ICMPv6NDOptDstLLAddr, IPv6
from scapy.layers.l2 import ARP, Ether

import labkit as lk
from tests.patience import wait_until

GATEWAYS = range(2, 10)
BASES = {
    4: (0x0B000000, 8, 32),
    6: (0x20010DB8 << 96, 32, 128),
}  # prefix of all, its bits, all bits

Network = IPv4Network | IPv6Network


def networks(noise: random.Random, version: int, count: int) -> list[Network]:
    """Nested and beside each other, of all lengths."""
    base, least, most = BASES[version]
    found: dict[Network, None] = {}
    addresses = [base | noise.getrandbits(most - least) for _ in range(count // 4)]
    while len(found) < count:
        length = noise.randint(least, most)
        near = noise.choice(addresses) ^ noise.getrandbits(6) << noise.randint(0, 20)
        rest = most - length
        found[ip_network((near >> rest << rest, length))] = None
    return list(found)


def probes(noise: random.Random, routes: list[Network], count: int) -> list[str]:
    """Addresses in prefixes, at their ends, and just outside."""
    found = []
    while len(found) < count:
        net = noise.choice(routes)
        first, last = int(net.network_address), int(net.broadcast_address)
        at = noise.choice((first, last, first - 1, last + 1, noise.randint(first, last)))
        address = ip_address(at.to_bytes(net.max_prefixlen // 8, "big"))
        base, least, most = BASES[net.version]
        if int(address) >> (most - least) == base >> (most - least):
            found.append(str(address))
    return found


def longest(routes: dict[Network, int], address: str) -> int | None:
    """The gateway's number."""
    ip = ip_address(address)
    fitting = [net for net in routes if net.version == ip.version and ip in net]
    return routes[max(fitting, key=lambda net: net.prefixlen)] if fitting else None


def mac_of(gateway: int) -> str:
    return f"02:00:00:00:99:{gateway:02x}"


@pytest.mark.parametrize("count", [40, 500])
def test_longest_prefix(lab: lk.Lab, count: int) -> None:
    noise = random.Random(count)
    routes = {net: noise.choice(GATEWAYS) for v in (4, 6) for net in networks(noise, v, count)}
    at_a, a = lab.cable("a", "far_a", ring_size=4096)
    at_b, b = lab.cable("b", "far_b", ring_size=4096)
    ports = {at_a: ["10.0.1.1/24", "fd00:1::1/64"], at_b: ["10.0.2.1/24", "fd00:2::1/64"]}
    via = {
        str(net): f"10.0.2.{n}" if net.version == 4 else f"fd00:2::{n}" for net, n in routes.items()
    }
    path = lab.run(lk.router(ports, via, reachable="3600 s", icmp_rate=0, icmp_burst=0))
    b.receive(1, timeout=0)
    for n in GATEWAYS:
        head = Ether(src=mac_of(n), dst=at_b.mac)
        reply = ARP(op=2, hwsrc=mac_of(n), psrc=f"10.0.2.{n}", hwdst=at_b.mac, pdst="10.0.2.1")
        tell = IPv6(src=f"fd00:2::{n}", dst="fd00:2::1", hlim=255)
        tell /= ICMPv6ND_NA(tgt=f"fd00:2::{n}", S=1, O=1) / ICMPv6NDOptDstLLAddr(lladdr=mac_of(n))
        b.send([head / reply, head / tell])
    known = 2 * len(set(routes.values()))
    wait_until(lambda: (path.tables["neighbours"]["state"] == "reachable").sum() == known)
    told = probes(noise, list(routes), 800)
    head = Ether(src=a.mac, dst=at_a.mac)
    frames = [
        head
        / (IPv6(src="fd00:1::2", dst=to) if ":" in to else IP(src="10.0.1.2", dst=to))
        / UDP(sport=number, dport=9)
        for number, to in enumerate(told)
    ]
    before = path.ledger.sent
    a.send(frames)
    wait_until(lambda: path.ledger.sent == before + len(frames))
    expected = {
        number: mac_of(gateway)
        for number, to in enumerate(told)
        if (gateway := longest(routes, to)) is not None
    }
    came = [Ether(frame) for frame in b.receive(len(expected), timeout=60, raw=True)]
    assert {frame[UDP].sport: frame.dst for frame in came} == expected
    assert path.drops.get("drop_route_none", 0) == len(told) - len(expected)
    assert path.ledger.is_balanced
