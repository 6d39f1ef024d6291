# SPDX-License-Identifier: BSD-3-Clause
"""Tables that nodes keep, live: `path.tables` as the last line of a cell."""

import threading
import weakref
from typing import Any

import traitlets

from labkit.errors import LabError
from labkit.lab.node_tables import MOST_SHOWN, NodeTables
from labkit.tables.shown import columns_of
from labkit.text import html_table
from labkit.widgets.displays import after_every_cell, display_parts
from labkit.widgets.page_widget import PageWidget

SECONDS = 1.0  # between two looks

_open: "weakref.WeakKeyDictionary[NodeTables, TablesPanel]" = weakref.WeakKeyDictionary()


class TablesPanel(PageWidget):
    """Tables of a path's nodes, read once a second while a page shows them.

    It ends with its path, and leaves the last tables in the notebook.
    """

    title = traitlets.Unicode().tag(sync=True)
    state = traitlets.Unicode("live").tag(sync=True)  # or why there is nothing new
    tables: traitlets.List[dict[str, Any]] = traitlets.List().tag(sync=True)

    def __init__(self, tables: NodeTables) -> None:
        self._tables = tables
        self._lock = threading.RLock()  # traits are set by the thread, too
        self._number_of_looks = 0
        self._ended = threading.Event()
        super().__init__("tables", title=f"Tables of {tables.path_name}")
        self._look()
        _open[tables] = self
        after_every_cell(_after_cell)
        threading.Thread(target=self._run, name="labkit-tables", daemon=True).start()

    @property
    def is_open(self) -> bool:
        """Whether it still looks."""
        return not self._ended.is_set()

    def close(self) -> None:
        """Ends the panel; the last tables stay."""
        if self._ended.is_set():
            return
        self._ended.set()
        with self._lock:
            if self.state == "live":
                self.state = "the panel was closed"
            self._show(is_live=False)
            if not self._pages:
                super().close()

    def __repr__(self) -> str:
        return repr(self._tables)

    # Its thread

    def _run(self) -> None:
        while not self._ended.wait(SECONDS):
            with self._lock:
                if self._ended.is_set():
                    return
                if self._pages.is_seen:
                    self._look()
                if self._displays.is_due(self._pages):
                    self._look()
                    self._show(is_live=True)
            if self.state != "live":
                self.close()

    def _look(self) -> None:
        """Reads the tables once; a path that has gone ends it."""
        try:
            self.tables = [self._told(node) for node in self._tables]
        except LabError as error:
            self.state = str(error).splitlines()[0]
        self._number_of_looks += 1

    def _told(self, node: str) -> dict[str, Any]:
        frame, is_whole = self._tables.first(node)
        columns = columns_of(frame)
        rows = [list(row) for row in zip(*(column.cells for column in columns), strict=True)]
        note = "" if is_whole else f"the first {MOST_SHOWN} rows"
        return {
            "node": node,
            "heads": [column.head for column in columns],
            "sides": "".join(column.side for column in columns),
            "rows": rows,
            "note": note if rows else "nothing so far",
        }

    # Pages, and what stays

    @property
    def _number(self) -> int:
        return self._number_of_looks

    def _parts(self, view: dict[str, Any]) -> dict[str, Any]:
        parts = [
            html_table(
                table["heads"],
                table["rows"],
                table["sides"],
                caption=f"{table['node']}{table['note'] and ': ' + table['note']}",
            )
            for table in self.tables
        ]
        return display_parts(repr(self), self.title, view, None, "".join(parts))

    def _hear(self, _: object, content: dict[str, Any], __: object) -> None:
        with self._lock:
            super()._hear(_, content, __)

    def _seen(self, kind: str) -> None:
        if self.is_open:
            self._look()
        if kind == "ready":
            self.send({"type": "here"})

    def bring_up_to_date(self) -> None:
        """Shows what is new where no page does (papermill's)."""
        with self._lock:
            if self.is_open and not self._pages:
                self._look()
                self._show(is_live=True)


def show(tables: NodeTables) -> None:
    """Shows the tables of a path in a notebook, in all cells by one panel."""
    view = _open.get(tables)
    if view is None or not view.is_open:
        view = TablesPanel(tables)
    view._ipython_display_()


def _after_cell(_: object) -> None:
    for view in tuple(_open.values()):
        view.bring_up_to_date()
