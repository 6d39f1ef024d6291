# SPDX-License-Identifier: BSD-3-Clause
"""The switch beside testpmd, which only rewrites MACs, and Open vSwitch on DPDK, which learns: the
same vdevs, one CPU, frames of 64 bytes between stations on both sides.

The vdevs are net_pcap's: each hands out a file's frames over and over, and takes what is sent.
"""

import random
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from scapy.layers.inet import IP, UDP
from scapy.layers.l2 import Ether
from scapy.packet import Packet, Raw
from scapy.utils import wrpcap

import labkit as lk
from tests.bench import ovs
from tests.bench.reflect import DUT_CPU, SECONDS, config
from tests.bench.telemetry import Telemetry
from tests.bench.testpmd import say, testpmd

FRAMES = 512  # of a side, at least
SETTLES = 1.0  # seconds
STATIONS = (64, 2048)  # of a side: in few lines of the tables, and in many


def mac(side: int, station: int) -> str:
    return f"02:00:0{side}:00:{station >> 8:02x}:{station & 255:02x}"


def frames(side: int, stations: int) -> list[Packet]:
    """Every station speaks, to one of the other side."""
    shuffled = random.Random(side)
    return [
        Ether(src=mac(side, n % stations), dst=mac(1 - side, shuffled.randrange(stations)))
        / IP(src=f"10.{side}.{n >> 8}.{n & 255}", dst="10.9.0.1")
        / UDP(sport=1, dport=2)
        / Raw(bytes(18))
        for n in range(max(FRAMES, stations))
    ]


@contextmanager
def files(stations: int) -> Iterator[tuple[str, str]]:
    with tempfile.TemporaryDirectory() as folder:
        names = [str(Path(folder) / f"side{side}.pcap") for side in (0, 1)]
        for side, name in enumerate(names):
            wrpcap(name, frames(side, stations), linktype=1)
        yield names[0], names[1]


def vdevs(names: tuple[str, str]) -> list[str]:
    return [f"net_pcap{n},rx_pcap={name},infinite_rx=1" for n, name in enumerate(names)]


def rate(prefix: str, ports: tuple[int, ...] = (0, 1)) -> float:
    time.sleep(SETTLES)
    found = Telemetry(prefix).rate(SECONDS, ports) / 1e6
    assert found > 0, "nothing is forwarded"
    return found


def ours(stations: int) -> float:
    """Mpps of lk.switch, in both directions together."""
    with files(stations) as names, lk.Lab(config("bench-lab")) as lab:
        ports = [lab.port(f"pcap:{name}", repeat=True) for name in names]
        path = lab.run(lk.switch(ports))
        found = rate("bench-lab")
        assert len(path.tables["switch"]) == 2 * stations
        return found


def wired() -> float:
    """The same vdevs without a switch between: rx >> tx."""
    with files(1) as names, lk.Lab(config("bench-lab")) as lab:
        a, b = (lab.port(f"pcap:{name}", repeat=True) for name in names)
        lab.run(lk.Path(lk.rx(a) >> lk.tx(b), lk.rx(b) >> lk.tx(a)))
        return rate("bench-lab")


def testpmds(stations: int) -> float:
    """Mpps of testpmd's mac, as l2fwd does it."""
    with files(stations) as names:
        first, second = vdevs(names)
        with testpmd(first, "mac", DUT_CPU, "bench-pmd", second) as prompt:
            say(prompt, "start")
            return rate("bench-pmd")


def open_vswitch(stations: int) -> float:
    """Mpps of Open vSwitch's learning switch."""
    with files(stations) as names, ovs.switch(vdevs(names), DUT_CPU, "bench-ovs"):
        return rate("bench-ovs")
