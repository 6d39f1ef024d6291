# SPDX-License-Identifier: BSD-3-Clause
"""A side of a pair: its port, the engine behind it, what was recorded of both, its restart."""

import time
from collections.abc import Sequence
from contextlib import suppress

from labkit.errors import LabError, PortError
from labkit.lab.lab import Lab
from labkit.lab.port import Port
from labkit.sources import Sample, Source
from labkit.sources.engine import Engine
from labkit.sources.selection import Choice

PROBE_SECONDS = 1.0
POLL_SECONDS = 0.002
EVERYONE = b"\xff" * 6
# IEEE 802, "Local Experimental EtherType 1": nobody's protocol, which every host passes over.
EXPERIMENT = b"\x88\xb5"
PROBE_BYTES = 60


class Recorded:
    """The recorder of an engine, read to the end each time.

    Attributes
    ----------
    samples: all there are, oldest first, with the counters that were chosen
    latest: the last one, with all of them
    """

    def __init__(self, lab: Lab, hz: float, names: Sequence[str]) -> None:
        """names: of the counters that are kept; * and ? stand for others"""
        self.samples: list[Sample] = []
        self.latest: Sample | None = None
        self._choose = Choice(names)
        self._source: Source = Engine(lab, hz)

    def open(self) -> None:
        """Begins to record."""
        self._source.open()
        self.read()

    def read(self) -> list[Sample]:
        """What came since the last time, with all counters."""
        try:
            new = self._source.since(self.latest)
        except LabError:  # the engine goes at this moment; the next look tells
            return []
        self.latest = new[-1] if new else self.latest
        self.samples += map(self._choose, new)
        return new

    @property
    def last_ns(self) -> int:
        """CLOCK_MONOTONIC of the last sample; 0 without one."""
        return self.samples[-1].monotonic_ns if self.samples else 0

    def close(self) -> None:
        """Records no more. What was recorded stays."""
        with suppress(LabError):
            self._source.close()


class Side:
    """Main or backup, by turns.

    Attributes
    ----------
    port: of the lab whose paths are switched
    lab: that one
    behind: the lab whose engine stands behind the port; the same where it is the port's own
    recorded: samples of that engine
    """

    def __init__(self, port: Port, behind: Lab, recorded: Recorded) -> None:
        self.port = port
        self.lab: Lab = port.lab
        self.behind = behind
        self.recorded = recorded

    @property
    def name(self) -> str:
        """The port's."""
        return self.port.name

    @property
    def has_own_engine(self) -> bool:
        """Whether another lab's engine stands behind the port."""
        return self.behind is not self.lab

    @property
    def ended(self) -> str:
        """Why the engine behind it runs no more; "" when it runs."""
        if self.behind.is_closed:
            return "its lab was closed"
        return "" if self.behind.is_alive else "its process is gone"

    def empty(self) -> None:
        """What the port's rings hold is lost, as with any device that is restarted."""
        if not self.has_own_engine:
            self.lab.engine.commands.lose_held(self.name)

    def restart(self) -> str:
        """Begins anew: the engine where it has its own, else the port's link, down and up. What
        could not be done, in a sentence."""
        if self.has_own_engine:
            self.behind.restart()
            return ""
        try:
            self.port.set_link(False)
            self.port.set_link(True)
        except PortError as error:
            return f"not restarted: {error}"
        return ""

    def check_sends(self) -> str:
        """Has the port send a frame that nobody wants, to all; why it cannot, "" when it can."""
        source = bytes.fromhex(self.port.mac.replace(":", ""))
        probe = (EVERYONE + source + EXPERIMENT).ljust(PROBE_BYTES, b"\0")
        if not self.port.info.link_up:
            return "its link is down"
        before = self.port.xstats().get("tx_good_packets")
        self.port.frames.send([probe])
        self.port.frames.flush()
        end = time.monotonic() + PROBE_SECONDS
        while time.monotonic() < end:
            now = self.port.xstats().get("tx_good_packets")
            if before is None or now is None:
                return "its driver does not count what it sends"
            if now > before:
                return ""
            time.sleep(POLL_SECONDS)
        return f"it did not send a frame within {PROBE_SECONDS:g} s"
