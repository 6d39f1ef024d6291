# SPDX-License-Identifier: BSD-3-Clause
"""Columns for the width of a page: what is the same in all rows is told once, below the table."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from labkit.tables.shown import Column, columns_of, width_of

if TYPE_CHECKING:
    import pandas as pd

# Characters of JupyterLab's output in a window of 1,280 pixels, with its list of files open
WIDEST = 100
BESIDE_CELL = 2  # characters that the room around a cell takes


def fitting(
    frame: "pd.DataFrame", keys: Sequence[str] = (), expendable: Sequence[str] = ()
) -> tuple["pd.DataFrame", str]:
    """The columns that fit, and in words what the others hold in all rows or that they are there.

    keys: columns that stay, such as the name of a row
    expendable: columns to leave out first when too many are left, the first one first
    """
    columns = {c.head: c for c in columns_of(frame)}
    if _width(columns.values()) <= WIDEST:
        return frame, ""
    told = {
        name: column.cells[0]
        for name, column in columns.items()
        if len(frame) > 1 and name not in keys and len(set(column.cells)) == 1
    }
    shown = {name: column for name, column in columns.items() if name not in told}
    gone = []
    for name in expendable:
        if _width(shown.values()) <= WIDEST:
            break
        if shown.pop(name, None) is not None:
            gone.append(name)
    notes = []
    if told:
        notes.append("in all rows: " + ", ".join(f"{k} {v}" for k, v in told.items()))
    if gone:
        notes.append(f"not shown: {', '.join(gone)}")
    return frame[[name for name in frame.columns if name in shown]], "; ".join(notes)


def _width(columns: Iterable[Column]) -> float:
    return sum(width_of(column) + BESIDE_CELL for column in columns)
