# SPDX-License-Identifier: BSD-3-Clause
"""What repeats tell of noise: confidence intervals of a mean, and of the difference of two."""

import math
import statistics
from collections.abc import Iterable
from typing import NamedTuple

CONFIDENCE = 0.95

Interval = tuple[float, float]


class Spread(NamedTuple):
    """How well a mean is known: its standard error, and the degrees of freedom behind that."""

    error: float
    freedom: float


def spread_of(values: Iterable[float]) -> Spread | None:
    """Of the mean of these values; None with fewer than two, which tell nothing of their noise."""
    samples = [float(value) for value in values]
    if len(samples) < 2:
        return None
    return Spread(statistics.stdev(samples) / math.sqrt(len(samples)), len(samples) - 1)


def mean_interval(values: Iterable[float], confidence: float = CONFIDENCE) -> Interval | None:
    """Confidence interval of the mean by Student's t; None with fewer than two values."""
    samples = [float(value) for value in values]
    spread = spread_of(samples)
    if spread is None:
        return None
    return _around(statistics.fmean(samples), spread, confidence)


def difference_interval(
    difference: float, a: Spread | None, b: Spread | None, confidence: float = CONFIDENCE
) -> Interval | None:
    """Confidence interval of the difference of two means by Welch's t-test.

    None where a side does not tell its noise. Without any noise on both sides, such as repeats that
    all gave the same, it is the difference alone.
    """
    if a is None or b is None:
        return None
    variance = a.error**2 + b.error**2
    if variance == 0:
        return difference, difference
    parts = a.error**4 / a.freedom + b.error**4 / b.freedom
    freedom = variance**2 / parts if parts else math.inf
    return _around(difference, Spread(math.sqrt(variance), freedom), confidence)


def _around(middle: float, spread: Spread, confidence: float) -> Interval:
    from scipy.stats import t  # slow to load

    reach = float(t.ppf((1 + confidence) / 2, spread.freedom)) * spread.error
    return middle - reach, middle + reach
