# SPDX-License-Identifier: BSD-3-Clause
"""Networks and addresses of a topology: those that were given, and others where none were.

What switches join is one network. Of each, routers have the first addresses and hosts those behind.
"""

import ipaddress
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from labkit.lab.topology.plan import Device, Interface, Link, Plan, TopologyError

Version = Literal[4, 6]
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
BASES: Mapping[Version, str] = {4: "10.0.{}.0/24", 6: "fd00:0:0:{:x}::/64"}
MOST_NETWORKS = 254


@dataclass(eq=False)
class Attached:
    """An interface of a device: its end of a link.

    Attributes
    ----------
    name: such as "r1-h1", from r1 towards h1
    link: number of the link
    addresses: of hosts and routers, by IP version
    """

    name: str
    device: Device
    peer: str
    link: int
    addresses: dict[Version, Interface] = field(default_factory=dict)

    @property
    def mac(self) -> str:
        """Of its own: the IPv4 address is in it."""
        return (b"\x02\x00" + self.addresses[4].ip.packed).hex(":")


@dataclass(eq=False)
class Segment:
    """A network: interfaces of hosts and routers that hear each other."""

    members: list[Attached] = field(default_factory=list)
    links: set[int] = field(default_factory=set)
    networks: dict[Version, Network] = field(default_factory=dict)

    def routers(self) -> list[Attached]:
        """Interfaces of routers."""
        return [m for m in self.members if m.device.kind == "router"]


@dataclass(eq=False)
class Layout:
    """A plan with interfaces and addresses.

    Attributes
    ----------
    interfaces: of each device, in the order of its links
    """

    plan: Plan
    interfaces: Mapping[str, Sequence[Attached]]
    segments: Sequence[Segment]
    versions: Sequence[Version]

    def segment_of(self, interface: Attached) -> Segment:
        """The network that an interface is in."""
        return next(s for s in self.segments if interface.link in s.links)

    def host(self, name: str) -> Attached:
        """The interface of a host."""
        return self.interfaces[name][0]


def lay_out(plan: Plan) -> Layout:
    """Interfaces, networks and addresses. TopologyError where what was given does not fit."""
    interfaces = _interfaces(plan)
    segments = _segments(plan, interfaces)
    given = [a.version for d in plan.devices.values() for a in d.addresses]
    versions: list[Version] = [4, 6] if 6 in given else [4]  # IP versions
    for segment in segments:
        _name_networks(segment)
    _place_addresses_of_routers(plan, interfaces, segments)
    for version in versions:
        _fill_networks(segments, version)
        for segment in segments:
            _fill_addresses(segment, version)
    layout = Layout(plan, interfaces, segments, versions)
    for host in plan.of("host"):
        _check_gateway(layout, host)
    return layout


def _check_gateway(layout: Layout, host: Device) -> None:
    """A host's own network has it, and it is another's."""
    if host.gateway is None:
        return
    gateway, at = ipaddress.ip_address(host.gateway), layout.host(host.name)
    addresses = [a for a in at.addresses.values() if a.version == gateway.version]
    if not any(gateway in a.network and gateway != a.ip for a in addresses):
        own = " and ".join(str(a) for a in at.addresses.values())
        raise TopologyError(
            f"host {host.name} sends via {gateway}, which is no neighbour of {own}; give an "
            "address of a router in its network"
        )


def _interfaces(plan: Plan) -> dict[str, list[Attached]]:
    found: dict[str, list[Attached]] = {name: [] for name in plan.devices}
    for number, link in enumerate(plan.links):
        for name, peer in ((link.a, link.b), (link.b, link.a)):
            found[name].append(Attached(f"{name}-{peer}", plan.devices[name], peer, number))
    return found


def _segments(plan: Plan, interfaces: Mapping[str, Sequence[Attached]]) -> list[Segment]:
    """Links that switches join belong together."""
    of_link = {number: Segment(links={number}) for number in range(len(plan.links))}
    for device in plan.of("switch"):
        first, *others = (of_link[i.link] for i in interfaces[device.name])
        for other in others:
            if other is not first:
                first.links |= other.links
                of_link |= dict.fromkeys(other.links, first)
    for device in plan.devices.values():
        for interface in interfaces[device.name]:
            if device.kind != "switch":
                of_link[interface.link].members.append(interface)
    return list(dict.fromkeys(of_link[number] for number in sorted(of_link)))


def _name_networks(segment: Segment) -> None:
    """As its hosts say."""
    told: dict[Version, str] = {}
    for member in segment.members:
        if member.device.kind != "host":
            continue
        for address in member.device.addresses:
            version, network = _version(address), address.network
            before = segment.networks.setdefault(version, network)
            if before != network:
                raise TopologyError(
                    f"host {member.device.name} is in {network}, and {told[version]}, which it "
                    f"hears, in {before}; give both the same network, or put a router between"
                )
            told[version] = member.device.name


def _place_addresses_of_routers(
    plan: Plan, interfaces: Mapping[str, Sequence[Attached]], segments: Sequence[Segment]
) -> None:
    """Where their network is, or else on the interfaces that have none, in their order."""
    for router in plan.of("router"):
        for address in router.addresses:
            version = _version(address)
            free = [i for i in interfaces[router.name] if version not in i.addresses]
            of = {i: next(s for s in segments if i.link in s.links) for i in free}
            fit = [i for i in free if of[i].networks.get(version) == address.network]
            fit += [i for i in free if version not in of[i].networks]
            if not fit:
                raise TopologyError(
                    f"router {router.name} has the address {address}, but no link to that network; "
                    f"its links are in {_networks(of.values()) or 'networks of their own'}"
                )
            of[fit[0]].networks.setdefault(version, address.network)
            if address.ip != address.network.network_address:
                fit[0].addresses[version] = address


def _networks(segments: Iterable[Segment]) -> str:
    return ", ".join(str(n) for s in segments for n in s.networks.values())


def _fill_networks(segments: Sequence[Segment], version: Version) -> None:
    taken: list[Network] = []
    for segment in segments:
        network = segment.networks.get(version)
        if network is None:
            continue
        for other in taken:
            if network.overlaps(other):
                raise TopologyError(
                    f"{network} and {other} overlap, but a router or nothing is between them; give "
                    "each network addresses of its own"
                )
        taken.append(network)
    numbers = iter(range(1, MOST_NETWORKS + 1))
    for segment in segments:
        if version not in segment.networks:
            segment.networks[version] = _free_network(taken, numbers, version)


def _free_network(taken: list[Network], numbers: Iterator[int], version: Version) -> Network:
    for number in numbers:
        network = ipaddress.ip_network(BASES[version].format(number))
        if not any(network.overlaps(other) for other in taken):
            return network
    raise TopologyError(
        f"there are more than {MOST_NETWORKS} networks without addresses; give some of them theirs"
    )


def _fill_addresses(segment: Segment, version: Version) -> None:
    network = segment.networks[version]
    taken: dict[object, str] = {}
    for member in segment.members:
        if member.device.kind == "host":
            for address in member.device.addresses:
                if address.version == version and address.ip != network.network_address:
                    member.addresses[version] = address
        if version in member.addresses:
            ip = member.addresses[version].ip
            if ip in taken:
                raise TopologyError(
                    f"{taken[ip]} and {member.device.name} both have the address {ip}; give each "
                    "its own"
                )
            taken[ip] = member.device.name
    free = (ip for ip in network.hosts() if ip not in taken)
    routers_first = sorted(segment.members, key=lambda m: m.device.kind != "router")
    for member in routers_first:
        if version not in member.addresses:
            found = next(free, None)
            if found is None:
                raise TopologyError(
                    f"{network} has no address left for {member.device.name}; give the network a "
                    "shorter prefix"
                )
            member.addresses[version] = ipaddress.ip_interface(f"{found}/{network.prefixlen}")


def _version(address: Interface) -> Version:
    return 4 if address.version == 4 else 6  # IP versions


__all__ = ["Attached", "Layout", "Link", "Segment", "lay_out"]
