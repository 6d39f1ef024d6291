# SPDX-License-Identifier: BSD-3-Clause
"""How the clocks of two hosts' engines are to each other, and how surely that is known.

As NTP does (RFC 5905 8): a question is sent, stamped where it arrives, and answered; whatever the
two ways took, the offset is known to within half of the round trip. Over Dask that is a millisecond
or so; over the wire itself, by frames that generators stamp and receivers meet, some microseconds.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from labkit.hosts.clocks import StatedClock, stated_clock
from labkit.hosts.far_lab import FarLab
from labkit.hosts.far_port import FarPort
from labkit.lab import stream_ids
from labkit.lab.exclusive import Pause
from labkit.lab.lab import Lab
from labkit.lab.port import Port
from labkit.runs.halves import (
    Received,
    Receiver,
    clock_there,
    receive_there,
    received_there,
    seen_there,
    send,
    send_there,
)
from labkit.runs.schedule import schedule
from labkit.traffic.stream import Stream
from labkit.units import plain

QUESTIONS = 8
PROBES_PPS, PROBE_SECONDS, PROBE_SIZE = 3000.0, 0.1, 64
TRIES = 3
ARRIVE_SECONDS = 0.5
POLL_SECONDS = 0.005
BIAS_NS = 1e6  # by which stamps are set back at least, so that none is later than its arrival


@dataclass(frozen=True)
class Clocks:
    """The time stamp counters of two engines at one moment.

    Attributes
    ----------
    near, far: TSC here and there
    near_hz, far_hz: cycles a second
    realtime_ns: CLOCK_REALTIME there less that here
    error_ns: by which the moment may be another one
    how: it is known, in words
    """

    near: int
    far: int
    near_hz: float
    far_hz: float
    realtime_ns: float
    error_ns: float
    how: str

    def there(self, bias_ns: float = 0.0) -> dict[str, Any]:
        """Settings of a receiver there of frames from here; bias_ns: their stamps are set back."""
        return _settings(
            self.near,
            self.far - round(bias_ns * self.far_hz / 1e9),
            self.far_hz / self.near_hz,
            self.error_ns + bias_ns,
        )

    def here(self, bias_ns: float = 0.0) -> dict[str, Any]:
        """Settings of a receiver here of frames from there."""
        return _settings(
            self.far,
            self.near - round(bias_ns * self.near_hz / 1e9),
            self.near_hz / self.far_hz,
            self.error_ns + bias_ns,
        )

    def __str__(self) -> str:
        return f"± {plain(self.error_ns / 1e3, 3)} µs, {self.how}"


def _settings(there: int, here: int, ratio: float, error_ns: float) -> dict[str, Any]:
    return {
        "elsewhere": 1,
        "clock_there": there,
        "clock_here": here,
        "clock_ratio": ratio,
        "clock_error_ns": round(error_ns),
    }


def asked_clocks(lab: Lab, far: FarLab) -> Clocks:
    """By questions through Dask, of which the quickest counts."""
    found: list[Clocks] = []
    for _ in range(QUESTIONS):
        before = lab.engine.commands.clock()
        there = far.call(clock_there)
        after = lab.engine.commands.clock()
        took = after["tsc"] - before["tsc"]
        middle_ns = (before["realtime_ns"] + after["realtime_ns"]) / 2
        found.append(
            Clocks(
                before["tsc"] + took // 2,
                there["tsc"],
                after["tsc_hz"],
                there["tsc_hz"],
                there["realtime_ns"] - middle_ns,
                took / after["tsc_hz"] * 1e9 / 2,
                f"by round trips to host {far.name} through Dask",
            )
        )
    return min(found, key=lambda clocks: clocks.error_ns)


def wire_clocks(lab: Lab, port: Port, far: FarPort, clocks: Clocks, pause: Pause) -> Clocks:
    """By frames over the wire, one way and the other; as before where none come back."""
    for _ in range(TRIES):  # a busy machine may not let a generator run for a while
        found = _over_wire(lab, port, far, clocks, pause)
        if found is not None:
            return found if found.error_ns < clocks.error_ns else clocks
    return clocks


def _over_wire(lab: Lab, port: Port, far: FarPort, clocks: Clocks, pause: Pause) -> Clocks | None:
    bias = BIAS_NS + 2 * clocks.error_ns
    settings, streams = _probes(port, port.mac, far.mac)
    far.far.call(receive_there, settings | clocks.there(bias), streams)
    try:
        sent = send(lab, port, settings, streams)
        _wait(lambda: far.far.call(seen_there), sent, pause)
    finally:
        there = _least_ns(far.far.call(received_there), bias)
    settings, streams = _probes(port, far.mac, port.mac)
    receiver = Receiver(lab, port, settings | clocks.here(bias), streams)
    try:
        sent = far.far.call(send_there, settings, streams)
        _wait(receiver.seen, sent, pause)
        back = _least_ns(receiver.result(), bias)
    finally:
        receiver.close()
    if there is None or back is None:
        return None
    # The clocks are off by x: a way there seems shorter by x, and the way back longer.
    off, error = (back - there) / 2, (there + back) / 2
    return replace(
        clocks,
        far=clocks.far - round(off * clocks.far_hz / 1e9),
        realtime_ns=clocks.realtime_ns - off,
        error_ns=error,
        how=f"half of the quickest round trip over the wire to {far.name}",
    )


def stated_clocks(far: FarLab, clocks: Clocks) -> Clocks:
    """By what keeps the two hosts' clocks, where that is surer; else as before."""
    here, there = stated_clock(), far.call(stated_there)
    if here is None or there is None or here.reference != there.reference:
        return clocks
    error = here.error_ns + there.error_ns
    if error >= clocks.error_ns:
        return clocks
    # Both clocks of the day are right: what they differ by at one moment is the moment's error.
    return replace(
        clocks,
        far=clocks.far - round(clocks.realtime_ns * clocks.far_hz / 1e9),
        realtime_ns=0.0,
        error_ns=error,
        how=f"as {here.source} here and {there.source} on host {far.name} say of their clocks",
    )


def stated_there(session: object) -> StatedClock | None:
    """On a worker: what keeps its clock says."""
    return stated_clock()


def apart_ns(before: Clocks, after: Clocks) -> float:
    """By how much a relation that was measured later says that the earlier one is wrong by then."""
    passed = (after.near - before.near) / before.near_hz
    return abs((after.far - before.far) / before.far_hz - passed) * 1e9


def _probes(port: Port, source: str, target: str) -> tuple[dict[str, Any], list[Any]]:
    from scapy.layers.inet import IP, UDP  # scapy is slow to load
    from scapy.layers.l2 import Ether

    # Addresses for benchmarks (RFC 2544 C.2.2)
    packet = Ether(src=source, dst=target) / IP(src="198.18.0.1", dst="198.18.0.2")
    stream = Stream(packet / UDP(sport=1, dport=9), size=PROBE_SIZE)
    scheduled = schedule(port, stream, PROBES_PPS)
    settings = {
        "first_stream": stream_ids.claim(),
        "latency": 1,
        "takes_unsigned": 0,
        "paced": 1,
        "longest": max(p.compiled.longest for p in scheduled),
        "ticks": 2,
        "tick_ns": round(PROBE_SECONDS * 1e9),
        "duration_ns": round(PROBE_SECONDS * 1e9),
    }
    return settings, [p.to_dict(PROBE_SECONDS, 0, 1) for p in scheduled]


def _wait(seen: Callable[[], int], sent: int, pause: Pause) -> None:
    """Until the probes are there, or a while; one of them is enough."""
    end = time.monotonic() + ARRIVE_SECONDS
    while seen() < sent and time.monotonic() < end:
        pause(POLL_SECONDS)


def _least_ns(received: Received, bias: float) -> float | None:
    (latency,) = received.latencies
    return None if latency is None else latency.min_ns - bias
