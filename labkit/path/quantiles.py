# SPDX-License-Identifier: BSD-3-Clause
"""Distributions of jitter, as the quantiles between which the engine draws."""

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

    Values = np.ndarray[Any, np.dtype[np.float64]]

STEPS = 4096  # between quantiles where the lines between them are not straight
PARETO = 3.0  # its shape, as that of tc-netem's
NORMAL_SHARE = 0.25  # of paretonormal, as of tc-netem's


def quantiles(distribution: str | Sequence[float]) -> "Values":
    """Quantiles, evenly spaced: what is drawn lies on the straight line between two.

    Those of a name have mean 0 and standard deviation 1, but "uniform", which is from -1 to 1.
    Those of a list are of its values.
    """
    import numpy as np

    if not isinstance(distribution, str):
        return np.asarray(
            np.quantile(np.asarray(distribution, float), np.linspace(0, 1, STEPS + 1))
        )
    if distribution == "uniform":
        return np.array([-1.0, 1.0])
    return _standard(SHAPES[distribution](_middles(STEPS + 1)))


def _middles(count: int) -> "Values":
    """Probabilities in the middle of so many equal parts: the ends are never infinite."""
    import numpy as np

    return np.asarray((np.arange(count) + 0.5) / count)


def _standard(values: "Values") -> "Values":
    """The same with mean 0 and standard deviation 1, by the lines between them."""
    import numpy as np

    low, high = values[:-1], values[1:]
    mean = ((low + high) / 2).mean()
    squares = ((low * low + low * high + high * high) / 3).mean()
    return np.asarray((values - mean) / math.sqrt(squares - mean * mean))


def _normal(probabilities: "Values") -> "Values":
    import statistics

    import numpy as np

    inverse = statistics.NormalDist().inv_cdf
    return np.array([inverse(p) for p in probabilities.tolist()])


def _pareto(probabilities: "Values") -> "Values":
    return _standard((1 - probabilities) ** (-1 / PARETO))


def _pareto_normal(probabilities: "Values") -> "Values":
    """Of the sum of both, each with its share, by all pairs of 1,024 quantiles of each."""
    import numpy as np

    parts = _middles(1024)
    sums = np.add.outer(NORMAL_SHARE * _normal(parts), (1 - NORMAL_SHARE) * _pareto(parts)).ravel()
    sums.sort()
    return np.asarray(np.quantile(sums, probabilities))


SHAPES: dict[str, Callable[["Values"], "Values"]] = {
    "normal": _normal,
    "pareto": _pareto,
    "paretonormal": _pareto_normal,
}
