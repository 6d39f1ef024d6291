# SPDX-License-Identifier: BSD-3-Clause
"""What all live views have in common: a feed, a page that draws, and a picture that stays."""

import threading
import time
import warnings
import weakref
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Self

import traitlets

from labkit.errors import LabError
from labkit.sources import Rates, Sample, Schema, rates
from labkit.sources.as_source import Counted
from labkit.widgets import bundle
from labkit.widgets.displays import after_every_cell, display_parts
from labkit.widgets.feed import Feed, feed_of
from labkit.widgets.lines import Lines, Message
from labkit.widgets.page_widget import PageWidget
from labkit.widgets.picture import picture

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

MOST_LINES = 32
MOST_MARKS = 100
HIDDEN_SECONDS = 1.0  # between messages to pages that are out of sight

_open: "weakref.WeakSet[LiveView]" = weakref.WeakSet()


class LiveView(PageWidget):
    """A live view of a source.

    It draws in the page; the kernel sends it one message a tick, 10 a second at most, from a thread
    of its feed, so that it moves while a cell runs. Where there is no page (papermill, exported
    HTML, GitHub), and in a notebook that is opened without its kernel, a static picture stands in
    its place: 30 s old at most, and brought up to date by stop() and close().
    """

    title = traitlets.Unicode().tag(sync=True)
    lines = traitlets.Dict().tag(sync=True)  # version, and what the page draws: one item a line
    names: traitlets.List[str] = traitlets.List().tag(sync=True)  # all that may be chosen
    marks: traitlets.List[list[Any]] = traitlets.List().tag(
        sync=True
    )  # [x, text], x in seconds since the epoch
    running = traitlets.Bool(True).tag(sync=True)
    status = traitlets.List(["live", ""]).tag(sync=True)
    faults = traitlets.Dict().tag(sync=True)

    def __init__(self, source: Counted, kind: str, title: str) -> None:
        self._feed = feed_of(source)
        self._lock = threading.RLock()  # traits are set by the feed's thread too
        self._error: BaseException | None = None
        self._schema: Schema | None = None
        self._lines = Lines(self._feed)
        self._sent = 0.0
        if not bundle.is_there():
            warnings.warn(bundle.missing(), stacklevel=4)
        super().__init__(kind, title=title)
        self._feed.attach(self)
        try:
            with self._lock:
                self._adopt(self._feed.schema)
                self._show_state(self._feed)
        except BaseException:
            self._feed.detach(self)
            super().close()
            raise
        _open.add(self)
        after_every_cell(_after_cell)
        for owner in self._owners().values():
            owner.ends_with_it(self)

    # What a notebook does

    def start(self) -> None:
        """Goes on after stop(), in the place where it was displayed."""
        self._go_on()
        self._show(is_live=True)

    def stop(self) -> None:
        """Ends drawing and leaves a static picture in its place, which a saved notebook keeps.

        Raises what went wrong in the background.
        """
        self._pause()
        self._show(is_live=False)
        if self._error is not None:
            error, self._error = self._error, None
            raise error

    def mark(self, text: str = "") -> None:
        """Marks this moment with a line and a text."""
        points = self._feed.after(self._feed.number - 1)
        self._add_mark(points[-1].x if points else time.time(), text)

    def close(self) -> None:
        """Ends the view; a static picture takes its place in the notebook."""
        if self not in _open:
            return
        _open.discard(self)
        was_running = self.running
        if was_running:
            self._pause()
        ended = [name for name, owner in self._owners().items() if owner.is_closed]
        self.status = ["closed", f"the {(*ended, 'view')[0]} was closed"]
        if was_running:
            self._show(is_live=False)
        self._free()

    @property
    def table(self) -> "pd.DataFrame":
        """What its lines show: one row a point, indexed by time; one column a counter."""
        return self._lines.frame()

    @property
    def figure(self) -> "Figure":
        """What it shows, as a matplotlib figure."""
        times, values = self._lines.table()
        return picture(self.title, times, values, self.lines.get("items", []), self.marks)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def __repr__(self) -> str:
        state, reason = self.status
        if not self.running and state == "live":
            state, reason = "stopped", ""
        shown = f"{len(self._lines.names)} of {len(self.names)} counters"
        return (
            f"<{type(self).__name__} {self.title}: {state}, {shown}{'; ' * bool(reason)}{reason}>"
        )

    @property
    def is_open(self) -> bool:
        """Whether it was not closed."""
        return self in _open

    # What kinds of views do differently

    def _choose(self, schema: Schema) -> list[str]:
        """Counters of the lines, for a source with this schema."""
        raise NotImplementedError

    def _extra(self) -> Message:
        """What a message carries besides the points of the lines: now and then the means of the
        last second, and over how many seconds they are."""
        ends = self._lines.numbers_due()
        return self._numbers(rates(*ends), *ends) if ends else ({}, [])

    def _numbers(self, mean: Rates, before: Sample, after: Sample) -> Message:
        """mean: the rates between the two samples, one of the source's schema as it is now."""
        return {"means": self._lines.means(mean), "seconds": round(mean.seconds, 3)}, []

    def _html(self) -> str:
        """A static picture beside the chart."""
        return ""

    # The feed's thread

    def tick(self, feed: Feed) -> None:
        """Sends what is new to the page."""
        now = time.monotonic()
        with self._lock:
            self._show_state(feed)
            is_there = feed.state[0] == "live"  # what is away may have no names
            if is_there and feed.schema is not self._schema:
                self._adopt(feed.schema)
                self._seed()
                return
            is_due = self._pages.is_seen or now - self._sent >= HIDDEN_SECONDS
            news = self._lines.new_points() if is_due else None
            if news:
                self._send_points(news)
                self._sent = now
        if self._displays.is_due(self._pages):
            self._show(is_live=True)

    def fail(self, error: BaseException) -> None:
        """Keeps an error of the feed's thread for stop()."""
        self._error = error
        with self._lock:
            self.status = ["failed", f"{type(error).__name__}: {error}"]
        self._feed.detach(self)

    def _show_state(self, feed: Feed) -> None:
        self.status = list(feed.state)
        told = feed.latest.faults if feed.latest else {}
        self.faults = {name: told[name] for name in self._lines.names if name in told}

    # Within

    def _owners(self) -> dict[str, Any]:
        """With what it ends, by what that is called."""
        found = {name: getattr(self._feed.source, name, None) for name in ("lab", "traffic")}
        return {name: owner for name, owner in found.items() if owner is not None}

    def _free(self) -> None:
        """Lets go of the page's side of a closed view, once no page shows it.

        A page that was loaded anew cannot replace it by the picture, and goes on showing it.
        """
        if not self._pages:
            super().close()

    def _go_on(self) -> None:
        if self not in _open:
            raise LabError("the view was closed; make a new one")
        with self._lock:
            self.running = True
        self._feed.attach(self)
        self._seed()

    def _pause(self) -> None:
        with self._lock:
            self.running = False
        self._feed.detach(self)

    def _adopt(self, schema: Schema) -> None:
        """Takes over a source's names, which change when ports and paths come and go."""
        self._schema = schema
        self.names = list(schema.names)
        self._draw(self._choose(schema), schema)

    def _draw(self, names: Sequence[str], schema: Schema) -> None:
        self.lines = self._lines.draw(names, schema) or self.lines

    def _seed(self) -> None:
        """Sends all that is remembered: to a page that is new, and when lines were chosen."""
        with self._lock:
            self._send_points(self._lines.all_points())

    def _send_points(self, message: Message) -> None:
        (content, points), (extra, buffers) = message, self._extra()
        self.send({**content, **extra}, [*points, *buffers])

    # Pages

    def _hear(self, _: object, content: dict[str, Any], __: object) -> None:
        if self in _open:
            super()._hear(_, content, __)
        elif content.get("type") == "removed":
            self._pages.forget(str(content.get("page", "")))
            self._free()

    def _seen(self, kind: str) -> None:
        if self.running:
            self._feed.attach(self)
        if kind == "ready":
            self._seed()

    def _gone(self) -> None:
        if not self._pages:
            self._feed.detach(self)  # a view that no page shows costs nothing

    def _ask(self, content: dict[str, Any]) -> None:
        kind = content.get("type")
        if kind == "start":
            self._go_on()
        elif kind == "stop":
            if self._pages.are_ours:
                self._show(is_live=True)
            self._pause()
        elif kind == "mark":
            self._add_mark(float(content["x"]), str(content.get("text", "")))

    def _add_mark(self, x: float, text: str) -> None:
        with self._lock:
            self.marks = [*self.marks, [x, text]][-MOST_MARKS:]

    # The picture that stays

    @property
    def _number(self) -> int:
        return self._feed.number

    def _parts(self, view: dict[str, Any]) -> dict[str, Any]:
        figure = self.figure if self._feed.number and self._lines.names else None
        return display_parts(repr(self), self.title, view, figure, self._html())

    def _ipython_display_(self, **_: Any) -> None:
        with self._lock:
            super()._ipython_display_()

    def _show(self, *, is_live: bool) -> None:
        with self._lock:
            if self._displays and (self.running or not is_live):
                super()._show(is_live=is_live)

    def bring_up_to_date(self) -> None:
        """Shows what is new where no page does (papermill's).

        A page without labkit's extension would lose its place when its view is displayed anew.
        """
        if self.running and not self._pages and self._displays.number != self._feed.number:
            self._show(is_live=True)


def _after_cell(_: object) -> None:
    for view in tuple(_open):
        view.bring_up_to_date()
