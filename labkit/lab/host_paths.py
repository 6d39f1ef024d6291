# SPDX-License-Identifier: BSD-3-Clause
"""The paths between ports and Python that nobody declares.

A port on which Python sends or listens gets `inject >> tx` and `rx >> collect`, each only while no
declared path does that work. Declared paths take over and, when they stop, give back.
"""

import threading
from collections.abc import Iterable, Mapping
from typing import Any

from labkit.engine.commands import Descriptors
from labkit.engine.engine import Engine
from labkit.errors import EngineDied, EngineError, PortError
from labkit.lab.frame_rings import FrameRings
from labkit.lab.port_frames import PortFrames
from labkit.lab.running_path import RunningPath, start_path
from labkit.path import nodes
from labkit.path.chain import Chain
from labkit.path.lanes import lane_count
from labkit.path.path import Path


class HostPaths:
    """The host paths of one lab, by port. They give way to `declared`, the paths of its user."""

    def __init__(
        self,
        lab: Any,  # a Lab, which is made of this
        engine: Engine,
        declared: Mapping[str, RunningPath],
    ) -> None:
        self._lab = lab
        self._engine = engine
        self._declared = declared
        self._rings: dict[str, FrameRings] = {}
        self._rx_queues: dict[str, int] = {}
        self.running: dict[str, RunningPath] = {}
        self._changing = threading.Lock()  # a port is not closed by one thread as another uses it

    def attach(self, frames: PortFrames, listens: bool) -> FrameRings:
        """The port's frame rings, with paths that serve them."""
        port = frames.port
        with self._changing:
            frames.check_open()
            rings = self.share(frames)
            self.ensure([port])
        if listens and not self._is_collected(port):
            owner = next(
                running.name for running in self._declared.values() if running.path.receives(port)
            )
            raise PortError(
                f"port {port} is received by path {owner!r}, so Python hears nothing of it; "
                f"add lk.collect({port!r}) to that path, or stop it"
            )
        return rings

    def share(self, frames: PortFrames) -> FrameRings:
        """The port's frame rings, known to the engine."""
        port = frames.port
        if port not in self._rings:
            rings = FrameRings(
                port,
                frames.max_frame,
                frames.rx_queues,
                lambda slot, bell: self._listen(frames, slot, bell),
            )
            frames.begin(rings)
            self._tell(port, rings)
            self._rings[port] = rings
            self._rx_queues[port] = frames.rx_queues
        return self._rings[port]

    def ensure(self, ports: Iterable[str]) -> None:
        """Gives each port that Python uses what no declared path does for it."""
        for port in self._rings.keys() & set(ports):
            if port in self.running:
                continue
            path = self._path(port)
            if path is not None:
                lanes = lane_count(path, self._rx_queues)
                start_path(self._engine, path, lanes)
                # It ends when a declared path takes over or its port is closed, not by stop().
                self.running[port] = RunningPath(
                    self._lab,
                    self._engine,
                    path,
                    lanes,
                    self._declared,
                    lambda running: None,
                    lambda running, *_: running,
                )

    def _path(self, port: str) -> Path | None:
        """What no declared path does: sending, and receiving from queues that are left."""
        queues = self._rx_queues[port]
        read: set[int] = set()
        sends = hears = False
        for running in self._declared.values():
            read |= running.path.queues_read(port, queues)
            hears = hears or running.path.hands_to_python(port)
            sends = sends or running.path.sends_for_python(port)
        chains: list[Chain] = []
        if not sends:
            chains.append(nodes.inject(port) >> nodes.tx(port))
        if not hears and len(read) < queues:
            collect = nodes.collect(port)
            left: list[int | None] = [q for q in range(queues) if q not in read] if read else [None]
            chains += [nodes.rx(port, queue) >> collect for queue in left]
        return Path(*chains, name=f"host:{port}") if chains else None

    def leave(self, ports: Iterable[str]) -> None:
        """Stops the host paths of these ports."""
        for port in ports:
            if port in self.running:
                try:
                    self._engine.commands.stop_path(self.running[port].name)
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
            start_path(self._engine, running.path, running.lane_count)

    def _is_collected(self, port: str) -> bool:
        return any(
            running.path.hands_to_python(port)
            for running in (*self._declared.values(), *self.running.values())
        )

    def _tell(self, port: str, rings: FrameRings) -> None:
        both = [rings.queue, *rings.journals]
        descriptors = Descriptors(ring.descriptor for ring in both)
        self._engine.commands.attach_frames(port, [ring.bytes for ring in both], descriptors)
        rings.serve(self._engine.status, self._engine.channel)

    def _listen(self, frames: PortFrames, slot: int, bell: int) -> None:
        try:
            self._engine.commands.listen_frames(frames.port, slot, Descriptors((bell,)))
        except EngineError:
            # Another thread may have closed the port meanwhile, and its sockets. Who waits on one
            # of them is told so; nothing else will ring the bell.
            if frames.is_open:
                raise
