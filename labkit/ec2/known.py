# SPDX-License-Identifier: BSD-3-Clause
"""What is known of a type of instance, and what is assumed where nothing was published."""

import csv
import math
import re
from collections.abc import Mapping
from functools import lru_cache

from labkit.datasets import dataset
from labkit.ec2.limits import Limit
from labkit.trouble import instance_tables

GUIDE = "Amazon EC2 User Guide"
PLATEAU = "unknown, assumed: the 8.9 ms of latency at 8,500 B in datasets/udp_echo_ec2"
TYPE = re.compile(
    r"[a-z][a-z0-9-]*\.(?:metal-)?(?:\d*xl(?:arge)?|large|medium|metal|nano|micro|small)"
)
VCPUS = {"nano": 2, "micro": 2, "small": 2, "medium": 1, "large": 2, "xlarge": 4}
LARGE = 32  # vCPU, from which on half of the bandwidth may go to the internet
MS = 1e-3
FRAME = 9018  # the longest, with its FCS
TYPICAL = 1000  # bytes
BURST_SECONDS = 300.0  # of credits, the least of the 5 to 60 min in the guide
Limits = dict[str, Limit]


@lru_cache(maxsize=1)
def bandwidths() -> Mapping[str, Mapping[str, str]]:
    """Published bandwidth by type (datasets/ec2_bandwidth.csv)."""
    with dataset("ec2_bandwidth.csv").open(newline="", encoding="utf-8") as file:
        return {row["instance_type"]: row for row in csv.DictReader(file)}


def has_express(instance_type: str) -> bool:
    """Whether ENA Express is to be had (datasets/ena_express.csv)."""
    return instance_type in instance_tables.express()


def types_with_express() -> list[str]:
    """All that have ENA Express."""
    return sorted(instance_tables.express())


def types() -> list[str]:
    """All that any table has."""
    tables = (bandwidths(), instance_tables.queues(), instance_tables.express())
    return sorted({name for table in tables for name in table})


def vcpus(instance_type: str) -> int | None:
    """By the name of its size; None: the name does not tell."""
    size = instance_type.partition(".")[2].removeprefix("metal-")
    if size in VCPUS:
        return VCPUS[size]
    found = re.fullmatch(r"(\d+)xl(?:arge)?", size)
    return 4 * int(found[1]) if found else None


def of_bandwidth(instance_type: str) -> Limits:
    """Bandwidth and baseline, as far as they were published."""
    row = bandwidths().get(instance_type)
    if row is None:
        return {}
    source = f"datasets/ec2_bandwidth.csv: {row['origin']} ({row['read']})"
    columns = {"bandwidth": "burst_gbps", "baseline": "baseline_gbps"}
    return {
        name: Limit(float(row[column]) * 1e9, "known", source)
        for name, column in columns.items()
        if row[column]
    }


def of_queues(instance_type: str) -> Limits:
    """Queues of its interfaces; assumed where the table has no such type."""
    row = instance_tables.queues().get(instance_type)
    names = {
        "queues": "queues_default_per_eni",
        "queues_per_eni": "queues_max_per_eni",
        "queues_per_instance": "queues_max_per_instance",
    }
    if row is not None:
        source = f"datasets/ena_queues.csv: {GUIDE}"
        return {name: Limit(int(row[column]), "known", source) for name, column in names.items()}
    cpus = vcpus(instance_type)
    fixed = None if cpus is None else min(8, cpus)
    source = "unknown, assumed: the fewer of 8 and its vCPU, as on older types"
    return {name: Limit(fixed, "assumed", source) for name in names}


def of_all(*, placement_group: bool, wide_llq: bool, internet: bool) -> Limits:
    """What all types have in common."""
    flow = 10e9 if placement_group else 5e9
    where = "within a cluster placement group" if placement_group else "outside of one"
    depth = "unknown, assumed: what comes in a second"
    return {
        "flow": Limit(flow, "known", f"{GUIDE}: {where}"),
        "flow_queue": Limit(9.5e6, "assumed", PLATEAU),
        "queue": Limit(9.5e6, "assumed", PLATEAU),
        "link_local": Limit(1024, "known", GUIDE),
        "link_local_burst": Limit(1024, "assumed", depth),
        "fragments": Limit(1024, "known", GUIDE),
        "fragments_burst": Limit(1024, "assumed", depth),
        "new_flows": Limit(math.inf, "assumed", "unknown, assumed: unlimited"),
        "slow_weight": Limit(1, "assumed", "unknown, assumed: as any packet"),
        "idle": Limit(60, "assumed", "unknown, assumed: a minute"),
        "connections": Limit(
            150_000, "assumed", "unknown, assumed: near the 136,812 and 154,000 seen in public"
        ),
        "tcp_established": Limit(432_000, "known", f"{GUIDE}: by default"),
        "udp": Limit(30, "known", f"{GUIDE}: by default"),
        "udp_stream": Limit(180, "known", f"{GUIDE}: by default"),
        "llq_header": Limit(
            224 if wide_llq else 96, "known", f"{GUIDE}: {'wide' if wide_llq else 'regular'} LLQ"
        ),
        "mtu": Limit(1500 if internet else 9001, "known", GUIDE),
        "overhead": Limit(4, "assumed", "unknown, assumed: the FCS"),
        "express_flow": Limit(25e9, "known", GUIDE),
        "express_mtu": Limit(8900, "known", GUIDE),
        "express_flows": Limit(math.inf, "assumed", "unknown, assumed: unlimited"),
        "express_idle": Limit(60, "assumed", "unknown, assumed: a minute"),
        "express_delay": Limit(0, "assumed", "unknown, assumed: none"),
        "tx_ring": Limit(512 if wide_llq else 1024, "known", "ENA's drivers"),
        "rx_ring": Limit(1024, "known", "ENA's drivers"),
    }


def that_follow(instance_type: str, limits: Mapping[str, Limit]) -> Limits:
    """What is reckoned from the bandwidth and others."""
    rate, baseline = limits["bandwidth"].value, limits["baseline"].value
    cpus = vcpus(instance_type)
    assert rate is not None
    found: Limits = {}
    if baseline is not None:
        found["credits"] = Limit(
            (rate - baseline) / 8 * BURST_SECONDS,
            "assumed",
            f"unknown, assumed: 5 min of the whole bandwidth, the least that the {GUIDE} tells",
        )
    else:
        found["credits"] = Limit(None, "known", "one rate, without a baseline")
    if cpus is not None and cpus >= LARGE:
        internet = Limit(max(rate / 2, 5e9), "known", f"{GUIDE}: half, or 5 Gbit/s; 32 vCPU on")
    else:
        internet = Limit(min(rate, 5e9), "known", f"{GUIDE}: below 32 vCPU")
    found["internet"] = internet
    found["pps"] = Limit(
        rate / 8 / TYPICAL, "assumed", "unknown, assumed: the bandwidth in packets of 1,000 B"
    )
    for name, per_second, least in (
        ("bandwidth_burst", rate / 8, FRAME),
        ("flow_burst", (limits["flow"].value or 0) / 8, FRAME),
        ("pps_burst", found["pps"].value or 0, 64),
    ):
        size = max(least, per_second * MS)
        found[name] = Limit(size, "assumed", "unknown, assumed: what comes in 1 ms")
    found["pps_queue"] = Limit(1000, "assumed", "unknown, assumed: 1,000 packets")
    return found
