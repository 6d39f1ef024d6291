# SPDX-License-Identifier: BSD-3-Clause
"""The columns of a table of trials: what they mean, and what is told from them."""

import os
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Protocol

from labkit.errors import LabError
from labkit.text import near

if TYPE_CHECKING:
    import pandas as pd


SHORTFALL = 1e-3  # share of the intended frames without which a load is another one
LATE = 0.01  # share of the received frames that came after the end, and rx_pps is no rate any more

TEXT, COUNT, NUMBER, FLAG = "string", "Int64", "float64", "boolean"
TIME = "datetime64[ns, UTC]"

# From the stamp, which a frame gets as it is made: the wait in a queue of the port is part of it
LATENCY = "from a frame's making to its return: the round trip, or one way to another receive_on"

# name: (type, what it is); every type can be missing, and missing is never 0
COLUMNS: Mapping[str, tuple[str, str]] = {
    "config": (TEXT, "name of the DUT"),
    "host": (TEXT, "host that the DUT, or the receiver, is on; missing: the one that measured"),
    "size_bytes": (NUMBER, "frame with FCS (RFC 2544); the mean of a mix"),
    "mix": (TEXT, "name of the mix of frame sizes, such as IMIX; missing: all have size_bytes"),
    "target_pps": (NUMBER, "frames a second asked for; missing: as fast as the port took them"),
    "tx_pps": (NUMBER, "sent / seconds; of several directions the sum of theirs, as all rates"),
    "rx_pps": (NUMBER, "received / seconds; with what came back after the end, up to the drain"),
    "drop_percent": (NUMBER, "100 × (sent - received) / sent; what was unsent is no loss"),
    "intended": (COUNT, "frames to send"),
    "sent": (COUNT, "frames that the port took"),
    "received": (COUNT, "frames whose signature came back, once each; no other byte is compared"),
    "late": (COUNT, "of the received, those that came back after the end"),
    "unsent": (COUNT, "intended - sent: the generator's or the port's shortfall, no loss"),
    "lost": (COUNT, "sent - received: with those that came after the drain, or 65,536 too late"),
    "reordered": (
        COUNT,
        "frames that came after a later one of their own flow (RFC 4737)",
    ),
    "duplicated": (COUNT, "frames that came again"),
    "unexplained": (COUNT, "lost frames that no counter names"),
    "port_drops": (COUNT, "of the lost, those that the measuring ports lost: no loss of the DUT"),
    "nic_imissed": (COUNT, "the DUT's NIC had no room (rte_eth_stats.imissed, rx_dropped)"),
    "nic_ierrors": (COUNT, "the DUT's NIC refused (rte_eth_stats.ierrors, rx_errors)"),
    "nic_nombuf": (COUNT, "the DUT had no buffer (rte_eth_stats.rx_nombuf)"),
    "app_drops": (COUNT, "frames that the DUT took in and dropped"),
    "dut_drops": (TEXT, "the DUT's own counters of drops by name, as JSON"),
    "nic_statistics": (TEXT, "by how much each statistic of the DUT's NIC grew, as JSON"),
    "latency_min_ns": (NUMBER, f"{LATENCY}; exact"),
    "latency_avg_ns": (NUMBER, f"{LATENCY}; the mean of all, exact"),
    "latency_p50_ns": (NUMBER, f"{LATENCY}; within 0.1 %, as all percentiles"),
    "latency_p90_ns": (NUMBER, LATENCY),
    "latency_p99_ns": (NUMBER, LATENCY),
    "latency_p999_ns": (NUMBER, LATENCY),
    "latency_max_ns": (NUMBER, f"{LATENCY}; exact"),
    "latency_error_ns": (
        NUMBER,
        "± of a latency between two hosts, whose clocks differ by so much",
    ),
    "latency_histogram": (TEXT, f"{LATENCY}, of every frame (HdrHistogram V2, base64)"),
    "jitter_p50_ns": (NUMBER, "by how much the time between departures missed its interval"),
    "jitter_p99_ns": (NUMBER, "the same: a generator that is held up sends bursts"),
    "jitter_max_ns": (NUMBER, "the same"),
    "tx_mbps": (NUMBER, "Mbit/s of layer 2 sent: frames with FCS, without preamble and gap"),
    "rx_mbps": (NUMBER, "Mbit/s of layer 2 received, of the frames in rx_pps as they came back"),
    "generator_limited": (FLAG, "the generator made less than 99.9 % of the intended frames"),
    "balanced": (FLAG, "every frame is accounted for, and all counters agree"),
    "seconds": (NUMBER, "from the start to the end, or to a later frame that was due before it"),
    "started_at": (TIME, "when the first frame was due, UTC"),
}


class HasTrials(Protocol):
    """What pictures and comparisons need of results: their table, and what is known of the run."""

    @property
    def table(self) -> "pd.DataFrame":
        """One row a trial, with every column of COLUMNS."""

    @property
    def run(self) -> Mapping[str, Any]:
        """Parameters, seed, machine and versions."""


def as_table(rows: "Iterable[Mapping[str, Any]] | pd.DataFrame") -> "pd.DataFrame":
    """A table with every column of COLUMNS, in this order and of these types, from rows.

    A column that a row lacks is missing there. An unknown column is a LabError.
    """
    import pandas as pd

    from labkit.tables.table import Table

    # Counts beside a missing one must not pass through floating-point numbers.
    table = Table(rows) if isinstance(rows, pd.DataFrame) else Table(list(rows), dtype=object)
    unknown = [name for name in table.columns if name not in COLUMNS]
    if unknown:
        raise LabError(f"results have no column {unknown[0]!r}{near(str(unknown[0]), COLUMNS)}")
    table = table.reindex(columns=list(COLUMNS))
    table["started_at"] = pd.to_datetime(table["started_at"], utc=True)
    types: dict[str, Any] = {name: kind for name, (kind, _) in COLUMNS.items()}
    return table.astype(types)


def fell_short(table: "pd.DataFrame") -> "pd.Series[bool]":
    """The trials that tell of a lower load than target_pps: the generator or the port fell short.

    More than 0.1 % of the intended frames were not sent. As fast as it goes is no target.
    """
    unsent = table["unsent"] > SHORTFALL * table["intended"]
    limited = table["generator_limited"].fillna(False)
    return limited.astype(bool) | (unsent.fillna(False) & table["target_pps"].notna()).astype(bool)


def lost_here(table: "pd.DataFrame") -> "pd.Series[bool]":
    """The trials of which the measuring ports lost frames: their loss is not the DUT's alone."""
    return table["port_drops"].fillna(0).gt(0).astype(bool)


def came_late(table: "pd.DataFrame") -> "pd.Series[bool]":
    """The trials of which more than 1 % came back after the end: rx_pps is no rate of theirs."""
    return (table["late"] > LATE * table["received"]).fillna(False).astype(bool)


def check_results(name: str, given: object) -> None:
    """Raises a LabError for what is given in place of Results."""
    columns = getattr(getattr(given, "table", None), "columns", ())
    if not set(COLUMNS) <= set(columns):
        what, source = f"a {type(given).__name__}", "lk.load(...) of a sweep"
        if isinstance(given, (str, os.PathLike)):
            what, source = repr(given), f"lk.load({str(given)!r})"
        raise LabError(f"{name} is {what}; it is Results, as lk.sweep() or {source} gives them")
