# SPDX-License-Identifier: BSD-3-Clause
"""Ports at the inner side of tunnels: a cable whose far end a path joins to the outer port.

    rx(outer) >> decap >> tx(far)          what is for the tunnel
    rx(far) >> encap >> tx(outer)
    decap["other"] >> ARP, ND, ping >> tx(outer)

All tunnels of one outer port share a path, in which each passes unknown VNIs on to the next.
"""

import warnings
from dataclasses import dataclass, replace

from labkit._codec import lib
from labkit.arguments.checked import checked
from labkit.errors import PortError
from labkit.lab.neighbours import resolve
from labkit.lab.paths import LabPaths
from labkit.lab.port import Port
from labkit.lab.port_limits import MIN_MTU
from labkit.lab.ports import LabPorts
from labkit.machine.nics import LLQ_HEADER_LIMITS
from labkit.packet.tunnels import Tunnel
from labkit.path import nodes
from labkit.path.chain import as_chain
from labkit.path.hosts import host
from labkit.path.path import Path

RING_SIZE = 1024  # frames that an inner port's cable holds
INNER_HEADERS = 42  # bytes: Ethernet, IPv4 and UDP


@dataclass(frozen=True)
class TunnelEnd:
    """A tunnel of an outer port, its inner port, and the far end of that one's cable."""

    tunnel: Tunnel
    inner: str
    far: str


class TunnelPorts:
    """The tunnels of a lab, by outer port."""

    def __init__(self, ports: LabPorts, paths: LabPaths) -> None:
        self._ports = ports
        self._paths = paths
        self._ends: dict[str, list[TunnelEnd]] = {}

    @property
    def far_ends(self) -> set[str]:
        """The ports behind the inner ones: there is no host, but the way into the tunnel."""
        return {end.far for ends in self._ends.values() for end in ends}

    @checked(PortError)
    def open(self, outer: Port, tunnel: Tunnel, inner: str) -> Port:
        """Opens the inner port and joins it to the outer one; see Lab.tunnel()."""
        outer.check_open()
        ready = _made_ready(outer, tunnel)
        mtu = ready.max_inner_mtu(outer.mtu)
        if mtu < MIN_MTU:
            raise PortError(
                f"tunnel on port {outer.name}: its MTU of {outer.mtu} less {outer.mtu - mtu} bytes "
                f"of headers leaves {mtu}, and an inner MTU is {MIN_MTU} or more; open the port "
                "with a larger mtu"
            )
        _warn_of_llq(outer, ready)
        name = path_name(outer.name)
        running = self._paths.declared.get(name)
        others = self._ends.get(outer.name, []) if running is not None else []
        far_name = f"{inner[:20]}-far"
        queues = min(outer.last_info.rx_queues, lib.LK_MAX_RING_QUEUES)  # lanes go on inside
        near, far = self._ports.cable(inner, far_name, mtu=mtu, queues=queues, ring_size=RING_SIZE)
        if not ready.carries_ethernet:
            ready = replace(ready, inner_mac=near.mac)
            near.declaration = replace(near.declaration, neighbour=ready.remote_mac)
        ends = [*others, TunnelEnd(ready, near.name, far.name)]
        with self._ports.all_or_none([near.name, far.name]):
            if running is not None and others:
                running.stop()
            self._paths.run(_path(outer, ends), name=name)
        self._ends[outer.name] = ends
        return near

    def end(self, inner: Port) -> None:
        """Takes the tunnel of an inner port off its outer one; the others there go on."""
        self._ports.engine.check_alive()  # a dead engine builds no path for the others
        for outer, ends in self._ends.items():
            others = [end for end in ends if end.inner != inner.name]
            running = self._paths.declared.get(path_name(outer))
            if len(others) < len(ends) and running is not None:
                running.stop()
                if others:
                    path = _path(self._ports.by_name[outer], others)
                    self._paths.run(path, name=running.name)
        self.forget(inner.name)

    def forget(self, port: str) -> None:
        """Of a port that is no more: the tunnels that were on it."""
        self._ends = {
            outer: [end for end in ends if port not in (end.inner, end.far)]
            for outer, ends in self._ends.items()
            if outer != port
        }

    def inner_ports(self, outer: Port) -> list[str]:
        """The ports inside the tunnels of a port."""
        return [end.inner for end in self._ends.get(outer.name, [])]

    def far_end_of(self, inner: Port) -> Port | None:
        """The far end of the cable of a tunnel's inner port; None for any other port."""
        ends = (end for ends in self._ends.values() for end in ends)
        far = next((end.far for end in ends if end.inner == inner.name), None)
        return None if far is None else self._ports.by_name[far]


def path_name(outer: str) -> str:
    """Of the path that all tunnels of an outer port share."""
    return f"tunnels:{outer}"


def _made_ready(outer: Port, tunnel: Tunnel) -> Tunnel:
    """With the MAC addresses of both ends, and the port's MTU."""
    ready = replace(
        tunnel, local_mac=tunnel.local_mac or outer.mac, mtu=min(tunnel.mtu or 65535, outer.mtu)
    )
    if ready.remote_mac is None and ready.remote is not None:
        ready = replace(ready, remote_mac=resolve(outer, ready.remote, source=ready.local))
    ready.check_can_send()
    return ready


def _path(outer: Port, ends: list[TunnelEnd]) -> Path:
    tx = nodes.tx(outer)
    source = nodes.rx(outer)
    chains = [nodes.inject(outer) >> tx]
    before = as_chain(source)
    for end in ends:
        last = end is ends[-1]
        unwrap = nodes.decap(end.tunnel, "drop" if last else "pass", name=f"decap:{end.far}")
        wrap = nodes.encap(end.tunnel, name=f"encap:{end.far}")
        chains += [
            before >> unwrap >> nodes.tx(end.far),
            nodes.rx(end.far) >> wrap >> tx,
        ]
        before = unwrap["other"]
    own = sorted({str(end.tunnel.local) for end in ends})
    chains.append(before >> (host(own) | nodes.collect(outer)) >> tx)
    return Path(*chains)


def _warn_of_llq(outer: Port, tunnel: Tunnel) -> None:
    """ENA drops a frame whose headers are longer than what its queue takes beside a descriptor."""
    stack = 14 + tunnel.overhead + INNER_HEADERS
    limit = min(LLQ_HEADER_LIMITS.values())
    if outer.last_info.driver == "net_ena" and stack > limit:
        limits = " and ".join(f"{size} ({kind})" for kind, size in LLQ_HEADER_LIMITS.items())
        warnings.warn(
            f"tunnel on port {outer.name}: {stack} bytes of headers with Ethernet, IPv4 and UDP "
            f"inside; the limits of ENA's low-latency queues are {limits}. Longer ones are "
            "dropped by the device: use fewer GENEVE options, or open it with large_llq_hdr=1",
            stacklevel=6,  # who called lab.tunnel()
        )
