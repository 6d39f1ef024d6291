# SPDX-License-Identifier: BSD-3-Clause
"""The paths between ports and Python that nobody declares.

A port on which Python sends or listens gets `inject >> tx` and `rx >> collect`, each only while no
declared path does that work. Declared paths take over and, when they stop, give back.
"""

import threading
from collections.abc import Iterable
from typing import TYPE_CHECKING

from labkit.errors import EngineDied, PortError
from labkit.lab.frame_rings import FrameReader, FrameRings
from labkit.lab.running_path import RunningPath
from labkit.path import nodes
from labkit.path.path import Path

if TYPE_CHECKING:
    from labkit.lab.lab import Lab
    from labkit.lab.port import Port

LINK_OVERHEAD = 22  # Ethernet header and two VLAN tags, as in native/dataplane/port.c


class HostPaths:
    """The host paths of one lab, by port."""

    def __init__(self, lab: "Lab") -> None:
        self._lab = lab
        self._rings: dict[str, FrameRings] = {}
        self.running: dict[str, RunningPath] = {}
        self._changing = threading.Lock()  # a port is not closed by one thread as another uses it

    def attach(self, port: "Port", *, listens: bool) -> FrameRings:
        """The port's frame rings, with paths that serve them."""
        with self._changing:
            port.check_open()
            rings = self.share(port)
            self.ensure([port.name])
        if listens and not self._is_collected(port.name):
            owner = next(
                running.name
                for running in self._lab.paths.values()
                if running.path.receives(port.name)
            )
            raise PortError(
                f"port {port.name} is received by path {owner!r}, so Python hears nothing of it; "
                f"add lk.collect({port.name!r}) to that path, or stop it"
            )
        return rings

    def share(self, port: "Port") -> FrameRings:
        """The port's frame rings, known to the engine."""
        if port.name not in self._rings:
            rings = FrameRings(port.name, port.mtu + LINK_OVERHEAD)
            port._reader = FrameReader(rings)  # before a path can bring the first frame
            self._tell(port.name, rings)
            self._rings[port.name] = rings
        return self._rings[port.name]

    def ensure(self, ports: Iterable[str]) -> None:
        """Gives each port that Python uses what no declared path does for it."""
        for port in self._rings.keys() & set(ports):
            if port in self.running:
                continue
            used = {key for r in self._lab.paths.values() for key in r.path.exclusive_queues}
            ways = nodes.inject(port) >> nodes.tx(port), nodes.rx(port) >> nodes.collect(port)
            chains = [way for way in ways if not Path(way).exclusive_queues.keys() & used]
            if chains:
                path = Path(*chains, name=f"host:{port}")
                self._lab._start_path(path)
                self.running[port] = RunningPath(self._lab, path)

    def leave(self, ports: Iterable[str]) -> None:
        """Stops the host paths of these ports."""
        for port in ports:
            if port in self.running:
                try:
                    self._lab._ask("stop_path", name=self.running[port].name)
                finally:
                    del self.running[port]

    def forget(self, port: str) -> None:
        """Ends what Python has of a port that is closed."""
        with self._changing:
            try:
                self.leave([port])
            except EngineDied:
                pass  # and the path with it
            finally:
                self._rings.pop(port, None)

    def rebuild(self) -> None:
        """Everything again, in a new engine."""
        for port, rings in self._rings.items():
            self._tell(port, rings)
        for running in self.running.values():
            self._lab._start_path(running.path)

    def _is_collected(self, port: str) -> bool:
        return any(
            running.path.hands_to_python(port)
            for running in (*self._lab.paths.values(), *self.running.values())
        )

    def _tell(self, port: str, rings: FrameRings) -> None:
        self._lab._ask(
            "attach_frames",
            (rings.queue.descriptor, rings.journal.descriptor),
            name=port,
            sizes=[rings.queue.bytes, rings.journal.bytes],
        )
