# SPDX-License-Identifier: BSD-3-Clause
"""A pair of ports of which one carries the paths of a lab, and the other takes over."""

import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from html import escape
from typing import TYPE_CHECKING, Annotated, Any, Self

from labkit.arguments.checked import checked
from labkit.arguments.hints import Between
from labkit.errors import LabError
from labkit.lab.lab import Lab
from labkit.lab.port import Port
from labkit.pairs.board import State
from labkit.pairs.guard import Guard
from labkit.pairs.stitching import Stitched
from labkit.pairs.switching import Switch
from labkit.pairs.watchdog import Watchdog
from labkit.text import Html, html_table, shown

if TYPE_CHECKING:
    from labkit.pairs.rehearsal import Rehearsal
    from labkit.pairs.timeline import Timeline

Fault = Callable[[Port], AbstractContextManager[Any]]
MOST_TOLD = 5  # switches that a cell shows


class Failover:
    """A main port and its backup, watched in the background; made by failover().

    A context manager: leaving it ends the watch, and the traffic stays where it is. When the main
    port fails, every path of the lab that uses it is taken to the backup between two bursts, and
    the two swap roles. A path has its name still: lab.paths[name] is the one that runs now. Then
    the old main is restarted, sends a frame to show that it can (broadcast, EtherType 0x88b5), and
    is the backup. Nothing switches back by itself: what failed once fails again.

    What goes wrong in the background is in `notes`; an error there is raised by what is asked next.

    Attributes
    ----------
    watchdog: what is waited for
    """

    def __init__(self, guard: Guard, fault: Fault | None) -> None:
        self._guard, self._fault = guard, fault
        self.watchdog = guard.watchdog

    @property
    def main(self) -> Port:
        """The port that carries the paths now."""
        return self._guard.main.port

    @property
    def backup(self) -> Port:
        """The other one."""
        return self._guard.backup.port

    @property
    def state(self) -> State:
        """watching; restoring (the old main is restarted); alone (the other cannot be main now, and
        is tried again); halted (too many fail-overs); lost (the engine of both gives no sign of
        life); stopped."""
        return self._guard.board.state

    @property
    def switches(self) -> list[Switch]:
        """Those there were, in their order."""
        self._guard.board.check()
        return list(self._guard.switches)

    @property
    def failures(self) -> dict[str, int]:
        """How often each port has failed as main."""
        return dict(self._guard.failures)

    @property
    def notes(self) -> list[str]:
        """What else happened, in sentences."""
        self._guard.board.check()
        return list(self._guard.board.notes)

    @property
    def timeline(self) -> "Timeline":
        """One row a step of each switch, and a picture of them."""
        from labkit.pairs.timeline import timeline  # late: matplotlib is slow

        return timeline(self.switches, time.time_ns() - time.monotonic_ns())

    @property
    def stitched(self) -> Stitched:
        """The counters of the main role over time, joined of both sides (port/main/...); where
        engines stand behind the ports, all counters of theirs, by their names."""
        self._guard.board.check()
        return self._guard.stitched()

    @checked()
    def switch(self, timeout: Annotated[float, Between(0.01, 3600, "s")] = 30.0) -> Switch:
        """Makes the backup the main port, as for maintenance; returns when that is over: paths
        switched, the old main restarted and put back."""
        number = self._guard.ask_for_switch()
        return self.wait(number, timeout)

    @checked()
    def wait(
        self,
        number: Annotated[int, Between(1)] = 1,
        timeout: Annotated[float, Between(0, 86_400, "s")] = 60.0,
    ) -> Switch:
        """Until switch `number` is made and the old main is put back; LabError when it is not in
        time."""
        guard = self._guard
        guard.board.wait(
            lambda: (len(guard.switches) >= number and "put back" in guard.switches[-1].times)
            or len(guard.switches) > number,
            timeout,
            f"switch {number}",
        )  # fmt: skip
        return guard.switches[number - 1]

    @checked(but=("fault",))
    def rehearse(
        self,
        fault: Fault | None = None,
        times: Annotated[int, Between(1, 100_000)] = 1,
        timeout: Annotated[float, Between(0.1, 3600, "s")] = 60.0,
    ) -> "Rehearsal":
        """Has the main port fail so many times, and measures each; one row a repetition.

        fault: called with the port that is main, returns a context manager: the fault begins when
            it is entered, and ends when it is left, which is done when the old main is restarted.
            None: that of failover()
        timeout: seconds for one repetition

        Flows of the lab's live traffic that run are paused at the end of each repetition, so that
        what they have sent and what has arrived can be compared exactly. Switches of a rehearsal do
        not count for Watchdog.resets.
        """
        from labkit.pairs.rehearsal import rehearse  # late: matplotlib is slow

        chosen = fault or self._fault
        if not callable(chosen):
            raise LabError(
                f"fault is {shown(chosen)}; it is a function that is called with the main port and "
                "returns a context manager, such as lambda port: lk.fault.tx_stall(port)"
            )
        return rehearse(self._guard, chosen, times, timeout)

    def stop(self) -> None:
        """Ends the watch; the traffic stays where it is. What was recorded stays readable."""
        self._guard.stop()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def __repr__(self) -> str:
        told = [str(switch) for switch in self._guard.switches[-MOST_TOLD:]]
        notes = self._guard.board.notes[-MOST_TOLD:]
        return "\n".join((self._head(), *(f"  {line}" for line in (*told, *notes))))

    def _head(self) -> str:
        return f"<Failover: main {self.main.name}, backup {self.backup.name}, {self.state}>"

    def _repr_html_(self) -> str:
        from labkit.units import plain

        def ms(seconds: float | None) -> str:
            return "–" if seconds is None else plain(seconds * 1e3, 3)

        rows = [
            (str(s.number), f"{s.old} → {s.new}", str(s.alarm or "asked for"),
             ms(s.detection_s), ms(s.switch_s), ms(s.gap_s),
             "–" if s.gap_frames is None else f"{s.gap_frames:,}")
            for s in self._guard.switches[-MOST_TOLD:]
        ]  # fmt: skip
        head = ("switch", "ports", "why", "detection, ms", "switch, ms", "gap, ms", "gap, frames")
        sides = html_table(
            ("role", "port", "failures"),
            [
                (role, port.name, str(self._guard.failures.get(port.name, 0)))
                for role, port in (("main", self.main), ("backup", self.backup))
            ],
        )
        told = html_table(head, rows) if rows else "<p>nothing has failed so far</p>"
        figure = self.timeline.figure if rows else None
        drawn = figure._repr_html_() or "" if figure is not None else ""
        notes = "".join(f"<p>{escape(note)}</p>" for note in self._guard.board.notes[-MOST_TOLD:])
        return Html(f"<p>{self.state}</p>{sides}{told}{drawn}{notes}")


@checked(but=("rehearse",))
def failover(
    main: Port,
    backup: Port,
    watchdog: Watchdog | None = None,
    *,
    engines: Mapping[Port, Lab] | None = None,
    rehearse: Fault | None = None,
) -> Failover:
    """Watches the main port of a pair, and has the other take its paths over when it fails.

    main, backup: two ports of one lab; paths of the lab use main, and none the backup's queues
    watchdog: signals and their limits; None: lk.Watchdog()
    engines: the lab whose engine stands behind a port, at the other end of its memif or veth. Then
        that engine is watched and recorded, and restarted when it has failed. Use af_packet on a
        veth where an engine may be killed: net_memif of DPDK 22.11 may take the other end with it
    rehearse: the fault of Failover.rehearse()

    Both sides are recorded from now on, watchdog.hz times a second, in memory.

    Raises LabError for ports that are none of one open lab, where no path uses main, and for what
    cannot be switched: flows that send on main itself, tunnels, paths with a capture.
    """
    if main is backup:
        raise LabError(
            f"main and backup are both port {main.name}; a pair is of two ports of one lab"
        )
    for port in (main, backup):
        port.check_open()
    if main.lab is not backup.lab:
        raise LabError(
            f"port {main.name} and port {backup.name} are in two labs; a pair is of two ports of "
            "the lab whose paths are switched. For two engines open a port to each of them there, "
            "and name their labs with engines="
        )
    if rehearse is not None and not callable(rehearse):
        raise LabError(
            f"rehearse is {shown(rehearse)}; it is a function that is called with the main port "
            "and returns a context manager"
        )
    behind = _behind(main, backup, engines or {})
    guard = Guard(main, backup, behind, watchdog or Watchdog())
    try:
        guard.start()
        return Failover(guard, rehearse)
    except BaseException:  # of an interrupt, too: nobody could end it
        guard.stop()
        raise


def _behind(main: Port, backup: Port, engines: Mapping[Port, Lab]) -> dict[Port, Lab]:
    """The labs behind the two ports."""
    for port, lab in engines.items():
        if port not in (main, backup):
            raise LabError(
                f"engines names {shown(port)}; it names main ({main.name}) and backup "
                f"({backup.name}), each with the lab behind it"
            )
        if not isinstance(lab, Lab):
            raise LabError(f"engines has {shown(lab)} for port {port.name}; it is a lk.Lab")
        if lab is port.lab:
            raise LabError(
                f"engines has port {port.name}'s own lab; leave it out: another lab stands behind "
                "the port"
            )
    if engines and len(engines) != 2:
        raise LabError(
            f"engines names one port; name the lab behind each of {main.name} and {backup.name}"
        )
    if engines and engines[main] is engines[backup]:
        raise LabError("engines has one lab for both ports; a pair is of two")
    return {port: engines.get(port, port.lab) for port in (main, backup)}
