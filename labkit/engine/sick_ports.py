# SPDX-License-Identifier: BSD-3-Clause
"""Ports inside the engine whose NIC is sick: what their devices do, and what their drivers tell."""

import errno
import time
from collections.abc import Mapping
from typing import Any

from labkit.engine.binding import call, ffi, lib
from labkit.engine.ports import Ports
from labkit.packet.codec import VERDICTS

CURE_SECONDS = 0.2  # for what a device holds to leave it
VERDICT_NUMBERS = {verdict.name: number for number, verdict in enumerate(VERDICTS)}


class SickPorts:
    """Sets and reads them."""

    def __init__(self, ports: Ports) -> None:
        self._ports = ports
        self._devices: dict[str, Mapping[str, Any]] = {}
        self._known: set[str] = set()  # that are or were sick
        self._instances: dict[str, str] = {}  # of which drivers of sound ports tell
        self._of_instance: dict[str, frozenset[str]] = {}  # what they tell of nothing but it

    def make(self, name: str, device: Mapping[str, Any]) -> None:
        """What the device does from now on: fields of struct lk_sick_config, the verdict by its
        name."""
        settings = {**device, "refusal": VERDICT_NUMBERS[device.get("refusal", "tx_full")]}
        port = self._ports.by_name[name]
        call("lk_sick_set", port.id, ffi.new("struct lk_sick_config *", settings))
        self._devices[name] = device
        self._known.add(name)

    def is_sick(self, name: str) -> bool:
        """Whether something is wrong with it now, or will be after some bytes."""
        device = self._devices.get(name, {})
        return any(device.get(field) for field in ("tx", "rx", "read_error"))

    def cure(self, name: str, *, sends: bool) -> None:
        """The device is sound again. What it held is sent as far as the wire takes it; the rest,
        and all of it where it does not send, is lost."""
        device = self._devices.pop(name, None)
        if device is None or name not in self._ports.by_name:
            return
        room = {key: device.get(key, 0) for key in ("ring", "backlog")}
        self.make(name, {**room, "tx": lib.LK_SICK_TX_RESUMED})
        end = time.monotonic() + CURE_SECONDS
        while sends and self.flush(name, sends=True) and time.monotonic() < end:
            time.sleep(0.001)
        self.flush(name, sends=False)
        self.make(name, room)
        del self._devices[name]

    def flush(self, name: str, *, sends: bool) -> int:
        """Frames that are held still."""
        return call("lk_sick_flush", self._ports.by_name[name].id, int(sends))

    def counts(self, name: str) -> dict[str, int]:
        counts = ffi.new("struct lk_sick_counts *")
        lib.lk_sick_counts(self._ports.by_name[name].id, counts)
        return {field: getattr(counts, field) for field, _ in ffi.typeof(counts[0]).fields}

    def lost(self) -> dict[str, int]:
        """Frames that devices took and lost, by port."""
        self._known &= self._ports.by_name.keys()
        return {name: self.counts(name)["lost"] for name in sorted(self._known)}

    def tell(self, name: str, counters: Mapping[str, tuple[int, str, int]]) -> None:
        """Sets what the driver counts; see struct lk_told."""
        port = self._ports.by_name[name]
        for counter, (of, xstat, value) in counters.items():
            told = {"name": counter.encode(), "xstat": xstat.encode(), "of": of, "value": value}
            call("lk_sick_tell", port.id, ffi.new("struct lk_told *", told))
        if new := [counter for counter in counters if counter not in port.told_names]:
            port.told_names = [*port.told_names, *new]
            self._ports.changed()

    def tell_of_path(
        self, name: str, instance: str, counters: Mapping[str, tuple[int, str, int]]
    ) -> None:
        """The same for a path of a sound port. What the driver tells of an instance goes on; that
        of another instance begins anew."""
        port = self._ports.by_name[name]
        if not port.told_names:
            self.make(name, {"ring": 1})
            del self._devices[name]
        elif self._instances.get(name) == instance:
            there = set(port.told_names)
            self.tell(name, {key: told for key, told in counters.items() if key not in there})
            return
        self._begin(name, counters)
        self._instances[name] = instance
        self._of_instance[name] = frozenset(
            key for key, (of, _, _) in counters.items() if of == lib.LK_TOLD_VALUE
        )

    def _begin(self, name: str, counters: Mapping[str, tuple[int, str, int]]) -> None:
        """All that the driver tells, from 0 on."""
        port = self._ports.by_name[name]
        stays = self.is_sick(name) or set(port.told_names) <= counters.keys()
        kept = len(port.told_names) if stays else 0
        call("lk_told_begin", port.id, kept)
        port.told_names = port.told_names[:kept]
        self._ports.changed()
        seen = self._ports.xstats(name)
        self.tell(
            name,
            {
                key: (of, xstat, (value - seen.get(xstat, 0)) % 2**64)
                for key, (of, xstat, value) in counters.items()
            },
        )

    def join(self, name: str, told: str, of: tuple[int, int, int], *, is_level: bool) -> None:
        """The driver tells what a node counts. of: the graph, the node's place, the counter's"""
        port = self._ports.by_name[name]
        call("lk_told_join", port.id, told.encode(), *of, int(is_level))

    def told(self, name: str) -> dict[str, int]:
        """What the driver counts, by its names; LookupError where it cannot read its device."""
        port = self._ports.by_name[name]
        if error := self.counts(name)["read_error"]:
            raise LookupError(
                f"the driver of port {name} could not retrieve its device's statistics: error "
                f"-{error} ({errno.errorcode[error]})"
            )
        room = max(1, len(port.told_names))
        values = ffi.new("uint64_t[]", room)
        count = call("lk_sick_told", port.id, values, room)
        return dict(zip(port.told_names, values[0:count], strict=True))

    def told_of_instance(self, name: str) -> dict[str, int]:
        """What the driver of an instance's port tells and the port itself does not: no packets and
        bytes, which the two name from either side. Nothing of another port, or where it cannot be
        read."""
        if not self._ports.by_name[name].told_names or self.counts(name)["read_error"]:
            return {}
        own = self._of_instance.get(name, frozenset())
        return {key: value for key, value in self.told(name).items() if key in own}
