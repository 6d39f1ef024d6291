# SPDX-License-Identifier: BSD-3-Clause
"""Instances between two cables, and frames for them. What limits them is so slow that nothing comes
back while a test lasts: a frame of 1,000 bytes takes 1,000 s."""

from typing import Any

from scapy.layers.inet import IP, TCP, UDP
from scapy.layers.l2 import Ether
from scapy.packet import Packet

import labkit as lk
from labkit.lab.running_path import RunningPath
from tests.patience import wait_until

SLOW = "8 bit/s"
FREE = dict.fromkeys(("bandwidth", "pps", "flow"), "unlimited")
ETHER = Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02")


class Instance:
    """Sends at `vm`; what got through arrives at `net`."""

    def __init__(self, lab: lk.Lab, way: str = "egress", **limits: Any) -> None:
        self.ec2 = lk.nitro("m6i.xlarge", **{**FREE, **limits})
        self.vm, self.a = lab.cable("vm", "a", ring_size=8192)
        self.net, self.b = lab.cable("net", "b", ring_size=8192)
        self.path: RunningPath = lab.run(getattr(self.ec2, way)(self.a, self.b))
        self.sent = 0

    def send(self, *packets: Packet | bytes, by: lk.Port | None = None) -> None:
        """And waits until all have entered the path."""
        self.sent += len(packets)
        (by or self.vm).send(list(packets))
        wait_until(lambda: self.path.ledger.sent == self.sent)

    def told(self, *names: str) -> list[int]:
        """Counters of the driver."""
        wait_until(lambda: self.path.ledger.is_balanced)  # the last burst is through
        counters = self.ec2.counters()
        return [counters[name] for name in names]

    def node(self, name: str) -> dict[str, int]:
        """Counters of a node."""
        return dict(self.path.counters.functions[name])


def udp(sport: int, size: int = 1000, dport: int = 9000, dst: str = "10.0.0.2") -> Packet:
    """Of so many bytes with its FCS."""
    return ETHER / IP(src="10.0.0.1", dst=dst) / UDP(sport=sport, dport=dport) / bytes(size - 46)


def syn(sport: int, flags: str = "S") -> Packet:
    """A segment of TCP."""
    return ETHER / IP(src="10.0.0.1", dst="10.0.0.2") / TCP(sport=sport, dport=80, flags=flags)
