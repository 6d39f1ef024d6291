# SPDX-License-Identifier: BSD-3-Clause
"""scapy's sniff(filter=) on sockets of ports.

scapy gives `filter` only to sockets that it opens itself, and is silent about it where it was given
`opened_socket`: its sniff() and AsyncSniffer get what is said here as well. Sockets of others are
left to scapy.
"""

import functools
import inspect
from collections.abc import Mapping
from contextlib import ExitStack
from typing import Any

from scapy.sendrecv import AsyncSniffer

from labkit.lab.socket import PortSocket
from labkit.packet.filter import Filter, compile_filter

_run, _start = AsyncSniffer._run, AsyncSniffer.start
_signature = inspect.signature(_run)


def _ports_and_filter(*args: Any, **kargs: Any) -> tuple[list[PortSocket], Filter | None]:
    """Which sockets of ports a sniffer is given, and its filter."""
    if kargs.get("filter") is None:
        return [], None
    given = _signature.bind(None, *args, **kargs).arguments.get("opened_socket")
    many = list(given) if isinstance(given, (list, Mapping)) else [given]
    ports = [one for one in many if isinstance(one, PortSocket)]
    return ports, compile_filter(kargs["filter"]) if ports else None


@functools.wraps(_run)
def _run_filtered(self: AsyncSniffer, *args: Any, **kargs: Any) -> Any:
    ports, takes = _ports_and_filter(*args, **kargs)
    with ExitStack() as stack:
        for port in ports:
            assert takes is not None
            stack.enter_context(port.narrowed(takes))
        return _run(self, *args, **kargs)


@functools.wraps(_start)
def _start_checked(self: AsyncSniffer) -> None:
    _ports_and_filter(*self.args, **self.kwargs)  # what is wrong is told here, not in its thread
    _start(self)


def serve_sniffers() -> None:
    """Has scapy's sniffers give their filter to sockets of ports, from now on."""
    AsyncSniffer._run, AsyncSniffer.start = _run_filtered, _start_checked
