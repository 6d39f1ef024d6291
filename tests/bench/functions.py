# SPDX-License-Identifier: BSD-3-Clause
"""Network functions beside Open vSwitch's on DPDK: each on one CPU, the same frames of 64 bytes
in by the same vdev, and a net_null that takes what is let through.

A few flows come by net_pcap, which hands out a file's frames over and over; a million by a memif
that a generator on another CPU keeps full.
"""

import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from scapy.layers.inet import IP, UDP
from scapy.layers.l2 import Ether
from scapy.packet import Raw
from scapy.utils import wrpcap

import labkit as lk
from labkit.path.chain import Node
from tests.bench import ovs
from tests.bench.connections import FLOOD, FLOWS, RULES, tracker
from tests.bench.reflect import DUT_CPU, SENDER_CPU, config
from tests.bench.telemetry import Telemetry

SOCKET = "lk-bench-functions"
SECONDS = 2.0
WARM_UP = 1.0, 6.0  # seconds, in which every flow has come: of a file, and of the generator
FEW = 1024  # flows
LINK = Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02")
UP = IP(dst="198.51.100.9") / UDP(sport=5000, dport=53)
OUT = "net_null0,no-rx=1"


@dataclass(frozen=True)
class Function:
    """One function, in our words and in Open vSwitch's.

    flows: how many the frames belong to
    """

    name: str
    flows: int
    nodes: Sequence[Node]
    theirs: Sequence[str]
    meter: str | None = None


def functions() -> Iterator[Function]:
    """A connection is tracked in one pass there (commit without recirculation), its fastest way."""
    yield Function("rx and tx", FEW, (), ("in_port=1,actions=output:2",))
    denied = [f"priority=9,tcp,tp_dst={port},actions=drop" for port in range(1, len(RULES))]
    yield Function(
        "firewall, 100 rules",
        FEW,
        (lk.firewall(*RULES),),
        (*denied, "priority=8,udp,actions=output:2"),
    )
    yield Function(
        "police",
        FEW,
        (lk.police("40 Gbit/s", burst="1 MB"),),
        ("in_port=1,actions=meter:1,output:2",),
        "meter=1,kbps,bands=type=drop,rate=40000000",
    )
    yield Function(
        "conntrack, 1,000,000 connections",
        FLOWS,
        (tracker(),),
        ("in_port=1,udp,actions=ct(commit),output:2",),
    )
    yield Function(
        "conntrack and nat, 1,000,000 connections",
        FLOWS,
        (tracker(), lk.nat("192.0.2.0/27")),
        ("in_port=1,udp,actions=ct(commit,nat(src=192.0.2.0-192.0.2.31:1024-65535)),output:2",),
    )


@contextmanager
def _file(flows: int) -> Iterator[tuple[str, str]]:
    """A file of these flows, as ours and as DPDK names it."""
    with tempfile.TemporaryDirectory() as folder:
        name = str(Path(folder) / "flows.pcap")
        sources = (f"10.0.{n >> 8}.{n & 255}" for n in range(flows))
        packets = [
            LINK / IP(src=source, dst=UP.dst) / UP[UDP] / Raw(bytes(18)) for source in sources
        ]
        wrpcap(name, packets, linktype=1)
        yield f"pcap:{name}", f"net_pcap0,rx_pcap={name},infinite_rx=1"


@contextmanager
def _generator(flows: int) -> Iterator[tuple[str, str]]:
    """Fills a memif; its other end, as ours and as DPDK names it."""
    addresses = lk.vary(IP.src, lk.addresses("10.0.0.0", flows))
    with lk.Lab(replace(config("bench-flood"), cpus=(SENDER_CPU,))) as lab:
        # Open vSwitch opens two queues to send on, and memif wants as many to receive on.
        port = lab.port(f"memif:{SOCKET}", "flood", queues=2, role="server")
        with lab.traffic() as traffic:
            flood = lk.Stream(LINK / UP, size=64, vary=addresses)
            traffic.add(flood, on=port, rate=FLOOD, overdue="skip")
            traffic.start()
            vdev = f"net_memif0,role=client,socket={SOCKET},socket-abstract=yes,mac={LINK.dst}"
            yield f"memif:{SOCKET}", vdev


def _frames(function: Function) -> AbstractContextManager[tuple[str, str]]:
    return _file(function.flows) if function.flows <= FEW else _generator(function.flows)


def _rate(prefix: str, function: Function) -> float:
    """Mpps that get through, once every flow has come."""
    time.sleep(WARM_UP[function.flows > FEW])
    found = Telemetry(prefix).rate(SECONDS, (1,)) / 1e6
    assert found > 0, "nothing gets through"
    return found


def ours(function: Function) -> float:
    own = replace(config("bench-lab"), cpus=(DUT_CPU,))
    with _frames(function) as (device, _), lk.Lab(own) as lab:
        options = {"repeat": True} if device.startswith("pcap:") else {"role": "client"}
        chain = lk.path.chain.as_chain(lk.rx(lab.port(device, "in", **options)))
        for node in function.nodes:
            chain = chain >> node
        path = lab.run(chain >> lk.tx(lab.port("null", "out")))
        found = _rate("bench-lab", function)
        assert not path.drops, path.drops
        return found


def open_vswitch(function: Function) -> float:
    with _frames(function) as (_, vdev):
        vdevs = (vdev, OUT)
        with ovs.switch(vdevs, DUT_CPU, "bench-ovs", function.theirs, function.meter):
            return _rate("bench-ovs", function)
