# SPDX-License-Identifier: BSD-3-Clause
"""Traffic of which an endpoint answers some and refuses some, and where its frames went."""

from collections import Counter

from scapy.layers.inet import ICMP, IP, UDP
from scapy.layers.l2 import ARP, Ether
from scapy.packet import Raw

import labkit as lk
from labkit.lab.running_path import RunningPath
from labkit.path.flows import Flows, flows_of
from tests.patience import wait_until

HERE = ["10.0.0.2/24"]


def traffic(a: lk.Port, b: lk.Port) -> list[bytes]:
    """What every node of an endpoint has to do with, and refuses."""
    ether = Ether(src=a.mac, dst=b.mac)
    ip = ether / IP(src="10.0.0.1", dst="10.0.0.2")
    frames = [
        *[ip / UDP(dport=9000) / Raw(bytes(18))] * 40,
        *[ip / UDP(dport=9000, chksum=1) / Raw(bytes(18))] * 5,
        *[ip / UDP(dport=9) / Raw(bytes(18))] * 3,
        *[ip / ICMP() / Raw(bytes(18))] * 7,
        *[ether / ARP(psrc="10.0.0.1", pdst="10.0.0.2")] * 2,
        *[Ether(src=a.mac, dst="02:00:00:00:00:99") / Raw(bytes(50))] * 4,
        *[ip / Raw(b"")] * 1,
    ]
    return [bytes(frame).ljust(60, b"\0") for frame in frames]


def at_rest(path: RunningPath, entered: int) -> Flows[int]:
    wait_until(lambda: path.ledger.sent == entered and path.ledger.unexplained == 0)
    return flows_of(path.path, path.counters.outputs)


def is_conserved(path: RunningPath, flows: Flows[int]) -> None:
    """rte_graph's own counters say the same as the edges."""
    counters = path.counters
    by_reason: Counter[str] = Counter()
    for drops in flows.drops.values():
        by_reason.update(drops)
    assert dict(by_reason) == dict(counters.drops)
    for node in path.path.nodes:
        assert flows.nodes[node.name] == counters.nodes[node.name].objects, node.name
