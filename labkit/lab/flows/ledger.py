# SPDX-License-Identifier: BSD-3-Clause
"""Where every frame of live traffic went, over all that ran."""

from collections.abc import Mapping
from typing import Any

from labkit.lab.flows.counts import Reading, total
from labkit.lab.reading import Reading as LabReading
from labkit.lab.running_path import RunningPath
from labkit.path.counters import REFUSED_BY_TX, PathCounters
from labkit.path.ledger import Ledger


class Drops:
    """Measured frames that paths of a lab have dropped since live traffic began, those of paths
    that were stopped included."""

    def __init__(self, lab: Any, own: str) -> None:
        """own: what the names of the traffic's own paths begin with."""
        self._lab, self._own = lab, own
        self._before = LabReading.of(lab)
        self._paths_before = dict(self._before.paths)
        self._kept: dict[str, int] = {}
        self._copies = 0
        lab.stop_listeners.append(self._keep)

    def end(self) -> None:
        """No more paths are heard of."""
        if self._keep in self._lab.stop_listeners:
            self._lab.stop_listeners.remove(self._keep)

    def _keep(self, running: RunningPath) -> None:
        """Of a path that was stopped; another one of its name counts from 0."""
        if running.kept is None:
            return
        paths = {running.name: running.kept}
        self._copies += _copies(paths) - _copies(self._then(paths))
        for name, frames in self._of(running.name, running.kept).items():
            self._kept[name] = self._kept.get(name, 0) + frames
        self._paths_before.pop(running.name, None)

    def _then(self, paths: Mapping[str, PathCounters]) -> dict[str, PathCounters]:
        """The same paths as live traffic began."""
        return {name: self._paths_before[name] for name in paths if name in self._paths_before}

    def read(self) -> tuple[dict[str, int], dict[str, int], int]:
        """Frames by drop node and port loss; frames that wait on wires; copies that bad lines
        made."""
        now = LabReading.of(self._lab)
        drops = dict(self._kept)
        for path, counters in now.paths.items():
            for name, frames in self._of(path, counters).items():
                drops[name] = drops.get(name, 0) + frames
        drops = {name: frames for name, frames in drops.items() if frames}
        copied = self._copies + _copies(now.paths) - _copies(self._then(now.paths))
        return drops | now.losses_since(self._before), now.waiting_since(self._before), copied

    def _of(self, path: str, counters: PathCounters) -> dict[str, int]:
        is_own = path.startswith(self._own)
        before = self._paths_before.get(path)
        then: Mapping[str, int] = {} if before is None else before.measured_drops
        return {
            name: frames - then.get(name, 0)
            for name, frames in counters.measured_drops.items()
            if not (is_own and name in REFUSED_BY_TX)
        }


def ledger_of(reading: Reading, read: tuple[dict[str, int], dict[str, int], int]) -> Ledger:
    """The ledger of flows with a signature."""
    drops, waiting, copied = dict(read[0]), read[1], read[2]
    sent, received = total(reading, "total_sent"), total(reading, "total_received")
    duplicated, late = total(reading, "total_duplicated"), total(reading, "total_late")
    if late:
        drops["too old to be told from a duplicate"] = late
    if copied > duplicated:
        drops["of these, copies"] = duplicated - copied
    missing = sent - received - sum(drops.values())
    for port, frames in waiting.items():
        if explained := min(frames, max(0, missing)):
            drops[f"still on the wire to {port}"] = explained
            missing -= explained
    extra = {"duplicates": duplicated, "reordered": total(reading, "total_reordered")}
    return Ledger(sent + total(reading, "total_unsent"), sent, received, drops, extra)


def _copies(paths: Mapping[str, Any]) -> int:
    return sum(i["copied"] for c in paths.values() for i in c.impairments.values())
