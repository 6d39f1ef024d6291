# SPDX-License-Identifier: BSD-3-Clause
"""Paths inside the engine: plain data becomes an rte_graph on a worker."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from labkit._codec import ffi as codec_ffi
from labkit.engine.binding import c_string, call, ffi, lib
from labkit.engine.commands import PathCounts
from labkit.engine.ports import Ports
from labkit.engine.trials import Trials
from labkit.engine.workers import Workers
from labkit.packet.codec import VERDICTS, packed_addresses
from labkit.packet.tunnels import from_dict


@dataclass
class EnginePath:
    """A running path: its graph, node names by index, and what must outlive the graph."""

    graph: int
    nodes: list[str]
    queues: set[tuple[str, str, int]]
    runs: set[str] = field(default_factory=set)  # of probes and trials that its nodes belong to
    captures: dict[str, Any] = field(default_factory=dict)
    lines: dict[str, Any] = field(default_factory=dict)  # of impair nodes, by line and
    impairments: dict[str, str] = field(default_factory=dict)  # the line by node name


def endpoint(params: dict[str, Any]) -> dict[str, Any]:
    """struct lk_endpoint of a responder node."""
    return {
        "mac": bytes.fromhex((params.get("mac") or "000000000000").replace(":", "")),
        "udp_port": params.get("udp_port") or 0,
        **packed_addresses(params["addresses"]),
    }


class Paths:
    """The engine's paths by name."""

    def __init__(self, ports: Ports, workers: Workers) -> None:
        self.ports = ports
        self.workers = workers
        self.probes: dict[str, Any] = {}
        self.trials = Trials()
        self.by_name: dict[str, EnginePath] = {}
        self.generation = 0
        self.changed: Callable[[], None] = lambda: None  # called when counters come or go

    def run(self, name: str, path: Mapping[str, Any]) -> int:
        """Builds a path from its plain data and starts it; returns the lcore."""
        if name in self.by_name:
            raise ValueError(f"a path called {name!r} runs already")
        nodes: list[dict[str, Any]] = path["nodes"]
        index = {node["name"]: i for i, node in enumerate(nodes)}
        running = EnginePath(-1, list(index), set())
        configs = ffi.new("struct lk_node_config[]", len(nodes))
        keep_alive: list[Any] = [configs]
        self.generation += 1
        try:
            for node in nodes:
                if node["kind"] == "impair":
                    self._make_line(running, node)
            for node, config in zip(nodes, configs, strict=True):
                self._configure(name, node, config, running, keep_alive)
            for edge in path["edges"]:
                setattr(configs[index[edge["source"]]], edge["output"], index[edge["target"]])
            running.graph = call(
                "lk_graph_create", f"path{self.generation}".encode(), configs, len(nodes)
            )
            beside = {
                self.workers.lcore_of(other.graph)
                for other in self.by_name.values()
                if other.queues & running.queues
            }
            lcore = self.workers.place(running.graph, beside)
        except BaseException:
            self._close(running)
            raise
        self.by_name[name] = running
        self.changed()
        return lcore

    def stop(self, name: str) -> None:
        """Nothing where it does not run: an interrupted caller asks again."""
        path = self.by_name.pop(name, None)
        if path is None:
            return
        self.changed()  # nobody reads a graph that is about to go
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
        nodes = ffi.new("struct lk_node_counters[]", len(path.nodes))
        drops = ffi.new("struct lk_drop_counters[]", len(VERDICTS))
        call("lk_graph_counters", path.graph, nodes, drops)
        return {
            "lcore": self.workers.lcore_of(path.graph),
            "nodes": {
                node: [c.calls, c.objects, c.cycles]
                for node, c in zip(path.nodes, nodes, strict=True)
            },
            "drops": {
                f"drop_{verdict.name}": [c.frames, c.measured]
                for verdict, c in zip(VERDICTS, drops, strict=True)
                if c.frames
            },
            "captures": {
                node: self._capture_counts(capture) for node, capture in path.captures.items()
            },
            "impairments": {
                node: self._impair_counts(path.lines[line])
                for node, line in path.impairments.items()
            },
        }

    def node_names(self) -> dict[int, tuple[str, list[str]]]:
        """Path name and node names by graph number."""
        return {path.graph: (name, path.nodes) for name, path in self.by_name.items()}

    def stop_all(self) -> None:
        for name in list(self.by_name):
            self.stop(name)

    def _configure(
        self,
        path: str,
        node: dict[str, Any],
        config: Any,
        running: EnginePath,
        keep_alive: list[Any],
    ) -> None:
        params = node["params"]
        kind = ffi.new("char[]", node["kind"].encode())
        label = ffi.new("char[]", f"{path}/{node['name']}".encode()[:63])
        keep_alive += [kind, label]
        config.kind, config.name = kind, label
        config.next = config.other = -1
        if "port" in params:
            self._configure_port(node, config, running)
        if "run" in params:
            running.runs.add(params["run"])
        if "addresses" in params:
            config.endpoint = endpoint(params)
        if "tunnel" in params:
            self._configure_tunnel(node, config)
        if node["kind"] in ("generate", "receive"):
            config.trial = self.trials.by_run[params["run"]]
        elif "run" in params:
            config.probe = self.probes[params["run"]]
        if "line" in params:
            config.impair = running.lines[params["line"]]
        if node["kind"] == "capture":
            config.capture = self._open_capture(path, node)
            running.captures[node["name"]] = config.capture

    def _configure_port(self, node: dict[str, Any], config: Any, running: EnginePath) -> None:
        params, kind = node["params"], node["kind"]
        port = self.ports.by_name[params["port"]]
        config.port = port.id
        config.queue = params.get("queue", 0)
        running.queues.add((params["port"], kind, config.queue))
        if kind in ("inject", "collect"):
            if port.rings is None:
                raise LookupError(f"port {params['port']} has no frame rings")
            config.ring = port.rings.to_engine if kind == "inject" else port.rings.from_engine

    def _configure_tunnel(self, node: dict[str, Any], config: Any) -> None:
        tunnel = from_dict(node["params"]["tunnel"])
        if node["kind"] == "encap":
            tunnel.check_can_send()
        native = tunnel.native(is_end=True)
        native.passes_unknown_vni = node["params"].get("unknown_vni") == "pass"
        # A struct of the codec's module, which is another type of the same bytes.
        ffi.memmove(
            ffi.addressof(config.tunnel), codec_ffi.buffer(native), ffi.sizeof(config.tunnel)
        )

    def _open_capture(self, path: str, node: dict[str, Any]) -> Any:
        params = node["params"]
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC
        descriptor = os.open(params["file"], flags, 0o600)
        capture = lib.lk_capture_open(
            descriptor, f"{path}/{node['name']}".encode(), params.get("snaplen", 0)
        )
        if capture == ffi.NULL:
            os.close(descriptor)
            raise OSError(f"{params['file']}: the capture cannot be written")
        return capture

    def _capture_counts(self, capture: Any) -> dict[str, int]:
        lib.lk_capture_flush(capture)
        written, missed = ffi.new("uint64_t *"), ffi.new("uint64_t *")
        error = ffi.new("int32_t *")
        lib.lk_capture_counts(capture, written, missed, error)
        return {"written": written[0], "missed": missed[0], "errno": -error[0]}

    def _make_line(self, running: EnginePath, node: dict[str, Any]) -> None:
        settings = dict(node["params"])
        line = settings.pop("line")
        config = ffi.new("struct lk_impair_config *", settings)
        impair = lib.lk_impair_create(config)
        if impair == ffi.NULL:
            raise MemoryError(f"node {node['name']}: no memory for what it holds back")
        running.lines[line] = impair
        running.impairments[node["name"]] = line

    def _impair_counts(self, impair: Any) -> dict[str, int]:
        counts = ffi.new("struct lk_impair_counts *")
        lib.lk_impair_counts(impair, counts)
        return {"copied": counts.copied, "reordered": counts.reordered, "held": counts.held}

    def _close(self, path: EnginePath) -> None:
        """Takes a path off its worker, as far as it came, and gives back what its nodes had."""
        if path.graph >= 0:
            self.workers.remove(path.graph)
            call("lk_graph_destroy", path.graph)
        for capture in path.captures.values():
            lib.lk_capture_close(capture)
        for line in path.lines.values():
            lib.lk_impair_free(line)


def node_kinds() -> list[str]:
    """Kinds of nodes this engine was built with."""
    kinds: list[str] = []
    while (kind := lib.lk_node_kind(len(kinds))) != ffi.NULL:
        kinds.append(c_string(kind))
    return kinds
