# SPDX-License-Identifier: BSD-3-Clause
"""Mean rates, against what the type of an instance may; and how much goes over ENA Express."""

import re
from collections.abc import Callable, Mapping
from typing import Protocol

FEWEST = 10_000  # packets of which a share says anything
SHORTEST = 1.0  # seconds that make a mean
BASELINE = "ec2/baseline_mbps"  # of the machine's type, as EC2 tells it
# Of a device, as lk.nitro() tells them
BANDWIDTH_BPS, BASELINE_BPS, CREDITS = "ec2/bandwidth_bps", "ec2/baseline_bps", "ec2/credits_bytes"
Side = Mapping[str, tuple[str, ...]]
_BYTES: Side = {
    "in": ("interface/rx_bytes", "rx_good_bytes", r"queue_\d+_rx_bytes"),
    "out": ("interface/tx_bytes", "tx_good_bytes", r"queue_\d+_tx_bytes"),
}
_PACKETS: Side = {
    "in": ("interface/rx_packets", "rx_good_packets", r"queue_\d+_rx_cnt"),
    "out": ("interface/tx_packets", "tx_good_packets", r"queue_\d+_tx_cnt"),
}


class Counters(Protocol):
    """What was read of a device so far."""

    now: dict[str, int]
    times: dict[str, tuple[float, float]]
    baseline: int | None

    def grown(self, name: str) -> int:
        """By how much a counter grew."""


def _first_of(known: Counters, names: tuple[str, ...]) -> list[str]:
    """The counters of the first kind that there is."""
    for pattern in names:
        if found := [name for name in known.now if re.fullmatch(pattern, name)]:
            return found
    return []


def _mean(known: Counters, side: str) -> float | None:
    """Bit/s from the first reading to the last, where it is known when they were."""
    names = _first_of(known, _BYTES[side])
    times = [known.times[name] for name in names if name in known.times]
    if not times or len(times) < len(names):
        return None
    seconds = times[0][1] - times[0][0]
    if seconds < SHORTEST:
        return None
    return sum(map(known.grown, names)) * 8 / seconds


def _mbps(known: Counters, side: str) -> int | None:
    mean = _mean(known, side)
    return None if mean is None else round(mean / 1e6)


def _mean_in(known: Counters) -> int | None:
    return _mbps(known, "in")


def _mean_out(known: Counters) -> int | None:
    return _mbps(known, "out")


def _percent(known: Counters, rate: float) -> int | None:
    """The mean in percent of a rate in bit/s, of a side that was over its allowance."""
    means = [
        mean
        for side in ("in", "out")
        if known.grown(f"bw_{side}_allowance_exceeded") and (mean := _mean(known, side)) is not None
    ]
    return int(100 * max(means) / rate) if means and rate else None


def _of_baseline(known: Counters) -> int | None:
    """Of what the type may for ever."""
    return _percent(known, known.now.get(BASELINE_BPS, (known.baseline or 0) * 1e6))


def _of_bandwidth(known: Counters) -> int | None:
    """Of what it may while it has credits, as it certainly has before as many bytes passed."""
    sent = [sum(known.now[name] for name in _first_of(known, names)) for names in _BYTES.values()]
    if BASELINE_BPS in known.now and max(sent) >= known.now.get(CREDITS, 0):
        return None
    return _percent(known, known.now.get(BANDWIDTH_BPS, 0))


def _express(known: Counters, side: str, counter: str) -> int | None:
    if counter not in known.now:
        return None
    packets = sum(map(known.grown, _first_of(known, _PACKETS[side])))
    return min(100, 100 * known.grown(counter) // packets) if packets >= FEWEST else None


def _express_sent(known: Counters) -> int | None:
    return _express(known, "out", "ena_srd_tx_pkts")


def _express_received(known: Counters) -> int | None:
    return _express(known, "in", "ena_srd_rx_pkts")


OF_RATES: Mapping[str, Callable[[Counters], int | None]] = {
    "derived/mbps_in": _mean_in,
    "derived/mbps_out": _mean_out,
    "derived/percent_of_baseline": _of_baseline,
    "derived/percent_of_bandwidth": _of_bandwidth,
    "derived/ena_express_of_sent_percent": _express_sent,
    "derived/ena_express_of_received_percent": _express_received,
}
WORDS_OF_RATES: Mapping[str, str] = {
    "derived/mbps_in": "mean Mbit/s received",
    "derived/mbps_out": "mean Mbit/s sent",
    "derived/percent_of_baseline": "mean in percent of the type's baseline",
    "derived/percent_of_bandwidth": "mean in percent of the instance's bandwidth",
    BANDWIDTH_BPS: "bandwidth of the instance in bit/s",
    BASELINE_BPS: "baseline of the instance in bit/s",
    CREDITS: "credits of the instance in bytes, at first",
    "derived/ena_express_of_sent_percent": "percent of all packets sent over ENA Express",
    "derived/ena_express_of_received_percent": "percent of all packets received over ENA Express",
}
