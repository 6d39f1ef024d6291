# SPDX-License-Identifier: BSD-3-Clause
"""Latency histograms: HdrHistogram's buckets, 3 significant digits, in nanoseconds."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

from labkit.arguments.checked import checked
from labkit.arguments.hints import Between
from labkit.errors import LabError
from labkit.text import html_table
from labkit.units import plain

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from hdrh.histogram import HdrHistogram
    from matplotlib.figure import Figure


# As in native/packet/histogram.h: stored results are read without native modules
HALF_BITS = 10
HALF = 1 << HALF_BITS
COUNTS = 27_648
LOWEST, HIGHEST, DIGITS = 1, (1 << 36) - 1, 3

Percent = Annotated[float, Between(0, 100)]
PERCENTILES = (50.0, 90.0, 99.0, 99.9, 99.99)


@dataclass(frozen=True, eq=False)
class LatencyHistogram:
    """How often which latency was measured; at least once.

    Attributes
    ----------
    counts: int64 array of 27,648: exact below 2,048 ns, then 1,024 buckets for every power of two
    sum_ns, min_ns, max_ns: exact
    """

    counts: "np.ndarray[Any, Any]"
    sum_ns: int
    min_ns: int
    max_ns: int

    @classmethod
    def from_engine(cls, answer: Mapping[str, Any]) -> "LatencyHistogram | None":
        """From the engine's answer to `trial_histogram`; None when nothing was measured."""
        import numpy as np

        counts = np.zeros(COUNTS, dtype=np.int64)
        for index, count in answer["counts"].items():
            counts[int(index)] = count
        if not counts.any():
            return None
        return cls(counts, answer["sum"], answer["min"], answer["max"])

    @property
    def count(self) -> int:
        """Measured frames."""
        return int(self.counts.sum())

    @property
    def mean_ns(self) -> float:
        """Mean in ns."""
        return self.sum_ns / self.count

    @checked()
    def percentile(self, percent: Percent) -> int:
        """The latency in ns that `percent` of the frames did not exceed; within 0.1 %.

        The rank is rounded, as in HdrHistogram: of 600 frames 99.9 % are 599.
        """
        import numpy as np

        # As HdrHistogram counts: the frame of this rank, the first one at least.
        rank = max(1, int(percent / 100 * self.count + 0.5))
        index = int(np.searchsorted(np.cumsum(self.counts), rank))
        return min(max(highest_of(index), self.min_ns), self.max_ns)

    @checked()
    def percentiles(self, percents: Sequence[Percent] = PERCENTILES) -> "pd.Series[int]":
        """Latency in ns by percentile."""
        import pandas as pd

        values = [self.percentile(percent) for percent in percents]
        return pd.Series(values, index=pd.Index(percents, name="percentile"), name="latency_ns")

    @property
    def table(self) -> "pd.DataFrame":
        """The buckets that hold something: latency_ns (their highest value), frames, share."""
        from labkit.tables.table import Table  # pandas is slow to load

        some = self.counts.nonzero()[0]
        frames = self.counts[some]
        return Table(
            {
                "latency_ns": [highest_of(int(i)) for i in some],
                "frames": frames,
                "share": frames.cumsum() / self.count,
            }
        )

    def to_hdr(self) -> "HdrHistogram":
        """The same histogram as an object of the PyPI package hdrhistogram."""
        from hdrh.histogram import HdrHistogram

        histogram = HdrHistogram(LOWEST, HIGHEST, DIGITS)
        for index in self.counts.nonzero()[0]:
            histogram.record_value(highest_of(int(index)), int(self.counts[index]))
        return histogram

    def export(self) -> bytes:
        """HdrHistogram's compressed V2 format in base64, which its tools in any language read."""
        encoded: bytes = self.to_hdr().encode()
        return encoded

    @classmethod
    def from_export(cls, encoded: bytes) -> "LatencyHistogram":
        """From what `export` gave, or another tool: nanoseconds, 3 digits or more, up to 68 s.

        The exact sum, minimum and maximum are not in that format: they are those of the buckets.
        """
        import numpy as np
        from hdrh.histogram import HdrHistogram

        try:
            decoded = HdrHistogram.decode(encoded)
        except Exception as error:  # whatever its decoder meets in foreign bytes
            raise LabError(f"this is no HdrHistogram in base64: {error}") from None
        if decoded.significant_figures < DIGITS or decoded.get_max_value() > HIGHEST:
            raise LabError(
                f"this histogram has {decoded.significant_figures} digits and values up to "
                f"{decoded.get_max_value():,}; it needs {DIGITS} digits or more, and {HIGHEST:,} "
                "is the highest value"
            )
        counts = np.zeros(COUNTS, dtype=np.int64)
        for item in decoded.get_recorded_iterator():  # several of finer buckets fall into one
            counts[index_of(item.value_iterated_to)] += item.count_added_in_this_iter_step
        some = counts.nonzero()[0]
        if not some.size:
            raise LabError("this histogram is empty")
        values = [highest_of(int(i)) for i in some]
        total = sum(value * int(counts[i]) for value, i in zip(values, some, strict=True))
        return cls(counts, total, values[0], values[-1])

    def __add__(self, other: "LatencyHistogram") -> "LatencyHistogram":
        return LatencyHistogram(
            self.counts + other.counts,
            self.sum_ns + other.sum_ns,
            min(self.min_ns, other.min_ns),
            max(self.max_ns, other.max_ns),
        )

    def plot(self, floor_ns: float | None = None) -> "Figure":
        """Latency by percentile on HdrHistogram's axis; floor_ns: the lab's own, as a line."""
        from labkit.results.latency_figure import latency_figure  # matplotlib is slow to load

        return latency_figure({"": self.table}, floor_ns)

    def __repr__(self) -> str:
        ranks = ", ".join(f"{name} {value}" for name, value in self._ranks())
        return f"<LatencyHistogram of {self.count:,} frames in ns: {ranks}>"

    def _repr_html_(self) -> str:
        told = f"{self.count:,} frames"
        return html_table(("", "latency (ns)"), self._ranks(), "lr", caption=told)

    def _ranks(self) -> list[tuple[str, str]]:
        """What is told of it, in words."""
        ranks = [(f"p{plain(p, 12)}", f"{self.percentile(p):,}") for p in PERCENTILES]
        mean = ("mean", f"{self.mean_ns:,.0f}")
        return [("min", f"{self.min_ns:,}"), mean, *ranks, ("max", f"{self.max_ns:,}")]


def index_of(value: int) -> int:
    """The bucket of a value in ns."""
    value = min(value, HIGHEST)
    bucket = max(0, value.bit_length() - HALF_BITS - 1)
    return (bucket << HALF_BITS) + (value >> bucket)


def highest_of(index: int) -> int:
    """The highest value of a bucket."""
    bucket = max(0, (index >> HALF_BITS) - 1)
    return ((index - (bucket << HALF_BITS) + 1) << bucket) - 1
