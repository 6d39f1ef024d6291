# SPDX-License-Identifier: BSD-3-Clause
"""A recording as a source: what was sampled once, again, at any speed."""

import math
import os
import time
from bisect import bisect_right
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from labkit.arguments.checked import checked
from labkit.arguments.hints import Offers
from labkit.datasets import dataset, names_of_files
from labkit.sources.base import Sample, Source, SourceError
from labkit.sources.samples import Samples
from labkit.units import plain


def _recordings(_: Mapping[str, Any]) -> list[str]:
    return [f"datasets/{name}" for name in names_of_files(".parquet")]


@checked(SourceError)
class Recording(Source):
    """Plays the samples of a Parquet file; its clock begins with open() and again with each open().

    path: a file that Samples.save() wrote; "datasets/NAME" is also found where labkit's own are.
    speed: recorded seconds a second; math.inf gives the next sample whenever one is asked for.
    Samples keep the times they were taken at, so rates are those of the recording. Ended after the
    last one.

    Attributes
    ----------
    path: the file
    samples: all of them, with table, rates, faults and plot()
    """

    def __init__(
        self, path: Annotated[str | os.PathLike[str], Offers(_recordings)], speed: float = 1.0
    ) -> None:
        if not speed > 0:
            raise SourceError(f"speed is {speed}; it is greater than 0 (1: as it was recorded)")
        self.path = _find(Path(path))
        self.samples = Samples.load(self.path)
        if not self.samples.samples:
            raise SourceError(f"{os.fspath(path)} holds no samples")
        super().__init__(f"recording of {self.samples.label}")
        self.speed = speed
        self._schema = self.samples.samples[0].schema
        self._times = [sample.monotonic_ns for sample in self.samples.samples]
        self._start = 0
        self._given = 0  # samples that somebody has seen

    def since(self, previous: Sample | None) -> list[Sample]:
        """The samples after `previous` that are due by now (None: from the first one on)."""
        with self._lock:
            self._check_open()
            first = 0 if previous is None else bisect_right(self._times, previous.monotonic_ns)
            due = len(self._times) if math.isinf(self.speed) else self._due()
            self._give(due)
            if due == len(self._times) and first == due:
                self._end()
            return self.samples.samples[first:due]

    def _connect(self) -> None:
        self._start = time.monotonic_ns()
        self._given = 0

    def _disconnect(self) -> None:
        pass

    def _read(self) -> Sample | None:
        """The latest that is due; once after the last one, None."""
        if self._given == len(self._times):
            self._end()
            return None
        self._give(self._given + 1 if math.isinf(self.speed) else max(1, self._due()))
        sample = self.samples.samples[self._given - 1]
        self._schema = sample.schema
        return sample

    def _due(self) -> int:
        """How many samples have been recorded by this moment of the recording."""
        now = self._times[0] + (time.monotonic_ns() - self._start) * self.speed
        return bisect_right(self._times, now)

    def _give(self, count: int) -> None:
        self._given = max(self._given, count)

    def _end(self) -> None:
        seconds = self.samples.seconds
        self._state = ("ended", f"{self.label} is over after {plain(seconds, 3)} recorded seconds")


def _find(path: Path) -> Path:
    """The file, or labkit's own of that name."""
    if path.exists() or path.parent != Path("datasets"):
        return path
    return dataset(path.name)
