# SPDX-License-Identifier: BSD-3-Clause
"""From the counters of a trial to its row, ledger, series and table of streams."""

import math
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from labkit.arguments.names import Named
from labkit.path.ledger import Ledger
from labkit.results.columns import SHORTFALL
from labkit.results.latency import LatencyHistogram
from labkit.runs.directions import Direction
from labkit.runs.schedule import mean_size, mix_name
from labkit.runs.trial_counted import Counted
from labkit.runs.trial_engine import Measured, TrialEngine
from labkit.runs.trial_lanes import lanes_table

if TYPE_CHECKING:
    import pandas as pd

# Rates of several directions are added up, each over the time that it took itself.
RATES = ("tx_pps", "rx_pps", "tx_mbps", "rx_mbps")
# What was lost where is counted of all directions together.
OF_ALL_ALONE = ("unexplained", "port_drops")
LATENCY_RANKS = {"p50": 50.0, "p90": 90.0, "p99": 99.0, "p999": 99.9}


class Tables(NamedTuple):
    """What a Trial shows, under the same names."""

    row: dict[str, Any]
    directions: "pd.DataFrame"
    ledger: Ledger
    latency: LatencyHistogram | None
    jitter: LatencyHistogram | None
    series: "pd.DataFrame"
    series_by_direction: Mapping[str, "pd.DataFrame"]
    latency_by_direction: Mapping[str, LatencyHistogram]
    streams: "pd.DataFrame"
    lanes: "pd.DataFrame"
    problems: tuple[str, ...]


def tables_of(engine: TrialEngine, measured: Measured, duration: float) -> Tables:
    """The tables of a trial that was to last `duration` seconds."""
    total = measured.total
    ledger = _ledger(measured, total)
    wrong = [_self_check(engine, counted) for counted in measured.directions]
    problems = list(_problems(engine, measured, ledger, wrong))
    parts = list(zip(engine.directions, measured.directions, strict=True))
    rows = [
        _row(counted, duration, not found)
        for counted, found in zip(measured.directions, wrong, strict=True)
    ]
    row = _row(total, duration, not problems)
    row |= {"unexplained": ledger.unexplained, "port_drops": _own_losses(engine, measured)}
    row |= {name: math.fsum(part[name] for part in rows) for name in RATES}
    tick = measured.tick_seconds
    courses = {d.name: _series(counted, tick, duration) for d, counted in parts}
    latencies = {d.name: c.latency for d, c in parts if c.latency is not None}
    return Tables(
        row,
        _directions(engine.directions, rows),
        ledger,
        total.latency,
        total.jitter,
        _series(total, tick, duration),
        Named("direction", courses),
        Named("direction", latencies),
        _streams(parts, duration),
        lanes_table(engine, parts),
        tuple(problems),
    )


def _row(counted: Counted, duration: float, is_balanced: bool) -> dict[str, Any]:
    """The columns of a direction, or of all; a place for those that are known of all alone."""
    counts, sent, received = counted.counts, counted.sent, counted.received
    seconds = _seconds(counted, duration)
    tracked = counted.is_signed or None
    return {
        "size_bytes": mean_size(counted.scheduled),
        "mix": mix_name(counted.scheduled),
        "target_pps": _total_pps(counted, duration),
        "tx_pps": sent / seconds,
        "rx_pps": received / seconds,
        "drop_percent": 100 * (sent - received) / sent if sent else None,
        "unsent": counted.intended - sent,
        "lost": sent - received,
        "reordered": tracked and counts["reordered"],
        "duplicated": tracked and counts["duplicated"],
        **dict.fromkeys(OF_ALL_ALONE),
        **latency_columns(counted.latency),
        **_jitter_columns(counted.jitter),
        "tx_mbps": counts["sent_bytes"] * 8 / seconds / 1e6,
        "rx_mbps": counts["arrived_bytes"] * 8 / seconds / 1e6,
        "generator_limited": counts["skipped"] > SHORTFALL * counted.intended,
        "seconds": seconds,
        "started_at": datetime.fromtimestamp(counts["start_realtime_ns"] / 1e9, UTC),
        "intended": counted.intended,
        "sent": sent,
        "received": received,
        "late": counted.ticks["arrived"][-1],
        "balanced": is_balanced,
    }


def _seconds(counted: Counted, duration: float) -> float:
    seconds = counted.counts["elapsed_ns"] / 1e9
    # A schedule lasts until its last interval is over.
    return max(seconds, duration) if counted.is_paced else seconds


def _directions(directions: Sequence[Direction], rows: Sequence[dict[str, Any]]) -> "pd.DataFrame":
    from labkit.tables.table import Table  # pandas is slow to load

    return Table(
        [
            {"port": d.port.name, "received_on": d.back.name}
            | {name: value for name, value in row.items() if name not in OF_ALL_ALONE}
            for d, row in zip(directions, rows, strict=True)
        ]
    )


def _ledger(measured: Measured, total: Counted) -> Ledger:
    counts, sent, received = total.counts, total.sent, total.received
    # Of a frame that impair doubled one may be dropped: it is no frame that was sent.
    gone_copies = measured.copies - counts["duplicated"] if total.is_signed else 0
    drops = measured.drops | measured.port_losses
    if counts["too_old"]:
        drops["too old to be told from a duplicate"] = counts["too_old"]
    if gone_copies > 0:
        drops["of these, copies"] = -gone_copies
    # What waits may be others' frames too: it explains no more than is missing.
    missing = sent - received - sum(drops.values())
    for port, frames in measured.waiting.items():
        if explained := min(frames, max(0, missing)):
            drops[f"still on the wire to {port}"] = explained
            missing -= explained
    extra = {"duplicates": counts["duplicated"], "reordered": counts["reordered"]}
    return Ledger(total.intended, sent, received, drops, extra)


def _own_losses(engine: TrialEngine, measured: Measured) -> int:
    """Frames that the measuring ports lost: no loss of the DUT."""
    own = tuple(f"{port.name} " for port in (*engine.senders, *engine.receivers))
    return sum(n for name, n in measured.port_losses.items() if name.startswith(own))


def _problems(
    engine: TrialEngine, measured: Measured, ledger: Ledger, wrong: Sequence[list[str]]
) -> Iterator[str]:
    """Why the numbers do not agree; wrong: of each direction with itself."""
    if not ledger.is_balanced:
        yield f"{ledger.unexplained:,} frames are unexplained"
    for direction, found in zip(engine.directions, wrong, strict=True):
        where = f"{direction.name}: " if len(engine.directions) > 1 else ""
        yield from (where + problem for problem in found)
    yield from _doubts_of_ports(engine, measured)


def _self_check(engine: TrialEngine, counted: Counted) -> list[str]:
    """Every counter against the sum over its intervals, and over its streams."""
    problems, counts, latency = [], counted.counts, counted.latency
    names = ["made", "refused", "received", "duplicated", "reordered", "too_old", "unsigned_frames"]
    for name in names:
        total, over_ticks = counts[name], sum(counted.ticks[name])
        if total != over_ticks:
            problems.append(f"{name}: {total:,} in all, {over_ticks:,} over all intervals")
    for name in names[:-1]:
        total, over_streams = counts[name], sum(s[name] for s in counted.streams)
        if total != over_streams:
            problems.append(f"{name}: {total:,} in all, {over_streams:,} over all streams")
    timed = (latency.count, latency.sum_ns) if latency is not None else (0, 0)
    if engine.latency and counted.is_signed and timed[0] != counts["received"]:
        problems.append(f"latency of {timed[0]:,} frames, received {counts['received']:,}")
    for total, name in zip(timed, ("latency_count", "latency_sum_ns"), strict=True):
        if total != (over_ticks := sum(counted.ticks[name])):
            problems.append(f"{name}: {total:,} in all, {over_ticks:,} over all intervals")
    return problems


def _doubts_of_ports(engine: TrialEngine, measured: Measured) -> Iterator[str]:
    """What the ports' own counters, which the engine has no part in, do not agree with."""
    parts = list(zip(engine.directions, measured.directions, strict=True))
    for port in engine.senders:
        sent = sum(counted.sent for d, counted in parts if d.port is port)
        told = measured.port_sent[port.name]
        told += measured.port_losses.get(f"{port.name} tx_errors", 0)
        if told < sent:
            yield f"port {port.name} has sent {told:,} frames, the trial {sent:,}"
    for port in engine.receivers:
        every = [counted.counts for d, counted in parts if d.back is port]
        came = sum(c[n] for c in every for n in ("received", "duplicated", "too_old"))
        # Each direction sees those that none before it has taken.
        came += max(counts["unsigned_frames"] for counts in every)
        told = measured.port_received[port.name]
        if told < came:
            yield f"port {port.name} has received {told:,} frames, the trial {came:,}"


def _series(counted: Counted, tick_seconds: float, duration: float) -> "pd.DataFrame":
    import numpy as np
    import pandas as pd

    from labkit.tables.table import Table

    ticks = {name: np.array(values, dtype=np.int64) for name, values in counted.ticks.items()}
    sent, received = ticks["made"] - ticks["refused"], ticks["arrived"]
    unknown = pd.array([pd.NA] * len(sent), dtype="Int64")
    begins = np.arange(len(sent)) * tick_seconds
    begins[-1] = duration
    lengths = np.diff(begins, append=np.nan)  # the time after the end is as long as it takes
    timed = np.where(ticks["latency_count"] > 0, ticks["latency_count"], np.nan)
    return Table(
        {
            "t_seconds": begins,
            "sent": sent,
            "received": received,
            "lost": ticks["lost"] if counted.is_signed else unknown,
            "reordered": ticks["reordered"],
            "duplicated": ticks["duplicated"],
            "tx_pps": sent / lengths,
            "rx_pps": received / lengths,
            "latency_avg_ns": ticks["latency_sum_ns"] / timed,
            "latency_max_ns": np.where(np.isnan(timed), np.nan, ticks["latency_max_ns"]),
        }
    )


def _streams(parts: Sequence[tuple[Direction, Counted]], duration: float) -> "pd.DataFrame":
    from labkit.tables.table import Table  # pandas is slow to load

    rows: list[dict[str, Any]] = []
    for direction, counted in parts:
        ports = {"port": direction.port.name, "received_on": direction.back.name}
        leading = ports if len(parts) > 1 else {}
        rows += [leading | row for row in _rows_of_streams(counted, duration)]
    return Table(rows)


def _rows_of_streams(counted: Counted, duration: float) -> Iterator[dict[str, Any]]:
    seconds = _seconds(counted, duration)
    for scheduled, counts, latency in zip(
        counted.scheduled, counted.streams, counted.latencies, strict=True
    ):
        signed = scheduled.stream.signature
        sent = counts["made"] - counts["refused"]
        yield {
            "stream": repr(scheduled.stream),
            "size_bytes": mean_size([scheduled]),
            "target_pps": scheduled.target_pps(duration),
            "intended": counts["made"] + counts["skipped"],
            "unsent": counts["skipped"] + counts["refused"],
            "sent": sent,
            "received": counts["received"] if signed else None,
            "lost": sent - counts["received"] if signed else None,
            "reordered": counts["reordered"] if signed else None,
            "duplicated": counts["duplicated"] if signed else None,
            "tx_pps": sent / seconds,
            **latency_columns(latency),
        }


def latency_columns(latency: LatencyHistogram | None) -> dict[str, float | None]:
    """latency_*_ns of a row; all None when nothing was measured."""
    names = ("min", "avg", *LATENCY_RANKS, "max")
    values: list[float | None] = [None] * len(names)
    if latency is not None:
        ranks = [latency.percentile(rank) for rank in LATENCY_RANKS.values()]
        values = [latency.min_ns, latency.mean_ns, *ranks, latency.max_ns]
    return {f"latency_{name}_ns": value for name, value in zip(names, values, strict=True)}


def _jitter_columns(jitter: LatencyHistogram | None) -> dict[str, float | None]:
    """jitter_*_ns of a row; all None when nothing was paced."""
    if jitter is None:
        return dict.fromkeys(("jitter_p50_ns", "jitter_p99_ns", "jitter_max_ns"))
    middle, high = jitter.percentile(50.0), jitter.percentile(99.0)
    return {"jitter_p50_ns": middle, "jitter_p99_ns": high, "jitter_max_ns": jitter.max_ns}


def _total_pps(counted: Counted, duration: float) -> float | None:
    if not counted.is_paced:
        return None
    return math.fsum(p.target_pps(duration) or 0 for p in counted.scheduled)
