# SPDX-License-Identifier: BSD-3-Clause
"""How exact a slow, long line is, by captures before and behind it, and how fast it can be.

The kernel's peer is tbf, between two namespaces; sch_netem where the kernel has it.
"""

import os
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from scapy.layers.inet import IP, UDP
from scapy.layers.l2 import Ether

import labkit as lk
from labkit.lab.running_path import RunningPath
from labkit.path.chain import Chain
from labkit.units import parse_quantity
from tests.bench.reflect import FRAME, IN_FLIGHT, SECONDS
from tests.bench.telemetry import Telemetry

Times = np.ndarray[Any, np.dtype[np.int64]]
FRAME_NS = 800_000  # that a frame takes of a link of 10 Mbit/s
SIZE = 1000  # bytes, with the FCS
SPACES = ("ne-bench-a", "ne-bench-b")


def stream() -> lk.Stream:
    return lk.Stream(Ether() / IP(src="10.0.0.1", dst="10.0.0.2") / UDP(), size=SIZE)


def times(file: Path) -> Times:
    """When the frames came, ns."""
    return np.asarray(lk.Capture(file).table(["time_ns"])["time_ns"], np.int64)


@contextmanager
def alone(path: RunningPath) -> Iterator[None]:
    """Keeps this process and the engine, but for the path's own worker, off the worker's CPU.

    They hold a worker up for 0.1 to 4 ms whenever the kernel lets them in, which is no error of the
    line.
    """
    cpu = int(path.lab.workers.set_index("lcore")["cpu"][path.counters.lcore])
    this, before = psutil.Process(), os.sched_getaffinity(0)
    for process in (this, *this.children(recursive=True)):
        for thread in process.threads():
            if os.sched_getaffinity(thread.id) != {cpu}:
                os.sched_setaffinity(thread.id, before - {cpu})
    try:
        yield
    finally:
        for thread in this.threads():
            os.sched_setaffinity(thread.id, before)


def passed(chain: Chain, rate: str, seconds: float = SECONDS) -> tuple[Times, Times]:
    """When frames came to a line, and when they left it, in their order."""
    with tempfile.TemporaryDirectory() as folder, lk.Lab() as lab:
        before, behind = Path(folder, "before.pcapng"), Path(folder, "behind.pcapng")
        a, b = lab.cable()
        ends = lk.capture(behind) >> lk.sink()
        path = lab.run(lk.rx(b) >> lk.capture(before) >> chain >> ends)
        with lab.traffic() as traffic:
            flow = traffic.add(stream(), on=a, rate=rate, seconds=seconds)
            flow.start()
            with alone(path):
                while flow.state != "done" or path.ledger.sent < flow.sent or path.ledger.held:
                    time.sleep(0.01)
        path.flush()
        return times(before), times(behind)


def delay_error_us(percent: float, delay: str = "20 ms", rate: str = "10 kpps") -> float:
    """Of frames' delays, how far so many percent of them are off at most."""
    wanted = parse_quantity(delay, ("s",)).value * 1e9
    came, left = passed(lk.delay(delay), rate)
    return float(np.percentile(np.abs(left - came - wanted), percent)) / 1e3


def full_link(rate: str = "10 Mbit/s", count: int = 900) -> Times:
    """When frames left that all came at once, ns, and each in how many it should have."""
    with tempfile.TemporaryDirectory() as folder, lk.Lab() as lab:
        file = Path(folder, "behind.pcapng")
        a, b = lab.cable()
        chain = lk.queue(rate) >> lk.delay("20 ms") >> lk.capture(file) >> lk.sink()
        path = lab.run(lk.rx(b) >> chain)
        with alone(path):
            a.send([bytes(SIZE - 4)] * count)
            while path.ledger.received < count:
                time.sleep(0.01)
        path.flush()
        return times(file)


def error_percent(left: Times, wanted: float) -> float:
    """Of a rate, by the median over all halves of the time: what held one frame up is none."""
    half = len(left) // 2
    return float(abs(np.median(left[half:] - left[:-half]) / half / wanted - 1)) * 100


def error_us(left: Times, wanted: float) -> float:
    """Of the time between two frames, at the 99th percentile."""
    return float(np.percentile(np.abs(np.diff(left) - wanted), 99)) / 1e3


def line_mpps() -> float:
    """Delay, rate and loss as one line, on a ring that hears itself, 64-byte frames."""
    prefix, count = "bench-line", 64 * IN_FLIGHT
    with lk.Lab(lk.EalConfig(hugepages=False, file_prefix=prefix)) as lab:
        ring = lab.port("ring", mtu=1500, ring_size=4096)
        line = lk.link("1 Tbit/s", "50 us", loss=1e-9)
        lab.run(lk.rx(ring) >> line >> lk.tx(ring))
        ring.send([bytes(FRAME)] * count)
        time.sleep(0.5)
        return Telemetry(prefix).rate(SECONDS) / 1e6


@contextmanager
def spaces() -> Iterator[Callable[..., subprocess.Popen[bytes]]]:
    """Two namespaces with a veth pair between them; what it gives runs a command in the one."""
    with ExitStack() as stack:
        for name in SPACES:
            subprocess.run(["ip", "netns", "add", name], check=True)
            stack.callback(subprocess.run, ["ip", "netns", "del", name], check=False)
        veth = ["ip", "-n", SPACES[0], "link", "add", "v", "type", "veth", "peer", "name", "v"]
        subprocess.run([*veth, "netns", SPACES[1]], check=True)
        for number, name in enumerate(SPACES, 1):
            address = ["ip", "-n", name, "addr", "add", f"10.99.0.{number}/24", "dev", "v"]
            subprocess.run(address, check=True)
            subprocess.run(["ip", "-n", name, "link", "set", "v", "up"], check=True)
        yield lambda space, *command: subprocess.Popen(
            ["ip", "netns", "exec", space, *command], stdout=subprocess.PIPE
        )


RECEIVER = """
import socket, struct, sys, time
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.setsockopt(socket.SOL_SOCKET, 35, 1)  # SO_TIMESTAMPNS
s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
s.bind(("10.99.0.2", 9000))
s.settimeout(2)
print("ready", flush=True)
while True:
    try:
        _, more, _, _ = s.recvmsg(2000, 100)
    except TimeoutError:
        break
    seconds, ns = struct.unpack("qq", more[0][2])
    print(seconds * 10**9 + ns)
"""
SENDER = f"""
import socket, time
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
data, begin = bytes({SIZE} - 4 - 42), time.monotonic()
for n in range(int(2000 * {SECONDS})):
    while time.monotonic() < begin + n / 2000:
        pass
    s.sendto(data, ("10.99.0.2", 9000))
"""


def tbf(rate_mbit: float = 10) -> Times:
    """When frames of a full link of the kernel's arrive."""
    with spaces() as run:
        # tbf counts frames without their FCS.
        rate = f"{round(rate_mbit * 1e6 * (SIZE - 4) / SIZE)}bit"
        shape = ["tbf", "rate", rate, "burst", "1600", "limit", "1000000"]
        command = ["tc", "-n", SPACES[0], "qdisc", "add", "dev", "v", "root", *shape]
        subprocess.run(command, check=True)
        receiver = run(SPACES[1], "python3", "-c", RECEIVER)
        assert receiver.stdout is not None
        receiver.stdout.readline()
        run(SPACES[0], "python3", "-c", SENDER).wait()
        return np.array([int(line) for line in receiver.communicate()[0].split()])
