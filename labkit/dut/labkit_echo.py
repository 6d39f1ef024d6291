# SPDX-License-Identifier: BSD-3-Clause
"""Our own echo path on a worker of its own."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from labkit.dut.base import DUT_ADDRESS, LINK_OVERHEAD, UDP_PORT, Dut, DutCounters, FarEnd

if TYPE_CHECKING:
    from labkit.lab import Lab
    from labkit.port import Port


@dataclass(frozen=True)
class LabkitEcho(Dut):
    """Lab.echo_server() on the far end of a cable. Verifies checksums.

    Attributes
    ----------
    name: what results call it
    mtu: of the cable, in bytes
    ring_size: frames that fit into the cable in each direction, a power of two
    """

    name: str = "labkit-echo"
    mtu: int = 9001
    ring_size: int = 1024

    @property
    def max_size(self) -> int:
        """Longest frame, in bytes with FCS."""
        return self.mtu + LINK_OVERHEAD

    @contextmanager
    def open(self, lab: "Lab") -> Iterator[FarEnd]:
        """Runs the echo path."""
        near, far = lab.cable(mtu=self.mtu, ring_size=self.ring_size)
        path = lab.echo_server(far, [f"{DUT_ADDRESS}/24"], UDP_PORT)

        def counters() -> DutCounters:
            return DutCounters(*nic_counters(far), dict(path.drops))

        try:
            yield FarEnd(near, far.mac, counters, lab._check_alive)
        finally:
            if lab.is_alive:
                path.stop()


def nic_counters(port: "Port") -> tuple[int | None, int | None, int | None]:
    """imissed, ierrors and rx_nombuf of a port of the lab (rte_eth_stats_get)."""
    stats = port.xstats()
    return (
        stats.get("rx_missed_errors"),
        stats.get("rx_errors"),
        stats.get("rx_mbuf_allocation_errors"),
    )
