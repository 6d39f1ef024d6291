# SPDX-License-Identifier: BSD-3-Clause
"""What came of an echo experiment: a table, a ledger and a picture."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from labkit.path.ledger import Ledger
from labkit.tables.shown import as_html, as_lines

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from matplotlib.figure import Figure

FLAWS = ("lost", "late", "duplicated", "corrupted")
ROUND_TRIPS = {  # columns of the table, and their percentiles
    "rtt_min_us": 0,
    "rtt_p50_us": 50,
    "rtt_p90_us": 90,
    "rtt_p99_us": 99,
    "rtt_max_us": 100,
}


@dataclass(frozen=True)
class EchoSize:
    """What came of one payload size.

    Attributes
    ----------
    payload_bytes: UDP payload
    ledger: where every probe went
    lost: probes with no answer within the timeout, those that came late included
    late, duplicated, corrupted: answers after the timeout, answers beyond the first, answers whose
        payload, length or checksum differs
    round_trips_ns: float array, one entry an answer in time, in the order of sending
    """

    payload_bytes: int
    ledger: Ledger
    lost: int
    late: int
    duplicated: int
    corrupted: int
    round_trips_ns: "np.ndarray[Any, Any]"


@dataclass(frozen=True)
class EchoRun:
    """A finished echo experiment: `table`, `ledger`, `plot()`."""

    target: str
    udp_port: int
    source: str
    port: str
    sizes: Sequence[EchoSize]

    @property
    def table(self) -> "pd.DataFrame":
        """One row a payload size: payload_bytes, sent, received, lost, late, duplicated, corrupted,
        and the round trip in µs: rtt_min_us, rtt_p50_us, rtt_p90_us, rtt_p99_us, rtt_max_us.

        A round trip of which nothing was measured is missing (NaN), not 0.
        """
        import numpy as np

        from labkit.tables.table import Table  # pandas is slow to load

        rows = []
        for size in self.sizes:
            trips, ranks = size.round_trips_ns / 1e3, [*ROUND_TRIPS.values()]
            values = np.percentile(trips, ranks) if trips.size else [np.nan] * len(ranks)
            counts = {
                "payload_bytes": size.payload_bytes,
                "sent": size.ledger.sent,
                "received": size.ledger.received,
                **{name: getattr(size, name) for name in FLAWS},
            }
            rows.append(counts | dict(zip(ROUND_TRIPS, values, strict=True)))
        return Table(rows)

    @property
    def ledger(self) -> Ledger:
        """The ledger over all sizes."""
        total = self.sizes[0].ledger
        for size in self.sizes[1:]:
            total = total + size.ledger
        return total

    @property
    def round_trips_ns(self) -> Mapping[int, "np.ndarray[Any, Any]"]:
        """Round trips in ns by payload size in bytes."""
        return {size.payload_bytes: size.round_trips_ns for size in self.sizes}

    def plot(self) -> "Figure":
        """Round-trip time: its distribution for every size, and its course over the run."""
        from labkit.runs.echo_figure import round_trip_figure  # matplotlib is slow to load

        title = f"UDP echo, {self.port} to {self.target} port {self.udp_port}"
        return round_trip_figure(self.round_trips_ns, title)

    def __repr__(self) -> str:
        where = f"{self.target} UDP port {self.udp_port} from port {self.port} ({self.source})"
        return f"<EchoRun {where}>\n{as_lines(self.table)}\n{self.ledger!r}"

    def _repr_html_(self) -> str:
        return f"{as_html(*self._shown)}{self.ledger._repr_html_()}"

    @property
    def _shown(self) -> tuple["pd.DataFrame", str]:
        """The table, and in words of which flaws there were none: their columns would be zeros."""
        table = self.table
        without = [name for name in FLAWS if not table[name].any()]
        return table.drop(columns=without), f"none {' or '.join(without)}" if without else ""
