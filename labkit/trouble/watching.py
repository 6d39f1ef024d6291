# SPDX-License-Identifier: BSD-3-Clause
"""Rules applied to what runs: sources of counters and the kernel's log, judged every second."""

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Self

from labkit.errors import LabError
from labkit.sources import Ethtool, Sample, Source, SourceError, as_source
from labkit.text import Html, html_table, shown
from labkit.trouble.evidence import Evidence, Moment, Place
from labkit.trouble.finding import Finding
from labkit.trouble.judge import judge
from labkit.trouble.kernel_log import KernelLog
from labkit.trouble.moments import Dater
from labkit.trouble.readers.logs import of_lines
from labkit.trouble.recorded import readings_of
from labkit.units import plain

SECONDS = 1.0
AGES = (1.0, 5.0, 15.0, 60.0)  # of the readings that the newest one is compared with
EVENT_SECONDS = 600.0
MOST_EVENTS = 5000
FORGOTTEN_SECONDS = 120.0  # a finding that nothing has shown for so long is over


@dataclass(frozen=True)
class Noticed:
    """A finding of what runs, and when it was there.

    Attributes
    ----------
    since, until: seconds since the epoch; until is when it was seen last
    """

    finding: Finding
    since: float
    until: float

    def __str__(self) -> str:
        return f"since {datetime.fromtimestamp(self.since, UTC):%H:%M:%S} UTC: {self.finding}"


class Watch:
    """Judges what runs, in the background; made by watch().

    A context manager: leaving it ends the watch. What goes wrong in the background, in `tell` too,
    is raised by what is asked next. `faults` tells of sources that do not answer.

    Attributes
    ----------
    noticed: all that was found since it began, by rule and device
    faults: by source, why it cannot be read now
    """

    def __init__(
        self,
        sources: Sequence[Source],
        log: KernelLog | None,
        tell: Callable[[Finding], None] | None,
    ) -> None:
        self.noticed: dict[tuple[str, str], Noticed] = {}
        self.faults: dict[str, str] = {}
        self._sources, self._log, self._tell = list(sources), log, tell
        self._samples: list[deque[Sample]] = [deque() for _ in sources]
        self._lines = 0  # of the kernel's log, so far
        self._evidence: deque[tuple[float, Any]] = deque(maxlen=MOST_EVENTS)
        self._dater = Dater(datetime.now(UTC))
        self._error: Exception | None = None
        self._changed = threading.Condition()
        self._ends = threading.Event()
        self._thread = threading.Thread(target=self._run, name="labkit-trouble", daemon=True)
        opened: list[Source] = []
        try:
            for source in self._sources:
                opened.append(source.open())
        except BaseException:
            for source in opened:
                source.close()
            if log is not None:
                log.close()
            raise
        self._thread.start()

    @property
    def findings(self) -> list[Finding]:
        """What is the matter now, most certain first."""
        self._check()
        now = time.time()
        with self._changed:
            there = [n.finding for n in self.noticed.values() if now - n.until < FORGOTTEN_SECONDS]
        return sorted(there, key=Finding.order)

    def wait(self, rule: str | None = None, timeout: float = 60.0) -> Finding:
        """The first finding of a rule, or of any; LabError when none comes in time."""
        end = time.monotonic() + timeout
        with self._changed:
            while True:
                self._check()
                for noticed in self.noticed.values():
                    if rule in (None, noticed.finding.id):
                        return noticed.finding
                left = end - time.monotonic()
                if left <= 0 or not self._thread.is_alive():
                    what = "nothing" if rule is None else f"nothing of {rule!r}"
                    raise LabError(f"{what} was found within {plain(timeout)} s")
                self._changed.wait(left)

    def stop(self) -> None:
        """Ends it. What was noticed stays readable."""
        if self._ends.is_set():
            return
        self._ends.set()
        self._thread.join()
        for source in self._sources:
            source.close()
        if self._log is not None:
            self._log.close()
        self._check()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def __repr__(self) -> str:
        told = "\n".join(map(str, self.noticed.values())) or "nothing was found so far"
        faults = "".join(f"\n{name}: {why}" for name, why in self.faults.items())
        return f"<Watch of {', '.join(s.label for s in self._sources)}>\n{told}{faults}"

    def _repr_html_(self) -> str:
        rows = [
            (
                f"{datetime.fromtimestamp(n.since, UTC):%H:%M:%S}",
                *(n.finding.level, n.finding.title, n.finding.device, n.finding.remedy),
            )
            for n in self.noticed.values()
        ]
        head = ("since, UTC", "level", "finding", "device", "remedy")
        return html_table(head, rows) if rows else Html("<p>nothing was found so far</p>")

    # In its thread

    def _run(self) -> None:
        try:
            while not self._ends.wait(SECONDS):
                self._read()
                self._judge()
        except Exception as error:  # raised where somebody asks
            with self._changed:
                self._error = error
                self._changed.notify_all()

    def _check(self) -> None:
        """Raises what ended the watch."""
        if self._error is not None:
            error, self._error = self._error, None
            raise LabError(f"the watch has ended: {error!r}") from error

    def _read(self) -> None:
        for source, kept in zip(self._sources, self._samples, strict=True):
            try:
                sample = source.sample()
            except SourceError as error:
                sample, why = None, str(error)
            else:
                why = source.reason
            if sample is None:
                self.faults[source.label] = why
                continue
            self.faults.pop(source.label, None)
            if kept and kept[-1].schema is not sample.schema:
                kept.clear()  # its counters began anew
            kept.append(sample)
            while time.monotonic() - kept[0].monotonic_ns / 1e9 > AGES[-1] + 2 * SECONDS:
                kept.popleft()
        if self._log is not None:
            now = time.monotonic()
            lines = self._log.read()
            for item in of_lines(lines, "kernel log", self._lines + 1, self._dater):
                self._evidence.append((now, item))
            self._lines += len(lines)
            while self._evidence and now - self._evidence[0][0] > EVENT_SECONDS:
                self._evidence.popleft()

    def _judge(self) -> None:
        evidence = Evidence()
        for _, item in self._evidence:
            evidence.add(item)
        for source, samples in zip(self._sources, self._samples, strict=True):
            device = source.interface if isinstance(source, Ethtool) else ""
            for sample in _spread(samples):
                moment = Moment("wall", sample.time_ns / 1e9)
                for reading in readings_of(sample, Place(source.label), device, moment):
                    evidence.add(reading)
        found, now, news = judge(evidence), time.time(), []
        with self._changed:
            for finding in found:
                key = finding.id, finding.device
                before = self.noticed.get(key)
                since = now if before is None else before.since
                self.noticed[key] = Noticed(finding, since, now)
                if before is None or before.finding.level != finding.level:
                    news.append(finding)
            if news:
                self._changed.notify_all()
        if self._tell is not None:
            for finding in news:
                self._tell(finding)


def _spread(samples: Sequence[Sample]) -> list[Sample]:
    """The newest, and those before it that are about so old as AGES, oldest first."""
    if not samples:
        return []
    newest = samples[-1]
    chosen = {id(newest): newest}
    for age in AGES:
        wanted = newest.monotonic_ns - age * 1e9
        near = min(samples, key=lambda sample: abs(sample.monotonic_ns - wanted))
        chosen[id(near)] = near
    return sorted(chosen.values(), key=lambda sample: sample.monotonic_ns)


def watch(
    *sources: Any,
    kernel_log: bool | None = None,
    tell: Callable[[Finding], None] | None = None,
) -> Watch:
    """Judges what runs, every second, by the rules that files are judged by.

    sources: a lab, lk.sources.Telemetry(...) of another DPDK application, a kernel interface by its
        name, or any other source
    kernel_log: whether to read the kernel's log too; None: where that is allowed
    tell: called in the watch's thread with each finding that is new, or of another level

    Raises SourceError for a source that there is not, LabError where the log may not be read.
    """
    if not sources:
        raise LabError('name what to watch: lk.trouble.watch(lab, "eth0")')
    if tell is not None and not callable(tell):
        raise LabError(f"tell is {shown(tell)}; it is called with each finding")
    chosen = [Ethtool(s) if isinstance(s, str) else as_source(s) for s in sources]
    log = None
    if kernel_log is not False:
        try:
            log = KernelLog()
        except LabError:
            if kernel_log:
                raise
    return Watch(chosen, log, tell)
