# SPDX-License-Identifier: BSD-3-Clause
"""Counters of flows as tables: the one rule for every number that is shown of a flow."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from labkit.lab.flows.counts import AT, Row, growth
from labkit.lab.flows.flow import Flow

if TYPE_CHECKING:
    import pandas as pd

TRACKED = ("received", "lost", "reordered", "duplicated", "late")  # known by signatures alone
COLUMNS = (
    *("port", "state", "target_pps", "sent", "unsent", "behind", *TRACKED),
    *("sent_bytes", "received_bytes", "latency_min_ns", "latency_avg_ns", "latency_max_ns"),
    *("first_ns", "last_ns"),
)


def counters_of(flows: Sequence[Flow], rows: Row, states: Sequence[str]) -> "pd.DataFrame":
    """One row a flow; see Traffic.counters(). What is not known is missing."""
    import pandas as pd

    from labkit.tables.table import Table

    of = {name: rows[:, n] for name, n in AT.items()}
    ended = np.isin(states, ("stopped", "done", "failed"))
    untracked = np.array([not flow.stream.signature for flow in flows], dtype=bool)
    untimed = of["latency_count"] == 0
    values: dict[str, Any] = of | {
        "port": [flow.on.name for flow in flows],
        "state": list(states),
        "target_pps": [flow.pps for flow in flows],
        # Of a flow that runs, frames may be under way; those that others passed are lost.
        "lost": np.where(ended, of["sent"] - of["received"], of["passed_over"]),
        "latency_avg_ns": np.where(
            untimed, np.nan, of["latency_sum_ns"] / np.maximum(1, of["latency_count"])
        ),
    }
    for name in (*TRACKED, "received_bytes"):
        values[name] = _whole(untracked, values[name])
    for name in ("latency_min_ns", "latency_max_ns"):
        values[name] = _whole(untimed, values[name])
    for name in ("first_ns", "last_ns"):
        values[name] = _whole(values[name] == 0, values[name])
    index = pd.Index([flow.name for flow in flows], name="flow")
    return Table({name: values[name] for name in COLUMNS}, index=index)


def rates_of(flows: Sequence[Flow], before: Row, after: Row, seconds: float) -> "pd.DataFrame":
    """One row a flow; see Traffic.rates(). Of counters cleared meanwhile it is what came since."""
    import pandas as pd

    from labkit.tables.table import Table

    def grown(name: str) -> npt.NDArray[np.float64]:
        return growth(before, after, name) / seconds

    return Table(
        {
            "tx_pps": grown("sent"),
            "rx_pps": grown("received"),
            "tx_mbps": grown("sent_bytes") * 8 / 1e6,
            "rx_mbps": grown("received_bytes") * 8 / 1e6,
            "unsent_pps": grown("unsent"),
            "lost_pps": np.maximum(0, grown("passed_over")),  # some came late
        },
        index=pd.Index([flow.name for flow in flows], name="flow"),
    )


def row_of(table: "pd.DataFrame") -> Mapping[str, Any]:
    """The only row of a table as plain values; None for what is missing."""
    import pandas as pd

    return {
        "flow": table.index[0],
        **{
            str(name): None if pd.isna(column.iloc[0]) else _plain(column.iloc[0])
            for name, column in table.items()
        },
    }


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value


def _whole(missing: npt.NDArray[np.bool_], values: Any) -> Any:
    import pandas as pd

    return pd.arrays.IntegerArray(values.astype(np.int64), missing)
