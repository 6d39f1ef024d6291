# SPDX-License-Identifier: BSD-3-Clause
"""What a flow is added with, checked: its name, its ports."""

from collections.abc import Mapping, Sequence
from typing import Any

from labkit.errors import LabError
from labkit.lab.flows.paths import PREFIX
from labkit.lab.port import Port
from labkit.text import near, shown


def name_for(flows: Mapping[str, Any], name: str | None) -> str:
    """The name asked for, or one that is free; LabError for one that cannot be."""
    if name is None:
        number = len(flows) + 1
        while f"flow{number}" in flows:
            number += 1
        return f"flow{number}"
    if name in flows:
        raise LabError(f"there is a flow {name!r} already; give this one another name")
    if not name or any(letter in name for letter in "/*?[]"):
        raise LabError(f"name is {name!r}; a flow's name has letters, and none of / * ? [ ]")
    return name


def check_port(lab: Any, port: Any) -> None:
    """Raises LabError for what is no open port of this lab."""
    if not isinstance(port, Port):
        raise LabError(f"{shown(port)} is no port of this lab{near(str(port), lab.ports)}")
    if port.lab is not lab:
        raise LabError(f"port {port.name} is in another lab")
    port.check_open()


def arrives_on(lab: Any, on: Port, to: Port | Sequence[Port] | None) -> tuple[Port, ...]:
    """The ports that a flow is to arrive on; see Traffic.add()."""
    if to is None:
        peer = lab.ports.get(on.declaration.peer or "")
        return (on if peer is None or _is_read(lab, peer) else peer,)
    ports = (to,) if isinstance(to, Port) else tuple(dict.fromkeys(to))
    for port in ports:
        check_port(lab, port)
    if not ports:
        raise LabError("to names no port; leave it out for the other end of a cable")
    return ports


def _is_read(lab: Any, port: Port) -> bool:
    """Whether a path of the lab's user, such as a DUT, takes what arrives on a port."""
    return any(
        running.path.receives(port.name)
        for name, running in lab.paths.items()
        if not name.startswith(PREFIX)
    )
