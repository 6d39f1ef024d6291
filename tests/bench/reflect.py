# SPDX-License-Identifier: BSD-3-Clause
"""The reflect path against testpmd's 5tswap: same driver, same CPU, same frames, in turns.

Both are read through DPDK's telemetry (opackets), so that neither counts in its own favour.
"""

import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from scapy.layers.inet import IP, UDP
from scapy.layers.l2 import Ether
from scapy.packet import Packet, Raw
from scapy.utils import wrpcap

import labkit as lk
from labkit.path.chain import Chain
from tests.bench.telemetry import Telemetry
from tests.bench.testpmd import say, testpmd

IN_FLIGHT = 32  # testpmd's burst: what `start tx_first 1` puts into its ring
SECONDS = 2.0
DUT_CPU, SENDER_CPU = 1, 0
FRAME = Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02")
FRAME /= IP(src="192.0.2.1", dst="192.0.2.2") / UDP(sport=1, dport=2) / Raw(bytes(18))


def config(prefix: str) -> lk.EalConfig:
    return lk.EalConfig(hugepages=False, file_prefix=prefix, cpus=(SENDER_CPU, DUT_CPU))


@contextmanager
def loop(prefix: str, frame: Packet | bytes, path: Callable[[lk.Port], Chain]) -> Iterator[lk.Lab]:
    """A path on a ring that hears itself, with 32 copies of the frame in flight."""
    with tempfile.NamedTemporaryFile(suffix=".pcap") as file, lk.Lab(config(prefix)) as lab:
        wrpcap(file.name, [frame] * IN_FLIGHT, linktype=1)
        ring = lab.port("ring", mtu=1500)
        replay = lab.port(f"pcap:{file.name}", "replay", mtu=1500)
        seed = lab.run(lk.rx(replay) >> lk.tx(ring), name="seed")
        while seed.ledger.received < IN_FLIGHT:
            time.sleep(0.01)
        seed.stop()
        lab.run(path(ring), name="loop")
        time.sleep(0.5)
        yield lab


def ring_mpps(frame: Packet | bytes, path: Callable[[lk.Port], Chain]) -> float:
    """Mpps of a path on a ring that hears itself."""
    with loop("bench-lab", frame, path) as lab:
        rate = Telemetry("bench-lab").rate(SECONDS)
        if not rate:
            raise RuntimeError(f"nothing went round: {lab.paths['loop'].ledger}")
        return rate / 1e6


def reflecting(ring: lk.Port) -> Chain:
    """Sends everything back."""
    return lk.rx(ring) >> lk.reflect() >> lk.tx(ring)


def ours_on_ring() -> float:
    """Mpps of rx >> reflect >> tx on a ring that hears itself."""
    return ring_mpps(FRAME, reflecting)


def filtered_on_ring() -> float:
    """The same with a filter in front, that takes every frame."""
    return ring_mpps(
        FRAME, lambda ring: lk.rx(ring) >> lk.filter("udp port 2") >> lk.reflect() >> lk.tx(ring)
    )


def testpmd_on_ring() -> float:
    """Mpps of testpmd's 5tswap on its net_ring."""
    with testpmd("net_ring0", "5tswap", DUT_CPU, "bench-pmd") as prompt:
        say(prompt, "start tx_first 1")
        time.sleep(0.5)
        return Telemetry("bench-pmd").rate(SECONDS) / 1e6


@contextmanager
def veth() -> Iterator[tuple[str, str]]:
    """A pair of interfaces and a testpmd that floods the second one."""
    names = ("lkbench0", "lkbench1")
    command = ["ip", "link", "add", names[0], "type", "veth", "peer", "name", names[1]]
    subprocess.run(command, check=True)
    try:
        for name in names:
            Path(f"/proc/sys/net/ipv6/conf/{name}/disable_ipv6").write_text("1")
            subprocess.run(["ip", "link", "set", name, "up"], check=True)
        flood = f"net_af_packet0,iface={names[1]},qdisc_bypass=1"
        with testpmd(flood, "txonly", SENDER_CPU, "bench-flood") as prompt:
            say(prompt, "start")
            time.sleep(0.5)
            yield names
    finally:
        subprocess.run(["ip", "link", "del", names[0]], check=True)


def reflected(peer: str) -> float:
    """Mpps that the kernel counts as coming back to the sender's interface."""
    counter = Path(f"/sys/class/net/{peer}/statistics/rx_packets")
    first, end = int(counter.read_text()), time.monotonic() + 10
    while int(counter.read_text()) < first + 1000:
        assert time.monotonic() < end, "nothing comes back"
        time.sleep(0.05)
    before, start = int(counter.read_text()), time.perf_counter()
    time.sleep(SECONDS)
    after, end = int(counter.read_text()), time.perf_counter()
    return (after - before) / (end - start) / 1e6


def ours_on_veth(here: str, peer: str) -> float:
    with lk.Lab(config("bench-lab")) as lab:
        port = lab.port(f"af_packet:{here}")
        lab.run(lk.rx(port) >> lk.reflect() >> lk.tx(port), name="mirror")
        time.sleep(0.5)
        return reflected(peer)


def testpmd_on_veth(here: str, peer: str) -> float:
    vdev = f"net_af_packet0,iface={here},qdisc_bypass=1"
    with testpmd(vdev, "5tswap", DUT_CPU, "bench-pmd") as prompt:
        say(prompt, "start")
        time.sleep(0.5)
        return reflected(peer)
