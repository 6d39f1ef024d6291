# SPDX-License-Identifier: BSD-3-Clause
"""Two workers against one: what a port sends and tracks, each lane on a queue and a CPU of its own.

One lane sends and receives on one CPU, two on two, so that twice as much is all there is to have.
"""

from dataclasses import replace

from scapy.layers.inet import UDP

import labkit as lk
from labkit.machine.cpus import usable_cpus
from tests.bench.generator import HEADERS, SECONDS, SPORT
from tests.bench.reflect import config

FLOW = lk.Stream(HEADERS, 64, vary=lk.vary(UDP.sport, SPORT))


def _lab(cpus: int) -> lk.Lab:
    return lk.Lab(replace(config("bench-lab"), cpus=usable_cpus()[-cpus:]))


def _rate(port: lk.Port, back: lk.Port, lanes: int) -> float:
    """Mpps that arrived, all tracked."""
    run = lk.trial(
        port, FLOW, duration=SECONDS, warmup=0.5, receive_on=back, lanes=lanes, progress=False
    )
    assert run.is_balanced, run
    return float(run.row["rx_pps"]) / 1e6


def on_ring(lanes: int, cpus: int) -> float:
    """A ring port that hears itself."""
    with _lab(cpus) as lab:
        port = lab.port("ring", queues=lanes)
        return _rate(port, port, lanes)


def on_memif(lanes: int, cpus: int) -> float:
    """From one end of a memif to the other, both in one lab."""
    with _lab(cpus) as lab:
        back = lab.port("memif:lk-bench-lanes", "server", queues=lanes, role="server")
        port = lab.port("memif:lk-bench-lanes", "client", queues=lanes, role="client")
        return _rate(port, back, lanes)


def on_null(lanes: int, cpus: int) -> float:
    """Made and sent, and nothing received."""
    with _lab(cpus) as lab:
        port = lab.port("null", queues=lanes)
        settings = {"duration": SECONDS, "warmup": 0.5, "drain": 0.1, "progress": False}
        return float(lk.trial(port, FLOW, lanes=lanes, **settings).row["tx_pps"]) / 1e6
