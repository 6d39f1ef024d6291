# SPDX-License-Identifier: BSD-3-Clause
"""The trial: one load for one time, and where every frame of it went."""

import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import reduce
from operator import add, or_
from typing import TYPE_CHECKING, Any

from labkit import nodes
from labkit.errors import LabError
from labkit.latency import LatencyHistogram, floor_of
from labkit.ledger import Ledger
from labkit.path import Path
from labkit.port import Port
from labkit.runs import stream_ids
from labkit.traffic.addresses import source_addresses
from labkit.traffic.plan import PlannedStream, Traffic, mean_size, plan
from labkit.traffic.rate import Rate

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

    from labkit.lab import Lab

LONGEST_SECONDS = 86_400.0
MOST_INTERVALS = 100_000
REPORT_SECONDS = 0.1
POLL_SECONDS = 0.01
STILL_SECONDS = 0.06  # longer than an impair node holds a frame back
MISSING_SECONDS = 0.5  # stillness before a frame is given up: a busy machine pauses a DUT
DONE = 3  # LK_TRIAL_DONE
LIMITED = 1e-3  # share of the intended frames that a good generator may not make
REFUSED = ("drop_tx_full", "drop_tx_too_long")
LATENCY_RANKS = {"p50": 50.0, "p90": 90.0, "p99": 99.0, "p999": 99.9}


@dataclass(frozen=True)
class Trial:
    """A finished trial: `row`, `ledger`, `latency`, `series`, `streams`, `plot()`.

    Attributes
    ----------
    row: one line of a result table; what was not measured is None
    ledger: where every frame went
    latency: of the frames that arrived, one way to receive_on; None unless it was asked for
    jitter: by how many ns the time between two departures of a stream differed from its interval;
        None when nothing was paced
    series: one row an interval: t_seconds (its begin), sent, received, lost, reordered, duplicated,
        tx_pps, rx_pps, latency_avg_ns, latency_max_ns. The last row holds what came after the end.
    streams: one row a stream
    problems: why the numbers do not agree with one another; empty when they do
    floor_ns: the median of the lab's own latency, where labkit.latency.calibrate measured it
    """

    port: str
    received_on: str
    row: Mapping[str, Any]
    ledger: Ledger
    latency: LatencyHistogram | None
    jitter: LatencyHistogram | None
    series: "pd.DataFrame"
    streams: "pd.DataFrame"
    problems: tuple[str, ...]
    floor_ns: float | None

    @property
    def is_balanced(self) -> bool:
        """Every frame is accounted for, and all counters agree."""
        return not self.problems

    def plot(self) -> "Figure":
        """Sent, received and lost over time; latency by percentile."""
        from labkit.runs.trial_figure import trial_figure

        return trial_figure(self)

    def _summary(self) -> list[str]:
        row = self.row
        target = "as fast as it went" if row["target_pps"] is None else _rate(row["target_pps"])
        lines = [
            f"{self.port} to {self.received_on}: {row['size_bytes']:g}-byte frames, {target} for "
            f"{row['seconds']:.3f} s",
            f"sent {_rate(row['tx_pps'])}, received {_rate(row['rx_pps'])}",
        ]
        if row["drop_percent"] is not None:
            lines[1] += f", lost {row['drop_percent']:.4g} %"
        if self.latency is not None:
            ranks = ", ".join(
                f"{name} {row[f'latency_{name}_ns']:,}" for name in ("min", "p50", "p99", "max")
            )
            lines.append(f"latency in ns: {ranks}")
        return lines

    def _warnings(self) -> list[str]:
        warnings = [f"NOT BALANCED: {problem}" for problem in self.problems]
        if self.row["generator_limited"]:
            warnings.append(
                "The generator, not the DUT, fell short: less was offered than intended."
            )
        return warnings

    def __repr__(self) -> str:
        first, *others = self._summary()
        lines = [f"<Trial {first}>", *others, *self._warnings()]
        return "\n".join([*lines, repr(self.ledger)])

    def _repr_html_(self) -> str:
        from html import escape

        lines = "".join(f"<div>{escape(line)}</div>" for line in self._summary())
        warnings = "".join(
            f'<div style="color:#b3261e;font-weight:600">{escape(line)}</div>'
            for line in self._warnings()
        )
        return f"{lines}{warnings}{self.ledger._repr_html_()}"


def trial(
    port: Port,
    streams: Traffic | Sequence[Traffic],
    *,
    duration: float,
    rate: Rate | str | float | None = None,
    latency: bool = False,
    warmup: float = 0.1,
    drain: float = 2.0,
    receive_on: Port | None = None,
    interval: float = 0.1,
    progress: bool = True,
) -> Trial:
    """Sends streams for a time, waits until all is still, and counts.

    port: where frames are sent. While it runs the port is a host: it answers ARP, neighbour
        discovery and ping for the streams' source addresses, and frames that are not the trial's
        reach Python. (Of streams without a signature any frame may be one.)
    streams: lk.Stream or lk.Replay, one or several
    duration: seconds
    rate: offered load of all streams together, by weight; None: each stream's own, or, where none
        has any, as fast as the port takes frames
    latency: stamp every frame when it is made, and record its age on arrival
    warmup: seconds of the same traffic before, which are not counted
    drain: seconds to wait at most for frames under way
    receive_on: the port on which frames come back; None: the same one
    interval: seconds, of the time series
    progress: show a progress bar when it takes longer than half a second

    A generator that is held up catches up by 512 frames or 1 ms, the less of the two. What is
    further behind is not sent at all: it is unsent, and more than 0.1 % of it sets
    generator_limited. A frame that the port's queue refuses is unsent too.

    Raises LabError for what cannot be sent, Unreachable when nobody answers for a destination whose
    MAC the packet does not name. Ctrl-C ends the trial and puts the ports back as they were.
    """
    _check_seconds("duration", duration, 0.001)
    _check_seconds("warmup", warmup, 0.0)
    _check_seconds("drain", drain, STILL_SECONDS)
    _check_seconds("interval", interval, 0.001)
    if duration / interval > MOST_INTERVALS:
        raise LabError(
            f"interval is {interval} s; at most {MOST_INTERVALS:,} intervals, so give "
            f"{duration / MOST_INTERVALS:g} or more"
        )
    back = receive_on or port
    if back.lab is not port.lab:
        raise LabError(f"receive_on is a port of another lab; its clock is not {port.name}'s")
    planned = plan(port, streams, rate)
    bench = _Bench(port, back, planned, latency, drain)
    with _awake(port.lab), _bar(warmup + duration, progress) as bar:
        if warmup > 0:
            bench.run(warmup, warmup, bar)
        measured = bench.run(duration, interval, lambda seconds: bar(warmup + seconds))
    return _result(bench, measured, duration)


@dataclass(frozen=True)
class _Measured:
    """What the engine counted."""

    counts: dict[str, int]
    streams: list[dict[str, int]]
    ticks: dict[str, list[int]]
    latencies: list[LatencyHistogram | None]
    jitter: LatencyHistogram | None
    drops: dict[str, int]
    copies: int
    tick_seconds: float


class _Bench:
    """Streams between two ports, ready to run for any time."""

    def __init__(
        self, port: Port, back: Port, planned: list[PlannedStream], latency: bool, drain: float
    ) -> None:
        self.port = port
        self.back = back
        self.lab = port.lab
        self.planned = planned
        self.latency = latency
        self.drain = drain
        self.is_signed = all(p.stream.signature for p in planned)
        self.is_paced = planned[0].pps is not None

    def run(self, seconds: float, tick: float, report: Callable[[float], object]) -> _Measured:
        """Sends for that time, drains, and reads every counter."""
        lab, count = self.lab, len(self.planned)
        first = stream_ids.claim(count)
        run = f"trial{first}-{time.monotonic_ns()}"
        ticks = math.ceil(seconds / tick) + 1
        settings = {
            "first_stream": first,
            "latency": int(self.latency),
            "takes_unsigned": int(not self.is_signed),
            "paced": int(self.is_paced),
            "longest": max(p.compiled.longest for p in self.planned),
            "ticks": ticks,
            "tick_ns": round(tick * 1e9),
            "duration_ns": round(seconds * 1e9),
        }
        streams = [p.to_dict(seconds, n, count) for n, p in enumerate(self.planned)]
        lab._ask("create_trial", run=run, settings=settings, streams=streams)
        try:
            before = self._path_counters()
            paths = []
            try:
                for path in self._paths(run):
                    paths.append(lab.run(path))
                lab._ask("start_trial", run=run)
                self._until_done(run, seconds, report)
                self._until_still(run, before, paths[0].name)
                after = self._path_counters()
                return _Measured(
                    lab._ask("trial_counts", run=run),
                    lab._ask("trial_streams", run=run, streams=count),
                    lab._ask("trial_ticks", run=run, room=ticks),
                    [self._histogram(run, n) for n in range(count)],
                    self._histogram(run, -1),
                    self._drops(before, after, paths[0].name),
                    _copies(after) - _copies(before),
                    tick,
                )
            finally:
                for running in paths:
                    running.stop()
        finally:
            lab._ask("free_trial", run=run)

    def _paths(self, run: str) -> list[Path]:
        """Frames out and in; a port is a host meanwhile, and Python still hears."""
        own = source_addresses([p.stream for p in self.planned])
        paths = []
        for port in dict.fromkeys((self.port, self.back)):
            tx = nodes.tx(port)
            takers = []
            if own and port is self.port:
                takers += [nodes.arp_responder(own), nodes.nd_responder(own), nodes.icmp_echo(own)]
            if port is self.back:
                # It knows its own frames; where it does not, it takes what no host answers.
                takers.insert(0 if self.is_signed else len(takers), nodes.receive(run))
            incoming = nodes.rx(port) >> reduce(or_, [*takers, nodes.collect(port)])
            chains = [nodes.generate(run, port) >> tx] if port is self.port else []
            chains.append(incoming >> tx if own and port is self.port else incoming)
            paths.append(Path(*chains, nodes.inject(port) >> tx, name=f"trial:{port.name}"))
        return paths

    def _until_done(self, run: str, seconds: float, report: Callable[[float], object]) -> None:
        """Leaves the engine alone until its time is over: each question costs a CPU some µs."""
        begin = time.monotonic()
        try:
            while (left := begin + seconds - time.monotonic()) > 0:
                self.lab._check_alive()
                report(seconds - left)
                time.sleep(min(left, REPORT_SECONDS))
            while self.lab._ask("trial_counts", run=run)["state"] != DONE:
                time.sleep(POLL_SECONDS)
        except BaseException:
            if self.lab.is_alive:
                self.lab._ask("stop_trial", run=run)
            raise

    def _until_still(self, run: str, before: dict[str, Any], sender: str) -> None:
        """Waits until no counter has moved for a while, longer while frames are missing."""
        end = time.monotonic() + self.drain
        seen, still_since = None, time.monotonic()
        while True:
            counts: dict[str, int] = self.lab._ask("trial_counts", run=run)
            drops = self._drops(before, self._path_counters(), sender)
            now = time.monotonic()
            if (counts, drops) != seen:
                seen, still_since = (counts, drops), now
            gone = self.received(counts) + sum(drops.values()) + counts["too_old"]
            is_missing = gone < counts["made"] - counts["refused"]
            if now >= end or now - still_since >= (
                MISSING_SECONDS if is_missing else STILL_SECONDS
            ):
                return
            time.sleep(POLL_SECONDS)

    def received(self, counts: dict[str, int]) -> int:
        """Frames that arrived for the first time, as far as that can be told."""
        return counts["received"] + (0 if self.is_signed else counts["unsigned_frames"])

    def _path_counters(self) -> dict[str, Any]:
        return dict(self.lab.counters())

    def _drops(self, before: dict[str, Any], after: dict[str, Any], sender: str) -> dict[str, int]:
        """Frames of this run by the drop node that refused them."""
        total: dict[str, int] = {}
        for path, counters in after.items():
            now = counters.measured_drops if self.is_signed else counters.drops
            then: Mapping[str, int] = {}
            if path in before:
                then = before[path].measured_drops if self.is_signed else before[path].drops
            for name, frames in now.items():
                if path == sender and name in REFUSED:
                    continue
                if frames != then.get(name, 0):
                    total[name] = total.get(name, 0) + frames - then.get(name, 0)
        return total

    def _histogram(self, run: str, index: int) -> LatencyHistogram | None:
        return LatencyHistogram.from_engine(self.lab._ask("trial_histogram", run=run, index=index))


def _copies(counters: dict[str, Any]) -> int:
    return sum(i["copied"] for c in counters.values() for i in c.impairments.values())


def _result(bench: _Bench, measured: _Measured, duration: float) -> Trial:
    counts = measured.counts
    seconds = counts["elapsed_ns"] / 1e9
    if bench.is_paced:
        seconds = max(seconds, duration)  # a schedule lasts until its last interval is over
    unsigned_bytes = 0 if bench.is_signed else counts["unsigned_bytes"]
    received = bench.received(counts)
    sent = counts["made"] - counts["refused"]
    ledger = _ledger(bench, measured, sent, received)
    latency = _sum(measured.latencies)
    problems = _problems(bench, measured, ledger, latency)
    sent_bytes = sum(s["sent_bytes"] for s in measured.streams)
    received_bytes = sum(s["received_bytes"] for s in measured.streams) + unsigned_bytes
    tracked = bench.is_signed or None
    row = {
        "size_bytes": mean_size(bench.planned),
        "target_pps": _total_pps(bench),
        "tx_pps": sent / seconds,
        "rx_pps": received / seconds,
        "drop_percent": 100 * (sent - received) / sent if sent else None,
        "unsent": ledger.unsent,
        "lost": sent - received,
        "reordered": tracked and counts["reordered"],
        "duplicated": tracked and counts["duplicated"],
        "unexplained": ledger.unexplained,
        **_latency_columns(latency),
        "tx_mbps": sent_bytes * 8 / seconds / 1e6,
        "rx_mbps": received_bytes * 8 / seconds / 1e6,
        "generator_limited": counts["skipped"] > LIMITED * ledger.intended,
        "seconds": seconds,
        "started_at": datetime.fromtimestamp(counts["start_realtime_ns"] / 1e9, UTC),
        "intended": ledger.intended,
        "sent": sent,
        "received": received,
        "balanced": not problems,
    }
    floor = floor_of(bench.lab)
    return Trial(
        bench.port.name,
        bench.back.name,
        row,
        ledger,
        latency,
        measured.jitter,
        _series(bench, measured, sent - received),
        _streams(bench, measured, seconds),
        tuple(problems),
        None if floor is None else floor.percentile(50),
    )


def _ledger(bench: _Bench, measured: _Measured, sent: int, received: int) -> Ledger:
    counts = measured.counts
    # Of a frame that impair doubled one may be dropped: it is no frame that was sent.
    gone_copies = measured.copies - counts["duplicated"] if bench.is_signed else 0
    drops = dict(measured.drops)
    if counts["too_old"]:
        drops["too old to be told from a duplicate"] = counts["too_old"]
    if gone_copies > 0:
        drops["of these, copies"] = -gone_copies
    extra = {"duplicates": counts["duplicated"], "reordered": counts["reordered"]}
    return Ledger(counts["made"] + counts["skipped"], sent, received, drops, extra)


def _problems(
    bench: _Bench, measured: _Measured, ledger: Ledger, latency: LatencyHistogram | None
) -> list[str]:
    """The self-check: conservation, and every counter against the sum over its intervals."""
    problems = []
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
    timed = latency.count if latency is not None else 0
    if bench.latency and bench.is_signed and timed != measured.counts["received"]:
        problems.append(f"latency of {timed:,} frames, received {measured.counts['received']:,}")
    return problems


def _series(bench: _Bench, measured: _Measured, lost: int) -> "pd.DataFrame":
    import numpy as np
    import pandas as pd

    ticks = {name: np.array(values, dtype=np.int64) for name, values in measured.ticks.items()}
    sent = ticks["made"] - ticks["refused"]
    received = ticks["received"] + (0 if bench.is_signed else ticks["unsigned_frames"])
    # A gap in sequence numbers shows when the frame behind it arrives; frames that the port refused
    # are gaps too. What nothing arrived behind was lost when the last frames were sent.
    missing = ticks["missing"] - ticks["refused"]
    missing[np.flatnonzero(sent)[-1:]] += lost - missing.sum()
    lengths = np.full(len(sent), measured.tick_seconds)
    lengths[-1] = np.nan  # the time after the end is as long as it takes
    timed = np.where(ticks["latency_count"] > 0, ticks["latency_count"], np.nan)
    return pd.DataFrame(
        {
            "t_seconds": np.arange(len(sent)) * measured.tick_seconds,
            "sent": sent,
            "received": received,
            "lost": missing if bench.is_signed else pd.array([pd.NA] * len(sent), dtype="Int64"),
            "reordered": ticks["reordered"],
            "duplicated": ticks["duplicated"],
            "tx_pps": sent / lengths,
            "rx_pps": received / lengths,
            "latency_avg_ns": ticks["latency_sum_ns"] / timed,
            "latency_max_ns": np.where(np.isnan(timed), np.nan, ticks["latency_max_ns"]),
        }
    )


def _streams(bench: _Bench, measured: _Measured, seconds: float) -> "pd.DataFrame":
    import pandas as pd

    rows = []
    for planned, counts, latency in zip(
        bench.planned, measured.streams, measured.latencies, strict=True
    ):
        signed = planned.stream.signature
        sent = counts["made"] - counts["refused"]
        rows.append(
            {
                "stream": repr(planned.stream),
                "size_bytes": mean_size([planned]),
                "target_pps": planned.pps,
                "intended": counts["made"] + counts["skipped"],
                "unsent": counts["skipped"] + counts["refused"],
                "sent": sent,
                "received": counts["received"] if signed else None,
                "lost": sent - counts["received"] if signed else None,
                "reordered": counts["reordered"] if signed else None,
                "duplicated": counts["duplicated"] if signed else None,
                "tx_pps": sent / seconds,
                **_latency_columns(latency),
            }
        )
    return pd.DataFrame(rows)


def _latency_columns(latency: LatencyHistogram | None) -> dict[str, float | None]:
    """latency_*_ns of a row; all None when nothing was measured."""
    names = ("min", "avg", *LATENCY_RANKS, "max")
    values: list[float | None] = [None] * len(names)
    if latency is not None:
        ranks = [latency.percentile(rank) for rank in LATENCY_RANKS.values()]
        values = [latency.min_ns, latency.mean_ns, *ranks, latency.max_ns]
    return {f"latency_{name}_ns": value for name, value in zip(names, values, strict=True)}


def _sum(histograms: Sequence[LatencyHistogram | None]) -> LatencyHistogram | None:
    some = [histogram for histogram in histograms if histogram is not None]
    return reduce(add, some) if some else None


def _total_pps(bench: _Bench) -> float | None:
    return math.fsum(p.pps or 0 for p in bench.planned) if bench.is_paced else None


def _rate(pps: float) -> str:
    for limit, unit in ((1e6, "Mpps"), (1e3, "kpps")):
        if pps >= limit:
            return f"{pps / limit:,.4g} {unit}"
    return f"{pps:,.4g} pps"


def _check_seconds(name: str, value: float, lowest: float) -> None:
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not is_number or not lowest <= value <= LONGEST_SECONDS:
        raise LabError(f"{name} is {value!r}; the range is {lowest:g} to {LONGEST_SECONDS:g} s")


@contextmanager
def _awake(lab: "Lab") -> Iterator[None]:
    """No worker of the lab rests: waking up would be taken for latency."""
    lab._ask("keep_awake", on=True)
    try:
        yield
    finally:
        if lab.is_alive:
            lab._ask("keep_awake", on=False)


@contextmanager
def _bar(seconds: float, wanted: bool) -> Iterator[Callable[[float], object]]:
    """A function that takes how many seconds have gone."""
    from tqdm import tqdm

    form = "{desc}{percentage:3.0f} %|{bar}| {n:.1f} of {total:.1f} s"
    with tqdm(total=seconds, disable=not wanted, delay=0.5, leave=False, bar_format=form) as bar:
        yield lambda gone: bar.update(min(gone, seconds) - bar.n)
