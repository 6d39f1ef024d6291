# SPDX-License-Identifier: BSD-3-Clause
"""Our own echo path on a worker of its own, in a tunnel if need be."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated

from labkit._codec import lib
from labkit.arguments.checked import checked
from labkit.arguments.hints import Between
from labkit.dut.base import (
    DUT_ADDRESS,
    LINK_OVERHEAD,
    UDP_PORT,
    Dut,
    DutCounters,
    FarEnd,
    OnWire,
    WireEnd,
    datagram,
)
from labkit.dut.port_lifetime import closing
from labkit.errors import LabError
from labkit.hosts.wire import wire_port
from labkit.lab.lab import Lab
from labkit.lab.port import Port
from labkit.lab.running_path import RunningPath
from labkit.packet.tunnels import Tunnel
from labkit.path import nodes
from labkit.traffic.stream import NO_MAC

if TYPE_CHECKING:
    from scapy.packet import Packet

OUTER_ADDRESSES = {4: ("192.0.2.1", "192.0.2.2"), 6: ("2001:db8::1", "2001:db8::2")}


@checked(but=("mtu", "ip_version", "tunnel", "mode"))
@dataclass(frozen=True)
class LabkitEcho(Dut):
    """Lab.echo_server() on the far end of a cable. Verifies checksums.

    Attributes
    ----------
    name: what results call it
    mtu: of the cable, in bytes
    ring_size: frames that fit into the cable in each direction, a power of two
    ip_version: 4 or 6: of the datagrams that it answers
    tunnel: such as lk.Vxlan(vni=42): it takes datagrams out of it and sends its answers in it; a
        frame's size counts the tunnel's headers. As the lab's end sends it: `local` is the lab's
        address. Addresses it does not name are 192.0.2.1 and 192.0.2.2, or, where one is IPv6,
        2001:db8::1 and 2001:db8::2; MACs those of the cable.
    queues: of the cable in each direction; it answers in as many lanes
    """

    name: str = "labkit-echo"
    mtu: int = 9001
    ring_size: int = 1024
    ip_version: int = 4
    tunnel: Tunnel | None = None
    queues: Annotated[int, Between(1, lib.LK_MAX_RING_QUEUES)] = 1

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.tunnel is not None and not isinstance(self.tunnel, Tunnel):
            raise LabError(
                f"tunnel is {self.tunnel!r}; make one with lk.Vxlan, lk.Geneve or lk.Gue"
            )
        if (tunnel := self._between(NO_MAC, NO_MAC)) is not None:
            tunnel.check_can_send()

    @property
    def max_size(self) -> int:
        """Longest frame, in bytes with FCS."""
        limit = self.tunnel.mtu if self.tunnel is not None else None
        return min(self.mtu, limit or self.mtu) + LINK_OVERHEAD

    @property
    def headers(self) -> "Packet":
        """Those of a datagram that it answers, as FarEnd.frame but between no MAC addresses."""
        return datagram(NO_MAC, NO_MAC, self.ip_version, self._between(NO_MAC, NO_MAC))

    @checked()
    @contextmanager
    def open(self, lab: Lab) -> Iterator[FarEnd]:
        """Runs the echo path."""
        near, far = lab.cable(mtu=self.mtu, queues=self.queues, ring_size=self.ring_size)
        with closing(near, far):
            made = self._on(lab, far, near.mac, DUT_ADDRESS[self.ip_version])
            yield FarEnd(
                near,
                far.mac,
                made.counters,
                made.check,
                self.name,
                self.ip_version,
                made.tunnel,
            )

    @contextmanager
    def on(self, lab: Lab, end: WireEnd) -> Iterator[OnWire]:
        """Runs the echo path on a port of its host."""
        with wire_port(lab, end.device, end.mtu, is_near=False) as port:
            yield self._on(lab, port, end.lab_mac, end.address)

    def _on(self, lab: Lab, port: Port, lab_mac: str, address: str) -> OnWire:
        tunnel = self._between(lab_mac, port.mac)
        path = self._run(lab, port, tunnel, address)

        def counters() -> DutCounters:
            return DutCounters.of_port(port.xstats(), dict(path.drops), is_lab_port=True)

        check = lab.engine.check_answers
        return OnWire(port.mac, counters, check, tunnel, answers_arp=tunnel is None)

    def _run(self, lab: Lab, port: Port, tunnel: Tunnel | None, address: str) -> RunningPath:
        where = [address]
        if tunnel is None:
            return lab.echo_server(port, where, UDP_PORT)
        echo = nodes.udp_echo(where, UDP_PORT) | nodes.refuse(where, UDP_PORT)
        inside = nodes.decap(tunnel.peer) >> echo >> nodes.encap(tunnel.peer)
        return lab.run(nodes.rx(port) >> inside >> nodes.tx(port), name=f"echo:{port.name}")

    def _between(self, lab_mac: str, dut_mac: str) -> Tunnel | None:
        """The tunnel of the lab's end, with everything it needs to send."""
        if self.tunnel is None:
            return None
        local, remote = OUTER_ADDRESSES[self.tunnel.ip_version]
        return replace(
            self.tunnel,
            local=self.tunnel.local or local,
            remote=self.tunnel.remote or remote,
            local_mac=self.tunnel.local_mac or lab_mac,
            remote_mac=self.tunnel.remote_mac or dut_mac,
        )
