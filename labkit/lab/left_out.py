# SPDX-License-Identifier: BSD-3-Clause
"""Ports that a new engine is to do without, because they hang: lab.restart(without=[...])."""

import warnings
from collections.abc import Collection

from labkit.arguments.names import Named
from labkit.errors import PortError
from labkit.lab.paths import LabPaths
from labkit.lab.port import Port
from labkit.lab.ports import LabPorts
from labkit.lab.tunnel_ports import TunnelPorts


def with_their_tunnels(
    names: Collection[str], ports: LabPorts, tunnels: TunnelPorts
) -> dict[str, Port]:
    """The ports of these names and those inside their tunnels, with the far ends of those.

    Raises PortError for the inner port of a tunnel, which has no driver that could hang.
    """
    found: dict[str, Port] = Named("port")
    for name in names:
        port = ports.by_name[name]
        if tunnels.far_end_of(port) is not None or name in tunnels.far_ends:
            raise PortError(f"port {name} is that of a tunnel; leave out the port outside of it")
        found[name] = port
        for inner in tunnels.inner_ports(port):
            far = tunnels.far_end_of(ports.by_name[inner])
            found[inner] = ports.by_name[inner]
            if far is not None:
                found[far.name] = far
    return found


def leave_out(
    left_out: dict[str, Port], ports: LabPorts, paths: LabPaths, tunnels: TunnelPorts
) -> None:
    """Forgets ports, and the paths that use them. Their engine is gone."""
    gone = [path.name for path in paths.declared.values() if set(path.path.ports) & set(left_out)]
    for name in gone:
        paths.declared[name].end_with_engine()
    paths.forget(gone)
    for name, port in left_out.items():
        port.is_closed = True
        for socket in tuple(port.frames.sockets):
            socket.close()
        paths.hosts.forget(name)
        ports.forget(port)
        tunnels.forget(name)
    if gone:
        warnings.warn(
            f"without port {', '.join(left_out)} there is no path {', '.join(gone)}",
            stacklevel=4,  # who called lab.restart()
        )
