# SPDX-License-Identifier: BSD-3-Clause
"""Paths inside the engine: plain data becomes an rte_graph on a worker."""

from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import Any

from labkit.engine.answers import LaneCounts, PathCounts
from labkit.engine.binding import c_string, call, ffi, lib
from labkit.engine.captures import Captures
from labkit.engine.lane_counts import summed
from labkit.engine.lane_workers import LaneWorkers
from labkit.engine.node_config import (
    EngineLane,
    EnginePath,
    NodeConfigs,
    kind_of,
    native_kind,
    own_edges,
    own_outputs,
)
from labkit.engine.own_nodes import OwnNodes
from labkit.engine.ports import FrameRings, Ports, mapped
from labkit.engine.sick_ports import SickPorts
from labkit.engine.trials import Trials
from labkit.engine.workers import Workers
from labkit.packet.codec import EDGES, VERDICTS
from labkit.path.connections import without_connections
from labkit.path.due import asked_for_due, without_due
from labkit.path.lanes import LaneNode, lay_out

ROWS = 4096  # of a table, read at once


class Paths:
    """The engine's paths by name."""

    def __init__(self, ports: Ports, workers: Workers, sick_ports: SickPorts) -> None:
        self.ports = ports
        self.sick_ports = sick_ports
        self.workers = workers
        self.probes: dict[str, Any] = {}
        self.trials = Trials()
        self.captures = Captures()
        self.by_name: dict[str, EnginePath] = {}
        self.lanes = LaneWorkers(workers, self.by_name)
        self.own = OwnNodes()
        self.python: dict[tuple[str, str], FrameRings] = {}  # that are to be of a path
        self.generation = 0
        self.changed: Callable[[], None] = lambda: None  # called when counters come or go

    def run(self, name: str, path: Mapping[str, Any], lanes: int) -> list[int]:
        """Builds a path from its plain data and starts it; the lcores of its lanes."""
        if name in self.by_name:
            raise ValueError(f"a path called {name!r} runs already")
        running = self._build(name, path, lanes)
        try:
            self._sicken(running, {})
            self._tell(running)
            self.lanes.place(running)
        except BaseException:
            self._close(running)
            raise
        self.by_name[name] = running
        self.changed()
        return [self.workers.lcore_of(lane.graph) for lane in running.lanes]

    def replace(self, name: str, path: Mapping[str, Any], lanes: int) -> PathCounts:
        """Another path in the place of one that runs, lane by lane on the same workers from one
        walk to the next; returns the last counters of that one."""
        before = self.by_name[name]
        running = self._build(name, path, lanes)
        try:
            self._sicken(running, before.sick)
            self._tell(running)
            lcores = self.lanes.swap(before, running)
        except BaseException:
            self._close(running)
            raise
        self.by_name[name] = running
        running.sick |= {p: f for p, f in before.sick.items() if p in running.faults}
        before.sick = {p: f for p, f in before.sick.items() if p not in running.faults}
        self.changed()  # nobody reads a graph that is about to go
        try:
            return self._counts(before, lcores)
        finally:
            self._close(before)

    def _build(self, name: str, path: Mapping[str, Any], lanes: int) -> EnginePath:
        """Its graphs, on no worker yet."""
        nodes: list[dict[str, Any]] = path["nodes"]
        index = {node["name"]: i for i, node in enumerate(nodes)}
        running = EnginePath(list(index), {node["name"]: own_edges(node) for node in nodes})
        edges = [(index[e["source"]], index[e["target"]], e["output"]) for e in path["edges"]]
        parts = lay_out(
            [(kind_of(node), node["params"]) for node in nodes],
            [(source, target) for source, target, _ in edges],
            self.ports.queues(),
            lanes,
        )
        try:
            for number, part in enumerate(parts):
                running.lanes.append(EngineLane(number))
                self._build_lane(name, nodes, edges, part, running)
            for lane, after in pairwise(running.lanes):
                call("lk_graph_set_next", lane.graph, after.graph)
        except BaseException:
            self._close(running)
            raise
        return running

    def _build_lane(
        self,
        name: str,
        nodes: list[dict[str, Any]],
        edges: list[tuple[int, int, str]],
        part: list[LaneNode],
        running: EnginePath,
    ) -> None:
        """The graph of the lane that was added last."""
        lane = running.lanes[-1]
        configs = ffi.new("struct lk_node_config[]", len(part))
        keep_alive: list[Any] = [configs]
        node_configs = NodeConfigs(self.ports, self.probes, self.trials, self.captures, self.python)
        node_configs.make_lines([nodes[n.place] for n in part], lane)
        # Sources, which may be several, are no target.
        at = {n.place: i for i, n in enumerate(part)}
        stamps = any(kind_of(node).asks_where_from for node in nodes)
        kinds = [kind_of(node) for node in nodes]
        joins = [(source, target) for source, target, _ in edges]
        unknown, timeless = without_connections(kinds, joins), without_due(kinds, joins)
        asked = {nodes[place]["params"]["state"] for place in asked_for_due(kinds, joins, timeless)}
        for n, config in zip(part, configs, strict=True):
            node = nodes[n.place]
            kind = ffi.new("char[]", native_kind(node).encode())
            label = ffi.new("char[]", f"{name}/{node['name']}".encode()[:63])
            keep_alive += [kind, label]
            config.kind, config.name, config.place = kind, label, n.place
            config.next = config.other = config.state_of = -1
            config.outputs = [-1] * lib.LK_MAX_OUTPUTS
            config.stamps = stamps and kind_of(node).has_number
            config.knows_connections = n.place not in unknown
            config.knows_due = n.place not in timeless
            config.tells_due = node["params"].get("state") in asked
            node_configs.fill(name, node, config, running, (lane, n.queue))
            for source, target, output in edges:
                if source == n.place:
                    self._join(config, node, output, at[target])
        self.generation += 1
        lane.graph = call(
            "lk_graph_create", f"path{self.generation}".encode(), configs, len(part), len(nodes)
        )

    @staticmethod
    def _join(config: Any, node: dict[str, Any], output: str, target: int) -> None:
        if output in ("next", "other"):
            setattr(config, output, target)
            return
        config.outputs[own_outputs(node).index(output)] = target

    def _sicken(self, path: EnginePath, before: Mapping[str, Any]) -> None:
        """Makes NICs sick as the path says; a fault that the one before has, too, goes on."""
        for port in path.faults:
            if port not in before and self.sick_ports.is_sick(port):
                raise ValueError(
                    f"the NIC of port {port} has a fault already; one begins when another has ended"
                )
        for port, fault in path.faults.items():
            if before.get(port) == fault:
                continue
            self.sick_ports.make(port, fault["device"])
            self.sick_ports.tell(port, fault["told"])
            path.sick[port] = fault

    def _tell(self, path: EnginePath) -> None:
        """Has drivers tell what nodes of the path count."""
        lane = path.lanes[0]
        for port, tells in path.tells:
            self.sick_ports.tell_of_path(port, tells["instance"], tells["told"])
            for kind in ("counters", "levels"):
                for name, parts in tells[kind].items():
                    for node, counter in parts:
                        place = path.nodes.index(node)
                        number = lane.counters[node].index(counter)
                        self.sick_ports.join(
                            port, name, (lane.graph, place, number), is_level=kind == "levels"
                        )

    def _cure(self, path: EnginePath) -> None:
        """The ports whose NIC was sick because the path said so."""
        ports, path.sick = path.sick, {}
        for port in ports:
            self.sick_ports.cure(port, sends=True)

    def attach_python(
        self, name: str, state: str, descriptors: Sequence[int], sizes: Sequence[int]
    ) -> None:
        """Maps the rings of a node in Python, of a path that is built next."""
        before = self.python.pop((name, state), None)
        if before is not None:
            before.unmap()
        self.python[name, state] = mapped(descriptors, sizes, f"node {state} in Python")

    def stop(self, name: str) -> PathCounts | None:
        """The last counters. None where it does not run: an interrupted caller asks again."""
        path = self.by_name.pop(name, None)
        if path is None:
            return None
        self.changed()  # nobody reads a graph that is about to go
        lcores = self._lcores(path)
        self._cure(path)
        for lane in path.lanes:
            self.workers.remove(lane.graph)
        try:
            return self._counts(path, lcores)
        finally:
            self._close(path)
            self.changed()

    def stop_run(self, run: str) -> None:
        """Stops what still walks a probe or trial that is about to go."""
        for name in [name for name, path in self.by_name.items() if run in path.runs]:
            self.stop(name)

    def users_of(self, port: str) -> list[str]:
        """Names of the paths with a node on this port."""
        return [
            name
            for name, path in self.by_name.items()
            if any(port == used for used, _, _ in path.queues)
        ]

    def counters(self, name: str) -> PathCounts:
        """Calls, objects and cycles of each node; frames and measured frames of each drop. What
        Python has received of the path until now is counted."""
        path = self.by_name[name]
        lcores = self._lcores(path)
        for lcore in set(lcores):
            lib.lk_worker_settle(lcore)
        return self._counts(path, lcores)

    def _lcores(self, path: EnginePath) -> list[int]:
        return [self.workers.lcore_of(lane.graph) for lane in path.lanes]

    def _counts(self, path: EnginePath, lcores: list[int]) -> PathCounts:
        lanes = [
            self._lane_counts(path, lane, lcore)
            for lane, lcore in zip(path.lanes, lcores, strict=True)
        ]
        return {
            "lcore": lcores[0],
            **summed(lanes),
            "captures": {
                node: self.captures.counts(capture) for node, capture in path.captures.items()
            },
            "lanes": lanes,
            "functions": self._functions(path),
        }

    def _lane_counts(self, path: EnginePath, lane: EngineLane, lcore: int) -> LaneCounts:
        nodes = ffi.new("struct lk_node_counters[]", len(path.nodes))
        drops = ffi.new("struct lk_drop_counters[]", len(VERDICTS) + lib.LK_OWN_DROP_NODES)
        call("lk_graph_counters", lane.graph, nodes, drops)
        return {
            "lcore": lcore,
            "nodes": {
                node: [c.calls, c.objects, c.cycles]
                for node, c in zip(path.nodes, nodes, strict=True)
            },
            "outputs": {
                node: self._outputs(lane.graph, i, path.own_edges[node])
                for i, node in enumerate(path.nodes)
            },
            "drops": {
                name: [c.frames, c.measured]
                for name, c in zip(self.drop_names(), drops, strict=False)
                if c.frames
            },
            "impairments": {
                node: self._impair_counts(lane.lines[line])
                for node, line in lane.impairments.items()
            },
            "queues": [
                [port, queue, lib.lk_graph_received(lane.graph, self.ports.by_name[port].id, queue)]
                for port, queue in lane.reads
            ],
        }

    def _functions(self, path: EnginePath) -> dict[str, dict[str, int]]:
        """Of nodes with state, whose paths have one lane."""
        lane = path.lanes[0]
        found = {}
        for node, names in lane.counters.items():
            place = path.nodes.index(node)
            lib.lk_graph_refresh(lane.graph, place)
            counters = lib.lk_graph_state(lane.graph, place)
            found[node] = {name: counters[i] for i, name in enumerate(names)}
        return found

    def change(self, name: str, node: dict[str, Any]) -> None:
        """Gives a node of one that runs, whose kind allows it, other parameters; a path with such
        nodes has one lane."""
        path = self.by_name[name]
        lane, place = path.lanes[0], path.nodes.index(node["name"])
        config = ffi.new("struct lk_node_config *")
        configs = NodeConfigs(self.ports, self.probes, self.trials, self.captures)
        configs.fill(name, node, config, path, (lane, 0))
        lcore = self.workers.lcore_of(lane.graph)
        call("lk_graph_change", lane.graph, place, config, lcore)

    def rows(self, name: str, node: str, cursor: int, width: int) -> tuple[bytes, int]:
        """Next rows of a node's table, of `width` cells, and where those after them begin."""
        path = self.by_name.get(name)
        if path is None:
            raise LookupError(f"path {name!r} was stopped, and its tables went with it")
        at, rows = ffi.new("uint64_t *", cursor), ffi.new("struct lk_row[]", ROWS)
        graph, place = path.lanes[0].graph, path.nodes.index(node)
        count = call("lk_graph_rows", graph, place, at, rows, ROWS)
        size = ffi.sizeof("struct lk_row")
        taken = (ffi.buffer(rows + i, size)[: width * 8] for i in range(count))
        return b"".join(taken), at[0]

    def clear_rows(self, name: str, node: str) -> None:
        """Empties that table."""
        path = self.by_name[name]
        call("lk_graph_clear", path.lanes[0].graph, path.nodes.index(node))

    def _outputs(self, graph: int, node: int, own: dict[str, str]) -> dict[str, int]:
        """Frames by output or drop node, those with none left out."""
        left = ffi.new("uint64_t[]", len(EDGES))
        call("lk_graph_left", graph, node, left)
        return {own.get(edge, edge): left[i] for i, edge in enumerate(EDGES) if left[i]}

    def node_names(self) -> dict[int, tuple[str, int, list[str]]]:
        """Path name, number of the lane and node names by graph number."""
        return {
            lane.graph: (name, lane.number, path.nodes)
            for name, path in self.by_name.items()
            for lane in path.lanes
        }

    def drop_names(self) -> list[str]:
        """Of all drop nodes, by verdict; first those of verdicts that are none."""
        return [*(f"drop_{verdict.name}" for verdict in VERDICTS), *self.own.drops]

    def stop_all(self) -> None:
        for name in list(self.by_name):
            self.stop(name)

    def _impair_counts(self, impair: Any) -> dict[str, int]:
        counts = ffi.new("struct lk_impair_counts *")
        lib.lk_impair_counts(impair, counts)
        return {field: getattr(counts, field) for field, _ in ffi.typeof(counts[0]).fields}

    def _close(self, path: EnginePath) -> None:
        """Takes a path off its worker, as far as it came, and gives back what its nodes had."""
        self._cure(path)
        for lane in path.lanes:
            if lane.graph >= 0:
                self.workers.remove(lane.graph)
        for lane in path.lanes:
            if lane.graph >= 0:
                call("lk_graph_destroy", lane.graph)
            for line in lane.lines.values():
                lib.lk_impair_free(line)
            for native in lane.filters:
                lib.lk_filter_free(native)
        for capture in path.captures.values():
            self.captures.close(capture)
        for rings in path.python.values():
            rings.unmap()


def node_kinds() -> list[str]:
    """Kinds of nodes this engine was built with."""
    kinds: list[str] = []
    while (kind := lib.lk_node_kind(len(kinds))) != ffi.NULL:
        kinds.append(c_string(kind))
    return kinds
