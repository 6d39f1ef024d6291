# SPDX-License-Identifier: BSD-3-Clause
"""A host of a topology, from which Python pings, traces routes, and sends what it likes."""

import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Annotated, Any

from labkit.arguments.checked import checked, fitting
from labkit.arguments.hints import Between, Seconds, UdpPort
from labkit.errors import Unreachable
from labkit.lab.port import Port
from labkit.lab.topology.addressing import Attached, Version
from labkit.lab.topology.answers import Ping, told_hop, told_ping
from labkit.packet.filter import compile_filter
from labkit.units import plain

if TYPE_CHECKING:
    import pandas as pd
    from scapy.packet import Packet

    from labkit.lab.topology.socket import HostSocket

FIRST_PORT = 33434  # as traceroute counts
SPEAKS_FROM = 50000  # UDP port, one of Python's
MOST_HOPS = 255
NETS = 65536


class Host:
    """A host: net["h1"]. It answers ARP, neighbour discovery, ping and UDP echo, and says which
    ports are closed.

    Attributes
    ----------
    name: as in the topology
    """

    def __init__(
        self,
        at: Attached,
        gateways: dict[Version, str | None],
        open_port: Callable[[], Port],
        address_of: Callable[[str], str],
        name_of: Callable[[str], str | None],
    ) -> None:
        """open_port: gives Python a port to the host; address_of: of a device's name or an address
        as it is; name_of: who has an address."""
        self.name = at.device.name
        self._at, self._gateways = at, gateways
        self._open_port, self._address_of, self._name_of = open_port, address_of, name_of
        self._socket: HostSocket | None = None
        self._number = 0

    @property
    def addresses(self) -> list[str]:
        """With their prefixes."""
        return [str(address) for address in self._at.addresses.values()]

    @property
    def address(self) -> str:
        """The IPv4 address alone."""
        return str(self._at.addresses[4].ip)

    @property
    def gateway(self) -> str | None:
        """The IPv4 address of the router that leads elsewhere; None: no router does."""
        return self._gateways[4]

    @property
    def mac(self) -> str:
        """Its MAC address."""
        return self._at.mac

    @property
    def port(self) -> Port:
        """What Python has of the host: its send() sends frames from the host, its receive() has
        what comes to it. Made when it is first asked for; a lab has 32 ports at most."""
        return self._open_port()

    def socket(self, *, filter: str | None = None) -> "HostSocket":
        """A scapy socket of IP packets, which go where the host's routes lead:

            net["h1"].socket().sr1(IP(dst="10.0.2.2") / ICMP(), timeout=1)

        filter: which frames it hears, such as "icmp" (pcap-filter); None: every one
        """
        takes = None if filter is None else compile_filter(fitting("filter", filter, str))
        return self._new_socket(takes)

    def as_scapy(self) -> AbstractContextManager[None]:
        """Within `with`, scapy's own sr(), sr1(), send() and traceroute() work from this host."""
        from labkit.lab.topology.socket import as_scapys  # late: scapy is slow

        sources = {version: str(a.ip) for version, a in self._at.addresses.items()}
        return as_scapys(self._new_socket, sources)

    @checked()
    def ping(
        self,
        target: str,
        count: Annotated[int, Between(1, 10_000)] = 3,
        *,
        size: Annotated[int, Between(0, 1400, "bytes")] = 56,
        interval: Seconds = 0.0,
        timeout: Seconds = 1.0,
        ttl: Annotated[int, Between(1, 255)] = 64,
    ) -> Ping:
        """Sends ICMP echo requests to a host by its name, or to an address, one after the other.

        A Ping tells how many were answered and how long that took; its `table` has a row for each.
        size: bytes of data in each; interval, timeout: s, between two and for each answer
        """
        from scapy.layers.inet import ICMP, IP
        from scapy.layers.inet6 import ICMPv6EchoRequest, IPv6
        from scapy.packet import Raw

        address, number = self._address_of(target), self._next_number()
        data = Raw(bytes(n % 256 for n in range(size)))
        rows = []
        for seq in range(1, count + 1):
            if seq > 1 and interval:
                time.sleep(interval)
            if ":" in address:
                request = IPv6(dst=address, hlim=ttl) / ICMPv6EchoRequest(id=number, seq=seq) / data
            else:
                request = IP(dst=address, ttl=ttl) / ICMP(id=number, seq=seq) / data
            answer, seconds = self._ask(request, timeout)
            rows.append(told_ping(seq, answer, seconds))
        return Ping(self.name, target, address, rows, self._name_of)

    @checked()
    def traceroute(
        self,
        target: str,
        *,
        max_hops: Annotated[int, Between(1, MOST_HOPS)] = 30,
        timeout: Seconds = 1.0,
    ) -> "pd.DataFrame":
        """The way to a host by its name, or to an address: UDP datagrams that live for 1, 2, 3 ...
        hops, to ports from 33434 on. One row a hop: `hop`, `address` and `name` of who answered
        (missing: nobody did), `rtt_ms`, and what it told: "time exceeded", "port unreachable" from
        the target itself, or why the way ends."""
        from labkit.tables.table import Table  # pandas is slow to load

        address, rows = self._address_of(target), []
        for hop in range(1, max_hops + 1):
            answer, seconds = self._ask(
                self._datagram(address, FIRST_PORT + hop, b"", hop), timeout
            )
            rows.append(told_hop(hop, answer, seconds, self._name_of))
            if rows[-1][-1] not in (None, "time exceeded"):
                break
        columns = ["hop", "address", "name", "rtt_ms", "told"]
        return Table(rows, columns=columns).astype({"rtt_ms": "Float64"})

    @checked()
    def udp(
        self, target: str, data: bytes | str = b"", port: UdpPort = 7, *, timeout: Seconds = 1.0
    ) -> bytes:
        """Sends a UDP datagram, and returns what the answer carries; port 7 of every host sends it
        back. Raises Unreachable with what was told instead of an answer."""
        from scapy.layers.inet import UDP

        payload = data.encode() if isinstance(data, str) else data
        address = self._address_of(target)
        answer, _ = self._ask(self._datagram(address, port, payload), timeout)
        if answer is None:
            raise Unreachable(
                f"no answer from UDP port {port} of {target} within {plain(timeout)} s"
            )
        told = told_hop(0, answer, 0.0, self._name_of)
        if told[-1] != "answer":
            raise Unreachable(f"UDP port {port} of {target}: {told[2] or told[1]} says {told[-1]}")
        return bytes(answer[UDP].payload)

    def __repr__(self) -> str:
        by = f", gateway {self.gateway}" if self.gateway else ""
        return f"<host {self.name}: {', '.join(self.addresses)}{by}>"

    def _datagram(self, address: str, port: int, payload: bytes, ttl: int = 64) -> "Packet":
        from scapy.layers.inet import IP, UDP
        from scapy.layers.inet6 import IPv6
        from scapy.packet import Raw

        header = IPv6(dst=address, hlim=ttl) if ":" in address else IP(dst=address, ttl=ttl)
        source = SPEAKS_FROM + self._next_number() % 10_000
        packet: Packet = header / UDP(sport=source, dport=port) / Raw(payload)
        return packet

    def _ask(self, packet: "Packet", timeout: float) -> "tuple[Packet | None, float]":
        """The answer, and after how many seconds it came."""
        from labkit.lab.topology.answers import answer_to

        if self._socket is None or self._socket.closed:
            self._socket = self._new_socket(None)
        frame = self._socket.frame(packet)
        frames = self.port.frames
        reader = frames.new_reader()
        begin, end = time.time(), time.monotonic() + timeout
        frames.send_one(frame)
        while True:
            while (found := reader.read()) is not None:
                answer = answer_to(frame, found[0])
                if answer is not None:
                    return answer, max(0.0, found[1] - begin)  # two clocks
            if not frames.wait(reader, max(0.0, end - time.monotonic())):
                return None, timeout

    def _next_number(self) -> int:
        self._number = (self._number + 1) % NETS
        return self._number

    def _new_socket(self, filter: Any) -> "HostSocket":
        from labkit.lab.sniffing import serve_sniffers
        from labkit.lab.topology.socket import HostSocket  # late: scapy is slow

        serve_sniffers()
        return HostSocket(self.port, self._at, self._gateways, filter)
