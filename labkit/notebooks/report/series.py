# SPDX-License-Identifier: BSD-3-Clause
"""What notebooks gave, over their runs: the values of each result, checks and parameters."""

import math
import statistics
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from labkit.results.statistics import Spread, spread_of


@dataclass(frozen=True)
class Series:
    """All values of one result.

    Attributes
    ----------
    runs: the values of each run of the notebook; within one run, a value a repeat
    unit, better, noise: as recorded
    """

    runs: tuple[tuple[float, ...], ...]
    unit: str = ""
    better: str | None = None
    noise: float | None = None

    @property
    def mean(self) -> float:
        """Over runs."""
        return statistics.fmean(statistics.fmean(values) for values in self.runs)

    @property
    def error(self) -> Spread | None:
        """How well the mean is known; None where nothing tells it.

        From the means of several runs, else from the repeats within one, which cannot know what
        differs from run to run. Noise that is known from run to run is the least it can be.
        """
        samples = [statistics.fmean(v) for v in self.runs] if len(self.runs) > 1 else self.runs[0]
        known = self.noise / math.sqrt(len(self.runs)) if self.noise is not None else None
        seen = spread_of(samples)
        if known is not None and (seen is None or known >= seen.error):
            return Spread(known, math.inf)
        return seen


@dataclass(frozen=True)
class Notebook:
    """What of a notebook is compared.

    Attributes
    ----------
    checks: names of all checks
    failed: names of those that failed
    broken: of each run that did not come to its end, how it ended
    is_whole: whether any run came to its end; without one there is nothing else to compare
    """

    parameters: Mapping[str, Any] = field(default_factory=dict)
    checks: tuple[str, ...] = ()
    results: Mapping[str, Series] = field(default_factory=dict)
    machine: Mapping[str, Any] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)
    failed: tuple[str, ...] = ()
    broken: tuple[str, ...] = ()
    is_whole: bool = True
