# SPDX-License-Identifier: BSD-3-Clause
"""How much of a latency is the lab's own."""

from typing import Any

from labkit.arguments.checked import checked
from labkit.errors import LabError
from labkit.lab.lab import Lab
from labkit.results.latency import LatencyHistogram
from labkit.runs.floor import keep_floor
from labkit.runs.trial import trial
from labkit.traffic.rate import Rate
from labkit.traffic.stream import Stream

TRIES = (1, 4, 16)  # times as long: a machine under load may not let the generator run for a while


@checked(but=("size", "rate"))
def calibrate(
    lab: Lab,
    size: int = 64,
    rate: Rate | str | float = "100 kpps",
    duration: float = 0.5,
) -> LatencyHistogram:
    """What the lab itself adds to a latency: a trial on a ring that hears itself, with no DUT.

    From the stamp to the receiver's clock, on one worker. The lab's trials show the median of it in
    their pictures as the floor. The lab has a port called "calibration" meanwhile.
    """
    port = lab.port("ring", "calibration")
    try:
        flow = Stream(_calibration_packet(port.mac), size)
        for longer in TRIES:
            seconds = duration * longer
            run = trial(port, flow, rate=rate, duration=seconds, latency=True, progress=False)
            if run.latency is not None:
                break
    finally:
        port.close()
    if run.latency is None:
        raise LabError(f"calibration measured nothing:\n{run!r}")
    keep_floor(lab, run.latency)
    return run.latency


def _calibration_packet(mac: str) -> Any:
    from scapy.layers.inet import IP, UDP
    from scapy.layers.l2 import Ether

    # Addresses for benchmarks (RFC 2544 C.2.2)
    return Ether(src=mac, dst=mac) / IP(src="198.18.0.1", dst="198.18.0.2") / UDP(sport=1, dport=9)
