# SPDX-License-Identifier: BSD-3-Clause
"""A DataFrame that is shown as the lab shows its tables."""

import pandas as pd

from labkit.tables.shown import as_html, as_lines


class Table(pd.DataFrame):
    """A pandas DataFrame in all it does; only its text and its look in a notebook are the lab's.

    What is made from it (columns, rows, a pivot) is one too; lk.Table(frame) is one of any frame.
    """

    @property
    def _constructor(self) -> type["Table"]:
        return Table

    def __repr__(self) -> str:
        return as_lines(self)

    def _repr_html_(self) -> str:
        return as_html(self)
