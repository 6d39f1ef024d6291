# SPDX-License-Identifier: BSD-3-Clause
"""The lanes of a path as a table."""

from labkit.path.counters import LaneCounters, PathCounters, entered, left
from labkit.path.path import Path
from labkit.tables.table import Table

COLUMNS = ["lane", "lcore", "queues", "entered", "left", "dropped", "cycles_per_packet"]


def lane_table(path: Path, counters: PathCounters) -> Table:
    """See RunningPath.lanes."""
    rows = [_row(path, number, lane) for number, lane in enumerate(counters.lanes)]
    return Table(rows, columns=COLUMNS)


def _row(path: Path, number: int, lane: LaneCounters) -> list[object]:
    frames = entered(path, lane)
    cycles = sum(node.cycles for node in lane.nodes.values())
    return [
        number,
        lane.lcore,
        ", ".join(f"{port} {queue}" for port, queue in lane.queues),
        frames,
        left(path, lane),
        sum(lane.drops.values()),
        cycles / frames if frames else None,
    ]
