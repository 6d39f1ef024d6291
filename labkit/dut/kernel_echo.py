# SPDX-License-Identifier: BSD-3-Clause
"""The kernel's UDP stack behind a veth pair, with a compiled echo service on it."""

import importlib.util
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from labkit.arguments.checked import checked
from labkit.dut.base import (
    DUT_ADDRESS,
    LAB_ADDRESS,
    UDP_PORT,
    Dut,
    DutCounters,
    FarEnd,
    cpu_of,
    missing_cpu,
)
from labkit.dut.port_lifetime import closing
from labkit.dut.process import DutProcess
from labkit.dut.veth import VethPair
from labkit.errors import LabError
from labkit.lab.lab import Lab

LEAST_IPV6_MTU = 1280  # RFC 8200 5
SNMP6 = Path("/proc/net/snmp6")  # where the kernel has IPv6
# What of /proc/net/snmp or snmp6 is a datagram that the service never got. SndbufErrors are what it
# or the interface counts too.
UDP_DROPS = ("InCsumErrors", "RcvbufErrors", "NoPorts", "MemErrors")


@checked(but=("mtu", "ip_version", "tunnel", "mode"))
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
    ip_version: 4 or 6: of the datagrams that it answers
    """

    name: str = "kernel-echo"
    mtu: int = 9001
    cpu: int | None = None
    ip_version: int = 4

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.ip_version == 6 and self.mtu < LEAST_IPV6_MTU:
            raise LabError(f"mtu is {self.mtu}; the kernel has IPv6 from {LEAST_IPV6_MTU} bytes on")

    @property
    def missing(self) -> str | None:
        """Root, IPv6, or its CPU."""
        if os.geteuid() != 0:
            return (
                f"the DUT {self.name} needs root (CAP_SYS_ADMIN and CAP_NET_ADMIN) for a network "
                "namespace and a veth pair; run as root, or leave it out: the DUTs LabkitEcho, "
                "PythonEcho and Testpmd need no privileges"
            )
        if self.ip_version == 6 and not SNMP6.exists():
            return (
                f"the DUT {self.name} needs IPv6, which this kernel has not (ipv6.disable=1, or a "
                "container without it); enable it, or use ip_version=4"
            )
        return missing_cpu(self.name, self.cpu)

    @checked()
    @contextmanager
    def open(self, lab: Lab) -> Iterator[FarEnd]:
        """Makes the namespace and the pair, and starts the service."""
        self.check_here()
        version = self.ip_version
        command = [str(_program()), str(UDP_PORT), str(version)]
        process = DutProcess(self.name, command, answers=True)
        try:
            process.hear()
            with VethPair(process.pid, DUT_ADDRESS[version], self.mtu) as pair:
                port = lab.port(f"af_packet:{pair.outside}", "veth", mtu=self.mtu)
                with closing(port):
                    pair.send_all_to(LAB_ADDRESS[version], port.mac)
                    os.sched_setaffinity(process.pid, {cpu_of(self.cpu, lab)})
                    process.say("go")
                    process.hear()
                    yield FarEnd(
                        port,
                        pair.mac,
                        lambda: _counters(process, pair, version),
                        process.check,
                        self.name,
                        version,
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


def _udp_counters(pid: int, ip_version: int) -> dict[str, int]:
    """Counters of the UDP layer in the namespace of a process, as "UdpNoPorts" or "Udp6NoPorts"."""
    network = Path(f"/proc/{pid}/net")
    if ip_version == 6:
        lines = (network / "snmp6").read_text().splitlines()
        return {name: int(count) for name, count in map(str.split, lines)}
    rows = (row.split() for row in (network / "snmp").read_text().splitlines())
    names, counts = (row[1:] for row in rows if row[0] == "Udp:")
    return {f"Udp{name}": int(count) for name, count in zip(names, counts, strict=True)}


def _counters(process: DutProcess, pair: VethPair, ip_version: int) -> DutCounters:
    """What the interface, the UDP layer and the service have dropped."""
    process.say("?")
    _, _, unsent, truncated = map(int, process.hear().split())
    nic = pair.statistics()
    udp = _udp_counters(process.pid, ip_version)
    names = [f"{'Udp6' if ip_version == 6 else 'Udp'}{name}" for name in UDP_DROPS]
    drops = {name: udp[name] for name in names if name in udp}
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
