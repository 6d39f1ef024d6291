# SPDX-License-Identifier: BSD-3-Clause
"""The kernel's UDP stack behind a veth pair, with a compiled echo service on it."""

import importlib.util
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from labkit.dut.base import (
    DUT_ADDRESS,
    LAB_ADDRESS,
    LINK_OVERHEAD,
    UDP_PORT,
    Dut,
    DutCounters,
    FarEnd,
    missing_cpu,
)
from labkit.dut.ports import closing
from labkit.dut.process import DutProcess
from labkit.dut.veth import VethPair
from labkit.errors import LabError

if TYPE_CHECKING:
    from labkit.lab import Lab

# What of /proc/net/snmp is a datagram that the service never got. SndbufErrors are what it or the
# interface counts too.
UDP_DROPS = ("InCsumErrors", "RcvbufErrors", "NoPorts", "MemErrors")


@dataclass(frozen=True)
class KernelEcho(Dut):
    """A service of recvmmsg(2) and sendmmsg(2) in a network namespace, over veth. Needs root.

    The kernel verifies checksums. Its end of the pair computes them (`ethtool -K ... tx off`), for
    there is no NIC that would.

    Attributes
    ----------
    name: what results call it
    mtu: of the pair, in bytes
    cpu: that the service runs on; None: the lowest of the lab's
    """

    name: str = "kernel-echo"
    mtu: int = 9001
    cpu: int | None = None

    @property
    def max_size(self) -> int:
        """Longest frame, in bytes with FCS."""
        return self.mtu + LINK_OVERHEAD

    @property
    def missing(self) -> str | None:
        """Root, or its CPU."""
        if os.geteuid() != 0:
            return (
                f"the DUT {self.name} needs root (CAP_SYS_ADMIN and CAP_NET_ADMIN) for a network "
                "namespace and a veth pair; run as root, or leave it out: the DUTs LabkitEcho, "
                "PythonEcho and Testpmd need no privileges"
            )
        return missing_cpu(self.name, self.cpu)

    @contextmanager
    def open(self, lab: "Lab") -> Iterator[FarEnd]:
        """Makes the namespace and the pair, and starts the service."""
        if self.missing:
            raise LabError(self.missing)
        process = DutProcess(self.name, [str(_program()), str(UDP_PORT)], answers=True)
        try:
            process.hear()
            with VethPair(process.pid, f"{DUT_ADDRESS}/24", self.mtu) as pair:
                port = lab.port(f"af_packet:{pair.outside}", "veth", mtu=self.mtu)
                with closing(port):
                    pair.know_neighbour(LAB_ADDRESS, port.mac)  # in a trial nobody answers ARP
                    os.sched_setaffinity(
                        process.pid, {lab.eal.usable_cpus()[0] if self.cpu is None else self.cpu}
                    )
                    process.say("go")
                    process.hear()
                    yield FarEnd(
                        port, pair.mac, lambda: _counters(process, pair), process.check, self.name
                    )
        finally:
            process.stop()


def _program() -> Path:
    """The compiled service, which is installed beside the native modules."""
    module = importlib.util.find_spec("labkit._codec")
    assert module is not None
    assert module.origin is not None
    program = Path(module.origin).parent / "kernel_echo"
    if not program.exists():
        raise LabError(f"the program {program} is missing; install labkit again")
    return program


def _counters(process: DutProcess, pair: VethPair) -> DutCounters:
    """What the interface, the UDP layer and the service have dropped."""
    process.say("?")
    _, _, unsent, truncated = map(int, process.hear().split())
    nic = pair.statistics()
    snmp = Path(f"/proc/{process.pid}/net/snmp").read_text().splitlines()
    names, values = (row.split() for row in snmp if row.startswith("Udp:"))
    udp = dict(zip(names, values, strict=True))
    drops = {f"Udp{name}": int(udp[name]) for name in UDP_DROPS if name in udp}
    return DutCounters(
        # A frame that finds the backlog full is counted at both ends of the pair.
        nic_imissed=max(nic["rx_dropped"] + nic["rx_missed_errors"], nic["outside_tx_dropped"]),
        nic_ierrors=nic["rx_errors"],
        app={
            **drops,
            "send_failed": unsent,
            "truncated": truncated,
            "veth_tx_dropped": nic["tx_dropped"],
        },
        nic=nic,
    )
