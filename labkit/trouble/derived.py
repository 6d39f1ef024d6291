# SPDX-License-Identifier: BSD-3-Clause
"""Quantities that a rule needs and no counter is: what follows from several counters.

What grew is taken from the first reading to the last; of a single reading, since counters began.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace

from labkit.sources.catalogue import unit
from labkit.sources.rates import no_count
from labkit.trouble.derived_host import OF_HOST
from labkit.trouble.derived_rates import BASELINE, OF_RATES, WORDS_OF_RATES
from labkit.trouble.evidence import Reading
from labkit.trouble.growth import grown

FEWEST = 10_000  # packets of which a share says anything
FEWEST_LOST = 20  # frames
SHORTEST_FRAME, LONGEST_FRAME = 14, 65_535  # with segments that the NIC cuts
_QDISC = re.compile(r"qdisc/root/[^/]+/packets")
_QUEUE = re.compile(r"(?P<of>[rt]x_(?:q\d+|good)_)bytes")
_FRAMES = (
    re.compile(r"interface/[rt]x_(?P<what>packets|bytes)"),
    re.compile(r"[rt]x_good_(?P<what>packets|bytes)"),
    re.compile(r"queue_\d+_[rt]x_(?P<what>cnt|bytes)"),
)
_RECEIVED = (
    *("interface/rx_packets", "rx_good_packets", "rx_packets", "rx_packets_phy"),
    *("rx_ucast_packets", "port.rx_unicast"),
)
# Drivers tell of one frame in several of these.
_UNRECEIVED = (
    *("rx_drops", "rx_overruns", "rx_missed_errors", "interface/rx_missed_errors"),
    *("rx_no_dma_resources", "rx_out_of_buffer", "port.rx_discards"),
)
_BANDWIDTH = ("bw_in_allowance_exceeded", "bw_out_allowance_exceeded")


class Known:
    """What was read of a device so far.

    Attributes
    ----------
    now, most: the last and the largest value of each counter
    times: when it was read first and last, in seconds since the epoch, where that is known
    baseline: Mbit/s that the machine's type may send and receive for ever, where that is known
    """

    def __init__(self, baseline: int | None = None) -> None:
        self.baseline = baseline
        self.times: dict[str, tuple[float, float]] = {}
        self.now: dict[str, int] = {}
        self.most: dict[str, int] = {}
        self._grown: dict[str, int] = {}  # of those that were read again
        self.waiting: Reading | None = None  # of which nothing was derived yet
        self.unused: set[str] = set()

    def add(self, reading: Reading) -> None:
        """Takes in a reading."""
        for name, value in reading.counters.items():
            if name in self.now:
                self._grown[name] = self._grown.get(name, 0) + grown(self.now[name], value)
            self.most[name] = max(value, self.most.get(name, value))
            if reading.moment.clock == "wall":
                at = reading.moment.seconds
                self.times[name] = self.times.get(name, (at, at))[0], at
        self.now.update(reading.counters)
        self.waiting = reading
        self.unused |= reading.counters.keys()

    def grown(self, name: str) -> int:
        """By how much a counter grew; 0 for one that there is not."""
        return self._grown.get(name, self.now.get(name, 0))

    def derived(self) -> Iterator[Reading]:
        """What is new."""
        reading, self.waiting = self.waiting, None
        self.unused.clear()
        if reading is None:
            return
        found = {name: derive(self) for name, derive in DERIVED.items()}
        found |= {name: derive(self) for name, derive in OF_RATES.items()}
        found |= {name: derive(self.now) for name, derive in OF_HOST.items()}
        new = {n: v for n, v in found.items() if v is not None and self.now.get(n) != v}
        if new:
            self.now.update(new)
            yield replace(reading, counters=new)


def with_derived(readings: Iterable[Reading]) -> Iterator[Reading]:
    """The readings, and what follows from the counters that a device had last."""
    listed = list(map(_believed, readings))
    baselines = {r.counters[BASELINE] for r in listed if BASELINE in r.counters}
    baseline = baselines.pop() if len(baselines) == 1 else None
    devices: dict[str, Known] = {}
    for reading in listed:
        known = devices.setdefault(reading.device, Known(baseline))
        # A driver that dumps its counters into the log gives a reading a line.
        if not known.unused.isdisjoint(reading.counters):
            yield from known.derived()
        yield reading
        known.add(reading)
        if len(reading.counters) > 1:
            yield from known.derived()
    for known in devices.values():
        yield from known.derived()


def _believed(reading: Reading) -> Reading:
    """The same, with "absurd/" in front of counters that hold no counts: no rule takes them for
    drops or errors."""
    absurd = {n for n, v in reading.counters.items() if no_count(v % 2**64, unit(n))}
    if not absurd:
        return reading
    told = {f"absurd/{n}" if n in absurd else n: v % 2**64 for n, v in reading.counters.items()}
    return replace(reading, counters=told)


def _in_ring(known: Known) -> int | None:
    """Frames that the qdisc handed over and the driver has not finished."""
    sent = [value for name, value in known.now.items() if _QDISC.fullmatch(name)]
    done = known.now.get("interface/tx_packets")
    if len(sent) != 1 or done is None or not 0 <= sent[0] - done < 1 << 16:
        return None
    return sent[0] - done


def _impossible_frames(known: Known) -> int | None:
    """Queues of DPDK whose bytes cannot be those of so many packets."""
    found = 0
    for name, size in known.now.items():
        if queue := _QUEUE.fullmatch(name):
            packets = known.now.get(f"{queue['of']}packets", 0)
            if packets >= FEWEST:
                found += not SHORTEST_FRAME <= size / packets <= LONGEST_FRAME
    return found or None


def _differing_queues(known: Known) -> int | None:
    """Queues for which ENA's PMD tells two numbers of packets received; in it they are one."""
    found = 0
    for name, packets in known.now.items():
        if name.startswith("rx_q") and name.endswith("_packets"):
            other = known.now.get(f"{name.removesuffix('packets')}cnt", packets)
            found += abs(packets - other) > max(FEWEST, packets // 100)
    return found or None


def _mean_frame(known: Known) -> int | None:
    """Bytes of a frame, both directions together."""
    for pattern in _FRAMES:
        frames = size = 0
        for name in known.now:
            if found := pattern.fullmatch(name):
                if found["what"] == "bytes":
                    size += known.grown(name)
                else:
                    frames += known.grown(name)
        if frames >= FEWEST and size:
            return size // frames
    return None


def _conntrack_left(known: Known) -> int | None:
    """Percent of the tracked connections that were available at best."""
    name = "conntrack_allowance_available"
    most = known.most.get(name, 0)
    return 100 * known.now[name] // most if most else None


def _unreceived(known: Known) -> int | None:
    """Frames in a million that found no place in the receive ring."""
    received = max(known.grown(name) for name in _RECEIVED)
    if received < FEWEST:
        queues = (n for n in known.now if re.fullmatch(r"queue_\d+_rx_cnt", n))
        received = max(received, sum(map(known.grown, queues)))
    lost = max(known.grown(name) for name in _UNRECEIVED)
    return 1_000_000 * lost // (received + lost) if received + lost >= FEWEST else None


def _dropped(known: Known) -> int | None:
    """Percent of the frames that were dropped, as the interface tells, since its counters began."""
    lost, received = (known.now.get(f"interface/rx_{of}", 0) for of in ("dropped", "packets"))
    return 100 * lost // (received + lost) if lost >= FEWEST_LOST else None


def _over_bandwidth(known: Known) -> int | None:
    """Packets in a million that were over the bandwidth's allowance."""
    packets = 0
    for pattern in _FRAMES:
        names = (n for n in known.now if (f := pattern.fullmatch(n)) and f["what"] != "bytes")
        packets = packets or sum(map(known.grown, names))
    over = sum(map(known.grown, _BANDWIDTH))
    return 1_000_000 * over // packets if over and packets >= FEWEST else None


def _express_on(known: Known) -> int | None:
    """Whether ENA Express is on: the lowest bit, since that of UDP may be left over."""
    mode = known.now.get("ena_srd_mode")
    return None if mode is None else mode & 1


def _express_share(known: Known) -> int | None:
    """Percent of the packets that could take ENA Express, and did."""
    could = known.grown("ena_srd_eligible_tx_pkts")
    return 100 * known.grown("ena_srd_tx_pkts") // could if could >= FEWEST else None


DERIVED: Mapping[str, Callable[[Known], int | None]] = {
    "derived/tx_in_ring": _in_ring,
    "derived/impossible_frames": _impossible_frames,
    "derived/differing_queues": _differing_queues,
    "derived/mean_frame": _mean_frame,
    "derived/conntrack_left_percent": _conntrack_left,
    "derived/unreceived_ppm": _unreceived,
    "derived/dropped_percent": _dropped,
    "derived/over_bandwidth_ppm": _over_bandwidth,
    "derived/ena_express_on": _express_on,
    "derived/ena_express_percent": _express_share,
}

# How they are called where they are evidence
WORDS: Mapping[str, str] = {
    "derived/tx_in_ring": "packets in the transmit ring",
    "derived/impossible_frames": "queues whose bytes cannot be those of their packets",
    "derived/differing_queues": "queues with two numbers of packets",
    "derived/mean_frame": "mean frame in bytes",
    "derived/conntrack_left_percent": "percent of tracked connections left",
    "derived/unreceived_ppm": "frames in a million without a place in the ring",
    "derived/dropped_percent": "percent of the received frames dropped",
    "derived/over_bandwidth_ppm": "packets in a million over the bandwidth",
    "derived/ena_express_on": "ENA Express on",
    "derived/ena_express_percent": "percent of packets over ENA Express",
    "derived/busiest_cpu_percent": "percent of packets on the busiest CPU",
    "derived/queues_on_one_cpu": "queues with interrupts on one CPU",
    "derived/conntrack_percent": "percent of the connection table in use",
    "derived/tcp_memory_percent": "percent of TCP's memory in use",
    "derived/orphans_percent": "percent of the orphaned sockets that may be",
    "derived/largest_ping": "largest ping in bytes that was answered",
    BASELINE: "baseline of the instance's type in Mbit/s",
    **WORDS_OF_RATES,
}
