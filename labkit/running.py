# SPDX-License-Identifier: BSD-3-Clause
"""A path that an engine runs, and its counters."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from labkit.ledger import Ledger
from labkit.path import Path

if TYPE_CHECKING:
    import pandas as pd

    from labkit.lab import Lab

SOURCES = ("rx", "inject", "probe_send", "generate")
LEAVING = ("tx", "collect", "sink")
REFUSED_BY_TX = ("drop_tx_full", "drop_tx_too_long", "drop_tx_unplugged")


@dataclass(frozen=True)
class NodeCounters:
    """rte_graph's counters of a node: process calls, frames, and TSC cycles."""

    calls: int
    objects: int
    cycles: int

    @property
    def cycles_per_packet(self) -> float | None:
        """TSC cycles a frame; None when there was none."""
        return self.cycles / self.objects if self.objects else None


@dataclass(frozen=True)
class PathCounters:
    """One reading of a path.

    Attributes
    ----------
    lcore: the worker that runs the path
    nodes: counters by node name
    drops: frames by drop node, those with none left out
    measured_drops: of these, frames that carry a signature
    captures: written and missed frames, and the errno of a failed write, by capture node
    impairments: frames copied, reordered and held back now, by impair node
    """

    lcore: int
    nodes: Mapping[str, NodeCounters]
    drops: Mapping[str, int]
    measured_drops: Mapping[str, int]
    captures: Mapping[str, Mapping[str, int]]
    impairments: Mapping[str, Mapping[str, int]]

    @classmethod
    def from_engine(cls, answer: dict[str, Any]) -> "PathCounters":
        """From the engine's answer to `counters`."""
        return cls(
            answer["lcore"],
            {name: NodeCounters(*values) for name, values in answer["nodes"].items()},
            {name: frames for name, (frames, _) in answer["drops"].items()},
            {name: measured for name, (_, measured) in answer["drops"].items() if measured},
            answer["captures"],
            answer["impairments"],
        )


class PathLedger(Ledger):
    """The ledger of a path: `entered = left + every named drop + unexplained`."""

    @property
    def rows(self) -> list[tuple[str, int]]:
        """The ledger line by line."""
        return [
            ("entered", self.sent),
            ("left", self.received),
            *((name, count) for name, count in self.drops.items() if count),
            ("unexplained", self.unexplained),
        ]


class RunningPath:
    """A path on a worker of a lab; made by Lab.run()."""

    def __init__(self, lab: "Lab", path: Path) -> None:
        self.lab = lab
        self.path = path

    @property
    def name(self) -> str:
        """The path's name."""
        return self.path.name

    @property
    def counters(self) -> PathCounters:
        """The path's counters now. They are read while frames flow: a sum over nodes may be off by
        the frames of one burst."""
        answer = self.lab._ask("counters", names=[self.name])
        return PathCounters.from_engine(answer[self.name])

    @property
    def drops(self) -> Mapping[str, int]:
        """Frames by drop node."""
        return self.counters.drops

    @property
    def ledger(self) -> PathLedger:
        """Frames that entered the path against those that left it or were dropped by name."""
        counters = self.counters
        sources = [n.name for n in self.path.nodes if n.kind in SOURCES]
        entered = sum(counters.nodes[name].objects for name in sources)
        left = sum(counters.nodes[n.name].objects for n in self.path.nodes if n.kind in LEAVING)
        left -= sum(counters.drops.get(name, 0) for name in REFUSED_BY_TX)
        return PathLedger(entered, entered, left, dict(counters.drops))

    @property
    def table(self) -> "pd.DataFrame":
        """One row a node and drop node: calls, objects, cycles, cycles_per_packet."""
        import pandas as pd

        counters = self.counters
        rows: list[tuple[str, int | None, int, int | None, float | None]] = [
            (name, c.calls, c.objects, c.cycles, c.cycles_per_packet)
            for name, c in counters.nodes.items()
        ]
        rows += [(name, None, frames, None, None) for name, frames in counters.drops.items()]
        columns = ["node", "calls", "objects", "cycles", "cycles_per_packet"]
        return pd.DataFrame(rows, columns=columns).astype({"calls": "Int64", "cycles": "Int64"})

    @property
    def is_running(self) -> bool:
        """Whether it is on a worker."""
        return self.lab.paths.get(self.name) is self

    def flush(self) -> None:
        """Writes what the path's captures hold to their files; OSError when that failed."""
        # The engine writes them out before it reads their counters.
        for node, counts in self.counters.captures.items():
            if counts["errno"]:
                file = str(self.path.node(node).params["file"])
                raise OSError(counts["errno"], os.strerror(counts["errno"]), file)

    def stop(self) -> None:
        """Takes the path off its worker. Its counters are gone with it."""
        self.lab._stop(self)

    def __repr__(self) -> str:
        return f"<RunningPath {self.name}: {'; '.join(self.path.chains)}>"

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        from labkit.draw import as_html, path_svg

        svg = path_svg(self.path, self.counters if self.is_running else None)
        return {"text/plain": repr(self), "text/html": as_html(svg, f"path {self.path!r}")}
