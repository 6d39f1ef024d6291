# SPDX-License-Identifier: BSD-3-Clause
"""lk.panel(watch): what lk.trouble.watch() finds, and how much it judged, live."""

import threading
from typing import Any

import traitlets

from labkit.text import plural, shortened
from labkit.trouble.finding import Finding
from labkit.trouble.noticed import Noticed
from labkit.trouble.watched import shown
from labkit.trouble.watching import Watch
from labkit.widgets.displays import after_every_cell, display_parts
from labkit.widgets.page_widget import PageWidget

MOST_EVIDENCE = 3  # of one finding
LONGEST_LINE = 240

_open: dict[Watch, "TroublePanel"] = {}


class TroublePanel(PageWidget):
    """A watch live: what is the matter, what was, and what was judged.

    It moves while cells run: the kernel sends it what changed, once a second at most. It closes
    when the watch ends, and leaves what was found in the notebook.
    """

    title = traitlets.Unicode().tag(sync=True)
    found: traitlets.List[dict[str, Any]] = traitlets.List().tag(sync=True)
    judged = traitlets.Dict().tag(sync=True)

    def __init__(self, watch: Watch) -> None:
        self.watch = watch
        self._lock = threading.RLock()  # traits are set by the watch's thread too
        self._error: Exception | None = None
        self._ticks = 0
        names = ", ".join(source.label for source in watch.judged.sources)
        super().__init__("trouble", title=f"Watch of {names}")
        self._tell()
        _open[watch] = self
        watch.attach(self._tick)
        after_every_cell(_after_cell)

    @property
    def is_open(self) -> bool:
        """Whether it was not closed."""
        return _open.get(self.watch) is self

    def close(self) -> None:
        """Ends the panel, not the watch. Raises what went wrong in the background."""
        if not self.is_open:
            return
        del _open[self.watch]
        self.watch.detach(self._tick)
        with self._lock:
            self._tell()
            self._show(is_live=False)
            self._free()
        if self._error is not None:
            error, self._error = self._error, None
            raise error

    def __repr__(self) -> str:
        return repr(self.watch)

    # The watch's thread

    def _tick(self) -> None:
        try:
            with self._lock:
                self._ticks += 1
                if self.watch.state != "running":
                    self.close()
                    return
                self._tell()
                if self._displays.is_due(self._pages):
                    self._show(is_live=True)
        except Exception as error:  # the watch goes on
            self._error = error
            self.watch.detach(self._tick)
            self.judged = {**self.judged, "state": f"the panel has ended: {error!r}"}

    def _tell(self) -> None:
        """Sends what changed; how much was judged only to who looks."""
        judged = self.watch.judged
        noticed = shown(self.watch.history(), judged.until)
        order = sorted(noticed, key=lambda one: one.finding.order())
        self.found = [
            _told(one, order.index(one), is_over=one.is_over(judged.until)) for one in noticed
        ]
        if self._pages.is_seen or not self.is_open:
            self.judged = {
                "state": self.watch.state,
                "amount": judged.amount,
                "since": judged.since,
                "until": judged.until,
                "sources": [
                    [source.label, plural(source.count, source.kind), source.state, source.fault]
                    for source in judged.sources
                ],
            }

    # Pages, and what stays

    @property
    def _number(self) -> int:
        return self._ticks

    def _parts(self, view: dict[str, Any]) -> dict[str, Any]:
        return display_parts(repr(self.watch), self.title, view, None, self.watch._repr_html_())

    def _ipython_display_(self, **_: Any) -> None:
        with self._lock:
            if self.is_open:
                super()._ipython_display_()
            else:
                self._displays.add(self._outputs(is_live=False), self._number)

    def _hear(self, _: object, content: dict[str, Any], __: object) -> None:
        with self._lock:
            super()._hear(_, content, __)

    def _seen(self, kind: str) -> None:
        if self.is_open:
            self.watch.detach(self._tick)
            self.watch.attach(self._tick)
            self._tell()
        if kind == "ready":
            self.send({"type": "here"})

    def _gone(self) -> None:
        if self.is_open and not self._pages:
            self.watch.detach(self._tick)  # a panel that no page shows costs nothing
        self._free()

    def _free(self) -> None:
        """Lets go of the page's side of a closed panel, once no page shows it."""
        if not self.is_open and not self._pages:
            super().close()

    def bring_up_to_date(self) -> None:
        """Shows what is new where no page does (papermill's)."""
        with self._lock:
            if not self._pages and self._displays.number != self._ticks:
                self._show(is_live=True)


def _told(noticed: Noticed, place: int, *, is_over: bool) -> dict[str, Any]:
    """What the page draws of it; place: among the others, as watch.findings has them."""
    finding = noticed.finding
    return {
        "id": finding.id,
        "title": finding.title,
        "level": finding.level,
        "place": place,
        "device": finding.device,
        "since": noticed.since,
        "until": noticed.until if is_over else None,
        "evidence": _evidence(finding),
        "remedy": finding.remedy,
        "decides": [f"{need['what']}: {need['command']}" for need in finding.needs],
    }


def _evidence(finding: Finding) -> list[str]:
    lines = [shortened(str(seen), LONGEST_LINE) for seen in finding.evidence[:MOST_EVIDENCE]]
    more = len(finding.evidence) - len(lines)
    return [*lines, f"and {more} more"] if more else lines


def panel_of(watch: Watch) -> TroublePanel:
    """The one panel of a watch."""
    view = _open.get(watch)
    return TroublePanel(watch) if view is None else view


def show(watch: Watch) -> None:
    """Shows a watch in a notebook: one panel in all cells; what it found, once it has ended."""
    if watch.state == "running":
        panel_of(watch)._ipython_display_()
        return
    from IPython.display import display  # late: where there is a notebook, it is loaded

    display(display_parts(repr(watch), "watch", {}, None, watch._repr_html_()), raw=True)


def _after_cell(_: object) -> None:
    for view in tuple(_open.values()):
        view.bring_up_to_date()
