# SPDX-License-Identifier: BSD-3-Clause
"""What is in a capture at a glance: interfaces, times, protocols, talkers, rate over time."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from labkit.captures.columns import COLUMNS, Array, texts_of
from labkit.captures.frame import moment
from labkit.captures.reading import passed, tell
from labkit.captures.taken_apart import Apart, Part
from labkit.packet.capture_options import CaptureInterface
from labkit.packet.capture_reader import CaptureReader
from labkit.packet.link_types import link_name
from labkit.tables.shown import as_html
from labkit.tables.table import Table
from labkit.text import Html, html_table
from labkit.units import plain, si_load

if TYPE_CHECKING:
    from matplotlib.figure import Figure

NS = 1_000_000_000
MOST_BINS = 256
MOST_TALKERS, MOST_PROTOCOLS = 10, 12  # that are shown
MOST_KEPT = 1_000_000  # addresses that are counted at a time
NAMES = ("time_ns", "length", "captured", "layers", "ip_src", "ip_dst")


@dataclass(frozen=True, repr=False, eq=False)
class Summary:
    """A capture at a glance.

    Attributes
    ----------
    file, compression: of it
    frames, bytes: how many, and of them on the wire
    cut: frames of which the capture did not keep all bytes
    without_time: frames of which the file tells no time
    first_ns, last_ns: the earliest and the latest time since 1970; None where there is none
    interfaces: that frames were captured on, of all sections
    protocols: frames and bytes by what frames are made of, most frequent first
    talkers: frames and bytes that were sent and received by address, most bytes first
    rate: frames and bytes in stretches of equal length, by the time at which they begin
    """

    file: Path
    compression: str | None
    frames: int
    bytes: int
    cut: int
    without_time: int
    first_ns: int | None
    last_ns: int | None
    interfaces: tuple[CaptureInterface, ...]
    protocols: Table
    talkers: Table
    rate: Table

    @property
    def seconds(self) -> float | None:
        """From the earliest to the latest time."""
        if self.first_ns is None or self.last_ns is None:
            return None
        return (self.last_ns - self.first_ns) / NS

    @property
    def figure(self) -> "Figure":
        """Frames and bits a second over time."""
        from labkit.captures.summary_figure import rate_figure  # late: matplotlib is slow to load

        return rate_figure(self.rate)

    def __repr__(self) -> str:
        lines = [f"{self.file}"]
        lines += [f"  {what}: {told}" for what, told in self._facts()]
        lines += ["", repr(self._protocols()), "", repr(self._talkers())]
        return "\n".join(lines)

    def _repr_html_(self) -> Html:
        parts = [html_table(("capture", self.file.name), self._facts())]
        if len(self.rate) > 1:
            parts.append(Html(self.figure._repr_html_() or ""))
        parts.append(_interfaces(self.interfaces))
        if self.frames:
            parts += [as_html(self._protocols()), as_html(self._talkers())]
        return Html("".join(parts))

    def _facts(self) -> list[tuple[str, str]]:
        packed = f" ({self.compression})" if self.compression else ""
        facts = [
            ("file", f"{self.file.stat().st_size:,} bytes{packed}" if self.file.exists() else "–"),
            ("frames", f"{self.frames:,}"),
            ("bytes on the wire", f"{self.bytes:,}"),
        ]
        if self.first_ns is not None and self.last_ns is not None and self.seconds is not None:
            facts += [
                ("from", moment(self.first_ns)),
                ("to", moment(self.last_ns)),
                ("seconds", plain(self.seconds, 6)),
            ]
            if self.seconds > 0:
                load = si_load(self.frames / self.seconds, "pps")
                load += f", {si_load(self.bytes * 8 / self.seconds, 'bit/s')}"
                facts.append(("mean", load))
        if self.cut:
            facts.append(("not kept whole", f"{self.cut:,} frames"))
        if self.without_time:
            facts.append(("without a time", f"{self.without_time:,} frames"))
        return facts

    def _protocols(self) -> Table:
        return Table(self.protocols.head(MOST_PROTOCOLS))

    def _talkers(self) -> Table:
        return Table(self.talkers.head(MOST_TALKERS))


def summary_of(file: Path) -> Summary:
    """One pass over a capture."""
    counts = _Counts()
    with CaptureReader(file) as reader:
        for batch in passed(reader):
            counts.take(batch)
        tell(reader)
        interfaces, compression = reader.interfaces, reader.compression
    return counts.told(file, compression, interfaces)


class _Counts:
    """What is counted on the way; memory is that of addresses and kinds of frames."""

    def __init__(self) -> None:
        self._columns = tuple(COLUMNS[name] for name in NAMES)
        self._apart = Apart(self._columns)
        self._frames = self._bytes = self._cut = self._without_time = 0
        self._span: tuple[int, int] | None = None
        self._by_layers: Counter[str] = Counter()
        self._bytes_by_layers: Counter[str] = Counter()
        self._sent: dict[str, Array] = {}
        self._rate = _Rate()

    def take(self, batch: Any) -> None:
        part = self._apart.take(batch)
        (times, missing), (lengths, _), (kept, _), (layers, _), *addresses = part
        timed = missing == 0
        self._frames += len(lengths)
        self._bytes += int(lengths.sum(dtype=np.int64))
        self._cut += int(np.count_nonzero(kept < lengths))
        stamped = times[timed]
        self._without_time += len(times) - len(stamped)
        if stamped.size:
            least, most = int(stamped.min()), int(stamped.max())
            known = self._span or (least, most)
            self._span = min(known[0], least), max(known[1], most)
            self._rate.take(stamped, lengths[timed])
        codes, texts = texts_of(self._columns[3], layers, self._apart.native)
        self._count_layers(codes, texts, lengths)
        self._count_addresses(addresses, lengths)
        self._apart = Apart(self._columns)  # anew: addresses are kept by their text

    def _count_layers(self, codes: Array, texts: list[str], lengths: Array) -> None:
        frames = np.bincount(codes, minlength=len(texts))
        octets = np.bincount(codes, lengths, minlength=len(texts))
        for text, count, size in zip(texts, frames.tolist(), octets.tolist(), strict=True):
            self._by_layers[text] += count
            self._bytes_by_layers[text] += int(size)

    def _count_addresses(self, addresses: Part, lengths: Array) -> None:
        texts: list[str] = []
        found = np.empty((0, 4), np.int64)
        for number, (codes, _) in enumerate(addresses):
            if not texts:
                texts = texts_of(self._columns[4], codes, self._apart.native)[1]
                found = np.zeros((len(texts), 4), np.int64)
            there = codes >= 0
            found[:, 2 * number] = np.bincount(codes[there], minlength=len(texts))
            found[:, 2 * number + 1] = np.bincount(
                codes[there], lengths[there], minlength=len(texts)
            )
        for text, row in zip(texts, found, strict=True):
            known = self._sent.get(text)
            self._sent[text] = row if known is None else known + row
        if len(self._sent) > 2 * MOST_KEPT:
            self._sent = dict(_most(self._sent.items(), MOST_KEPT))

    def told(
        self, file: Path, compression: str | None, interfaces: tuple[CaptureInterface, ...]
    ) -> Summary:
        first, last = self._span or (None, None)
        return Summary(
            file,
            compression,
            self._frames,
            self._bytes,
            self._cut,
            self._without_time,
            first,
            last,
            interfaces,
            self._protocols(),
            self._talkers(),
            self._rate.table(first),
        )

    def _protocols(self) -> Table:
        common = self._by_layers.most_common()
        return Table(
            {
                "layers": [text for text, _ in common],
                "frames": [count for _, count in common],
                "bytes": [self._bytes_by_layers[text] for text, _ in common],
                "share (%)": [100 * count / self._frames for _, count in common],
            }
        )

    def _talkers(self) -> Table:
        rows = list(_most(self._sent.items(), len(self._sent)))
        columns = {"address": [text for text, _ in rows]}
        heads = ("frames sent", "bytes sent", "frames received", "bytes received")
        values = np.array([row for _, row in rows], np.int64).reshape(-1, 4)
        return Table(columns | {head: values[:, n] for n, head in enumerate(heads)})


def _most(rows: Iterable[tuple[str, Array]], most: int) -> list[tuple[str, Array]]:
    return sorted(rows, key=lambda row: -int(row[1][1] + row[1][3]))[:most]


class _Rate:
    """Frames and bytes over time, in stretches that double where there would be too many."""

    def __init__(self) -> None:
        self._width = 1_000  # ns
        self._bins: dict[int, Array] = {}

    def take(self, times: Array, lengths: Array) -> None:
        span = int(times.max()) - int(times.min())
        while span // self._width > 4 * MOST_BINS:
            self._widen()
        numbers, places = np.unique(times // self._width, return_inverse=True)
        frames = np.bincount(places)
        octets = np.bincount(places, lengths)
        for number, count, size in zip(numbers.tolist(), frames, octets, strict=True):
            row = np.array([count, size], np.int64)
            known = self._bins.get(number)
            self._bins[number] = row if known is None else known + row
        while self._bins and max(self._bins) - min(self._bins) >= MOST_BINS:
            self._widen()

    def table(self, first_ns: int | None) -> Table:
        """By seconds since the earliest time."""
        if first_ns is None or not self._bins:
            return Table({"seconds": [], "frames": [], "bytes": [], "over (s)": []})
        numbers = range(min(self._bins), max(self._bins) + 1)
        rows = np.array([self._bins.get(number, (0, 0)) for number in numbers], np.int64)
        begins = np.array([number * self._width for number in numbers], np.int64)
        return Table(
            {
                "seconds": (begins - first_ns) / NS,
                "frames": rows[:, 0],
                "bytes": rows[:, 1],
                "over (s)": self._width / NS,
            }
        )

    def _widen(self) -> None:
        self._width *= 2
        wider: dict[int, Array] = {}
        for number, row in self._bins.items():
            known = wider.get(number // 2)
            wider[number // 2] = row if known is None else known + row
        self._bins = wider


def _interfaces(interfaces: tuple[CaptureInterface, ...]) -> Html:
    rows = [
        (
            str(n),
            one.name or "–",
            one.description or "–",
            link_name(one.link_type),
            f"{one.snaplen:,}" if one.snaplen else "all",
        )
        for n, one in enumerate(interfaces)
    ]
    return html_table(("interface", "name", "description", "link type", "snaplen"), rows)
