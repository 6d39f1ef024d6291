# SPDX-License-Identifier: BSD-3-Clause
"""Tables as a reader wants their numbers: 0.029, 64, 1,000,000."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd


def as_html(table: "pd.DataFrame") -> str:
    """For a notebook."""
    return str(_as_text(table).style.hide(axis="index").format(escape="html").to_html())


def as_lines(table: "pd.DataFrame") -> str:
    """For a terminal."""
    return str(_as_text(table).to_string(index=False))


def _as_text(table: "pd.DataFrame") -> "pd.DataFrame":
    import pandas as pd

    return pd.DataFrame({name: [_cell(name, v) for v in table[name]] for name in table.columns})


def _cell(column: str, value: Any) -> str:
    """Whole numbers and those from 1000 without decimals, others with four digits."""
    import pandas as pd

    if pd.isna(value):
        return "–"
    if isinstance(value, str) or pd.api.types.is_bool(value):
        return str(value)
    if column == "size_bytes" and not float(value).is_integer():
        return f"{value:,.1f}"  # the mean of a mix
    is_whole = float(value).is_integer() or abs(value) >= 1000
    return f"{value:,.0f}" if is_whole else f"{value:.4g}"
