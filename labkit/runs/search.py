# SPDX-License-Identifier: BSD-3-Clause
"""The search for the highest load that a path carries: MLRsearch over trials."""

import math
import os
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from MLRsearch import Config, MultipleLossRatioSearch, SearchGoal

from labkit.arguments.checked import checked
from labkit.arguments.hints import is_real
from labkit.dut.base import FarEnd
from labkit.errors import LabError
from labkit.hosts.far_port import FarPort
from labkit.lab.port import Port
from labkit.machine import description as machine
from labkit.results.columns import came_late, fell_short, lost_here
from labkit.results.results import Results
from labkit.runs.search_goals import PRESETS, Goal, Preset, wanted_goals
from labkit.runs.search_trials import Measure, Measurer, Target
from labkit.tables.shown import as_html, as_lines
from labkit.traffic.placed import Placed
from labkit.traffic.rate import Rate
from labkit.units import plain

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

NOTES: Mapping[str, str] = {
    "generator": "the generator fell short at the upper bound: this is its limit, not the DUT's",
    "port": "the port did not take all frames at the upper bound: see column unsent of the trials",
    "receiver": "the measuring port lost frames at the upper bound: see column port_drops",
    "late": "at the lower bound more than 1 % came after the end, out of a buffer: longer trials, "
    "as of preset mlr, tell the lasting limit",
    "open above": "even max_rate was carried: the limit is higher",
    "open below": "even min_rate was not carried: the limit is lower",
}


@dataclass(frozen=True, eq=False)
class SearchRun:
    """A finished search: `table`, `trials`, `plot()`, `save()`.

    Attributes
    ----------
    table: one row a goal: goal, loss_percent allowed, lower_pps and upper_pps (the bounds),
        throughput_pps (conditional throughput: lower_pps less the loss there), and note. The bounds
        are loads that were intended, of all directions in sum; the trials tell what was sent
        (tx_pps).
    trials: every trial in the order it was measured, as results; their run tells the parameters of
        the search, and its table as run["goals"]
    preset: that was used
    """

    table: "pd.DataFrame"
    trials: Results
    preset: str

    def plot(self) -> "Figure":
        """Every trial by its load in the order of measuring, and the bounds that were found."""
        from labkit.runs.search_figure import search_figure  # matplotlib is slow to load

        return search_figure(self.trials.table, self.table, f"MLRsearch, preset {self.preset}")

    def save(self, folder: str | os.PathLike[str]) -> Path:
        """Writes the trials and what was found into a folder, as Results.save(); lk.load(folder)
        gives the trials, with the table in run["goals"]."""
        return self.trials.save(folder)

    def __repr__(self) -> str:
        head = f"<SearchRun: {len(self.trials)} trials, preset {self.preset}>"
        return "\n".join([head, as_lines(self.table), *self.trials.warnings])

    def _repr_html_(self) -> str:
        warnings = "".join(f"<p>{escape(warning)}</p>" for warning in self.trials.warnings)
        trials = f"<p>{len(self.trials)} trials, preset {self.preset}</p>"
        return f"{as_html(self.table)}{trials}{warnings}"


class SearchFailed(LabError):
    """A search that could not be finished.

    Attributes
    ----------
    trials: those that were measured
    """

    def __init__(self, reason: str, trials: Results) -> None:
        super().__init__(f"{reason}; its {len(trials)} trials are in this error's attribute trials")
        self.trials = trials


@checked(
    but=("port", "streams", "receive_on", "goals", "preset", "most_seconds", "min_rate", "max_rate")
)
def search(
    port: Port | FarEnd | Placed | Sequence[Placed] | None,
    streams: Any = None,
    *,
    goals: Sequence[Goal | float] = ("NDR", "PDR"),
    preset: Preset = "quick",
    min_rate: Rate | str | float = 1_000.0,
    max_rate: Rate | str | float | None = None,
    most_seconds: float = 1200.0,
    receive_on: Port | FarPort | None = None,
    lanes: int | None = None,
    progress: bool = True,
    measure: Measure | None = None,
) -> SearchRun:
    """Searches for the highest loads that a path carries with at most the loss of each goal
    (draft-ietf-bmwg-mlrsearch).

    port, streams, receive_on: as for lk.trial; the rates of the streams are scaled together. In
        place of the port the far end of a DUT, as `with dut.open(lab) as far_end` gives it: the
        frames that the DUT counts as dropped are then no unexplained ones. Or a list of streams on
        ports, [one.on(a, to=b), other.on(b, to=a)]: all directions are loaded alike and at once.
    goals: "NDR" (no loss), "PDR" (0.5 %), or a loss ratio such as 0.001, below 1
    preset: "quick" (three 0.2-s trials a bound, within 5 %), "mlr" (as CSIT: 21 trials of 1 s a
        bound, within 0.5 %), "rfc2544" (one trial of 60 s a bound, no exceptions). Of the trials at
        a lower bound of "quick" and "mlr" up to half may have lost more than the goal allows.
    min_rate, max_rate: loads between which to search, such as "1 Mpps", "1 Gbit/s", "50 %" or a
        number of frames a second; max_rate None: what fills the port's link at this frame size. Of
        several directions they are the load of each, as rate= of lk.trial (of the slowest link).
    most_seconds: after which the search gives up
    lanes: workers of each port that sends or receives, as of lk.trial
    measure: a function of (frames a second, seconds) that gives a trial's row; None: lk.trial

    A frame that the generator could not send counts against a load, so that no load is reported
    that was never offered; where that decided, `note` says that the limit is the generator's.

    Of several directions MLRsearch is given the sum of their loads and of their losses, as FD.io
    CSIT reports bidirectional traffic: the bounds and throughput_pps are of all together, and each
    direction had its equal share. No loss in sum is none in each; what a PDR allows one of them
    may have lost alone.

    Raises SearchFailed, which holds the trials, when it takes too long or one of them fails; any
    other exception, such as Ctrl-C, holds them in its attribute trials.
    """
    wanted = wanted_goals(goals, preset)
    target = None if port is None else Target.of(port, streams, receive_on, lanes)
    if target is None and (measure is None or max_rate is None):
        raise LabError("a search needs a port, or both measure= and max_rate=")
    lowest = _pps("min_rate", min_rate, target)
    highest = _pps("max_rate", "100 %" if max_rate is None else max_rate, target)
    count = len(target.directions) if target else 1
    config = _config(wanted.values(), (lowest, highest), count, preset, most_seconds)
    run = _run(list(wanted), config, preset, target)
    if measure is None:
        assert target is not None
        measure = target.measure
    with Measurer(measure, run, most_seconds, progress) as measurer:
        found = _searched(measurer, config, preset)
    rows = _goals(wanted, found, measurer.trials())
    return SearchRun(_table(rows), measurer.trials(goals=rows), preset)


def _config(
    goals: Collection[SearchGoal],
    loads: tuple[float, float],
    directions: int,
    preset: str,
    most_seconds: float,
) -> Config:
    """What MLRsearch is told; LabError for numbers that cannot be.

    loads: the lowest and the highest, of all directions together
    """
    if not (is_real(most_seconds) and math.isfinite(most_seconds) and most_seconds > 0):
        raise LabError(f"most_seconds is {most_seconds!r}; it is a positive number")
    lowest, highest = loads
    least, most = lowest / directions, highest / directions
    if lowest >= highest:
        raise LabError(f"min_rate is {least:,.0f} and max_rate {most:,.0f}; 0 < min < max")
    shortest = PRESETS[preset].initial_trial_duration
    if least * shortest < 1:
        raise LabError(
            f"min_rate is {plain(least)}: its trials of {plain(shortest)} s have no frame; give "
            f"{plain(1 / shortest)} or more, or another preset"
        )
    return Config(
        goals=goals,
        min_load=lowest,
        max_load=highest,
        search_duration_max=most_seconds,
        warmup_duration=shortest,
    )


def _run(goals: list[str], config: Config, preset: str, target: Target | None) -> dict[str, Any]:
    """What is known of the search before it begins."""
    lab = target.lab if target else None
    several = {"directions": target.names} if target and len(target.names) > 1 else {}
    hosts = {"hosts": target.hosts} if target and target.hosts else {}
    return {
        **hosts,
        "kind": "search",
        "title": f"MLRsearch, preset {preset}",
        "parameters": {
            "goals": goals,
            "preset": preset,
            "min_rate": config.min_load,
            "max_rate": config.max_load,
            "streams": [repr(stream) for stream in target.streams] if target else [],
            **several,
            **({"lanes": target.lanes} if target and target.lanes else {}),
            "most_seconds": config.search_duration_max,
        },
        "machines": [
            machine.describe(lab.dpdk_version, lab.eal.arguments("")) if lab else machine.describe()
        ],
    }


def _searched(measurer: Measurer, config: Config, preset: str) -> Any:
    """What MLRsearch found, by goal; what ends it early holds the trials."""
    try:
        return MultipleLossRatioSearch(config=config).search(measurer=measurer)
    except (RuntimeError, LabError) as error:
        reason = f"the search ended without a result: {error}"
        most = config.search_duration_max
        if isinstance(error, RuntimeError) and measurer.seconds >= most:
            reason = f"the search was not done after most_seconds={plain(most)}; give more"
            reason += "" if preset == "quick" else ", or preset='quick'"
        raise SearchFailed(reason, measurer.trials()) from error
    except BaseException as error:
        trials = vars(error)["trials"] = measurer.trials()
        error.add_note(f"{len(trials)} trials are in this error's attribute trials")
        raise


def _pps(name: str, rate: Any, target: Target | None) -> float:
    """A rate in frames a second of all directions, at the mean size of the streams."""
    try:
        parsed = Rate.parse(rate)
        if target is not None:
            return target.pps(parsed)
        if parsed.unit != "pps":
            raise LabError(f"rate is {rate!r}; without a port it is a number of frames a second")
        return parsed.value
    except LabError as error:
        raise LabError(f"{name}: {error}") from None


def _goals(wanted: Mapping[str, SearchGoal], found: Any, trials: Results) -> list[dict[str, Any]]:
    """What was found, one row a goal."""
    rows = []
    for name, goal in wanted.items():
        result = found[goal]
        low, high = result.relevant_lower_bound, result.relevant_upper_bound
        throughput = result.conditional_throughput
        lower = float(low) if low is not None else None
        upper = float(high) if high is not None else None
        rows.append(
            {
                "goal": name,
                "loss_percent": 100 * goal.loss_ratio,
                "lower_pps": lower,
                "upper_pps": upper,
                "throughput_pps": float(throughput) if throughput is not None else None,
                "note": _note(lower, upper, trials.table),
            }
        )
    return rows


def _table(rows: list[dict[str, Any]]) -> "pd.DataFrame":
    from labkit.tables.table import Table  # pandas is slow to load

    return Table(rows).astype({"lower_pps": float, "upper_pps": float, "throughput_pps": float})


def _note(lower: float | None, upper: float | None, trials: "pd.DataFrame") -> str:
    is_late = lower is not None and came_late(_at(trials, lower)).any()
    late = NOTES["late"] if is_late else ""
    if upper is None:
        return late or NOTES["open above"]
    at_bound = _at(trials, upper)
    if at_bound["generator_limited"].fillna(False).any():
        return NOTES["generator"]
    if fell_short(at_bound).any():
        return NOTES["port"]
    if lost_here(at_bound).any():
        return NOTES["receiver"]
    return NOTES["open below"] if lower is None else late


def _at(trials: "pd.DataFrame", load: float) -> "pd.DataFrame":
    return trials[(trials["target_pps"] / load - 1).abs() < 1e-9]
