# SPDX-License-Identifier: BSD-3-Clause
"""What every device under test has in common."""

import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from labkit.engine.config import EalConfig
from labkit.errors import LabError
from labkit.lab.lab import Lab
from labkit.lab.port import Port
from labkit.lab.port_limits import MAX_MTU, MIN_MTU
from labkit.packet.link import ETHERNET
from labkit.packet.tunnels import Tunnel
from labkit.traffic.sizes import FCS
from labkit.traffic.stream import NO_MAC, Stream

if TYPE_CHECKING:
    from scapy.packet import Packet

LAB_ADDRESS = {4: "10.0.0.1", 6: "fd00::1"}
DUT_ADDRESS = {4: "10.0.0.2", 6: "fd00::2"}
UDP_PORT = 9000
LINK_OVERHEAD = ETHERNET + FCS
NOT_TOLD = {"told": False}  # of a field that run.json does not tell: it changes nothing measured


@dataclass(frozen=True)
class DutCounters:
    """Frames that a DUT has dropped so far, as it says itself. None: it does not tell.

    Attributes
    ----------
    nic_imissed, nic_ierrors, nic_nombuf: of its NIC, as in rte_eth_stats
    app: frames that it took in and dropped, by the name of its counter. "drop_..." are drop nodes
        of the lab, which a trial's ledger has by itself.
    is_lab_port: the NIC is a port of the lab, whose losses a trial's ledger has by itself too
    nic: all statistics of its NIC, under its driver's names
    """

    nic_imissed: int | None = None
    nic_ierrors: int | None = None
    nic_nombuf: int | None = None
    app: Mapping[str, int] = field(default_factory=dict)
    is_lab_port: bool = False
    nic: Mapping[str, int] = field(default_factory=dict)

    @classmethod
    def of_port(
        cls, xstats: Mapping[str, int], app: Mapping[str, int], *, is_lab_port: bool = False
    ) -> "DutCounters":
        """From the xstats of a DPDK port (rte_eth_xstats_get)."""
        return cls(
            xstats.get("rx_missed_errors"),
            xstats.get("rx_errors"),
            xstats.get("rx_mbuf_allocation_errors"),
            app,
            is_lab_port,
            xstats,
        )

    def since(self, before: "DutCounters") -> "DutCounters":
        """What was dropped between two readings."""

        def less(now: int | None, then: int | None) -> int | None:
            return None if now is None or then is None else now - then

        return DutCounters(
            less(self.nic_imissed, before.nic_imissed),
            less(self.nic_ierrors, before.nic_ierrors),
            less(self.nic_nombuf, before.nic_nombuf),
            {name: count - before.app.get(name, 0) for name, count in self.app.items()},
            self.is_lab_port,
            {name: count - before.nic.get(name, 0) for name, count in self.nic.items()},
        )

    @property
    def columns(self) -> dict[str, Any]:
        """As columns of results."""
        import json

        return {
            "nic_imissed": self.nic_imissed,
            "nic_ierrors": self.nic_ierrors,
            "nic_nombuf": self.nic_nombuf,
            "app_drops": sum(self.app.values()),
            "dut_drops": json.dumps(_counted(self.app)),
            "nic_statistics": json.dumps(_counted(self.nic)),
        }

    @property
    def outside_by_name(self) -> dict[str, int]:
        """Frames dropped where the ledger of a trial cannot see it: by no part of the lab.

        nic_nombuf counts attempts: the frame waits for the next one.
        """
        nic = {"the DUT's NIC imissed": self.nic_imissed, "the DUT's NIC ierrors": self.nic_ierrors}
        drops = {} if self.is_lab_port else {name: n for name, n in nic.items() if n}
        app = {name: n for name, n in self.app.items() if n and not name.startswith("drop_")}
        return drops | app

    @property
    def outside(self) -> int:
        """Those of outside_by_name in sum."""
        return sum(self.outside_by_name.values())


def missing_cpu(name: str, cpu: int | None) -> str | None:
    """Why a DUT cannot run on this CPU; None when it can."""
    usable = sorted(os.sched_getaffinity(0))
    if cpu is None or cpu in usable:
        return None
    return (
        f"the DUT {name} cannot run on cpu={cpu!r}; this process may use "
        f"{', '.join(map(str, usable))}: give one of these, or None"
    )


def cpu_of(cpu: int | None, lab: Lab) -> int:
    """The CPU that a DUT runs on: the one that was asked for, else the lowest of the lab's."""
    return lab.eal.usable_cpus()[0] if cpu is None else cpu


def datagram(
    source: str,
    destination: str,
    ip_version: int,
    tunnel: Tunnel | None = None,
    addresses: tuple[str, str] | None = None,
) -> "Packet":
    """Headers of a UDP datagram that a DUT answers, from one MAC address to another, behind those
    of the tunnel that it comes in.

    addresses: IP addresses of the lab and of the DUT; None: LAB_ADDRESS and DUT_ADDRESS
    """
    from scapy.layers.inet import IP, UDP
    from scapy.layers.inet6 import IPv6
    from scapy.layers.l2 import Ether

    ip = IP if ip_version == 4 else IPv6
    own, other = addresses or (LAB_ADDRESS[ip_version], DUT_ADDRESS[ip_version])
    packet = ip(src=own, dst=other)
    packet = Ether(src=source, dst=destination) / packet / UDP(sport=1024, dport=UDP_PORT)
    if tunnel is None:
        return packet
    from labkit.packet.tunnel_packet import tunnel_packet  # scapy is slow to load

    return tunnel_packet(packet, tunnel)


def _counted(counters: Mapping[str, int]) -> dict[str, int]:
    return {name: count for name, count in counters.items() if count}


@dataclass(frozen=True)
class FarEnd:
    """A DUT that is ready: where to send, what to send, and what it counts.

    Attributes
    ----------
    port: of the lab; what is sent on it reaches the DUT, and what the DUT answers arrives on it
    mac: the DUT's
    counters: reads its counters
    check: raises DutDied when it is gone
    name: what results call the DUT
    ip_version: 4 or 6: of the datagrams that it answers
    tunnel: that they come in, as the lab's end sends it; None: in none
    addresses: IP addresses of the lab and of the DUT; None: those of every DUT of this machine
    hosts: what run.json tells of other hosts, by name; the first is the DUT's. Empty: it is here
    """

    port: Port
    mac: str
    counters: Callable[[], DutCounters]
    check: Callable[[], None]
    name: str = ""
    ip_version: int = 4
    tunnel: Tunnel | None = None
    addresses: tuple[str, str] | None = None
    hosts: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    @property
    def frame(self) -> "Packet":
        """Headers of a datagram that the DUT answers; those of its tunnel come first."""
        return datagram(self.port.mac, self.mac, self.ip_version, self.tunnel, self.addresses)


@dataclass(frozen=True)
class WireEnd:
    """The DUT's end of a wire to the lab's host, for Dut.on().

    Attributes
    ----------
    device: the port, as lab.port() takes it
    mtu: of the packets that it is to take
    address: IP address that the DUT answers for
    lab_mac: that its answers go to, where it does not learn that from what it is sent
    """

    device: str
    mtu: int
    address: str
    lab_mac: str


@dataclass(frozen=True)
class OnWire:
    """A DUT that is ready at its end of a wire: as FarEnd tells of one here.

    Attributes
    ----------
    answers_arp: it says itself which MAC address it has
    """

    mac: str
    counters: Callable[[], DutCounters]
    check: Callable[[], None]
    tunnel: Tunnel | None = None
    answers_arp: bool = False


class Dut(ABC):
    """A device under test: a frozen dataclass that says how to make itself, and can be pickled.

    Attributes
    ----------
    name: what results call it (column config)
    mtu: of its port, in bytes
    ip_version: 4 or 6: of the datagrams that it answers
    """

    name: str
    mtu: int = MAX_MTU
    ip_version: int = 4

    def __post_init__(self) -> None:
        if not isinstance(self.ip_version, int) or self.ip_version not in (4, 6):
            raise LabError(f"ip_version is {self.ip_version!r}; it is 4 or 6")
        if not isinstance(self.mtu, int) or not MIN_MTU <= self.mtu <= MAX_MTU:
            raise LabError(f"mtu is {self.mtu!r}; the range is {MIN_MTU} to {MAX_MTU} bytes")

    @property
    def headers(self) -> "Packet":
        """Those of a datagram that it answers, as FarEnd.frame but between no MAC addresses."""
        return datagram(NO_MAC, NO_MAC, self.ip_version)

    @property
    def min_size(self) -> int:
        """Shortest frame with its headers and a signature, in bytes with FCS."""
        return Stream(self.headers).sizes.order[0]

    @property
    def max_size(self) -> int:
        """Longest frame that it takes, in bytes with FCS."""
        return self.mtu + LINK_OVERHEAD

    @property
    def missing(self) -> str | None:
        """What it needs and does not have on this machine, with the way out; None: nothing.

        open() raises it as a LabError, and a sweep asks before it measures anything.
        """
        return None

    @property
    def eal(self) -> EalConfig | None:
        """How the lab must be started that opens it; None: as any."""
        return None

    def check_here(self) -> None:
        """Raises LabError with what is missing."""
        if self.missing:
            raise LabError(self.missing)

    @abstractmethod
    def open(self, lab: Lab) -> AbstractContextManager[FarEnd]:
        """Starts it on a port of the lab that it makes; leaving ends it and closes the port."""

    def on(self, lab: Lab, end: WireEnd) -> AbstractContextManager[OnWire]:
        """Starts it at its end of a wire from another host; lk.dut.Remote asks for it there.

        lab: of that host, in which it may make what it needs
        """
        raise LabError(
            f"the DUT {self.name} runs beside the lab alone; on another host run LabkitEcho, "
            "PythonEcho or Testpmd"
        )
