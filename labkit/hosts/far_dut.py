# SPDX-License-Identifier: BSD-3-Clause
"""A DUT at its end of a wire; these functions run on its host's worker."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from labkit.hosts.session import Session

DUT = "dut"


def start(session: "Session", dut: Any, end: Any) -> dict[str, Any]:
    """Starts a labkit.dut.Dut on its labkit.dut.WireEnd; tells what there is to know of it."""
    made = session.stack.enter_context(dut.on(session.lab, end))
    session.things[DUT] = made
    return {"mac": made.mac, "tunnel": made.tunnel, "answers_arp": made.answers_arp}


def counters(session: "Session") -> Any:
    """Its labkit.dut.DutCounters."""
    return session.things[DUT].counters()


def check(session: "Session") -> None:
    """Raises what its own check does."""
    session.things[DUT].check()
