# SPDX-License-Identifier: BSD-3-Clause
"""Trials inside the engine: streams handed to the generator, counters and histograms read."""

from collections.abc import Mapping, Sequence
from typing import Any

from labkit.engine.answers import Fields, Histogram
from labkit.engine.binding import call, ffi, lib
from labkit.packet.codec import native_fields, native_templates

JITTER = -1  # the histogram that is no stream's
FLAT_OUT = 2**64 - 1


class Trials:
    """The engine's trials by the name of their run."""

    def __init__(self) -> None:
        self.by_run: dict[str, Any] = {}

    def create(self, run: str, settings: Fields, streams: Sequence[Mapping[str, Any]]) -> None:
        """A trial that waits; `settings` are the fields of struct lk_trial_config."""
        config = {"streams": len(streams), **settings}
        trial = lib.lk_trial_create(ffi.new("struct lk_trial_config *", config))
        if trial == ffi.NULL:
            raise MemoryError(
                "no memory for the trial's buffers; start the lab with more memory_mb"
            )
        try:
            for index, stream in enumerate(streams):
                self._add(trial, index, stream)
        except BaseException:
            lib.lk_trial_free(trial)
            raise
        self.by_run[run] = trial
        self._keep_awake()

    def _add(self, trial: Any, index: int, stream: Mapping[str, Any]) -> None:
        keep_alive: list[Any] = []
        order = ffi.new("uint16_t[]", stream["order"])
        config = ffi.new("struct lk_stream_config *")
        templates = native_templates(ffi, stream, keep_alive)
        fields = native_fields(ffi, stream, keep_alive)
        config.templates, config.fields, config.order = templates, fields, order
        if stream["gaps_ns"] is not None:
            gaps = ffi.new("double[]", stream["gaps_ns"])
            keep_alive.append(gaps)
            config.gaps_ns = gaps
        config.template_count = len(stream["templates"])
        config.order_length = len(stream["order"])
        config.field_count = len(stream["fields"])
        config.checksum_count = len(stream["templates"][0]["checksums"])
        config.has_signature = stream["has_signature"]
        config.intended = FLAT_OUT if stream["intended"] is None else stream["intended"]
        config.burst = stream["burst"]
        config.interval_ns = stream["interval_ns"]
        config.first_ns = stream["first_ns"]
        call("lk_trial_add_stream", trial, index, config)

    def counts(self, run: str) -> Fields:
        """struct lk_trial_counts."""
        counts = ffi.new("struct lk_trial_counts *")
        lib.lk_trial_counts(self.by_run[run], counts)
        return _fields(counts)

    def stream_counts(self, run: str, streams: int) -> list[Fields]:
        """struct lk_stream_counts of each stream."""
        counts = ffi.new("struct lk_stream_counts *")
        rows = []
        for index in range(streams):
            call("lk_trial_stream_counts", self.by_run[run], index, counts)
            rows.append(_fields(counts))
        return rows

    def ticks(self, run: str, room: int) -> dict[str, list[int]]:
        """struct lk_tick of every interval, as columns."""
        ticks = ffi.new("struct lk_tick[]", room)
        count = lib.lk_trial_ticks(self.by_run[run], ticks, room)
        names = [name for name, _ in ffi.typeof("struct lk_tick").fields]
        return {name: [getattr(ticks[i], name) for i in range(count)] for name in names}

    def histogram(self, run: str, index: int) -> Histogram:
        """The buckets that hold something, and sum, min and max in ns."""
        out = ffi.new("struct lk_histogram *")
        call("lk_trial_histogram", self.by_run[run], index, out)
        counts = list(out.counts)
        return {
            "counts": {str(i): n for i, n in enumerate(counts) if n},
            "sum": out.sum,
            "min": out.min,
            "max": out.max,
        }

    def free(self, run: str) -> None:
        """Only after its paths were stopped. Nothing where it was never made."""
        if run in self.by_run:
            lib.lk_trial_free(self.by_run.pop(run))
            self._keep_awake()

    def _keep_awake(self) -> None:
        """While something is measured, a worker's rest would be taken for latency."""
        lib.lk_workers_keep_awake(bool(self.by_run))


def _fields(struct: Any) -> Fields:
    return {name: getattr(struct, name) for name, _ in ffi.typeof(struct[0]).fields}
