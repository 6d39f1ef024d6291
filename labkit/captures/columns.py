# SPDX-License-Identifier: BSD-3-Clause
"""What columns a capture's frames may be taken apart into, and what their numbers mean."""

import ipaddress
import socket
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from labkit._codec import ffi, lib
from labkit.errors import LabError, UnknownName
from labkit.packet.codec import VERDICTS
from labkit.packet.walk import KINDS, PROBLEMS, SUM_STATES, SUM_WORDS
from labkit.text import near, shown

INNER = "inner_"
MISSING = -1
IPV4 = 4  # bytes
Array = np.ndarray[Any, Any]

NUMBERS = {
    lib.LK_COLUMN_U8: np.uint8,
    lib.LK_COLUMN_U16: np.uint16,
    lib.LK_COLUMN_U32: np.uint32,
    lib.LK_COLUMN_I64: np.int64,
}
TCP_FLAGS = "FSRPAUECN"  # from the lowest bit on
TCP_FLAG_BITS = 0x1FF
# Of those whose headers are not looked into (IANA's protocol-numbers)
PROTOCOLS = {33: "dccp", 46: "rsvp", 59: "none", 88: "eigrp", 89: "ospf", 103: "pim", 112: "vrrp"}
DEFAULT = (
    *("time_ns", "length", "captured", "interface", "layers"),
    *("eth_src", "eth_dst", "vlan", "ip_version", "ip_src", "ip_dst", "ttl", "dscp", "ecn"),
    *("proto", "src_port", "dst_port", "tcp_flags", "tcp_seq", "tcp_ack", "payload_length"),
    *("ip_checksum", "l4_checksum", "ip_offset", "l4_offset", "payload_offset", "problem"),
    *("tunnel", "tunnel_depth", "tunnel_offset", "vni", "verdict"),
    *(f"inner_{name}" for name in ("eth_src", "eth_dst", "vlan", "ip_src", "ip_dst", "proto")),
    *(f"inner_{name}" for name in ("src_port", "dst_port", "tcp_flags", "payload_length")),
    *(f"inner_{name}" for name in ("ip_checksum", "l4_checksum", "ip_offset", "l4_offset")),
)


@dataclass(frozen=True)
class Column:
    """A column that a capture's table may have.

    Attributes
    ----------
    name: inner_... is of the innermost packet of tunnels
    number, is_inner: in native/packet/column_list.h
    type: enum lk_column_type
    text: what it tells
    """

    name: str
    number: int
    is_inner: bool
    type: int
    text: str

    @property
    def is_text(self) -> bool:
        """Its numbers stand for texts."""
        return self.type not in NUMBERS and self.type != lib.LK_COLUMN_OFFSETS


def _all() -> dict[str, Column]:
    found: dict[str, Column] = {}
    inner: dict[str, Column] = {}
    number = 0
    while (native := lib.lk_column_name(number)) != ffi.NULL:
        name = ffi.string(native).decode()
        text = ffi.string(lib.lk_column_text(number)).decode()
        kind = lib.lk_column_type(number)
        found[name] = Column(name, number, False, kind, text)
        if lib.lk_column_is_packets(number):
            inner[INNER + name] = Column(INNER + name, number, True, kind, text)
        number += 1
    return found | inner


COLUMNS = _all()


def columns_of(names: Sequence[str] | None) -> tuple[Column, ...]:
    """The columns of these names, each once; None: those that most questions need."""
    if names is None:
        names = DEFAULT
    if isinstance(names, str) or not isinstance(names, Iterable):
        raise LabError(
            f"columns is {shown(names)}; it is a list of names, such as ['time_ns', 'ip_src']"
        )
    found: dict[str, Column] = {}
    for name in names:
        if not isinstance(name, str) or name not in COLUMNS:
            told = f"there is no column {shown(name)}{near(str(name), COLUMNS)}"
            after = "" if told.endswith("?") else ";"
            raise UnknownName(f"{told}{after} lk.Capture.columns() tells all of them")
        found[name] = COLUMNS[name]
    if not found:
        raise LabError("columns is empty; name one column or more, or leave it out")
    return tuple(found.values())


def texts_of(column: Column, codes: Array, context: Any) -> tuple[Array, list[str]]:
    """Numbers of texts from 0 on (-1: missing) and the texts, each once."""
    if column.type in (lib.LK_COLUMN_MAC, lib.LK_COLUMN_IP, lib.LK_COLUMN_KINDS):
        return codes, _keys(context, column.type)
    there = np.flatnonzero(np.bincount(codes + 1, minlength=1)[1:])
    texts = [_text(column, int(code)) for code in there]
    unique = list(dict.fromkeys(texts))
    numbers = np.full(int(there[-1]) + 2 if there.size else 1, MISSING, dtype=np.int32)
    numbers[there + 1] = [unique.index(text) for text in texts]
    return numbers[codes + 1], unique


def _text(column: Column, code: int) -> str:
    if column.type == lib.LK_COLUMN_KIND:
        return kind_name(code)
    if column.type == lib.LK_COLUMN_TCP_FLAGS:
        return tcp_flags(code)
    if column.type == lib.LK_COLUMN_SUM:
        return SUM_WORDS[SUM_STATES[code]]
    if column.type == lib.LK_COLUMN_PROBLEM:
        return PROBLEMS[code]
    return VERDICTS[code].name if code else "taken"


def tcp_flags(bits: int) -> str:
    """Flags as letters, such as "SA"; "none" where none is set."""
    return "".join(letter for n, letter in enumerate(TCP_FLAGS) if bits >> n & 1) or "none"


def kind_name(code: int) -> str:
    """The name of a kind of layer, or of an IP protocol behind those."""
    if code < len(KINDS):
        return KINDS[code]
    return PROTOCOLS.get(code - len(KINDS), str(code - len(KINDS)))


def protocol_name(protocol: int) -> str:
    """The name of an IP protocol by its number."""
    kind = lib.lk_layer_of_protocol(protocol)
    return kind_name(kind if kind else len(KINDS) + protocol)


def address(key: bytes) -> str:
    """An IPv4 or IPv6 address of 4 or 16 bytes as text."""
    if len(key) == IPV4:
        return socket.inet_ntop(socket.AF_INET, key)
    if not any(key[:10]):  # which the system writes in two ways
        return str(ipaddress.ip_address(key))
    return socket.inet_ntop(socket.AF_INET6, key)


def _keys(context: Any, kind: int) -> list[str]:
    """Texts of addresses, or of layers, by number."""
    keys, lengths = ffi.new("uint8_t **"), ffi.new("uint8_t **")
    stride = ffi.new("uint32_t *")
    count = lib.lk_codec_columns_keys(context, kind, keys, lengths, stride)
    if not count:
        return []
    data = bytes(ffi.buffer(keys[0], count * stride[0]))
    sizes = bytes(ffi.buffer(lengths[0], count))
    each = (data[n * stride[0] : n * stride[0] + size] for n, size in enumerate(sizes))
    if kind == lib.LK_COLUMN_MAC:
        return [key.hex(":") for key in each]
    if kind == lib.LK_COLUMN_IP:
        return [address(key) for key in each]
    return [":".join(kind_name(number) for number in key) for key in each]
