# SPDX-License-Identifier: BSD-3-Clause
"""A DataFrame as a reader wants it: 0.029, 64, 1,000,000, – where there is nothing, numbers to the
right, and no column out of reach."""

import shutil
from collections.abc import Iterator, Sequence
from numbers import Number
from typing import TYPE_CHECKING, Any, NamedTuple

from labkit.text import MISSING, Html, halves, html_table
from labkit.units import plain

if TYPE_CHECKING:
    import pandas as pd

MOST_ROWS, ROWS_AT_AN_END = 60, 10  # of a longer table the first and the last ones are shown
MOST_COLUMNS = 40
GAP = "  "
USUAL_WIDTH = 100  # characters, where no terminal tells


class Column(NamedTuple):
    """A column as text; side: "r" for numbers, "l" for words."""

    head: str
    cells: list[str]
    side: str


def as_html(frame: "pd.DataFrame", caption: Html | str = "") -> Html:
    """For a notebook."""
    columns, note = _excerpt(frame)
    rows = zip(*(column.cells for column in columns), strict=True)
    sides = "".join(column.side for column in columns)
    told = caption or note
    return html_table([column.head for column in columns], rows, sides, caption=told)


def as_lines(frame: "pd.DataFrame", width: int | None = None) -> str:
    """For a terminal: what is wider goes on below, each part with the first column.

    width: in characters; None: the terminal's
    """
    columns, note = _excerpt(frame)
    if not columns:
        return note or "no columns"
    most = width or shutil.get_terminal_size((USUAL_WIDTH, 0)).columns
    first, *others = ([*_lines(column)] for column in columns)
    parts: list[list[list[str]]] = [[first]]
    room = most - len(first[0])
    for lines in others:
        needed = len(GAP) + len(lines[0])
        if needed > room and len(parts[-1]) > 1:
            parts.append([first])
            room = most - len(first[0])
        parts[-1].append(lines)
        room -= needed
    rows = (zip(*part, strict=True) for part in parts)
    blocks = ["\n".join(GAP.join(row).rstrip() for row in part) for part in rows]
    return "\n\n".join([*blocks, *([note] if note else [])])


def columns_of(frame: "pd.DataFrame") -> list[Column]:
    """Every column as text, after those of an index that tells something."""
    named = with_index(frame)
    missing = named.isna().to_numpy()
    return [
        _column(_heading(name), named.iloc[:, i].tolist(), missing[:, i].tolist())
        for i, name in enumerate(named.columns)
    ]


def width_of(column: Column) -> int:
    """Characters that a column needs in a notebook."""
    return max(map(len, [*halves(column.head), *column.cells]))


def cell(value: Any) -> str:
    """A value that is not missing."""
    if isinstance(value, Number) and not isinstance(value, bool | complex):
        return plain(value)  # type: ignore[arg-type]
    return str(value)


def _column(head: str, values: Sequence[Any], missing: Sequence[bool]) -> Column:
    there = [value for value, gone in zip(values, missing, strict=True) if not gone]
    words = not all(isinstance(v, Number) and not isinstance(v, bool) for v in there)
    cells = [MISSING if gone else cell(v) for v, gone in zip(values, missing, strict=True)]
    return Column(head, cells, "l" if words else "r")


def with_index(frame: "pd.DataFrame") -> "pd.DataFrame":
    """The frame with an index that tells something as its first columns."""
    import pandas as pd

    index = frame.index
    if index.nlevels == 1 and index.name is None and pd.api.types.is_integer_dtype(index.dtype):
        return frame  # rows are numbered where nobody names them
    levels = index.to_frame(index=False)
    levels.columns = [name or "" for name in index.names]
    return pd.concat([levels, frame.reset_index(drop=True)], axis="columns")


def _heading(name: Any) -> str:
    return " ".join(map(str, name)) if isinstance(name, tuple) else str(name)


def _excerpt(frame: "pd.DataFrame") -> tuple[list[Column], str]:
    """The columns of the first and last rows, and what is left out."""
    import pandas as pd

    rows, wide = frame.shape
    shown = frame.iloc[:, :MOST_COLUMNS]
    cut = rows > MOST_ROWS
    if cut:
        ends = [shown.iloc[:ROWS_AT_AN_END], shown.iloc[-ROWS_AT_AN_END:]]
        shown = pd.concat(ends)
    columns = columns_of(shown)
    if cut:
        for column in columns:
            column.cells.insert(ROWS_AT_AN_END, "…")
    is_whole = not cut and wide <= MOST_COLUMNS
    left_out = f"{rows:,} rows, {wide:,} columns; shown: " if not is_whole else ""
    parts = [f"the first and last {ROWS_AT_AN_END} rows"] * cut
    parts += [f"the first {MOST_COLUMNS} columns"] * (wide > MOST_COLUMNS)
    return columns, left_out + " and ".join(parts) if left_out else ""


def _lines(column: Column) -> Iterator[str]:
    width = max(map(len, [column.head, *column.cells]))
    for text in (column.head, *column.cells):
        yield text.rjust(width) if column.side == "r" else text.ljust(width)
