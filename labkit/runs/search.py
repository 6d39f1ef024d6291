# SPDX-License-Identifier: BSD-3-Clause
"""The search for the highest load that a path carries: MLRsearch over trials."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from html import escape
from numbers import Real
from typing import TYPE_CHECKING, Any

from MLRsearch import (
    AbstractMeasurer,
    Config,
    MeasurementResult,
    MultipleLossRatioSearch,
    SearchGoal,
)

from labkit import machine
from labkit.errors import LabError
from labkit.path import near
from labkit.results import Results, fell_short

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

    from labkit.port import Port

# Loss ratios: NDR loses nothing, PDR one frame in two hundred (CSIT, "PDR" = 0.5 %)
LOSS_RATIOS: Mapping[str, float] = {"NDR": 0.0, "PDR": 0.005}

_MLR = SearchGoal(
    exceed_ratio=0.5,
    relative_width=0.005,
    initial_trial_duration=1.0,
    final_trial_duration=1.0,
    duration_sum=21.0,
    preceding_targets=2,
    expansion_coefficient=2,
    fail_fast=False,
)
PRESETS: Mapping[str, SearchGoal] = {
    # As CSIT searches: 21 one-second trials at each bound, up to half of them may be bad
    "mlr": _MLR,
    # RFC 2544 26.1: one trial of 60 s decides, and nothing may be lost
    "rfc2544": replace(
        _MLR, exceed_ratio=0.0, final_trial_duration=60.0, duration_sum=60.0, preceding_targets=3
    ),
    # A first look: three short trials at each bound, to within 5 %
    "quick": replace(
        _MLR,
        relative_width=0.05,
        initial_trial_duration=0.2,
        final_trial_duration=0.2,
        duration_sum=0.6,
        preceding_targets=1,
    ),
}
NOTES: Mapping[str, str] = {
    "generator": "the generator fell short at the upper bound: this is its limit, not the DUT's",
    "port": "the port did not take all frames at the upper bound: see column unsent of the trials",
    "open above": "even max_rate was carried: the limit is higher",
    "open below": "even min_rate was not carried: the limit is lower",
}

Measure = Callable[[float, float], Mapping[str, Any]]


@dataclass(frozen=True, eq=False)
class SearchRun:
    """A finished search: `table`, `trials`, `plot()`.

    Attributes
    ----------
    table: one row a goal: goal, loss_percent allowed, lower_pps and upper_pps (the bounds),
        throughput_pps (conditional throughput: lower_pps less the loss there), trials, and note.
        The bounds are loads that were intended; the trials tell what was sent (tx_pps).
    trials: every trial in the order it was measured, as results
    preset: that was used
    """

    table: "pd.DataFrame"
    trials: Results
    preset: str

    def plot(self) -> "Figure":
        """Every trial by its load in the order of measuring, and the bounds that were found."""
        from labkit.findings import search_figure

        return search_figure(self.trials.table, self.table, f"MLRsearch, preset {self.preset}")

    def __repr__(self) -> str:
        head = f"<SearchRun: {len(self.trials)} trials, preset {self.preset}>"
        return "\n".join([head, self.table.to_string(index=False), *self.trials.warnings])

    def _repr_html_(self) -> str:
        styled = self.table.style.hide(axis="index").format(precision=1, thousands=",", na_rep="–")
        warnings = "".join(f"<p>{escape(warning)}</p>" for warning in self.trials.warnings)
        return f"{styled.to_html()}<p>{len(self.trials)} trials, preset {self.preset}</p>{warnings}"


class SearchFailed(LabError):
    """A search that could not be finished.

    Attributes
    ----------
    trials: those that were measured
    """

    def __init__(self, reason: str, trials: Results) -> None:
        super().__init__(f"{reason}; its {len(trials)} trials are in this error's attribute trials")
        self.trials = trials


def search(
    port: "Port | None",
    streams: Any,
    *,
    goals: Sequence[str | float] = ("NDR", "PDR"),
    preset: str = "quick",
    min_rate: float = 1_000.0,
    max_rate: float | None = None,
    most_seconds: float = 1200.0,
    receive_on: "Port | None" = None,
    progress: bool = True,
    measure: Measure | None = None,
) -> SearchRun:
    """Searches for the highest loads that a path carries with at most the loss of each goal
    (draft-ietf-bmwg-mlrsearch).

    port, streams, receive_on: as for lk.trial; the rates of the streams are scaled together
    goals: "NDR" (no loss), "PDR" (0.5 %), or a loss ratio such as 0.001, below 1
    preset: "quick" (three 0.2-s trials a bound, within 5 %), "mlr" (as CSIT: 21 trials of 1 s a
        bound, within 0.5 %), "rfc2544" (one trial of 60 s a bound, no exceptions). Of the trials at
        a lower bound of "quick" and "mlr" up to half may have lost more than the goal allows.
    min_rate, max_rate: frames a second between which to search; max_rate None: what fills the
        port's link at this frame size
    most_seconds: after which the search gives up
    measure: a function of (frames a second, seconds) that gives a trial's row; None: lk.trial

    A frame that the generator could not send counts against a load, so that no load is reported
    that was never offered; where that decided, `note` says that the limit is the generator's.

    Raises SearchFailed, which holds the trials, when it takes too long or one of them fails; any
    other exception, such as Ctrl-C, holds them in its attribute trials.
    """
    if isinstance(goals, str) or not isinstance(goals, Sequence):
        raise LabError(f"goals is {goals!r}; it is a list such as ['NDR', 0.001]")
    if not goals:
        raise LabError("goals is empty; name at least one, such as 'NDR' or 0.001")
    ratios = [_loss_ratio(goal) for goal in goals]
    names = [_name(goal) for goal in goals]
    if len(set(ratios)) < len(ratios):
        raise LabError(f"goals {', '.join(names)}: two of them allow the same loss; leave one out")
    if preset not in PRESETS:
        raise LabError(f"there is no preset {preset!r}{near(preset, PRESETS)}")
    if measure is None or max_rate is None:
        if port is None:
            raise LabError("a search needs a port, or both measure= and max_rate=")
        max_rate = _link_pps(port, streams) if max_rate is None else max_rate
        measure = measure or _by_trials(port, streams, receive_on)
    wanted = {
        name: replace(PRESETS[preset], loss_ratio=ratio)
        for name, ratio in zip(names, ratios, strict=True)
    }
    shortest = PRESETS[preset].initial_trial_duration
    _check_numbers(min_rate, max_rate, most_seconds, shortest)
    config = Config(
        goals=wanted.values(),
        min_load=min_rate,
        max_load=max_rate,
        search_duration_max=most_seconds,
        warmup_duration=shortest,
    )
    with _Measurer(measure, progress) as measurer:
        try:
            found = MultipleLossRatioSearch(config=config).search(measurer=measurer)
        except (RuntimeError, LabError) as error:
            reason = f"the search ended without a result: {error}"
            raise SearchFailed(reason, measurer.trials) from error
        except BaseException as error:
            vars(error)["trials"] = measurer.trials
            error.add_note(f"{len(measurer.trials)} trials are in this error's attribute trials")
            raise
    return SearchRun(_table(wanted, found, measurer.trials), measurer.trials, preset)


def _by_trials(port: "Port", streams: Any, receive_on: "Port | None") -> Measure:
    """Measures with lk.trial, the rates of the streams scaled together."""
    from labkit.runs.trial import trial

    def measure(pps: float, seconds: float) -> Mapping[str, Any]:
        settings: dict[str, Any] = {"receive_on": receive_on, "warmup": 0, "progress": False}
        row: Mapping[str, Any] = trial(port, streams, duration=seconds, rate=pps, **settings).row
        return row

    return measure


def _link_pps(port: "Port", streams: Any) -> float:
    """Frames a second that fill the port's link (layer 1) at the mean size of the streams."""
    from labkit.traffic.rate import Rate

    listed = list(streams) if isinstance(streams, (list, tuple)) else [streams]
    weights = sum(stream.weight for stream in listed)
    size = sum(stream.weight * stream.sizes.mean for stream in listed) / weights
    speed = port.info.link_speed_mbps
    if speed is None:
        raise LabError(f"the link speed of port {port.name} is not known; pass max_rate=")
    return Rate(100, "%").pps(size, speed)


class _Measurer(AbstractMeasurer):  # type: ignore[misc]  # MLRsearch has no types
    """Measures for MLRsearch and keeps every trial."""

    def __init__(self, measure: Measure, progress: bool) -> None:
        from tqdm import tqdm

        self._measure = measure
        self._rows: list[Mapping[str, Any]] = []
        self._bar = tqdm(unit="trial", disable=not progress)

    def measure(self, intended_duration: float, intended_load: float) -> MeasurementResult:
        row = self._measure(intended_load, intended_duration)
        self._rows.append({**row, "target_pps": intended_load})
        lost = row["drop_percent"]
        said = "nothing was sent" if lost is None else f"{lost:.3g} % lost"
        self._bar.set_postfix_str(f"{intended_load:,.0f} pps: {said}")
        self._bar.update()
        return MeasurementResult(
            intended_duration=intended_duration,
            intended_load=intended_load,
            intended_count=int(row["intended"]),
            offered_count=int(row["sent"]),
            loss_count=int(row["sent"]) - int(row["received"]),
        )

    @property
    def trials(self) -> Results:
        run = {"kind": "search", "machines": [machine.describe()]}
        return Results.from_rows(self._rows, run)

    def __enter__(self) -> "_Measurer":
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.close()


def _table(wanted: Mapping[str, SearchGoal], found: Any, trials: Results) -> "pd.DataFrame":
    import pandas as pd

    rows = []
    for name, goal in wanted.items():
        result = found[goal]
        low, high = result.relevant_lower_bound, result.relevant_upper_bound
        throughput = result.conditional_throughput
        upper = float(high) if high is not None else None
        rows.append(
            {
                "goal": name,
                "loss_percent": 100 * goal.loss_ratio,
                "lower_pps": float(low) if low is not None else None,
                "upper_pps": upper,
                "throughput_pps": float(throughput) if throughput is not None else None,
                "trials": len(trials),
                "note": _note(low, upper, trials.table),
            }
        )
    return pd.DataFrame(rows).astype(
        {"lower_pps": float, "upper_pps": float, "throughput_pps": float}
    )


def _note(low: Any, upper: float | None, trials: "pd.DataFrame") -> str:
    if low is None:
        return NOTES["open below"]
    if upper is None:
        return NOTES["open above"]
    at_bound = trials[(trials["target_pps"] / upper - 1).abs() < 1e-9]
    if at_bound["generator_limited"].fillna(False).any():
        return NOTES["generator"]
    return NOTES["port"] if fell_short(at_bound).any() else ""


def _check_numbers(
    min_rate: float, max_rate: float, most_seconds: float, trial_seconds: float
) -> None:
    numbers = {"min_rate": min_rate, "max_rate": max_rate, "most_seconds": most_seconds}
    for name, value in numbers.items():
        if not (isinstance(value, Real) and math.isfinite(value) and value > 0):
            raise LabError(f"{name} is {value!r}; it is a positive number")
    if min_rate >= max_rate:
        raise LabError(f"min_rate is {min_rate:,.0f} and max_rate {max_rate:,.0f}; 0 < min < max")
    if min_rate * trial_seconds < 1:
        raise LabError(
            f"min_rate is {min_rate:g}: its trials of {trial_seconds:g} s have no frame; give "
            f"{1 / trial_seconds:g} or more, or another preset"
        )


def _name(goal: str | float) -> str:
    return goal if isinstance(goal, str) else f"{100 * goal:g} %"


def _loss_ratio(goal: str | float) -> float:
    if isinstance(goal, str):
        if goal not in LOSS_RATIOS:
            raise LabError(f"there is no goal {goal!r}{near(goal, LOSS_RATIOS)}")
        return LOSS_RATIOS[goal]
    is_number = isinstance(goal, Real) and not isinstance(goal, bool)
    if not is_number or not 0 <= goal < 1:
        raise LabError(f"goal {goal!r}: a loss ratio is 0 or more and below 1 (0.005 is 0.5 %)")
    return float(goal)
