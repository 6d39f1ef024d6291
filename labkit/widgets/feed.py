# SPDX-License-Identifier: BSD-3-Clause
"""Feeds: one thread reads a source, and any number of views show what it read."""

import threading
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Protocol
from weakref import WeakValueDictionary

import numpy as np
import numpy.typing as npt

from labkit.sources import Rates, Sample, Schema, Source, as_source, rates
from labkit.sources.as_source import Counted
from labkit.sources.catalogue import find

HZ = 10.0
HISTORY_SECONDS = 600
MEAN_SECONDS = 1.0  # a number that changes ten times a second cannot be read
HISTORY_BYTES = 32 << 20  # a source with very many counters is remembered for a shorter time

Matrix = npt.NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Point:
    """Rates at one tick.

    Attributes
    ----------
    x: seconds since the epoch, never falling
    values: float32 in the order of schema.names; NaN where there is no rate
    """

    x: float
    values: Matrix
    schema: Schema


class Listener(Protocol):
    """What a feed calls in its thread, after every tick and when the source's state changes."""

    def tick(self, feed: "Feed") -> None: ...  # noqa: D102
    def fail(self, error: BaseException) -> None: ...  # noqa: D102


class Feed:
    """The rates of a source, read 10 times a second while somebody listens.

    Attributes
    ----------
    number: points so far; those that history no longer holds included
    latest: the rates of the last point, faults included
    sample: what they were computed from
    """

    def __init__(self, source: Source) -> None:
        self.source = source
        self.key: object = source
        self.number = 0
        self.latest: Rates | None = None
        self.sample: Sample | None = None
        self._reader = source.at(2 * HZ)  # so that what is read is 50 ms old at most
        self._points: deque[Point] = deque(maxlen=1)
        self._recent: deque[Sample] = deque()  # of one schema and MEAN_SECONDS, the oldest first
        self._listeners: list[Listener] = []
        self._lock = threading.RLock()
        self._thread: threading.Thread | None = None
        self._done = threading.Event()
        self._offset_ns = 0
        self._is_broken = False  # the source was away since the last point: lines have a gap

    @property
    def state(self) -> tuple[str, str]:
        """The source's state and its sentence."""
        return self._reader.state, self._reader.reason

    @property
    def schema(self) -> Schema:
        """The source's schema."""
        return self._reader.schema

    def attach(self, listener: Listener) -> None:
        """Starts to call a listener. SourceError when the source cannot be opened."""
        with self._lock:
            if listener in self._listeners:
                return
            if not self._listeners:
                self._reader.open()
                self._begin()
            self._listeners.append(listener)

    def detach(self, listener: Listener) -> None:
        """Ends that; when nobody is left, reading ends too. What was read is kept."""
        with self._lock:
            if listener not in self._listeners:
                return
            self._listeners.remove(listener)
            if self._listeners:
                return
            self._done.set()
            thread, self._thread = self._thread, None
        if thread is not None and thread is not threading.current_thread():
            thread.join()

    def ends(self) -> tuple[Sample, Sample] | None:
        """The samples about MEAN_SECONDS apart that all numbers beside lines are the means between;
        None while there is but one."""
        with self._lock:
            return (self._recent[0], self._recent[-1]) if len(self._recent) > 1 else None

    @property
    def is_running(self) -> bool:
        """Whether somebody listens."""
        return self._thread is not None

    def after(self, number: int) -> list[Point]:
        """Points from this number on, as far back as they are remembered."""
        with self._lock:
            wanted = min(self.number - number, len(self._points))
            return list(islice(reversed(self._points), wanted))[::-1]

    def read_once(self) -> None:
        """What its thread does ten times a second: reads, and calls who listens."""
        try:
            self._read()
        except Exception as error:  # the listeners show it; the thread goes on
            for listener in tuple(self._listeners):
                listener.fail(error)
            return
        for listener in tuple(self._listeners):
            try:
                listener.tick(self)
            except Exception as error:  # of one listener; the others go on
                listener.fail(error)

    # Within

    def _begin(self) -> None:
        self.sample = self._reader.sample()
        self._is_broken = True
        self._done = threading.Event()
        self._thread = threading.Thread(
            target=self._run, args=(self._done,), name="labkit-feed", daemon=True
        )
        self._thread.start()

    def _run(self, done: threading.Event) -> None:
        due = time.monotonic()
        try:
            while True:
                # One that came late is not made good by two that follow each other closely.
                due = max(due + 1 / HZ, time.monotonic() + 0.5 / HZ)
                if done.wait(due - time.monotonic()):
                    return
                self.read_once()
        finally:
            self._reader.close()

    def _read(self) -> None:
        sample, before = self._reader.sample(), self.sample
        if sample is None:
            self.sample = None  # counters of a source that returns are new ones
            self._is_broken = True
            self._recent.clear()
            return
        if before is not None and sample.monotonic_ns == before.monotonic_ns:
            return
        with self._lock:
            self.sample = sample
            self._keep(sample)
            if before is None or sample.monotonic_ns < before.monotonic_ns:
                return
            self.latest = rates(before, sample)
            last = self._points[-1].x if self._points else None
            if last is None:
                self._offset_ns = sample.time_ns - sample.monotonic_ns
            x = (sample.monotonic_ns + self._offset_ns) / 1e9
            if last is not None and x <= last:  # a recording that began anew
                self._offset_ns += round((last - x + self.latest.seconds) * 1e9)
                x = last + self.latest.seconds
            values = self.latest.values.astype(np.float32)
            if last is not None and self._is_broken:
                self._remember(Point(last + 1e-3, np.full_like(values, np.nan), sample.schema))
            self._remember(Point(x, values, sample.schema))
            self._is_broken = False

    def _keep(self, sample: Sample) -> None:
        last = self._recent[-1] if self._recent else None
        if last and (last.schema is not sample.schema or last.monotonic_ns > sample.monotonic_ns):
            self._recent.clear()
        self._recent.append(sample)
        # Two stay, however far apart a slow source's are; half a tick is how late one may come.
        oldest = sample.monotonic_ns - round((MEAN_SECONDS + 0.5 / HZ) * 1e9)
        while len(self._recent) > 2 and self._recent[0].monotonic_ns < oldest:
            self._recent.popleft()

    def _remember(self, point: Point) -> None:
        room = min(HISTORY_SECONDS * int(HZ), HISTORY_BYTES // (4 * len(point.values) + 128))
        if self._points.maxlen != room:
            self._points = deque(self._points, maxlen=room)
        self._points.append(point)
        self.number += 1


_feeds: "WeakValueDictionary[int, Feed]" = WeakValueDictionary()


def feed_of(source: Counted) -> Feed:
    """The one feed of this source, lab or traffic, as long as anybody holds it."""
    feed = _feeds.get(id(source))
    if feed is None:
        feed = _feeds[id(source)] = Feed(as_source(source))
        feed.key = source  # an id is not given anew while its object lives
    return feed


def table(points: Sequence[Point], names: Sequence[str]) -> tuple[npt.NDArray[np.float64], Matrix]:
    """Times (s since the epoch) and values (points × names); NaN where a point has no such name."""
    times = np.array([point.x for point in points], dtype=np.float64)
    values: Matrix = np.full((len(points), len(names)), np.nan, dtype=np.float32)
    schema: Schema | None = None
    there: Any = ()
    at: Any = ()
    for row, point in enumerate(points):
        if point.schema is not schema:
            schema = point.schema
            found = [
                (i, schema.index[name]) for i, name in enumerate(names) if name in schema.index
            ]
            there, at = [i for i, _ in found], [j for _, j in found]
        values[row, there] = point.values[at]
    return times, values


def line(name: str, schema: Schema) -> dict[str, str]:
    """What the page knows of a line."""
    metric = find(name)
    unit = schema.units.get(name, "")
    if schema.kinds.get(name, "counter") == "counter":
        unit = f"{unit}/s"
    meaning = f"{metric.meaning} {metric.advice}".strip() if metric else ""
    return {"name": name, "unit": unit, "meaning": meaning}
