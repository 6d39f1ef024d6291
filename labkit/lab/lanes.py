# SPDX-License-Identifier: BSD-3-Clause
"""Over how many workers a port's traffic goes: one lane a queue, while there are workers."""

from collections.abc import Iterable, Mapping
from typing import Any

from labkit.errors import LabError
from labkit.lab.port import Port
from labkit.text import shown

MOST_LANES = 64


def most_lanes(port: Port) -> int:
    """Lanes that a port has queues for: each sends on one of its own, and receives on one."""
    info = port.last_info
    return min(info.rx_queues, info.tx_queues, MOST_LANES)


def lanes_of(lab: Any, ports: Iterable[Port], wanted: int | None) -> Mapping[Port, int]:
    """Lanes of each port that takes part in a measurement.

    wanted: on each port, or as many as it has queues for; None: as many of these as there are
        workers with a CPU of their own that no other path has, and one at least. LabError where no
        port has so many queues.
    """
    every = dict.fromkeys(ports)
    room = {port: most_lanes(port) for port in every}
    if not room:
        return {}
    widest = max(room, key=lambda port: room[port])
    if wanted is None:
        wanted = 1 if room[widest] == 1 else max(1, _free_workers(lab, every))
    elif not 1 <= wanted <= room[widest]:
        raise LabError(
            f"lanes is {shown(wanted)}; the range is 1 to {room[widest]}, the queues of port "
            f"{widest.name}: open it with queues= for more"
        )
    return {port: min(wanted, queues) for port, queues in room.items()}


def _free_workers(lab: Any, ports: Iterable[Port]) -> int:
    """Those that paths of a measurement find: Python's own paths of these ports give way to it."""
    free: int = lab.engine.commands.free_workers([f"host:{port.name}" for port in ports])
    return free
