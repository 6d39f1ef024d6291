# SPDX-License-Identifier: BSD-3-Clause
"""Addresses that count up, as the values of a varying field: none is listed in memory."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import overload

from labkit.arguments.checked import checked
from labkit.errors import LabError
from labkit.packet.mac import HOW_TO_WRITE, is_mac, mac_bytes

WIDTHS = {"MAC": 48, "IPv4": 32, "IPv6": 128}


@dataclass(frozen=True)
class Addresses(Sequence[str]):
    """Addresses from `first` on, `step` apart; made by lk.addresses().

    Attributes
    ----------
    kind: "MAC", "IPv4" or "IPv6"
    first: the first one as a number
    total, step: how many, and how far apart
    """

    kind: str
    first: int
    total: int
    step: int

    @overload
    def __getitem__(self, i: int) -> str: ...
    @overload
    def __getitem__(self, i: slice) -> tuple[str, ...]: ...
    def __getitem__(self, i: int | slice) -> str | tuple[str, ...]:
        """Address number i as text."""
        if isinstance(i, slice):
            return tuple(self[n] for n in range(*i.indices(self.total)))
        number = self.first + (i + self.total if i < 0 else i) * self.step
        if not -self.total <= i < self.total:
            raise IndexError(i)
        data = number.to_bytes(WIDTHS[self.kind] // 8, "big")
        return data.hex(":") if self.kind == "MAC" else str(ip_address(data))

    def __iter__(self) -> Iterator[str]:
        return (self[i] for i in range(self.total))

    def __len__(self) -> int:
        return self.total

    def __str__(self) -> str:
        return f"addresses({self[0]!r}, {self.total}, step={self.step})"


@checked()
def addresses(start: str, count: int | None = None, *, step: int = 1) -> Addresses:
    """MAC or IP addresses that count up, for lk.vary(IP.src, lk.addresses("10.0.0.1", 1000)).

    start: the first one, such as "02:00:00:00:00:01", "10.0.0.1", "fd00::1"; or a network, such as
        "10.0.0.0/24", whose hosts they are (without its own and its broadcast address)
    count: how many; None: all hosts of the network
    step: from one to the next; -1 counts down
    """
    last = None
    if is_mac(start):
        kind, first = "MAC", int.from_bytes(mac_bytes(start), "big")
    else:
        try:
            network = ip_network(start, strict="/" in start)
        except ValueError as why:
            raise LabError(
                f"start is {start!r}; it is an IP address, a network such as 10.0.0.0/24, or a MAC "
                f"address ({HOW_TO_WRITE}): {why}"
            ) from None
        kind = f"IPv{network.version}"
        first, last = _hosts(network) if "/" in start else (int(network[0]), None)
    if count is None:
        if last is None:
            raise LabError(f"count is missing: {start!r} is one address; say how many there are")
        count = (last - first) // abs(step) + 1 if step else 0
    if step == 0 or count < 1:
        raise LabError(f"{count} addresses with step {step}; count is 1 or more, and step not 0")
    end = first + step * (count - 1)
    highest = (1 << WIDTHS[kind]) - 1 if last is None else last
    if not 0 <= end <= highest or (last is not None and end < first):
        raise LabError(
            f"{count:,} addresses from {start!r} with step {step} do not fit; give fewer, or a "
            "smaller step"
        )
    return Addresses(kind, first, count, step)


def _hosts(network: IPv4Network | IPv6Network) -> tuple[int, int]:
    """The first and the last host's address."""
    first, last = int(network[0]), int(network[-1])
    if last - first < 2:
        return first, last
    return first + 1, last - (network.version == 4)
