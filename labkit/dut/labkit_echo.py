# SPDX-License-Identifier: BSD-3-Clause
"""Our own echo path on a worker of its own."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from labkit.dut.base import DUT_ADDRESS, LINK_OVERHEAD, UDP_PORT, Dut, DutCounters, FarEnd
from labkit.dut.ports import closing

if TYPE_CHECKING:
    from labkit.lab import Lab


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
        with closing(near, far):
            path = lab.echo_server(far, [f"{DUT_ADDRESS}/24"], UDP_PORT)

            def counters() -> DutCounters:
                return DutCounters.of_port(far.xstats(), dict(path.drops), is_lab_port=True)

            yield FarEnd(near, far.mac, counters, lab._check_alive, self.name)
