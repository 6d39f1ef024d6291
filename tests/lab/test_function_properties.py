# SPDX-License-Identifier: BSD-3-Clause
"""Whatever nodes with state are put together and whatever comes: every frame is accounted for at
each of them, no more passes than may, and what waits keeps its order."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scapy.layers.inet import IP, UDP
from scapy.layers.l2 import Ether

import labkit as lk
from labkit.lab.running_path import RunningPath
from labkit.path.chain import Chain, Node
from tests.malformed import malformed_frames
from tests.patience import exactly, wait_until

HEADERS = bytes(
    Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02")
    / IP(src="10.0.0.1", dst="10.0.0.2", len=1400, id=1)
    / UDP(sport=1, dport=2, len=1380, chksum=0)
)
ONE_LAB = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]  # of all examples
RATES = st.sampled_from(["40 Mbit/s", "1 Gbit/s", "99 Mbit/s L1", "20 kpps", 100_000])
SEEDS = st.integers(0, 1000)
CHANCES = st.sampled_from([0.0, 0.1, 0.5, 1.0])
TIMES = st.sampled_from(["0 s", "100 us", "3 ms"])
CLASSES = {
    "first": lk.TrafficClass("EF", strict=True, limit="9 packets"),
    "second": lk.TrafficClass(range(8, 16), weight=3),
    "other": lk.TrafficClass(limit="20 kB"),
}
LIMITS = st.sampled_from(["1 packets", "17 packets", "4 kB", "1 MB"])
NODES = st.one_of(
    st.builds(lk.queue, RATES, LIMITS, st.sampled_from(["fifo", "red", "pie"]), seed=SEEDS),
    st.builds(lk.queue, RATES, LIMITS, st.sampled_from(["codel", "fq_codel"]), ecn=st.booleans()),
    st.builds(lk.queue, RATES, classes=st.just(CLASSES)),
    st.builds(lk.shape, RATES, limit=LIMITS),
    st.builds(lk.police, RATES, color_aware=st.booleans()),
    st.builds(
        lk.delay,
        *(TIMES, TIMES, st.sampled_from(["uniform", "pareto"])),
        reorder=st.booleans(),
        limit=st.integers(1, 99),
        seed=SEEDS,
    ),
    st.builds(
        lk.impair,
        *(CHANCES, CHANCES, CHANCES),
        burst_start=CHANCES.filter(bool),
        burst_end=st.just(0.5),
        corrupt=CHANCES.filter(bool),
        corrupt_part=st.sampled_from(["frame", "headers", "payload"]),
        truncate=CHANCES,
        seed=SEEDS,
    ),
    st.builds(lk.fragment, st.sampled_from([68, 576, 1280])),
    st.builds(lk.reassemble, st.sampled_from(["1 ms", "60 s"])),
    st.builds(lk.rate, st.just("1 ms")),
)
FRAMES = st.lists(st.tuples(st.integers(60, 1400), st.integers(0, 255)), min_size=1, max_size=120)


def numbered(number: int, size: int, tos: int = 0) -> bytes:
    frame = bytearray(HEADERS[:size].ljust(size, b"\0"))
    frame[15] = tos
    frame[16:18] = (size - 14).to_bytes(2, "big")
    frame[24:26] = b"\0\0"
    frame[38:40] = (size - 34).to_bytes(2, "big")
    frame[42:46] = number.to_bytes(4, "big")
    total = sum(int.from_bytes(frame[at : at + 2], "big") for at in range(14, 34, 2))
    total = (total & 0xFFFF) + (total >> 16)
    frame[24:26] = (0xFFFF - ((total & 0xFFFF) + (total >> 16))).to_bytes(2, "big")
    return bytes(frame)


def settled(path: RunningPath, frames: int) -> None:
    """All have come, and those that leave soon have left."""

    def is_so() -> bool:
        counters = path.counters
        waiting = counters.held - sum(
            c["held"] for n, c in counters.functions.items() if n.startswith("reassemble")
        )
        return path.ledger.sent == frames and path.ledger.is_balanced and waiting == 0

    wait_until(is_so)


def each_accounts_for_all(path: RunningPath) -> None:
    """What a node was given is what left it, what it dropped and what it holds."""
    counters = path.counters
    given_to: dict[str, int] = {}
    for edge in path.path.edges:
        left = counters.outputs.get(edge.source, {}).get(edge.output, 0)
        given_to[edge.target] = given_to.get(edge.target, 0) + left
    names = [node.name for node in path.path.nodes]
    for at, name in enumerate(names):
        if name not in given_to:
            continue
        own = {**counters.functions, **counters.impairments}.get(name, {})
        release = names[at + 1] if at + 1 < len(names) and "release" in names[at + 1] else None
        left = sum(counters.outputs.get(name, {}).values())
        left += sum(counters.outputs.get(release, {}).values()) if release else 0
        made = own.get("made", 0) + own.get("copied", 0)
        if path.path.node(name).declared.role != "end":
            assert given_to[name] + made == left + own.get("held", 0) + own.get("taken", 0), name


@settings(max_examples=40, deadline=None, suppress_health_check=ONE_LAB)
@given(nodes=st.lists(NODES, min_size=1, max_size=4), frames=FRAMES, seed=SEEDS)
def test_every_frame_is_accounted_for_at_every_node(
    lab: lk.Lab, nodes: list[Node | Chain], frames: list[tuple[int, int]], seed: int
) -> None:
    a, b = lab.cable(f"a{seed}", f"b{seed}", ring_size=2048)
    chain: Chain | Node = lk.rx(b)
    for node in nodes:
        chain = chain >> node
    path = lab.run(chain >> lk.sink(), name="property")
    try:
        odd = malformed_frames(b.mac, 80, seed=seed)
        sent = [numbered(n, size, tos) for n, (size, tos) in enumerate(frames)] + odd
        a.send(sent)
        settled(path, len(sent))
        each_accounts_for_all(path)
    finally:
        path.stop()
        a.close()
        b.close()


@settings(max_examples=12, deadline=None, suppress_health_check=ONE_LAB)
@given(
    frames=FRAMES,
    rate=st.sampled_from([1_000_000, 5_000_000]),
    burst=st.sampled_from([3000, 20_000]),
    node=st.sampled_from([lk.police, lk.shape]),
)
def test_no_window_passes_more_than_its_rate_and_a_burst(
    lab: lk.Lab,
    tmp_path_factory: pytest.TempPathFactory,
    frames: list[tuple[int, int]],
    rate: int,
    burst: int,
    node: type,
) -> None:
    """A frame passes between the time at which it is seen before the node and that behind it."""
    folder: Path = tmp_path_factory.mktemp("window")
    a, b = lab.cable("a", "b", ring_size=2048)
    limiter = node(f"{8 * rate} bit/s", burst=f"{burst} B")
    chain = lk.rx(b) >> lk.capture(folder / "before.pcapng") >> limiter
    path = lab.run(chain >> lk.capture(folder / "behind.pcapng") >> lk.collect(b), name="window")
    try:
        a.send([numbered(n, size) for n, (size, _) in enumerate(frames)])
        settled(path, len(frames))
        path.flush()
        before = lk.Capture(folder / "before.pcapng").table(["time_ns"])["time_ns"].to_numpy()
        behind = lk.Capture(folder / "behind.pcapng").table(["time_ns"])["time_ns"].to_numpy()
        got = exactly(b, len(behind))
        numbers = [int.from_bytes(frame[42:46], "big") for frame in got]
        assert numbers == sorted(numbers)
        sizes = np.array([len(frame) + 4 for frame in got], float)
        came = before[numbers]
        for first in range(len(got)):
            passed = np.cumsum(sizes[first:])
            may = burst + rate * 1.0005 * (behind[first:] - came[first] + 1000) / 1e9
            assert (passed <= may + sizes[first]).all()
    finally:
        path.stop()
        a.close()
        b.close()
