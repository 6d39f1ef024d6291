# SPDX-License-Identifier: BSD-3-Clause
"""What the engine's commands answer: plain data, as it goes over the wire."""

from typing import Any, Literal, TypedDict

Fields = dict[str, int]  # of a native struct, by the names that it has there


class EngineFacts(TypedDict):
    """An engine that has started: DPDK's version, kinds of nodes, process id."""

    dpdk: str
    kinds: list[str]
    pid: int


class Clock(TypedDict):
    """The time stamp counter, its frequency, and CLOCK_REALTIME at that moment."""

    tsc: int
    tsc_hz: float
    realtime_ns: int


LinkState = Literal["up", "down", "gone"]


class PortLimits(TypedDict):
    """What a driver takes: MTU in bytes, queues, descriptors of a queue (least and most), offloads
    of its device (rte_eth_dev_rx_offload_name), speeds in Mbit/s. is_virtual: it drives no NIC."""

    driver: str
    is_virtual: bool
    min_mtu: int
    max_mtu: int
    max_rx_queues: int
    max_tx_queues: int
    rx_descriptor_range: list[int]
    tx_descriptor_range: list[int]
    known_offloads: list[str]
    known_speeds_mbps: list[int]


class PortFacts(PortLimits):
    """What DPDK says of a port; None is what its driver does not know or say."""

    id: int
    device: str
    mac: str
    mtu: int
    rx_queues: int
    tx_queues: int
    rx_descriptors: int | None
    tx_descriptors: int | None
    mbufs: int
    mbuf_bytes: int
    offloads: list[str]
    is_gone: bool
    link_up: bool
    link_speed_mbps: int | None
    full_duplex: bool | None
    autonegotiated: bool | None
    pause_frames: bool | None
    promiscuous: bool
    numa_node: int | None
    pool_numa_node: int | None


class LinkChange(TypedDict):
    """What a link became, and when, in ns since the epoch."""

    time_ns: int
    state: LinkState
    speed_mbps: int | None


class RssFacts(TypedDict):
    """How a driver spreads frames over queues; None: it does not tell. key: hex text; fields: by
    which it hashes; offered: those that it could; table: the queue of each entry; entries: how many
    it has."""

    key: str | None
    fields: list[str] | None
    offered: list[str]
    table: list[int] | None
    entries: int


class WorkerFacts(TypedDict):
    """A worker: cpu is None when it floats over all CPUs; paths is how many lanes it walks."""

    lcore: int
    cpu: int | None
    paths: int
    loops: int
    busy_ns: int
    idle_ns: int


class CaptureCounts(TypedDict):
    """A capture.

    written: frames in its files; missed: those that the disk was too slow or full for; passed_over:
    those after its end; waiting: those on their way; unsent: of a port's, those written that its
    driver did not take; bytes, files: of all files so far; file: the newest; newest: where its last
    frames begin (LK_CAPTURE_NEWEST); ended: "" while it goes on, else "frames", "bytes", "seconds"
    or in words what went wrong, with its errno
    """

    written: int
    missed: int
    passed_over: int
    waiting: int
    unsent: int
    bytes: int
    files: int
    newest: int
    file: str
    errno: int
    ended: str


class LaneCounts(TypedDict):
    """Counters of a lane, as those of a path; queues: frames that it received, each with port and
    queue."""

    lcore: int
    nodes: dict[str, list[int]]
    outputs: dict[str, dict[str, int]]
    drops: dict[str, list[int]]
    impairments: dict[str, dict[str, int]]
    queues: list[list[Any]]


class PathCounts(TypedDict):
    """Counters of a path: sums over its lanes, and each lane's.

    lcore: of the first lane; nodes: calls, objects and cycles; outputs: frames by node and by
    output or drop node; drops: frames, and those of them with a signature; captures: by node;
    impairments: frames copied, reordered, held back now; functions: counters of nodes with state
    """

    lcore: int
    nodes: dict[str, list[int]]
    outputs: dict[str, dict[str, int]]
    drops: dict[str, list[int]]
    captures: dict[str, CaptureCounts]
    impairments: dict[str, dict[str, int]]
    lanes: list[LaneCounts]
    functions: dict[str, dict[str, int]]


class Rows(TypedDict):
    """Rows of a node's table, 64-bit cells in base64; cursor: where the next ones begin."""

    cells: str
    cursor: int


class Histogram(TypedDict):
    """The buckets that hold something, by their number; the rest in ns."""

    counts: dict[str, int]
    sum: int
    min: int
    max: int


class FlowCounts(TypedDict):
    """Live streams by run: rows of struct lk_flow_counts (64-bit numbers) in base64, struct
    lk_live_totals; and the time in ns since the epoch."""

    rows: dict[str, str]
    totals: dict[str, Fields]
    time_ns: int


class TraceStep(TypedDict):
    """A traced frame as it entered a node; bytes is hex text."""

    packet: int
    path: str | None
    lane: int
    node: str | None
    length: int
    bytes: str
    time_ns: int


class TraceSteps(TypedDict):
    """Frames seen so far, and steps."""

    packets: int
    steps: list[TraceStep]
