# SPDX-License-Identifier: BSD-3-Clause
"""The router with 100,000 prefixes, and with one, beside testpmd, which only rewrites MACs, and
DPDK's example of a router.

The same vdevs, one CPU, frames of 64 bytes to random destinations, in one direction.
The vdevs are net_pcap's: the first hands out a file's frames over and over, the second once the ARP
replies of the gateways.
"""

import random
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from scapy.layers.inet import IP, UDP
from scapy.layers.l2 import ARP, Ether
from scapy.packet import Raw
from scapy.utils import wrpcap

import labkit as lk
from tests.bench import l3fwd
from tests.bench.reflect import DUT_CPU, config
from tests.bench.switch import rate
from tests.bench.testpmd import say, testpmd

ROUTES = (1, 100_000)
GATEWAYS = range(2, 18)
FRAMES = 2048
LENGTHS = {24: 60, 23: 8, 22: 12, 21: 5, 20: 5, 19: 3, 18: 2, 17: 1, 16: 3, 28: 1}  # in percent
MACS = ("02:00:00:00:0a:01", "02:00:00:00:0b:01")


def prefixes(count: int) -> list[str]:
    """Of lengths as in the Internet's table."""
    noise = random.Random(count)
    if count == 1:
        return ["0.0.0.0/0"]
    found: dict[str, None] = {}
    while len(found) < count:
        (length,) = noise.choices(list(LENGTHS), list(LENGTHS.values()))
        first = noise.randrange(11 << 24, 126 << 24) >> (32 - length) << (32 - length)
        found[f"{_text(first)}/{length}"] = None
    return list(found)


def destinations(routes: list[str]) -> list[str]:
    noise = random.Random(1)
    if len(routes) == 1:
        return [_text(noise.randrange(11 << 24, 126 << 24)) for _ in range(FRAMES)]
    return [noise.choice(routes).partition("/")[0] for _ in range(FRAMES)]


def _text(address: int) -> str:
    return ".".join(map(str, address.to_bytes(4, "big")))


@contextmanager
def files(routes: list[str]) -> Iterator[tuple[str, str]]:
    head = Ether(src="02:00:00:00:0a:02", dst=MACS[0])
    packets = [
        head / IP(src="10.0.1.2", dst=to) / UDP(sport=1, dport=2) / Raw(bytes(18))
        for to in destinations(routes)
    ]
    replies = [
        Ether(src=f"02:00:00:00:0b:{n:02x}", dst=MACS[1])
        / ARP(op=2, hwsrc=f"02:00:00:00:0b:{n:02x}", psrc=f"10.0.2.{n}", pdst="10.0.2.1")
        for n in GATEWAYS
    ]
    with tempfile.TemporaryDirectory() as folder:
        names = [str(Path(folder) / f"side{side}.pcap") for side in (0, 1)]
        wrpcap(names[0], packets, linktype=1)
        wrpcap(names[1], replies, linktype=1)
        yield names[0], names[1]


def ours(count: int) -> float:
    """Mpps of lk.router."""
    noise, found = random.Random(2), prefixes(count)
    routes = {prefix: f"10.0.2.{noise.choice(GATEWAYS)}" for prefix in found}
    with files(found) as names, lk.Lab(config("bench-lab")) as lab:
        a = lab.port(f"pcap:{names[0]}", "a", repeat=True)
        b = lab.port(f"pcap:{names[1]}", "b")
        macs = dict(zip((a, b), MACS, strict=True))
        path = lab.run(lk.router({a: "10.0.1.1/24", b: "10.0.2.1/24"}, routes, macs=macs))
        found_rate = rate("bench-lab", (1,))
        assert path.drops.get("drop_route_none") is None, path.drops
        return found_rate


def testpmds(count: int) -> float:
    """Mpps of testpmd's mac, as l2fwd does it."""
    with files(prefixes(count)) as names:
        first = f"net_pcap0,rx_pcap={names[0]},infinite_rx=1"
        with testpmd(first, "mac", DUT_CPU, "bench-pmd", f"net_pcap1,rx_pcap={names[1]}") as prompt:
            say(prompt, "start")
            return rate("bench-pmd", (1,))


def l3fwds(count: int) -> float:
    """Mpps of DPDK's example of a router, which rewrites MACs by a table and takes TTLs down."""
    found = prefixes(count)
    with files(found) as names:
        vdevs = [f"net_pcap{n},rx_pcap={name}" for n, name in enumerate(names)]
        vdevs[0] += ",infinite_rx=1"
        with l3fwd.l3fwd(vdevs, found, DUT_CPU, "bench-l3fwd"):
            return rate("bench-l3fwd", (1,))
