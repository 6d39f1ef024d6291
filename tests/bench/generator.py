# SPDX-License-Identifier: BSD-3-Clause
"""The generator against testpmd's: same driver, same CPU, same frame sizes, in turns.

testpmd's txonly sends one frame over and over with a zero UDP checksum; flowgen varies the IP
destination and makes the IP checksum anew. Ours varies the UDP source port, mends the UDP checksum,
and with a signature also counts, stamps and mends for that.
"""

import time
from dataclasses import replace

from scapy.layers.inet import IP, UDP
from scapy.layers.l2 import Ether

import labkit as lk
from tests.bench.reflect import DUT_CPU, config
from tests.bench.telemetry import Telemetry
from tests.bench.testpmd import say, testpmd

SECONDS = 2.0
FCS = 4
HEADERS = Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02")
HEADERS /= IP(src="198.18.0.1", dst="198.18.0.2") / UDP(sport=1024, dport=9000)
SPORT = range(1024, 2048)


def pacing(rate: float) -> tuple[float, lk.LatencyHistogram]:
    """By how many percent the mean offered rate of 5 s was off, and the jitter of departures."""
    flow = lk.Stream(HEADERS, 64)
    with lk.Lab(config("bench-lab")) as lab:
        run = lk.trial(
            lab.port("null"), flow, rate=rate, duration=5, warmup=0.5, drain=0.1, progress=False
        )
    assert run.jitter is not None
    return abs(run.row["tx_pps"] / rate - 1) * 100, run.jitter


def floor() -> lk.LatencyHistogram:
    """What the lab itself adds to a latency."""
    with lk.Lab(config("bench-lab")) as lab:
        return lk.calibrate(lab)


def rate_of(port: lk.Port, size: int, *, signature: bool) -> float:
    """Mpps that the port took."""
    flow = lk.Stream(HEADERS, size, vary=lk.vary(UDP.sport, SPORT), signature=signature)
    run = lk.trial(port, flow, duration=SECONDS, warmup=0.5, drain=0.1, progress=False)
    return float(run.row["tx_pps"]) / 1e6


def ours_on_null(size: int, *, signature: bool) -> float:
    with lk.Lab(config("bench-lab")) as lab:
        return rate_of(lab.port("null"), size, signature=signature)


def ours_on_ring(size: int, *, signature: bool) -> float:
    """The same CPU empties the ring, as flowgen's does."""
    with lk.Lab(replace(config("bench-lab"), cpus=(DUT_CPU,))) as lab:
        port, far_end = lab.cable()
        lab.run(lk.rx(far_end) >> lk.sink())
        return rate_of(port, size, signature=signature)


def tracked(size: int, *, latency: bool) -> float:
    """Mpps that a ring port receives of itself, every frame tracked, on one CPU."""
    flow = lk.Stream(HEADERS, size, vary=lk.vary(UDP.sport, SPORT))
    with lk.Lab(replace(config("bench-lab"), cpus=(DUT_CPU,))) as lab:
        run = lk.trial(
            lab.port("ring"), flow, duration=SECONDS, latency=latency, warmup=0.5, progress=False
        )
    assert run.is_balanced, run
    return float(run.row["rx_pps"]) / 1e6


def testpmds(device: str, mode: str, size: int) -> float:
    """Mpps that testpmd's port took."""
    with testpmd(device, mode, DUT_CPU, "bench-pmd") as prompt:
        say(prompt, f"set txpkts {size - FCS}")
        say(prompt, "start")
        time.sleep(0.5)
        return Telemetry("bench-pmd").rate(SECONDS) / 1e6
