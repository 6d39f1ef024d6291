# SPDX-License-Identifier: BSD-3-Clause
"""The end of a port before its lab's: who must be done with it, and what goes with it."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from labkit import tunnel_ports
from labkit.errors import EngineDied, EngineError, LabError, PortError
from labkit.measuring import measuring

if TYPE_CHECKING:
    from labkit.port import Port


def close_port(port: "Port") -> None:
    """See Port.close()."""
    if port.is_closed:
        return
    with _nothing_measured(port):
        _check_unused(port)
        far = tunnel_ports.far_end_of(port)
        if far is not None:
            tunnel_ports.end_tunnel(port)
            _check_unused(far)
        for end in (port, far):
            if end is not None:
                _end(end)


@contextmanager
def _nothing_measured(port: "Port") -> Iterator[None]:
    """Keeps measurements away: they read all ports of the lab."""
    with ExitStack() as stack:
        if port.lab.is_alive:
            try:
                stack.enter_context(measuring(port.lab, f"the closing of port {port.name}"))
            except LabError as error:
                raise PortError(f"port {port.name} cannot be closed: {error}") from None
        yield


def _check_unused(port: "Port") -> None:
    users = [name for name, path in port.lab.paths.items() if port.name in path.path.ports]
    if users:
        raise _in_use(port, users)


def _in_use(port: "Port", users: list[str]) -> PortError:
    fixes = [f"lab.paths[{user!r}].stop()" for user in users]
    if tunnel_ports.path_name(port.name) in users:
        fixes = [f"lab.ports[{name!r}].close()" for name in tunnel_ports.inner_ports(port)]
    return PortError(
        f"port {port.name} cannot be closed: path {', '.join(map(repr, users))} uses it; "
        f"first {', '.join(fixes)}"
    )


def _end(port: "Port") -> None:
    port.is_closed = True  # from now on no thread brings its host path back
    with ExitStack() as stack:  # an interrupt ends one wait and keeps none of the others
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
    lab, peer = port.lab, port.declaration.peer
    if not port.is_closed:
        return
    del lab.ports[port.name]
    tunnel_ports.forget(lab, port.name)
    if peer is not None:
        other = lab.ports[peer]
        other.declaration = replace(other.declaration, peer=None, is_unplugged=True)
