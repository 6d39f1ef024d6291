# SPDX-License-Identifier: BSD-3-Clause
"""What a search looks for: goals by the loss they allow, and presets that say how it measures."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Literal

from MLRsearch import SearchGoal

from labkit.arguments.hints import is_real
from labkit.errors import LabError
from labkit.text import near
from labkit.units import plain

Preset = Literal["mlr", "rfc2544", "quick"]
Goal = Literal["NDR", "PDR"]

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


def wanted_goals(goals: Sequence[str | float], preset: str) -> dict[str, SearchGoal]:
    """What MLRsearch is to find, by the name that a table gives it."""
    if isinstance(goals, str) or not isinstance(goals, Sequence):
        raise LabError(f"goals is {goals!r}; it is a list such as ['NDR', 0.001]")
    if not goals:
        raise LabError("goals is empty; name at least one, such as 'NDR' or 0.001")
    ratios = [_loss_ratio(goal) for goal in goals]
    names = [_name(goal) for goal in goals]
    if len(set(ratios)) < len(ratios):
        raise LabError(f"goals {', '.join(names)}: two of them allow the same loss; leave one out")
    if not isinstance(preset, str) or preset not in PRESETS:
        raise LabError(f"there is no preset {preset!r}{near(preset, PRESETS)}")
    return {
        name: replace(PRESETS[preset], loss_ratio=ratio)
        for name, ratio in zip(names, ratios, strict=True)
    }


def _name(goal: str | float) -> str:
    return goal if isinstance(goal, str) else f"{plain(100 * goal, 12)} %"


def _loss_ratio(goal: str | float) -> float:
    if isinstance(goal, str):
        if goal not in LOSS_RATIOS:
            raise LabError(f"there is no goal {goal!r}{near(goal, LOSS_RATIOS)}")
        return LOSS_RATIOS[goal]
    if not is_real(goal) or not 0 <= goal < 1:
        raise LabError(f"goal {goal!r}: a loss ratio is 0 or more and below 1 (0.005 is 0.5 %)")
    return float(goal)
