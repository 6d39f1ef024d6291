# SPDX-License-Identifier: BSD-3-Clause
"""A port on another host, on which frames of this one arrive."""

from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from labkit.errors import PortError
from labkit.hosts.far_lab import FarLab
from labkit.hosts.wire import wire_port

if TYPE_CHECKING:
    from labkit.hosts.session import Session

PORT = "port"


def open_port(session: "Session", device: str, mtu: int) -> dict[str, Any]:
    """On the worker: opens the session's port; tells what there is to know of it."""
    port = session.stack.enter_context(wire_port(session.lab, device, mtu, is_near=False))
    session.things[PORT] = port
    return {"name": port.name, "mac": port.mac, "mtu": port.mtu}


def xstats(session: "Session") -> dict[str, int]:
    """On the worker: counters of the session's port."""
    return dict(session.things[PORT].xstats())


class FarPort:
    """A port on another host: receive_on= of lk.trial and lk.search. A context manager.

    Attributes
    ----------
    name: such as "wire@b"
    host: its host
    mac, mtu: of the port; frames are sent to that MAC, MTU in bytes
    far: the engine that it belongs to
    """

    _in_words = "a port of another host, as hosts.port() gives one"

    def __init__(self, far: FarLab, device: str, mtu: int, stack: ExitStack) -> None:
        """stack: what ends with it."""
        self.far, self.host, self.device = far, far.name, device
        self.is_closed = False
        self._stack = stack
        told = far.call(open_port, device, mtu)
        self.mac: str = told["mac"]
        self.mtu: int = told["mtu"]
        self.name = f"{told['name']}@{far.name}"

    def xstats(self) -> dict[str, int]:
        """All counters of the port under DPDK's names (rte_eth_xstats_get)."""
        self.check_open()
        counters: dict[str, int] = self.far.call(xstats)
        return counters

    def check_open(self) -> None:
        """Raises PortError when it was closed."""
        if self.is_closed:
            raise PortError(
                f"port {self.name} was closed; open another with hosts.port({self.host!r})"
            )

    def close(self) -> None:
        """Ends it and its engine; nothing happens to one that was closed before."""
        self.is_closed = True
        self._stack.close()

    def __enter__(self) -> "FarPort":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        state = ", closed" if self.is_closed else ""
        return f"<FarPort {self.name} ({self.device}) mac {self.mac} mtu {self.mtu}{state}>"
