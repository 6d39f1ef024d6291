# SPDX-License-Identifier: BSD-3-Clause
"""How the value of a field is written: as a number, an address, flags or a name."""

from collections.abc import Callable, Iterable
from ipaddress import IPv4Address, IPv6Address
from itertools import islice

from labkit.packet.fields.names import FLAGS, NAMES
from labkit.units import plain

Show = Callable[[int, int], str]  # of a value and its bits
MOST_LISTED = 32  # of options, addresses and records


def number(value: int, _bits: int) -> str:
    """In decimal digits."""
    return str(value)


def hexadecimal(value: int, _bits: int) -> str:
    """In hexadecimal digits."""
    return f"{value:#x}"


def digits(value: int, bits: int) -> str:
    """Bytes as they stand there, two digits each."""
    return value.to_bytes((bits + 7) // 8, "big").hex()


def in_256ths(value: int, _bits: int) -> str:
    """256ths of a second (IEEE 802.1D 9.2.8) as seconds."""
    return f"{plain(value / 256)} s"


def mac(value: int, _bits: int) -> str:
    """A MAC address."""
    return value.to_bytes(6, "big").hex(":")


def ipv4(value: int, _bits: int) -> str:
    """An IPv4 address."""
    return str(IPv4Address(value))


def ipv6(value: int, _bits: int) -> str:
    """An IPv6 address."""
    return str(IPv6Address(value))


def address(data: bytes) -> str:
    """A hardware or network address by its length; others as digits."""
    if len(data) == 6:
        return data.hex(":")
    if len(data) in (4, 16):
        return str(IPv4Address(data) if len(data) == 4 else IPv6Address(data))
    return data.hex()


def ipv6s(data: bytes) -> str:
    """A list of IPv6 addresses."""
    return listed(str(IPv6Address(data[at : at + 16])) for at in range(0, len(data) - 15, 16))


def ipv4s(data: bytes) -> str:
    """A list of IPv4 addresses."""
    return listed(str(IPv4Address(data[at : at + 4])) for at in range(0, len(data) - 3, 4))


def text(data: bytes) -> str:
    """Letters of ASCII; what is none is escaped."""
    return data.decode("ascii", "backslashreplace").encode("unicode_escape").decode()


def listed(values: Iterable[str]) -> str:
    """Values as a list, of which so many are shown that it can be read."""
    each = iter(values)
    found = list(islice(each, MOST_LISTED))
    if more := sum(1 for _ in each):
        found.append(f"and {more} more")
    return f"[{', '.join(found)}]"


def _named(names: dict[int, str], otherwise: Show) -> Show:
    return lambda value, bits: names.get(value) or otherwise(value, bits)


def _flagged(names: tuple[str, ...]) -> Show:
    """The names of the flags that are set, from the lowest bit up; a number for others."""

    def show(value: int, _bits: int) -> str:
        known = [name for bit, name in enumerate(names) if name and value >> bit & 1]
        rest = value & ~sum(1 << bit for bit, name in enumerate(names) if name)
        return "+".join([*known, f"{rest:#x}"] if rest else known) or "none"

    return show


SHOWS: dict[str, Show] = {
    "": number,
    "hex": hexadecimal,
    "digits": digits,
    "256ths": in_256ths,
    "mac": mac,
    "ipv4": ipv4,
    "ipv6": ipv6,
    **{
        name: _named(names, hexadecimal if name in ("ether_type", "ppp") else number)
        for name, names in NAMES.items()
    },
    **{name: _flagged(names) for name, names in FLAGS.items()},
}
