# SPDX-License-Identifier: BSD-3-Clause
"""The names that the C of a cell uses, read out of its library: section lk_cells of the ELF file
(native/cell/cell.h, struct lk_cell_entry)."""

import struct
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from labkit.path.own_node import COUNTER, PARAMETER, OwnParameter

SECTION = b"lk_cells"
ENTRY = struct.Struct("<48s6I3d")
STRIDE = 128


@dataclass(frozen=True)
class Entry:
    """One use of a name.

    Attributes
    ----------
    what: DROP, OUTPUT, COUNTER or PARAMETER
    line: of the cell
    count: counters of this name
    """

    name: str
    what: int
    line: int
    count: int
    parameter: OwnParameter


def read_entries(library: Path) -> list[Entry]:
    """All of a library or program, in the order of the linker."""
    data = _section(library.read_bytes(), SECTION)
    return [_entry(data[at : at + ENTRY.size]) for at in range(0, len(data), STRIDE)]


def _entry(data: bytes) -> Entry:
    raw, what, line, count, _, is_real, has_default, lowest, highest, initial = ENTRY.unpack(data)
    name = raw.partition(b"\0")[0].decode(errors="replace")
    default = initial if has_default else None
    parameter = OwnParameter(name, bool(is_real), lowest, highest, default)
    return Entry(name, what, line, count, parameter)


def names_of(entries: Iterable[Entry], what: int) -> tuple[str, ...]:
    """Each once, in the order of the cell's lines."""
    found = sorted((e for e in entries if e.what == what), key=lambda e: e.line)
    return tuple(dict.fromkeys(e.name for e in found))


def counters_of(entries: Iterable[Entry]) -> tuple[tuple[str, int], ...]:
    """Each with how many there are of it, in the order of the cell's lines."""
    counts: dict[str, int] = {}
    for e in sorted((e for e in entries if e.what == COUNTER), key=lambda e: e.line):
        counts[e.name] = max(e.count, counts.get(e.name, 0))
    return tuple(counts.items())


def parameters_of(entries: Iterable[Entry]) -> tuple[OwnParameter, ...]:
    """In the order of the cell's lines."""
    found = sorted((e for e in entries if e.what == PARAMETER), key=lambda e: e.line)
    return tuple(replace(e.parameter) for e in found)


def _section(data: bytes, name: bytes) -> bytes:
    """Bytes of a section of a 64-bit little-endian ELF file (System V ABI, chapter 4)."""
    (table,) = struct.unpack_from("<Q", data, 0x28)
    size, count, names = struct.unpack_from("<HHH", data, 0x3A)
    headers = [struct.unpack_from("<IIQQQQ", data, table + i * size) for i in range(count)]
    texts = headers[names][4]
    for header in headers:
        at = texts + header[0]
        if data[at : data.index(b"\0", at)] == name:
            return data[header[4] : header[4] + header[5]]
    return b""
