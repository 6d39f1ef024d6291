# SPDX-License-Identifier: BSD-3-Clause
"""A DUT on another host, at the far end of a wire."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from labkit.arguments.checked import checked
from labkit.dut.base import (
    DUT_ADDRESS,
    LAB_ADDRESS,
    LINK_OVERHEAD,
    NOT_TOLD,
    Dut,
    DutCounters,
    FarEnd,
    WireEnd,
)
from labkit.engine.config import EalConfig
from labkit.errors import LabError, Unreachable
from labkit.hosts import far_dut
from labkit.hosts.far_lab import FarLab
from labkit.hosts.hosts import current, hosts_at
from labkit.hosts.wire import pci_of, wait_for_link, wire_port
from labkit.lab.lab import Lab
from labkit.lab.neighbours import resolve

if TYPE_CHECKING:
    from scapy.packet import Packet

ANSWER_SECONDS = 10.0  # until the DUT has to answer over the wire
ASK_SECONDS = 0.1


@checked(but=("dut", "mtu", "ip_version"))
@dataclass(frozen=True)
class Remote(Dut):
    """A DUT on another host: lk.dut.Remote(lk.dut.LabkitEcho(), host="b").

    An engine (or dpdk-testpmd) runs there as long as the DUT is needed, started through the host's
    Dask worker; frames go over the wire between the two ports. Drops of that host are told with its
    name in front: "b: drop_udp_bad_checksum".

    Attributes
    ----------
    dut: LabkitEcho, PythonEcho or Testpmd
    host: name of its Dask worker
    near, far: ports on the wire, of this host and of that one, as lab.port() takes them; None:
        those of lk.Hosts(..., here=, ports=)
    scheduler: address of the Dask scheduler; None: that of the lk.Hosts made last
    name: what results call it; "": DUT@HOST, such as "labkit-echo@b"
    mtu: of the packets on the wire, in bytes; both ports must take them
    ip_version: the DUT's
    address, lab_address: IP addresses of the DUT and of this host's port; None: 10.0.0.2 and
        10.0.0.1, fd00::2 and fd00::1. Networks that route or filter want those they know.
    mac: that frames to the DUT have; None: the DUT is asked by ARP or neighbour discovery where it
        answers that, else it is the MAC of its port. Give the gateway's where one is between.
    """

    dut: Dut
    host: str
    near: str | None = None
    far: str | None = None
    scheduler: str | None = field(default=None, metadata=NOT_TOLD)
    name: str = ""
    mtu: int = 1500
    ip_version: int = 0
    address: str | None = None
    lab_address: str | None = None
    mac: str | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.dut, Dut) or isinstance(self.dut, Remote):
            raise LabError(
                f"dut is {self.dut!r}; it is a DUT of a host, such as lk.dut.LabkitEcho()"
            )
        hosts = current()
        given = {
            "name": self.name or f"{self.dut.name}@{self.host}",
            "ip_version": self.ip_version or self.dut.ip_version,
            "scheduler": self.scheduler or (hosts.scheduler if hosts else None),
            "near": self.near or (hosts.here if hosts else None),
            "far": self.far or (hosts.ports.get(self.host) if hosts else None),
        }
        for name, value in given.items():
            if value is None:
                raise LabError(
                    f"{given['name']}: {name} is not named; give {name}=, or connect before with "
                    'lk.Hosts("tcp://10.0.0.1:8786", here="af_packet:eth1", '
                    f'ports={{"{self.host}": "af_packet:eth1"}})'
                )
            object.__setattr__(self, name, value)
        super().__post_init__()
        if self.ip_version != self.dut.ip_version:
            raise LabError(
                f"ip_version is {self.ip_version} and that of {self.dut.name} is "
                f"{self.dut.ip_version}; give it to the DUT alone"
            )

    @property
    def headers(self) -> "Packet":
        """Those of a datagram that it answers."""
        return self.dut.headers

    @property
    def max_size(self) -> int:
        """Longest frame that the DUT and the wire take, in bytes with FCS."""
        return min(self.dut.max_size, self.mtu + LINK_OVERHEAD)

    @property
    def eal(self) -> EalConfig | None:
        """How the lab must be started to open its end of the wire; None: as any."""
        pci = pci_of(str(self.near))
        return EalConfig(pci=pci) if pci else None

    @checked()
    @contextmanager
    def open(self, lab: Lab) -> Iterator[FarEnd]:
        """Opens both ends of the wire, starts the DUT there, and waits until it answers.

        Raises LabError for a host that is not there or busy and for a wire that carries nothing,
        HostLost for a host that goes away meanwhile, PortError for a port that cannot be opened.
        """
        near, far_port = str(self.near), str(self.far)
        with (
            hosts_at(str(self.scheduler)) as hosts,
            wire_port(lab, near, self.mtu, is_near=True) as port,
            hosts.lab(self.host, lab, far_port) as far,
        ):
            own, other = self._addresses
            dut = replace(self.dut, mtu=self.mtu)  # type: ignore[type-var]
            end = WireEnd(far_port, self.mtu, other, port.mac)
            there = far.call(far_dut.start, dut, end)
            wait_for_link(port, near, self.host)
            far_end = FarEnd(
                port,
                there["mac"],
                lambda: _of_host(self.host, far.call(far_dut.counters)),
                lambda: _check(lab, far),
                self.name,
                self.ip_version,
                there["tunnel"],
                self._addresses,
                {self.host: far.description},
            )
            mac = self.mac or _asked(port, other, own, there)
            far_end = replace(far_end, mac=mac or there["mac"])
            self._wait_for_answer(far_end)
            yield far_end

    @property
    def _addresses(self) -> tuple[str, str]:
        """Of the lab and of the DUT."""
        return (
            self.lab_address or LAB_ADDRESS[self.ip_version],
            self.address or DUT_ADDRESS[self.ip_version],
        )

    def _wait_for_answer(self, far_end: FarEnd) -> None:
        """Until a frame comes back; else says how far they went."""
        probe = bytes(far_end.frame / bytes(18))
        before = far_end.counters()
        end = time.monotonic() + ANSWER_SECONDS
        sent = 0
        while True:
            far_end.port.send(probe)
            sent += 1
            if far_end.port.receive(1, timeout=ASK_SECONDS, raw=True):
                return
            if time.monotonic() > end:
                break
        far_end.check()
        grown = far_end.counters().since(before)
        came = grown.nic.get("rx_good_packets")
        where = f"{self.near} here and {self.far} on host {self.host}"
        if not came:
            raise Unreachable(
                f"{self.name}: of {sent} frames none arrived at host {self.host}; are {where} on "
                "one wire, and their links up?"
            )
        drops = ", ".join(f"{n} {name}" for name, n in grown.app.items() if n) or "none"
        raise Unreachable(
            f"{self.name}: host {self.host} received {came} of {sent} frames, dropped {drops}, and "
            f"none came back; are {where} on one wire in both directions? A network that knows "
            "other addresses wants address=, lab_address= and mac="
        )


def _asked(port: Any, target: str, source: str, there: dict[str, Any]) -> str | None:
    """The MAC that answers on the wire, where the DUT answers such questions."""
    if not there["answers_arp"]:
        return None
    try:
        return resolve(port, target, source=source)
    except Unreachable:
        return None  # the frames themselves will tell how far they went


def _check(lab: Lab, far: FarLab) -> None:
    lab.engine.check_answers()
    far.call(far_dut.check)


def _of_host(host: str, told: DutCounters) -> DutCounters:
    """As told there, for a lab here, which has none of it in its own ledger."""
    drops = {f"{host}: {name}": count for name, count in told.app.items()}
    return replace(told, app=drops, is_lab_port=False)
