# SPDX-License-Identifier: BSD-3-Clause
"""Counters of any DPDK process through its telemetry socket."""

import time
from pathlib import Path

from labkit.machine.telemetry import SOCKET, TelemetryClient


class Telemetry:
    """A connection to /run/dpdk/<prefix>/dpdk_telemetry.v2."""

    def __init__(self, prefix: str) -> None:
        self._client = TelemetryClient(Path("/var/run/dpdk", prefix, SOCKET))

    def sent_packets(self, port: int = 0) -> int:
        """opackets of a port (rte_eth_stats_get)."""
        return int(self._client.ask(f"/ethdev/stats,{port}")["opackets"])

    def rate(self, seconds: float, ports: tuple[int, ...] = (0,)) -> float:
        """Packets sent a second over measured time, by all of these ports."""
        before, start = sum(map(self.sent_packets, ports)), time.perf_counter()
        time.sleep(seconds)
        after, end = sum(map(self.sent_packets, ports)), time.perf_counter()
        return (after - before) / (end - start)
