# SPDX-License-Identifier: BSD-3-Clause
"""What a picture of counters over time shows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, eq=False)
class Course:
    """Counters over time; all times but the start are in seconds since it.

    Attributes
    ----------
    title: above the picture
    start_ns: ns since the epoch
    rates: one column a counter, indexed by time; NaN where there is no rate
    units: on the axis of each counter
    faults: by counter, when it could not be believed
    gaps: from when to when samples are missing
    """

    title: str
    start_ns: int
    rates: "pd.DataFrame"
    units: Mapping[str, str]
    faults: Mapping[str, Sequence[float]]
    gaps: Sequence[tuple[float, float]]
