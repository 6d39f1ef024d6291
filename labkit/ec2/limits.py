# SPDX-License-Identifier: BSD-3-Clause
"""Limits of an instance: what there are, in which units, and where a value is from."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from labkit.arguments.hints import is_real
from labkit.errors import PathError
from labkit.path.capture_types import frames_in
from labkit.text import shown
from labkit.units import QuantityError, parse_quantity, plain

Known = Literal["known", "assumed", "given"]
UNLIMITED = "unlimited"
RATES = ("bit/s", "pps")
LEAST: Mapping[str, float] = {"bit/s": 8, "pps": 1, "s": 0.001}  # of others 1


@dataclass(frozen=True)
class Declared:
    """A limit that instances have.

    Attributes
    ----------
    unit: of its number
    what: it holds
    counter: of the driver, that rises when it is exceeded; "": none
    least: that it may be; None: of its unit
    is_finite: it cannot be unlimited
    is_optional: an instance may have none
    """

    unit: str
    what: str
    counter: str = ""
    least: float | None = None
    is_finite: bool = False
    is_optional: bool = False

    @property
    def is_rate(self) -> bool:
        """It is divided by scale=."""
        return self.unit in RATES


@dataclass(frozen=True)
class Limit:
    """The value that an instance has.

    Attributes
    ----------
    value: in the unit of the limit, infinite where it is unlimited; None: the instance has none
    known: "known" (published), "assumed" (unknown, and assumed) or "given" (by the caller)
    source: where it is from, or why it is assumed to be so
    """

    value: float | None
    known: Known
    source: str


BANDWIDTHS = "bw_in_allowance_exceeded, bw_out_allowance_exceeded"
PPS = "pps_allowance_exceeded"
NOT_MODELLED = "not modelled: the lab's port has its own"
DECLARED: Mapping[str, Declared] = {
    "bandwidth": Declared("bit/s", "in and out, each", BANDWIDTHS),
    "baseline": Declared("bit/s", "of it, without credits", BANDWIDTHS, is_optional=True),
    "credits": Declared("B", "above the baseline, full at first", is_optional=True),
    "bandwidth_burst": Declared("B", "at once, after a rest"),
    "queue": Declared("B", "of each direction, waiting for bandwidth"),
    "internet": Declared("bit/s", "to an internet gateway or Region, each way", BANDWIDTHS),
    "pps": Declared("pps", "in and out together, of all interfaces", PPS),
    "pps_burst": Declared("packets", "at once, after a rest"),
    "pps_queue": Declared("packets", "of each direction, waiting for packets"),
    "flow": Declared("bit/s", "of a flow, each way"),
    "flow_burst": Declared("B", "of a flow at once, after a rest"),
    "flow_queue": Declared("B", "of a flow, waiting"),
    "link_local": Declared(
        "pps", "to DNS, metadata and time, of an interface", "linklocal_allowance_exceeded"
    ),
    "link_local_burst": Declared("packets", "of these at once"),
    "fragments": Declared("pps", "fragments sent, of an interface", PPS),
    "fragments_burst": Declared("packets", "of these at once"),
    "new_flows": Declared("pps", "packets that need the full evaluation"),
    "slow_weight": Declared(
        "packets", "of the packet rate, that such a packet takes", is_finite=True
    ),
    "idle": Declared("s", "until a flow needs the full evaluation again", is_finite=True),
    "connections": Declared("connections", "tracked at once", "conntrack_allowance_exceeded"),
    "tcp_established": Declared(
        "s", "until an idle connection of TCP is forgotten", is_finite=True
    ),
    "udp": Declared("s", "until one of UDP, one way, is", is_finite=True),
    "udp_stream": Declared("s", "until one of UDP, both ways, is", is_finite=True),
    "llq_header": Declared("B", "headers of a packet sent", "tx_prepare_ctx_err", is_finite=True),
    "mtu": Declared("B", "a packet on the way", is_finite=True),
    "overhead": Declared("B", "count beside a frame in memory", least=0, is_finite=True),
    "express_flow": Declared("bit/s", "of a flow over ENA Express"),
    "express_flows": Declared(
        "flows", "ENA Express has memory for", "ena_srd_resource_utilization"
    ),
    "express_idle": Declared("s", "until a flow gives that memory back", is_finite=True),
    "express_delay": Declared("s", "that ENA Express adds, each way", least=0, is_finite=True),
    "express_mtu": Declared(
        "B", "a packet over ENA Express", "ena_srd_eligible_tx_pkts", is_finite=True
    ),
    "tx_ring": Declared("descriptors", f"of a queue; {NOT_MODELLED}", is_finite=True),
    "rx_ring": Declared("descriptors", f"of a queue; {NOT_MODELLED}", is_finite=True),
    "queues": Declared("queues", f"of an interface, by default; {NOT_MODELLED}", is_finite=True),
    "queues_per_eni": Declared("queues", "of an interface, at most", is_finite=True),
    "queues_per_instance": Declared("queues", "of all interfaces, at most", is_finite=True),
}


def number(name: str, value: object) -> float | None:
    """What a caller gave for a limit, as a number in its unit; PathError for what is none."""
    of = DECLARED[name]
    if value is None and of.is_optional:
        return None
    if value == UNLIMITED and not of.is_finite:
        return math.inf
    least = LEAST.get(of.unit, 1) if of.least is None else of.least
    try:
        found = _read(of.unit, value)
        if not least <= found or (of.is_finite and math.isinf(found)):
            raise QuantityError(f"the range begins at {plain(least)} {of.unit}")
    except QuantityError as error:
        text = f"{name} is {shown(value)}; it is a number of {of.unit}, {_such_as(of.unit)}"
        or_none = "" if of.is_finite else f', or "{UNLIMITED}"'
        raise PathError(f"{text}{or_none} ({error})") from None
    return found


def _read(unit: str, value: object) -> float:
    if is_real(value):
        return float(value)  # type: ignore[arg-type]
    if not isinstance(value, str):
        raise QuantityError("it is neither a number nor a text")
    if unit == "packets":
        return frames_in(value.replace("packet", "frame"))
    if unit in (*RATES, "B", "s"):
        return parse_quantity(value, (unit,)).value
    raise QuantityError("it is no number")


def _such_as(unit: str) -> str:
    examples = {"bit/s": "10 Gbit/s", "pps": "1 Mpps", "B": "9.5 MB", "s": "60 s"}
    return f'such as "{examples.get(unit, f"1000 {unit}")}"' if unit in examples else "such as 1000"
