# SPDX-License-Identifier: BSD-3-Clause
"""lk.labs(): the engines of this kernel, with buttons that end them."""

from collections.abc import Iterator, Sequence
from typing import Any, overload

import traitlets

from labkit.arguments.checked import checked
from labkit.errors import LabError
from labkit.lab import open_labs
from labkit.lab.lab import Lab
from labkit.lab.rebinding import names_of_labs
from labkit.text import html_table, plural
from labkit.widgets.displays import after_every_cell, display_parts
from labkit.widgets.page_widget import PageWidget

COLUMNS = ("lab", "engine", "state", "ports", "paths", "CPUs of workers")
NONE = "no lab is open in this kernel"


@checked()
def labs() -> "Labs":
    """The labs of this kernel that were not closed, oldest first.

    In a notebook each stands with a button that closes it, once no cell runs. It is a sequence:
    `for lab in lk.labs(): lab.close()` ends all of them.
    """
    return Labs()


class NoSuchLab(LabError, IndexError):
    """A place in lk.labs() at which there is none."""


class Labs(Sequence[Lab]):
    """What lk.labs() returns; it shows those there are when it is looked at."""

    def __len__(self) -> int:
        return len(open_labs.labs)

    @overload
    def __getitem__(self, place: int) -> Lab: ...

    @overload
    def __getitem__(self, place: slice) -> list[Lab]: ...

    def __getitem__(self, place: int | slice) -> Lab | list[Lab]:
        found: list[Lab] = open_labs.in_order()
        if isinstance(place, int) and not -len(found) <= place < len(found):
            raise NoSuchLab(f"there is no lab {place}: {plural(len(found), 'lab')} can be had")
        return found[place]

    def __iter__(self) -> Iterator[Lab]:
        return iter(open_labs.in_order())  # those of now: closing them takes them off the list

    def __repr__(self) -> str:
        rows = [COLUMNS, *(tuple(row[key] for key in COLUMNS) for row in _rows())]
        if len(rows) == 1:
            return NONE
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        return "\n".join("  ".join(map(str.ljust, row, widths)).rstrip() for row in rows)

    def _ipython_display_(self, **_: Any) -> None:
        _LabsView(self)._ipython_display_()


def _rows() -> list[dict[str, str]]:
    names = names_of_labs()
    return [
        {
            "lab": names.get(lab.pid, "(no name)"),
            "engine": str(lab.pid),
            "state": "runs" if lab.is_alive else "died",
            "ports": ", ".join(lab.ports) or "none",
            "paths": ", ".join(lab.paths) or "none",
            "CPUs of workers": _cpus(lab),
        }
        for lab in open_labs.in_order()
    ]


def _cpus(lab: Lab) -> str:
    try:
        workers = lab.engine.commands.describe_workers()
    except LabError:  # it died
        return "unknown"
    cpus = ["shared" if worker["cpu"] is None else str(worker["cpu"]) for worker in workers]
    return ", ".join(cpus) or "none"


class _LabsView(PageWidget):
    """The list in a notebook, with its buttons."""

    columns: traitlets.List[str] = traitlets.List(list(COLUMNS)).tag(sync=True)
    rows: traitlets.List[dict[str, str]] = traitlets.List().tag(sync=True)
    nothing = traitlets.Unicode(NONE).tag(sync=True)

    def __init__(self, listed: Labs) -> None:
        self._listed = listed
        super().__init__("labs", rows=_rows())
        after_every_cell(self._look)

    def _parts(self, view: dict[str, Any]) -> dict[str, Any]:
        rows = [[row[key] for key in COLUMNS] for row in self.rows]
        html = html_table(COLUMNS, rows) if rows else f"<p>{NONE}</p>"
        return display_parts(repr(self._listed), "labs", view, None, html)

    def _look(self, _: object = None) -> None:
        """Lists labs that came since, and no longer those that are gone."""
        rows = _rows()
        if rows != self.rows:
            self.rows = rows
            if self._pages.are_ours or not self._pages:
                self._show(is_live=True)

    def _seen(self, kind: str) -> None:
        if kind == "ready":
            self.send({"type": "here"})

    def _ask(self, content: dict[str, Any]) -> None:
        if content.get("type") == "close":
            for lab in list(self._listed):
                if str(lab.pid) == content.get("engine"):
                    lab.close()
            self._look()
