# SPDX-License-Identifier: BSD-3-Clause
"""What an echo experiment is told: addresses, sizes, how many datagrams and how fast."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from labkit.arguments.hints import Between
from labkit.errors import LabError
from labkit.lab.port import Port
from labkit.packet.signature import SIGNATURE_LENGTH
from labkit.units import plain

IPV4_OVERHEAD, IPV6_OVERHEAD = 28, 48  # IP and UDP headers
MOST_PROBES = 10_000_000
LONGEST_SECONDS = 86_400
Probes = Annotated[int, Between(1, MOST_PROBES)]
Window = Annotated[int, Between(1, 256)]


@dataclass(frozen=True)
class EchoSettings:
    """What all sizes of an experiment have in common.

    Attributes
    ----------
    source, target: IP addresses of one version
    udp_port, source_port: of the service and of the probes, 1 to 65535
    count: datagrams a size, 1 to 10,000,000
    window: datagrams under way at once, 1 to 256
    timeout: seconds until a datagram is lost, above 0
    interval: seconds between two datagrams, 0 or more
    """

    source: str
    target: str
    udp_port: int
    source_port: int
    count: int
    window: int
    timeout: float
    interval: float

    def __post_init__(self) -> None:
        if not 0 < self.timeout <= LONGEST_SECONDS:
            raise LabError(
                f"timeout is {plain(self.timeout)}; it is a number of seconds above 0, up to "
                f"{plain(LONGEST_SECONDS)}"
            )
        if not 0 <= self.interval <= LONGEST_SECONDS:
            raise LabError(
                f"interval is {plain(self.interval)}; it is a number of seconds, 0 to "
                f"{plain(LONGEST_SECONDS)}"
            )

    @property
    def numbers(self) -> dict[str, int]:
        """What the engine is told of them."""
        return {
            "count": self.count,
            "window": self.window,
            "timeout_ns": int(self.timeout * 1e9),
            "interval_ns": int(self.interval * 1e9),
        }

    def headers(self, port: Port, mac: str, size: int) -> bytes:
        """Ethernet, IP and UDP headers of a probe to this MAC, with the lengths of a whole one."""
        from scapy.layers.inet import IP, UDP
        from scapy.layers.inet6 import IPv6
        from scapy.layers.l2 import Ether

        if ":" in self.target:
            ip = IPv6(src=self.source, dst=self.target, plen=8 + size)
        else:
            ip = IP(src=self.source, dst=self.target, len=28 + size, flags="DF")
        udp = UDP(sport=self.source_port, dport=self.udp_port, len=8 + size, chksum=0)
        return bytes(Ether(src=port.mac, dst=mac) / ip / udp)


def check_sizes(port: Port, sizes: Sequence[int], version: int) -> list[int]:
    """UDP payloads as a list; LabError for what the port or the signature does not allow.

    version: of IP, 4 or 6
    """
    overhead = IPV4_OVERHEAD if version == 4 else IPV6_OVERHEAD
    largest = port.mtu - overhead
    if not sizes:
        raise LabError("payload_sizes is empty; name at least one size in bytes")
    for size in sizes:
        if not SIGNATURE_LENGTH <= size <= largest:
            raise LabError(
                f"payload size {size} is outside of {SIGNATURE_LENGTH} (a probe's signature) to "
                f"{largest} bytes (MTU {port.mtu} of port {port.name} less {overhead} bytes of "
                f"IPv{version} and UDP headers); choose a size in that range or a larger mtu"
            )
    return list(sizes)
