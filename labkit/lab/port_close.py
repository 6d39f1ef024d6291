# SPDX-License-Identifier: BSD-3-Clause
"""The end of a port before its lab's: who must be done with it, and what goes with it."""

from contextlib import ExitStack
from dataclasses import replace
from typing import TYPE_CHECKING

from labkit.errors import EngineDied, EngineError, LabError, PortError
from labkit.lab import tunnel_ports
from labkit.lab.exclusive import measure

if TYPE_CHECKING:
    from labkit.lab.port import Port


def close_port(port: "Port") -> None:
    """See Port.close()."""
    if port.lab.ports.get(port.name) is not port:
        return
    if not port.lab.is_alive:
        _close(port)
        return
    try:
        # Measurements, which read all ports of the lab, are kept away, and so is Ctrl-C.
        measure(port.lab, f"the closing of port {port.name}", lambda _: _close(port))
    except PortError:
        raise
    except LabError as error:
        raise PortError(f"port {port.name} cannot be closed: {error}") from None


def _close(port: "Port") -> None:
    _check_unused(port)
    far = tunnel_ports.far_end_of(port)
    if far is not None:
        tunnel_ports.end_tunnel(port)
        _check_unused(far)
    for end in (port, far):
        if end is not None:
            _end(end)


def _check_unused(port: "Port") -> None:
    running = tuple(port.lab.paths.values())  # another thread may run one meanwhile
    users = [path.name for path in running if port.name in path.path.ports]
    if users:
        raise _in_use(port, users)


def _in_use(port: "Port", users: list[str]) -> PortError:
    fixes = [f"lab.paths[{user!r}].stop()" for user in users]
    if tunnel_ports.path_name(port.name) in users:
        fixes = [f"lab.ports[{name!r}].close()" for name in tunnel_ports.inner_ports(port)]
    who = f"path {users[0]!r} uses" if len(users) == 1 else f"paths {', '.join(users)} use"
    return PortError(f"port {port.name} cannot be closed: {who} it; first {', '.join(fixes)}")


def _end(port: "Port") -> None:
    port.is_closed = True  # from now on no thread brings its host path back
    with ExitStack() as stack:  # what goes wrong with one of these does not keep the others
        stack.callback(_forget, port)
        stack.callback(_close_in_engine, port)
        stack.callback(port.lab._hosts.forget, port.name)
        for socket in tuple(port._sockets):
            socket.close()


def _close_in_engine(port: "Port") -> None:
    try:
        users = port.lab._ask("close_port", name=port.name)
    except EngineDied:
        return  # and the port with it
    except EngineError as error:
        raise PortError(f"port {port.name}: its driver did not close it: {error}") from None
    if users:  # a path that another thread ran meanwhile
        port.is_closed = False
        raise _in_use(port, users)


def _forget(port: "Port") -> None:
    if not port.is_closed:
        return
    port.lab.ports.pop(port.name, None)
    tunnel_ports.forget(port.lab, port.name)
    peer = port.lab.ports.get(port.declaration.peer or "")
    if peer is not None and peer.declaration.peer == port.name:
        peer.declaration = replace(peer.declaration, peer=None, is_unplugged=True)
