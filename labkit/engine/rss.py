# SPDX-License-Identifier: BSD-3-Clause
"""Receive side scaling inside the engine (rte_eth_dev_rss_hash_update, _reta_update)."""

import errno
from collections.abc import Sequence
from typing import Any

from labkit.engine.answers import RssFacts
from labkit.engine.binding import NativeError, c_string, call, ffi, lib


def rss_facts(port: int) -> RssFacts:
    """What a port's driver tells; see answers.RssFacts."""
    rss = ffi.new("struct lk_rss *")
    tells_fields = _is_supported("lk_rss_get", port, rss)
    queues = ffi.new("uint16_t[]", max(1, rss.entries))
    tells_table = _is_supported("lk_rss_table_get", port, queues, rss.entries)
    key = bytes(rss.key[0 : rss.key_length])
    return {
        "key": key.hex() if tells_fields and key else None,
        "fields": _names(rss.fields) if tells_fields else None,
        "offered": _names(rss.offered),
        "table": list(queues[0 : rss.entries]) if tells_table else None,
        "entries": rss.entries,
    }


def set_rss(port: int, key: str | None, fields: Sequence[str]) -> None:
    """Has the driver hash by these fields, with this key (hex text; None: its own)."""
    bits = field_bits()
    wanted = sum(bits[name] for name in fields)
    data = None if key is None else bytes.fromhex(key)
    call("lk_rss_set", port, ffi.NULL if data is None else data, len(data or b""), wanted)


def set_rss_table(port: int, queues: Sequence[int]) -> None:
    """Which queue each hash leads to."""
    call("lk_rss_table_set", port, ffi.new("uint16_t[]", list(queues)), len(queues))


def field_bits() -> dict[str, int]:
    """The bits of fields by their names."""
    bit = ffi.new("uint64_t *")
    bits: dict[str, int] = {}
    while (name := lib.lk_rss_field(len(bits), bit)) != ffi.NULL:
        bits[c_string(name)] = bit[0]
    return bits


def _names(fields: int) -> list[str]:
    return [name for name, bit in field_bits().items() if fields & bit]


def _is_supported(function: str, *arguments: Any) -> bool:
    try:
        call(function, *arguments)
    except NativeError as error:
        if error.code not in (errno.ENOTSUP, errno.ENOSYS):
            raise
        return False
    return True
