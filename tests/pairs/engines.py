# SPDX-License-Identifier: BSD-3-Clause
"""Two engines side by side, each behind a port of the lab that sends.

On veth: net_memif of DPDK 22.11 unmaps the memory of a peer that was killed while a worker writes
to it, and that engine dies, too. What a packet socket that goes down leaves behind may come twice.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import labkit as lk
from tests.live import stream
from tests.network import ip, unique_name


@dataclass
class Engines:
    """The lab that sends, its two ports, the lab behind each, and the flow that crosses them."""

    lab: lk.Lab
    a: lk.Port
    b: lk.Port
    behind: dict[lk.Port, lk.Lab]
    flow: lk.Flow


@contextmanager
def veth() -> Iterator[tuple[str, str]]:
    """Both ends of a veth pair, on which the kernel says nothing."""
    ends = unique_name("lkp"), unique_name("lkq")
    ip("link", "add", ends[0], "type", "veth", "peer", "name", ends[1])
    try:
        for name in ends:
            Path(f"/proc/sys/net/ipv6/conf/{name}/disable_ipv6").write_text("1")
            ip("link", "set", name, "up")
        yield ends
    finally:
        ip("link", "del", ends[0])


@contextmanager
def engines_of(lab: lk.Lab, rate: int = 1000) -> Iterator[Engines]:
    """Frames go to an engine by one veth and come back by another."""
    out, client = lab.cable("out", "client", ring_size=8192)
    with ExitStack() as stack:
        near, far, behind = [], [], {}
        others = [stack.enter_context(lk.Lab()) for _ in range(2)]
        for side, other in zip("ab", others, strict=True):
            there, back = (stack.enter_context(veth()) for _ in range(2))
            near.append(lab.port(f"af_packet:{there[0]}", side))
            far.append(lab.port(f"af_packet:{back[0]}", f"{side}_far", framecnt=8192))
            came = other.port(f"af_packet:{there[1]}", "in", framecnt=8192)
            goes = other.port(f"af_packet:{back[1]}", "out")
            other.run(lk.rx(came) >> lk.tx(goes), name="ids")
            behind[near[-1]] = other
        lab.run(lk.rx(client) >> lk.tx(near[0]), name="line")
        flow = lab.traffic().add(stream(), on=out, to=far, rate=rate)
        yield Engines(lab, near[0], near[1], behind, flow)
