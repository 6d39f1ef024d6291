# SPDX-License-Identifier: BSD-3-Clause
"""A stream on its way: the port that sends it, and the port on which it arrives."""

from dataclasses import dataclass
from typing import Protocol

from labkit.errors import LabError
from labkit.text import shown


class PortOfLab(Protocol):
    """What is asked of a port here, where nothing of the lab is known."""

    @property
    def name(self) -> str:
        """The port's name."""
        ...

    def check_open(self) -> None:
        """Raises PortError for a port that was closed."""
        ...


@dataclass(frozen=True)
class Placed:
    """A stream between two ports, as stream.on(a, to=b) makes it; lk.trial takes several.

    Attributes
    ----------
    stream: an lk.Stream or lk.Replay
    port: where it is sent
    to: where it arrives: the same port, unless another was named
    """

    stream: "Placeable"
    port: PortOfLab
    to: PortOfLab

    def __repr__(self) -> str:
        return f"<{self.stream!r} on {self.port.name}, to {self.to.name}>"


class Placeable:
    """What can be sent on a port."""

    def on(self, port: PortOfLab, to: PortOfLab | None = None) -> Placed:
        """The stream on a port, for trials in several directions:
        lk.trial([one.on(a, to=b), other.on(b, to=a)], duration=1).

        to: the port on which it arrives; None: the same one
        """
        back = port if to is None else to
        for name, given in (("port", port), ("to", back)):
            if not hasattr(given, "check_open"):
                raise LabError(
                    f"{name} is {shown(given)}; it is a port of a lab, as lab.port() gives one"
                )
            given.check_open()
        return Placed(self, port, back)
