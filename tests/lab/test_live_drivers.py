# SPDX-License-Identifier: BSD-3-Clause
"""Counted frames are all sent whatever the driver, on a machine that has other things to do."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import labkit as lk
from tests.live import assert_whole, stream
from tests.network import ip, unique_name

HOGS = 3


@contextmanager
def hogs() -> Iterator[None]:
    """Processes that want all CPUs."""
    running = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(HOGS)]
    try:
        yield
    finally:
        for hog in running:
            hog.kill()
            hog.wait()


@contextmanager
def wire() -> Iterator[tuple[str, str]]:
    """Both ends of a veth pair."""
    one, other = unique_name("lkw"), unique_name("lkw")
    ip("link", "add", one, "type", "veth", "peer", "name", other)
    try:
        for name in (one, other):
            ip("link", "set", name, "addrgenmode", "none")
            ip("link", "set", name, "up")
        yield one, other
    finally:
        ip("link", "del", one)


def counted(lab: lk.Lab, a: lk.Port, b: lk.Port) -> None:
    with lab.traffic() as t:
        fast = t.add(stream(b), on=a, to=b, count=3000, rate="20 kpps")
        slow = t.add(stream(a), on=b, to=a, count=20, rate=50)
        bursts = t.add(stream(b), on=a, to=b, burst=64, bursts=5, rate="10 kpps")
        timed = t.add(stream(b), on=a, to=b, seconds=0.3, rate="10 kpps", overdue="catch_up")
        t.start()
        t.wait()
        assert [f.sent for f in (fast, slow, bursts, timed)] == [3000, 20, 320, 3000]
        assert not t.counters()["unsent"].any()
        assert_whole(t)


def test_a_cable_beside_hogs(lab: lk.Lab) -> None:
    with hogs():
        counted(lab, *lab.cable(ring_size=8192))


def test_kernel_interfaces_beside_hogs(lab: lk.Lab) -> None:
    with wire() as (one, other), hogs():
        # Rings that hold all frames: a receiver that is held back is to lose none.
        a = lab.port(f"af_packet:{one}", "a", framecnt=8192)
        b = lab.port(f"af_packet:{other}", "b", framecnt=8192)
        counted(lab, a, b)
        a.close()
        b.close()


def test_memory_interfaces(lab: lk.Lab) -> None:
    with lk.Lab() as far:
        name = unique_name("lkm")
        a = lab.port(f"memif:{name}", "a", role="server")
        b = far.port(f"memif:{name}", "b", role="client")
        far.run(lk.rx(b) >> lk.reflect() >> lk.tx(b))
        with lab.traffic() as t:
            flow = t.add(stream(b), on=a, to=a, count=2000, rate="20 kpps")
            flow.start()
            flow.wait()
            assert (flow.sent, flow.received) == (2000, 2000)
            assert_whole(t)
