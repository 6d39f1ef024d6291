# SPDX-License-Identifier: BSD-3-Clause
"""The lines of a live view: their counters, and which of their points the page was sent."""

import math
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from labkit.sources import Rates, Sample, Schema
from labkit.widgets.feed import Feed, Matrix, Point, line, table

if TYPE_CHECKING:
    import pandas as pd

NUMBERS_SECONDS = 0.25  # between numbers beside the lines

Message = tuple[dict[str, Any], list[bytes]]  # what it says, and buffers behind it


class Lines:
    """Lines of one view.

    Attributes
    ----------
    names: their counters
    version: grows when they change, so that a page knows of what points are
    """

    def __init__(self, feed: Feed) -> None:
        self.names: list[str] = []
        self.version = 0
        self._feed = feed
        self._next = feed.number  # of the next point to send
        self._numbers_sent = 0.0

    def draw(self, names: Sequence[str], schema: Schema) -> dict[str, Any] | None:
        """Takes other counters; what the page is told of them, nothing when they are the same."""
        if list(names) == self.names and self.version:
            return None
        self.version += 1
        self.names = list(names)
        return {"version": self.version, "items": [line(name, schema) for name in names]}

    def table(self) -> tuple[Any, Matrix]:
        """All points that are remembered: times (s since the epoch), values (points × lines)."""
        return table(self._feed.after(0), self.names)

    def frame(self) -> "pd.DataFrame":
        """The same, indexed by time."""
        import pandas as pd  # late: slow, and few views are asked for their numbers

        from labkit.tables.table import Table

        times, values = self.table()
        index = pd.to_datetime(times, unit="s", utc=True)
        return Table(values, index=index.rename("time"), columns=self.names)

    def numbers_due(self) -> tuple[Sample, Sample] | None:
        """The samples between which numbers beside the lines are the means, now and then."""
        now, ends = time.monotonic(), self._feed.ends()
        if ends is None or now - self._numbers_sent < NUMBERS_SECONDS:
            return None
        self._numbers_sent = now
        return ends

    def means(self, mean: Rates) -> list[float | None]:
        """Of each line; None where there is none."""
        found = (mean[name] if name in mean.schema.index else math.nan for name in self.names)
        return [None if math.isnan(value) else value for value in found]

    def all_points(self) -> Message:
        """For a page that is new, and when lines were chosen."""
        points = self._feed.after(0)
        return self._message("seed", self._feed.number - len(points), points)

    def new_points(self) -> Message | None:
        """Those since the last message, if any."""
        points = self._feed.after(self._next)
        return self._message("points", self._next, points) if points else None

    def _message(self, kind: str, first: int, points: Sequence[Point]) -> Message:
        self._next = first + len(points)
        times, values = table(points, self.names)
        content = {"type": kind, "version": self.version, "first": first}
        return content, [times.tobytes(), values.tobytes()]
