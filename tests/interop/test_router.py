# SPDX-License-Identifier: BSD-3-Clause
"""lk.router and Linux's own forwarding are given the same frames, and do the same with them.

What differs by nature is left out of the comparison: the identification of ICMP messages, the flow
label that Linux gives ICMPv6 errors, and padding up to the shortest frame. Linux also forwards to
0.0.0.0/8 and 240.0.0.0/4, and tells who sends to ::, against RFC 1812 5.3.7 and RFC 4291 2.5.2.
"""

import itertools
import select
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from scapy.layers.inet import ICMP, IP, UDP, IPOption
from scapy.layers.inet6 import (
    ICMPv6EchoRequest,
    ICMPv6ND_NA,
    ICMPv6NDOptDstLLAddr,
    ICMPv6TimeExceeded,
    IPv6,
)
from scapy.layers.l2 import ARP, Ether
from scapy.packet import Packet, Raw

import labkit as lk
from tests.network import ip, namespace, unique_name

MACS = {"a": "02:00:00:00:0a:01", "b": "02:00:00:00:0b:01"}  # of the router
HOSTS = {"a": "02:00:00:00:0a:02", "b": "02:00:00:00:0b:02"}
ADDRESSES = {"a": ["10.0.1.1/24", "fd00:1::1/64"], "b": ["10.0.2.1/24", "fd00:2::1/64"]}
ROUTES = {
    "10.9.0.0/16": "10.0.2.9",
    "10.9.9.0/24": "blackhole",
    "10.8.0.0/16": "unreachable",
    "fd00:9::/32": "fd00:2::9",
    "fd00:9:9::/48": "blackhole",
}
MTU_B = 1400
FENCE = 0x7777

Talk = Callable[[Packet], list[tuple[str, bytes]]]


def v4(to: str, **fields: object) -> Packet:
    return IP(src="10.0.1.2", dst=to, id=7, **fields)


def v6(to: str, **fields: object) -> Packet:
    return IPv6(src="fd00:1::2", dst=to, **fields)


def packets() -> dict[str, Packet]:
    """By what is special about them. Linux tells a sender once a second at most that there is no
    route, after a burst of five, whatever its settings are: few of them have none."""
    data = UDP(sport=4000, dport=5000) / Raw(b"payload!")
    long = UDP(sport=4000, dport=5000) / Raw(bytes(range(200)) * 7)
    found: dict[str, Packet] = {}
    for ttl in (0, 1, 2, 64, 255):
        found[f"TTL {ttl}"] = v4("10.9.1.1", ttl=ttl) / data
        found[f"hop limit {ttl}"] = v6("fd00:9::1", hlim=ttl) / data
    for name, to in {
        **{"blackhole": "10.9.9.1", "unreachable": "10.8.1.1", "no route": "10.77.0.1"},
        **{"broadcast": "10.0.2.255", "all": "255.255.255.255", "multicast": "224.0.0.9"},
        **{"loopback": "127.0.0.1"},
    }.items():
        found[name] = v4(to) / data
    for name, to in {
        **{"blackhole 6": "fd00:9:9::1", "no route 6": "fd77::1", "multicast 6": "ff0e::1"},
        **{"loopback 6": "::1"},
    }.items():
        found[name] = v6(to) / data
    return found | {
        "ToS": v4("10.9.1.1", tos=0xB8) / data,
        "ToS of an error": v4("10.9.1.1", ttl=1, tos=0xB8) / data,
        "traffic class": v6("fd00:9::1", tc=0xB8, fl=5) / data,
        "don't fragment": v4("10.9.1.1", flags="DF") / long,
        "long": v4("10.9.1.1") / long,
        "first fragment, TTL": v4("10.9.1.1", ttl=1, flags="MF") / data,
        "later fragment, TTL": v4("10.9.1.1", ttl=1, frag=8) / data,
        "fragment": v4("10.9.1.1", flags="MF", frag=8) / data,
        "long 6": v6("fd00:9::1") / long,
        "from nobody": IP(src="0.0.0.0", dst="10.9.1.1") / data,
        "from loopback": IP(src="127.0.0.1", dst="10.9.1.1") / data,
        "from a group": IP(src="224.0.0.1", dst="10.9.1.1") / data,
        "from all": IP(src="255.255.255.255", dst="10.9.1.1") / data,
        "from nobody 6": IPv6(src="::", dst="fd00:9::1") / data,
        "from a group 6": IPv6(src="ff02::5", dst="fd00:9::1") / data,
        "checksum": v4("10.9.1.1", chksum=0x1234) / data,
        "total length": v4("10.9.1.1", len=2000) / data,
        "short total length": v4("10.9.1.1", len=19) / data,
        "trailer": v4("10.9.1.1", len=36) / data / Raw(bytes(90)),
        "version": v4("10.9.1.1", version=5) / data,
        "no operation": v4("10.9.1.1", options=IPOption(b"\x01\x01\x01\x00")) / data,
        "source route": v4("10.9.1.1", options=IPOption(b"\x83\x07\x04\x0a\x09\x01\x01\x00"))
        / data,
        "error about an error": v4("10.9.1.1", ttl=1) / ICMP(type=3, code=1) / Raw(bytes(28)),
        "error about a query": v4("10.9.1.1", ttl=1) / ICMP(id=9) / Raw(b"ping"),
        "error about an error 6": v6("fd77::1") / ICMPv6TimeExceeded() / Raw(bytes(48)),
        "error about a query 6": v6("fd77::1") / ICMPv6EchoRequest(id=9),
        "closed port": v4("10.0.1.1") / data,
        "closed port of another": v4("10.0.2.1") / data,
        "closed port 6": v6("fd00:1::1") / data,
        "ping": v4("10.0.1.1") / ICMP(id=9, seq=1) / Raw(b"ping"),
        "ping of another": v4("10.0.2.1") / ICMP(id=9, seq=1) / Raw(b"ping"),
        "ping 6": v6("fd00:2::1") / ICMPv6EchoRequest(id=9, data=b"ping"),
        "protocol": v4("10.0.1.1", proto=99) / Raw(b"what?"),
        "IPv6 checksum of UDP is the hosts'": v6("fd00:9::1") / UDP(chksum=1) / Raw(b"data"),
    }


def frames() -> dict[str, Packet]:
    found = {
        name: Ether(src=HOSTS["a"], dst=MACS["a"]) / packet for name, packet in packets().items()
    }
    data = v4("10.9.1.1") / UDP() / Raw(b"data")
    return found | {
        "another MAC": Ether(src=HOSTS["a"], dst="02:00:00:00:00:99") / data,
        "broadcast MAC": Ether(src=HOSTS["a"], dst="ff:ff:ff:ff:ff:ff") / data,
        "another type": Ether(src=HOSTS["a"], dst=MACS["a"], type=0x88B5) / Raw(bytes(60)),
    }


def compared(frame: bytes) -> bytes | None:
    """What of a frame is the same in both; None: it is no answer (ARP, neighbour discovery)."""
    packet = Ether(frame)
    if IP in packet:
        ip4 = packet[IP]
        if ip4.proto == 1 and ip4.src in ("10.0.1.1", "10.0.2.1"):
            ip4.id = ip4.chksum = 0
        return bytes(packet)[: 14 + ip4.len]  # padding up to 60 bytes may stay
    if IPv6 in packet:
        if packet[IPv6].nh == 58 and bytes(packet[IPv6].payload)[0] in range(133, 138):
            return None
        if packet[IPv6].nh in (0, 58) and bytes(packet[IPv6].payload)[0] == 0x3A:
            return None
        packet[IPv6].fl = 0 if packet[IPv6].nh == 58 else packet[IPv6].fl
        return bytes(packet)
    return None


def in_order(found: list[tuple[str, bytes]]) -> list[tuple[str, bytes]]:
    """Those at b, which was read last, first: the answer that ends all is at a."""
    return sorted(found, key=lambda one: one[0], reverse=True)


def talk_of(
    send: Callable[[str, bytes], None], receive: Callable[[], list[tuple[str, bytes]]]
) -> Talk:
    """Sends a frame, and gathers what comes until the ping behind it has its answer."""
    numbers = itertools.count(1)

    def talk(frame: Packet) -> list[tuple[str, bytes]]:
        number, found = next(numbers), []
        fence = Ether(src=HOSTS["a"], dst=MACS["a"]) / v4("10.0.1.1")
        send("a", bytes(frame))
        send("a", bytes(fence / ICMP(id=FENCE, seq=number)))
        end = time.monotonic() + 60
        while time.monotonic() < end:
            for side, raw in receive():
                packet = Ether(raw)
                if ICMP in packet and packet[ICMP].type == 0 and packet[ICMP].id == FENCE:
                    if packet[ICMP].seq == number:
                        return found
                    continue
                same = compared(raw)
                if same is not None:
                    found.append((side, same))
        raise AssertionError(f"no answer to ping {number}")

    return talk


def introductions() -> list[tuple[str, Packet]]:
    """Hosts and gateways say who they are, as if they had been asked."""
    found = []
    for side, v4_host, v6_host in (("a", "10.0.1.2", "fd00:1::2"), ("b", "10.0.2.9", "fd00:2::9")):
        head = Ether(src=HOSTS[side], dst=MACS[side])
        router4, router6 = (address.partition("/")[0] for address in ADDRESSES[side])
        reply = ARP(op=2, hwsrc=HOSTS[side], psrc=v4_host, hwdst=MACS[side], pdst=router4)
        tell = ICMPv6ND_NA(tgt=v6_host, S=1, O=1) / ICMPv6NDOptDstLLAddr(lladdr=HOSTS[side])
        found += [
            (side, head / reply),
            (side, head / IPv6(src=v6_host, dst=router6, hlim=255) / tell),
        ]
    return found


@contextmanager
def linux() -> Iterator[Talk]:
    """Two links into a namespace that forwards."""
    with ExitStack() as stack:
        space = stack.enter_context(namespace())
        sockets = {}
        for side in ("a", "b"):
            outside, inside = unique_name("ro"), f"in{side}"
            ip("link", "add", outside, "type", "veth", "peer", "name", inside, "netns", space)
            stack.callback(ip, "link", "del", outside)
            Path(f"/proc/sys/net/ipv6/conf/{outside}/disable_ipv6").write_text("1")
            ip("link", "set", outside, "up")
            ip("-n", space, "link", "set", inside, "address", MACS[side], "up")
            for address in ADDRESSES[side]:
                nodad = ("nodad",) if ":" in address else ()
                ip("-n", space, "addr", "add", address, "dev", inside, *nodad)
            sockets[side] = stack.enter_context(
                socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
            )
            sockets[side].bind((outside, 0))
        ip("-n", space, "link", "set", "inb", "mtu", MTU_B)
        for setting, value in {
            **{"net.ipv4.ip_forward": 1, "net.ipv6.conf.all.forwarding": 1},
            **{"net.ipv4.icmp_ratemask": 0, "net.ipv6.icmp.ratelimit": 0},
            **{"net.ipv4.conf.all.rp_filter": 0, "net.ipv4.conf.ina.rp_filter": 0},
            "net.ipv4.conf.inb.rp_filter": 0,
        }.items():
            ip("netns", "exec", space, "sysctl", "-qw", f"{setting}={value}")
        for prefix, to in ROUTES.items():
            way = ("via", to) if "." in to or ":" in to else ()
            ip("-n", space, "route", "add", *(() if way else (to,)), prefix, *way)
        for side, host in (("a", "10.0.1.2"), ("b", "10.0.2.9"), ("a", "fd00:1::2"),
                           ("b", "fd00:2::9")):  # fmt: skip
            ip("-n", space, "neigh", "replace", host, "lladdr", HOSTS[side], "dev", f"in{side}")

        def receive() -> list[tuple[str, bytes]]:
            ready, _, _ = select.select(list(sockets.values()), [], [], 1)
            found = []
            for side, one in sockets.items():
                while one in ready:
                    try:
                        frame, where = one.recvfrom(9000, socket.MSG_DONTWAIT)
                    except BlockingIOError:
                        break
                    if where[2] != socket.PACKET_OUTGOING:
                        found.append((side, frame))
            return in_order(found)

        yield talk_of(lambda side, frame: sockets[side].send(frame) and None, receive)


@contextmanager
def ours(lab: lk.Lab) -> Iterator[Talk]:
    ports = {}
    for side in ("a", "b"):
        ports[side] = lab.cable(side, f"far_{side}")
    path = lab.run(
        lk.router(
            ADDRESSES,
            ROUTES,
            macs=MACS,
            mtus={"a": 1500, "b": MTU_B},
            icmp_burst=10_000,
            reachable="3600 s",
        )
    )
    fars = {side: far for side, (_, far) in ports.items()}
    for far in fars.values():
        far.receive(1, timeout=0)
    while (path.tables["neighbours"]["state"] == "reachable").sum() < 4:
        for to in (v4("10.9.1.1"), v6("fd00:9::1"), v4("10.77.0.1"), v6("fd77::1")):
            fars["a"].send([Ether(src=HOSTS["a"], dst=MACS["a"]) / to / UDP()])
        for side, frame in introductions():
            fars[side].send([frame])

    def receive() -> list[tuple[str, bytes]]:
        found = [
            (side, frame)
            for side, far in fars.items()
            for frame in far.receive(1024, timeout=0.005, raw=True)
        ]
        return in_order(found)

    talk = talk_of(lambda side, frame: fars[side].send([frame]) and None, receive)
    talk(frames()["ping"])  # with all that came before
    yield talk
    assert path.ledger.is_balanced, path.ledger


def test_linux_does_the_same(lab: lk.Lab) -> None:
    with linux() as kernel, ours(lab) as router:
        told = {name: (kernel(frame), router(frame)) for name, frame in frames().items()}
    assert sum(bool(kernels) for kernels, _ in told.values()) > 25
    unlike = {name: both for name, both in told.items() if sorted(both[0]) != sorted(both[1])}
    assert not unlike, "\n".join(
        f"{name}:\n  Linux {[(s, Ether(f).summary(), f.hex()) for s, f in a]}\n"
        f"  ours  {[(s, Ether(f).summary(), f.hex()) for s, f in b]}"
        for name, (a, b) in unlike.items()
    )
