# SPDX-License-Identifier: BSD-3-Clause
"""lk.packets(): frames as a list, as a tree of fields, and as bytes."""

import threading
from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING, Any

import traitlets
from IPython.display import display

from labkit.arguments.checked import checked
from labkit.captures.capture import Capture
from labkit.captures.copied import pcapng, scapy_code
from labkit.captures.explained import Explained
from labkit.errors import LabError
from labkit.lab.trace import Trace
from labkit.packet.explanation import Explanation
from labkit.packet.page_frame import dump
from labkit.text import Html, Row, html_table, plural, shortened
from labkit.widgets.displays import WIDGET_TYPE, display_parts
from labkit.widgets.front_end import is_watched
from labkit.widgets.packet_lists import PacketList, list_of
from labkit.widgets.page_widget import PageWidget

if TYPE_CHECKING:
    from scapy.packet import Packet

WINDOW = 100  # rows that the page has at a time
MOST_SAVED = 20  # rows that a saved notebook has
LONGEST_INFO = 80  # letters of a row's info there
WRONG = "#b00020"


class PacketPane(PageWidget):
    """Frames in a notebook, one of them taken apart; what `lk.packets()` returns.

    The page has the rows around the frame that it shows, and asks for others when it needs them.
    """

    title = traitlets.Unicode().tag(sync=True)
    heads: traitlets.List[str] = traitlets.List().tag(sync=True)
    count = traitlets.Int().tag(sync=True)
    first = traitlets.Int().tag(sync=True)  # place of the first row that the page has
    rows: traitlets.List[list[str | bool]] = traitlets.List().tag(sync=True)
    at = traitlets.Int(-1).tag(sync=True)  # place of the frame that is shown; -1: there is none
    frame: "traitlets.Dict[str, Any]" = traitlets.Dict().tag(sync=True)

    def __init__(self, listed: PacketList, shown: Any = None) -> None:
        self._listed = listed
        self._shown = shown  # whose text and tables a notebook keeps; None: the pane's own
        self._lock = threading.RLock()  # a message may be heard on a thread of its own
        count = len(listed)
        rows = listed.rows(0, min(count, WINDOW))
        super().__init__(
            "packets",
            title=listed.title,
            heads=list(listed.heads),
            count=count,
            rows=rows,
            at=0 if count else -1,
            frame=listed.page(0) if count else {},
        )

    def __repr__(self) -> str:
        if self._shown is not None:
            return repr(self._shown)
        rows = [[str(cell) for cell in row[:-1]] for row in self._first_rows]
        rows = [[*row[:-1], shortened(row[-1], LONGEST_INFO)] for row in rows]
        widths = [max(map(len, column)) for column in zip(self.heads, *rows, strict=True)]
        told = ["  ".join(map(str.ljust, row, widths)).rstrip() for row in (self.heads, *rows)]
        text = f"{self.title}\n" + "\n".join(told)
        if self.count > len(rows):
            text += f"\n… {self.count - len(rows):,} more"
        return f"{text}\n\n{self._listed.explanation(0)!r}" if self.count else text

    @property
    def _first_rows(self) -> list[list[str | bool]]:
        return self._listed.rows(0, min(self.count, MOST_SAVED))

    def show(self, place: int) -> None:
        """Shows another frame, by its place in the list from 0."""
        if isinstance(place, bool) or not isinstance(place, int) or not 0 <= place < self.count:
            raise LabError(
                f"place is {place!r}; the list has {plural(self.count, 'frame')}, from 0"
            )
        with self._lock, self.hold_sync():
            if not self.first <= place < self.first + len(self.rows):
                self.first = max(0, min(place - WINDOW // 2, self.count - WINDOW))
                self.rows = self._listed.rows(self.first, min(self.first + WINDOW, self.count))
            self.frame = self._listed.page(place)
            self.at = place

    # Pages, and what stays

    def _seen(self, kind: str) -> None:
        if kind == "ready":
            self.send({"type": "here"})

    def _ask(self, content: dict[str, Any]) -> None:
        try:
            if content.get("type") == "frame":
                self.show(content.get("place"))  # type: ignore[arg-type]
            elif content.get("type") == "copy":
                self._give(str(content.get("what")))
        except LabError as error:  # such as of a file that is gone
            self.send({"type": "failed", "text": str(error).splitlines()[0]})

    def _give(self, what: str) -> None:
        if self.at < 0:
            return
        frame = self._listed.frame(self.at)
        if what == "scapy":
            self.send({"type": "copied", "what": what, "text": scapy_code(frame)})
        elif what == "pcapng":
            name = f"frame-{frame.number}.pcapng"
            self.send({"type": "file", "name": name}, buffers=[pcapng(frame)])

    def _parts(self, view: dict[str, Any]) -> dict[str, Any]:
        if not is_watched():
            view = {kind: part for kind, part in view.items() if kind != WIDGET_TYPE}
        return display_parts(repr(self), self.title, view, None, self._static())

    def _static(self) -> str:
        if not self.count:
            return f"<p>{escape(self.title)}: no frame</p>"
        explained = self._listed.explanation(0)
        if self._shown is not None:
            return _with_bytes(self._shown._repr_html_(), explained)
        table = self._table() if self.count > 1 else ""
        return _with_bytes(f"{table}{explained._repr_html_()}", explained)

    def _table(self) -> Html:
        """The first rows, those of frames with a fault in red and marked."""
        rows = [
            Row(["⚠ " * bool(bad) + str(cells[0]), *map(str, cells[1:])], WRONG if bad else "")
            for *cells, bad in self._first_rows
        ]
        left = self.count - len(rows)
        caption = f"{self.title}: " + (f"the first {len(rows)}, and {left:,} more" if left else "")
        sides = "".join("r" if head in ("length", "time (s)") else "l" for head in self.heads)
        return html_table(self.heads, rows, sides, caption=caption.removesuffix(": "))


@checked(but=("of",))
def packets(
    of: "bytes | Packet | Explanation | Explained | Capture | Trace | Sequence[Any]",
    where: str | None = None,
) -> PacketPane:
    """Frames as a list, the fields of one of them as a tree, and its bytes: the packet pane.

        lk.packets(lk.Capture("trace.pcapng"), where="udp port 4789")
        lk.packets([frame, other_frame])

    Fields and bytes are linked both ways. A capture may have any number of frames: rows and bytes
    are read when they are shown. In a saved notebook the first rows and the first frame stay, as a
    table and as text.

    of: a frame (bytes or a scapy packet), a list of frames, what lk.explain() or a capture's
        explain() returned, a capture, or a trace, whose rows are the nodes that its frames entered
    where: a capture filter as tcpdump takes it, for the frames of a capture
    """
    return PacketPane(list_of(of, where))


def show(of: Any) -> None:
    """Shows a trace, a frame or several as what a cell ends with; a notebook that is saved keeps
    their own text and tables."""
    listed = list_of(of)
    if is_watched():
        PacketPane(listed, of)._ipython_display_()
        return
    html = of._repr_html_()
    html = _with_bytes(html, listed.explanation(0)) if len(listed) else html
    display({"text/plain": repr(of), "text/html": html}, raw=True)


def _with_bytes(html: str, explained: Explanation) -> str:
    return (
        f"{html}<details><summary>bytes of the first frame as hex and ASCII</summary>"
        f'<pre style="margin:0">{escape(dump(bytes(explained)))}</pre></details>'
    )
