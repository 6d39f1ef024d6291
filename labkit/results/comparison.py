# SPDX-License-Identifier: BSD-3-Clause
"""Two sets of results against each other, with the noise that repeats show."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from numbers import Real
from typing import TYPE_CHECKING, Any

import numpy as np

from labkit.arguments.checked import checked
from labkit.errors import LabError
from labkit.results.columns import COLUMNS, NUMBER, came_late, check_results, fell_short, lost_here
from labkit.results.results import Results
from labkit.results.statistics import CONFIDENCE, difference_interval, spread_of
from labkit.results.text import load_names
from labkit.tables.fit import fitting
from labkit.tables.shown import as_html, as_lines
from labkit.text import MISSING, near
from labkit.units import plain

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

QUANTITIES = ("rx_pps", "drop_percent", "latency_p50_ns", "latency_p99_ns")
LOAD = ["size_bytes", "mix", "target_pps"]
ALIKE = ("duration", "warmup", "vary")  # parameters that make a load of sweeps another one
MOST_NAMED = 8


@dataclass(frozen=True, eq=False)
class Comparison:
    """b against a at every load that both have: `table`, `plot()`.

    Attributes
    ----------
    table: one row a load and quantity: config (of both, or "A → B"), size_bytes, mix,
        target_pps, quantity, a and b (means over repeats), trials_a, trials_b, difference (b - a),
        low and high (its confidence interval by Welch's t-test; missing with fewer than two trials
        on a side) and verdict: "differs", "within noise", or "unknown" without repeats
    confidence: of every interval by itself, between 0 and 1
    caveats: what a reader must know of the trials: other parameters of their sweeps, loads left
        out, targets not reached, late frames, imbalance
    """

    table: "pd.DataFrame"
    confidence: float
    caveats: tuple[str, ...] = ()

    @property
    def differences(self) -> "pd.DataFrame":
        """The rows that differ by more than their noise."""
        return self.table[self.table["verdict"] == "differs"]

    @property
    def note(self) -> str:
        """What the verdicts mean, and what they cannot tell."""
        judged = int((self.table["verdict"] != "unknown").sum())
        percent = f"{plain(100 * self.confidence)} %"
        by_chance = judged * (1 - self.confidence)
        text = (
            f"{len(self.differences)} of {judged} differ ({percent} intervals; by chance alone "
            f"about {by_chance:.1f} would)"
        )
        unknown = len(self.table) - judged
        if unknown:
            text += f"; {unknown} unknown: measure with repeats=2 or more to learn their noise"
        return "; ".join([text, *self.caveats])

    def plot(self) -> "Figure":
        """Differences in percent of a with their intervals, one panel a quantity."""
        from labkit.results.difference_figure import difference_figure  # matplotlib is slow to load

        return difference_figure(self.table, self.note)

    def __repr__(self) -> str:
        shown, told = self._shown
        return "\n".join([f"<Comparison: {self.note}>", as_lines(shown), *filter(None, [told])])

    def _repr_html_(self) -> str:
        shown, told = self._shown
        notes = "".join(f"<p>{escape(text)}</p>" for text in (told, self.note) if text)
        return f"{as_html(shown)}{notes}"

    @property
    def _shown(self) -> tuple["pd.DataFrame", str]:
        """The verdict where it is seen first, and what is left out."""
        has_mix = self.table["mix"].notna().any()
        load = [name for name in LOAD if has_mix or name != "mix"]
        numbers = ["a", "b", "difference", "low", "high", "trials_a", "trials_b"]
        shown = self.table[["config", *load, "quantity", "verdict", *numbers]]
        return fitting(shown, (*load, "verdict"), ("trials_a", "trials_b"))


@checked(but=("a", "b", "quantities", "confidence"))
def compare(
    a: Results,
    b: Results,
    *,
    quantities: Sequence[str] = QUANTITIES,
    confidence: float = CONFIDENCE,
) -> Comparison:
    """What changed from a to b, load by load, and whether it is more than noise.

    Trials of the same config, size, mix of sizes and target are compared. When a and b have one
    config each, they are compared whatever they are called; to compare two configs of one sweep,
    pass sweep.where(config="x"), sweep.where(config="y").

    quantities: numeric columns; those that were not measured on both sides are left out
    confidence: of the intervals, 0.5 to 0.999
    """
    from labkit.tables.table import Table  # pandas is slow to load

    for name, given in (("a", a), ("b", b)):
        check_results(name, given)
    if not isinstance(confidence, Real) or not 0.5 <= confidence <= 0.999:
        raise LabError(f"confidence is {confidence!r}; the range is 0.5 to 0.999")
    if isinstance(quantities, str) or not isinstance(quantities, Sequence) or not quantities:
        such = quantities if isinstance(quantities, str) else QUANTITIES[0]
        raise LabError(f"quantities is {quantities!r}; it is a list such as [{such!r}]")
    numeric = [name for name, (kind, _) in COLUMNS.items() if kind == NUMBER]
    for name in quantities:
        if not isinstance(name, str) or name not in numeric:
            raise LabError(f"{name!r} cannot be compared{near(name, numeric)}")
    left, right = _aligned(a.table, b.table)
    keys = ["config", *LOAD]
    ours, theirs = _by_load(left), _by_load(right)
    rows: list[dict[str, Any]] = []
    for key, mine in ours.items():
        if key not in theirs:
            continue
        for quantity in quantities:
            before = mine[quantity].dropna().to_numpy()
            after = theirs[key][quantity].dropna().to_numpy()
            if before.size and after.size:
                rows.append(
                    dict(zip(keys, key, strict=True))
                    | {"quantity": quantity}
                    | _difference(before, after, confidence)
                )
    if not rows and ours.keys() & theirs.keys():
        raise LabError(f"none of {', '.join(quantities)} was measured on both sides at one load")
    if not rows:
        raise LabError(
            f"the two have no load in common: a has {_loads(left)}; b has {_loads(right)}"
        )
    table = Table(rows).astype({"mix": "string", "target_pps": "float64"})
    caveats = (*_other_parameters(a.run, b.run), *_caveats(ours, theirs))
    return Comparison(table, confidence, caveats)


Loads = Mapping[tuple[Any, ...], "pd.DataFrame"]


def _by_load(table: "pd.DataFrame") -> Loads:
    """Trials by config, size, mix and target; None where one is missing, as without a rate."""
    import pandas as pd

    groups: Any = table.groupby(["config", *LOAD], dropna=False)
    return {tuple(None if pd.isna(k) else k for k in key): trials for key, trials in groups}


def _other_parameters(a: Mapping[str, Any], b: Mapping[str, Any]) -> Iterator[str]:
    """What differs between the runs of two sweeps, and no column of their trials tells."""
    if a.get("kind") != "sweep" or b.get("kind") != "sweep":
        return
    # A parameter that one does not tell is none that differs; earlier releases varied nothing.
    ours, theirs = ({"vary": [], **run.get("parameters", {})} for run in (a, b))
    both = [name for name in ALIKE if name in ours and name in theirs]
    if differing := [name for name in both if ours[name] != theirs[name]]:
        yield f"a and b were measured with other parameters: {', '.join(differing)}"


def _caveats(a: Loads, b: Loads) -> Iterator[str]:
    import pandas as pd

    alone = [len(one.keys() - other.keys()) for one, other in ((a, b), (b, a))]
    if any(alone):
        yield f"left out: {alone[0]} loads that only a has, {alone[1]} that only b has"
    trials = pd.concat([loads[key] for loads in (a, b) for key in a.keys() & b.keys()])
    if short := int(fell_short(trials).sum()):
        yield f"{short} of {len(trials)} trials did not reach their target_pps"
    if here := int(lost_here(trials).sum()):
        yield f"of {here} of {len(trials)} trials the measuring port lost frames, not the DUT alone"
    if late := int(came_late(trials).sum()):
        yield f"of {late} of {len(trials)} trials rx_pps counts frames that came after the end"
    if unbalanced := int((~trials["balanced"].fillna(True)).sum()):
        yield f"{unbalanced} of {len(trials)} trials are NOT balanced"


def _difference(
    before: "np.ndarray[Any, Any]", after: "np.ndarray[Any, Any]", confidence: float
) -> dict[str, Any]:
    difference = after.mean() - before.mean()
    interval = difference_interval(difference, spread_of(before), spread_of(after), confidence)
    low, high = interval or (np.nan, np.nan)
    verdict = "unknown"
    if interval is not None:
        verdict = "within noise" if low <= 0 <= high else "differs"
    return {
        "a": before.mean(),
        "b": after.mean(),
        "trials_a": before.size,
        "trials_b": after.size,
        "difference": difference,
        "low": low,
        "high": high,
        "verdict": verdict,
    }


def _aligned(a: "pd.DataFrame", b: "pd.DataFrame") -> tuple["pd.DataFrame", "pd.DataFrame"]:
    """Both tables with configs that match by name."""
    names_a, names_b = a["config"].unique().tolist(), b["config"].unique().tolist()
    if not set(names_a) & set(names_b):
        if len(names_a) != 1 or len(names_b) != 1:
            raise LabError(
                f"the two have no config in common: a has {', '.join(map(str, names_a))}, b has "
                f"{', '.join(map(str, names_b))}; choose one of each with where(config=...)"
            )
        both = f"{names_a[0]} → {names_b[0]}"
        return a.assign(config=both), b.assign(config=both)
    return a, b


def _loads(table: "pd.DataFrame") -> str:
    loads = table[["config", *LOAD]].drop_duplicates().itertuples(index=False)
    names = []
    for config, size, pps in (load_names(*load) for load in loads):
        names.append(f"{config} {size} {MISSING if pps is None else plain(pps)} pps")
    return ", ".join(names[:MOST_NAMED]) + (" …" if len(names) > MOST_NAMED else "")
