# SPDX-License-Identifier: BSD-3-Clause
"""The trial: one load for one time, and where every frame of it went."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from labkit.arguments.checked import checked
from labkit.arguments.names import Named
from labkit.errors import LabError
from labkit.figure.theme import ALARM
from labkit.lab.exclusive import Pause, measure
from labkit.lab.port import Port
from labkit.path.ledger import Ledger
from labkit.progress import progress_bar
from labkit.results.columns import LATE, SHORTFALL
from labkit.results.latency import LatencyHistogram
from labkit.results.text import size_name
from labkit.runs.floor import floor_ns
from labkit.runs.schedule import Traffic, check_frames, schedule
from labkit.runs.trial_engine import Measured, TrialEngine
from labkit.runs.trial_settings import TrialSettings
from labkit.runs.trial_tables import tables_of
from labkit.text import shade
from labkit.traffic.rate import Rate
from labkit.units import plain, si_load

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure


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
        tx_pps, rx_pps, latency_avg_ns, latency_max_ns. The last row holds what came after the end,
        and has no rates; the one before ends with the trial, and may be a shorter interval.
    streams: one row a stream
    problems: why the numbers do not agree with one another; empty when they do
    floor_ns: the median of the lab's own latency, where lk.calibrate measured it
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
        from labkit.runs.trial_figure import trial_figure  # matplotlib is slow to load

        title = f"frames of {self._size}, {self.port} to {self.received_on}"
        latency = None if self.latency is None else self.latency.table
        return trial_figure(title, self.row, self.series, latency, self.floor_ns)

    @property
    def _size(self) -> str:
        return size_name(self.row["size_bytes"], self.row["mix"])

    def _summary(self) -> list[str]:
        row = self.row
        target = (
            "as fast as it went" if row["target_pps"] is None else si_load(row["target_pps"], "pps")
        )
        lines = [
            f"{self.port} to {self.received_on}: frames of {self._size}, {target} for "
            f"{row['seconds']:.3f} s",
            f"sent {si_load(row['tx_pps'], 'pps')}, received {si_load(row['rx_pps'], 'pps')}",
        ]
        if row["drop_percent"] is not None:
            lines[1] += f", lost {plain(row['drop_percent'])} %"
        if self.latency is not None:
            ranks = ", ".join(
                f"{name} {row[f'latency_{name}_ns']:,}" for name in ("min", "p50", "p99", "max")
            )
            lines.append(f"latency in ns: {ranks}")
        if row["jitter_p50_ns"] is not None:
            ranks = ", ".join(
                f"{name} {row[f'jitter_{name}_ns']:,}" for name in ("p50", "p99", "max")
            )
            lines.append(f"jitter of departures in ns: {ranks}")
        return lines

    def _warnings(self) -> list[str]:
        warnings = [f"NOT BALANCED: {problem}" for problem in self.problems]
        if self.row["generator_limited"]:
            warnings.append(
                "The generator, not the DUT, fell short: less was offered than intended."
            )
        elif self.row["target_pps"] and self.row["unsent"] > SHORTFALL * self.row["intended"]:
            warnings.append(
                f"The port did not take {self.row['unsent']:,} frames: less was offered than "
                "intended, and what was not offered is no loss."
            )
        if self.row["port_drops"]:
            warnings.append(
                f"The measuring port, not the DUT, lost {self.row['port_drops']:,} frames: the "
                "DUT's loss is less than the trial's."
            )
        if (late := self.row["late"]) > LATE * self.row["received"]:
            warnings.append(
                f"{late:,} frames came back only after sending had ended, and rx_pps counts them: "
                "the DUT is slower than rx_pps."
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
            f'<div style="color:{shade(ALARM)};font-weight:600">{escape(line)}</div>'
            for line in self._warnings()
        )
        return f"{lines}{warnings}{self.ledger._repr_html_()}"


@checked(but=("streams", "rate", "duration", "warmup", "drain", "interval"))
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
    rate: intended load of all streams together, by weight; None: each stream's own, or, where none
        has any, as fast as the port takes frames
    latency: stamp every frame when it is made, and record its age on arrival. How late a generator
        that was held up made it is not in it: see unsent and jitter.
    warmup: seconds of the same traffic before, which are not counted
    drain: seconds to wait at most for frames under way
    receive_on: the port on which frames come back; None: the same one
    interval: seconds, of the time series
    progress: show a progress bar when it takes longer than half a second

    A generator that is held up catches up by 512 frames or 1 ms, the less of the two, and by one
    interval at least. What is further behind is not sent at all: it is unsent, and more than 0.1 %
    of it sets generator_limited. A frame that the port's queue refuses is unsent too.

    A frame is known by its signature, its last 18 bytes: what a DUT pads, cuts or fragments is lost
    and unexplained, and that the bytes before came back whole is not looked at (lk.echo does).

    Raises LabError for what cannot be sent and while another trial or lk.echo runs in the lab,
    whose drops could not be told from this one's; Unreachable when nobody answers for a destination
    whose MAC the packet does not name. Ctrl-C ends the trial and puts the ports back as they were.
    """
    settings = TrialSettings(duration, warmup, drain, interval, latency, progress)
    return run_trial(port, streams, settings, rate, receive_on)


def run_trial(
    port: Port,
    streams: Traffic | Sequence[Traffic],
    settings: TrialSettings,
    rate: Rate | str | float | None = None,
    receive_on: Port | None = None,
    dropped_outside: Callable[[], int] | None = None,
) -> Trial:
    """As lk.trial.

    dropped_outside: how many of its frames were dropped since it was called first, by what is no
        part of the lab; asked while the trial waits for frames under way
    """
    back = receive_on or port
    _check_ports(port, back)
    scheduled = schedule(port, streams, rate)
    check_frames(scheduled, settings.duration)
    engine = TrialEngine(port, back, scheduled, settings, dropped_outside)
    warmup, duration = settings.warmup, settings.duration

    def run(pause: Pause) -> Measured:
        with _bar(warmup + duration, settings.progress) as bar:
            if warmup > 0:
                engine.run(warmup, warmup, bar, pause)
            return engine.run(duration, settings.interval, lambda s: bar(warmup + s), pause)

    measured = measure(port.lab.engine, "a trial", run)
    tables = tables_of(engine, measured, duration)
    return Trial(
        port.name,
        back.name,
        Named("column", tables.row),
        tables.ledger,
        tables.latency,
        measured.jitter,
        tables.series,
        tables.streams,
        tables.problems,
        floor_ns(port.lab),
    )


def _check_ports(port: Port, back: Port) -> None:
    if back.lab is not port.lab:
        raise LabError(f"receive_on is a port of another lab; its clock is not {port.name}'s")


@contextmanager
def _bar(seconds: float, wanted: bool) -> Iterator[Callable[[float], object]]:
    """A function that takes how many seconds have gone."""
    form = "{desc}{percentage:3.0f} %|{bar}| {n:.1f} of {total:.1f} s"
    options = {"disable": not wanted, "delay": 0.5, "leave": False, "bar_format": form}
    with progress_bar(total=seconds, **options) as bar:
        yield lambda gone: bar.update(min(gone, seconds) - bar.n)
