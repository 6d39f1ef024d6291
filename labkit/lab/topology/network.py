# SPDX-License-Identifier: BSD-3-Clause
"""A topology that runs: what lab.topology() makes."""

import ipaddress
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from labkit.arguments.checked import EVERY, checked
from labkit.arguments.hints import Seconds
from labkit.arguments.names import Named
from labkit.errors import LabError, Unreachable
from labkit.lab.port import Port
from labkit.lab.running_path import RunningPath
from labkit.lab.topology.addressing import Attached, Layout
from labkit.lab.topology.host import Host
from labkit.lab.topology.links import counted, directions, link_table
from labkit.lab.topology.paths import wire_params
from labkit.lab.topology.plan import Link, TopologyError, link_between
from labkit.lab.topology.routes import gateway_of, routes_of
from labkit.lab.topology.text import quality_of
from labkit.text import near

if TYPE_CHECKING:
    import pandas as pd

    from labkit.lab.paths import LabPaths

FRAMES = 512  # buffers of what Python sends from a host
MTU = 1500
AS_IT_IS = "as it is"


class Network(Mapping[str, Host]):
    """Hosts by name, links, and the path that does it all.

        net["h1"].ping("h2")

    Attributes
    ----------
    path: the running path, with its ledger and tables
    """

    def __init__(
        self,
        lab: Any,  # a Lab, which makes it
        paths: "LabPaths",
        running: RunningPath,
        layout: Layout,
        ports: Mapping[str, Port],
    ) -> None:
        """ports: of the lab, by the hosts that stand behind them."""
        self.path = running
        self._lab, self._paths, self._layout, self._outside = lab, paths, layout, ports
        self._ports: dict[str, Port] = {}
        self._hosts: dict[str, Host] = Named("host")
        for device in layout.plan.of("host"):
            if device.name not in ports:
                self._hosts[device.name] = self._host(device.name)

    # Hosts

    def __getitem__(self, name: str) -> Host:
        if name not in self._hosts and name in self._layout.plan.devices:
            kind = self._layout.plan.devices[name].kind
            what = f"port {self._outside[name].name}" if name in self._outside else f"a {kind}"
            raise LabError(
                f"{name} is {what}, and Python speaks from hosts; what there is of switches and "
                "routers is in .path.tables"
            )
        return self._hosts[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._hosts)

    def __len__(self) -> int:
        return len(self._hosts)

    def _ipython_key_completions_(self) -> list[str]:
        return list(self._hosts)

    @property
    def hosts(self) -> Mapping[str, Host]:
        """Hosts by name, those without that are ports of the lab."""
        return self._hosts

    @property
    def addresses(self) -> "pd.DataFrame":
        """One row an interface of hosts and routers: `device`, `kind`, `interface`, `address` with
        its prefix, `mac`, and of hosts the `gateway`."""
        from labkit.tables.table import Table  # pandas is slow to load

        rows = [
            (d.name, d.kind, i.name, str(a), self._mac_of(i), self._gateway_of(i, version))
            for d in self._layout.plan.devices.values()
            for i in self._layout.interfaces[d.name]
            for version, a in i.addresses.items()
        ]
        columns = ["device", "kind", "interface", "address", "mac", "gateway"]
        return Table(rows, columns=columns)

    @property
    def routes(self) -> "pd.DataFrame":
        """One row a route that a router was given: `router`, `network`, `gateway`, and whose
        address that is."""
        from labkit.tables.table import Table  # pandas is slow to load

        rows = [
            (router.name, network, gateway, self._name_of(gateway))
            for router in self._layout.plan.of("router")
            for network, gateway in routes_of(self._layout, router.name).items()
        ]
        return Table(rows, columns=["router", "network", "gateway", "name"])

    @checked(LabError)
    def ping_all(self, *, timeout: Seconds = 1.0) -> "pd.DataFrame":
        """Every host pings every other one once: round trips in ms, a row for each that asks and a
        column for each that is asked; missing where no answer came in `timeout` s.

        Raises PortError where the lab has no room for a port for each host.
        """
        import pandas as pd

        from labkit.tables.table import Table

        found = {
            target: [
                None if one is target else self._rtt(self._hosts[one], target, timeout)
                for one in self._hosts
            ]
            for target in self._hosts
        }
        return Table(found, index=pd.Index(self._hosts, name="from"), dtype="Float64")

    # Links

    @property
    def links(self) -> "pd.DataFrame":
        """One row a direction of a link: what it is like, `frames` and `bytes` that came through,
        `held` on it now, and what was lost: `down`, `full`, `lost` on purpose."""
        return link_table(self._layout, self.path.counters)

    @checked(LabError, but=EVERY)
    def set_link(
        self,
        a: str,
        b: str,
        *,
        rate: float | str | None = AS_IT_IS,
        delay: float | str | None = None,
        jitter: float | str | None = None,
        loss: float | str | None = None,
        limit: int | str | None = None,
        up: bool | None = None,
    ) -> None:
        """Makes the link between two devices another one, in both directions, while frames flow.

        What is not named stays as it is. up=False: nothing comes through, and what is on the way is
        lost; routes stay as they are, for no router tells another. rate=None: no limit.
        """
        self._check_runs()
        given = {"delay": delay, "jitter": jitter, "loss": loss, "limit": limit, "up": up}
        given = {name: value for name, value in given.items() if value is not None}
        if rate != AS_IT_IS:
            given["rate"] = rate
        number = self._link_between(a, b)
        link = self._layout.plan.links[number]
        quality = quality_of(given, link.quality)
        for end in (link.a, link.b):
            interface = next(i for i in self._layout.interfaces[end] if i.link == number)
            self._paths.change(self.path, interface.name, **wire_params(quality))
        links = list(self._layout.plan.links)
        links[number] = replace(link, quality=quality)
        object.__setattr__(self._layout.plan, "links", tuple(links))

    @property
    def seen(self) -> object:
        """What its picture tells: another one where there is another picture to draw."""
        counters, told = self.path.last_counters()
        frames = counters and tuple(of.get("passed") for of in counters.functions.values())
        return frames, told, self._layout.plan.links

    def stop(self) -> None:
        """Takes the topology off its worker, and closes the ports that Python had to its hosts."""
        self.path.stop()
        for port in self._ports.values():
            port.close()
        self._ports.clear()

    def __enter__(self) -> "Network":
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def __repr__(self) -> str:
        plan = self._layout.plan
        kinds = (("host", "hosts"), ("switch", "switches"), ("router", "routers"))
        counts = [(len(plan.of(kind)), kind, many) for kind, many in kinds]  # type: ignore[arg-type]
        told = [f"{n} {one if n == 1 else many}" for n, one, many in counts if n]
        links = f"{len(plan.links)} link{'s' if len(plan.links) != 1 else ''}"
        return f"<topology {self.path.name}: {', '.join(told)}, {links}>"

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        return self.picture()

    def picture(self, rates: Mapping[str, float] | None = None) -> dict[str, Any]:
        """By MIME type. rates: frames a second, by the interface that a direction begins at."""
        from labkit.lab.topology.drawing import picture  # late: drawing is slow to load

        counters, told = self.path.last_counters()
        found = picture(self._layout, repr(self), counters, told, rates or {})
        return {"text/plain": repr(self), **found}

    def went(self) -> dict[str, int]:
        """Frames so far, by the interface that a direction begins at."""
        counters, _ = self.path.last_counters()
        ways = directions(self._layout) if counters is not None else []
        return {i.name: counted(i, counters)["frames"] for i, _ in ways}  # type: ignore[arg-type]

    # Inside

    def _host(self, name: str) -> Host:
        at = self._layout.host(name)
        gateways = {v: gateway_of(self._layout, name, v) for v in self._layout.versions}
        return Host(at, gateways, self._opens(name), self._address_of, self._name_of)

    def _opens(self, name: str) -> Callable[[], Port]:
        return lambda: self._port(name)

    def _port(self, name: str) -> Port:
        """By which Python speaks from a host, made when it first does."""
        self._check_runs()
        port = self._ports.get(name)
        if port is None or port.is_closed:
            mac = self._layout.host(name).mac
            free = name if name not in self._lab.ports else f"{self.path.name}.{name}"
            port = self._lab.port("null", free, mtu=MTU, mac=mac, mbufs=FRAMES)
            for part in ("send", "hear", "refuse"):
                self._paths.change(self.path, f"{name}.{part}", port=port.name)
            self._ports[name] = port
            self._paths.of_hosts[port] = name
        return port

    def _check_runs(self) -> None:
        if not self.path.is_running:
            raise LabError(
                f"topology {self.path.name} was stopped, and nobody is in it; make it again by "
                "lab.topology(...)"
            )

    def _rtt(self, host: Host, target: str, timeout: float) -> float | None:
        try:
            found = host.ping(target, 1, timeout=timeout).rtts_ms
        except Unreachable:  # nobody answers ARP
            found = []
        return found[0] if found else None

    def _link_between(self, a: str, b: str) -> int:
        plan = self._layout.plan
        for name in (a, b):
            if name not in plan.devices:
                raise TopologyError(f"there is no device {name!r}{near(name, plan.devices)}")
        found = link_between(plan.links, a, b)
        if found is None:
            there = ", ".join(map(str, plan.links_of(a)))
            raise TopologyError(f"there is no link {Link(a, b)}; the links of {a} are {there}")
        return found

    def _address_of(self, target: str) -> str:
        if target in self._layout.plan.devices:
            addresses = self._layout.interfaces[target][0].addresses
            if not addresses:
                raise TopologyError(f"{target} is a switch, and has no address; name a host")
            return str(addresses[4].ip)
        try:
            return str(ipaddress.ip_address(target))
        except ValueError:
            known = [n for n, d in self._layout.plan.devices.items() if d.kind != "switch"]
            raise TopologyError(
                f"{target!r} is neither an address nor a host or router{near(target, known)}"
            ) from None

    def _name_of(self, address: str) -> str | None:
        for name, interfaces in self._layout.interfaces.items():
            if any(str(a.ip) == address for i in interfaces for a in i.addresses.values()):
                return name
        return None

    def _mac_of(self, interface: Attached) -> str:
        port = self._outside.get(interface.device.name)
        return interface.mac if port is None else port.mac

    def _gateway_of(self, interface: Attached, version: Any) -> str | None:
        if interface.device.kind != "host":
            return None
        return gateway_of(self._layout, interface.device.name, version)
