# SPDX-License-Identifier: BSD-3-Clause
"""Which nodes know when their frames left the node that held them last."""

from collections.abc import Collection, Iterable, Sequence

from labkit.path.kinds import NodeKind
from labkit.path.reach import reached_past

HOLD_OR_MAKE = ("held", "made")  # counters of nodes whose frames leave at another time, or are new


def without_due(kinds: Sequence[NodeKind], joins: Iterable[tuple[int, int]]) -> dict[int, int]:
    """Places of nodes that some frames come to which do not tell it; they came when the worker took
    them."""
    return reached_past(
        [place for place, kind in enumerate(kinds) if kind.tells_due],
        [
            place
            for place, kind in enumerate(kinds)
            if not kind.tells_due
            and (kind.role == "source" or not set(kind.counters).isdisjoint(HOLD_OR_MAKE))
        ],
        joins,
    )


def asked_for_due(
    kinds: Sequence[NodeKind], joins: Sequence[tuple[int, int]], timeless: Collection[int]
) -> set[int]:
    """Places of nodes that hold frames and have one behind them which knows and reckons with it;
    the others need not tell, which costs a line of every buffer.

    timeless: without_due() of the same
    """
    holders = [place for place, kind in enumerate(kinds) if kind.tells_due]
    readers = [
        place
        for place, kind in enumerate(kinds)
        if place not in timeless and (kind.reads_due or (kind.tells_due and kind.role == "process"))
    ]
    in_front = [source for source, target in joins if target in readers]
    found = reached_past(holders, in_front, [(target, source) for source, target in joins])
    return set(holders) & set(found)
