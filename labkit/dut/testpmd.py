# SPDX-License-Identifier: BSD-3-Clause
"""dpdk-testpmd in a process of its own. It swaps addresses and ports, and verifies nothing."""

import contextlib
import itertools
import os
import secrets
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from labkit.arguments.checked import checked
from labkit.dut.base import (
    LINK_OVERHEAD,
    Dut,
    DutCounters,
    FarEnd,
    OnWire,
    WireEnd,
    cpu_of,
    missing_cpu,
)
from labkit.dut.port_lifetime import closing
from labkit.dut.process import DutProcess
from labkit.errors import DutDied, LabError
from labkit.lab.device import Device, Option, parse_device
from labkit.lab.lab import Lab
from labkit.lab.port import Port
from labkit.machine.runtime import runtime_directory
from labkit.machine.telemetry import SOCKET, TelemetryClient

PROGRAM = "dpdk-testpmd"
MODES = ("5tswap", "macswap")  # of another, testpmd says so and forwards in its mode io
MAC = "02:00:00:00:00:99"  # testpmd is promiscuous: any will do
CACHE_LINE, HEADROOM = 64, 128
MBUFS, MEMORY_MB = 8191, 256
READY_SECONDS = 20.0
FORWARDS, FAILED = "testpmd> start", "Start ports failed"  # what it says

_numbers = itertools.count(1)


@checked(but=("mtu", "ip_version", "tunnel", "mode"))
@dataclass(frozen=True)
class Testpmd(Dut):
    """testpmd forwards on one lcore, over a memif to the lab.

    Attributes
    ----------
    name: what results call it
    mode: of forwarding: "5tswap" (MAC and IP addresses, ports), "macswap" (MAC addresses only)
    cpu: of its lcore; None: the lowest of the lab's, as the lab's workers take the highest first
    mtu: of the memif, in bytes
    ip_version: 4 or 6: of the datagrams that it is sent
    """

    __test__ = False  # its name begins like a test's

    name: str = "testpmd"
    mode: str = "5tswap"
    cpu: int | None = None
    mtu: int = 9001
    ip_version: int = 4

    def __post_init__(self) -> None:
        super().__post_init__()
        if not isinstance(self.mode, str) or self.mode not in MODES:
            raise LabError(f"mode is {self.mode!r}; it is {' or '.join(map(repr, MODES))}")

    @property
    def missing(self) -> str | None:
        """The program, or its CPU."""
        if shutil.which(PROGRAM) is None:
            return (
                f"the DUT {self.name} needs {PROGRAM}, which is not here; install Debian's package "
                "dpdk, or leave it out"
            )
        return missing_cpu(self.name, self.cpu)

    @checked()
    @contextmanager
    def open(self, lab: Lab) -> Iterator[FarEnd]:
        """Starts testpmd and waits until it forwards."""
        self.check_here()
        number = next(_numbers)
        prefix = f"labkit-{os.getpid()}-testpmd{number}"
        name, secret = f"labkit-{os.getpid()}-{number}", secrets.token_hex(12)
        port = lab.port(f"memif:{name}", "testpmd", mtu=self.mtu, role="server", secret=secret)
        with closing(port):
            memif = f"net_memif0,role=client,socket={name},socket-abstract=yes,secret={secret}"
            eal = ["--no-pci", f"--vdev={memif},bsize={self._room}"]
            process = DutProcess(self.name, self._command(lab, prefix, eal, self._room))
            try:
                process.say("start")
                telemetry = _wait_until_forwarding(process, prefix, port)
                with contextlib.closing(telemetry):
                    yield FarEnd(
                        port,
                        MAC,
                        lambda: _counters(process, telemetry),
                        process.check,
                        self.name,
                        self.ip_version,
                    )
            finally:
                process.stop("stop", "quit")
                shutil.rmtree(runtime_directory(prefix), ignore_errors=True)

    @contextmanager
    def on(self, lab: Lab, end: WireEnd) -> Iterator[OnWire]:
        """Starts testpmd on a port of its host, which it opens itself."""
        self.check_here()
        options: dict[str, Option] = {"role": "client"} if end.device.startswith("memif:") else {}
        device = parse_device(end.device, end.mtu, 1, options)
        prefix = f"labkit-{os.getpid()}-testpmd{next(_numbers)}"
        room = max(self._room, int(device.arguments.get("framesz", 0)))
        process = DutProcess(self.name, self._command(lab, prefix, _eal(device), room))
        try:
            process.say("start")
            telemetry = _telemetry_of(process, prefix)
            with contextlib.closing(telemetry):
                mac = telemetry.ask("/ethdev/info,0")["mac_addr"]
                yield OnWire(mac, lambda: _counters(process, telemetry), process.check)
        finally:
            process.stop("stop", "quit")
            shutil.rmtree(runtime_directory(prefix), ignore_errors=True)

    def _command(self, lab: Lab, prefix: str, eal: list[str], room: int) -> list[str]:
        floating = ",".join(map(str, lab.eal.usable_cpus()))
        return [
            *(PROGRAM, "--no-huge", "-m", str(MEMORY_MB), "--no-shconf", *eal),
            *(f"--file-prefix={prefix}", f"--lcores=0@({floating}),1@{cpu_of(self.cpu, lab)}"),
            *("--", "-i", f"--forward-mode={self.mode}", "--nb-cores=1"),
            *(f"--mbuf-size={room + HEADROOM}", f"--total-num-mbufs={MBUFS}"),
            "--no-lsc-interrupt",
        ]

    @property
    def _room(self) -> int:
        """Of a buffer that holds the longest frame in one piece."""
        return -(-(self.mtu + LINK_OVERHEAD) // CACHE_LINE) * CACHE_LINE


def _eal(device: Device) -> list[str]:
    """EAL options by which testpmd opens a device."""
    if device.bus == "pci":
        return [f"--allow={device.target}"]
    return ["--no-pci", f"--vdev={device.driver}0,{device.devargs}"]


def _wait_until_forwarding(process: DutProcess, prefix: str, port: Port) -> TelemetryClient:
    """Its telemetry, as soon as a link is there and a frame came back."""
    path = Path(runtime_directory(prefix), SOCKET)
    probe = FarEnd(port, MAC, DutCounters, process.check).frame / bytes(18)
    end = time.monotonic() + READY_SECONDS
    while time.monotonic() < end:
        process.check()
        if port.info.link_up and path.exists():
            port.send(probe)
            if port.receive(1, timeout=0.05, raw=True):
                return TelemetryClient(path)
        else:
            time.sleep(0.02)
    raise DutDied(process.name, f"it did not forward within {READY_SECONDS:g} s", process.log)


def _telemetry_of(process: DutProcess, prefix: str) -> TelemetryClient:
    """Its telemetry, as soon as it forwards."""
    end = time.monotonic() + READY_SECONDS
    while time.monotonic() < end:
        process.check()
        if process.has_said(FAILED):
            break
        if process.has_said(FORWARDS):
            return TelemetryClient(Path(runtime_directory(prefix), SOCKET))
        time.sleep(0.02)
    raise DutDied(process.name, f"it did not forward within {READY_SECONDS:g} s", process.log)


def _counters(process: DutProcess, telemetry: TelemetryClient) -> DutCounters:
    try:
        xstats = telemetry.ask("/ethdev/xstats,0")
        dropped = xstats["rx_good_packets"] - xstats["tx_good_packets"]
    except (OSError, ValueError, TypeError, KeyError):  # DPDK answers null to what failed
        process.check(gone=True)
        raise
    return DutCounters.of_port(xstats, {"testpmd_tx_dropped": dropped})
