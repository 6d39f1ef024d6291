# SPDX-License-Identifier: BSD-3-Clause
"""A pcap or pcapng file of any size, as tables of columns and as single frames."""

import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, overload

from labkit.arguments.checked import checked
from labkit.arguments.hints import Between, Offers
from labkit.captures.columns import COLUMNS, DEFAULT, columns_of
from labkit.captures.explained import Explained
from labkit.captures.flows import flows_of
from labkit.captures.frame import CapturedFrame
from labkit.captures.index import Index, frame_of
from labkit.captures.joined import Joined
from labkit.captures.reading import batches_of
from labkit.captures.stripped import OnError, Stripped
from labkit.captures.summary import Summary, summary_of
from labkit.captures.taken_apart import Apart, Part
from labkit.captures.where import Where
from labkit.captures.written import interfaces_of, write
from labkit.errors import LabError
from labkit.packet.capture_options import CaptureInterface
from labkit.packet.capture_reader import CaptureReader
from labkit.packet.tunnels import Tunnel
from labkit.tables.table import Table
from labkit.text import plural, shown

if TYPE_CHECKING:
    import pyarrow as pa

Columns = Annotated[Sequence[str] | None, Offers(lambda _: COLUMNS)]
MOST_FRAMES = 1_000_000  # of a slice
MOST_EXPLAINED = 20
ROWS = 262_144  # of a piece of a Parquet file


@checked()
class Capture:
    """A file of frames: pcap or pcapng of any kind and size, also compressed (gzip, zstd, lz4, bz2,
    xz), which is told by its content.

    Nothing is read until something is asked for; what is asked for is one pass over the file, in
    pieces, so that memory is that of the answer. A file that ends within a record gives its whole
    frames and a warning.

        cap = lk.Capture("trace.pcapng")
        cap.table(["time_ns", "ip_src", "ip_dst", "length"], where="udp port 4789")
        cap[17].explain()

    Attributes
    ----------
    file: where it is
    """

    def __init__(self, file: str | os.PathLike[str]) -> None:
        self.file = Path(file)
        with CaptureReader(self.file) as reader:
            next(reader.batches(1, 0), None)  # what is none is told now
        self._index: tuple[tuple[int, int], Index] | None = None
        self._summary: tuple[tuple[int, int], Summary] | None = None

    @staticmethod
    def columns() -> Table:
        """All columns that table() may have, with what they tell; inner_... are of the innermost
        packet where tunnels carry one."""
        return Table(
            {
                "column": [column.name for column in COLUMNS.values()],
                "by default": [column.name in DEFAULT for column in COLUMNS.values()],
                "what it tells": [column.text for column in COLUMNS.values()],
            }
        )

    @checked(but=("columns",))
    def table(self, columns: Columns = None, where: str | None = None) -> Table:
        """A row a frame; the index is the number of the frame, from 0.

        columns: names (see columns()); None: those that most questions need. Numbers are of pandas'
            nullable types and texts categorical; what a frame does not have is missing.
        where: a capture filter as tcpdump takes it, such as "udp port 4789"

        Layers, offsets and checksums are those of lk.explain(). Checksums are "good", "wrong",
        "unfinished" (as a sender leaves it to its NIC), "not there", or "cannot be told" (of a
        fragment, or what is cut short).
        """
        apart = Apart((COLUMNS["frame"], *columns_of(columns)), where)
        return Table(apart.frame([apart.take(batch) for batch in batches_of(self.file)]))

    @checked(but=("columns",))
    def arrow(self, columns: Columns = None, where: str | None = None) -> "pa.Table":
        """The same as an Arrow table, with the number of the frame as its first column."""
        apart = Apart((COLUMNS["frame"], *columns_of(columns)), where)
        return apart.arrow([apart.take(batch) for batch in batches_of(self.file)])

    @checked(but=("columns",))
    def batches(
        self,
        frames: Annotated[int, Between(1, 100_000_000)] = 100_000,
        columns: Columns = None,
        where: str | None = None,
    ) -> Iterator[Table]:
        """The same table in pieces of so many rows, the last one of fewer; memory does not grow
        with the file."""
        chosen = (COLUMNS["frame"], *columns_of(columns))
        Where(where)  # what is wrong is told now
        return (Table(apart.frame(parts)) for apart, parts in self._pieces(frames, chosen, where))

    @checked(but=("columns",))
    def to_parquet(
        self, file: str | os.PathLike[str], columns: Columns = None, where: str | None = None
    ) -> Path:
        """Writes the table to a Parquet file, which takes the place of one that is there when it is
        whole; memory does not grow with the capture. Returns where it is."""
        from labkit.captures.parquet import write  # late: pyarrow is slow to load

        chosen = (COLUMNS["frame"], *columns_of(columns))
        pieces = self._pieces(ROWS, chosen, where)
        made = (apart.arrow(parts) for apart, parts in pieces)
        return write(Path(file), made, chosen, self.file)

    @checked()
    def flows(self, where: str | None = None) -> Table:
        """A row for each direction of a conversation, in the order of their first frames.

        A flow is the 5-tuple of the innermost packet with its VLAN, and the outermost tunnel with
        its virtual network; `reverse` is the row of the other direction. first_ns and last_ns are
        since 1970, seconds between them; longest_pause (s) is the longest time between two frames.
        Of TCP, as seen from where it was captured (RFC 9293 3.4): retransmissions and out_of_order
        are segments, gaps are places where bytes were skipped, missing_bytes those that never came.
        Keep-alives are none of them. Frames without IP are in no flow.
        """
        return flows_of(self.file, where)

    @checked()
    def explain(
        self, where: str | None = None, most: Annotated[int, Between(1, 10_000)] = MOST_EXPLAINED
    ) -> Explained:
        """The first frames that a filter takes, layer by layer; see lk.explain()."""
        apart = Apart((COLUMNS["frame"],), where)
        found: list[CapturedFrame] = []
        for batch in batches_of(self.file):
            ((numbers, _),) = apart.take(batch)
            wanted = numbers[: most - len(found)].tolist()
            found += [frame_of(batch, number - batch.first) for number in wanted]
            if len(found) == most:
                break
        return Explained(found)

    @checked()
    def write(self, file: str | os.PathLike[str], where: str | None = None) -> "Capture":
        """Writes the frames that a filter takes to another file, with their times, lengths and
        comments; its name says the format: .pcap (with nanoseconds) or .pcapng."""
        return Capture(write(self.file, file, where))

    @checked(but=("tunnels",))
    def decap(
        self,
        *tunnels: Tunnel,
        on_error: OnError = "keep",
        nested: bool = True,
        any_source: bool = False,
    ) -> Stripped:
        """The capture without its tunnels: write() and table() of what is returned do the work.

        tunnels: whose receivers take the frames, as strict as they are (see lk.Vxlan); without one
            whatever tunnel a frame is in is taken off: VXLAN, VXLAN-GPE, GENEVE, GUE, GRE with
            NVGRE and ERSPAN, EtherIP, IP in IP, GTP-U, Teredo, L2TP, MPLS in IP
        on_error: frames that are refused stay as they are ("keep"), are left out ("drop"), or end
            it ("raise")
        nested: tunnels within tunnels are taken off, too
        any_source: receivers take frames from any address, also 127.0.0.1; see lk.Vxlan.decap()
        """
        for tunnel in tunnels:
            if not isinstance(tunnel, Tunnel):
                raise LabError(
                    f"decap({shown(tunnel)}): it is a tunnel, such as lk.Vxlan(vni=1), or nothing "
                    "for whatever tunnels there are"
                )
        return Stripped(self.file, tunnels, on_error, nested, any_source)

    @staticmethod
    def join(captures: Iterable["Capture | str | os.PathLike[str]"]) -> Joined:
        """Several captures as one, in the order of their times; see Joined."""
        if isinstance(captures, str) or not isinstance(captures, Iterable):
            raise LabError(f"join({shown(captures)}): it is a list of captures, such as [a, b]")
        return Joined([one if isinstance(one, Capture) else Capture(one) for one in captures])

    @property
    def interfaces(self) -> tuple[CaptureInterface, ...]:
        """Those that frames were captured on; `interface` of a frame is a place among them."""
        return interfaces_of(self.file)

    @property
    def summary(self) -> Summary:
        """What is in it at a glance: one pass over the file, which is kept."""
        state = self._state()
        if self._summary is None or self._summary[0] != state:
            self._summary = state, summary_of(self.file)
        return self._summary[1]

    def __len__(self) -> int:
        """How many frames there are."""
        return self._places.frames

    @overload
    def __getitem__(self, number: int) -> CapturedFrame: ...

    @overload
    def __getitem__(self, number: slice) -> list[CapturedFrame]: ...

    def __getitem__(self, number: int | slice) -> CapturedFrame | list[CapturedFrame]:
        """A frame by its number from 0 (-1: the last one), or a list of them by a slice."""
        count = len(self)
        if isinstance(number, slice):
            wanted = range(count)[number]
            if len(wanted) > MOST_FRAMES:
                raise LabError(
                    f"{len(wanted):,} frames at a time; at most {MOST_FRAMES:,}: go through the "
                    "capture itself (for frame in capture), or ask for a table"
                )
            if not wanted:
                return []
            first, last = min(wanted), max(wanted)
            found = self._places.frames_from(first, last + 1)
            return [found[n - first] for n in wanted]
        if isinstance(number, bool) or not hasattr(number, "__index__"):
            raise LabError(f"capture[{shown(number)}]: a frame is known by its number, from 0")
        wanted_one = number.__index__()
        if not -count <= wanted_one < count:
            raise IndexError(
                f"there is no frame {wanted_one}: {self.file.name} has {plural(count, 'frame')}, "
                "which are numbered from 0"
            )
        wanted_one %= count
        return self._places.frames_from(wanted_one, wanted_one + 1)[0]

    def __iter__(self) -> Iterator[CapturedFrame]:
        for batch in batches_of(self.file):
            for n in range(len(batch)):
                yield frame_of(batch, n)

    def __getstate__(self) -> dict[str, Any]:
        """Of its file alone: what was read of it is read again where it is needed."""
        return self.__dict__ | {"_index": None, "_summary": None}

    def __repr__(self) -> str:
        size = self.file.stat().st_size if self.file.exists() else None
        told = "which is gone" if size is None else f"{size:,} bytes"
        return f"<Capture {self.file}: {told}>"

    def _repr_html_(self) -> str:
        return self.summary._repr_html_()

    @property
    def _places(self) -> Index:
        state = self._state()
        if self._index is None or self._index[0] != state:
            self._index = state, Index(self.file)
        return self._index[1]

    def _state(self) -> tuple[int, int]:
        """By which the file is known to be the same."""
        try:
            found = self.file.stat()
        except OSError as error:
            raise LabError(f"{self.file} cannot be read any more: {error.strerror}") from None
        return found.st_size, found.st_mtime_ns

    def _pieces(
        self, rows: int, columns: Sequence[Any], where: str | None
    ) -> Iterator[tuple[Apart, list[Part]]]:
        """Parts of so many rows together, each piece with numbers of its own for addresses: so that
        memory does not grow."""
        apart, parts, held = Apart(columns, where), [], 0
        for batch in batches_of(self.file):
            at = 0
            while at < len(batch):
                piece = batch.cut(at, at + rows - held)
                parts.append(apart.take(piece))
                at += len(piece)
                held += len(parts[-1][0][0])
                if held == rows:
                    yield apart, parts
                    apart, parts, held = Apart(columns, where), [], 0
        if held:
            yield apart, parts
