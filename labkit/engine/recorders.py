# SPDX-License-Identifier: BSD-3-Clause
"""Recorders inside the engine: which counters they read, and what those are called."""

import os
from typing import Any

from labkit.engine.binding import c_string, call, ffi, lib
from labkit.engine.paths import Paths
from labkit.engine.ports import Ports
from labkit.engine.workers import Workers
from labkit.packet.codec import VERDICTS

KEPT_GENERATIONS = 64

Part = tuple[int, int, int, list[str]]  # kind, id, queue, names of its values


def _fields(struct: str) -> list[str]:
    return [name for name, _ in ffi.typeof(f"struct {struct}").fields]


NODE_COUNTERS = _fields("lk_node_counters")
LANE_COUNTERS = _fields("lk_recorded_lane")
WORKER_COUNTERS = _fields("lk_recorded_worker")
LINK = _fields("lk_recorded_link")
LEVELS = _fields("lk_recorded_level")


class Recorders:
    """All recorders of an engine. They read the same counters, each at its own rate."""

    def __init__(self, ports: Ports, paths: Paths, workers: Workers) -> None:
        self.ports, self.paths, self.workers = ports, paths, workers
        self.running: dict[int, tuple[Any, int]] = {}
        self.generation = 0
        self.names: dict[int, list[str]] = {0: []}
        self._plan: list[Part] = []
        self._started = 0
        ports.changed = paths.changed = self.refresh

    def start(self, descriptor: int, rows: int, room: int, interval_ns: int) -> int:
        """A recorder that writes into the parent's memory; returns its number."""
        recorder = lib.lk_recorder_start(descriptor, rows, room, interval_ns)
        os.close(descriptor)
        if recorder == ffi.NULL:
            raise MemoryError(f"no memory for a recorder of {rows} rows of {room} counters")
        self._started += 1
        self.running[self._started] = (recorder, room)
        self.refresh()
        self._set_plan(recorder, room)
        return self._started

    def stop(self, number: int) -> None:
        recorder, _ = self.running.pop(number)
        lib.lk_recorder_stop(recorder)

    def stop_all(self) -> None:
        for number in list(self.running):
            self.stop(number)

    def schema(self, generation: int) -> list[str] | None:
        """Names of the values of a row of this generation; None when that was too long ago.

        A row that had no room for all of them holds the first.
        """
        return self.names.get(generation)

    def refresh(self) -> None:
        """Reads from now on what there is now. Called before a port or path is taken away as well
        as after one was added."""
        if not self.running:
            return
        plan = self._make_plan()
        if plan == self._plan:
            return
        self._plan = plan
        self.generation += 1
        self.names[self.generation] = [name for part in plan for name in part[3]]
        self.names.pop(self.generation - KEPT_GENERATIONS, None)
        for recorder, room in self.running.values():
            self._set_plan(recorder, room)

    def _set_plan(self, recorder: Any, room: int) -> None:
        parts = ffi.new("struct lk_recorder_part[]", len(self._plan))
        taken = used = 0
        for part, (kind, number, queue, names) in zip(parts, self._plan, strict=True):
            if used + len(names) > room:
                break
            part.kind, part.id, part.queue, part.count = kind, number, queue, len(names)
            used += len(names)
            taken += 1
        call("lk_recorder_set_plan", recorder, self.generation, parts, taken)

    def _make_plan(self) -> list[Part]:
        plan: list[Part] = []
        for name, port in self.ports.by_name.items():
            if not port.xstat_names:
                continue
            xstats = [f"port/{name}/{xstat}" for xstat in port.xstat_names]
            plan.append((lib.LK_RECORD_PORT, port.id, 0, xstats))
            link = [f"port/{name}/{what}" for what in LINK]
            plan.append((lib.LK_RECORD_LINK, port.id, 0, link))
            if port.told_names:
                told = [f"driver/{name}/{counter}" for counter in port.told_names]
                plan.append((lib.LK_RECORD_TOLD, port.id, 0, told))
        brought = self.paths.own.drops
        drops = [*(f"drop_{verdict.name}" for verdict in VERDICTS if verdict.is_drop), *brought]
        for name, path in self.paths.by_name.items():
            counters = [
                f"path/{name}/{node}/{what}" for node in path.nodes for what in NODE_COUNTERS
            ]
            counters += [f"path/{name}/{drop}" for drop in drops]
            graph = path.lanes[0].graph
            plan.append((lib.LK_RECORD_GRAPH, graph, len(brought), counters))
            for node, counted in path.lanes[0].counters.items():
                names = [f"path/{name}/{node}/{counter}" for counter in counted]
                plan.append((lib.LK_RECORD_STATE, graph, path.nodes.index(node), names))
            if len(path.lanes) > 1:
                plan += [
                    (
                        lib.LK_RECORD_LANE,
                        lane.graph,
                        0,
                        [f"lane/{name}/{lane.number}/{what}" for what in LANE_COUNTERS],
                    )
                    for lane in path.lanes
                ]
        for lcore in sorted(self.workers.graphs):
            names = [f"worker/{lcore}/{what}" for what in WORKER_COUNTERS]
            plan.append((lib.LK_RECORD_WORKER, lcore, 0, names))
        return plan + self._memory()

    def _memory(self) -> list[Part]:
        """Mempools, each once, and the queues of ring ports."""
        pools: dict[str, Part] = {}
        rings: list[Part] = []
        for name, port in self.ports.by_name.items():
            if not port.xstat_names:
                continue
            pool = c_string(lib.lk_port_pool(port.id)).removeprefix("lk_")
            levels = [f"pool/{pool}/{what}" for what in LEVELS]
            pools.setdefault(pool, (lib.LK_RECORD_POOL, port.id, 0, levels))
            for queue in range(port.ring_queues):
                levels = [f"ring/{name}/q{queue}/{what}" for what in LEVELS]
                rings.append((lib.LK_RECORD_RING, port.id, queue, levels))
        return [*pools.values(), *rings]
