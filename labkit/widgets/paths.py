# SPDX-License-Identifier: BSD-3-Clause
"""A path of a dashboard: its drawing, and the rates that are written into it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from labkit.lab.running_path import RunningPath
from labkit.path.counters import NodeCounters
from labkit.path.drawing import live_path_svg, path_svg
from labkit.path.flows import Flows, flows_of
from labkit.path.graph import NamedNode
from labkit.path.svg import as_html
from labkit.sources import Sample, Schema
from labkit.sources.recorder_memory import EngineSample
from labkit.widgets.meters import Meters


@dataclass(frozen=True)
class _Reading:
    """Counters of a path."""

    nodes: dict[str, NodeCounters]
    outputs: Mapping[str, Mapping[str, int]]
    drops: dict[str, int]


class PathPart:
    """A path that runs.

    Attributes
    ----------
    refused: drop nodes that have frames, by the node that refused them
    description: what the page needs to draw it and to tell of its nodes
    """

    def __init__(
        self,
        running: RunningPath,
        meters: Meters,
        schema: Schema,
        refused: Mapping[str, Sequence[str]],
    ) -> None:
        """refused: what is known to have frames, as the attribute."""
        self.path = running.path
        self.refused = dict(refused)
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
            "svg": live_path_svg(self.path, self.refused),
            "nodes": [self._node(node, meters) for node in self.path.nodes],
        }

    @staticmethod
    def is_counted(running: RunningPath, schema: Schema) -> bool:
        """Whether the schema has its counters; those of a path that began just now come later."""
        return all(
            f"path/{running.name}/{node.name}/objects" in schema.index
            for node in running.path.nodes
        )

    def learn(self, sample: Sample) -> bool:
        """Takes in which nodes refused for which reasons; whether there is more to draw."""
        flows = self.counted(sample)
        if flows is None:
            return False
        before = dict(self.refused)
        for node, drops in flows.drops.items():
            known = self.refused.get(node, ())
            self.refused[node] = (*known, *(name for name in drops if name not in known))
        return self.refused != before

    def counted(self, sample: Sample) -> Flows[int] | None:
        """Frames until this sample, of its nodes and edges; None where they are not known."""
        outputs = self._outputs(sample) if sample.schema is self._schema else {}
        return flows_of(self.path, outputs) if outputs else None

    def flows(self, before: Sample, after: Sample) -> dict[str, Any]:
        """Frames a second between the samples, all from the same counters.

        nodes: what each was given, in the path's order; edges: those of the path, then one for each
        node in `refused`; drops: node, drop node, frames a second, frames in all. None: not known.
        """
        now, then = self.counted(after), self.counted(before)
        if now is None or then is None:
            return {"nodes": [], "edges": [], "drops": []}
        seconds = (after.monotonic_ns - before.monotonic_ns) / 1e9

        def rate(new: int | None, old: int | None) -> float | None:
            return None if new is None else round((new - (old or 0)) / seconds, 3)

        drops = [
            (node, name, rate(count, then.drops.get(node, {}).get(name)), count)
            for node, names in now.drops.items()
            for name, count in names.items()
        ]
        refused = [
            rate(sum(now.drops.get(node, {}).values()), sum(then.drops.get(node, {}).values()))
            for node in self.refused
        ]
        edges = [rate(now.edges.get(edge), then.edges.get(edge)) for edge in self.path.edges]
        nodes = [rate(now.nodes.get(n.name), then.nodes.get(n.name)) for n in self.path.nodes]
        return {"nodes": nodes, "edges": [*edges, *refused], "drops": drops}

    def html(self, sample: Sample | None) -> str:
        """The drawing with what was counted, for a page without scripts."""
        is_known = sample is not None and sample.schema.names == self._schema.names
        reading = self._reading(sample) if sample is not None and is_known else None
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
            "params": [f"{key} {words}" for key, words in node.told.items()],
            "cycles": meters.add(cycles, (objects,)) if each else -1,
            "calls": meters.add(calls),
            "burst": meters.add(objects, (calls,)),
        }

    def _counters_of(self, node: NamedNode) -> list[str]:
        return [f"{self._prefix}{node.name}/{what}" for what in ("calls", "objects", "cycles")]

    def _outputs(self, sample: Sample) -> Mapping[str, Mapping[str, int]]:
        """Frames by node and by output or drop node; none where they were not recorded."""
        if not isinstance(sample, EngineSample) or sample.flows is None:
            return {}
        return {
            node: self.path.node(node).named(sample.outputs.get(at[0], {}))
            for node, at in self._nodes.items()
        }

    def _reading(self, sample: Sample) -> _Reading:
        values = sample.values
        nodes = {
            node: NodeCounters(*(int(values[i]) for i in at)) for node, at in self._nodes.items()
        }
        drops = {name: int(values[at]) for name, at in self._drops.items() if values[at]}
        return _Reading(nodes, self._outputs(sample), drops)
