# SPDX-License-Identifier: BSD-3-Clause
"""The kernel's UDP stack behind a veth pair, with a compiled echo service on it."""

import importlib.util
import itertools
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from labkit.dut.base import (
    DUT_ADDRESS,
    LAB_ADDRESS,
    LINK_OVERHEAD,
    UDP_PORT,
    Dut,
    DutCounters,
    FarEnd,
)
from labkit.dut.process import DutProcess
from labkit.errors import LabError

if TYPE_CHECKING:
    from pyroute2 import IPRoute

    from labkit.lab import Lab

# What of /proc/net/snmp is a datagram that the service never got, or could not send
UDP_DROPS = ("InCsumErrors", "RcvbufErrors", "NoPorts", "SndbufErrors", "MemErrors")

_numbers = itertools.count(1)


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

    @contextmanager
    def open(self, lab: "Lab") -> Iterator[FarEnd]:
        """Makes the namespace and the pair, and starts the service."""
        if os.geteuid() != 0:
            raise LabError(
                f"the DUT {self.name} needs root (CAP_SYS_ADMIN and CAP_NET_ADMIN) for a network "
                "namespace and a veth pair; run as root, or leave it out: the DUTs LabkitEcho, "
                "PythonEcho and Testpmd need no privileges"
            )
        process = DutProcess(self.name, [str(_program()), str(UDP_PORT)], answers=True)
        try:
            process.hear()
            with _veth(process.pid, self.mtu) as (outside, inside, mac):
                port = lab.port(f"af_packet:{outside}", "veth", mtu=self.mtu)
                with ThreadPoolExecutor(1) as thread:
                    thread.submit(_know_neighbour, process.pid, inside, port.mac).result()
                os.sched_setaffinity(
                    process.pid, {lab.eal.usable_cpus()[0] if self.cpu is None else self.cpu}
                )
                process.say("go")
                process.hear()
                yield FarEnd(port, mac, lambda: _counters(process, inside), process.check)
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


@contextmanager
def _veth(pid: int, mtu: int) -> Iterator[tuple[str, str, str]]:
    """A pair with its inner end in the namespace of a process: both names, and the inner MAC."""
    number = f"{os.getpid() % 1_000_000}x{next(_numbers)}"
    outside, inside = f"lkdo{number}", f"lkdi{number}"
    # pyroute2 runs an event loop of its own, which it cannot in a thread that has one (Jupyter's).
    with ThreadPoolExecutor(1) as thread:
        try:
            yield outside, inside, thread.submit(_make_pair, pid, outside, inside, mtu).result()
        finally:
            thread.submit(_remove, outside).result()


def _make_pair(pid: int, outside: str, inside: str, mtu: int) -> str:
    """Makes the pair, and returns the MAC of its inner end."""
    from pyroute2 import IPRoute

    with IPRoute() as kernel:
        kernel.link(
            "add", ifname=outside, kind="veth", mtu=mtu, peer={"ifname": inside, "mtu": mtu}
        )
        Path(f"/proc/sys/net/ipv6/conf/{outside}/disable_ipv6").write_text("1")
        _finish_checksums(inside)
        kernel.link("set", index=_index(kernel, inside), net_ns_pid=pid)
        kernel.link("set", index=_index(kernel, outside), state="up")
    with _inside(pid) as namespace:
        index = _index(namespace, inside)
        namespace.addr("add", index=index, address=DUT_ADDRESS, prefixlen=24)
        namespace.link("set", index=index, state="up")
        mac: str = namespace.get_links(index)[0].get_attr("IFLA_ADDRESS")
        return mac


def _remove(interface: str) -> None:
    from pyroute2 import IPRoute

    with IPRoute() as kernel:
        for index in kernel.link_lookup(ifname=interface):
            kernel.link("del", index=index)


def _finish_checksums(interface: str) -> None:
    """ethtool -K INTERFACE tx off: the kernel computes checksums before it hands frames over."""
    from pyroute2.ethtool.ioctl import IoctlEthtool

    ethtool = IoctlEthtool(interface)
    features = ethtool.get_features()
    for name, active, can_change, *_ in list(features):
        if name.startswith("tx-checksum") and active and can_change:
            features.set_value(name, False)
    ethtool.set_features(features)
    ethtool.close()


def _know_neighbour(pid: int, interface: str, mac: str) -> None:
    """Nobody answers ARP for the lab while a trial runs."""
    with _inside(pid) as namespace:
        index = _index(namespace, interface)
        namespace.neigh("add", dst=LAB_ADDRESS, lladdr=mac, ifindex=index, state="permanent")


@contextmanager
def _inside(pid: int) -> "Iterator[IPRoute]":
    from pyroute2 import NetNS

    with NetNS(f"/proc/{pid}/ns/net") as namespace:
        yield namespace


def _index(kernel: Any, interface: str) -> int:
    index: int = kernel.link_lookup(ifname=interface)[0]
    return index


def _counters(process: DutProcess, interface: str) -> DutCounters:
    """What the interface, the UDP layer and the service have dropped."""
    process.say("?")
    _, _, unsent = map(int, process.hear().split())
    net = Path(f"/proc/{process.pid}/net")
    line = next(line for line in (net / "dev").read_text().splitlines() if f"{interface}:" in line)
    received = [int(number) for number in line.partition(":")[2].split()]
    rows = [row.split() for row in (net / "snmp").read_text().splitlines() if row[:4] == "Udp:"]
    udp = dict(zip(*rows, strict=True))
    drops = {f"Udp{name}": int(udp[name]) for name in UDP_DROPS if name in udp}
    # /proc/net/dev: bytes packets errs drop fifo frame compressed multicast, then transmit's
    return DutCounters(
        nic_imissed=received[3] + received[4],
        nic_ierrors=received[2],
        app={**drops, "send_failed": unsent, "veth_tx_dropped": received[11]},
    )
