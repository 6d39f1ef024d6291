# SPDX-License-Identifier: BSD-3-Clause
"""A DataFrame that is shown as the lab shows its tables."""

from typing import Any

import pandas as pd

from labkit.errors import UnknownName
from labkit.tables.shown import as_html, as_lines
from labkit.text import near


class Table(pd.DataFrame):
    """A pandas DataFrame in all it does; only its text, its look in a notebook, and what it says of
    columns that it does not have are the lab's.

    What is made from it (columns, rows, a pivot) is one too; lk.Table(frame) is one of any frame.
    """

    @property
    def _constructor(self) -> type["Table"]:
        return Table

    def __getitem__(self, key: Any) -> Any:
        try:
            return super().__getitem__(key)
        except KeyError:
            if not isinstance(key, str):
                raise
            raise UnknownName(f"there is no column {key!r}{near(key, self._texts())}") from None

    def __getattr__(self, name: str) -> Any:  # type: ignore[misc]  # final for type checkers
        try:
            return super().__getattr__(name)
        except AttributeError:
            if name.startswith("_"):  # Python and its tools look for many such names
                raise
            raise UnknownName(
                f"a table has neither a column nor an attribute {name!r}{near(name, self._texts())}"
            ) from None

    def _texts(self) -> list[str]:
        return [column for column in self.columns if isinstance(column, str)]

    def __repr__(self) -> str:
        return as_lines(self)

    def _repr_html_(self) -> str:
        return as_html(self)
