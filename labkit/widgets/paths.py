# SPDX-License-Identifier: BSD-3-Clause
"""A path of a dashboard: its drawing, and the rates that are written into it."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from labkit.lab.running_path import RunningPath
from labkit.packet.codec import VERDICT_BY_NAME
from labkit.path.counters import NodeCounters
from labkit.path.drawing import live_path_svg, path_svg
from labkit.path.edge_frames import edge_frames
from labkit.path.graph import NamedNode
from labkit.path.svg import as_html
from labkit.path.values import Value
from labkit.sources import MISSING, Sample, Schema
from labkit.widgets.meters import Meters

FINE = 1000  # edges are computed in thousandths of a frame
TOLERANCE = 0.02  # counters are read while frames flow


@dataclass(frozen=True)
class _Reading:
    """Counters of a path, or their rates."""

    nodes: dict[str, NodeCounters]
    drops: dict[str, int]


class PathPart:
    """A path that runs.

    Attributes
    ----------
    description: what the page needs to draw it and to tell of its nodes
    """

    def __init__(self, running: RunningPath, meters: Meters, schema: Schema) -> None:
        self.path = running.path
        self._prefix = f"path/{running.name}/"
        self._schema = schema
        index = schema.index
        self._drops = {
            name.removeprefix(self._prefix): place
            for name, place in index.items()
            if name.startswith(f"{self._prefix}drop_")
        }
        self._nodes = {
            node.name: [index.get(name, 0) for name in self._counters_of(node)]
            for node in self.path.nodes
        }
        self.description = {
            "name": running.name,
            "svg": live_path_svg(self.path),
            "nodes": [self._node(node, meters) for node in self.path.nodes],
            "edges": len(self.path.edges),
            "reasons": {name: _reason(name) for name in self._drops},
        }

    @staticmethod
    def is_counted(running: RunningPath, schema: Schema) -> bool:
        """Whether the schema has its counters; those of a path that began just now come later."""
        return all(
            f"path/{running.name}/{node.name}/objects" in schema.index
            for node in running.path.nodes
        )

    def edge_rates(self, rates: Any) -> list[float]:
        """Frames a second on every edge; -1 where the counters do not tell."""
        reading = self._reading(_thousandths(rates))
        known = edge_frames(self.path, reading, TOLERANCE)
        return [known[edge] / FINE if edge in known else -1 for edge in self.path.edges]

    def drops(self, sample: Sample, rates: Any) -> list[tuple[str, float, int]]:
        """Drop nodes that have frames: name, frames a second, frames in all. Most come first."""
        counted = [
            (name, round(float(np.nan_to_num(rates[at])), 3), count)
            for name, at in self._drops.items()
            if (count := int(sample.values[at])) and count != MISSING
        ]
        return sorted(counted, key=lambda drop: (-drop[1], -drop[2]))

    def html(self, sample: Sample | None) -> str:
        """The drawing with what was counted, for a page without scripts."""
        is_known = sample is not None and sample.schema.names == self._schema.names
        reading = self._reading(sample.values) if sample is not None and is_known else None
        return as_html(path_svg(self.path, reading), f"path {self.path!r}")

    # Within

    def _node(self, node: NamedNode, meters: Meters) -> dict[str, Any]:
        kind = node.declared
        calls, objects, cycles = self._counters_of(node)
        each = kind.role != "source"  # a source's are mostly those of polls that brought nothing
        return {
            "name": node.name,
            "kind": node.kind,
            "sentence": kind.sentence,
            "reference": kind.reference,
            "params": [f"{key} {_plain(value)}" for key, value in node.params.items()],
            "rate": meters.add(objects),
            "cycles": meters.add(cycles, (objects,)) if each else -1,
            "calls": meters.add(calls),
            "burst": meters.add(objects, (calls,)),
        }

    def _counters_of(self, node: NamedNode) -> list[str]:
        return [f"{self._prefix}{node.name}/{what}" for what in ("calls", "objects", "cycles")]

    def _reading(self, values: Any) -> _Reading:
        nodes = {
            node: NodeCounters(*(int(values[i]) for i in at)) for node, at in self._nodes.items()
        }
        drops = {name: int(values[at]) for name, at in self._drops.items() if values[at]}
        return _Reading(nodes, drops)


def _thousandths(rates: Any) -> Any:
    """Rates as whole numbers, none as 0."""
    return np.rint(np.nan_to_num(rates, nan=0.0) * FINE)


def _plain(value: Value) -> str:
    return ", ".join(value) if isinstance(value, list) else str(value)


def _reason(name: str) -> str:
    """What a drop node means, and its source."""
    verdict = VERDICT_BY_NAME.get(name.removeprefix("drop_"))
    return f"{verdict.sentence} {verdict.source}".strip() if verdict else ""
