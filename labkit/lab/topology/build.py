# SPDX-License-Identifier: BSD-3-Clause
"""From what a user gives to a topology that runs."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from labkit.lab.port import Port
from labkit.lab.topology.addressing import lay_out
from labkit.lab.topology.network import Network
from labkit.lab.topology.paths import path_of
from labkit.lab.topology.plan import TopologyError
from labkit.lab.topology.text import plan_of
from labkit.text import near, shown

if TYPE_CHECKING:
    from labkit.lab.paths import LabPaths


def network_of(
    lab: Any,  # a Lab
    paths: "LabPaths",
    given: object,
    ports: Mapping[str, Port],
    name: str | None,
) -> Network:
    """See Lab.topology()."""
    layout = lay_out(plan_of(given))
    devices = layout.plan.devices
    for host, port in ports.items():
        if host not in devices:
            raise TopologyError(f"ports names {shown(host)}{near(host, devices)}")
        if devices[host].kind != "host":
            raise TopologyError(
                f"ports names {host}, a {devices[host].kind}; behind a port stands a host"
            )
        if not isinstance(port, Port):
            raise TopologyError(f"ports has {shown(port)} as {host}; it is a port of the lab")
        port.check_open()
    path = path_of(layout, name or paths.free_name("net"), ports)
    return Network(lab, paths, paths.run(path), layout, ports)
