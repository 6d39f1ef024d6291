# SPDX-License-Identifier: BSD-3-Clause
"""record(): keeps what a source shows."""

import threading
import time
from typing import Annotated

from labkit.arguments.checked import checked
from labkit.arguments.hints import Offers
from labkit.sources.as_source import Counted, as_source, counter_names
from labkit.sources.base import Source, SourceError
from labkit.sources.samples import Samples
from labkit.sources.selection import Choice, select

SLOWEST_HZ, FASTEST_HZ = 0.01, 1000
DRAIN_SECONDS = 0.05  # how often a source that samples by itself is emptied


class Record(Samples):
    """Samples that are being recorded; made by record(). A context manager: leaving it stops it.

    It can be looked at while it goes on.
    """

    def __init__(self, source: Source, patterns: tuple[str, ...], hz: float) -> None:
        super().__init__(source.label, hz)
        self._source = source.at(hz)
        self._choose = Choice(patterns or ("*",))
        self._stop = threading.Event()
        self._failure: BaseException | None = None
        self._source.open()
        try:
            self._last = self._source.sample()
            select(self._source.names, patterns)
            if self._last is not None:
                self.samples.append(self._choose(self._last))
        except BaseException:
            self._source.close()
            raise
        self._thread = threading.Thread(target=self._run, name="labkit-record", daemon=True)
        self._thread.start()

    @property
    def is_running(self) -> bool:
        """Whether it still records; it also ends when its source does."""
        return self._thread.is_alive()

    def stop(self) -> "Record":
        """Ends the recording; raises what went wrong meanwhile. What was recorded stays."""
        self._stop.set()
        self._thread.join()
        if self._failure is not None:
            failure, self._failure = self._failure, None
            raise failure
        return self

    def __enter__(self) -> "Record":
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _run(self) -> None:
        interval = 1 / self.hz
        if self._source.hz is not None:
            interval = max(interval, DRAIN_SECONDS)
        due = time.monotonic()
        try:
            while self._source.state != "ended":
                due = max(due + interval, time.monotonic())
                stopped = self._stop.wait(due - time.monotonic())
                for sample in self._source.since(self._last):
                    self._last = sample
                    self.samples.append(self._choose(sample))
                if stopped:
                    break
        except BaseException as error:
            self._failure = error
        finally:
            self._source.close()


@checked(SourceError, but=("source",))
def record(
    source: Counted,
    *names: Annotated[str, Offers(counter_names)],
    hz: float = 10,
) -> Record:
    """Records a source, a lab's engine or its traffic(), until stop().

    names of counters, with * and ? (none: all of them); hz samples a second, up to 1000. At 100 Hz
    a thousand counters take 0.8 MB a second of memory.

        with lk.record(lab, "port/*", hz=100) as rec: ...
        rec.table, rec.rates, rec.faults, rec.plot("*_good_packets"), rec.save("run.parquet")
    """
    if not SLOWEST_HZ <= hz <= FASTEST_HZ:
        raise SourceError(f"hz is {hz}; record takes {SLOWEST_HZ} to {FASTEST_HZ}")
    return Record(as_source(source), names, hz)
