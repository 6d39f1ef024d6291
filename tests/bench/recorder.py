# SPDX-License-Identifier: BSD-3-Clause
"""What recording costs: the rate of a path with and without it, in turns, and the thread's own CPU.

The reflect path on a ring that hears itself moves memory only, so nothing hides the cost.
"""

import statistics
import time
from contextlib import AbstractContextManager
from pathlib import Path

import labkit as lk
from labkit.sources import Engine
from tests.bench.reflect import FRAME, loop, reflecting

TURNS = 15
WINDOW_SECONDS = 0.25
THREAD = "lk-recorder"


def busy_lab() -> AbstractContextManager[lk.Lab]:
    """A lab whose worker never finds its ring empty."""
    return loop("bench-rec", FRAME, reflecting)


def rate(lab: lk.Lab) -> float:
    """Packets a second that the path reflects, over measured time."""
    running = lab.paths["loop"]
    before, start = running.counters.nodes["reflect"].objects, time.perf_counter()
    time.sleep(WINDOW_SECONDS)
    after, end = running.counters.nodes["reflect"].objects, time.perf_counter()
    return (after - before) / (end - start)


def cost_percent(hz: float) -> float:
    """How much less the path moves while it is recorded: the median of many turns.

    A turn is without, with, with, without, so that a drifting machine cancels out.
    """
    losses = []
    with busy_lab() as lab:
        for _ in range(TURNS):
            first = rate(lab)
            with Engine(lab, hz=hz):
                recorded = rate(lab) + rate(lab)
            losses.append(1 - recorded / (first + rate(lab)))
    return 100 * statistics.median(losses)


def cpu_percent(hz: float, seconds: float = 5.0) -> float:
    """Of one CPU, what the recorder's thread used (schedstat, in ns)."""
    with busy_lab() as lab, Engine(lab, hz=hz):
        (task,) = [
            task
            for task in Path(f"/proc/{lab.pid}/task").iterdir()
            if (task / "comm").read_text().strip() == THREAD
        ]
        before, start = _cpu_ns(task), time.perf_counter()
        time.sleep(seconds)
        after, end = _cpu_ns(task), time.perf_counter()
    return 100 * (after - before) / 1e9 / (end - start)


def sample_microseconds(count: int = 2000) -> float:
    """From asking an engine's source in Python to the latest sample."""
    with busy_lab() as lab, Engine(lab, hz=100) as source:
        start = time.perf_counter()
        for _ in range(count):
            assert source.sample() is not None
        return (time.perf_counter() - start) / count * 1e6


def _cpu_ns(task: Path) -> int:
    return int((task / "schedstat").read_text().split()[0])
