# SPDX-License-Identifier: BSD-3-Clause
"""A table that a page sorts, filters and downloads: lk.explore(run.table)."""

import io
from functools import cached_property
from typing import Any

import pandas as pd
import traitlets

from labkit.arguments.checked import checked
from labkit.errors import LabError
from labkit.tables.shown import MOST_COLUMNS, as_html, columns_of, with_index
from labkit.widgets.displays import display_parts
from labkit.widgets.page_widget import PageWidget

MOST_ROWS = 200  # that a page is sent; all of them are sorted, filtered and downloaded
LONGEST_FILTER = 200  # characters


class Explorer(PageWidget):
    """What lk.explore() shows. The page asks, and the kernel sorts and filters all rows."""

    heads: traitlets.List[str] = traitlets.List().tag(sync=True)
    sides = traitlets.Unicode().tag(sync=True)
    rows: traitlets.List[list[str]] = traitlets.List().tag(sync=True)
    note = traitlets.Unicode().tag(sync=True)
    order: traitlets.List[int] = traitlets.List().tag(sync=True)  # column, and 1 up or -1 down

    def __init__(self, frame: pd.DataFrame) -> None:
        self._frame = with_index(frame).reset_index(drop=True)
        self._given = frame
        self._filter = ""
        super().__init__("explorer")
        self._look()

    def __repr__(self) -> str:
        return repr(self._given)

    @property
    def found(self) -> pd.DataFrame:
        """The rows that the filter leaves, in the order chosen."""
        frame = self._frame
        if self._filter:
            frame = frame[self._texts.str.contains(self._filter, regex=False)]
        if not self.order:
            return frame
        column, way = self.order
        values = frame.iloc[:, column]
        try:
            ranks = values.rank(method="dense")
        except TypeError:  # what cannot be compared is sorted as text
            ranks = values.astype("string").rank(method="dense")
        order = ranks.sort_values(ascending=way > 0, kind="stable", na_position="last").index
        return frame.loc[order]

    @cached_property
    def _texts(self) -> "pd.Series[str]":
        columns = [self._frame.iloc[:, i].astype("string") for i in range(self._frame.shape[1])]
        text = pd.Series("", self._frame.index, dtype="string")
        for column in columns:
            text = text + "\n" + column.fillna("")
        return text.str.lower()

    def _look(self) -> None:
        found, (rows, wide) = self.found, self._frame.shape
        columns = columns_of(found.iloc[:MOST_ROWS, :MOST_COLUMNS])
        parts = [f"{rows:,} rows"]
        parts += [f"{len(found):,} of them match"] * bool(self._filter)
        parts += [f"the first {MOST_ROWS} are shown"] * (len(found) > MOST_ROWS)
        parts += [f"the first {MOST_COLUMNS} of {wide:,} columns"] * (wide > MOST_COLUMNS)
        with self.hold_sync():
            self.heads = [column.head for column in columns]
            self.sides = "".join(column.side for column in columns)
            self.rows = [list(row) for row in zip(*(c.cells for c in columns), strict=True)]
            self.note = ", ".join(parts)

    # What the page asks for; it is not trusted

    def _seen(self, kind: str) -> None:
        if kind == "ready":
            self.send({"type": "here"})

    def _ask(self, content: dict[str, Any]) -> None:
        match content:
            case {"type": "sort", "column": int(column), "way": 1 | -1 | 0 as way}:
                if 0 <= column < min(self._frame.shape[1], MOST_COLUMNS):
                    self.order = [column, way] if way else []
                    self._look()
            case {"type": "filter", "text": str(text)}:
                self._filter = text[:LONGEST_FILTER].strip().lower()
                self._look()
            case {"type": "download", "format": "csv" | "parquet" as kind}:
                self._send_file(kind)

    def _send_file(self, kind: str) -> None:
        try:
            content = as_file(self.found, kind)
        except LabError as error:
            self.send({"type": "failed", "why": str(error)})
            return
        self.send({"type": "file", "name": f"table.{kind}"}, [content])

    def _parts(self, view: dict[str, Any]) -> dict[str, Any]:
        return display_parts(repr(self), "A table", view, None, as_html(self._given))


def as_file(frame: pd.DataFrame, kind: str) -> bytes:
    """All rows as a file; kind: "csv" (UTF-8, a missing value is empty) or "parquet".

    LabError where a column has values of several types, which Parquet does not hold.
    """
    named = frame.set_axis([str(name) for name in frame.columns], axis="columns")
    if kind == "csv":
        return named.to_csv(index=False).encode()
    file = io.BytesIO()
    try:
        pd.DataFrame(named).to_parquet(file, index=False)
    except (ValueError, TypeError) as error:  # pyarrow's ArrowInvalid is a ValueError
        raise LabError(f"Parquet does not hold this table: {error}; take CSV") from None
    return file.getvalue()


@checked()
def explore(frame: pd.DataFrame) -> Explorer:
    """Shows a table in a notebook whose rows can be sorted by a click on a heading, filtered by a
    text, and downloaded as CSV or Parquet, all rows of it. A page is sent the first 200 rows that
    match; a saved notebook keeps the table as it is shown without this.

    frame: any pandas DataFrame, such as the table of a sweep or a capture; it is not changed

    >>> lk.explore(sweep.table)
    """
    return Explorer(frame)
