# SPDX-License-Identifier: BSD-3-Clause
"""A trial in words: what it was, what came of it, and what a reader must know."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from labkit.results.columns import LATE, SHORTFALL
from labkit.results.text import size_name
from labkit.units import plain, si_load

if TYPE_CHECKING:
    import pandas as pd

MOST_NAMED = 4  # directions in a title
APART = 0.01  # of a trial's time, by which its directions may begin apart

Row = Mapping[str, Any]


def title_of(row: Row, directions: "pd.DataFrame") -> str:
    """The size of its frames, and from where to where they went."""
    return f"frames of {size_name(row['size_bytes'], row['mix'])}, {_where(directions)}"


def summary_of(row: Row, directions: "pd.DataFrame", lanes: "pd.DataFrame") -> list[str]:
    """What was asked for and what came of it, line by line; of several directions each too."""
    several = len(directions) > 1
    target = "as fast as it went"
    if row["target_pps"] is not None:
        target = si_load(row["target_pps"], "pps") + " in sum" * several
    size = size_name(row["size_bytes"], row["mix"])
    workers = int(lanes["lane"].max()) + 1
    over = f" over {workers} lanes" if workers > 1 else ""
    lines = [
        f"{_where(directions)}: frames of {size}, {target} for {row['seconds']:.3f} s{over}",
        _rates(row),
    ]
    if several:
        lines += [f"  {_name(one)}: {_rates(one)}" for one in _rows(directions)]
    if row["latency_min_ns"] is not None:
        lines.append(f"latency in ns: {_ranks(row, 'latency', 'min', 'p50', 'p99', 'max')}")
    if row["jitter_p50_ns"] is not None:
        lines.append(f"jitter of departures in ns: {_ranks(row, 'jitter', 'p50', 'p99', 'max')}")
    return lines


def warnings_of(row: Row, directions: "pd.DataFrame", problems: tuple[str, ...]) -> list[str]:
    """Why the numbers are not what they seem to be."""
    return [f"NOT BALANCED: {problem}" for problem in problems] + list(_doubts(row, directions))


def _doubts(row: Row, directions: "pd.DataFrame") -> Iterator[str]:
    if row["generator_limited"]:
        limited = directions[directions["generator_limited"]]
        where = f"{_where(limited)}: " if len(directions) > 1 else ""
        yield f"{where}The generator, not the DUT, fell short: less was offered than intended."
    elif row["target_pps"] and row["unsent"] > SHORTFALL * row["intended"]:
        port = "The port" if len(directions) == 1 else "A port"
        yield (
            f"{port} did not take {row['unsent']:,} frames: less was offered than intended, and "
            "what was not offered is no loss."
        )
    if row["port_drops"]:
        port = "The measuring port" if len(directions) == 1 else "A measuring port"
        yield (
            f"{port}, not the DUT, lost {row['port_drops']:,} frames: the DUT's loss is less than "
            "the trial's."
        )
    if (late := row["late"]) > LATE * row["received"]:
        yield (
            f"{late:,} frames came back only after sending had ended, and rx_pps counts them: the "
            "DUT is slower than rx_pps."
        )

    starts = directions["started_at"]
    apart = (starts.max() - starts.min()).total_seconds()
    if apart > APART * row["seconds"]:
        yield (
            f"The directions did not begin together: the last one {plain(1e3 * apart, 3)} ms after "
            "the first, because the machine was busy."
        )


def _where(directions: "pd.DataFrame") -> str:
    names = [_name(one) for one in _rows(directions)]
    return " and ".join(names) if len(names) <= MOST_NAMED else f"{len(names)} directions"


def _rows(directions: "pd.DataFrame") -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = directions.to_dict("records")  # type: ignore[assignment]
    return rows


def _name(one: Row) -> str:
    return f"{one['port']} to {one['received_on']}"


def _rates(row: Row) -> str:
    rates = f"sent {si_load(row['tx_pps'], 'pps')}, received {si_load(row['rx_pps'], 'pps')}"
    lost = "" if not row["sent"] else f", lost {plain(row['drop_percent'])} %"
    return rates + lost


def _ranks(row: Row, what: str, *ranks: str) -> str:
    return ", ".join(f"{name} {row[f'{what}_{name}_ns']:,}" for name in ranks)
