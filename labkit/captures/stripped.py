# SPDX-License-Identifier: BSD-3-Clause
"""A capture without its tunnels."""

import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd

from labkit._codec import ffi, lib
from labkit.arguments.checked import checked
from labkit.captures.reading import batches_of
from labkit.captures.written import chosen, interfaces_of, write
from labkit.errors import LabError
from labkit.packet.capture_options import CaptureInterface
from labkit.packet.capture_reader import CapturedBatch
from labkit.packet.codec import VERDICT_BY_NAME, VERDICTS
from labkit.packet.struct_type import struct_type
from labkit.packet.tunnels import Tunnel
from labkit.tables.nullable import numbers, texts
from labkit.tables.table import Table
from labkit.text import Html, html_table

OnError = Literal["keep", "drop", "raise"]
STRIPPED = struct_type("struct lk_stripped")
TAKEN, NO_TUNNEL, CUT = "taken", "no tunnel", "cut short"
NEXT, OTHER = (VERDICT_BY_NAME[name].number for name in ("next", "other"))
ETHERNET = 1
Array = np.ndarray[Any, Any]


class Stripped:
    """What a capture's tunnels carry; made by Capture.decap().

    Attributes
    ----------
    file: of the capture
    tunnels: whose ends take the frames; (): whatever tunnels the frames are in
    on_error: what becomes of frames that are refused
    """

    def __init__(
        self,
        file: Path,
        tunnels: Sequence[Tunnel],
        on_error: OnError,
        is_nested: bool,
        any_source: bool,
    ) -> None:
        self.file, self.tunnels, self.on_error = file, tuple(tunnels), on_error
        self._is_nested, self._any_source = is_nested, any_source
        self._native = [tunnel.native(is_end=False) for tunnel in self.tunnels]
        for native in self._native:
            native.takes_any_source = any_source
        self._names: dict[int, str] = {NEXT: TAKEN, OTHER: NO_TUNNEL, len(VERDICTS): CUT}

    def table(self) -> Table:
        """A row a frame: its verdict ("taken", "no tunnel", "cut short" or the reason of a
        refusal), how many tunnels were taken off, the outermost one's virtual network, and bytes on
        the wire before and after."""
        rows: list[Array] = []
        lengths: list[tuple[Array, Array]] = []
        for batch in batches_of(self.file):
            stripped, told = self._strip(batch)
            rows.append(told)
            lengths.append((batch.records["length"].copy(), stripped.records["length"].copy()))
        told = np.concatenate(rows) if rows else np.empty(0, STRIPPED)
        before, after = (
            np.concatenate([pair[n] for pair in lengths] or [np.empty(0, np.uint32)])
            for n in range(2)
        )
        columns = {
            "verdict": self._verdicts(told),
            "depth": numbers(told["depth"]),
            "vni": numbers(told["vni"], told["has_vni"] == 0),
            "length": numbers(before),
            "inner_length": numbers(after, told["depth"] == 0),
        }
        return Table(columns, index=pd.RangeIndex(len(told), name="frame"))

    @checked()
    def write(self, file: str | os.PathLike[str]) -> Path:
        """Writes what is inside, as Ethernet, with the times of the frames around it, and frames
        that are in no tunnel as they are; those that are refused are kept as they are or dropped,
        or raise LabError ("raise"). Returns where it is."""
        interfaces, ethernet = _with_ethernet(interfaces_of(self.file))
        return write(
            self.file,
            file,
            change=lambda batch: self._changed(batch, ethernet),
            interfaces=interfaces,
        )

    @property
    def verdicts(self) -> dict[str, int]:
        """How many frames there are of each verdict."""
        counted: Counter[str] = Counter()
        for batch in batches_of(self.file):
            codes = self._codes(self._strip(batch)[1])
            values, counts = np.unique(codes, return_counts=True)
            for value, count in zip(values.tolist(), counts.tolist(), strict=True):
                counted[self._name(value)] += count
        return dict(counted.most_common())

    def __reduce__(self) -> tuple[Any, ...]:
        made = (self.file, self.tunnels, self.on_error, self._is_nested, self._any_source)
        return Stripped, made

    def __repr__(self) -> str:
        ends = ", ".join(type(tunnel).__name__ for tunnel in self.tunnels) or "any tunnel"
        return f"<Stripped {self.file}: {ends}>"

    def _repr_html_(self) -> Html:
        rows = [(name, f"{count:,}") for name, count in self.verdicts.items()]
        return html_table(("verdict", "frames"), rows, "lr", caption=repr(self))

    def _changed(self, batch: CapturedBatch, ethernet: Array) -> CapturedBatch:
        stripped, told = self._strip(batch)
        records = stripped.records
        inside = records["link_type"] == ETHERNET
        records["interface"][inside] = ethernet[records["interface"][inside]]
        refused = self._is_refused(told)
        if self.on_error == "raise" and refused.any():
            n = int(np.flatnonzero(refused)[0])
            raise LabError(
                f"{self.file}: a frame of {batch.records['length'][n]} bytes is refused: "
                f"{self._name(int(self._codes(told)[n]))}; its table() tells the others, too, and "
                'on_error="keep" or "drop" goes on'
            )
        if self.on_error == "drop":
            stripped = chosen(stripped, np.flatnonzero(~refused))
        return stripped

    def _strip(self, batch: CapturedBatch) -> tuple[CapturedBatch, Array]:
        told = np.empty(len(batch), STRIPPED)
        records = np.ascontiguousarray(batch.records).copy()
        tunnels = ffi.new("struct lk_tunnel *[]", self._native)
        error = lib.lk_codec_strip(
            tunnels,
            len(self._native),
            self._is_nested,
            ffi.from_buffer("uint8_t[]", batch.buffer, require_writable=True),
            ffi.from_buffer("struct lk_captured[]", records, require_writable=True),
            len(records),
            ffi.from_buffer("struct lk_stripped[]", told, require_writable=True),
        )
        if error < 0:
            raise MemoryError
        return replace(batch, records=records), told

    def _is_refused(self, told: Array) -> Array:
        codes = self._codes(told)
        refused: Array = (codes != NEXT) & (codes != OTHER)
        return refused

    def _codes(self, told: Array) -> Any:
        """Numbers of verdicts; behind the last one: the capture kept too little."""
        is_cut = told["is_cut"] == 1
        codes: Array = np.where(is_cut, len(VERDICTS), told["verdict"]).astype(np.int64)
        return codes

    def _name(self, code: int) -> str:
        return self._names.get(code) or VERDICTS[code].name

    def _verdicts(self, told: Array) -> Any:
        values, places = np.unique(self._codes(told), return_inverse=True)
        return texts(places.astype(np.int32), [self._name(int(value)) for value in values])


def _with_ethernet(
    interfaces: tuple[CaptureInterface, ...],
) -> tuple[tuple[CaptureInterface, ...], Array]:
    """Those of a file, and each of another link once more, as what is inside is Ethernet; and the
    number of each one's Ethernet."""
    found, places = list(interfaces), []
    for number, one in enumerate(interfaces):
        if one.link_type == ETHERNET and not one.fcs:
            places.append(number)
        else:
            places.append(len(found))
            found.append(replace(one, link_type=ETHERNET, fcs=0))
    return tuple(found), np.array(places, np.uint32)
