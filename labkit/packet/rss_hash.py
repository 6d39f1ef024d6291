# SPDX-License-Identifier: BSD-3-Clause
"""Which queue a NIC puts a frame into: Toeplitz' hash, as rte_softrss and NICs reckon it."""

from collections.abc import Collection
from itertools import takewhile

from labkit.packet.walk import Found, walk

HASH_BITS = 32
VERSIONS = {"ip": "ipv4", "ipv6": "ipv6"}  # a layer's kind, and what fields call it
ADDRESSES = {"ip": (12, 20), "ipv6": (8, 40)}  # source and destination in the IP header
WITH_PORTS = ("tcp", "udp", "sctp")


def toeplitz(key: bytes, data: bytes) -> int:
    """The hash of data, 32 bits (Microsoft, "RSS hashing functions"; rte_softrss).

    The key has four bytes more than the data, or more; where it has fewer, zeros follow.
    """
    bits = len(data) * 8
    long_key = int.from_bytes(key.ljust(len(data) + HASH_BITS // 8, b"\0"), "big")
    shift = max(len(key), len(data) + HASH_BITS // 8) * 8 - HASH_BITS
    number = int.from_bytes(data, "big")
    found = 0
    for bit in range(bits):
        if number >> (bits - 1 - bit) & 1:
            found ^= long_key >> (shift - bit)
    return found & 0xFFFFFFFF


def hashed_bytes(frame: bytes, fields: Collection[str]) -> bytes | None:
    """The bytes of a frame that a NIC hashes: addresses of its outer IP header, and where `fields`
    name its protocol ("ipv4-udp"), the ports behind them. None: it hashes none of it, and the frame
    goes to queue 0.

    fields: as testpmd calls them, those of `port.rss.fields`
    """
    layers = walk(frame)
    for at, layer in enumerate(layers):
        if layer.kind in ADDRESSES:
            return _of_ip(frame, layer, layers[at + 1 :], fields)
    return None


def _of_ip(frame: bytes, ip: Found, behind: list[Found], fields: Collection[str]) -> bytes | None:
    first, last = ADDRESSES[ip.kind]
    addresses = frame[ip.offset + first : ip.offset + last]
    if len(addresses) < last - first:
        return None
    version = VERSIONS[ip.kind]
    own = list(
        takewhile(lambda layer: layer.kind not in VERSIONS, behind)
    )  # not of an inner packet
    is_fragment = _is_fragment(frame, ip, own)
    l4 = next((layer for layer in own if layer.kind in WITH_PORTS), None)
    if l4 is not None and not is_fragment and f"{version}-{l4.kind}" in fields:
        return addresses + frame[l4.offset : l4.offset + 4]
    other = f"{version}-frag" if is_fragment else f"{version}-other"
    is_other = is_fragment or l4 is None
    return addresses if version in fields or (is_other and other in fields) else None


def _is_fragment(frame: bytes, ip: Found, behind: list[Found]) -> bool:
    if ip.kind == "ip":
        return bool(int.from_bytes(frame[ip.offset + 6 : ip.offset + 8], "big") & 0x3FFF)
    return any(layer.kind == "fragment" for layer in behind)
