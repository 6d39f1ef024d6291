# SPDX-License-Identifier: BSD-3-Clause
"""Live flows against a trial of the same stream, by their number, both ways, and their start."""

import time
from dataclasses import replace

from scapy.layers.inet import UDP

import labkit as lk
from tests.bench.generator import HEADERS, SECONDS, SPORT
from tests.bench.reflect import DUT_CPU, config

NUMBERS = (1, 16, 256, 4096, 10_000)
STREAM = lk.Stream(HEADERS, 64, vary=lk.vary(UDP.sport, SPORT))
TOTAL = 100e6  # frames a second that all flows together intend: more than a CPU makes


def _mpps(traffic: lk.Traffic, counter: str) -> float:
    """What flows that run do, over SECONDS."""
    traffic.start()
    time.sleep(0.5)
    counts = []
    for _ in range(2):
        table = traffic.counters()
        counts.append((int(table[counter].sum()), time.perf_counter()))
        time.sleep(SECONDS)
    (first, begin), (last, end) = counts
    if last == first:
        raise RuntimeError(f"no frame was {counter} in {SECONDS:g} s")
    return (last - first) / (end - begin) / 1e6


def live_on_null() -> float:
    """Mpps that one flow sends as fast as it goes; its frames bear no time stamps of their own."""
    with lk.Lab(config("bench-lab")) as lab, lab.traffic() as traffic:
        port = lab.port("null")
        traffic.add(STREAM, on=port, latency=False)
        return _mpps(traffic, "sent")


def paced_on_null(number: int) -> float:
    """Mpps of so many flows that each have a rate, which together is more than there can be."""
    with lk.Lab(config("bench-lab")) as lab, lab.traffic() as traffic:
        port = lab.port("null")
        for _ in range(number):
            traffic.add(STREAM, on=port, rate=TOTAL / number, latency=False)
        return _mpps(traffic, "sent")


def both_ways() -> float:
    """Mpps received of two flows over a cable, sent and tracked at both ends."""
    with lk.Lab(config("bench-lab")) as lab, lab.traffic() as traffic:
        a, b = lab.cable()
        traffic.add(STREAM, on=a, to=b, latency=False)
        traffic.add(STREAM, on=b, to=a, latency=False)
        return _mpps(traffic, "received")


def tracked_on_one_cpu() -> float:
    """Mpps that a ring port receives of itself, as generator.tracked does."""
    with (
        lk.Lab(replace(config("bench-lab"), cpus=(DUT_CPU,))) as lab,
        lab.traffic() as traffic,
    ):
        traffic.add(STREAM, on=lab.port("ring"), latency=False)
        return _mpps(traffic, "received")


def start_seconds(number: int) -> float:
    """From streams that were never compiled to sending, of flows that differ."""
    with lk.Lab(config("bench-lab")) as lab, lab.traffic() as traffic:
        a, b = lab.cable()
        for n in range(number):
            packet = HEADERS.copy()
            packet[UDP].dport = n + 1
            traffic.add(lk.Stream(packet, 64), on=a, to=b, rate=10)
        begin = time.perf_counter()
        traffic.start()
        return time.perf_counter() - begin
