# SPDX-License-Identifier: BSD-3-Clause
"""Encapsulation against a memory roofline: same bytes, same frames, same run, one core."""

import subprocess
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import cffi
import numpy as np
from scapy.layers.inet import IP, UDP
from scapy.layers.l2 import Ether
from scapy.packet import Raw

import labkit as lk
from tests.bench.reflect import ring_mpps
from tests.tunnels import V4, V6

FOLDER = Path("build/bench")
SLOT = 2368  # bytes from mbuf to mbuf: 2176 of data, struct rte_mbuf, mempool's header
HEADROOM = 128
POOL = 8191  # mbufs of a pool: more than a second-level cache holds
PASSES = 60

DECLARATIONS = """
void write_headers(uint8_t *, const uint64_t *, const uint32_t *, uint64_t, const uint8_t *,
                   uint32_t);
uint64_t write_headers_and_read(uint8_t *, const uint64_t *, const uint32_t *, uint64_t,
                                const uint8_t *, uint32_t);
"""


@cache
def roofline() -> tuple[Any, Any]:
    """roofline.c, compiled for this CPU."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    binary = FOLDER / "roofline.so"
    source = Path(__file__).parent / "roofline.c"
    command = ["gcc", "-O3", "-march=native", "-shared", "-fPIC", source, "-o", binary]
    subprocess.run(command, check=True)
    ffi = cffi.FFI()
    ffi.cdef(DECLARATIONS)
    return ffi, ffi.dlopen(str(binary.absolute()))


def frames(size: int, count: int) -> lk.FrameBatch:
    """Frames of `size` bytes with FCS, each of a flow of its own, in slots as those of a pool."""
    link = Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02")
    udp = IP(src="10.0.0.1", dst="10.0.0.2") / UDP(sport=1, dport=9000, chksum=0)
    frame = np.frombuffer(bytes(link / udp / Raw(bytes(size - 46))), dtype=np.uint8)
    buffer = np.zeros(count * SLOT, dtype=np.uint8)
    slots = np.arange(count + 1, dtype=np.uint64) * SLOT
    rows = buffer.reshape(count, SLOT)[:, HEADROOM : HEADROOM + len(frame)]
    rows[:] = frame
    rows[:, 34:36] = np.arange(count, dtype=">u2").view(np.uint8).reshape(count, 2)
    return lk.FrameBatch(buffer, slots[:-1] + HEADROOM, np.full(count, len(frame)), slots)


def fastest(run: Callable[[], object], before: Callable[[], object] | None = None) -> float:
    """Seconds of the fastest pass: what else runs on the machine only makes passes slower."""
    best = float("inf")
    for _ in range(PASSES):
        if before is not None:
            before()
        start = time.perf_counter()
        run()
        best = min(best, time.perf_counter() - start)
    return best


def encap_mpps(tunnel: lk.Tunnel, size: int, count: int = POOL) -> float:
    batch = frames(size, count)
    tunnel.encap_many(batch)
    return count / fastest(lambda: tunnel.encap_many(batch), lambda: tunnel.decap_many(batch)) / 1e6


def decap_mpps(tunnel: lk.Tunnel, size: int, count: int = POOL) -> float:
    batch = frames(size, count)
    return count / fastest(lambda: tunnel.decap_many(batch), lambda: tunnel.encap_many(batch)) / 1e6


def roofline_mpps(tunnel: lk.Tunnel, size: int, *, reads: bool, count: int = POOL) -> float:
    ffi, lib = roofline()
    batch = frames(size, count)
    header = tunnel.encap(batch[0])[: tunnel.overhead + 14]
    arguments = (
        ffi.from_buffer("uint8_t[]", batch.buffer),
        ffi.from_buffer("uint64_t[]", batch.offsets),
        ffi.from_buffer("uint32_t[]", batch.lengths),
        count,
        header,
        len(header),
    )
    function = lib.write_headers_and_read if reads else lib.write_headers
    return count / fastest(lambda: function(*arguments)) / 1e6


VXLAN_4 = lk.Vxlan(vni=42, **V4)
VXLAN_6 = lk.Vxlan(vni=42, **V6)

GENEVE_4 = lk.Geneve(vni=42, **V4)
GUE_4 = lk.Gue(**V4)


def path_mpps() -> float:
    """Mpps of rx >> decap >> reflect >> encap >> tx on a ring that hears itself."""
    inner = Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02")
    inner /= IP(src="10.0.0.1", dst="10.0.0.2") / UDP(sport=1, dport=2) / Raw(bytes(18))
    near, far = VXLAN_4, VXLAN_4.peer
    return ring_mpps(
        far.encap(bytes(inner)),
        lambda ring: lk.rx(ring) >> lk.decap(near) >> lk.reflect() >> lk.encap(far) >> lk.tx(ring),
    )
