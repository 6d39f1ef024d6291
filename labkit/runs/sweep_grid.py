# SPDX-License-Identifier: BSD-3-Clause
"""The grid of a sweep: which load for which DUT, and what is left out."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from numbers import Real
from typing import Any

from labkit.dut.base import Dut
from labkit.errors import LabError
from labkit.traffic.fields import Vary
from labkit.traffic.rate import Rate
from labkit.traffic.sizes import Sizes
from labkit.traffic.stream import Stream

SMALLEST_SIZE = 64
SizeOrMix = int | Sizes  # a mix has two sizes or more

SHORTEST_SECONDS, LONGEST_SECONDS = 0.001, 86_400.0  # of a trial


@dataclass(frozen=True)
class Load:
    """One load for one DUT.

    Attributes
    ----------
    size: of a frame in bytes, FCS included, or a mix: what lk.Stream(size=...) takes
    pps: frames a second
    duration, warmup: seconds
    repeat: number of the repeat, from 0
    vary: fields that differ from frame to frame
    """

    size: SizeOrMix
    pps: float
    duration: float
    warmup: float
    repeat: int
    vary: tuple[Vary, ...] = ()

    @property
    def columns(self) -> dict[str, Any]:
        """As columns of results."""
        sizes = Sizes.parse(self.size)
        return {"size_bytes": sizes.mean, "mix": sizes.mix_name, "target_pps": self.pps}

    def to_dict(self) -> dict[str, Any]:
        """JSON values; `vary` is not among them, for all loads of a sweep have the same."""
        size = asdict(self.size) if isinstance(self.size, Sizes) else self.size
        others = ("pps", "duration", "warmup", "repeat")
        return {"size": size, **{name: getattr(self, name) for name in others}}

    def __str__(self) -> str:
        return f"{_named(self.size)} at {self.pps:,.0f} pps"


def check(
    duts: Sequence[Dut],
    sizes: Sequence[SizeOrMix],
    rates: Sequence[str | float],
    max_gbps: float | None,
    duration: float,
    warmup: float,
    repeats: int,
    vary: tuple[Vary, ...],
    opens_here: bool,
) -> None:
    """Raises a LabError for the first of a sweep's arguments that cannot be.

    sizes: as parse_sizes gives them
    opens_here: the DUTs run on this machine, which must have what they need
    """
    for name, values in (("duts", duts), ("rates", rates)):
        _check_list(name, values)
    for dut in duts:
        if not isinstance(dut, Dut):
            raise LabError(f"{dut!r} is no DUT; make one with lk.dut.LabkitEcho(), …")
        if opens_here and dut.missing:
            raise LabError(dut.missing)
    names = [dut.name for dut in duts]
    twice = [name for name in names if names.count(name) > 1]
    if twice:
        raise LabError(f"two DUTs are called {twice[0]!r}; give one another name=")
    given: dict[str, list[Any]] = {"sizes": [*sizes], "rates": [Rate.parse(rate) for rate in rates]}
    for name, loads in given.items():
        more = [str(load) for load in loads if loads.count(load) > 1]
        if more:
            raise LabError(f"{name} has {more[0]} twice; repeats= measures a load more than once")
    mixes = [size.mix_name for size in sizes if isinstance(size, Sizes)]
    alike = [name for name in mixes if mixes.count(name) > 1]
    if alike:
        raise LabError(
            f"two mixes of sizes are called {alike[0]!r}; give one another name: "
            'lk.Sizes.mix({64: 28, 570: 16}, "name")'
        )
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
    for dut in duts if vary else ():
        try:
            Stream(dut.headers, vary=vary).compile()
        except LabError as error:
            raise LabError(f"{dut.name}: {error}") from None


def parse_sizes(sizes: Any) -> list[SizeOrMix]:
    """Sizes and mixes from a list of what lk.Stream(size=...) takes; LabError for what is none."""
    if isinstance(sizes, (Sizes, Mapping)):
        shown = sizes if isinstance(sizes, Sizes) else repr(sizes)
        raise LabError(f'sizes is {shown}; it is a list, such as [64, 1518, "IMIX"]')
    _check_list("sizes", sizes)
    parsed: list[SizeOrMix] = []
    for given in sizes:
        one = Sizes.parse(given)
        smallest = min(one.order)
        if smallest < SMALLEST_SIZE:
            raise LabError(f"size {smallest}: a frame has {SMALLEST_SIZE} bytes or more, with FCS")
        parsed.append(smallest if one.mix_name is None else one)
    return parsed


def _check_list(name: str, values: Any) -> None:
    if isinstance(values, str) or not isinstance(values, Sequence):
        raise LabError(f"{name} is {values!r}; it is a list")
    if not values:
        raise LabError(f"{name} is empty; name at least one")


def _named(size: SizeOrMix) -> str:
    return str(size.mix_name) if isinstance(size, Sizes) else f"{size:,} B"


def _is_number(value: object) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool) and math.isfinite(value)


def make_grid(
    duts: Sequence[Dut],
    sizes: Sequence[SizeOrMix],
    rates: Sequence[str | float],
    max_gbps: float | None,
    duration: float,
    warmup: float,
    repeats: int,
    vary: tuple[Vary, ...],
) -> tuple[list[tuple[Dut, Load]], list[str]]:
    """Every trial, and in words what is left out."""
    grid: list[tuple[Dut, Load]] = []
    skipped: list[str] = []
    for dut in duts:
        shortest = dut.min_size
        for size in sizes:
            frames = Sizes.parse(size)
            if max(frames.order) > dut.max_size:
                skipped.append(f"{dut.name}, {_named(size)}: it takes up to {dut.max_size:,} B")
                continue
            if min(frames.order) < shortest:
                skipped.append(
                    f"{dut.name}, {_named(size)}: headers and signature need {shortest:,} B or more"
                )
                continue
            for rate in rates:
                pps = Rate.parse(rate).pps(frames.mean, None)
                if round(pps * duration) < 1:
                    raise LabError(
                        f"rate {pps:g} pps is no frame in {duration:g} s; give a duration of "
                        f"{1 / pps:,.3g} s or more, or a higher rate"
                    )
                loads = [Load(size, pps, duration, warmup, n, vary) for n in range(repeats)]
                if max_gbps is not None and 8 * frames.mean * pps > max_gbps * 1e9:
                    skipped.append(f"{dut.name}, {loads[0]}: above the cap of {max_gbps:g} Gbit/s")
                else:
                    grid += [(dut, load) for load in loads]
    if not grid:
        raise LabError(f"nothing is left to measure: {'; '.join(skipped)}")
    return grid, skipped
