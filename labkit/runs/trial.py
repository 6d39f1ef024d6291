# SPDX-License-Identifier: BSD-3-Clause
"""The trial: one load for one time, and where every frame of it went."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from labkit.arguments.checked import checked
from labkit.arguments.names import Named
from labkit.dut.base import FarEnd
from labkit.errors import LabError
from labkit.figure.theme import ALARM
from labkit.hosts.far_port import FarPort
from labkit.lab.exclusive import Pause, measure
from labkit.lab.port import Port
from labkit.path.ledger import Ledger
from labkit.progress import progress_bar
from labkit.results.latency import LatencyHistogram
from labkit.runs.directions import directions_of
from labkit.runs.far_end_trial import far_end_trial
from labkit.runs.far_trial import FarReceiver
from labkit.runs.floor import floor_ns
from labkit.runs.schedule import Traffic, check_frames
from labkit.runs.trial_engine import Measured, TrialEngine
from labkit.runs.trial_settings import TrialSettings
from labkit.runs.trial_tables import tables_of
from labkit.runs.trial_text import summary_of, title_of, warnings_of
from labkit.text import shade, shown
from labkit.traffic.placed import Placed
from labkit.traffic.rate import Rate

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure


MOST_COURSES = 6  # in a picture


@dataclass(frozen=True)
class Trial:
    """A finished trial: `row`, `directions`, `ledger`, `latency`, `series`, `streams`, `plot()`.

    Attributes
    ----------
    port, received_on: names; of several directions those of each, in their order
    row: one line of a result table, all directions in sum; what was not measured is None. Rates are
        added up, seconds is the longest, and generator_limited is told when one of them was.
    directions: one row a direction: port, received_on, and the columns of `row`. Drops are counted
        of all together: what a direction tells is `lost`, and neither unexplained nor port_drops.
    ledger: where every frame went
    latency: of the frames that arrived, one way to receive_on; None unless it was asked for
    jitter: by how many ns the time between two departures of a stream differed from its interval;
        None when nothing was paced
    series: one row an interval: t_seconds (its begin), sent, received, lost, reordered, duplicated,
        tx_pps, rx_pps, latency_avg_ns, latency_max_ns. The last row holds what came after the end,
        and has no rates; the one before ends with the trial, and may be a shorter interval.
        Of several directions each is counted from its own start.
    series_by_direction, latency_by_direction: the same of each direction, such as "a to b"
    streams: one row a stream; of several directions with port and received_on
    lanes: one row a lane of a direction: port, received_on, lane, and what it sent (intended,
        unsent, sent) and what arrived on it (received, reordered, duplicated); missing where the
        port has no such lane
    problems: why the numbers do not agree with one another; empty when they do
    floor_ns: the median of the lab's own latency, where lk.calibrate measured it
    notes: what else a reader must know: how well the clocks of two hosts agree
    """

    port: str
    received_on: str
    row: Mapping[str, Any]
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
    floor_ns: float | None
    notes: tuple[str, ...] = ()

    @property
    def is_balanced(self) -> bool:
        """Every frame is accounted for, and all counters agree."""
        return not self.problems

    def plot(self) -> "Figure":
        """Sent, received and lost over time, and latency by percentile: of each direction, or of
        more than six directions in sum."""
        from labkit.runs.trial_figure import Course, trial_figure  # matplotlib is slow to load

        is_paced = self.row["target_pps"] is not None
        courses = {
            name: Course(series, target if is_paced else None)
            for (name, series), target in zip(
                self.series_by_direction.items(), self.directions["target_pps"], strict=True
            )
        }
        latencies = {name: latency.table for name, latency in self.latency_by_direction.items()}
        if len(courses) > MOST_COURSES:
            courses = {"": Course(self.series, self.row["target_pps"])}
            latencies = {} if self.latency is None else {"": self.latency.table}
        title = title_of(self.row, self.directions)
        return trial_figure(title, self.row, courses, latencies, self.floor_ns)

    def _summary(self) -> list[str]:
        return [*summary_of(self.row, self.directions, self.lanes), *self.notes]

    def _warnings(self) -> list[str]:
        return warnings_of(self.row, self.directions, self.problems)

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


@checked(but=("port", "streams", "rate", "duration", "warmup", "drain", "interval"))
def trial(
    port: Port | FarEnd | Placed | Sequence[Placed],
    streams: Traffic | Sequence[Traffic] | None = None,
    *,
    duration: float,
    rate: Rate | str | float | None = None,
    latency: bool = False,
    warmup: float = 0.1,
    drain: float = 2.0,
    receive_on: Port | FarPort | None = None,
    interval: float = 0.1,
    lanes: int | None = None,
    progress: bool = True,
) -> Trial:
    """Sends streams for a time, waits until all is still, and counts.

    port: where frames are sent. While it runs the port is a host: it answers ARP, neighbour
        discovery and ping for the streams' source addresses, and frames that are not the trial's
        reach Python. (Of streams without a signature any frame may be one.)
        In its place the far end of a DUT, as `with dut.open(lab) as far_end` gives it: what the DUT
        says that it dropped is then in the ledger, and on which host.
        In its place, and without streams and receive_on, a list of streams on ports of one lab:
        lk.trial([one.on(a, to=b), other.on(b, to=a)], duration=1). They are sent at once; streams
        between the same two ports are one direction.
    streams: lk.Stream or lk.Replay, one or several
    duration: seconds
    rate: intended load of all streams together, by weight; None: each stream's own, or, where none
        has any, as fast as the port takes frames
    latency: stamp every frame when it is made, and record its age on arrival. How late a generator
        that was held up made it is not in it: see unsent and jitter.
    warmup: seconds of the same traffic before, which are not counted
    drain: seconds to wait at most for frames under way
    receive_on: the port on which frames come back; None: the same one. A port of another host, as
        hosts.port() gives one: what its engine received and dropped is in the ledger, and a latency
        is told where the hosts' clocks agree better than it is long (latency_error_ns, notes).
    interval: seconds, of the time series
    lanes: workers that send, each on a queue of the port, and workers that receive; a port with
        fewer queues has as many as these. None: one for each queue while there are workers with a
        free CPU, and one at least
    progress: show a progress bar when it takes longer than half a second

    A generator that is held up catches up by 512 frames or 1 ms, the less of the two, and by one
    interval at least. What is further behind is not sent at all: it is unsent, and more than 0.1 %
    of it sets generator_limited. A frame that the port's queue refuses is unsent too.

    Each of several lanes makes its share of every stream: of two, one frames 0, 2, 4 … and the
    other 1, 3, 5 …, at half the rate and half an interval apart, so that all together are the very
    frames of the stream. A capture, and bursts that cannot be divided by the lanes, go out by one.
    Frames are counted on whichever lane they arrive; what came again is known as that on the lane
    where it came before.

    A frame is reordered when a later one of its own flow came before it (RFC 4737), which queues
    that are read at different times do not change. Flows are told apart by the addresses, ports,
    protocol, VLAN and VNI that the stream varies. Where their values make more than 4,096
    combinations, or a list names one twice, some flows may be taken for one and count too many.
    Each lane's share has an order of its own.

    A frame is known by its signature, its last 18 bytes: what a DUT pads, cuts or fragments is lost
    and unexplained, and that the bytes before came back whole is not looked at (lk.echo does).

    Raises LabError for what cannot be sent and while another trial or lk.echo runs in the lab,
    whose drops could not be told from this one's; Unreachable when nobody answers for a destination
    whose MAC the packet does not name. Ctrl-C ends the trial and puts the ports back as they were.
    """
    settings = TrialSettings(duration, warmup, drain, interval, latency, progress, lanes)
    if isinstance(port, FarEnd):
        near = port.port
        done: Trial = far_end_trial(
            port, lambda *told: run_trial(near, streams, settings, rate, receive_on, *told)
        )
        return done
    return run_trial(port, streams, settings, rate, receive_on)


def run_trial(
    port: Port | Placed | Sequence[Placed],
    streams: Traffic | Sequence[Traffic] | None,
    settings: TrialSettings,
    rate: Rate | str | float | None = None,
    receive_on: Port | FarPort | None = None,
    dropped_outside: Callable[[], int] | None = None,
    on_begin: Callable[[], None] | None = None,
) -> Trial:
    """As lk.trial.

    dropped_outside: how many of its frames were dropped since it was called first, by what is no
        part of the lab; asked while the trial waits for frames under way
    on_begin: called before frames are sent, those of the warm-up and of the trial
    """
    far, here = (receive_on, None) if isinstance(receive_on, FarPort) else (None, receive_on)
    if far is not None:
        if settings.lanes not in (None, 1):
            raise LabError(
                f"lanes is {shown(settings.lanes)}; frames that another host receives are sent by "
                "one lane: leave it out"
            )
        settings = replace(settings, lanes=1)
    directions = directions_of(port, streams, rate, here)
    for direction in directions:
        check_frames(direction.scheduled, settings.duration)
    engine = TrialEngine(directions, settings, dropped_outside)
    if on_begin is not None:
        engine.on_begin = lambda *_: on_begin()
    receiver = FarReceiver(engine, far, settings) if far else None
    latencies = None
    warmup, duration = settings.warmup, settings.duration

    def run(pause: Pause) -> Measured:
        nonlocal latencies
        if receiver is None:
            return run_here(pause)
        measured, latencies = receiver.run(lambda: run_here(pause), pause)
        return measured

    def run_here(pause: Pause) -> Measured:
        with _bar(warmup + duration, settings.progress) as bar:
            if warmup > 0:
                engine.run(warmup, warmup, bar, pause)
            return engine.run(duration, settings.interval, lambda s: bar(warmup + s), pause)

    measured = measure(engine.lab.engine, "a trial", run)
    tables = tables_of(engine, measured, duration)
    row = tables.row
    if far is not None and latencies is not None:
        row |= {"host": far.host, "latency_error_ns": latencies.error_ns}
    return Trial(
        ", ".join(d.port.name for d in engine.directions),
        ", ".join(d.back.name for d in engine.directions),
        **{**tables._asdict(), "row": Named("column", row)},
        floor_ns=floor_ns(engine.lab),
        notes=(latencies.note,) if latencies is not None and latencies.note else (),
    )


@contextmanager
def _bar(seconds: float, wanted: bool) -> Iterator[Callable[[float], object]]:
    """A function that takes how many seconds have gone."""
    form = "{desc}{percentage:3.0f} %|{bar}| {n:.1f} of {total:.1f} s"
    options = {"disable": not wanted, "delay": 0.5, "leave": False, "bar_format": form}
    with progress_bar(total=seconds, **options) as bar:
        yield lambda gone: bar.update(min(gone, seconds) - bar.n)
