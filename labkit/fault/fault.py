# SPDX-License-Identifier: BSD-3-Clause
"""A fault of a port's NIC, which begins and ends on demand."""

import threading
import time
from collections.abc import Callable, Generator
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Self

from labkit.arguments.checked import checked
from labkit.arguments.hints import Between
from labkit.errors import EngineDied, LabClosed, LabError, PortError
from labkit.fault.evidence import files_of
from labkit.fault.nic import MARK, Nic, nic_of
from labkit.lab.port import Port
from labkit.text import html_table
from labkit.units import plain

Course = Generator[float]  # of a fault: does something, and yields the seconds until it goes on
END_SECONDS = 10.0


class Fault:
    """A fault; made by the functions of lk.fault, sound until begin().

    A context manager: it begins where it is entered, and ends where it is left. A recording of the
    lab has the counter driver/PORT/fault/NAME, which is 1 while the NIC is sick.

    Attributes
    ----------
    name: of its function
    port: whose NIC is sick
    marks: ("begins" or "ends", seconds since the epoch), in their order
    """

    def __init__(
        self,
        name: str,
        port: Port,
        driver: str | None,
        course: Callable[[Nic], Course],
        *,
        drivers: tuple[str, ...],
        of_device: bool = True,
        of_link: bool = False,
    ) -> None:
        """driver: None: the one that the port's NIC has, else the first of `drivers`

        of_device: of which a port has one at a time; of_link: and it is the link that fails
        """
        self.name, self.port = name, port
        self.marks: list[tuple[str, float]] = []
        self._driver, self._drivers, self._course = driver, drivers, course
        self._of_device = of_device
        # The device itself says whether it is sick: later than it was told to, not after its reset.
        self._marks_itself = of_device and not of_link
        self._nic: Nic | None = None
        self._is_on = False
        self._before: dict[str, int] = {}
        self._first_line = 0
        self._ends = threading.Event()
        self._over = threading.Event()
        self._thread: threading.Thread | None = None
        self._error: Exception | None = None

    def begin(self) -> "Fault":
        """The NIC is sick from now on; PortError where it is already."""
        if self._is_on:
            raise PortError(
                f"{self.name} of port {self.port.name} has begun already; end() ends it"
            )
        nic = self._nic = nic_of(self.port, self._driver, self._drivers)
        if self._of_device:
            self._check_alone(nic)
        self._before, self._first_line = self._read(nic), len(nic.lines)
        if self._of_device:
            nic.faults.append(self.name)
        self._is_on = True
        self._mark("begins")
        self._ends.clear()
        self._over.clear()
        course = self._course(nic)
        try:
            wait = next(course, None)  # what is wrong with it is told now
        except BaseException:
            self.end()  # and the port is free for another one
            raise
        if wait is not None:
            thread = threading.Thread(
                target=self._run, args=(course, wait), name=f"labkit-{self.name}", daemon=True
            )
            thread.start()
            self._thread = thread  # which another thread may join, but not before it has begun
        else:
            self._over.set()
        return self

    @checked(PortError)
    def wait(self, timeout: Annotated[float, Between(0, 86_400, "s")] = 60.0) -> None:
        """Until its course is over: the device was reset and works again, the link flaps no more.
        PortError when it is not over within `timeout` seconds: some last until end()."""
        if not self._over.wait(timeout):
            raise PortError(
                f"{self.name} of port {self.port.name} is not over after {plain(timeout)} s; end() "
                "ends it"
            )

    def end(self) -> None:
        """The NIC is sound again, and sends what it held. Nothing happens to one that has ended.
        Raises what went wrong meanwhile."""
        if not self._is_on or self._nic is None:
            return
        self._ends.set()
        if self._thread is not None:
            self._thread.join(END_SECONDS)
            self._thread = None
        self._is_on = False
        nic = self._nic
        if self.name in nic.faults and self._of_device:
            nic.faults.remove(self.name)
        if nic.is_there:
            if self._of_device:
                nic.cure(sends=True)
            self._mark("ends")
        else:
            self.marks.append(("ends", time.time()))
        if self._error is not None:
            error, self._error = self._error, None
            raise error

    def __enter__(self) -> Self:
        self.begin()
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    @property
    def is_on(self) -> bool:
        """Whether it has begun and not ended."""
        return self._is_on

    @property
    def counts(self) -> dict[str, int]:
        """What the device holds and lost: began_ns (0: it waits), in_ring, ring_bytes, in_backlog,
        backlog_bytes, refused, unreturned, lost; frames and bytes."""
        return self._there.counts

    @property
    def log(self) -> tuple[str, ...]:
        """What the driver has said since it began; the engine's log has it, too."""
        return () if self._nic is None else tuple(self._nic.lines[self._first_line :])

    @property
    def xstats(self) -> dict[str, int]:
        """What the driver tells now, by its own names; EngineError where it cannot read them."""
        return self._there.xstats

    def write(self, folder: str | Path) -> list[Path]:
        """What an engineer would be sent of this: the log, and counters before and now as the
        driver's tools print them. Returns the files, as lk.trouble.look() takes them."""
        nic = self._there
        now = self._read(nic)
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        written = []
        for name, text in files_of(nic.driver, self.port, self._before, now, self.log):
            written.append(folder / name)
            written[-1].write_text(text, encoding="utf-8")
        return written

    def __repr__(self) -> str:
        state = "on" if self._is_on else "ended" if self.marks else "not begun"
        driver = self._driver or self._drivers[0] if self._nic is None else self._nic.driver.name
        return f"<Fault {self.name} of port {self.port.name} ({driver}): {state}>"

    def _repr_html_(self) -> str:
        rows = [
            (what, f"{datetime.fromtimestamp(seconds, UTC):%H:%M:%S.%f} UTC")
            for what, seconds in self.marks
        ]
        rows += [("log", line) for line in self.log[-8:]]
        return html_table(("what", "when, or what was said"), rows, caption=repr(self))

    @property
    def _there(self) -> Nic:
        if self._nic is None:
            raise PortError(
                f"{self.name} of port {self.port.name} has not begun; begin() begins it"
            )
        return self._nic

    @staticmethod
    def _read(nic: Nic) -> dict[str, int]:
        """Nothing where nobody can read its device, or it went with its engine."""
        try:
            return nic.xstats
        except LabError:
            return {}

    def _check_alone(self, nic: Nic) -> None:
        """A device has one fault at a time, whoever made it."""
        name = self.port.name
        if nic.faults:
            raise PortError(
                f"port {name} has the fault {nic.faults[0]} already; end that one first"
            )
        for running in self.port.lab.paths.values():
            for node in running.path.nodes:
                if node.params.get("nic") == name:
                    raise PortError(
                        f"path {running.name!r}, node {node.name}, has the NIC of port {name} in "
                        "its hands; stop that path first"
                    )

    def _mark(self, what: str) -> None:
        self.marks.append((what, time.time()))
        assert self._nic is not None
        of = ("IS_SICK", "", 0) if self._marks_itself else ("VALUE", "", int(what == "begins"))
        self._nic.tell({f"{MARK}{self.name}": of})

    def _run(self, course: Course, wait: float) -> None:
        """Its thread: the course of it, until it is over or ended."""
        try:
            more: float | None = wait
            while more is not None and not self._ends.wait(more):
                more = next(course, None)
        except (EngineDied, LabClosed):
            pass  # and the fault with it
        except Exception as error:  # raised where it is ended
            if self._nic is not None and self._nic.is_there:
                self._error = error
        finally:
            course.close()
            self._over.set()
