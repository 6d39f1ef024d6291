# SPDX-License-Identifier: BSD-3-Clause
"""What became of each result and check of notebooks: worse, missing, incomparable or the same."""

import math
from collections.abc import Iterator, Mapping
from typing import Any

from labkit.machine.description import differences
from labkit.notebooks.report.comparison import Row, RunComparison, Verdict
from labkit.notebooks.report.pages import told
from labkit.notebooks.report.series import Notebook, Series
from labkit.results.statistics import Spread, difference_interval

MINIMAL_EFFECT = 0.05  # a share: what is smaller wakes nobody, however certain it is


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
        rows += _results(title, old, new, minimal_effect)
        gone = [check for check in old.checks if check not in new.checks]
        rows += [Row(title, f"check {check}", "missing", remark="no longer made") for check in gone]
        machine = _other_machine(old, new)
        if machine:
            text = ", ".join(f"{k} {told(a)} → {told(b)}" for k, (a, b) in machine.items())
            warnings.append(f"{title} ran on another machine: {text}")
        changes |= machine | differences(old.environment, new.environment)
    if not before.keys() & now.keys():
        warnings.append(f"no notebook is in both, so nothing was compared: {_names(before, now)}")
    return RunComparison(name, tuple(rows), tuple(dict.fromkeys(warnings)), changes)


def _results(title: str, old: Notebook, new: Notebook, minimal_effect: float) -> Iterator[Row]:
    """A row for each result that either has."""
    other = differences(old.parameters, new.parameters)
    for name in dict.fromkeys([*old.results, *new.results]):
        a, b = old.results.get(name), new.results.get(name)
        if a is None or b is None:
            yield _new(title, name, b) if b else _missing(title, name)
        elif other or a.unit != b.unit:
            yield _incomparable(title, name, a, b, other)
        else:
            yield _compared(title, name, a, b, minimal_effect)


def _other_machine(old: Notebook, new: Notebook) -> dict[str, tuple[Any, Any]]:
    """Where the machines differ: what one of them did not write may be the same."""
    found = differences(old.machine, new.machine)
    return {
        name: sides for name, sides in found.items() if name in old.machine and name in new.machine
    }


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
