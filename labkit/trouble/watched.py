# SPDX-License-Identifier: BSD-3-Clause
"""What a watch has judged so far, in words and tables: silence means something only beside it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from html import escape
from typing import Literal

from labkit.text import Html, html_table, plural
from labkit.trouble.finding import Finding
from labkit.trouble.noticed import Noticed
from labkit.trouble.report import picture, section

NOTHING = "nothing was found so far"
MOST_SHOWN = 30  # of what was noticed


@dataclass(frozen=True)
class Watched:
    """A source of a watch.

    Attributes
    ----------
    kind, count: what of it was judged, and how many
    fault: why nothing can be read now; "" while it can
    told: what else there is to know of it
    """

    label: str
    kind: Literal["reading", "line"]
    count: int
    fault: str = ""
    told: str = ""

    @property
    def state(self) -> str:
        """In words."""
        return f"cannot be read: {self.fault}" if self.fault else self.told or "is read"


@dataclass(frozen=True)
class Judged:
    """All that a watch has judged.

    Attributes
    ----------
    since, until: seconds since the epoch; until is when it judged last
    state: of the watch: "running", "stopped", or what ended it
    """

    sources: tuple[Watched, ...]
    since: float
    until: float
    state: str

    @property
    def amount(self) -> str:
        """How much it is: "12 readings and 3 lines"."""
        kinds = dict.fromkeys(source.kind for source in self.sources)
        counts = {k: sum(s.count for s in self.sources if s.kind == k) for k in kinds}
        return " and ".join(plural(count, kind) for kind, count in counts.items())

    def __str__(self) -> str:
        ended = "" if self.state == "running" else f"; {self.state}"
        return f"{self.amount} judged, {clock(self.since)} to {clock(self.until)} UTC{ended}"


def clock(seconds: float) -> str:
    """The time of day."""
    return f"{datetime.fromtimestamp(seconds, UTC):%H:%M:%S}"


def shown(noticed: Sequence[Noticed], now: float) -> list[Noticed]:
    """All that is there, and the latest of what is over as far as there is room, as they came."""
    there = [one for one in noticed if not one.is_over(now)]
    over = [one for one in noticed if one.is_over(now)]
    room = max(MOST_SHOWN - len(there), 0)
    return sorted([*there, *over[len(over) - min(room, len(over)) :]], key=lambda one: one.since)


def as_text(noticed: Sequence[Noticed], judged: Judged) -> str:
    """What a terminal shows."""
    some = shown(noticed, judged.until)
    found = [_line(n) if n.is_over(judged.until) else str(n) for n in some] or [NOTHING]
    faults = [f"{source.label} {source.state}" for source in judged.sources if source.fault]
    names = ", ".join(source.label for source in judged.sources)
    return "\n".join([f"<Watch of {names}: {judged}>", *found, *faults])


def as_html(noticed: Sequence[Noticed], judged: Judged) -> Html:
    """What a notebook keeps: what is there, what is over, and what was judged."""
    some = shown(noticed, judged.until)
    over = [n for n in some if n.is_over(judged.until)]
    now = sorted((n.finding for n in some if n not in over), key=Finding.order)
    told = "" if now else f"{'nothing is the matter now' if over else NOTHING}: "
    parts = [f"<p>{escape(f'{told}{judged}')}</p>", *map(section, now)]
    if over:
        rows = [_row(n) for n in over]
        parts.append(html_table(("what was", "level", "device", "since, UTC", "until"), rows))
    if earlier := len(noticed) - len(some):
        parts.append(f"<p>and {earlier:,} before, in watch.events</p>")
    parts.append(picture([n.finding for n in some]))
    parts.append(html_table(("source", "judged", "state"), _told(judged.sources)))
    return Html("".join(parts))


def _line(noticed: Noticed) -> str:
    """What is over."""
    return f"{clock(noticed.since)} to {clock(noticed.until)} UTC, over: {noticed.finding}"


def _row(noticed: Noticed) -> tuple[str, ...]:
    finding = noticed.finding
    times = clock(noticed.since), clock(noticed.until)
    return (finding.title, finding.level, finding.device, *times)


def _told(sources: Iterable[Watched]) -> list[tuple[str, str, str]]:
    return [(s.label, plural(s.count, s.kind), s.state) for s in sources]
