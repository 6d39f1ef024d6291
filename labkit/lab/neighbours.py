# SPDX-License-Identifier: BSD-3-Clause
"""Who has this address? Asked on the wire of a port."""

from labkit.arguments.checked import checked
from labkit.arguments.hints import Seconds
from labkit.lab.address_questions import ask
from labkit.lab.port import Port


@checked()
def resolve(port: Port, target: str, *, source: str | None = None, timeout: Seconds = 1.0) -> str:
    """The MAC address of `target`, asked for at most three times, `timeout` seconds each.

    On the inner port of a tunnel that carries IP without Ethernet, nobody is asked: all addresses
    are behind the tunnel's other end. Raises Unreachable when nobody answers.
    """
    return ask(port, target, source=source, timeout=timeout)
