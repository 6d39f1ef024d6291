# SPDX-License-Identifier: BSD-3-Clause
"""Results of two runs, or of a run and a baseline: what differs beyond the noise."""

import math
import statistics
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from html import escape
from typing import TYPE_CHECKING, Any, Literal

from labkit.machine.description import differences
from labkit.notebooks.report.pages import number, percent, told
from labkit.results.statistics import Spread, difference_interval, spread_of
from labkit.text import MISSING, bold, html_table

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

MINIMAL_EFFECT = 0.05  # a share: what is smaller wakes nobody, however certain it is

Verdict = Literal["same", "better", "worse", "changed", "new", "missing", "incomparable"]
LOUD: tuple[Verdict, ...] = ("worse", "missing", "incomparable")
COLORS = {**dict.fromkeys(LOUD, "#b3261e"), "better": "#00785a"}
OTHER_COLOR = "#57606a"


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


@dataclass(frozen=True)
class Row:
    """One result compared.

    Attributes
    ----------
    before, now: means in `unit`
    change: (now - before) / |before|; None where that cannot be told
    low, high: its 95 % interval (Welch); None where nothing tells the noise
    remark: why the verdict is what it is, where the numbers do not tell
    """

    notebook: str
    name: str
    verdict: Verdict
    unit: str = ""
    before: float | None = None
    now: float | None = None
    change: float | None = None
    low: float | None = None
    high: float | None = None
    remark: str = ""

    def __str__(self) -> str:
        change = f"by {percent(self.change)}" if self.change is not None else ""
        return " ".join(filter(None, (f"{self.notebook}: {self.name}", self.verdict, change)))

    @property
    def interval(self) -> str:
        """The interval as text."""
        return MISSING if self.low is None else f"{percent(self.low)} to {percent(self.high)}"


@dataclass(frozen=True)
class RunComparison:
    """`rows` of results, and what else differs.

    Attributes
    ----------
    before: what it was compared with, as text
    rows: one a result
    warnings: such as a machine that is another one
    environment: name: (before, now) of versions and machine, where they differ
    """

    before: str
    rows: tuple[Row, ...]
    warnings: tuple[str, ...] = ()
    environment: Mapping[str, tuple[Any, Any]] = field(default_factory=dict)

    @property
    def loud(self) -> list[Row]:
        """Rows that fail a run."""
        return [row for row in self.rows if row.verdict in LOUD]

    @property
    def loud_tally(self) -> str:
        """How many rows fail a run, by verdict: "2 worse, 1 missing"; empty where none does."""
        counts = Counter(row.verdict for row in self.loud)
        return ", ".join(f"{counts[verdict]} {verdict}" for verdict in LOUD if counts[verdict])

    @property
    def doubted(self) -> set[str]:
        """Notebooks with a worse result: another run of them would tell chance from change."""
        return {row.notebook for row in self.rows if row.verdict == "worse" and row.now is not None}

    @property
    def table(self) -> "pd.DataFrame":
        """One row a result: notebook, name, verdict, unit, before, now, and change_percent with its
        95 % interval low_percent, high_percent (missing where nothing tells the noise)."""
        from labkit.tables.table import Table  # pandas is slow to load

        rows = [
            (r.notebook, r.name, r.verdict, r.unit, r.before, r.now, r.change, r.low, r.high)
            for r in self.rows
        ]
        percent = ["change_percent", "low_percent", "high_percent"]
        columns = ["notebook", "name", "verdict", "unit", "before", "now", *percent]
        frame = Table(rows, columns=columns)
        numbers = ["before", "now", *percent]
        frame[numbers] = frame[numbers].astype(float)
        frame[percent] *= 100
        return frame

    @property
    def environment_table(self) -> "pd.DataFrame":
        """One row a version or property of the machine that differs: before, now."""
        import pandas as pd

        from labkit.tables.table import Table

        names = pd.Index(list(self.environment), name="environment")
        return Table([*self.environment.values()], names, ["before", "now"])

    def plot(self) -> "Figure | None":
        """Each difference with its interval; None when there is none."""
        from labkit.notebooks.report.pictures import difference_figure  # matplotlib is slow

        return difference_figure(self.table)

    def _repr_html_(self) -> str:
        heads = ("", "notebook", "result", "before", "now", "unit", "difference")
        rows = [
            (
                bold(row.verdict, COLORS.get(row.verdict, OTHER_COLOR)),
                *(row.notebook, row.name, number(row.before), number(row.now), row.unit),
                *(percent(row.change), row.interval, row.remark),
            )
            for row in self.rows
        ]
        warnings = "".join(f"<p><b>Beware:</b> {escape(text)}</p>" for text in self.warnings)
        return warnings + html_table((*heads, "95 % interval", ""), rows, "lllrrlrrl")

    def __repr__(self) -> str:
        lines = [f"compared with {self.before}:"]
        if not self.rows and not self.warnings:
            lines.append("  checks are as they were, and no results were recorded")
        for row in self.rows:
            interval = f" ({row.interval})" if row.low is not None else ""
            is_told = row.before is not None or row.now is not None
            values = f"{number(row.before)} → {number(row.now)} {row.unit}".strip() * is_told
            change = f"{percent(row.change)}{interval}" * (row.change is not None)
            parts = (f"{row.verdict:<12} {row.notebook}: {row.name}", values, change, row.remark)
            lines.append("  " + "  ".join(filter(None, parts)))
        return "\n".join(lines + [f"  warning: {warning}" for warning in self.warnings])


def compare(
    before: Mapping[str, Notebook],
    now: Mapping[str, Notebook],
    name: str,
    minimal_effect: float = MINIMAL_EFFECT,
) -> RunComparison:
    """Compares every result and check of the notebooks that both have.

    A result is worse (or better) when the 95 % interval of the difference of means (Welch's t)
    leaves 0 out and the difference is at least minimal_effect of the former mean. Where nothing
    tells the noise, the difference alone decides. A result or check that is no longer recorded is
    missing, and one taken with other parameters is incomparable: both would otherwise end the
    comparison unnoticed. A check that fails now and did not before is worse. A notebook that did
    not come to its end is missing, as a whole or one of its repeats.
    """
    rows: list[Row] = []
    warnings: list[str] = []
    changes: dict[str, tuple[Any, Any]] = {}
    for title, new in now.items():
        rows += [Row(title, "runs to its end", "missing", remark=how) for how in new.broken]
        old = before.get(title)
        if old is not None and not old.is_whole:
            warnings.append(f"{title} did not come to its end before: {old.broken[0]}")
            old = None
        if not new.is_whole:
            continue
        rows += _failing(title, old, new)
        if old is None:
            rows += [_new(title, n, s) for n, s in new.results.items()]
            continue
        other = differences(old.parameters, new.parameters)
        for result in dict.fromkeys([*old.results, *new.results]):
            a, b = old.results.get(result), new.results.get(result)
            if a is None or b is None:
                rows.append(_new(title, result, b) if b else _missing(title, result))
            elif other or a.unit != b.unit:
                rows.append(_incomparable(title, result, a, b, other))
            else:
                rows.append(_compared(title, result, a, b, minimal_effect))
        gone = [check for check in old.checks if check not in new.checks]
        rows += [Row(title, f"check {check}", "missing", remark="no longer made") for check in gone]
        both = old.machine.keys() & new.machine.keys()  # what one did not write may be the same
        machine = differences(
            {k: old.machine[k] for k in old.machine if k in both},
            {k: new.machine[k] for k in new.machine if k in both},
        )
        if machine:
            text = ", ".join(f"{k} {told(a)} → {told(b)}" for k, (a, b) in machine.items())
            warnings.append(f"{title} ran on another machine: {text}")
        changes |= machine | differences(old.environment, new.environment)
    if not before.keys() & now.keys():
        warnings.append(f"no notebook is in both, so nothing was compared: {_names(before, now)}")
    return RunComparison(name, tuple(rows), tuple(dict.fromkeys(warnings)), changes)


def _compared(notebook: str, name: str, a: Series, b: Series, minimal: float) -> Row:
    before, now = a.mean, b.mean
    difference = now - before
    interval = difference_interval(difference, _error(a, b), _error(b, a))
    scale = abs(before)
    certain = difference != 0 if interval is None else interval[0] > 0 or interval[1] < 0
    large = abs(difference) >= minimal * scale if scale else difference != 0
    verdict: Verdict = "same"
    if certain and large:
        better = b.better or a.better
        gain = difference if better == "higher" else -difference
        verdict = "changed" if better is None else "better" if gain > 0 else "worse"
    low, high = interval or (None, None)
    change, low, high = (
        value / scale if value is not None and scale else None for value in (difference, low, high)
    )
    remark = "one value each, no noise known" if interval is None and difference else ""
    return Row(notebook, name, verdict, b.unit, before, now, change, low, high, remark)


def _error(series: Series, other: Series) -> Spread | None:
    """The standard error of a mean, with what the other side knows: of one run alone, values tell
    nothing of what differs from run to run, and one value tells nothing at all."""
    own, lent = series.error, other.error
    if lent is None or len(series.runs) > 1 or (own and len(other.runs) == 1):
        return own
    count = len(other.runs) if len(other.runs) > 1 else len(other.runs[0])
    return max(own or Spread(0.0, math.inf), Spread(lent.error * math.sqrt(count), lent.freedom))


def _names(before: Mapping[str, Notebook], now: Mapping[str, Notebook]) -> str:
    named = (", ".join(sorted(side)) or "none" for side in (before, now))
    return " before, ".join(named) + " now"


def _failing(notebook: str, old: Notebook | None, new: Notebook) -> list[Row]:
    """Checks that fail now and did not before."""
    rows = []
    for check in new.failed:
        if old is None or check not in old.failed:
            remark = "fails now" if old and check in old.checks else "is new, and fails"
            rows.append(Row(notebook, f"check {check}", "worse", remark=remark))
    return rows


def _new(notebook: str, name: str, series: Series) -> Row:
    return Row(notebook, name, "new", series.unit, now=series.mean)


def _missing(notebook: str, name: str) -> Row:
    return Row(notebook, name, "missing", remark="no longer recorded")


def _incomparable(
    notebook: str, name: str, a: Series, b: Series, other: Mapping[str, tuple[Any, Any]]
) -> Row:
    text = ", ".join(f"{k} was {told(x)}, is {told(y)}" for k, (x, y) in other.items())
    remark = f"other parameters: {text}" if other else f"unit was {a.unit!r}, is {b.unit!r}"
    return Row(notebook, name, "incomparable", b.unit, a.mean, b.mean, remark=remark)
