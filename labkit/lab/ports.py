# SPDX-License-Identifier: BSD-3-Clause
"""The ports of a lab: opened, named, and made again in a new engine."""

import os
import time
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import replace
from typing import Any

from labkit._codec import lib
from labkit.arguments.names import Named
from labkit.engine.engine import Engine
from labkit.engine.nic_access import check_nic
from labkit.errors import EngineError, LabError, PortError, is_answered
from labkit.lab.claims import claims_of
from labkit.lab.device import Device, check_ring_size
from labkit.lab.frame_rings import FrameRings
from labkit.lab.link_wait import await_link
from labkit.lab.nic_settings import NicSettings
from labkit.lab.port import Port
from labkit.lab.port_declaration import PortDeclaration, PortInfo
from labkit.lab.port_frames import PortFrames
from labkit.lab.port_limits import (
    check_limits,
    check_name,
    check_room,
    check_settings,
    name_of,
    no_memory,
    not_opened,
    settings_of,
)
from labkit.machine.pci_address import PciDevice
from labkit.text import first_free

WHO_CALLED = 4  # lab.port(), behind what looks at its arguments
# net_af_xdp's words; its errno is EINVAL, whatever the kernel said
TAKEN_QUEUE = "Failed to create xsk socket"
TAKEN_SECONDS = 10.0
CLOSED_END = "~"  # which no port can be called


class LabPorts:
    """What a lab has of ports.

    Attributes
    ----------
    engine: the one that the ports are in
    by_name: the ports that are open
    """

    def __init__(
        self,
        lab: Any,  # a Lab, which is made of this
        engine: Engine,
        attach: Callable[[PortFrames, bool], FrameRings],
        close: Callable[[Port], None],
    ) -> None:
        """What its ports are handed; see Port."""
        self.engine = engine
        self.by_name: dict[str, Port] = Named("port")
        self._lab = lab
        self._attach_frames = attach
        self._close = close
        self._devices_made = 0
        self._macs = 0

    def cable(self, a: str, b: str, *, mtu: int, queues: int, ring_size: int) -> tuple[Port, Port]:
        """See Lab.cable()."""
        check_ring_size(ring_size)
        names = [self._free_name(a), self._free_name(b)]
        if names[0] == names[1]:
            raise PortError(f"both ends are called {a!r}; give them two names")
        device = Device("ring", "", "vdev", "net_ring", {"ring_size": ring_size}, mtu, own_mac=True)
        ends = [
            PortDeclaration(name, device, self._next_mac(), settings_of(mtu, queues), peer)
            for name, peer in zip(names, reversed(names), strict=True)
        ]
        check_settings(names[0], mtu, queues, lib.LK_MAX_RING_QUEUES)
        commands = self.engine.commands
        check_room(len(self.by_name), commands.ports_left(), 2)
        with self.all_or_none(names):
            commands.cable(names, queues, ring_size)
            first, second = (self._start(end) for end in ends)
        return first, second

    def open(
        self,
        device: Device,
        name: str | None,
        mac: str | None,
        settings: dict[str, int],
        nic: NicSettings,
        *,
        asks_for_all: bool,
    ) -> Port:
        """Opens a port on a device; see Lab.port(). asks_for_all: to be promiscuous, by itself."""
        chosen = self._free_name(name or name_of(device))
        if mac is None and device.own_mac:
            mac = self._next_mac()
        declaration = PortDeclaration(chosen, device, mac, settings, nic=nic)
        self._check_unclaimed(declaration)
        check_room(len(self.by_name), self.engine.commands.ports_left(), 1)
        with self.all_or_none([chosen]):
            self._attach(declaration)
            port = self._start(declaration)
            await_link(port, nic.link_timeout, WHO_CALLED)
        info = port.last_info
        if asks_for_all and not info.promiscuous and not info.is_virtual:
            warnings.warn(
                f"port {port.name}: {info.driver} is not promiscuous though it was asked to be; "
                + port.still_arrives,
                stacklevel=WHO_CALLED,
            )
        return port

    @contextmanager
    def all_or_none(self, names: Iterable[str]) -> Iterator[None]:
        """Takes back ports that did not all open, or whose opening was interrupted."""
        try:
            yield
        except BaseException as error:
            for name in names:
                self.by_name.pop(name, None)
            self._take_back(names, waits=is_answered(error))
            raise

    def _take_back(self, names: Iterable[str], *, waits: bool) -> None:
        """waits: else it is done when the engine comes to it, after what was interrupted."""
        with nullcontext() if waits else self.engine.unawaited():
            for name in names:
                with suppress(LabError):  # what went wrong first is what is told
                    self.engine.commands.close_port(name)

    def forget(self, port: Port) -> None:
        """Of a port that was closed: its name, and its end of a cable."""
        self.by_name.pop(port.name, None)
        peer = self.by_name.get(port.declaration.peer or "")
        if peer is not None and peer.declaration.peer == port.name:
            peer.declaration = replace(peer.declaration, peer=None, is_unplugged=True)

    def keep(self) -> None:
        """Keeps what was counted, for when the engine is gone."""
        for port in self.by_name.values():
            port.keep()

    def rebuild(self) -> None:
        """Every port again, in a new engine."""
        for port in self.by_name.values():
            self._attach(port.declaration)
        for port in self.by_name.values():
            port.begin_anew(self._configured(port.declaration))
        for port in self.by_name.values():
            await_link(port, port.declaration.nic.link_timeout, WHO_CALLED - 1)
        for port in self.by_name.values():
            if port.declaration.is_link_down:
                port.set_link(False)
            port.rss.begin_anew()

    def _check_unclaimed(self, declaration: PortDeclaration) -> None:
        """Raises PortError for a device that another port of the lab has for itself."""
        wanted = claims_of(declaration.device, declaration.settings["rx_queues"])
        for port in self.by_name.values():
            other = port.declaration
            theirs = claims_of(other.device, other.settings["rx_queues"])
            if both := wanted.keys() & theirs:
                raise PortError(
                    f"{declaration.device.kind}:{declaration.device.target}: port {port.name} of "
                    f"this lab has {wanted[min(both)]} already; use lab.ports[{port.name!r}], or "
                    "close it first"
                )

    def _attach(self, declaration: PortDeclaration) -> None:
        """Makes the device of a port; the two of a cable come with its first end."""
        device, settings = declaration.device, declaration.settings
        if device.kind == "ring":
            self._attach_cable(declaration)
            return
        devargs = device.devargs
        if device.kind == "pci":
            devargs = self._nic_arguments(device)
        self._devices_made += 1
        vdev = f"{device.driver}{self._devices_made}"
        try:
            self.engine.commands.attach_device(
                declaration.name,
                device.bus,
                vdev if device.bus == "vdev" else device.target,
                devargs,
                fanout=device.kind != "af_packet" or settings["rx_queues"] > 1,
            )
        except EngineError as error:
            raise not_opened(device, str(error)) from None

    def _nic_arguments(self, device: Device) -> str:
        """The arguments of a NIC's driver: those of EalConfig(pci=), and those of the port."""
        engine, address = self.engine, device.target
        allowed = engine.eal.pci_devices.get(address)
        if allowed is None:
            raise PortError(
                f"pci:{address}: the engine was not allowed to take this device; start it "
                f'with lk.Lab(eal=lk.EalConfig(pci="{address}"))'
            )
        given = {key: str(value) for key, value in device.arguments.items()}
        whole = PciDevice(address, {**allowed.arguments, **given})
        hugepages = engine.eal.hugepages is not False
        check_nic(whole, engine.eal.memory_mb, hugepages=hugepages, engine=engine.pid)
        return str(whole).partition(",")[2]

    def _attach_cable(self, declaration: PortDeclaration) -> None:
        other = CLOSED_END if declaration.is_unplugged else declaration.peer
        names = [declaration.name, *([other] if other else [])]
        if declaration.peer and names != sorted(names, key=list(self.by_name).index):
            return
        ring_size = int(declaration.device.arguments.get("ring_size", 1024))
        self.engine.commands.cable(names, declaration.settings["rx_queues"], ring_size)
        if declaration.is_unplugged:
            self.engine.commands.close_port(CLOSED_END)

    def _start(self, declaration: PortDeclaration) -> Port:
        info = self._configured(declaration)
        port = Port(self._lab, self.engine, declaration, info, self._attach_frames, self._close)
        self.by_name[port.name] = port
        return port

    def _configured(self, declaration: PortDeclaration) -> PortInfo:
        """Configures a port. The kernel lets go of a closed AF_XDP socket's queue when it comes to
        it, and says EBUSY until then; a device that found the queue taken is made anew."""
        end = time.monotonic() + TAKEN_SECONDS
        while True:
            try:
                return self._configure(declaration)
            except PortError as error:
                if TAKEN_QUEUE not in str(error) or time.monotonic() > end:
                    raise
            self.engine.commands.close_port(declaration.name)
            self._attach(declaration)

    def _configure(self, declaration: PortDeclaration) -> PortInfo:
        name, settings, nic = declaration.name, declaration.settings, declaration.nic
        commands, queues = self.engine.commands, settings["rx_queues"]
        limits = commands.port_limits(name)
        check_limits(name, settings, limits)
        nic.check(name, limits, queues)
        for_driver = declaration.device.kind != "tap"
        try:
            info = commands.start_port(
                name, settings | nic.fields, nic.offloads, declaration.mac, for_driver
            )
        except EngineError as error:
            memory = commands.port_memory(name)
            if "ENOMEM" in str(error) and memory["needed"] > memory["free"]:
                raise no_memory(name, memory, self.engine.eal.memory_mb, queues) from None
            if "EADDRNOTAVAIL" in str(error):
                raise PortError(
                    f"{name}: {limits['driver']} takes no other MAC address than the NIC's own and "
                    "is not promiscuous, so nothing would arrive; leave mac= out"
                ) from None
            raise PortError(f"{name}: {limits['driver']} did not start: {error}") from None
        return PortInfo.of(info)

    def _next_mac(self) -> str:
        """A locally administered address that no other lab on this machine uses."""
        self._macs += 1
        number = 0x02 << 40 | (os.getpid() & 0xFFFFFF) << 16 | (id(self) >> 6 & 0xFF) << 8
        return (number | self._macs & 0xFF).to_bytes(6, "big").hex(":")

    def _free_name(self, wanted: str) -> str:
        check_name(wanted)
        return first_free(wanted, self.by_name)
