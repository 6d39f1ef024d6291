# SPDX-License-Identifier: BSD-3-Clause
"""Signs that a port or its engine has failed, judged by samples of counters alone."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from labkit.pairs.watchdog import Signal, Watchdog
from labkit.sources import MISSING, Sample, Schema
from labkit.sources.rates import no_count
from labkit.units import plain

SENT = "tx_good_packets"
WITHOUT_LINK = ("drop_tx_link_down", "drop_tx_unplugged")
# What drivers count when they reset a device, which is what they say themselves of a failure.
SAID_BY_DRIVER = (
    *("wd_expired", "admin_to", "missing_tx_cmpl", "bad_rx_req_id", "bad_tx_req_id"),
    *("bad_rx_desc_num", "invalid_state", "os_netdev_wd", "missing_intr", "reset_fail"),
    *("suspected_poll_starvation", "missing_admin_interrupt", "device_request_reset"),
)
READ = (SENT, "rx_errors", "rx_missed_errors", "rx_mbuf_allocation_errors")  # to see if one can
FEWEST = 2  # samples that show a sign


@dataclass(frozen=True)
class Alarm:
    """A decision: something has failed.

    Attributes
    ----------
    signal: which limit was passed
    seconds: how long the sign had been there; 0 of what a driver says itself
    limit: seconds
    since_ns: CLOCK_MONOTONIC, when the sign was seen first
    said: the decision in a sentence
    """

    signal: Signal
    seconds: float
    limit: float
    since_ns: int
    said: str

    def __str__(self) -> str:
        return f"{self.signal}: {self.said}"


@dataclass
class _Sign:
    """A sign that is there: since when, and in how many samples."""

    since_ns: int
    samples: int = 1


class Signs:
    """What samples of an engine tell of one of its ports.

    Attributes
    ----------
    began_ns: CLOCK_MONOTONIC, when the port was first seen to send; None: not yet
    progress_ns: when it was last seen to have sent
    unsent: frames offered since then that it has not sent
    """

    def __init__(
        self,
        watchdog: Watchdog,
        port: str,
        tx_nodes: Callable[[], Iterable[str]],
        from_ns: int,
        before: Sample | None = None,
    ) -> None:
        """tx_nodes: names of the nodes that offer frames to the port, as "path/PATH/NODE"
        from_ns: CLOCK_MONOTONIC; samples before that are not looked at
        before: the last of these, from which the port has counted on; None: the next one"""
        self.began_ns: int | None = None
        self.progress_ns: int | None = None
        self.unsent = 0
        self._from_ns = from_ns
        self._grace_ns = from_ns + round(watchdog.grace * 1e9)
        self._limits = watchdog.limits
        self._port, self._tx_nodes = port, tx_nodes
        self._signs: dict[Signal, _Sign] = {}
        self._last = before
        self._sent = None if before is None else self._count(before, SENT)
        self._places: tuple[Schema, list[int]] | None = None

    def take(self, sample: Sample) -> Alarm | None:
        """Looks at the next sample."""
        if sample.monotonic_ns <= self._from_ns:
            return None
        before, self._last = self._last, sample
        sent = self._count(sample, SENT)
        unreadable = self._unreadable(sample)
        if unreadable:
            alarm = self._note("admin", sample.monotonic_ns, unreadable)
            if alarm is not None or sent is None:
                return alarm
        else:
            self._signs.pop("admin", None)
        if before is None or self._sent is None:
            self._sent = sent
            return None
        if told := self._told_by_driver(before, sample):
            return self._alarm("keep_alive", sample, 0.0, sample.monotonic_ns, told)
        offered, without_link = self._grown(before, sample)
        if sent != self._sent:
            self._sent, self.progress_ns, self.unsent = sent, sample.monotonic_ns, 0
            self.began_ns = self.began_ns or sample.monotonic_ns
            for signal in ("tx_progress", "link"):
                self._signs.pop(signal, None)
            return None
        self.unsent += offered
        # Judged when frames are offered alone: a port of which nobody wants anything is idle.
        now, told = sample.monotonic_ns, self._unsent_told()
        alarms = [
            self._note("link", now, f"its link is down; {told}") if without_link else None,
            self._note("tx_progress", now, told) if offered else None,
        ]
        return next((alarm for alarm in alarms if alarm is not None), None)

    def take_link(self, up: bool, now_ns: int) -> Alarm | None:
        """Looks at the state of the link, which idle ports have too."""
        if up:
            self._signs.pop("link", None)
            return None
        return self._note("link", now_ns, "its link is down")

    def take_silence(self, last_ns: int, now_ns: int, ended: str) -> Alarm | None:
        """Looks at how long ago an engine gave its last sign of life.

        ended: why it runs no more; "" when it runs
        """
        limit = self._limits.get("keep_alive")
        if limit is None:
            return None
        seconds = max(0.0, (now_ns - max(last_ns, self._from_ns)) / 1e9)
        if ended:
            return Alarm("keep_alive", seconds, limit, last_ns, f"its engine has ended: {ended}")
        if seconds < limit or now_ns < self._grace_ns:
            return None
        said = f"its engine gave no sign of life for {plain(seconds, 3)} s (limit {plain(limit)} s)"
        return Alarm("keep_alive", seconds, limit, last_ns, said)

    # Within

    def _note(self, signal: Signal, now_ns: int, what: str) -> Alarm | None:
        """Notes a sign; an alarm when it has been there for too long."""
        limit = self._limits.get(signal)
        if limit is None:
            return None
        sign = self._signs.get(signal)
        if sign is None:
            self._signs[signal] = _Sign(now_ns)
            return None
        sign.samples += 1
        seconds = (now_ns - sign.since_ns) / 1e9
        if sign.samples < FEWEST or seconds < limit or now_ns < self._grace_ns:
            return None
        said = f"port {self._port}: {what}, for {plain(seconds, 3)} s (limit {plain(limit)} s)"
        return Alarm(signal, seconds, limit, sign.since_ns, said)

    def _alarm(
        self, signal: Signal, sample: Sample, seconds: float, since_ns: int, what: str
    ) -> Alarm | None:
        limit = self._limits.get(signal)
        if limit is None or sample.monotonic_ns < self._grace_ns:
            return None
        return Alarm(signal, seconds, limit, since_ns, f"port {self._port}: {what}")

    def _count(self, sample: Sample, counter: str, of: str = "port") -> int | None:
        """None: it cannot be read, or is no count."""
        at = sample.schema.index.get(f"{of}/{self._port}/{counter}")
        if at is None:
            return None
        value = int(sample.values[at])
        return None if value == MISSING or no_count(value, "packets") else value

    def _unreadable(self, sample: Sample) -> str:
        """Why counters, or what the driver shows, cannot be believed; "" when they can."""
        index, is_there = sample.schema.index, False
        for of in ("port", "driver"):
            for counter in READ:
                at = index.get(f"{of}/{self._port}/{counter}")
                if at is None:
                    continue
                is_there, value = True, int(sample.values[at])
                if value == MISSING:
                    return "its counters could not be read"
                if not_one := no_count(value, "packets"):
                    return f"{counter} stands at {value:#x}, {not_one}"
        return "" if is_there else "it is not there any more"

    def _said(self, sample: Sample, counter: str) -> int | None:
        """What the driver counts, of which the lab may have its own (driver/PORT/...)."""
        shown = self._count(sample, counter, "driver")
        return self._count(sample, counter) if shown is None else shown

    def _told_by_driver(self, before: Sample, sample: Sample) -> str:
        for counter in SAID_BY_DRIVER:
            then, now = self._said(before, counter), self._said(sample, counter)
            if then is not None and now is not None and now > then:
                return f"its driver says so: {counter} grew from {then:,} to {now:,}"
        return ""

    def _unsent_told(self) -> str:
        return f"{self.unsent:,} frames were offered and none was sent ({SENT} {self._sent:,})"

    def _grown(self, before: Sample, sample: Sample) -> tuple[int, int]:
        """Frames that were offered between two samples, and those of them without a link."""
        offered = without_link = 0
        for place in self._nodes_in(sample.schema):
            name = sample.schema.names[place]
            then = before.schema.index.get(name)
            if then is None:  # its path has just begun
                continue
            # A path that was run again counts from 0.
            offered += max(0, int(sample.values[place + 1]) - int(before.values[then + 1]))
            refused = _refused(sample, place) - _refused(before, then)
            without_link += max(0, refused)
        return offered, without_link

    def _nodes_in(self, schema: Schema) -> list[int]:
        """Where the counters of nodes that offer frames begin: calls, objects, cycles."""
        if self._places is None or self._places[0] is not schema:
            names = (f"{node}/calls" for node in self._tx_nodes())
            places = [schema.index[name] for name in names if name in schema.index]
            self._places = schema, places
        return self._places[1]


def _refused(sample: Sample, place: int) -> int:
    """Frames of a node that found no link."""
    outputs: Mapping[int, Mapping[str, int]] = getattr(sample, "outputs", {})
    return sum(outputs.get(place, {}).get(name, 0) for name in WITHOUT_LINK)
