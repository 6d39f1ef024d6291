# SPDX-License-Identifier: BSD-3-Clause
"""Which nodes know when their frames left the node that held them last."""

from collections.abc import Iterable, Sequence

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
