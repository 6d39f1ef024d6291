# SPDX-License-Identifier: BSD-3-Clause
"""The way out of an instance and the way in, as chains of nodes: each limit is one of them."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from labkit.ec2.told import HEADERS, UTILISATION, DriverName
from labkit.path.allowances import Allowance, allowance
from labkit.path.chain import Chain, Node
from labkit.path.classify import FrameClass, classify
from labkit.path.delay import delay
from labkit.path.flow_limits import flow_limit
from labkit.path.flow_room import flow_room
from labkit.path.function_types import MOST_BYTES, MOST_FRAMES
from labkit.path.functions import police, shape
from labkit.path.lengths import header_limit, mtu
from labkit.path.nodes import tx
from labkit.path.slow_path import slow_path
from labkit.path.types import PortLike

Part = tuple[str, str]  # node and its counter
Port = PortLike | str

EXPRESS_CLASSES: Mapping[int, tuple[FrameClass, ...]] = {1: ("tcp",), 3: ("tcp", "udp")}
PACKETS = ("pps", "link_local", "fragments", "new_flows")  # the others are in bits a second


@dataclass(frozen=True)
class Settings:
    """Limits as nodes take them.

    Attributes
    ----------
    limits: numbers by their names, scaled
    driver: whose names counters have
    express: ena_srd_mode; 0: off
    resolver: of the VPC, which is link-local, too
    """

    limits: Mapping[str, float]
    driver: DriverName = "ena"
    express: int = 0
    resolver: str | None = None

    def load(self, name: str) -> str:
        """Bits or packets a second."""
        value, unit = self.limits[name], "pps" if name in PACKETS else "bit/s"
        return "unlimited" if math.isinf(value) else f"{value!r} {unit}"

    def bytes(self, name: str) -> str:
        """A number of bytes."""
        return f"{round(min(self.limits[name], MOST_BYTES))} B"

    def packets(self, name: str) -> str:
        """A number of packets, one at least."""
        return f"{max(1, round(min(self.limits[name], MOST_FRAMES)))} packets"

    def whole(self, name: str) -> int:
        """A whole number."""
        return round(self.limits[name])

    @property
    def has_slow_path(self) -> bool:
        """Whether it matters that a flow is new."""
        return math.isfinite(self.limits["new_flows"]) or self.limits["slow_weight"] > 1


@dataclass(frozen=True)
class Shared:
    """What all interfaces of an instance draw from."""

    bandwidth: Mapping[str, Allowance]  # "in", "out"
    packets: Allowance


@dataclass
class Way:
    """One direction: chains, and what of them the driver tells.

    Attributes
    ----------
    side: "in" or "out"
    tracker: of connections; tells_tracker: not where the other direction has it, too
    counters, levels: nodes and their counters by the driver's names
    """

    side: str
    settings: Settings
    shared: Shared
    tracker: Node | None
    tells_tracker: bool = True
    chains: list[Chain] = field(default_factory=list)
    counters: dict[str, list[Part]] = field(default_factory=dict)
    levels: dict[str, list[Part]] = field(default_factory=dict)

    def tells(self, name: str, *parts: Part) -> None:
        """The driver's counter has these."""
        self.counters.setdefault(name, []).extend(parts)


def out_of(way: Way, to: Port) -> None:
    """From the instance to a port; the first chain takes what the instance sends."""
    s = way.settings
    kinds = classify("link_local", "fragment", resolver=s.resolver, name="kinds")
    way.tells("linklocal_allowance_exceeded", ("link_local", "exceeded"))
    way.tells("pps_allowance_exceeded", ("fragments", "exceeded"))
    headers = header_limit(s.whole("llq_header"), name="headers")
    way.tells(HEADERS[s.driver], ("headers", "dropped"))
    then = _tracked(way, _limited(way, mtu(s.whole("mtu"), name="mtu") >> tx(to)))
    way.chains = [
        headers >> kinds >> then,
        *way.chains,
        kinds["link_local"] >> _policed(s, "link_local") >> then.first,
        kinds["fragment"] >> _policed(s, "fragments") >> then.first,
    ]


def into(way: Way, to: Port) -> None:
    """To the instance at a port; the first chain takes what comes to it."""
    way.chains = [_tracked(way, _limited(way, tx(to))), *way.chains]


def _policed(s: Settings, name: str) -> Node:
    """A rate of an interface by itself."""
    return police(allowance(s.load(name), s.packets(f"{name}_burst")), name=name)


def _limited(way: Way, then: Node | Chain) -> Chain:
    """Flow, packets, bandwidth."""
    s, side = way.settings, way.side
    bandwidth = shape(way.shared.bandwidth[side], limit=s.bytes("queue"), name=f"bw_{side}") >> then
    way.tells(f"bw_{side}_allowance_exceeded", (f"bw_{side}", "exceeded"))
    return _flows(way, _evaluated(way, bandwidth))


def _flow_limit(s: Settings, rate: str, name: str) -> Chain:
    return flow_limit(
        s.load(rate),
        s.bytes("flow_burst"),
        s.bytes("flow_queue"),
        overhead=s.whole("overhead"),
        name=name,
    )


def _flows(way: Way, then: Chain) -> Chain:
    """A flow's own rate, or that of ENA Express for what is eligible and not too long."""
    s, side = way.settings, way.side
    plain = _flow_limit(s, "flow", f"flow_{side}")
    if not s.express:
        return plain >> then
    kinds = classify(*EXPRESS_CLASSES[s.express], name=f"eligible_{side}")
    fits = mtu(s.whole("express_mtu"), name=f"srd_mtu_{side}")
    fast = _flow_limit(s, "express_flow", f"srd_{side}") >> then
    late: Node | Chain = fits
    if s.limits["express_delay"] > 0:  # before packets part, so that none overtakes its flow's
        late = delay(s.limits["express_delay"], name=f"srd_delay_{side}") >> fits
    fit = (fits.base_name, "passed")
    sent = fit
    if side == "out" and math.isfinite(s.limits["express_flows"]):  # who sends keeps account
        memory = flow_room(s.whole("express_flows"), s.limits["express_idle"], name="srd_memory")
        way.chains.append(memory["other"] >> plain)
        way.levels[UTILISATION] = [("srd_memory", "used_percent")]
        fast, sent = memory >> fast, ("srd_memory", "passed")
    way.chains += [kinds[word] >> late for word in EXPRESS_CLASSES[s.express]]
    way.chains += [fits >> fast, fits["other"] >> plain]
    if side == "out":
        way.tells("ena_srd_eligible_tx_pkts", fit, (fits.base_name, "exceeded"))
        way.tells("ena_srd_tx_pkts", sent)
    else:
        way.tells("ena_srd_rx_pkts", sent)
    return kinds >> plain >> then


def _evaluated(way: Way, then: Chain) -> Chain:
    """Packets a second. What needs the full evaluation has a rate of its own, and takes more of
    them, at once: so it waits in one place, and counts once."""
    s, side = way.settings, way.side
    packets = _packets(way, "pps") >> then
    if not s.has_slow_path:
        return packets
    slow = slow_path(s.limits["idle"], name=f"evaluation_{side}")
    new = slow["other"] >> police(allowance(s.load("new_flows")), name=f"new_flows_{side}")
    if (weight := s.whole("slow_weight")) > 1:
        way.chains.append(new >> _packets(way, "slow", weight) >> then)
    else:
        way.chains.append(new >> packets)
    return slow >> packets


def _packets(way: Way, name: str, weight: int = 1) -> Chain:
    """Packets that each take so many of the packet rate."""
    limit, node = way.settings.packets("pps_queue"), f"{name}_{way.side}"
    way.tells("pps_allowance_exceeded", (node, "exceeded"))
    return shape(way.shared.packets, limit=limit, weight=weight, name=node)


def _tracked(way: Way, then: Chain) -> Chain:
    """Connections, in the same table both ways where one path has both."""
    if way.tracker is None:
        return then
    if way.tells_tracker:
        node = way.tracker.base_name
        way.tells("conntrack_allowance_exceeded", (node, "exceeded"))
        way.levels["conntrack_allowance_available"] = [(node, "available")]
    return way.tracker >> then
