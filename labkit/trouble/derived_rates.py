# SPDX-License-Identifier: BSD-3-Clause
"""Mean rates, against what the type of an instance may; and how much goes over ENA Express."""

import re
from collections.abc import Callable, Mapping
from typing import Protocol

FEWEST = 10_000  # packets of which a share says anything
SHORTEST = 1.0  # seconds that make a mean
BASELINE = "ec2/baseline_mbps"  # of the machine's type, as EC2 tells it
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


def _mean(known: Counters, side: str) -> int | None:
    """Mbit/s from the first reading to the last, where it is known when they were."""
    names = _first_of(known, _BYTES[side])
    times = [known.times[name] for name in names if name in known.times]
    if not times or len(times) < len(names):
        return None
    seconds = times[0][1] - times[0][0]
    if seconds < SHORTEST:
        return None
    return round(sum(map(known.grown, names)) * 8 / seconds / 1e6)


def _mean_in(known: Counters) -> int | None:
    return _mean(known, "in")


def _mean_out(known: Counters) -> int | None:
    return _mean(known, "out")


def _of_baseline(known: Counters) -> int | None:
    """The mean in percent of what the type may for ever, of a side that was over its allowance."""
    if not known.baseline:
        return None
    means = [
        mean
        for side in ("in", "out")
        if known.grown(f"bw_{side}_allowance_exceeded") and (mean := _mean(known, side)) is not None
    ]
    return 100 * max(means) // known.baseline if means else None


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
    "derived/ena_express_of_sent_percent": _express_sent,
    "derived/ena_express_of_received_percent": _express_received,
}
WORDS_OF_RATES: Mapping[str, str] = {
    "derived/mbps_in": "mean Mbit/s received",
    "derived/mbps_out": "mean Mbit/s sent",
    "derived/percent_of_baseline": "mean in percent of the type's baseline",
    "derived/ena_express_of_sent_percent": "percent of all packets sent over ENA Express",
    "derived/ena_express_of_received_percent": "percent of all packets received over ENA Express",
}
