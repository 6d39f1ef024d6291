# SPDX-License-Identifier: BSD-3-Clause
"""Tables as a reader wants their numbers: 0.029, 64, 1,000,000."""

from typing import TYPE_CHECKING, Any

from labkit.text import html_table

if TYPE_CHECKING:
    import pandas as pd

# What is shown of results, besides latencies and flags
SHOWN = [
    *("config", "size_bytes", "mix", "target_pps", "tx_pps", "rx_pps", "drop_percent", "unsent"),
    *("lost", "unexplained", "port_drops", "nic_imissed", "nic_ierrors", "nic_nombuf", "app_drops"),
]
MOST_SHOWN = 20


def excerpt(table: "pd.DataFrame") -> "pd.DataFrame":
    """Of results the first trials, with the columns that a reader needs and that hold something."""
    latencies = ["latency_p50_ns", "latency_p99_ns"]
    if table[latencies].isna().all(axis=None):
        latencies = ["latency_avg_ns"]
    measured = table[[*SHOWN, *latencies, "generator_limited", "balanced"]]
    return measured.dropna(axis="columns", how="all").head(MOST_SHOWN)


def left_out(table: "pd.DataFrame") -> str:
    """Where the rest of results is."""
    columns = f"all {len(table.columns)} columns"
    if len(table) <= MOST_SHOWN:
        return f".table has {columns}"
    return f"the first {MOST_SHOWN} of {len(table)} trials; .table has every one, and {columns}"


def size_name(size_bytes: float, mix: str | None) -> str:
    """Sizes of frames as headings tell them: "64 B", or "IMIX (353.8 B)" with its mean."""
    import pandas as pd

    size = "any size" if pd.isna(size_bytes) else f"{_cell('size_bytes', size_bytes)} B"
    return f"{mix} ({size})" if not pd.isna(mix) and mix else size


def as_html(table: "pd.DataFrame") -> str:
    """For a notebook."""
    words = ("object", "string", "bool", "boolean")
    sides = ["l" if str(dtype) in words else "r" for dtype in table.dtypes]
    return html_table([*map(str, table)], _as_text(table).itertuples(index=False), "".join(sides))


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
