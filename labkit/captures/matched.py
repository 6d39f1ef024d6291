# SPDX-License-Identifier: BSD-3-Clause
"""Frames that were captured at two points: loss, delay and reordering, frame by frame."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from labkit.tables.nullable import numbers
from labkit.tables.table import Table
from labkit.text import Html, html_table
from labkit.units import plain

if TYPE_CHECKING:
    from matplotlib.figure import Figure

US = 1e3  # ns
QUANTILES = (0.5, 0.99, 1.0)


@dataclass(frozen=True, repr=False, eq=False)
class Matched:
    """Frames of a first capture point and a second one.

    Attributes
    ----------
    labels: of both
    table: a row for each frame that either saw: `first` and `second` are its numbers there (missing
        where it was not seen), delay_ns from the first to the second, and whether it is reordered:
        one that was before it at the first point came after it (RFC 4737 3.2)
    """

    labels: tuple[str, str]
    table: Table

    @property
    def lost(self) -> int:
        """Frames that the second point did not see."""
        return int(self.table["second"].isna().sum())

    @property
    def unknown(self) -> int:
        """Frames that the second point alone saw."""
        return int(self.table["first"].isna().sum())

    @property
    def reordered(self) -> int:
        """Frames that others overtook."""
        return int(self.table["reordered"].sum())

    @property
    def delays_ns(self) -> "np.ndarray[Any, Any]":
        """Of the frames that both saw, where both have a time."""
        found: np.ndarray[Any, Any] = self.table["delay_ns"].dropna().to_numpy(np.int64)
        return found

    @property
    def figure(self) -> "Figure":
        """Delay over time, and which frames were lost."""
        from labkit.captures.matched_figure import delay_figure  # late: matplotlib is slow to load

        return delay_figure(self.table, self.labels)

    def __repr__(self) -> str:
        return "\n".join(f"{what}: {told}" for what, told in self._facts())

    def _repr_html_(self) -> Html:
        table = html_table(("what", "told"), self._facts())
        return Html(table + (self.figure._repr_html_() or "")) if len(self.delays_ns) else table

    def _facts(self) -> list[tuple[str, str]]:
        first, second = self.labels
        both = len(self.table) - self.lost - self.unknown
        seen = both + self.lost
        share = f" ({plain(100 * self.lost / seen)} %)" if seen else ""
        facts = [
            ("seen at both", f"{both:,}"),
            (f"lost: {first} alone", f"{self.lost:,}{share}"),
            (f"{second} alone", f"{self.unknown:,}"),
            ("reordered", f"{self.reordered:,}"),
        ]
        if len(self.delays_ns):
            told = [plain(float(q) / US) for q in np.quantile(self.delays_ns, QUANTILES)]
            facts.append(("delay (µs): median, 99 %, most", ", ".join(told)))
        return facts


def matched(first: Table, second: Table, labels: Sequence[str]) -> Matched:
    """Tables with the columns time_ns, digest and length, by the numbers of their frames."""
    sides = []
    for name, table in (("first", first), ("second", second)):
        side = pd.DataFrame(
            {
                "digest": table["digest"].to_numpy(np.int64),
                name: table.index.to_numpy(),
                f"{name}_time": table["time_ns"].array,
            }
        )
        side["turn"] = side.groupby("digest").cumcount()
        sides.append(side)
    both = sides[0].merge(sides[1], on=["digest", "turn"], how="outer")
    at_first = both["first"].to_numpy(np.float64)
    at_second = both["second"].to_numpy(np.float64)
    seen = ~np.isnan(at_first) & ~np.isnan(at_second)
    reordered = np.zeros(len(both), bool)
    arrived = np.flatnonzero(seen)[np.argsort(at_second[seen], kind="stable")]
    latest = np.maximum.accumulate(at_first[arrived]) if arrived.size else at_first[arrived]
    reordered[arrived] = at_first[arrived] < latest
    delay = (both["second_time"] - both["first_time"]).astype("Int64")
    order = np.lexsort((at_second, np.where(np.isnan(at_first), np.inf, at_first)))
    told = pd.DataFrame(
        {
            "first": numbers(np.nan_to_num(at_first).astype(np.int64), np.isnan(at_first)),
            "second": numbers(np.nan_to_num(at_second).astype(np.int64), np.isnan(at_second)),
            "time_ns": both["first_time"].fillna(both["second_time"]).astype("Int64"),
            "delay_ns": delay,
            "reordered": reordered,
        }
    )
    return Matched((labels[0], labels[1]), Table(told.iloc[order].reset_index(drop=True)))
