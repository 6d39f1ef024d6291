# SPDX-License-Identifier: BSD-3-Clause
"""Frames taken apart into arrays, batch by batch, and these as pandas and Arrow have them."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from labkit._codec import ffi, lib
from labkit.captures.columns import NUMBERS, Array, Column, texts_of
from labkit.captures.where import Where
from labkit.packet.capture_reader import CapturedBatch
from labkit.packet.filter import Filter
from labkit.packet.tunnels import Geneve, Gue, Vxlan

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

NO_LAYER = 2**32 - 1  # behind the offsets of a frame's layers
Part = list[tuple[Array, Array | None]]  # values, and where they are missing, of each column


class Apart:
    """Takes batches of frames apart; addresses keep their numbers from one to the next.

    Attributes
    ----------
    columns: that are made
    where: which frames are wanted (Where)
    native: struct lk_columns, whose keys its numbers are
    """

    def __init__(self, columns: Sequence[Column], where: str | None = None) -> None:
        self.columns = tuple(columns)
        self._where = Where(where)
        self.native = ffi.gc(lib.lk_codec_columns_open(), lib.lk_codec_columns_close)
        if self.native == ffi.NULL:
            raise MemoryError
        # Receivers by the RFC that take any VNI, whoever sent it; copies, as ports are set in them.
        made = (Vxlan().native(is_end=False), Geneve().native(is_end=False))
        self._tunnels = (*made, Gue().native(is_end=False))

    def take(self, batch: CapturedBatch) -> Part:
        """The columns of a batch, of the frames that are wanted."""
        taken = [self._take(run, chosen) for run, chosen in self._where.runs(batch)]
        if len(taken) == 1:
            return taken[0]
        return [(values, missing) for _, values, missing in self._joined(taken)]

    def _take(self, batch: CapturedBatch, chosen: Filter | None) -> Part:
        count = len(batch)
        part: Part = []
        outs = ffi.new("struct lk_column_out[]", len(self.columns))
        for out, column in zip(outs, self.columns, strict=True):
            values, missing = _room(column, count)
            part.append((values, missing))
            out.column, out.is_inner = column.number, column.is_inner
            out.values = ffi.from_buffer("void *", values)
            out.missing = ffi.NULL if missing is None else ffi.from_buffer("uint8_t[]", missing)
        wanted = ffi.new("struct lk_columns_wanted *")
        wanted.out, wanted.count = outs, len(self.columns)
        if chosen is not None:
            wanted.filter = chosen.bpf_filter
            wanted.program = ffi.cast("uint8_t *", chosen.native_program)
        wanted.vxlan, wanted.geneve, wanted.gue = self._tunnels
        rows = lib.lk_codec_columns(
            self.native,
            wanted,
            ffi.from_buffer("uint8_t[]", batch.buffer),
            ffi.from_buffer("struct lk_captured[]", np.ascontiguousarray(batch.records)),
            count,
            batch.first,
        )
        if rows < 0:
            raise MemoryError
        if rows == count:
            return part
        return [  # copies: of many batches few rows may be left
            (values[:rows].copy(), None if gone is None else gone[:rows].copy())
            for values, gone in part
        ]

    def nothing(self) -> Part:
        """The part of no frame."""
        return [_room(column, 0) for column in self.columns]

    def frame(self, parts: Sequence[Part]) -> "pd.DataFrame":
        """Parts one behind the other, as pandas has them; "frame" is the index."""
        import pandas as pd  # late: slow to load

        from labkit.tables.nullable import numbers, texts

        made: dict[str, Any] = {}
        index = None
        for column, values, missing in self._joined(parts):
            if column.name == "frame":
                index = pd.Index(values, name="frame")
            elif column.is_text:
                made[column.name] = texts(*texts_of(column, values, self.native))
            elif missing is None:
                made[column.name] = pd.Series(_lists(values), dtype=object).to_numpy()
            else:
                made[column.name] = numbers(values, missing)
        return pd.DataFrame(made, index=index, copy=False)

    def arrow(self, parts: Sequence[Part]) -> "pa.Table":
        """The same as an Arrow table, "frame" among its columns."""
        import pyarrow as pa  # late: slow to load

        made = {}
        for column, values, missing in self._joined(parts):
            if column.is_text:
                codes, names = texts_of(column, values, self.native)
                made[column.name] = pa.DictionaryArray.from_arrays(
                    pa.array(codes, pa.int32(), mask=codes < 0), pa.array(names, pa.string())
                )
            elif missing is None:
                made[column.name] = pa.array(_lists(values), pa.list_(pa.uint32()))
            else:
                made[column.name] = pa.array(values, mask=missing.view(bool))
        return pa.table(made)

    def _joined(self, parts: Sequence[Part]) -> Iterator[tuple[Column, Array, Array | None]]:
        for number, column in enumerate(self.columns):
            each = (part[number] for part in parts or [self.nothing()])
            values, missing = zip(*each, strict=True)
            joined = values[0] if len(values) == 1 else np.concatenate(values)
            if missing[0] is None:
                yield column, joined, None
            else:
                yield column, joined, missing[0] if len(values) == 1 else np.concatenate(missing)


def _room(column: Column, count: int) -> tuple[Array, Array | None]:
    if column.type in NUMBERS:
        return np.empty(count, NUMBERS[column.type]), np.empty(count, np.uint8)
    if column.is_text:
        return np.empty(count, np.int32), None
    return np.empty((count, lib.LK_MOST_OFFSETS), np.uint32), None


def _lists(offsets: Array) -> list[list[int]]:
    return [[int(at) for at in row[row != NO_LAYER]] for row in offsets]
