# SPDX-License-Identifier: BSD-3-Clause
"""Rules applied to what runs: sources of counters and of lines, judged every second."""

import threading
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, Self

from labkit.errors import LabError, TroubleFound
from labkit.sources import Engine, Ethtool, Source, SourceError, as_source
from labkit.sources.engine_log import EngineLog
from labkit.sources.journal import Journal
from labkit.sources.lines import LineSource
from labkit.text import shown
from labkit.trouble.evidence import Evidence
from labkit.trouble.finding import Finding
from labkit.trouble.judge import judge
from labkit.trouble.kernel_log import KernelLog
from labkit.trouble.live_counters import LiveCounters
from labkit.trouble.live_lines import LiveLines
from labkit.trouble.noticed import AllNoticed, Noticed
from labkit.trouble.rules import LEVELS
from labkit.trouble.watched import Judged, Watched, as_html, as_text
from labkit.units import plain

if TYPE_CHECKING:
    import pandas as pd

SECONDS = 1.0


class Watch:
    """Judges what runs, in the background; made by watch().

    A context manager: leaving it ends the watch. What goes wrong in the background, in `tell` too,
    is raised by what is asked next. In a notebook a panel that moves shows it.

    Attributes
    ----------
    state: "running", "stopped", or what ended it
    """

    def __init__(
        self,
        sources: Sequence[Source],
        logs: Sequence[LineSource],
        tell: Callable[[Finding], None] | None,
    ) -> None:
        self.state = "running"
        self._counters = [LiveCounters(source) for source in sources]
        self._logs = [LiveLines(log) for log in logs]
        self._live: tuple[LiveCounters | LiveLines, ...] = (*self._counters, *self._logs)
        self._tell = tell
        self._noticed = AllNoticed()
        self._since = self._until = time.time()
        self._error: Exception | None = None
        self._listeners: list[Callable[[], None]] = []
        self._changed = threading.Condition()
        self._ends = threading.Event()
        self._thread = threading.Thread(target=self._run, name="labkit-trouble", daemon=True)
        with ExitStack() as undo:
            for live in self._live:
                undo.enter_context(live.source)
            undo.pop_all()
        self._thread.start()

    @property
    def noticed(self) -> dict[tuple[str, str], Noticed]:
        """What was found since it began, by rule and device; of what came again, the latest."""
        with self._changed:
            return dict(self._noticed.latest)

    @property
    def findings(self) -> list[Finding]:
        """What is the matter now, most certain first."""
        self._check()
        now = time.time()
        there = [n.finding for n in self.noticed.values() if not n.is_over(now)]
        return sorted(there, key=Finding.order)

    @property
    def events(self) -> "pd.DataFrame":
        """All that was noticed, one row each: since, until, rule, level, device, title."""
        with self._changed:
            return self._noticed.table()

    @property
    def faults(self) -> dict[str, str]:
        """By source, why it cannot be read now."""
        return {live.source.label: live.fault for live in self._live if live.fault}

    @property
    def judged(self) -> Judged:
        """What was read and judged so far."""
        counters = [Watched(c.source.label, "reading", c.count, c.fault) for c in self._counters]
        lines = [
            Watched(log.source.label, "line", log.count, log.fault, log.told) for log in self._logs
        ]
        return Judged((*counters, *lines), self._since, self._until, self.state)

    def history(self) -> list[Noticed]:
        """All that was noticed, as it came."""
        with self._changed:
            return self._noticed.all()

    def check_healthy(self, level: str = "likely") -> None:
        """Raises TroubleFound where something was found since it began, this sure or surer, and
        LabError where a source cannot be read, so that nobody knows.

        level: "certain", "likely" or "possible"
        """
        if level not in LEVELS:
            raise LabError(f"level is {shown(level)}; it is one of {', '.join(LEVELS)}")
        self._check()
        sure = LEVELS[: LEVELS.index(level) + 1]
        found = [n for n in self.history() if n.finding.level in sure]
        if found:
            raise TroubleFound("\n".join(map(str, found)))
        if self.faults:
            told = "; ".join(f"{name}: {why}" for name, why in self.faults.items())
            raise LabError(f"nothing was found, but not all could be judged: {told}")
        if self._until == self._since:
            raise LabError("nothing was judged yet; give it some seconds")

    def wait(self, rule: str | None = None, timeout: float = 60.0) -> Finding:
        """The first finding of a rule, or of any; LabError when none comes in time."""
        end = time.monotonic() + timeout
        with self._changed:
            while True:
                self._check()
                for noticed in self._noticed.latest.values():
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
        if self.state == "running":
            self.state = "stopped"
        for live in self._live:
            live.source.close()
        self._tell_listeners()
        self._check()

    def attach(self, listener: Callable[[], None]) -> None:
        """Has it called in the watch's thread after every judgement, and when the watch ends."""
        self._listeners.append(listener)

    def detach(self, listener: Callable[[], None]) -> None:
        """Ends that."""
        if listener in self._listeners:
            self._listeners.remove(listener)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def __repr__(self) -> str:
        return as_text(self.history(), self.judged)

    def _repr_html_(self) -> str:
        return as_html(self.history(), self.judged)

    # In its thread

    def _run(self) -> None:
        try:
            while not self._ends.wait(SECONDS):
                for live in self._live:
                    live.read()
                self._judge()
                self._tell_listeners()
        except Exception as error:  # raised where somebody asks
            with self._changed:
                self._error = error
                self.state = f"the watch has ended: {error!r}"
                self._changed.notify_all()
            self._tell_listeners()

    def _tell_listeners(self) -> None:
        for listener in tuple(self._listeners):
            listener()

    def _check(self) -> None:
        """Raises what ended the watch."""
        if self._error is not None:
            error, self._error = self._error, None
            raise LabError(f"the watch has ended: {error!r}") from error

    def _judge(self) -> None:
        evidence = Evidence()
        for live in self._live:
            for item in live.items():
                evidence.add(item)
        found, now = judge(evidence), time.time()
        with self._changed:
            news = self._noticed.take(found, now)
            self._until = now
            if news:
                self._changed.notify_all()
        if self._tell is not None:
            for finding in news:
                self._tell(finding)


def watch(
    *sources: Any,
    kernel_log: bool | None = None,
    tell: Callable[[Finding], None] | None = None,
) -> Watch:
    """Judges what runs, every second, by the rules that files are judged by.

    sources: a lab with its engine's log, lk.sources.Telemetry(...) of another DPDK application, a
        kernel interface by its name, any other source, and logs: lk.sources.Journal() or
        lk.sources.LogFile(...)
    kernel_log: whether to read the kernel's log too; None: where that is allowed, and no journal
        among the sources has its lines
    tell: called in the watch's thread with each finding that is new, or surer than before

    Raises SourceError for a source that there is not, and where the kernel's log may not be read.
    """
    if not sources:
        raise LabError('name what to watch: lk.trouble.watch(lab, "eth0")')
    if tell is not None and not callable(tell):
        raise LabError(f"tell is {shown(tell)}; it is called with each finding")
    logs = [source for source in sources if isinstance(source, LineSource)]
    counted = [source for source in sources if not isinstance(source, LineSource)]
    chosen = [Ethtool(s) if isinstance(s, str) else as_source(s) for s in counted]
    labs = dict.fromkeys(source.lab for source in chosen if isinstance(source, Engine))
    logs += [EngineLog(lab) for lab in labs]
    return Watch(chosen, logs + _kernel_log(kernel_log, logs), tell)


def _kernel_log(wanted: bool | None, logs: Sequence[LineSource]) -> list[LineSource]:
    """The kernel's log where it is to be read: its lines count once."""
    has_its_lines = any(isinstance(log, Journal) and log.has_kernel for log in logs)
    if wanted is False or (wanted is None and has_its_lines):
        return []
    if has_its_lines:
        raise LabError(
            "the journal has the kernel's lines, which would count twice; leave kernel_log out, or "
            'name a unit: lk.sources.Journal("app.service")'
        )
    log = KernelLog()
    try:
        log.open()
    except SourceError:
        if wanted:
            raise
        return []
    log.close()
    return [log]
