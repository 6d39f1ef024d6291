# SPDX-License-Identifier: BSD-3-Clause
"""Quantities of the host that follow from several counters."""

import pytest

from labkit.trouble.derived import with_derived
from labkit.trouble.derived_host import OF_HOST
from labkit.trouble.evidence import Place, Reading


def _softnet(*processed: int) -> dict[str, int]:
    return {f"softnet/cpu{cpu}/processed": value for cpu, value in enumerate(processed)}


def _queues(*counts: tuple[int, ...], name: str = "eth0-Tx-Rx-{}") -> dict[str, int]:
    return {
        f"interrupts/{name.format(queue)}/cpu{cpu}": value
        for queue, of in enumerate(counts)
        for cpu, value in enumerate(of)
    }


def _pings(**sizes: tuple[int, int]) -> dict[str, int]:
    found = {}
    for size, (sent, received) in sizes.items():
        found[f"ping/10.0.0.1/{size[1:]}/sent"] = sent
        found[f"ping/10.0.0.1/{size[1:]}/received"] = received
    return found


@pytest.mark.parametrize(
    ("name", "counters", "value"),
    [
        ("busiest_cpu_percent", _softnet(900_000, 50_000, 25_000, 25_000), 90),
        ("busiest_cpu_percent", _softnet(900_000, 150_000), None),
        ("busiest_cpu_percent", _softnet(900, 50, 25, 25), None),
        ("queues_on_one_cpu", _queues((9000, 1), (9000, 0), (9000, 2)), 3),
        ("queues_on_one_cpu", _queues((9000, 1), (9000, 0), (0, 9000)), None),
        ("queues_on_one_cpu", _queues((9000, 900), (9000, 0), (9000, 0)), None),
        ("queues_on_one_cpu", _queues((9000,), (9000,), (9000,)), None),
        ("queues_on_one_cpu", _queues((9, 0), (9, 0), (9, 0), name="virtio0-input.{}"), None),
        ("queues_on_one_cpu", _queues(*[(9999, 0)] * 3, name="virtio0-input.{}"), 3),
        ("queues_on_one_cpu", _queues(*[(9999, 0)] * 3, name="nvme0q{}"), None),
        ("queues_on_one_cpu", _queues(*[(10_000_000, 0, 0, 0)] * 2), 2),
        ("queues_on_one_cpu", _queues(*[(9_000_000, 0, 0, 0)] * 2), None),
        ("queues_on_one_cpu", _queues(*[(10_000_000, 0)] * 2), None),
        ("queues_on_one_cpu", _queues((10_000_000, 0, 0, 0)), None),
        (
            "queues_on_one_cpu",
            {
                f"interrupts/virtio0-{side}.0/cpu{cpu}": 0 if cpu else 10_000_000
                for side in ("input", "output")
                for cpu in range(4)
            },
            None,
        ),
        ("queues_on_one_cpu", _queues(*[(9999, 0)] * 3, name="eth0-rxtx-{}"), 3),
        ("queues_on_one_cpu", _queues(*[(9999, 0)] * 3, name="eth3-fp-{}"), 3),
        ("tcp_memory_percent", {"sockstat/TCP/mem": 50, "sysctl/net.ipv4.tcp_mem/most": 40}, 125),
        ("tcp_memory_percent", {"sockstat/TCP/mem": 50}, None),
        ("orphans_percent", {"sockstat/TCP/orphan": 9, "sysctl/net.ipv4.tcp_max_orphans": 90}, 10),
        ("orphans_percent", {"sysctl/net.ipv4.tcp_max_orphans": 90}, None),
        ("largest_ping", _pings(s56=(5, 5), s1472=(5, 5), s8972=(5, 0)), 1472),
        ("largest_ping", _pings(s56=(5, 5), s1472=(5, 4), s8972=(5, 0)), None),
        ("largest_ping", _pings(s56=(5, 0), s8972=(5, 5)), None),
        ("largest_ping", _pings(s56=(5, 5), s8972=(1, 0)), None),
        ("largest_ping", _pings(s56=(5, 5)), None),
        (
            "conntrack_percent",
            {
                "sysctl/net.netfilter.nf_conntrack_count": 96,
                "sysctl/net.netfilter.nf_conntrack_max": 100,
            },
            96,
        ),
        (
            "conntrack_percent",
            {
                "sysctl/net.netfilter.nf_conntrack_count": 96,
                "sysctl/net.netfilter.nf_conntrack_max": 0,
            },
            None,
        ),
    ],
)
def test_a_quantity(name: str, counters: dict[str, int], value: int | None) -> None:
    assert OF_HOST[f"derived/{name}"](counters) == value


def test_counters_of_two_files_are_put_together() -> None:
    names = ("count", "max")
    readings = [
        Reading({f"sysctl/net.netfilter.nf_conntrack_{name}": 5}, Place(name)) for name in names
    ]
    found = [reading.counters for reading in with_derived(readings)]
    assert found[-1] == {"derived/conntrack_percent": 100}
