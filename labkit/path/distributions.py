# SPDX-License-Identifier: BSD-3-Clause
"""The distribution of a jitter, by name or as a list of times, and how the engine is given it."""

from collections.abc import Iterable, Sequence
from typing import Annotated, Any, Literal

from labkit.errors import PathError
from labkit.path.function_types import DataType, TimeType
from labkit.path.quantiles import quantiles
from labkit.path.values import Value
from labkit.text import near, shown

NAMES = ("uniform", "normal", "pareto", "paretonormal")
MOST_TIMES = 1_000_000


class DistributionType(DataType):
    """The name of one, or times in seconds."""

    def given(self, value: Any) -> Value:
        """A list as it is in JSON."""
        if isinstance(value, str) or not isinstance(value, Iterable):
            return value
        return [TimeType().given(time) for time in value]  # type: ignore[misc]

    def check(self, where: str, name: str, value: Value) -> Value:
        """One of the names, or some times."""
        if isinstance(value, str):
            if value not in NAMES:
                raise PathError(
                    f"node {where}: {name} is {shown(value)}; it is "
                    f"{', '.join(map(repr, NAMES))} or a list of times{near(value, NAMES)}"
                )
            return value
        if not isinstance(value, list) or not 0 < len(value) <= MOST_TIMES:
            raise PathError(
                f"node {where}: {name} is {shown(value)}; it is {', '.join(map(repr, NAMES))} or a "
                f"list of 1 to {MOST_TIMES:,} times"
            )
        return [TimeType().check(where, f"a time of {name}", time) for time in value]  # type: ignore[misc]

    def packed(self, value: Value) -> bytes:
        """What its quantiles are multiples of, 0.0: the jitter, 1.0: a second; and these."""
        import numpy as np

        assert isinstance(value, (str, list))
        unit = 0.0 if isinstance(value, str) else 1.0
        return np.append(unit, quantiles(value)).tobytes()  # type: ignore[arg-type]

    def lines(self, value: Value) -> list[str]:
        """Its name, unless it is uniform, or how many times there are."""
        if isinstance(value, list):
            return [f"one of {len(value):,} times"]
        return [] if value == "uniform" else [str(value)]


Distribution = Annotated[
    Literal["uniform", "normal", "pareto", "paretonormal"] | Sequence[float | str],
    DistributionType(),
]
