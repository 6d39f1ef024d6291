# SPDX-License-Identifier: BSD-3-Clause
"""Results of two runs, or of a run and a baseline: what differs beyond the noise."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from html import escape
from typing import TYPE_CHECKING, Any, Literal

from labkit.notebooks.report.pages import number, percent
from labkit.text import MISSING, bold, html_table

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

Verdict = Literal["same", "better", "worse", "changed", "new", "missing", "incomparable"]
LOUD: tuple[Verdict, ...] = ("worse", "missing", "incomparable")
COLORS = {**dict.fromkeys(LOUD, "#b3261e"), "better": "#00785a"}
OTHER_COLOR = "#57606a"


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
