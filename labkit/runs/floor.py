# SPDX-License-Identifier: BSD-3-Clause
"""What each lab itself adds to a latency, where lk.calibrate has measured it."""

from weakref import WeakKeyDictionary

from labkit.lab.lab import Lab
from labkit.results.latency import LatencyHistogram

_floors: WeakKeyDictionary[Lab, LatencyHistogram] = WeakKeyDictionary()


def keep_floor(lab: Lab, floor: LatencyHistogram) -> None:
    """Keeps it for the trials of this lab, as long as the lab lives."""
    _floors[lab] = floor


def floor_ns(lab: Lab) -> float | None:
    """Its median in ns; None where nothing was measured."""
    floor = _floors.get(lab)
    return None if floor is None else floor.percentile(50)
