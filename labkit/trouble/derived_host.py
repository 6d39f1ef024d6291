# SPDX-License-Identifier: BSD-3-Clause
"""Quantities of the machine around a NIC: what follows from several counters of one moment."""

import re
from collections.abc import Callable, Mapping

MANY = 10_000_000  # interrupts of a queue
_SOFTNET = re.compile(r"softnet/cpu\d+/processed")
_QUEUE_INTERRUPT = re.compile(
    r"interrupts/(?P<queue>.*(?:[Tt]x[Rr]x|[Rr]x[Tt]x|-fp|[-_.](?:[rt]x|[RT]x|input|output|comp|ntfy-block))[-_.]?"
    r"q?(?P<number>\d+).*)/cpu(?P<cpu>\d+)"
)
_PING = re.compile(r"ping/(?P<target>[^/]+)/(?P<size>\d+)/sent")


def _busiest_cpu(counters: Mapping[str, int]) -> int | None:
    """The share in percent of all packets that one CPU processed, of four CPUs or more."""
    processed = [value for name, value in counters.items() if _SOFTNET.fullmatch(name)]
    if len(processed) < 4 or sum(processed) < 1_000_000:
        return None
    return max(processed) * 100 // sum(processed)


def _on_one_cpu(counters: Mapping[str, int]) -> int | None:
    """How many queues have their interrupts on one CPU, where all of them have."""
    by_queue: dict[str, dict[str, int]] = {}
    numbers: set[str] = set()  # one queue may have a vector for each direction
    for name, value in counters.items():
        if found := _QUEUE_INTERRUPT.fullmatch(name):
            by_queue.setdefault(found["queue"], {})[found["cpu"]] = value
            numbers.add(found["number"])
    used = [cpus for cpus in by_queue.values() if sum(cpus.values()) >= 1000]
    busiest = {max(cpus, key=lambda cpu: cpus[cpu]) for cpus in used}
    # Two are enough where they carry much, and there are other CPUs.
    if len(used) == 2 and len(numbers) < 2:
        return None
    if len(used) == 2:
        used = [cpus for cpus in used if sum(cpus.values()) >= MANY and len(cpus) >= 4]
    if len(used) < 2 or len(busiest) != 1 or max(map(len, used)) < 2:
        return None
    (cpu,) = busiest
    return len(used) if all(c[cpu] * 20 >= sum(c.values()) * 19 for c in used) else None


def _conntrack_used(counters: Mapping[str, int]) -> int | None:
    """Of the table of connections, in percent."""
    count = counters.get("sysctl/net.netfilter.nf_conntrack_count")
    most = counters.get("sysctl/net.netfilter.nf_conntrack_max")
    return count * 100 // most if count is not None and most else None


def _tcp_memory(counters: Mapping[str, int]) -> int | None:
    """Pages of all TCP sockets, in percent of the most."""
    used = counters.get("sockstat/TCP/mem")
    most = counters.get("sysctl/net.ipv4.tcp_mem/most")
    return used * 100 // most if used is not None and most else None


def _orphans(counters: Mapping[str, int]) -> int | None:
    """In percent of the most."""
    count = counters.get("sockstat/TCP/orphan")
    most = counters.get("sysctl/net.ipv4.tcp_max_orphans")
    return count * 100 // most if count is not None and most else None


def _cliff(counters: Mapping[str, int]) -> int | None:
    """The largest ping that passed, where all that are larger were lost and none smaller was."""
    sizes: dict[str, dict[int, tuple[int, int]]] = {}
    for name, sent in counters.items():
        if found := _PING.fullmatch(name):
            received = counters.get(name.replace("/sent", "/received"), 0)
            sizes.setdefault(found["target"], {})[int(found["size"])] = sent, received
    for of in sizes.values():
        passed = {size for size, (sent, received) in of.items() if received == sent > 0}
        lost = {size for size, (sent, received) in of.items() if sent > 2 and received == 0}
        if passed and lost and len(passed) + len(lost) == len(of) and max(passed) < min(lost):
            return max(passed)
    return None


OF_HOST: Mapping[str, Callable[[Mapping[str, int]], int | None]] = {
    "derived/busiest_cpu_percent": _busiest_cpu,
    "derived/queues_on_one_cpu": _on_one_cpu,
    "derived/conntrack_percent": _conntrack_used,
    "derived/tcp_memory_percent": _tcp_memory,
    "derived/orphans_percent": _orphans,
    "derived/largest_ping": _cliff,
}
