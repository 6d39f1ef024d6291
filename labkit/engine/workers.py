# SPDX-License-Identifier: BSD-3-Clause
"""Which worker walks which graph, and on which CPU."""

from collections.abc import Sequence

from labkit.engine.answers import WorkerFacts
from labkit.engine.binding import call, ffi, lib
from labkit.machine.cpus import CpuClaims


class Workers:
    """The lcores with something to do, and the graphs each one walks."""

    def __init__(self, cpus: tuple[int, ...], max_workers: int) -> None:
        self.claims = CpuClaims("worker")
        self.usable_cpus = cpus
        self.idle_lcores = list(range(1, max_workers + 1))
        self.graphs: dict[int, list[int]] = {}
        self.cpus: dict[int, int] = {}

    def place(self, graph: int, beside: set[int]) -> int:
        """Puts a graph on a worker and returns the lcore.

        Graphs that share a queue of a port must be walked by one worker, because queues have no
        locks: `beside` names the lcores that walk such graphs already, and they become one.
        Otherwise the graph gets a worker with a CPU of its own while there is one, then the least
        loaded worker of this engine, and when there is none, a worker that shares all CPUs.
        """
        lcore = self._merge(beside) if beside else self._new_or_least_loaded()
        self.graphs[lcore].append(graph)
        self._walk(lcore)
        return lcore

    def swap(self, before: Sequence[int], after: Sequence[int], beside: set[int]) -> None:
        """Puts graphs where others were, all on one worker and between two of its walks."""
        lcore = self._merge(beside | {self.lcore_of(graph) for graph in before})
        kept = [graph for graph in self.graphs[lcore] if graph not in before]
        self.graphs[lcore] = [*kept, *after]
        self._walk(lcore)

    def remove(self, graph: int) -> None:
        """Takes a graph off its worker; a worker without graphs ends."""
        for lcore, graphs in list(self.graphs.items()):
            if graph in graphs:
                graphs.remove(graph)
                if graphs:
                    self._walk(lcore)
                else:
                    self._stop(lcore)

    def lcore_of(self, graph: int) -> int:
        return next(lcore for lcore, graphs in self.graphs.items() if graph in graphs)

    def free(self, going: set[int]) -> int:
        """How many workers with a CPU of their own there could be for other graphs, when those
        that are going have gone."""
        claimed = [cpu for cpu in self.usable_cpus if self.claims.claim(cpu)]
        for cpu in claimed:
            self.claims.give_back(cpu)
        own = [n for n in self.cpus if self.graphs[n] and going.issuperset(self.graphs[n])]
        return min(len(claimed), len(self.idle_lcores)) + len(own)

    def has(self, graph: int) -> bool:
        """Whether a worker walks it."""
        return any(graph in graphs for graphs in self.graphs.values())

    def describe(self) -> list[WorkerFacts]:
        """Each worker's lcore, CPU (None: floats), graphs and times in ns."""
        info = ffi.new("struct lk_worker_info *")
        rows: list[WorkerFacts] = []
        for lcore in sorted(self.graphs):
            call("lk_worker_info", lcore, info)
            rows.append(
                {
                    "lcore": lcore,
                    "cpu": info.cpu if info.cpu >= 0 else None,
                    "paths": info.graphs,
                    "loops": info.loops,
                    "busy_ns": info.busy_ns,
                    "idle_ns": info.idle_ns,
                }
            )
        return rows

    def stop_all(self) -> None:
        for lcore in list(self.graphs):
            self._stop(lcore)

    def _new_or_least_loaded(self) -> int:
        cpu = self.claims.claim_one(reversed(self.usable_cpus)) if self.idle_lcores else None
        if cpu is None and self.graphs:
            return min(self.graphs, key=lambda lcore: len(self.graphs[lcore]))
        lcore = self.idle_lcores.pop(0)
        call("lk_worker_start", lcore, -1 if cpu is None else cpu)
        self.graphs[lcore] = []
        if cpu is not None:
            self.cpus[lcore] = cpu
        return lcore

    def _merge(self, lcores: set[int]) -> int:
        kept, *others = sorted(lcores)
        for lcore in others:
            moved = self.graphs[lcore]
            self._stop(lcore)
            self.graphs[kept] += moved
        return kept

    def _walk(self, lcore: int) -> None:
        graphs = self.graphs[lcore]
        call("lk_worker_run", lcore, ffi.new("int[]", graphs), len(graphs))

    def _stop(self, lcore: int) -> None:
        lib.lk_worker_stop(lcore)
        del self.graphs[lcore]
        self.idle_lcores.insert(0, lcore)
        if lcore in self.cpus:
            self.claims.give_back(self.cpus.pop(lcore))
