# SPDX-License-Identifier: BSD-3-Clause
"""Prefixes of routes: a hundred thousand of them are read in a fraction of a second."""

from socket import AF_INET, AF_INET6, inet_pton
from typing import NamedTuple

from labkit.errors import PathError


class Prefix(NamedTuple):
    """A network: its first address (IPv4: padded with zeros) and how many bits of it count."""

    version: int
    length: int
    bytes: bytes


def prefix_of(text: object, where: str = "") -> Prefix:
    """Of "10.0.0.0/8" or "fd00::/8"."""
    try:
        address, slash, length = str(text).partition("/")
        version, family, most = (6, AF_INET6, 128) if ":" in address else (4, AF_INET, 32)
        packed, bits = inet_pton(family, address).ljust(16, b"\0"), int(length) if slash else most
        if not 0 <= bits <= most or (slash and not length.isdecimal()):
            raise ValueError
    except (ValueError, OSError):
        raise PathError(
            f'{where or text}: write a prefix such as "10.0.0.0/8", "fd00::/8" or "0.0.0.0/0"'
        ) from None
    rest = _number(packed) & ((1 << 128 - bits) - 1)
    if rest:
        network = Prefix(version, bits, (_number(packed) ^ rest).to_bytes(16, "big"))
        raise PathError(
            f"{where or text} has bits behind its length; write {shown_prefix(network)}"
        )
    if packed[0] >= FIRST_NOBODY[version] and bits >= 4:
        raise PathError(
            f"{where or text} is for groups or reserved; a router forwards to single hosts"
        )
    return Prefix(version, bits, packed)


FIRST_NOBODY = {4: 224, 6: 255}


def shown_prefix(prefix: Prefix) -> str:
    """As it is written."""
    from socket import inet_ntop

    family, size = (AF_INET, 4) if prefix.version == 4 else (AF_INET6, 16)
    return f"{inet_ntop(family, prefix.bytes[:size])}/{prefix.length}"


def _number(packed: bytes) -> int:
    return int.from_bytes(packed, "big")
