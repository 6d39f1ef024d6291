# SPDX-License-Identifier: BSD-3-Clause
"""On which workers lanes of paths are walked, and how one path takes the place of another there."""

from collections.abc import Mapping

from labkit.engine.node_config import EngineLane, EnginePath
from labkit.engine.workers import Workers


class LaneWorkers:
    """Puts lanes on workers; `paths` are those that run."""

    def __init__(self, workers: Workers, paths: Mapping[str, EnginePath]) -> None:
        self._workers = workers
        self._paths = paths

    def place(self, running: EnginePath) -> None:
        """Each lane on a worker, which walks all that have a queue in common."""
        for lane in running.lanes:
            self._place(lane, running)

    def _place(self, lane: EngineLane, running: EnginePath) -> None:
        self._workers.place(lane.graph, self._beside(lane, running))

    def swap(self, before: EnginePath, running: EnginePath) -> list[int]:
        """Puts lanes in the place of others; the lcores of those.

        Where lane k has no queue of another lane than lane k before, each is exchanged on its
        worker. Else all come to one worker, are exchanged there at once, and part again.
        """
        lcores = [self._workers.lcore_of(lane.graph) for lane in before.lanes]
        if _fit(before, running):
            for old, lane in zip(before.lanes, running.lanes, strict=True):
                beside = self._beside(lane, running, instead_of=before)
                self._workers.swap([old.graph], [lane.graph], beside)
            return lcores
        beside = set[int]().union(
            *(self._beside(lane, running, instead_of=before) for lane in running.lanes)
        )
        self._workers.swap(before.graphs, running.graphs, beside)
        for lane in running.lanes[1:]:
            self._workers.remove(lane.graph)
            self._place(lane, running)
        return lcores

    def _beside(
        self, lane: EngineLane, of: EnginePath, *, instead_of: EnginePath | None = None
    ) -> set[int]:
        """Lcores that walk lanes with queues of this one's, of its own path and of others."""
        return {
            self._workers.lcore_of(other.graph)
            for path in (of, *self._paths.values())
            if path is not instead_of
            for other in path.lanes
            if other is not lane and self._workers.has(other.graph) and other.queues & lane.queues
        }


def _fit(before: EnginePath, running: EnginePath) -> bool:
    """As many lanes, and each has queues of the one with its number at most."""
    return len(before.lanes) == len(running.lanes) and not any(
        lane.queues & old.queues
        for lane in running.lanes
        for old in before.lanes
        if lane.number != old.number
    )
