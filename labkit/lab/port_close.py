# SPDX-License-Identifier: BSD-3-Clause
"""The end of a port before its lab's: who must be done with it, and what goes with it."""

from contextlib import ExitStack
from dataclasses import dataclass

from labkit.errors import EngineDied, EngineError, EngineHung, LabError, PortError
from labkit.lab.exclusive import measure
from labkit.lab.flows.paths import PREFIX
from labkit.lab.paths import LabPaths
from labkit.lab.port import Port
from labkit.lab.ports import LabPorts
from labkit.lab.tunnel_ports import TunnelPorts, path_name


@dataclass(frozen=True)
class PortClose:
    """Closes ports of a lab; see Port.close()."""

    ports: LabPorts
    paths: LabPaths
    tunnels: TunnelPorts

    def __call__(self, port: Port) -> None:
        """Closes a port; nothing if it was closed before."""
        if self.ports.by_name.get(port.name) is not port:
            return
        engine = self.ports.engine
        if not engine.is_alive:
            self._close(port)
            return
        try:
            # Measurements, which read all ports of the lab, are kept away, and so is Ctrl-C.
            what = f"the closing of port {port.name}"
            measure(engine, what, lambda _: self._close(port), beside_traffic=True)
        except (PortError, EngineDied, EngineHung):
            raise
        except LabError as error:
            raise PortError(f"port {port.name} cannot be closed: {error}") from None

    def _close(self, port: Port) -> None:
        self._check_unused(port)
        far = self.tunnels.far_end_of(port)
        if far is not None:
            self.tunnels.end(port)
            self._check_unused(far)
        for end in (port, far):
            if end is not None:
                self._end(end)

    def _check_unused(self, port: Port) -> None:
        running = tuple(self.paths.declared.values())  # another thread may run one meanwhile
        users = [path.name for path in running if port.name in path.path.ports]
        if users:
            raise self._in_use(port, users)

    def _in_use(self, port: Port, users: list[str]) -> PortError:
        fixes = [f"lab.paths[{user!r}].stop()" for user in users]
        if any(user.startswith(PREFIX) for user in users):
            fixes = ["lab.live.close(), which ends its flows"]
        if path_name(port.name) in users:
            fixes = [f"lab.ports[{name!r}].close()" for name in self.tunnels.inner_ports(port)]
        who = f"path {users[0]!r} uses" if len(users) == 1 else f"paths {', '.join(users)} use"
        return PortError(f"port {port.name} cannot be closed: {who} it; first {', '.join(fixes)}")

    def _end(self, port: Port) -> None:
        port.is_closed = True  # from now on no thread brings its host path back
        with ExitStack() as stack:  # what goes wrong with one of these does not keep the others
            stack.callback(self._forget, port)
            stack.callback(self._close_in_engine, port)
            stack.callback(self.paths.hosts.forget, port.name)
            for socket in tuple(port.frames.sockets):
                socket.close()

    def _close_in_engine(self, port: Port) -> None:
        try:
            users = self.ports.engine.commands.close_port(port.name)
        except EngineDied:
            return  # and the port with it
        except EngineError as error:
            raise PortError(f"port {port.name}: its driver did not close it: {error}") from None
        if users:  # a path that another thread ran meanwhile
            port.is_closed = False
            raise self._in_use(port, users)

    def _forget(self, port: Port) -> None:
        if port.is_closed:
            self.ports.forget(port)
            self.tunnels.forget(port.name)
