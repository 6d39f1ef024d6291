# SPDX-License-Identifier: BSD-3-Clause
"""An EC2 instance's network as nodes of paths, with every limit a plain attribute."""

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

from labkit.arguments.checked import checked
from labkit.arguments.hints import Between, Offers
from labkit.arguments.names import Named
from labkit.ec2 import known
from labkit.ec2.checks import Express, check_credits, check_queues, check_scale, check_type
from labkit.ec2.directions import Settings, Shared, Way, into, out_of
from labkit.ec2.limits import DECLARED, UNLIMITED, Limit, number
from labkit.ec2.told import DriverName, counters_of, rates_of, tells_of
from labkit.errors import EngineError, PathError, UnknownName
from labkit.lab.port import Port
from labkit.path.allowances import Allowance, allowance
from labkit.path.chain import Node
from labkit.path.conntrack import conntrack
from labkit.path.driver import driver as driver_node
from labkit.path.nodes import rx
from labkit.path.path import Path
from labkit.text import near
from labkit.units import plain

if TYPE_CHECKING:
    import pandas as pd

ROOM_OF_CREDITS = 2**50
LONGEST_CREDITS = 2_200_000  # seconds of the baseline: DEEPEST of allowance.c at 4 GHz
WHILE_CREDITS = "; while there are credits"
MODES = {False: 0, True: 3, "tcp": 1}


class Nitro:
    """What lk.nitro() makes. Each limit is an attribute, a number in the unit that `limits` tells.

    Attributes
    ----------
    instance_type: such as "m6i.xlarge"
    express: whether ENA Express is on: False, True, or "tcp" for TCP alone
    placement_group, over_internet, wide_llq, scale, driver, resolver: as they were given
    """

    def __init__(
        self,
        instance_type: str,
        limits: Mapping[str, Limit],
        *,
        express: Express,
        placement_group: bool,
        over_internet: bool,
        wide_llq: bool,
        scale: float,
        driver: DriverName,
        resolver: str | None,
        untracked: str | None,
    ) -> None:
        self.instance_type = instance_type
        self.express, self.placement_group = express, placement_group
        self.over_internet, self.wide_llq, self.scale = over_internet, wide_llq, scale
        self.driver: DriverName = driver
        self.resolver, self.untracked = resolver, untracked
        self._limits = dict(limits)
        self._settings = Settings(self._scaled(), driver, MODES[express], resolver)
        self._shared = self._allowances()
        self._told: set[str] = set()
        self._ports: dict[str, Port] = {}

    def __getattr__(self, name: str) -> float | None:
        limits: Mapping[str, Limit] = self.__dict__.get("_limits", {})
        if name in limits:
            return limits[name].value
        if name.startswith("_"):
            raise AttributeError(name)
        raise UnknownName(f"an instance has no limit {name!r}{near(name, [*limits, *vars(self)])}")

    def __setattr__(self, name: str, value: object) -> None:
        if "_ports" not in self.__dict__:
            super().__setattr__(name, value)
            return
        options = [*DECLARED, *(key for key in vars(self) if not key.startswith("_"))]
        if name not in options:
            raise UnknownName(f"an instance has no limit {name!r}{near(name, options)}")
        changed = f"{self.instance_type!r}, {name}=..." if name != "instance_type" else "..."
        raise PathError(
            f"{name} is part of what the instance was made of, and its nodes go by it; make "
            f"another one with lk.nitro({changed}), and run its paths"
        )

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *self._limits]

    @property
    def limits(self) -> "pd.DataFrame":
        """One row a limit: value (infinite: unlimited; missing: none) in its unit, known ("known",
        "assumed", "given"), what it is, its source, and the driver's counter that rises; `here`:
        the value by which nodes go, where rates are divided by scale."""
        from labkit.tables.table import Table  # pandas is slow to load

        has_credits = self.baseline is not None and self.baseline < (self.bandwidth or 0)
        rows = [
            {
                "limit": name,
                "value": limit.value,
                "unit": DECLARED[name].unit,
                "known": limit.known,
                "here": self._settings.limits.get(name),
                "what": DECLARED[name].what + WHILE_CREDITS * (name == "bandwidth" and has_credits),
                "source": limit.source,
                "counter": DECLARED[name].counter or None,
            }
            for name, limit in self._limits.items()
        ]
        return Table(rows).set_index("limit")

    # Paths

    def egress(self, a: Port | str, b: Port | str) -> Path:
        """What the instance sends: frames that arrive on port a leave by port b."""
        return self._path("egress", ("out",), a, b)

    def ingress(self, a: Port | str, b: Port | str) -> Path:
        """What the instance receives: frames that arrive on port b leave by port a."""
        return self._path("ingress", ("in",), a, b)

    def both(self, a: Port | str, b: Port | str) -> Path:
        """Both directions in one path, on one worker; only so a connection's answers are known as
        such. Two paths, egress and ingress, share all other limits."""
        return self._path("instance", ("out", "in"), a, b)

    def _path(self, what: str, sides: tuple[str, ...], a: Port | str, b: Port | str) -> Path:
        name = a if isinstance(a, str) else a.name
        if isinstance(a, Port):
            check_queues(self.instance_type, self._limits, a, self._ports.values())
            self._ports[name] = a
        queues = a.last_info.rx_queues if isinstance(a, Port) else 1
        mode = MODES[self.express] if known.has_express(self.instance_type) else None
        connections = self._settings.limits["connections"]
        told = counters_of(
            self.driver,
            queues,
            0 if math.isinf(connections) else round(connections),
            mode,
            math.isfinite(self._settings.limits["express_flows"]),
        )
        self._told.update(told)
        told = {**told, **rates_of({**self._settings.limits, "bandwidth": self._rate})}
        tracker = self._tracker()
        chains = []
        for side in sides:
            way = Way(side, self._settings, self._shared, tracker, side == sides[0])
            came, goes, direction = (a, b, out_of) if side == "out" else (b, a, into)
            direction(way, goes)
            tells = tells_of(self._shared.packets.name, told, way.counters, way.levels)
            node = driver_node(a, tells, name=f"driver_{side}")
            chains += [rx(came) >> node >> way.chains[0], *way.chains[1:]]
        return Path(*chains, name=f"{what}-{name}"[:40])

    def _tracker(self) -> Node | None:
        limits = self._settings.limits
        if math.isinf(limits["connections"]):
            return None
        return conntrack(
            round(limits["connections"]),
            invalid="pass",  # a security group sees no TCP flags
            pickup=True,
            untracked=self.untracked,
            tcp_established=limits["tcp_established"],
            udp=limits["udp"],
            udp_stream=limits["udp_stream"],
            name="conntrack",
        )

    # What the driver tells

    def counters(self, port: Port | None = None) -> Named[int]:
        """What the instance's driver tells now, by the names of ethtool -S, or of DPDK's xstats
        where driver="net_ena".

        port: that of the instance; None: the only one that egress(), ingress() or both() were given
        """
        port = port or self._only_port()
        try:
            found = port.lab.engine.commands.driver_xstats(port.name)
        except EngineError:
            raise PathError(
                f"port {port.name} has no driver that tells anything yet: run a path with it first,"
                f" lab.run(ec2.egress({port.name}, other))"
            ) from None
        return Named("counter", {name: n for name, n in found.items() if name in self._told})

    def ethtool(self, port: Port | None = None) -> str:
        """The same as `ethtool -S` prints it."""
        lines = [f"     {name}: {value}" for name, value in self.counters(port).items()]
        return "\n".join(["NIC statistics:", *lines])

    def _only_port(self) -> Port:
        if len(self._ports) == 1:
            return next(iter(self._ports.values()))
        names = ", ".join(self._ports)
        raise PathError(
            f"the instance has interfaces at ports {names}: pass the one that is meant"
            if names
            else "the instance has no interface yet: run ec2.egress(a, b) with a and b as Ports"
        )

    # Numbers for nodes

    def _scaled(self) -> dict[str, float]:
        """Rates divided by `scale`; amounts are as they are, so all takes so much longer. Credits
        that the engine has no room for are as many as it has."""
        found = {
            name: limit.value / (self.scale if DECLARED[name].is_rate else 1)
            for name, limit in self._limits.items()
            if limit.value is not None
        }
        if "credits" in found and "baseline" in found:
            most = min(ROOM_OF_CREDITS, found["baseline"] / 8 * LONGEST_CREDITS)
            found["credits"] = min(found["credits"], math.floor(most))
        return found

    @property
    def _rate(self) -> float:
        """Bits a second that each way may, at most."""
        limits = self._settings.limits
        return min(limits["bandwidth"], limits["internet"] if self.over_internet else math.inf)

    def _allowances(self) -> Shared:
        limits, s, rate = self._settings.limits, self._settings, self._rate
        overhead = s.whole("overhead")
        rest: dict[str, Any] = {"overhead": overhead}
        baseline = limits.get("baseline")
        if baseline is not None and baseline < rate and "credits" in limits:
            credit = max(1, round(limits["credits"]))
            rest |= {"baseline": f"{baseline!r} bit/s", "credits": f"{credit} B"}
        load = UNLIMITED if math.isinf(rate) else f"{rate!r} bit/s"

        def bandwidth() -> Allowance:
            return allowance(load, s.bytes("bandwidth_burst"), **rest)

        return Shared(
            {"in": bandwidth(), "out": bandwidth()},
            allowance(s.load("pps"), s.packets("pps_burst")),
        )

    # In notebooks

    def __repr__(self) -> str:
        assumed = sum(limit.known == "assumed" for limit in self._limits.values())
        scaled = "" if self.scale == 1 else f", all rates divided by {plain(self.scale)}"
        return (
            f"<Nitro {self.instance_type}{scaled}: {len(self._limits)} limits, {assumed} of them "
            "unknown and assumed; see limits>"
        )

    def _repr_html_(self) -> str:
        return str(self.limits._repr_html_())  # type: ignore[operator]


@checked(PathError, but=("overrides",))
def nitro(
    instance_type: Annotated[str, Offers(lambda _: known.types())],
    *,
    express: Express = False,
    placement_group: bool = False,
    over_internet: bool = False,
    wide_llq: bool = False,
    scale: Annotated[float, Between(1, 1e6)] = 1,
    driver: DriverName = "ena",
    resolver: str | None = None,
    untracked: str | None = None,
    **overrides: Any,
) -> Nitro:
    """An EC2 instance's network, as far as it has limits: bandwidth with credits, packets, flows,
    connections, link-local services, fragments, headers.

        ec2 = lk.nitro("m6i.xlarge", scale=1000)
        lab.run(ec2.egress(a, b))              # a: the instance's side
        ec2.counters()["bw_out_allowance_exceeded"]

    instance_type: for what is published of it; a type whose bandwidth is not needs bandwidth=
    express: ENA Express (SRD): True, or "tcp" for TCP alone; both ends are taken to have it
    placement_group: within a cluster placement group, where a flow may 10 Gbit/s
    over_internet: what is on the other side is beyond an internet gateway or in another Region
    wide_llq: headers of 224 bytes instead of 96, half of the transmit ring
    scale: all rates are divided by it, for a laptop sends no 12.5 Gbit/s: what takes 1 ms there
    takes `scale` ms here, and bytes and packets that fit a burst or a queue stay the same
    driver: whose names counters have, "ena" (Linux, ethtool -S) or "net_ena" (DPDK)
    resolver: address of the VPC's resolver, which counts as link-local
    untracked: a capture filter of what the security groups leave untracked
    overrides: any limit of `limits` by its name: a number in its unit, a text such as "2 Mpps",
    or "unlimited". A bandwidth= without baseline= is one rate without credits.

    What is not published is assumed, and Nitro.limits says so of each value.
    """
    for name in overrides:
        if name not in DECLARED:
            raise PathError(f"an instance has no limit {name!r}{near(name, DECLARED)}")
    check_type(instance_type, express=express, overrides=overrides)
    given = {
        name: Limit(number(name, value), "given", "the caller") for name, value in overrides.items()
    }
    limits = {
        **({} if "bandwidth" in given else known.of_bandwidth(instance_type)),
        **known.of_all(placement_group=placement_group, wide_llq=wide_llq, internet=over_internet),
        **known.of_queues(instance_type),
        **given,
    }
    limits.setdefault("baseline", Limit(None, "known", "one rate, without credits"))
    check_credits(limits)
    limits = {**known.that_follow(instance_type, limits), **limits}
    check_scale(scale, limits)
    made = Nitro(
        instance_type,
        {name: limits[name] for name in DECLARED if name in limits},
        express=express,
        placement_group=placement_group,
        over_internet=over_internet,
        wide_llq=wide_llq,
        scale=scale,
        driver=driver,
        resolver=resolver,
        untracked=untracked,
    )
    made.both("a", "b")  # what no node takes is told now
    return made
