# SPDX-License-Identifier: BSD-3-Clause
"""Counters of any DPDK process through its telemetry socket."""

import json
import socket
import time

MAX_ANSWER = 1 << 16


class Telemetry:
    """A connection to /run/dpdk/<prefix>/dpdk_telemetry.v2."""

    def __init__(self, prefix: str) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._socket.connect(f"/var/run/dpdk/{prefix}/dpdk_telemetry.v2")
        self._socket.recv(MAX_ANSWER)  # its greeting

    def sent_packets(self, port: int = 0) -> int:
        """opackets of a port (rte_eth_stats_get)."""
        self._socket.send(f"/ethdev/stats,{port}".encode())
        answer = json.loads(self._socket.recv(MAX_ANSWER))
        return int(answer["/ethdev/stats"]["opackets"])

    def rate(self, seconds: float) -> float:
        """Packets sent a second over measured time."""
        before, start = self.sent_packets(), time.perf_counter()
        time.sleep(seconds)
        after, end = self.sent_packets(), time.perf_counter()
        return (after - before) / (end - start)
