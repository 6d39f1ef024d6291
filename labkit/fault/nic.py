# SPDX-License-Identifier: BSD-3-Clause
"""The NIC of a port as a fault has it: what its device does, what its driver counts and says."""

import threading
import weakref
from collections.abc import Mapping
from typing import Any

from labkit._codec import lib
from labkit.engine.commands import Commands
from labkit.errors import PortError
from labkit.fault.driver import DRIVERS, MOST_QUEUES, Driver, Told, to_engine
from labkit.lab.port import Port

MARK = "fault/"  # what counters begin with that tell when the lab made a NIC sick
FIRST_SLOT = 5


class Nic:
    """What a port pretends to be, until its engine ends: in another one the device was started
    anew, and is sound.

    Attributes
    ----------
    lines: what the driver has said
    faults: names of those that are on
    """

    def __init__(self, port: Port, driver: Driver) -> None:
        self.port, self.driver = port, driver
        self.lines: list[str] = []
        self.faults: list[str] = []
        self.commands: Commands = port.lab.engine.commands
        self._engine = port.lab.engine
        self._lock = threading.RLock()
        self._told: dict[str, Told] = {}
        self._fields: dict[str, int | str] = {}
        self._shows_anything = False
        self.device()
        self.tell(driver.counters(min(MOST_QUEUES, port.last_info.tx_queues)))

    @property
    def is_there(self) -> bool:
        """Whether its engine runs, and has the port still."""
        is_same = self._engine.commands is self.commands and self._engine.is_alive
        return is_same and not self.port.is_closed

    # The device

    def device(self, **fields: int | str) -> None:
        """What it does from now on: fields of struct lk_sick_config, tx and rx by their names in
        enum lk_sick_tx and lk_sick_rx; without any it is sound."""
        self._fields = fields
        error = {"read_error": 0} if self._shows_anything else {}
        self.commands.make_sick(self.port.name, device_to_engine(**{**fields, **error}))

    def show_anything(self, *, on: bool) -> None:
        """Whether who reads its counters takes what a reading that failed has left for numbers."""
        self._shows_anything = on
        if self._fields.get("read_error"):
            self.device(**self._fields)

    def cure(self, *, sends: bool) -> None:
        """It is sound again, and sends what it held or loses it."""
        self._fields = {}
        self.commands.cure_sick(self.port.name, sends)

    def lose_held(self) -> int:
        """What it holds is lost; how many frames that are, sent ones without a completion among
        them."""
        counts = self.counts
        self.commands.lose_held(self.port.name)
        return counts["in_ring"] + counts["in_backlog"] + counts["unreturned"]

    @property
    def counts(self) -> dict[str, int]:
        """Fields of struct lk_sick_counts."""
        return self.commands.sick_counts(self.port.name)

    # Its driver

    def tell(self, told: Mapping[str, Told]) -> None:
        """Its driver has these counters from now on."""
        with self._lock:
            self._told.update(told)
            self.commands.tell_driver(self.port.name, to_engine(told))

    def set(self, name: str, value: int) -> None:
        """A counter stands at a number."""
        self.tell({name: ("VALUE", "", value)})

    def add(self, what: str, by: int = 1) -> None:
        """The counters grow that the driver has of something that happens."""
        with self._lock:
            for name in self.driver.grows.get(what, ()):
                self.set(name, self._told[name][2] + by)

    def own(self, name: str) -> Told:
        """What a counter is made of."""
        return self._told[name]

    @property
    def xstats(self) -> dict[str, int]:
        """What it tells now; EngineError where it cannot read its device."""
        return self.commands.driver_xstats(self.port.name)

    def restart_counters(self) -> None:
        """Those of its queues begin at 0 again, as after a device's reset."""
        with self._lock:
            now = self.xstats
            kept = {name for names in self.driver.grows.values() for name in names}
            self.tell(
                {
                    name: (of, xstat, value - now[name])
                    for name, (of, xstat, value) in self._told.items()
                    if name not in kept and not name.startswith(MARK) and name in now
                }
            )

    def say(self, what: str, **values: object) -> None:
        """It writes lines into the log."""
        slot = FIRST_SLOT + self.port.last_info.id
        place = {"port": self.port.name, "pci": f"0000:00:{slot:02x}.0"}
        lines = [self.driver.stamped(line) for line in self.driver.says(what, **place, **values)]
        if lines:
            self.lines += lines
            self.commands.say(lines)


def device_to_engine(**fields: int | str) -> dict[str, Any]:
    """As the engine's command make_sick takes it."""
    settings: dict[str, Any] = {"ring": 1, **fields}
    for side in ("tx", "rx"):
        settings[side] = getattr(lib, f"LK_SICK_{side.upper()}_{settings.get(side, 'SOUND')}")
    return settings


_nics: "weakref.WeakKeyDictionary[Port, Nic]" = weakref.WeakKeyDictionary()


def nic_of(port: Port, driver: str | None, drivers: tuple[str, ...]) -> Nic:
    """The port's. driver: None: the one that it has, or the first of `drivers`; PortError where it
    has one that is none of these."""
    port.check_open()
    nic = _nics.get(port)
    if nic is None or not nic.is_there:
        nic = _nics[port] = Nic(port, DRIVERS[driver or drivers[0]])
    fitting = drivers if driver is None else (driver,)
    if nic.driver.name not in fitting:
        raise PortError(
            f"port {port.name} has a NIC of {nic.driver.name} since its first fault, and this "
            f"fault is one of {' or '.join(fitting)}; lab.restart() starts without one, or take "
            "another port"
        )
    return nic
