# SPDX-License-Identifier: BSD-3-Clause
"""Two lanes of a path against one that reads both queues: the same frames go round and round."""

import tempfile
import time
from pathlib import Path

import labkit as lk
from tests.bench.reflect import DUT_CPU, FRAME, IN_FLIGHT, SENDER_CPU

QUEUES = 2
FULL = 256  # frames on a queue: bursts of 128, as many as an rx takes at once
SECONDS = 2.0
SETTLE_SECONDS = 0.5


def ring_mpps(lanes: int, in_flight: int = FULL) -> float:
    """Mpps of rx >> reflect >> tx on a ring port that hears itself, by both queues.

    net_ring counts bursts of both queues in one cache line: the shorter bursts are, the more of
    their time the two lanes wait for it.
    """
    with _lab() as lab:
        ring = lab.port("ring", mtu=1500, queues=QUEUES)
        return _rate(
            lab, ring, lk.Path(lk.rx(ring) >> lk.reflect() >> lk.tx(ring)), lanes, in_flight
        )


def memif_mpps(lanes: int, in_flight: int = IN_FLIGHT) -> float:
    """Mpps of reflect at both ends of a memif, each lane at both ends of its queue."""
    with tempfile.TemporaryDirectory() as folder, _lab() as lab:
        socket = Path(folder) / "bench"
        a, b = (
            lab.port(f"memif:{socket}", name, role=role, mtu=1500, queues=QUEUES)
            for name, role in (("a", "server"), ("b", "client"))
        )
        both = (lk.rx(port) >> lk.reflect() >> lk.tx(port) for port in (a, b))
        # A server has room to send only where its client polls.
        return _rate(lab, b, lk.Path(*both), lanes, in_flight)


def _lab() -> lk.Lab:
    return lk.Lab(lk.EalConfig(hugepages=False, cpus=(SENDER_CPU, DUT_CPU)))


def _rate(lab: lk.Lab, port: lk.Port, path: lk.Path, lanes: int, in_flight: int) -> float:
    _put_into_flight(lab, port, in_flight)
    running = lab.run(path, name="loop", lanes=lanes)
    if lab.workers["cpu"].isna().any():
        raise RuntimeError("a worker has no CPU of its own; end other labs")
    time.sleep(SETTLE_SECONDS)
    before, start = running.lanes["entered"], time.perf_counter()
    time.sleep(SECONDS)
    after, end = running.lanes["entered"], time.perf_counter()
    if not (after > before).all():
        raise RuntimeError(f"nothing went round: {running.lanes}")
    return float((after - before).sum() / (end - start) / 1e6)


def _put_into_flight(lab: lk.Lab, port: lk.Port, in_flight: int) -> None:
    """So many frames on each queue."""
    while not port.info.link_up:
        time.sleep(0.01)
    ends = [lab.cable(f"in{queue}", f"out{queue}") for queue in range(QUEUES)]
    ways = [lk.inject(near) >> lk.tx(port, queue) for queue, (near, _) in enumerate(ends)]
    seed = lab.run(lk.Path(*ways), name="seed")
    for near, _ in ends:
        near.send([bytes(FRAME)] * in_flight)
    while seed.ledger.received < QUEUES * in_flight:
        time.sleep(0.01)
    seed.stop()
    for near, far in ends:
        near.close()
        far.close()
