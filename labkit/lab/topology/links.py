# SPDX-License-Identifier: BSD-3-Clause
"""What the links of a topology are like, and what went over them."""

from typing import TYPE_CHECKING, Any

from labkit.lab.topology.addressing import Attached, Layout
from labkit.path.counters import PathCounters

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = (
    *("source", "target", "up", "rate", "delay_ms", "jitter_ms", "loss", "limit"),
    *("frames", "bytes", "held", "down", "full", "lost"),
)
DROPS = {
    "down": ("drop_wire_down",),
    "full": ("drop_queue_full", "drop_delay_full"),
    "lost": ("drop_impair_loss",),
}


def directions(layout: Layout) -> list[tuple[Attached, str]]:
    """The interface that each direction of a link begins at, and the device that it leads to."""
    return [
        (interface, interface.peer)
        for number, link in enumerate(layout.plan.links)
        for end in (link.a, link.b)
        for interface in layout.interfaces[end]
        if interface.link == number
    ]


def counted(interface: Attached, counters: PathCounters) -> dict[str, int]:
    """What a direction counted."""
    wire = counters.functions[interface.name]
    left = [counters.outputs.get(name, {}) for name in (interface.name, f"{interface.name}.end")]
    drops = {
        what: sum(edges.get(name, 0) for edges in left for name in names)
        for what, names in DROPS.items()
    }
    return {
        "frames": wire["passed"],
        "bytes": wire["passed_bytes"],
        "held": wire["held"],
        **drops,
    }


def link_table(layout: Layout, counters: PathCounters) -> "pd.DataFrame":
    """See Network.links."""
    from labkit.tables.table import Table  # pandas is slow to load

    rows: list[tuple[Any, ...]] = []
    for interface, peer in directions(layout):
        q = layout.plan.links[interface.link].quality
        like = (q.up, q.rate, float(q.delay) * 1e3, float(q.jitter) * 1e3, q.loss, q.limit)
        rows.append((interface.device.name, peer, *like, *counted(interface, counters).values()))
    return Table(rows, columns=list(COLUMNS))
