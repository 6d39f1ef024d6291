# SPDX-License-Identifier: BSD-3-Clause
"""Paths inside the engine: plain data becomes an rte_graph on a worker."""

from collections.abc import Callable, Mapping
from typing import Any

from labkit.engine.answers import PathCounts
from labkit.engine.binding import c_string, call, ffi, lib
from labkit.engine.captures import Captures
from labkit.engine.node_config import EnginePath, NodeConfigs
from labkit.engine.ports import Ports
from labkit.engine.sick_ports import SickPorts
from labkit.engine.trials import Trials
from labkit.engine.workers import Workers
from labkit.packet.codec import EDGES, VERDICTS


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
        self.generation = 0
        self.changed: Callable[[], None] = lambda: None  # called when counters come or go

    def run(self, name: str, path: Mapping[str, Any]) -> int:
        """Builds a path from its plain data and starts it; returns the lcore."""
        if name in self.by_name:
            raise ValueError(f"a path called {name!r} runs already")
        running = self._build(name, path)
        try:
            self._sicken(running, {})
            lcore = self.workers.place(running.graph, self._beside(running))
        except BaseException:
            self._close(running)
            raise
        self.by_name[name] = running
        self.changed()
        return lcore

    def replace(self, name: str, path: Mapping[str, Any]) -> PathCounts:
        """Another path in the place of one that runs, on the same worker from one walk to the next;
        returns the last counters of that one."""
        before = self.by_name[name]
        running = self._build(name, path)
        try:
            self._sicken(running, before.sick)
            lcore = self.workers.swap(before.graph, running.graph, self._beside(running))
        except BaseException:
            self._close(running)
            raise
        self.by_name[name] = running
        running.sick |= {p: f for p, f in before.sick.items() if p in running.faults}
        before.sick = {p: f for p, f in before.sick.items() if p not in running.faults}
        self.changed()  # nobody reads a graph that is about to go
        try:
            return self._counts(before, lcore)
        finally:
            self._close(before)

    def _build(self, name: str, path: Mapping[str, Any]) -> EnginePath:
        """Its graph, on no worker yet."""
        nodes: list[dict[str, Any]] = path["nodes"]
        index = {node["name"]: i for i, node in enumerate(nodes)}
        running = EnginePath(-1, list(index), set())
        configs = ffi.new("struct lk_node_config[]", len(nodes))
        keep_alive: list[Any] = [configs]
        node_configs = NodeConfigs(self.ports, self.probes, self.trials, self.captures)
        self.generation += 1
        try:
            node_configs.make_lines(nodes, running)
            for node, config in zip(nodes, configs, strict=True):
                kind = ffi.new("char[]", node["kind"].encode())
                label = ffi.new("char[]", f"{name}/{node['name']}".encode()[:63])
                keep_alive += [kind, label]
                config.kind, config.name = kind, label
                config.next = config.other = config.state_of = -1
                node_configs.fill(name, node, config, running)
            for edge in path["edges"]:
                setattr(configs[index[edge["source"]]], edge["output"], index[edge["target"]])
            running.graph = call(
                "lk_graph_create", f"path{self.generation}".encode(), configs, len(nodes)
            )
        except BaseException:
            self._close(running)
            raise
        return running

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

    def _cure(self, path: EnginePath) -> None:
        """The ports whose NIC was sick because the path said so."""
        ports, path.sick = path.sick, {}
        for port in ports:
            self.sick_ports.cure(port, sends=True)

    def _beside(self, running: EnginePath) -> set[int]:
        """Lcores that walk paths with queues of this one's."""
        return {
            self.workers.lcore_of(other.graph)
            for other in self.by_name.values()
            if other.queues & running.queues
        }

    def stop(self, name: str) -> PathCounts | None:
        """The last counters. None where it does not run: an interrupted caller asks again."""
        path = self.by_name.pop(name, None)
        if path is None:
            return None
        self.changed()  # nobody reads a graph that is about to go
        lcore = self.workers.lcore_of(path.graph)
        self._cure(path)
        self.workers.remove(path.graph)
        try:
            return self._counts(path, lcore)
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
        """Calls, objects and cycles of each node; frames and measured frames of each drop."""
        path = self.by_name[name]
        return self._counts(path, self.workers.lcore_of(path.graph))

    def _counts(self, path: EnginePath, lcore: int) -> PathCounts:
        nodes = ffi.new("struct lk_node_counters[]", len(path.nodes))
        drops = ffi.new("struct lk_drop_counters[]", len(VERDICTS))
        call("lk_graph_counters", path.graph, nodes, drops)
        return {
            "lcore": lcore,
            "nodes": {
                node: [c.calls, c.objects, c.cycles]
                for node, c in zip(path.nodes, nodes, strict=True)
            },
            "outputs": {node: self._outputs(path.graph, i) for i, node in enumerate(path.nodes)},
            "drops": {
                f"drop_{verdict.name}": [c.frames, c.measured]
                for verdict, c in zip(VERDICTS, drops, strict=True)
                if c.frames
            },
            "captures": {
                node: self.captures.counts(capture) for node, capture in path.captures.items()
            },
            "impairments": {
                node: self._impair_counts(path.lines[line])
                for node, line in path.impairments.items()
            },
            "functions": {
                node: self._state(path, node, names) for node, names in path.counters.items()
            },
        }

    def _state(self, path: EnginePath, node: str, names: tuple[str, ...]) -> dict[str, int]:
        counters = lib.lk_graph_state(path.graph, path.nodes.index(node))
        return {name: counters[i] for i, name in enumerate(names)}

    def _outputs(self, graph: int, node: int) -> dict[str, int]:
        """Frames by output or drop node, those with none left out."""
        left = lib.lk_graph_left(graph, node)
        return {name: left[i] for i, name in enumerate(EDGES) if left[i]}

    def node_names(self) -> dict[int, tuple[str, list[str]]]:
        """Path name and node names by graph number."""
        return {path.graph: (name, path.nodes) for name, path in self.by_name.items()}

    def stop_all(self) -> None:
        for name in list(self.by_name):
            self.stop(name)

    def _impair_counts(self, impair: Any) -> dict[str, int]:
        counts = ffi.new("struct lk_impair_counts *")
        lib.lk_impair_counts(impair, counts)
        return {"copied": counts.copied, "reordered": counts.reordered, "held": counts.held}

    def _close(self, path: EnginePath) -> None:
        """Takes a path off its worker, as far as it came, and gives back what its nodes had."""
        self._cure(path)
        if path.graph >= 0:
            self.workers.remove(path.graph)
            call("lk_graph_destroy", path.graph)
        for capture in path.captures.values():
            self.captures.close(capture)
        for line in path.lines.values():
            lib.lk_impair_free(line)
        for native in path.filters:
            lib.lk_filter_free(native)


def node_kinds() -> list[str]:
    """Kinds of nodes this engine was built with."""
    kinds: list[str] = []
    while (kind := lib.lk_node_kind(len(kinds))) != ffi.NULL:
        kinds.append(c_string(kind))
    return kinds
