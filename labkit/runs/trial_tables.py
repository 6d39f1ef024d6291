# SPDX-License-Identifier: BSD-3-Clause
"""From the counters of a trial to its row, ledger, series and table of streams."""

import math
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from functools import reduce
from operator import add
from typing import TYPE_CHECKING, Any, NamedTuple

from labkit.path.ledger import Ledger
from labkit.results.columns import SHORTFALL
from labkit.results.latency import LatencyHistogram
from labkit.runs.schedule import mean_size, mix_name
from labkit.runs.trial_engine import Measured, TrialEngine

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

LATENCY_RANKS = {"p50": 50.0, "p90": 90.0, "p99": 99.0, "p999": 99.9}


class Tables(NamedTuple):
    """What a Trial shows, under the same names."""

    row: dict[str, Any]
    ledger: Ledger
    latency: LatencyHistogram | None
    series: "pd.DataFrame"
    streams: "pd.DataFrame"
    problems: tuple[str, ...]


def tables_of(engine: TrialEngine, measured: Measured, duration: float) -> Tables:
    """The tables of a trial that was to last `duration` seconds."""
    counts = measured.counts
    seconds = counts["elapsed_ns"] / 1e9
    if engine.is_paced:
        seconds = max(seconds, duration)  # a schedule lasts until its last interval is over
    unsigned_bytes = 0 if engine.is_signed else counts["unsigned_bytes"]
    received = engine.received(counts)
    sent = counts["made"] - counts["refused"]
    ledger = _ledger(engine, measured, sent, received)
    latency = _sum(measured.latencies)
    problems = _problems(engine, measured, ledger, latency)
    sent_bytes = sum(s["sent_bytes"] for s in measured.streams)
    received_bytes = sum(s["received_bytes"] for s in measured.streams) + unsigned_bytes
    series = _series(engine, measured, sent - received, duration)
    tracked = engine.is_signed or None
    row = {
        "size_bytes": mean_size(engine.scheduled),
        "mix": mix_name(engine.scheduled),
        "target_pps": _total_pps(engine, duration),
        "tx_pps": sent / seconds,
        "rx_pps": received / seconds,
        "drop_percent": 100 * (sent - received) / sent if sent else None,
        "unsent": ledger.unsent,
        "lost": sent - received,
        "reordered": tracked and counts["reordered"],
        "duplicated": tracked and counts["duplicated"],
        "unexplained": ledger.unexplained,
        "port_drops": _own_losses(engine, measured),
        **latency_columns(latency),
        **_jitter_columns(measured.jitter),
        "tx_mbps": sent_bytes * 8 / seconds / 1e6,
        "rx_mbps": received_bytes * 8 / seconds / 1e6,
        "generator_limited": counts["skipped"] > SHORTFALL * ledger.intended,
        "seconds": seconds,
        "started_at": datetime.fromtimestamp(counts["start_realtime_ns"] / 1e9, UTC),
        "intended": ledger.intended,
        "sent": sent,
        "received": received,
        "late": int(series["received"].iloc[-1]),
        "balanced": not problems,
    }
    return Tables(
        row,
        ledger,
        latency,
        series,
        _streams(engine, measured, seconds, duration),
        tuple(problems),
    )


def _ledger(engine: TrialEngine, measured: Measured, sent: int, received: int) -> Ledger:
    counts = measured.counts
    # Of a frame that impair doubled one may be dropped: it is no frame that was sent.
    gone_copies = measured.copies - counts["duplicated"] if engine.is_signed else 0
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
    return Ledger(counts["made"] + counts["skipped"], sent, received, drops, extra)


def _own_losses(engine: TrialEngine, measured: Measured) -> int:
    """Frames that the measuring ports lost: no loss of the DUT."""
    own = {f"{port.name} " for port in (engine.port, engine.back)}
    return sum(n for name, n in measured.port_losses.items() if name.startswith(tuple(own)))


def _problems(
    engine: TrialEngine, measured: Measured, ledger: Ledger, latency: LatencyHistogram | None
) -> list[str]:
    """The self-check: conservation, and every counter against the sum over its intervals."""
    problems, counts = [], measured.counts
    if not ledger.is_balanced:
        problems.append(f"{ledger.unexplained:,} frames are unexplained")
    names = ["made", "refused", "received", "duplicated", "reordered", "too_old", "unsigned_frames"]
    for name in names:
        total, over_ticks = measured.counts[name], sum(measured.ticks[name])
        if total != over_ticks:
            problems.append(f"{name}: {total:,} in all, {over_ticks:,} over all intervals")
    for name in names[:-1]:
        total, over_streams = measured.counts[name], sum(s[name] for s in measured.streams)
        if total != over_streams:
            problems.append(f"{name}: {total:,} in all, {over_streams:,} over all streams")
    timed = (latency.count, latency.sum_ns) if latency is not None else (0, 0)
    if engine.latency and engine.is_signed and timed[0] != measured.counts["received"]:
        problems.append(f"latency of {timed[0]:,} frames, received {counts['received']:,}")
    for total, name in zip(timed, ("latency_count", "latency_sum_ns"), strict=True):
        if total != (over_ticks := sum(measured.ticks[name])):
            problems.append(f"{name}: {total:,} in all, {over_ticks:,} over all intervals")
    return [*problems, *_doubts_of_ports(engine, measured, ledger)]


def _doubts_of_ports(engine: TrialEngine, measured: Measured, ledger: Ledger) -> Iterator[str]:
    """What the ports' own counters, which the engine has no part in, do not agree with."""
    counts, losses = measured.counts, measured.port_losses
    sent = measured.port_sent + losses.get(f"{engine.port.name} tx_errors", 0)
    if sent < ledger.sent:
        yield f"port {engine.port.name} has sent {sent:,} frames, the trial {ledger.sent:,}"
    came = sum(counts[n] for n in ("received", "duplicated", "too_old", "unsigned_frames"))
    if measured.port_received < came:
        yield (
            f"port {engine.back.name} has received {measured.port_received:,} frames, the trial "
            f"{came:,}"
        )


def _series(engine: TrialEngine, measured: Measured, lost: int, duration: float) -> "pd.DataFrame":
    import numpy as np
    import pandas as pd

    from labkit.tables.table import Table

    ticks = {name: np.array(values, dtype=np.int64) for name, values in measured.ticks.items()}
    sent = ticks["made"] - ticks["refused"]
    received = ticks["received"] + (0 if engine.is_signed else ticks["unsigned_frames"])
    # A gap in sequence numbers shows when the frame behind it arrives; frames that the port refused
    # are gaps too. What nothing arrived behind was lost when the last frames were sent.
    missing = ticks["missing"] - ticks["refused"]
    missing[np.flatnonzero(sent)[-1:]] += lost - missing.sum()
    missing = settled_losses(missing)
    begins = np.arange(len(sent)) * measured.tick_seconds
    begins[-1] = duration
    lengths = np.diff(begins, append=np.nan)  # the time after the end is as long as it takes
    timed = np.where(ticks["latency_count"] > 0, ticks["latency_count"], np.nan)
    return Table(
        {
            "t_seconds": begins,
            "sent": sent,
            "received": received,
            "lost": missing if engine.is_signed else pd.array([pd.NA] * len(sent), dtype="Int64"),
            "reordered": ticks["reordered"],
            "duplicated": ticks["duplicated"],
            "tx_pps": sent / lengths,
            "rx_pps": received / lengths,
            "latency_avg_ns": ticks["latency_sum_ns"] / timed,
            "latency_max_ns": np.where(np.isnan(timed), np.nan, ticks["latency_max_ns"]),
        }
    )


def settled_losses(lost: "np.ndarray[Any, Any]") -> "np.ndarray[Any, Any]":
    """Losses by interval without those below 0, of the same sum.

    A frame that the port refused is taken off before the gap behind it shows: what is too much goes
    to the intervals behind. A frame that comes late was no loss of the intervals before.
    """
    settled = lost.copy()
    for these in (settled, settled[::-1]):
        for i in range(len(these) - 1):
            owed = min(0, these[i])
            these[i] -= owed
            these[i + 1] += owed
    return settled


def _streams(
    engine: TrialEngine, measured: Measured, seconds: float, duration: float
) -> "pd.DataFrame":
    from labkit.tables.table import Table  # pandas is slow to load

    rows = []
    for scheduled, counts, latency in zip(
        engine.scheduled, measured.streams, measured.latencies, strict=True
    ):
        signed = scheduled.stream.signature
        sent = counts["made"] - counts["refused"]
        rows.append(
            {
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
        )
    return Table(rows)


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


def _sum(histograms: Sequence[LatencyHistogram | None]) -> LatencyHistogram | None:
    some = [histogram for histogram in histograms if histogram is not None]
    return reduce(add, some) if some else None


def _total_pps(engine: TrialEngine, duration: float) -> float | None:
    if not engine.is_paced:
        return None
    return math.fsum(p.target_pps(duration) or 0 for p in engine.scheduled)
