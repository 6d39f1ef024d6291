# SPDX-License-Identifier: BSD-3-Clause
"""Malformed frames, over and over, through every network function in a lab: python -m
tests.fuzz.every_node FRAMES. Each frame is accounted for."""

import random
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from scapy.utils import wrpcap

import labkit as lk
from labkit.path.chain import Node, as_chain
from tests.frames import SERVER_MAC
from tests.fuzz.fragments import fragments
from tests.malformed import malformed_frames

DISTINCT = 40_000
ROUNDS, OF_A_FILE = 8, 4_000  # as many as a port has buffers for
SHORTEST = 14  # bytes, that a file may hand out
PATIENCE = 900.0  # seconds for one function
Parts = Callable[[], "Node | lk.path.chain.Chain"]


def _queue() -> lk.path.chain.Chain:
    classes = {"first": lk.TrafficClass("EF", strict=True), "other": lk.TrafficClass(weight=2)}
    return lk.queue("2 Gbit/s", classes=classes, aqm="codel", ecn=True)


def _connections() -> lk.path.chain.Chain:
    tracker = lk.conntrack(10_000, udp="10 ms", icmp="10 ms", invalid="pass", pickup=True)
    wall = lk.firewall("deny tcp dst port 1-100 new", "deny ip6 src fe80::/10", default="permit")
    return tracker >> wall >> lk.nat(["192.0.2.1", "2001:db8::1"])


FUNCTIONS: Mapping[str, Parts] = {
    "filter": lambda: lk.filter("udp or vlan or ip6"),
    "vlan_push": lambda: lk.vlan_push(7),
    "vlan_pop": lk.vlan_pop,
    "vlan_translate": lambda: lk.vlan_translate({5: 6}),
    "police": lambda: lk.police("1 Gbit/s", peak="2 Gbit/s", mark={"red": "AF13"}),
    "shape": lambda: lk.shape("2 Gbit/s"),
    "queue": _queue,
    "delay": lambda: lk.delay("1 ms", "0.1 ms", reorder=True),
    "impair": lambda: lk.impair(loss=0.1, duplicate=0.1, reorder=0.1, corrupt=0.1, truncate=0.1),
    "rate": lambda: lk.rate("1 ms"),
    "fragment and reassemble": lambda: lk.fragment(68) >> lk.reassemble("10 ms", entries=512),
    "reassemble": lambda: lk.reassemble("10 ms", entries=64, fragments=128),
    "flow_limit": lambda: lk.flow_limit("100 Mbit/s", flows=64),
    "flow_room": lambda: lk.flow_room(100, "1 ms"),
    "slow_path": lambda: lk.slow_path("1 ms", flows=64),
    "header_limit": lambda: lk.header_limit(60),
    "mtu": lambda: lk.mtu(100),
    "too_big": lambda: lk.too_big(["10.0.0.1", "fd00::1"], 1280),
    "classify": lambda: lk.classify("link_local", "fragment", "icmp"),
    "icmp_unreachable": lambda: lk.icmp_unreachable(["10.0.0.2", "fd00::2"]),
    "connections": _connections,
}


def _path(name: str, source: Node) -> lk.Path:
    """From the source through one function."""
    if name == "mirror":
        mirror = lk.mirror(snaplen=60, one_in=3)
        return lk.Path(source >> mirror >> lk.sink(), mirror["copy"] >> lk.sink())
    if name == "balance":
        spread = lk.balance({"a": 3, "b": 1}, key="5-tuple")
        return lk.Path(source >> spread, spread["a"] >> lk.sink(), spread["b"] >> lk.sink())
    return lk.Path(as_chain(source) >> FUNCTIONS[name]() >> lk.sink())


def use_function(lab: lk.Lab, file: Path, name: str, frames: int) -> None:
    """Plays the file until so many frames have come."""
    source = lab.port(f"pcap:{file}", "source", repeat=True)
    path = lab.run(_path(name, lk.rx(source)), name="function")
    end = time.monotonic() + PATIENCE
    while path.ledger.sent < frames:
        assert time.monotonic() < end, f"{name}: {path.ledger}"
        time.sleep(0.01)
    path.stop()
    assert path.ledger.is_balanced, f"{name}: {path.ledger}"
    source.close()


def use_every_function(lab: lk.Lab, folder: Path, frames: int, rounds: int = 1) -> None:
    """So many frames through each."""
    made = [*malformed_frames(SERVER_MAC, DISTINCT, seed=11), *fragments(1), *fragments(2)]
    whole = [frame for frame in made if len(frame) >= SHORTEST]
    noise = random.Random(11)
    for _ in range(rounds):
        file = folder / "malformed.pcap"
        wrpcap(str(file), noise.sample(whole, OF_A_FILE), linktype=1)
        for name in ("balance", "mirror", *FUNCTIONS):
            use_function(lab, file, name, frames // rounds)


def main(frames: int) -> None:
    with tempfile.TemporaryDirectory() as folder, lk.Lab() as lab:
        use_every_function(lab, Path(folder), frames, ROUNDS)
    print(f"{frames:,} frames through each of {len(FUNCTIONS) + 2} functions")


if __name__ == "__main__":
    main(int(sys.argv[1]))
