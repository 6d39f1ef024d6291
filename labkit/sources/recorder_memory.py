# SPDX-License-Identifier: BSD-3-Clause
"""The memory that an engine's recorder writes and the notebook reads in place."""

import mmap
import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from labkit._codec import ffi, lib
from labkit.packet.codec import EDGES
from labkit.sources.base import Sample, Schema, Values, readonly

WORD = 8  # bytes: a recorder's memory (native/packet/recorder_memory.h) is words


def _words(struct: str, *fields: str) -> list[int]:
    """Where these fields stand in a struct of the recorder's memory."""
    return [ffi.offsetof(f"struct {struct}", field) // WORD for field in fields]


HEADER_WORDS = lib.LK_RECORDER_HEADER // WORD
RESERVED, WRITTEN, MISSED = _words("lk_recorder_header", "reserved", "written", "missed")
GENERATION, MONOTONIC, TIME, COUNT, FLOWS, ROW_WORDS = _words(
    "lk_recorder_row", "generation", "monotonic_ns", "time_ns", "count", "flows", "values"
)
FLOW_WORDS = ffi.sizeof("struct lk_recorded_flow") // WORD


class RecorderMemory:
    """A recorder's ring of rows.

    The writer announces a row before it touches it (RESERVED) and again when it is whole (WRITTEN).
    So what was copied was whole if it is not reserved afterwards. NumPy's loads are plain: x86-64
    keeps them in this order.
    """

    def __init__(self, rows: int, room: int) -> None:
        self.rows = rows
        words = HEADER_WORDS + rows * (ROW_WORDS + room)
        self.descriptor = os.memfd_create("labkit-recorder", os.MFD_CLOEXEC)
        os.ftruncate(self.descriptor, words * WORD)
        everything = np.frombuffer(
            mmap.mmap(self.descriptor, words * WORD, prot=mmap.PROT_READ), np.uint64
        )
        self.header = everything[:HEADER_WORDS]
        self.table = everything[HEADER_WORDS:].reshape(rows, ROW_WORDS + room)

    def __del__(self) -> None:
        os.close(self.descriptor)

    @property
    def written(self) -> int:
        """Rows written since the beginning."""
        return int(self.header[WRITTEN])

    @property
    def oldest(self) -> int:
        """The oldest row that is not about to be overwritten."""
        return max(0, int(self.header[RESERVED]) - self.rows + 1)

    def holds(self, row: int) -> bool:
        """Whether this row has not been overwritten."""
        return row >= int(self.header[RESERVED]) - self.rows

    def row(self, number: int) -> Values:
        """A row in place."""
        row: Values = self.table[number % self.rows]
        return row


@dataclass(frozen=True, eq=False)
class EngineSample(Sample):
    """A sample of an engine, which also tells where frames went.

    Attributes
    ----------
    flows: uint64, a row an edge of a node that carried frames: the place of the node's first value
        and the verdict (of 32 bits each, the place in the lower), and frames; None: not recorded
    """

    flows: Values | None = None

    @cached_property
    def outputs(self) -> Mapping[int, Mapping[str, int]]:
        """Frames by output or drop node, by the place of the node's first value in `values`."""
        found: dict[int, dict[str, int]] = {}
        for key, frames in [] if self.flows is None else self.flows.tolist():
            found.setdefault(key & 0xFFFFFFFF, {})[EDGES[key >> 32]] = frames
        return found


@dataclass(frozen=True, eq=False)
class Block:
    """Samples that lie one after the other in the recorder's memory, oldest first, not copied.

    Attributes
    ----------
    schema: names of the columns of `values`
    monotonic_ns, time_ns: one a sample
    values: samples × counters
    """

    schema: Schema
    monotonic_ns: Values
    time_ns: Values
    values: Values
    _rows: Values
    _memory: RecorderMemory
    _first: int

    def samples(self) -> list[EngineSample]:
        """Copies, without those that were overwritten meanwhile."""
        copies = [
            EngineSample(
                int(self.monotonic_ns[i]),
                int(self.time_ns[i]),
                readonly(self.values[i].copy()),
                self.schema,
                self._first + i,
                self._flows(i),
            )
            for i in range(len(self.values))
        ]
        return [sample for sample in copies if self._memory.holds(sample.sequence)]

    def _flows(self, i: int) -> Values | None:
        count, first = int(self._rows[i, FLOWS]), ROW_WORDS + self.values.shape[1]
        if count > (self._rows.shape[1] - first) // FLOW_WORDS:
            return None  # the recorder had no room for them, or writes the row at this moment
        return self._rows[i, first : first + FLOW_WORDS * count].reshape(-1, FLOW_WORDS).copy()

    @property
    def is_whole(self) -> bool:
        """Whether nothing of it has been overwritten; ask after using it."""
        return self._memory.holds(self._first)
