# SPDX-License-Identifier: BSD-3-Clause
"""A host of a topology as a scapy socket of layer 3, and as the one that scapy's functions use."""

import ipaddress
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from scapy.config import conf
from scapy.packet import Packet

from labkit.errors import Unreachable
from labkit.lab.address_questions import Neighbour
from labkit.lab.ip_socket import IpSocket
from labkit.lab.topology.addressing import Attached, Version
from labkit.packet.filter import Filter, compile_filter

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class HostSocket(IpSocket):
    """Sends and hears IP packets as a host does: from its addresses, by its gateway. The host
    answers for itself, whoever listens."""

    answers = False

    def __init__(
        self,
        port: Neighbour,
        at: Attached,
        gateways: Mapping[Version, str | None],
        filter: Filter | None = None,
    ) -> None:
        super().__init__(port, None, filter)
        self._at, self._gateways = at, gateways

    def frame(self, packet: Packet) -> bytes:
        """The packet in a frame, as send() would send it."""
        return self._frame(packet)

    def _from_us(self, packet: Any) -> Packet:
        destination = packet.fields.get("dst") if isinstance(packet, Packet) else None
        if destination is not None and packet.fields.get("src") is None:
            packet = packet.copy()
            packet.src = str(self._address(":" in str(destination)))
        return super()._from_us(packet)

    def _mac_of(self, target: Address, source: str) -> str:
        version: Version = 4 if target.version == 4 else 6  # IP versions
        own = self._at.addresses.get(version)
        is_broadcast = str(target) == "255.255.255.255"
        if own is None or target in own.network or target.is_multicast or is_broadcast:
            return super()._mac_of(target, source)
        gateway = self._gateways[version]
        if gateway is None:
            raise Unreachable(
                f"{target} is not in {own.network}, the network of {self._at.device.name}, which "
                "has no gateway; put a router there"
            )
        return super()._mac_of(ipaddress.ip_address(gateway), str(own.ip))

    def _address(self, is_v6: bool) -> object:
        own = self._at.addresses.get(6 if is_v6 else 4)
        if own is None:
            raise Unreachable(
                f"host {self._at.device.name} has no IPv6 address; give it one such as fd00:1::1/64"
            )
        return own.ip


class _Route:
    """What scapy asks its routing tables: every destination by the host."""

    def __init__(self, source: str) -> None:
        self._source = source

    def route(self, *_: Any, **__: Any) -> tuple[Any, str, str]:
        return conf.iface, self._source, "0.0.0.0" if "." in self._source else "::"


@contextmanager
def as_scapys(make: Any, sources: Mapping[Version, str]) -> Iterator[None]:
    """scapy's sr(), sr1(), send() and traceroute() use sockets of `make` meanwhile."""

    def opened(*_: Any, filter: str | None = None, **__: Any) -> HostSocket:
        socket: HostSocket = make(None if filter is None else compile_filter(filter))
        return socket

    names = ("L3socket", "L3socket6", "route", "route6")
    before = {name: getattr(conf, name) for name in names}
    conf.L3socket = conf.L3socket6 = opened
    conf.route = _Route(sources[4])
    if 6 in sources:  # IP versions
        conf.route6 = _Route(sources[6])
    try:
        yield
    finally:
        for name, value in before.items():
            setattr(conf, name, value)
