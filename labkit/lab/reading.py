# SPDX-License-Identifier: BSD-3-Clause
"""All that the engine counts beside a trial, read at one time."""

from dataclasses import dataclass
from typing import Any

from labkit.lab.port import Port
from labkit.lab.port_declaration import losses_in

WALKS = 2  # one may have been under way


class Loops(dict[int, int]):
    """Walks of each worker, by its lcore."""

    def have_passed(self, before: "Loops") -> bool:
        """Whether every worker has looked at its ports since: the machine may hold one back."""
        return all(loops >= before.get(lcore, -WALKS) + WALKS for lcore, loops in self.items())


@dataclass(frozen=True)
class Reading:
    """Counters at one time.

    Attributes
    ----------
    paths: counters of each
    xstats: of each port
    losses: frames that ports have lost, as {"client rx_missed_errors": 3}
    waiting: frames on the wire to a cable's end, by the port
    loops: of the workers
    """

    paths: dict[str, Any]
    xstats: dict[str, dict[str, int]]
    losses: dict[str, int]
    waiting: dict[str, int]
    loops: Loops

    @classmethod
    def of(cls, lab: Any) -> "Reading":
        """Reads a Lab."""
        commands = lab.engine.commands
        ports = dict(lab.ports)
        xstats = {name: port.xstats() for name, port in ports.items()}
        losses = {
            f"{name} {loss}": frames
            for name, port in ports.items()
            for loss, frames in losses_in(port.last_info.driver, xstats[name]).items()
        }
        losses |= {f"{name} sick device": n for name, n in commands.lost_by_sick().items()}
        loops = Loops({w["lcore"]: w["loops"] for w in commands.describe_workers()})
        return cls(dict(lab.counters()), xstats, losses, commands.waiting(), loops)

    def losses_since(self, before: "Reading") -> dict[str, int]:
        """What ports lost between two readings."""
        return _grown(self.losses, before.losses)

    def waiting_since(self, before: "Reading") -> dict[str, int]:
        """Frames that wait and did not before."""
        grown = _grown(self.waiting, before.waiting)
        return {name: frames for name, frames in grown.items() if frames > 0}

    def grown(self, port: Port, name: str) -> int:
        """By how much a counter of a port has grown since."""
        return port.xstats()[name] - self.xstats[port.name][name]


def _grown(now: dict[str, int], then: dict[str, int]) -> dict[str, int]:
    since = {name: n - then.get(name, 0) for name, n in now.items()}
    return {name: frames for name, frames in since.items() if frames}
