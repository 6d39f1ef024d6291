# SPDX-License-Identifier: BSD-3-Clause
"""What an instance and its interfaces cannot be."""

import math
from collections.abc import Iterable, Mapping
from typing import Literal

from labkit.ec2 import known
from labkit.ec2.limits import DECLARED, LEAST, Limit
from labkit.errors import PathError
from labkit.lab.port import Port
from labkit.text import near, shown
from labkit.units import plain, si_load

Express = bool | Literal["tcp"]


def check_queues(
    instance_type: str, limits: Mapping[str, Limit], port: Port, ports: Iterable[Port]
) -> None:
    """PathError for more queues than an interface has, or than all of an instance have."""
    most, of_all = limits["queues_per_eni"].value, limits["queues_per_instance"].value
    own = port.last_info.rx_queues
    if most is not None and own > most:
        raise PathError(
            f"port {port.name} has {own} queues; an interface of {instance_type} has "
            f"{plain(most)} at most (queues_per_eni): make the port with fewer, or take a larger "
            "type"
        )
    others = [other for other in ports if other.name != port.name and not other.is_closed]
    total = own + sum(other.last_info.rx_queues for other in others)
    if of_all is not None and total > of_all:
        names = ", ".join(other.name for other in (*others, port))
        raise PathError(
            f"ports {names} have {total} queues; all interfaces of {instance_type} have "
            f"{plain(of_all)} at most (queues_per_instance): make ports with fewer, or take a "
            "larger type"
        )


def check_credits(limits: Mapping[str, Limit]) -> None:
    """Of a baseline, which is at most the bandwidth."""
    rate, baseline = limits["bandwidth"].value, limits["baseline"].value
    assert rate is not None
    if baseline is None and "credits" in limits:
        raise PathError("credits are given, but no baseline= to which they lead; give both")
    if baseline is not None and baseline > rate:
        raise PathError(
            f"baseline is {si_load(baseline, 'bit/s')}; it is at most the bandwidth, "
            f"{si_load(rate, 'bit/s')}"
        )


def check_scale(scale: float, limits: Mapping[str, Limit]) -> None:
    """A rate that is divided by it is one still."""
    rates = {
        name: limit.value / LEAST[DECLARED[name].unit]
        for name, limit in limits.items()
        if DECLARED[name].is_rate and limit.value is not None
    }
    lowest = min(rates, key=lambda name: rates[name])
    if rates[lowest] < scale:
        raise PathError(
            f"scale is {plain(scale)}; of {lowest}, {si_load(limits[lowest].value or 0)} "
            f"{DECLARED[lowest].unit}, too little would be left; it is at most "
            f"{plain(math.floor(rates[lowest]))}"
        )


def check_type(instance_type: str, *, express: Express, overrides: Mapping[str, object]) -> None:
    """Its name, its bandwidth, and whether it has ENA Express."""
    if not known.TYPE.fullmatch(instance_type):
        raise PathError(
            f'instance_type is {shown(instance_type)}; it is one such as "m6i.xlarge"'
            f"{near(instance_type, known.types())}"
        )
    if "bandwidth" not in overrides and "bandwidth" not in known.of_bandwidth(instance_type):
        raise PathError(
            f"the bandwidth of {instance_type} is in none of labkit's tables (datasets/"
            f"ec2_bandwidth.csv has {', '.join(known.bandwidths())}); give "
            'bandwidth="12.5 Gbit/s", and baseline= where it has credits, as `aws ec2 '
            "describe-instance-types` tells them"
        )
    if express and not known.has_express(instance_type):
        raise PathError(
            f"{instance_type} has no ENA Express (datasets/ena_express.csv); leave express out, or "
            f"take a type that has it{near(instance_type, known.types_with_express())}"
        )
