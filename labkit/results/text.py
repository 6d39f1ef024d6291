# SPDX-License-Identifier: BSD-3-Clause
"""Results as a reader wants them: the columns that tell something, and names of sizes."""

from typing import TYPE_CHECKING

from labkit.tables.fit import fitting
from labkit.text import MISSING
from labkit.units import plain

if TYPE_CHECKING:
    import pandas as pd

# What is shown of results, besides latencies and flags
SHOWN = [
    *("config", "size_bytes", "mix", "target_pps", "tx_pps", "rx_pps", "drop_percent", "unsent"),
    *("lost", "unexplained", "port_drops", "nic_imissed", "nic_ierrors", "nic_nombuf", "app_drops"),
]
MOST_SHOWN = 20
KEYS = ("config", "size_bytes", "mix", "target_pps")
# Left out first where a page has no room for all
EXPENDABLE = ("unexplained", "balanced", "nic_nombuf", "nic_ierrors", "nic_imissed", "port_drops",
              "app_drops", "unsent", "generator_limited", "lost")  # fmt: skip


def excerpt(table: "pd.DataFrame") -> tuple["pd.DataFrame", str]:
    """Of results the first trials, with the columns that a reader needs and that hold something;
    and where the rest is."""
    latencies = ["latency_p50_ns", "latency_p99_ns"]
    if table[latencies].isna().all(axis=None):
        latencies = ["latency_avg_ns"]
    measured = table[[*SHOWN, *latencies, "generator_limited", "balanced"]]
    told = measured.dropna(axis="columns", how="all").head(MOST_SHOWN)
    shown, note = fitting(told, KEYS, EXPENDABLE)
    return shown, "; ".join(filter(None, (note, _left_out(table))))


def _left_out(table: "pd.DataFrame") -> str:
    columns = f"all {len(table.columns)} columns"
    if len(table) <= MOST_SHOWN:
        return f".table has {columns}"
    return f"the first {MOST_SHOWN} of {len(table)} trials; .table has every one, and {columns}"


def load_names(
    config: str | None, size_bytes: float, mix: str | None, target_pps: float
) -> tuple[str, str, float | None]:
    """A load of a DUT in words: its config, its size, and its target where it has one."""
    import pandas as pd

    name = MISSING if pd.isna(config) or not config else config
    return name, size_name(size_bytes, mix), None if pd.isna(target_pps) else target_pps


def size_name(size_bytes: float, mix: str | None) -> str:
    """Sizes of frames as headings tell them: "64 B", or "IMIX (353.8 B)" with its mean."""
    import pandas as pd

    size = MISSING if pd.isna(size_bytes) else f"{plain(round(size_bytes, 1), 6)} B"
    return f"{mix} ({size})" if not pd.isna(mix) and mix else size
