# SPDX-License-Identifier: BSD-3-Clause
"""Trials inside the engine: streams handed to the generator, counters and histograms read."""

import base64
import fcntl
import os
import weakref
from collections.abc import Mapping, Sequence
from typing import Any

from labkit.engine.answers import Fields, FlowCounts, Histogram
from labkit.engine.binding import call, ffi, lib
from labkit.packet.codec import native_fields, native_rewrite, native_side, native_templates

JITTER = -1  # the histogram that is no stream's
CHANGE_SECONDS = 1e-4
FLAT_OUT = FOR_EVER = 2**64 - 1


class Trials:
    """The engine's trials by the name of their run."""

    def __init__(self) -> None:
        self.by_run: dict[str, Any] = {}
        self.live: set[str] = set()

    def create(self, run: str, settings: Fields, streams: Sequence[Mapping[str, Any]]) -> None:
        """A trial that waits; `settings` are the fields of struct lk_trial_config."""
        config = {"streams": len(streams), "lanes": 1, "receivers": 1, **settings}
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
        # While something is measured, a worker's rest would be taken for latency.
        lib.lk_workers_keep_awake(1)

    def create_live(self, run: str, room: int, lanes: int, receivers: int) -> None:
        """One without an end, for as many streams; see changes()."""
        config = {"streams": room, "live": 1, "ticks": 1, "duration_ns": 0}
        config |= {"lanes": lanes, "receivers": receivers}
        trial = lib.lk_trial_create(ffi.new("struct lk_trial_config *", config))
        if trial == ffi.NULL:
            raise MemoryError("no memory for live traffic; start the lab with more memory_mb")
        lib.lk_trial_start(trial)
        self.by_run[run] = trial
        self.live.add(run)

    def change_all(
        self,
        changes: Mapping[str, Sequence[Mapping[str, Any]]],
        streams: Sequence[Mapping[str, Any]],
        wait_ns: int,
        *,
        is_shared: bool,
    ) -> list[str]:
        """See Commands.change_traffic()."""
        # A moment ahead, so that all workers know of it when it comes.
        at = lib.lk_clock_tsc() + round(lib.lk_clock_tsc_hz() * CHANGE_SECONDS)
        native = [NativeFrames(stream) for stream in streams]
        for run, of_run in changes.items():
            self.change(run, of_run, native, at, is_shared=is_shared)
        return [run for run in changes if lib.lk_live_wait(self.by_run[run], wait_ns) != 0]

    def change(
        self,
        run: str,
        changes: Sequence[Mapping[str, Any]],
        streams: "Sequence[NativeFrames]",
        at: int,
        *,
        is_shared: bool,
    ) -> None:
        """Has live streams change, as of Commands.change_traffic(); refused while the changes
        before are still to be done."""
        native = ffi.new("struct lk_change[]", len(changes))
        configs = ffi.new("struct lk_stream_config[]", len(changes))
        for one, config, change in zip(native, configs, changes, strict=True):
            one.kind, one.index = getattr(lib, change["kind"]), change["index"]
            if "stream" in change:
                frames = streams[change["stream"]]
                frames.fill(config)
                fill_schedule(config, change)
                one.stream = ffi.addressof(config)
        if is_shared:
            lib.lk_live_share(self.by_run[run])
        call("lk_live_change", self.by_run[run], native, len(changes), at)

    def flow_counts(self, runs: Mapping[str, int]) -> FlowCounts:
        """See Commands.flow_counts()."""
        rows, totals = {}, {}
        for run, count in runs.items():
            out = ffi.new("struct lk_flow_counts[]", max(1, count))
            of_run = ffi.new("struct lk_live_totals *")
            found = lib.lk_live_counts(self.by_run[run], 0, out, count, of_run)
            data = bytes(ffi.buffer(out))[: found * ffi.sizeof("struct lk_flow_counts")]
            rows[run], totals[run] = base64.b64encode(data).decode(), _fields(of_run)
        now = lib.lk_clock_realtime_ns(lib.lk_clock_tsc())
        return {"rows": rows, "totals": totals, "time_ns": now}

    def _add(self, trial: Any, index: int, stream: Mapping[str, Any]) -> None:
        frames = NativeFrames(stream)
        config = ffi.new("struct lk_stream_config *")
        frames.fill(config)
        fill_schedule(config, stream)
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

    def lane_counts(self, run: str, lanes: int) -> list[Fields]:
        """struct lk_lane_counts of each lane."""
        counts = ffi.new("struct lk_lane_counts *")
        rows = []
        for lane in range(lanes):
            call("lk_trial_lane_counts", self.by_run[run], lane, counts)
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
            if run in self.live:
                self.live.remove(run)
            else:
                lib.lk_workers_keep_awake(-1)


class NativeFrames:
    """The frames of a compiled stream, as struct lk_stream_config names them."""

    def __init__(self, stream: Mapping[str, Any]) -> None:
        self.keep_alive: list[Any] = []
        self._templates = native_templates(ffi, stream, self.keep_alive)
        self._fields = native_fields(ffi, stream, self.keep_alive)
        self._order = ffi.new("uint16_t[]", stream["order"])
        self._replay: Any = ffi.NULL
        self._longest = 0
        if stream.get("replay") is not None:
            self._replay = _native_replay(stream["replay"], self.keep_alive)
            self._longest = stream["replay"]["longest"]
        self._counts = {
            "template_count": len(stream["templates"]),
            "order_length": len(stream["order"]),
            "field_count": len(stream["fields"]),
            "checksum_count": len(stream["templates"][0]["checksums"])
            if stream["templates"]
            else 0,
            "has_signature": stream["has_signature"],
        }

    def fill(self, config: Any) -> None:
        """Tells of them; they must outlive it."""
        config.templates, config.fields, config.order = self._templates, self._fields, self._order
        config.replay, config.longest = self._replay, self._longest
        for name, count in self._counts.items():
            setattr(config, name, count)


def fill_schedule(config: Any, schedule: Mapping[str, Any]) -> None:
    """When a stream sends."""
    config.intended = FLAT_OUT if schedule["intended"] is None else schedule["intended"]
    for name in ("burst", "interval_ns", "first_ns"):
        setattr(config, name, schedule[name])
    for name, value in schedule.get("live", {}).items():
        setattr(config, name, value)


def _native_replay(replay: Mapping[str, Any], keep_alive: list[Any]) -> Any:
    """struct lk_replay_config of what Replay.to_engine() told; its file is open as long as that."""
    config = ffi.new("struct lk_replay_config *")
    config.fd = os.open(replay["file"], os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    weakref.finalize(config, os.close, config.fd)
    try:
        fcntl.flock(config.fd, fcntl.LOCK_SH | fcntl.LOCK_NB)  # a capture would cut it
    except BlockingIOError:
        raise ValueError(
            f"{replay['file']} is being written by a capture; play it when that has ended"
        ) from None
    except OSError:
        pass  # a file system without locks
    state = os.fstat(config.fd)
    if (state.st_size, state.st_mtime_ns) != (replay["size"], replay["mtime_ns"]):
        raise ValueError(
            f"{replay['file']} has changed since it was declared; make its lk.Replay again"
        )
    config.rounds = FOR_EVER if replay["rounds"] is None else replay["rounds"]
    for name in (
        "frames",
        "duration_ns",
        "pause_ns",
        "speed",
        "frames_rate",
        "bits_rate",
        "overhead",
    ):
        setattr(config, name, replay[name])
    config.rewrite = rewrite = native_rewrite(ffi, replay["rewrite"])
    config.side = native_side(ffi, replay["side"], keep_alive)
    keep_alive += [config, rewrite]
    return config


def _fields(struct: Any) -> Fields:
    return {name: getattr(struct, name) for name, _ in ffi.typeof(struct[0]).fields}
