# SPDX-License-Identifier: BSD-3-Clause
"""The grid of a sweep: which load for which DUT, and what is left out."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Integral, Real
from typing import Any

from labkit.dut.base import Dut
from labkit.errors import LabError
from labkit.traffic.rate import Rate
from labkit.traffic.sizes import Sizes

SMALLEST_SIZE = 64
SHORTEST_SECONDS, LONGEST_SECONDS = 0.001, 86_400.0  # of a trial


@dataclass(frozen=True)
class Step:
    """One load for one DUT.

    Attributes
    ----------
    size: of a frame in bytes, FCS included
    pps: frames a second
    duration, warmup: seconds
    repeat: number of the repeat, from 0
    """

    size: int
    pps: float
    duration: float
    warmup: float
    repeat: int

    def __str__(self) -> str:
        return f"{self.size:,} B at {self.pps:,.0f} pps"


def check(
    duts: Sequence[Dut],
    sizes: Sequence[int],
    rates: Sequence[str | float],
    max_gbps: float | None,
    duration: float,
    warmup: float,
    repeats: int,
    opens_here: bool,
) -> None:
    """Raises a LabError for the first of a sweep's arguments that cannot be.

    opens_here: the DUTs run on this machine, which must have what they need
    """
    listed: Any = [sizes] if isinstance(sizes, Sizes) else sizes
    for name, values in (("duts", duts), ("sizes", listed), ("rates", rates)):
        if isinstance(values, str) or not isinstance(values, Sequence):
            raise LabError(f"{name} is {values!r}; it is a list")
        if not values:
            raise LabError(f"{name} is empty; name at least one")
    for dut in duts:
        if not isinstance(dut, Dut):
            raise LabError(f"{dut!r} is no DUT; make one with lk.dut.LabkitEcho(), …")
        if opens_here and dut.missing:
            raise LabError(dut.missing)
    names = [dut.name for dut in duts]
    twice = [name for name in names if names.count(name) > 1]
    if twice:
        raise LabError(f"two DUTs are called {twice[0]!r}; give one another name=")
    for size in listed:
        if isinstance(size, Sizes):
            raise LabError(
                f"sizes has {size}: a sweep has single sizes; measure a mix with lk.trial or "
                "lk.search"
            )
        if not isinstance(size, Integral) or size < SMALLEST_SIZE:
            raise LabError(f"size {size!r}: a frame has {SMALLEST_SIZE} bytes or more, with FCS")
    given: dict[str, list[Any]] = {"sizes": [*sizes], "rates": [Rate.parse(rate) for rate in rates]}
    for name, loads in given.items():
        more = [str(load) for load in loads if loads.count(load) > 1]
        if more:
            raise LabError(f"{name} has {more[0]} twice; repeats= measures a load more than once")
    for name, seconds, lowest in (
        ("duration", duration, SHORTEST_SECONDS),
        ("warmup", warmup, 0.0),
    ):
        if not (_is_number(seconds) and lowest <= seconds <= LONGEST_SECONDS):
            raise LabError(
                f"{name} is {seconds!r}; the range is {lowest:g} to {LONGEST_SECONDS:g} s"
            )
    if max_gbps is not None and not (_is_number(max_gbps) and max_gbps > 0):
        raise LabError(f"max_gbps is {max_gbps!r}; it is a number of Gbit/s above 0, or None")
    if not isinstance(repeats, int) or repeats < 1:
        raise LabError(f"repeats is {repeats!r}; it is a whole number, 1 or more")


def _is_number(value: object) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool) and math.isfinite(value)


def make_grid(
    duts: Sequence[Dut],
    sizes: Sequence[int],
    rates: Sequence[str | float],
    max_gbps: float | None,
    duration: float,
    warmup: float,
    repeats: int,
) -> tuple[list[tuple[Dut, Step]], list[str]]:
    """Every trial, and in words what is left out."""
    grid: list[tuple[Dut, Step]] = []
    skipped: list[str] = []
    for dut in duts:
        for size in sizes:
            if size > dut.max_size:
                skipped.append(f"{dut.name}, {size:,} B: it takes up to {dut.max_size:,} B")
                continue
            for rate in rates:
                pps = Rate.parse(rate).pps(size, None)
                steps = [Step(size, pps, duration, warmup, n) for n in range(repeats)]
                if max_gbps is not None and 8 * size * pps > max_gbps * 1e9:
                    skipped.append(f"{dut.name}, {steps[0]}: above the cap of {max_gbps:g} Gbit/s")
                else:
                    grid += [(dut, step) for step in steps]
    if not grid:
        raise LabError(f"nothing is left to measure: {'; '.join(skipped)}")
    return grid, skipped
