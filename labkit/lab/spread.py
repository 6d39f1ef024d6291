# SPDX-License-Identifier: BSD-3-Clause
"""How frames have spread over the queues of a port, as its paths counted.

A port is handed in as Any: it has an Rss, which asks here.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

from labkit.tables.table import Table

ENOUGH = 1000  # frames that all came to one queue before it is told
BY_SENDER = ("net_ring", "net_null", "net_pcap", "net_memif")  # whose other end chooses the queue


class Read(NamedTuple):
    """A queue that a path reads."""

    frames: int
    lcore: int
    path: str


def spread(port: Any) -> Table:
    """See Rss.spread."""
    read = _read(port)
    total = sum(r.frames for r in read.values())
    rows = []
    for queue in range(port.last_info.rx_queues):
        r = read.get(queue)
        share = r.frames / total * 100 if r and total else None
        rows.append((queue, *(r[:1] if r else (None,)), share, *(r[1:] if r else (None, None))))
    columns = ["queue", "frames", "share_percent", "lcore", "path"]
    return Table(rows, columns=columns).astype({"frames": "Int64", "lcore": "Int64"})


def remark(port: Any) -> str:
    """Of the port, as `one_queue` has it."""
    return one_queue(port, {queue: r.frames for queue, r in _read(port).items()})


def one_queue(port: Any, frames: Mapping[int, int]) -> str:
    """Where all frames, by queue, came to one of several: what to do. "": all is well, or there
    were too few to tell."""
    used = [queue for queue, n in frames.items() if n]
    queues, driver = port.last_info.rx_queues, port.last_info.driver
    if queues < 2 or len(used) != 1 or frames[used[0]] < ENOUGH or driver in BY_SENDER:
        return ""
    came = f"all {frames[used[0]]:,} frames came to queue {used[0]} of {queues}"
    return (
        f"port {port.name}: {came}, and one worker has all the work. Frames of one flow stay "
        "together: send several, as with lk.vary(UDP.sport, range(1024, 2048)); port.rss tells "
        "what the driver hashes"
    )


def _read(port: Any) -> dict[int, Read]:
    """By queue."""
    found: dict[int, Read] = {}
    for name, counters in port.lab.counters().items():
        for lane in counters.lanes:
            for (of, queue), frames in lane.queues.items():
                if of == port.name:
                    found[queue] = Read(frames, lane.lcore, name)
    return found
