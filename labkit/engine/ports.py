# SPDX-License-Identifier: BSD-3-Clause
"""Ports inside the engine: devices made, started, described and closed."""

import os
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from labkit.engine.answers import Fields, LinkChange, PortFacts, PortLimits
from labkit.engine.binding import NativeError, c_string, call, ffi, lib
from labkit.engine.port_facts import facts_of, limits_of, link_changes_of, offload_bits
from labkit.engine.sockets import DriverSocket, made_meanwhile
from labkit.path.lanes import Queues
from labkit.text import unique


@dataclass
class FrameRings:
    """Shared memory between a port's inject and collect nodes and the parent process."""

    to_engine: Any
    from_engine: list[Any]  # a journal for each receive queue
    bytes: list[int]

    def unmap(self) -> None:
        for ring, size in zip((self.to_engine, *self.from_engine), self.bytes, strict=True):
            lib.lk_ring_unmap(ring, size)


def mapped(descriptors: Sequence[int], sizes: Sequence[int], whose: str) -> FrameRings:
    """Rings whose memory the parent made: to the engine, and those from it."""
    rings = [lib.lk_ring_map(d, size) for d, size in zip(descriptors, sizes, strict=True)]
    for descriptor in descriptors:
        os.close(descriptor)
    if ffi.NULL in rings:
        raise MemoryError(f"the frame rings of {whose} cannot be mapped")
    return FrameRings(rings[0], rings[1:], list(sizes))


@dataclass
class EnginePort:
    """A port: DPDK's id, the MAC that its nodes answer for, and its frame rings.

    ring_queues: the queues of a ring port, else 0; xstat_names: of a started port, each one once;
    told_names: of what its driver counts, where its NIC is sick; arguments: of its driver; sockets:
    that its driver opened and may not close
    """

    id: int
    mac: bytes
    rings: FrameRings | None = None
    ring_queues: int = 0
    xstat_names: list[str] = field(default_factory=list)
    told_names: list[str] = field(default_factory=list)
    arguments: str = ""
    sockets: set[DriverSocket] = field(default_factory=set)
    queues: Queues = field(default_factory=lambda: Queues(1, 1))

    @property
    def shared_socket(self) -> str | None:
        """What memif ports of several ids may listen on together."""
        found = re.search(r"\bsocket=([^,]+)", self.arguments)
        return found and found[1]


class Ports:
    """The engine's ports by the names the lab gave them."""

    def __init__(self) -> None:
        self.by_name: dict[str, EnginePort] = {}
        self.changed: Callable[[], None] = lambda: None  # called when counters come or go

    def left(self) -> int:
        """How many more ports DPDK has room for (RTE_MAX_ETHPORTS)."""
        return lib.lk_ports_left()  # type: ignore[no-any-return]

    def cable(self, names: Sequence[str], queues: int, ring_size: int) -> None:
        """Makes the devices of one cable; `start` makes ports of them."""
        ids = ffi.new("uint16_t[2]")
        other = names[1].encode() if len(names) == 2 else ffi.NULL
        call("lk_cable_create", names[0].encode(), other, queues, ring_size, ids)
        for name, port_id in zip(names, ids, strict=False):
            self.by_name[name] = EnginePort(port_id, bytes(6), ring_queues=queues)
            lib.lk_port_name(port_id, name.encode(), b"net_ring", b"")

    def probe(self, name: str, bus: str, device: str, arguments: str, fanout: bool) -> PortLimits:
        """Attaches a device and returns its limits. A device without a port is an error.

        fanout: whether net_af_packet may join a fanout group, as several queues must
        """
        sockets: set[DriverSocket] = set()
        function = "lk_port_attach" if fanout else "lk_port_attach_without_fanout"
        with made_meanwhile(sockets):
            call(function, bus.encode(), device.encode(), arguments.encode())
        port_id = call("lk_port_find", device.encode())
        self.by_name[name] = EnginePort(port_id, bytes(6), arguments=arguments, sockets=sockets)
        lib.lk_port_name(port_id, name.encode(), b"", device.encode())
        limits = self.limits(name)
        lib.lk_port_name(port_id, name.encode(), limits["driver"].encode(), device.encode())
        return limits

    def limits(self, name: str) -> PortLimits:
        return limits_of(self.by_name[name].id)

    def start(
        self,
        name: str,
        settings: dict[str, int],
        offloads: list[str],
        mac: str | None,
        for_driver: bool,
    ) -> PortFacts:
        """Configures and starts a port; `settings` are the fields of struct lk_port_config.

        mac is what nodes answer for; the driver gets it too unless it would be given to the other
        end, as a TAP's is to the kernel's.
        """
        port = self.by_name[name]
        address = bytes.fromhex(mac.replace(":", "")) if mac else None
        with made_meanwhile(port.sockets):
            call(
                "lk_port_start",
                port.id,
                ffi.new(
                    "struct lk_port_config *", settings | {"rx_offloads": offload_bits(offloads)}
                ),
                address if address is not None and for_driver else ffi.NULL,
            )
        info = ffi.new("struct lk_port_info *")
        call("lk_port_info", port.id, info)
        port.mac = address or bytes(info.mac)
        port.queues = Queues(info.rx_queues, info.tx_queues)
        port.xstat_names = list(self.xstats(name))
        self.changed()
        return self.info(name)

    def info(self, name: str) -> PortFacts:
        port = self.by_name[name]
        return facts_of(port.id, port.mac)

    def memory(self, name: str) -> Fields:
        memory = ffi.new("struct lk_port_memory *")
        lib.lk_port_memory(self.by_name[name].id, memory)
        return {field: getattr(memory, field) for field, _ in ffi.typeof(memory[0]).fields}

    def link_changes(self, name: str) -> list[LinkChange]:
        return link_changes_of(self.by_name[name].id)

    def queues(self) -> dict[str, Queues]:
        """How many each port has."""
        return {name: port.queues for name, port in self.by_name.items()}

    def set_promiscuous(self, name: str, on: bool) -> None:
        call("lk_port_set_promiscuous", self.by_name[name].id, on)

    def set_link(self, name: str, up: bool) -> None:
        call("lk_port_set_link", self.by_name[name].id, up)

    def xstats(self, name: str) -> dict[str, int]:
        port_id = self.by_name[name].id
        room = max(1, call("lk_port_xstats", port_id, ffi.NULL, 0))
        stats = ffi.new("struct lk_xstat[]", room)
        count = call("lk_port_xstats", port_id, stats, room)
        found = list(stats[0 : min(count, room)])
        names = unique(c_string(xstat.name) for xstat in found)
        return {name: xstat.value for name, xstat in zip(names, found, strict=True)}

    def unread(self, name: str, queues: Sequence[int]) -> list[int | None]:
        """Frames that wait in queues which nobody reads; None: its driver does not tell."""
        port_id = self.by_name[name].id
        counts = [lib.lk_port_unread(port_id, queue) for queue in queues]
        return [count if count >= 0 else None for count in counts]

    def waiting(self) -> dict[str, int]:
        return {
            name: lib.lk_port_waiting(port.id)
            for name, port in self.by_name.items()
            if port.ring_queues
        }

    def attach_frames(self, name: str, descriptors: Sequence[int], sizes: Sequence[int]) -> None:
        """Maps the rings whose memory the parent made: to the engine, and those from it."""
        self.by_name[name].rings = mapped(descriptors, sizes, f"port {name}")

    def close(self, name: str) -> None:
        """Nothing where there is no such port: an interrupted caller asks again."""
        port = self.by_name.pop(name, None)
        if port is None:
            return
        self.changed()  # nobody reads a port that is about to go
        self._silence(port)
        try:
            call("lk_port_close", port.id)
        finally:
            for opened in port.sockets:
                opened.close()
            if port.rings is not None:
                port.rings.unmap()

    def _silence(self, port: EnginePort) -> None:
        """Nobody listens for a port that goes, unless others listen with it."""
        shared = port.shared_socket
        heirs = [p for p in self.by_name.values() if shared and p.shared_socket == shared]
        if heirs:
            heirs[0].sockets |= port.sockets
            return
        for opened in port.sockets:
            opened.silence()

    def close_all(self) -> list[str]:
        """Closes every port; returns what went wrong."""
        failures = []
        for name in list(self.by_name):
            try:
                self.close(name)
            except NativeError as error:
                failures.append(f"port {name}: {error}")
        return failures
