# SPDX-License-Identifier: BSD-3-Clause
"""What the ENA driver of an instance tells, by the names of ethtool -S or of DPDK's xstats."""

import math
from collections.abc import Mapping
from typing import Any, Literal

from labkit.fault.driver import DRIVERS, MOST_QUEUES, Told, to_engine

DriverName = Literal["ena", "net_ena"]
Parts = Mapping[str, list[tuple[str, str]]]  # by counter, nodes of the path and their counters

ALLOWANCES = ("bw_in", "bw_out", "pps", "conntrack", "linklocal")
AVAILABLE = "conntrack_allowance_available"
SRD_PACKETS = ("ena_srd_eligible_tx_pkts", "ena_srd_tx_pkts", "ena_srd_rx_pkts")
UTILISATION = "ena_srd_resource_utilization"
HEADERS = {"ena": "queue_0_tx_prepare_ctx_err", "net_ena": "tx_q0_prepare_ctx_err"}
OTHER_WAY = {"rx": "tx", "tx": "rx"}
OF_QDISC = "qdisc/"
OF_INSTANCE = {
    "ec2/bandwidth_bps": "bandwidth",
    "ec2/baseline_bps": "baseline",
    "ec2/credits_bytes": "credits",
}


def counters_of(
    driver: DriverName, queues: int, connections: int, mode: int | None, has_memory: bool
) -> Mapping[str, Told]:
    """All that it tells. What the instance sends is what the lab's port receives.

    connections: that can be tracked; mode: of ENA Express; None: the type has none
    has_memory: whether it is known how many flows ENA Express has memory for
    """
    first: dict[str, Told] = {f"{what}_allowance_exceeded": ("VALUE", "", 0) for what in ALLOWANCES}
    first[AVAILABLE] = ("VALUE", "", connections)
    if mode is not None:
        first["ena_srd_mode"] = ("VALUE", "", mode)
        first |= dict.fromkeys(SRD_PACKETS, ("VALUE", "", 0))
        if has_memory:
            first[UTILISATION] = ("VALUE", "", 0)
    first[HEADERS[driver]] = ("VALUE", "", 0)
    own = DRIVERS[driver].counters(min(queues, MOST_QUEUES))
    rest = {name: _seen_from_inside(told) for name, told in own.items()}
    return first | {
        name: told
        for name, told in rest.items()
        if name not in first and not name.startswith(OF_QDISC)
    }


def rates_of(limits: Mapping[str, float | None]) -> Mapping[str, Told]:
    """What EC2 tells of the instance, not its driver, and lk.trouble judges bytes by: at rates of
    the lab's nodes, which counted them. What is unlimited is not told."""
    told = {name: limits.get(limit) for name, limit in OF_INSTANCE.items()}
    return {
        name: ("VALUE", "", round(value))
        for name, value in told.items()
        if value is not None and math.isfinite(value)
    }


def tells_of(
    instance: str, told: Mapping[str, Told], counters: Parts, levels: Parts
) -> dict[str, Any]:
    """As a node of kind driver has it; instance: what counters are of, as long as a lab lasts."""
    return {
        "instance": instance,
        "told": to_engine(told),
        "counters": {name: [list(part) for part in parts] for name, parts in counters.items()},
        "levels": {name: [list(part) for part in parts] for name, parts in levels.items()},
    }


def _seen_from_inside(told: Told) -> Told:
    of, xstat, value = told
    if of != "XSTAT":
        return told
    way, _, rest = xstat.partition("_")
    counts = rest in ("good_packets", "good_bytes") or rest.startswith("q")
    return (of, f"{OTHER_WAY[way]}_{rest}", value) if counts else ("VALUE", "", 0)
