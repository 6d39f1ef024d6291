# SPDX-License-Identifier: BSD-3-Clause
"""What was found of what runs, and when it was there."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from labkit.trouble.finding import Finding
from labkit.trouble.rules import LEVELS

if TYPE_CHECKING:
    import pandas as pd

FORGOTTEN_SECONDS = 120.0  # what nothing has shown for so long is over
MOST_OVER = 1000


@dataclass(frozen=True)
class Noticed:
    """A finding of what runs, as it was when it was surest, and when it was there.

    Attributes
    ----------
    since, until: seconds since the epoch; until is when its evidence was seen last
    """

    finding: Finding
    since: float
    until: float

    def is_over(self, now: float) -> bool:
        """Whether nothing has shown it for a while."""
        return now - self.until >= FORGOTTEN_SECONDS

    def __str__(self) -> str:
        return f"since {datetime.fromtimestamp(self.since, UTC):%H:%M:%S} UTC: {self.finding}"


class AllNoticed:
    """What was found so far. What comes again when it was over is noticed anew.

    Attributes
    ----------
    latest: by rule and device
    """

    def __init__(self) -> None:
        self.latest: dict[tuple[str, str], Noticed] = {}
        self._earlier: deque[Noticed] = deque(maxlen=MOST_OVER)

    def take(self, found: Sequence[Finding], now: float) -> list[Finding]:
        """Takes in what is found now; those that are new, or surer than before."""
        news = []
        for finding in found:
            key = finding.id, finding.device
            first, last = _span(finding, now)
            before = self.latest.get(key)
            if before is not None and last - before.until >= FORGOTTEN_SECONDS:
                self._earlier.append(before)
                before, first = None, last
            if before is None:
                news.append(finding)
                self.latest[key] = Noticed(finding, first, last)
                continue
            rank, known = LEVELS.index(finding.level), LEVELS.index(before.finding.level)
            if rank < known:
                news.append(finding)
            kept = finding if rank <= known else before.finding
            self.latest[key] = Noticed(kept, before.since, max(before.until, last))
        return news

    def all(self) -> list[Noticed]:
        """All of them, as they came."""
        return sorted([*self._earlier, *self.latest.values()], key=lambda noticed: noticed.since)

    def table(self) -> "pd.DataFrame":
        """One row each."""
        import pandas as pd  # late: slow, and few ask for it

        from labkit.tables.table import Table

        rows = self.all()
        times = {
            name: pd.to_datetime([getattr(n, name) for n in rows], unit="s", utc=True)
            for name in ("since", "until")
        }
        told = {
            "rule": [n.finding.id for n in rows],
            "level": [n.finding.level for n in rows],
            "device": [n.finding.device for n in rows],
            "title": [n.finding.title for n in rows],
        }
        return Table({**times, **told})


def _span(finding: Finding, now: float) -> tuple[float, float]:
    """When its evidence was seen first and last."""
    moments = [
        m for seen in finding.evidence for m in (seen.moment, seen.last) if m.clock == "wall"
    ]
    times = [min(moment.seconds, now) for moment in moments]
    return min(times, default=now), max(times, default=now)
