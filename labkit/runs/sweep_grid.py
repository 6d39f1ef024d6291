# SPDX-License-Identifier: BSD-3-Clause
"""The grid of a sweep: which load for which DUT, and what is left out."""

import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Annotated, Any

from labkit.arguments.checked import fitting
from labkit.arguments.hints import Between, is_many, is_real
from labkit.dut.base import Dut
from labkit.errors import LabError
from labkit.runs.trial_settings import SHORTEST_SECONDS, seconds
from labkit.text import shown
from labkit.traffic.fields import Vary
from labkit.traffic.rate import Rate
from labkit.traffic.sizes import Sizes
from labkit.traffic.stream import Stream
from labkit.units import plain

SMALLEST_SIZE = 64
Repeats = Annotated[int, Between(1, 10_000)]
SizeOrMix = int | Sizes  # a mix has two sizes or more


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
    lanes: workers of each port, as of lk.trial
    """

    size: SizeOrMix
    pps: float
    duration: float
    warmup: float
    repeat: int
    vary: tuple[Vary, ...] = ()
    lanes: int | None = None

    @property
    def columns(self) -> dict[str, Any]:
        """As columns of results."""
        sizes = Sizes.parse(self.size)
        return {"size_bytes": sizes.mean, "mix": sizes.mix_name, "target_pps": self.pps}

    def to_dict(self) -> dict[str, Any]:
        """JSON values; not `vary` and `lanes`: all loads of a sweep have the same."""
        size = asdict(self.size) if isinstance(self.size, Sizes) else self.size
        others = ("pps", "duration", "warmup", "repeat")
        return {"size": size, **{name: getattr(self, name) for name in others}}

    def __str__(self) -> str:
        return f"{_named(self.size)} at {plain(self.pps)} pps"


def parse_sizes(sizes: Any) -> list[SizeOrMix]:
    """Sizes and mixes from a list of what lk.Stream(size=...) takes; LabError for what is none."""
    if isinstance(sizes, (Sizes, Mapping)):
        given = sizes if isinstance(sizes, Sizes) else shown(sizes)
        raise LabError(f'sizes is {given}; it is a list, such as [64, 1518, "IMIX"]')
    parsed: list[SizeOrMix] = []
    for given in _as_list("sizes", sizes):
        one = Sizes.parse(given)
        smallest = min(one.order)
        if smallest < SMALLEST_SIZE:
            raise LabError(f"size {smallest}: a frame has {SMALLEST_SIZE} bytes or more, with FCS")
        parsed.append(smallest if one.mix_name is None else one)
    return parsed


def _as_list(name: str, values: Any) -> list[Any]:
    """A list of one value or more, from any kind of it, such as numpy's."""
    given = values.tolist() if hasattr(values, "tolist") else values
    is_one = isinstance(given, Mapping) or not is_many(given)
    if is_one or not isinstance(given, Collection):
        meant = f"[{shown(values)}]" if is_one else f"list({name})"
        raise LabError(f"{name} is {shown(values)}; it is a list: write {meant}")
    if not len(given):
        raise LabError(f"{name} is empty; name at least one")
    return list(given)


def _named(size: SizeOrMix) -> str:
    return str(size.mix_name) if isinstance(size, Sizes) else f"{size:,} B"


def _is_number(value: object) -> bool:
    return is_real(value) and math.isfinite(value)  # type: ignore[arg-type]


@dataclass(frozen=True)
class LoadGrid:
    """Every load of a sweep: sizes × rates × repeats; the same for all DUTs.

    Attributes
    ----------
    sizes: as parse_sizes gives them
    rates: frames a second, or bits a second of layer 2
    max_gbps: Gbit/s of layer 2 above which a load is left out; None: no limit
    duration, warmup: of a trial, in seconds: 0.001 to 86,400, and 0 to 86,400
    repeats: trials of each load, 1 to 10,000
    vary: fields that differ from frame to frame
    lanes: workers of each port; None: as many as there are
    """

    sizes: Sequence[SizeOrMix]
    rates: Sequence[str | float]
    max_gbps: float | None
    duration: float
    warmup: float
    repeats: int
    vary: tuple[Vary, ...]
    lanes: int | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "rates", _as_list("rates", self.rates))
        self._check_once()
        for name in ("duration", "warmup"):
            given = getattr(self, name)
            object.__setattr__(self, name, seconds(name, given, SHORTEST_SECONDS[name]))
        if self.max_gbps is not None and not (_is_number(self.max_gbps) and self.max_gbps > 0):
            raise LabError(
                f"max_gbps is {shown(self.max_gbps)}; it is a number of Gbit/s above 0, or None"
            )
        if self.max_gbps is not None:
            object.__setattr__(self, "max_gbps", float(self.max_gbps))
        object.__setattr__(self, "repeats", fitting("repeats", self.repeats, Repeats))

    def _check_once(self) -> None:
        """Each load is told once, and each mix of sizes has a name of its own."""
        given: dict[str, list[Any]] = {
            "sizes": [*self.sizes],
            "rates": [Rate.parse(rate) for rate in self.rates],
        }
        for name, loads in given.items():
            more = [str(load) for load in loads if loads.count(load) > 1]
            if more:
                raise LabError(
                    f"{name} has {more[0]} twice; repeats= measures a load more than once"
                )
        mixes = [size.mix_name for size in self.sizes if isinstance(size, Sizes)]
        alike = [name for name in mixes if mixes.count(name) > 1]
        if alike:
            raise LabError(
                f"two mixes of sizes are called {alike[0]!r}; give one another name: "
                'lk.Sizes.mix({64: 28, 570: 16}, "name")'
            )

    @property
    def parameters(self) -> dict[str, Any]:
        """JSON values, as run.json tells them."""
        # A folder that a sweep without lanes began goes on.
        lanes = {} if self.lanes is None else {"lanes": self.lanes}
        return {
            "sizes": [asdict(size) if isinstance(size, Sizes) else size for size in self.sizes],
            "rates": [str(rate) for rate in self.rates],
            "duration": self.duration,
            "warmup": self.warmup,
            "repeats": self.repeats,
            "max_gbps": self.max_gbps,
            "vary": [field.to_dict() for field in self.vary],
            **lanes,
        }

    def trials(self, duts: Sequence[Dut]) -> tuple[list[tuple[Dut, Load]], list[str]]:
        """Every trial, and in words what is left out."""
        grid: list[tuple[Dut, Load]] = []
        skipped: list[str] = []
        for dut in duts:
            shortest = dut.min_size
            for size in self.sizes:
                if reason := _unfit(dut, size, shortest):
                    skipped.append(reason)
                    continue
                for loads in self._loads_of(size):
                    bits = 8 * Sizes.parse(size).mean * loads[0].pps
                    if self.max_gbps is not None and bits > self.max_gbps * 1e9:
                        cap = f"above the cap of {plain(self.max_gbps)} Gbit/s"
                        skipped.append(f"{dut.name}, {loads[0]}: {cap}")
                    else:
                        grid += [(dut, load) for load in loads]
        if not grid:
            raise LabError(f"nothing is left to measure: {'; '.join(skipped)}")
        return grid, skipped

    def _loads_of(self, size: SizeOrMix) -> Iterator[list[Load]]:
        """The repeats of one size at each rate."""
        for rate in self.rates:
            pps = Rate.parse(rate).pps(Sizes.parse(size).mean, None)
            if round(pps * self.duration) < 1:
                raise LabError(
                    f"rate {plain(pps)} pps is no frame in {plain(self.duration)} s; give a "
                    f"duration of {plain(1 / pps, 3)} s or more, or a higher rate"
                )
            numbers = range(self.repeats)
            times = self.duration, self.warmup
            yield [Load(size, pps, *times, n, self.vary, self.lanes) for n in numbers]


def _unfit(dut: Dut, size: SizeOrMix, shortest: int) -> str:
    """Why a DUT cannot take frames of this size; empty when it can."""
    frames = Sizes.parse(size).order
    if max(frames) > dut.max_size:
        return f"{dut.name}, {_named(size)}: it takes up to {dut.max_size:,} B"
    if min(frames) < shortest:
        return f"{dut.name}, {_named(size)}: headers and signature need {shortest:,} B or more"
    return ""


def check_duts(duts: Sequence[Dut], vary: tuple[Vary, ...], opens_here: bool) -> None:
    """Raises a LabError for what is no DUT, cannot run here, or has no such fields to vary.

    opens_here: the DUTs run on this machine, which must have what they need
    """
    if not isinstance(duts, Dut) and not is_many(duts):
        raise LabError(f"duts is {shown(duts)}; it is a list, such as [lk.dut.LabkitEcho()]")
    _as_list("duts", duts)
    for dut in duts:
        if not isinstance(dut, Dut):
            raise LabError(f"{shown(dut)} is no DUT; make one with lk.dut.LabkitEcho(), …")
        if opens_here and dut.missing:
            raise LabError(dut.missing)
    names = [dut.name for dut in duts]
    twice = [name for name in names if names.count(name) > 1]
    if twice:
        raise LabError(f"two DUTs are called {twice[0]!r}; give one another name=")
    for dut in duts if vary else ():
        try:
            Stream(dut.headers, vary=vary).compile()
        except LabError as error:
            raise LabError(f"{dut.name}: {error}") from None
