# SPDX-License-Identifier: BSD-3-Clause
"""The flows of a capture as a table."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from labkit._codec import ffi, lib
from labkit.captures.columns import (
    TCP_FLAG_BITS,
    Array,
    address,
    kind_name,
    protocol_name,
    tcp_flags,
)
from labkit.captures.reading import batches_of
from labkit.captures.where import Where
from labkit.packet.capture_reader import CapturedBatch
from labkit.packet.filter import Filter
from labkit.packet.struct_type import struct_type
from labkit.tables.nullable import numbers, texts
from labkit.tables.table import Table

ROW = struct_type("struct lk_flow_row")
NS = 1e9
IPV4, IPV6 = 4, 16  # bytes


def flows_of(file: Path, where: str | None) -> Table:
    """A row for each direction of a conversation, in the order of their first frames."""
    native = ffi.gc(lib.lk_codec_flows_open(), lib.lk_codec_flows_close)
    if native == ffi.NULL:
        raise MemoryError
    wanted = Where(where)
    for batch in batches_of(file):
        for run, chosen in wanted.runs(batch):
            _take(native, run, chosen)
    count = ffi.new("uint32_t *")
    rows = lib.lk_codec_flows_rows(native, count)
    size = count[0] * ROW.itemsize
    return _table(np.frombuffer(ffi.buffer(rows, size) if size else b"", ROW))


def _take(native: Any, batch: CapturedBatch, chosen: Filter | None) -> None:
    taken = lib.lk_codec_flows(
        native,
        chosen.bpf_filter if chosen else 0,
        ffi.cast("uint8_t *", chosen.native_program) if chosen else ffi.NULL,
        ffi.from_buffer("uint8_t[]", batch.buffer),
        ffi.from_buffer("struct lk_captured[]", np.ascontiguousarray(batch.records)),
        len(batch),
        batch.first,
    )
    if taken < 0:
        raise MemoryError


def _table(rows: Array) -> Table:
    key = rows["key"]
    is_tcp = rows["has_tcp"] == 1
    timed = rows["has_time"] == 1
    sources, destinations = _addresses(key)
    columns: dict[str, Any] = {
        "ip_src": sources,
        "ip_dst": destinations,
        "proto": _texts(key["protocol"], protocol_name),
        "src_port": numbers(key["source_port"], key["has_ports"] != 1),
        "dst_port": numbers(key["destination_port"], key["has_ports"] != 1),
        "vlan": numbers(key["vlan"], key["has_vlan"] != 1),
        "tunnel": _texts(key["tunnel"], kind_name, key["tunnel"] != 0),
        "vni": numbers(key["vni"], key["has_vni"] != 1),
        "frames": numbers(rows["frames"]),
        "bytes": numbers(rows["bytes"]),
        "payload_bytes": numbers(rows["payload"]),
        "first_ns": numbers(rows["first_ns"], ~timed),
        "last_ns": numbers(rows["last_ns"], ~timed),
        "seconds": np.where(timed, (rows["last_ns"] - rows["first_ns"]) / NS, np.nan),
        "longest_pause": np.where(timed, rows["longest_pause_ns"] / NS, np.nan),
        "tcp_flags": _texts(rows["flags"] & TCP_FLAG_BITS, tcp_flags, is_tcp),
        "retransmissions": numbers(rows["retransmissions"], ~is_tcp),
        "out_of_order": numbers(rows["out_of_order"], ~is_tcp),
        "gaps": numbers(rows["gaps"], ~is_tcp),
        "missing_bytes": numbers(rows["missing"], ~is_tcp),
        "first_frame": numbers(rows["first_frame"]),
        "reverse": numbers(rows["reverse"], rows["reverse"] < 0),
    }
    return Table(columns, index=pd.RangeIndex(len(rows), name="flow"))


def _texts(codes: Array, text: Any, is_there: Array | None = None) -> Any:
    unique, places = np.unique(codes, return_inverse=True)
    each = [text(int(code)) for code in unique]
    names = list(dict.fromkeys(each))
    numbered = np.array([names.index(one) for one in each], np.int32)[places]
    if is_there is not None:
        numbered = np.where(is_there, numbered, -1)
    return texts(numbered, names).remove_unused_categories()


def _addresses(key: Array) -> tuple[Any, Any]:
    """Of both columns, with the same categories."""
    sizes = np.where(key["version"] == 4, IPV4, IPV6)
    both = np.concatenate([key["source"], key["destination"]]).tobytes()
    known: dict[str, int] = {}
    codes = [
        known.setdefault(address(both[n * IPV6 : n * IPV6 + int(size)]), len(known))
        for n, size in enumerate(np.concatenate([sizes, sizes]))
    ]
    source, destination = np.split(np.array(codes, np.int32), 2)
    return texts(source, list(known)), texts(destination, list(known))
