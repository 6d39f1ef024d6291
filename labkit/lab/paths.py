# SPDX-License-Identifier: BSD-3-Clause
"""The paths of a lab: run, stopped, counted, and made again in a new engine."""

import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from typing import Any
from weakref import WeakKeyDictionary

from labkit.arguments.names import Named
from labkit.engine.engine import Engine
from labkit.errors import LabClosed, LabError, PathError, is_answered
from labkit.lab import python_nodes
from labkit.lab.host_paths import HostPaths
from labkit.lab.numa import warn_of_distance
from labkit.lab.port import Port
from labkit.lab.running_path import RunningPath, load_own_nodes, start_path
from labkit.path.chain import Chain, Node
from labkit.path.counters import PathCounters
from labkit.path.graph import NamedNode
from labkit.path.lanes import Lanes, lane_count
from labkit.path.path import Path
from labkit.path.values import Value
from labkit.text import first_free, near

WHO_CALLED = 4  # lab.run(), behind what looks at its arguments


OF_HOSTS = ("host_send", "host_hear", "host_refuse")  # nodes by which Python speaks from hosts


class LabPaths:
    """What a lab has of paths.

    Attributes
    ----------
    declared: the paths of the lab's user that run, by name
    hosts: those between ports and Python
    of_hosts: names of a topology's hosts, by the ports through which Python speaks from them
    stop_listeners: called with a path that was stopped, whose counters it keeps
    """

    def __init__(
        self,
        lab: Any,  # a Lab, which is made of this
        engine: Engine,
        ports: Mapping[str, Port],
        declared: dict[str, RunningPath],
        hosts: HostPaths,
    ) -> None:
        self.declared = declared
        self.hosts = hosts
        self.of_hosts: WeakKeyDictionary[Port, str] = WeakKeyDictionary()
        self.stop_listeners: list[Callable[[RunningPath], None]] = []
        self._lab = lab
        self._engine = engine
        self._ports = ports

    @property
    def all(self) -> list[RunningPath]:
        """Declared paths and those between ports and Python."""
        return [*self.declared.values(), *self.hosts.running.values()]

    def counters(self) -> dict[str, PathCounters]:
        """Counters of every path by its name; of a closed lab the last ones."""
        kept = {running.name: running.kept for running in self.all}
        asked = [name for name, counters in kept.items() if counters is None]
        answers = self._engine.commands.counters(asked) if asked or not kept else {}
        read = {name: PathCounters.from_engine(answer) for name, answer in answers.items()}
        return Named("path", {name: found or read[name] for name, found in kept.items()})

    def keep(self) -> None:
        """Stops every path and keeps its counters, for when the engine is gone."""
        for running in self.all:
            running.keep(self._engine.commands.stop_path(running.name))

    def run(
        self, path: Path | Chain | Node, name: str | None = None, lanes: Lanes = "all"
    ) -> RunningPath:
        """See Lab.run()."""
        if not isinstance(path, Path):
            path = Path(path, name=name or self.free_name("path"))
        elif name is not None:
            path = path.renamed(name)
        path = path.newest()
        if path.name in self.declared:
            raise PathError(f"a path called {path.name!r} runs already; stop it, or pass name=")
        self._check_ports(path)
        resolved = self._resolved(path)
        running = self._path(resolved, lanes)
        with self._hosts_after(resolved.ports):
            self._make_way(resolved)
            start_path(self._engine, resolved, running.lane_count)
            self.declared[path.name] = running
        self._warn_of_unread(resolved)
        used = [port for name, port in self._ports.items() if name in resolved.ports]
        warn_of_distance(self._engine, path.name, used, WHO_CALLED)
        return running

    def unread(self, port: str) -> list[int]:
        """Queues of a port that no path reads."""
        queues = self.rx_queues[port]
        read = (running.path.queues_read(port, queues) for running in self.all)
        return sorted(set(range(queues)).difference(*read))

    @contextmanager
    def _hosts_after(self, ports: Iterable[str], *, leaves: bool = False) -> Iterator[None]:
        """Gives ports that Python uses what no declared path does for them afterwards; who was
        interrupted does not wait for that. leaves: what they have by now is another's work."""

        def renew() -> None:
            if leaves:
                self.hosts.leave(ports)
            self.hosts.ensure(ports)

        try:
            yield
        except BaseException as error:
            if is_answered(error):
                renew()
            else:
                with self._engine.unawaited(), suppress(LabError):
                    renew()
            raise
        renew()

    def stop_measurement(self) -> None:
        """Stops the paths of a measurement; what one of them raises does not keep the others."""
        with ExitStack() as stack:
            for running in self.declared.values():
                if running.path.has_run:
                    stack.callback(running.stop)

    def forget(self, names: Iterable[str]) -> None:
        """Of paths that went with their engine and are not to come again."""
        for name in names:
            self.declared.pop(name, None)

    def rebuild(self) -> None:
        """Every path again, in a new engine."""
        for running in self.all:
            running.begin_anew()
        self.hosts.rebuild()
        for running in self.declared.values():
            with suppress(PathError):  # a newer node of a user's own that does not fit
                running.path = running.path.newest()
            start_path(self._engine, running.path, running.lane_count)
        self.hosts.ensure(self._ports)  # of ports that a path had when the engine died

    def free_name(self, wanted: str) -> str:
        """A name that no path has, for one whose user gave it none."""
        return first_free(wanted, self.declared)

    def _stop(self, running: RunningPath) -> None:
        if not running.is_running:
            return
        with self._hosts_after(running.path.ports, leaves=True):
            try:
                self._keep(running, self._engine.commands.stop_path(running.name))
            except LabClosed:
                pass  # and the path with it, its counters kept
            finally:  # an interrupted wait does not keep it, and a restart is not to bring it back
                del self.declared[running.name]
                python_nodes.end(self._engine, running.name)

    def _resolved(self, path: Path) -> Path:
        return path.with_macs({port.name: port.mac for port in self._ports.values()})

    def _replace(
        self, running: RunningPath, path: Path | Chain | Node, lanes: Lanes | None
    ) -> RunningPath:
        """See RunningPath.replace()."""
        if not running.is_running:
            raise PathError(f"path {running.name!r} was stopped; run the other one")
        named = path.newest() if isinstance(path, Path) else Path(path, name=running.name)
        resolved = self._resolved(named.renamed(running.name))
        self._check_ports(resolved)
        for either in (running.path, resolved):
            _check_has_no_capture(running.name, either)
        load_own_nodes(self._engine, resolved)
        after = self._path(
            resolved, running.wanted_lanes if lanes is None else lanes, or_fewer=lanes is None
        )
        with self._hosts_after({*running.path.ports, *resolved.ports}):
            self._make_way(resolved, running)
            try:
                answer = self._engine.commands.replace_path(
                    running.name, resolved.to_dict(), after.lane_count
                )
            except BaseException as error:
                if not is_answered(error):  # the wait alone has ended: they are exchanged
                    self.declared[running.name] = after
                raise
            self.declared[running.name] = after
            self._keep(running, answer)
        return after

    def _renew(self, running: RunningPath) -> None:
        """See RunningPath.renew()."""
        _check_has_no_capture(running.name, running.path)
        path = running.path.newest()
        load_own_nodes(self._engine, path)
        self._engine.commands.replace_path(running.name, path.to_dict(), running.lane_count)
        running.path = path
        running.begin_anew()

    def _path(self, resolved: Path, lanes: Lanes, *, or_fewer: bool = False) -> RunningPath:
        """or_fewer: where the path cannot have so many."""
        count = lane_count(resolved, self.rx_queues, "all" if or_fewer else lanes)
        if or_fewer and lanes != "all":
            count = min(count, lanes)
        calls = self._stop, self._replace, self._renew
        running = RunningPath(self._lab, self._engine, resolved, count, self.declared, *calls)
        running.wanted_lanes = lanes
        return running

    def change(self, running: RunningPath, node: str, **params: Value) -> None:
        """Gives a node of a running path other parameters while frames flow, as its kind allows:
        a wire, or what a host of a topology has for Python."""
        found = running.path.node(node)
        if not found.declared.changes:
            raise PathError(
                f"path {running.name!r}, node {node}: a {found.kind} keeps its parameters while it "
                "runs; replace() the path"
            )
        full = found.declared.checked(node, {**found.params, **params})
        changed = NamedNode(node, found.kind, full)
        nodes = (changed if n is found else n for n in running.path.nodes)
        path = Path.from_data(nodes, running.path.edges, running.path.name)
        self._check_ports(path)
        self._make_way(path, running)
        data = {"name": node, "kind": found.kind, "params": full}
        self._engine.commands.change_node(running.name, data)
        running.path = path

    @property
    def rx_queues(self) -> dict[str, int]:
        """How many each port has."""
        return {name: port.last_info.rx_queues for name, port in self._ports.items()}

    def _keep(self, running: RunningPath, answer: Any) -> None:
        """The last counters of a path that was taken off its worker."""
        running.keep(answer)
        for hear in tuple(self.stop_listeners):
            hear(running)

    def _warn_of_unread(self, path: Path) -> None:
        """Of a port of which a path reads some queues and nobody reads the others."""
        for port in dict.fromkeys(n.port for n in path.nodes if n.declared.receives):
            if port is None or not (unread := self.unread(port)):
                continue
            numbers = ", ".join(map(str, unread))
            which = f"queue {numbers}" if len(unread) == 1 else f"queues {numbers}"
            warnings.warn(
                f"no path reads {which} of port {port}; what arrives there waits, and is lost when "
                f"it is full. lk.rx({port}) reads all queues, lk.rx({port}, {unread[0]}) one",
                stacklevel=5,  # who called lab.run()
            )

    def _make_way(self, path: Path, instead_of: RunningPath | None = None) -> None:
        """Stops host paths of the path's ports; refuses what two declared paths cannot share."""
        queues = self.rx_queues
        wanted = path.exclusive_queues(queues)
        for running in self.declared.values():
            if running is instead_of:
                continue
            for key in running.path.exclusive_queues(queues):
                if key in wanted:
                    kind, port, queue = key
                    raise PathError(
                        f"path {path.name!r}, node {wanted[key]}: path {running.name!r} has {kind} "
                        f"of port {port}, queue {queue} already; stop it, or open the port with "
                        "more queues and use another one"
                    )
        self.hosts.leave(path.ports)
        for port in path.ports_of_python:
            self.hosts.share(self._ports[port].frames)

    def _check_ports(self, path: Path) -> None:
        for n in path.nodes:
            if n.port is None:
                continue
            port_name = n.port
            port = self._ports.get(port_name)
            if port is None:
                raise PathError(
                    f"path {path.name!r}, node {n.name}: this lab has no port "
                    f"{port_name!r}{near(port_name, self._ports)}"
                )
            if n.kind not in OF_HOSTS and (host := self.of_hosts.get(port)) is not None:
                raise PathError(
                    f"path {path.name!r}, node {n.name}: by port {port_name} Python speaks from "
                    f"host {host} with send() and receive(), and no path, trial or traffic can use "
                    f"it; put the host behind a port of the lab: outside, inside = lab.cable(), "
                    f"lab.topology(..., ports={{{host!r}: inside}}), and send on outside"
                )
            info = port.last_info
            queues = info.rx_queues if n.declared.receives else info.tx_queues
            if n.queue is not None and n.queue >= queues:
                raise PathError(
                    f"path {path.name!r}, node {n.name}: queue {n.params['queue']} of port "
                    f"{port_name}, which has {queues} (0 to {queues - 1}); open it with queues="
                )


def _check_has_no_capture(name: str, path: Path) -> None:
    for n in path.nodes:
        if n.kind == "capture":
            raise PathError(
                f"path {name!r}, node {n.name}: a capture's file has one writer; stop the path, "
                "and run the other one"
            )
