# SPDX-License-Identifier: BSD-3-Clause
"""The thread behind a pair: it reads what is recorded, decides, and switches."""

import threading
import time

from labkit.errors import LabError
from labkit.lab.lab import Lab
from labkit.lab.port import Port
from labkit.pairs.board import Board
from labkit.pairs.link_look import LinkLook
from labkit.pairs.numbers import FlowNumbers, flow_numbers
from labkit.pairs.reigns import Reigns
from labkit.pairs.repointing import check_can_switch, switch, tx_nodes
from labkit.pairs.restoring import Restoring
from labkit.pairs.side import Recorded, Side
from labkit.pairs.signs import Alarm, Signs
from labkit.pairs.stitching import Stitched
from labkit.pairs.switching import Switch
from labkit.pairs.watchdog import Watchdog
from labkit.sources import Sample
from labkit.units import plain

NS = 1e9
BEHIND = ("port/*", "path/*")  # counters of an engine that stands behind a port
SETTLED_NS = round(1e9)  # after the first frame, when what was passed over is known
SLOWEST_LINK_LOOK = 0.1  # seconds
LOST_SECONDS = 5.0  # at least, after which an engine is said to be silent that nothing can replace
END_SECONDS = 10.0


class Guard:
    """Watches main, and makes switches.

    Attributes
    ----------
    board: what the pair does, for who asks
    main, backup: the two sides
    switches, failures: so far
    is_ready: whether the backup can be main
    """

    def __init__(
        self, main: Port, backup: Port, behind: dict[Port, Lab], watchdog: Watchdog
    ) -> None:
        self.lab: Lab = main.lab
        check_can_switch(self.lab, main, backup)
        self.watchdog = watchdog
        self.switches: list[Switch] = []
        self.failures: dict[str, int] = {}
        self.board = Board()
        self.is_ready = True
        self.is_rehearsal = False
        own = tuple(f"port/{port.name}/*" for port in (main, backup))
        labs = dict.fromkeys(behind.values(), BEHIND) | {self.lab: own}
        self._recorded = {lab: Recorded(lab, watchdog.hz, names) for lab, names in labs.items()}
        self.main, self.backup = (
            Side(port, behind[port], self._recorded[behind[port]]) for port in (main, backup)
        )
        self._own = self._recorded[self.lab]
        now = time.monotonic_ns()
        self._signs = self._new_signs(now, None)
        self.reigns = Reigns(self.main, now)
        self.restoring = Restoring(self.board)
        self._numbers: FlowNumbers | None = None  # of flows, when the last switch was decided
        limit = watchdog.limits.get("link")
        self._link_look = None
        if limit is not None:
            self._link_look = LinkLook(lambda: self.main.port, max(limit / 2, SLOWEST_LINK_LOOK))
        self._link_told: tuple[Port, bool] | None = None
        self._pid = 0  # of the engine that has both ports
        self._thread = threading.Thread(target=self._run, name="labkit-failover", daemon=True)

    def start(self) -> None:
        """Begins to record and to watch."""
        for recorded in self._recorded.values():
            recorded.open()
        self._pid = self.lab.pid
        if self._link_look is not None:
            self._link_look.start()
        self._thread.start()

    # For who asks

    def ask_for_switch(self) -> int:
        """Has the thread switch when it can; the number that the switch will have."""
        self.board.check()
        if self.board.state == "stopped":
            raise LabError("this pair is watched no more; lk.failover() begins anew")
        self.board.is_asked = True
        return len(self.switches) + 1

    def stitched(self) -> Stitched:
        """The role's counters so far."""
        names = sorted((self.main.name, self.backup.name))
        epochs = self.reigns.epochs()
        return Stitched(f"main of {names[0]} and {names[1]}", self.watchdog.hz, epochs)

    def has_sent_since(self, when_ns: int) -> bool:
        """Whether main was seen to send after a time."""
        return (self._signs.progress_ns or 0) > when_ns

    def stop(self) -> None:
        """Ends the thread, and a restart under way."""
        self.board.ends.set()
        if self._link_look is not None:
            self._link_look.stop()
        threads = [thread for thread in (self._thread, self.restoring.thread) if thread is not None]
        for thread in threads:
            if thread.is_alive():
                thread.join(END_SECONDS)
        self.restoring.end_fault()
        for recorded in self._recorded.values():
            recorded.close()
        self.board.become("stopped")
        if any(thread.is_alive() for thread in threads):
            raise LabError(
                f"the watch of the pair did not end within {END_SECONDS:g} s: an engine does not "
                "answer; lab.restart() ends it"
            )
        self.board.check()

    # In the thread

    def _run(self) -> None:
        try:
            while not self.board.ends.wait(self.watchdog.look_seconds):
                self._look()
        except Exception as error:
            self.board.fail(error)

    def _look(self) -> None:
        """At what was recorded since the last time."""
        new = {lab: recorded.read() for lab, recorded in self._recorded.items()}
        now = time.monotonic_ns()
        if self._is_lost(now):
            return
        alarm = self._judged(new[self.lab], now)
        self._follow(now)
        self.is_ready = self.is_ready or self.restoring.is_back(self.backup)
        self._look_after_backup(now)
        if self.is_ready and self.board.state in ("restoring", "alone"):
            self.board.become("watching")
        if self.board.is_asked and self.is_ready:
            self._switch(None)
            self.board.is_asked = False
        elif alarm is not None:
            self._hear(alarm, now)

    def _look_after_backup(self, now: int) -> None:
        """An engine that fails while it is backup is restarted too."""
        side, limit = self.backup, self.watchdog.limits.get("keep_alive")
        if not (self.is_ready and side.has_own_engine) or limit is None:
            return
        seconds = (now - side.recorded.last_ns) / NS
        if side.ended or seconds > limit:
            why = side.ended or f"it gave no sign of life for {plain(seconds, 3)} s"
            self.board.note(f"the engine behind the backup, port {side.name}, has failed: {why}")
            self.is_ready = False
            self.board.become("restoring")
            self.restoring.begin(side, None, None)

    def _judged(self, samples: list[Sample], now: int) -> Alarm | None:
        alarms = [self._signs.take(sample) for sample in samples]
        if self.main.has_own_engine:
            last = self.main.recorded.last_ns
            alarms.append(self._signs.take_silence(last, now, self.main.ended))
        told = self._link_look.told if self._link_look is not None else None
        if told is not None and told is not self._link_told and told[0] is self.main.port:
            self._link_told = told  # an answer counts once
            alarms.append(self._signs.take_link(told[1], now))
        return next((alarm for alarm in alarms if alarm is not None), None)

    def _is_lost(self, now: int) -> bool:
        """Whether the engine that has both ports is gone or gives no sign of life."""
        if self.lab.is_closed:
            self.board.note("the lab was closed")
            self.board.become("stopped")
            self.board.ends.set()
            return True
        silence = (now - self._own.last_ns) / NS
        is_silent = silence > max(self.watchdog.limits.get("keep_alive", 0.0), LOST_SECONDS)
        is_alive = self.lab.is_alive and not is_silent
        if is_alive and self.lab.pid == self._pid:
            if self.board.state != "lost":
                return False
            self.board.note("the engine of both ports is back")
            self._signs = self._new_signs(now, None)
            self.board.become("watching" if self.is_ready else "restoring")
            return False
        if is_alive and self._is_whole():
            self._pid = self.lab.pid
        if self.board.state != "lost":
            why = "is silent" if self.lab.is_alive else "has ended"
            self.board.note(
                f"the engine that has both ports {why}, so there is nothing to switch to; "
                "lab.restart() rebuilds it"
            )
            self.board.become("lost")
        return True

    def _is_whole(self) -> bool:
        """Whether an engine that was started anew has the lab's ports and paths again."""
        latest = self._own.latest
        nodes = [f"{node}/calls" for node in tx_nodes(self.lab, self.main.port)]
        return latest is not None and any(node in latest.schema.index for node in nodes)

    def _hear(self, alarm: Alarm, now: int) -> None:
        """Switches, unless there is no reason to believe that this helps."""
        if self.board.state == "halted":
            return
        if not self.is_ready or self.backup.ended:
            self.board.note(f"{alarm}; port {self.backup.name} cannot take over now")
            self.board.become("alone")
            return
        w = self.watchdog
        since = now - round(w.per * NS)
        recent = [s for s in self.switches if s.counts and s.times["decided"] > since]
        if len(recent) >= w.resets and not self.is_rehearsal:
            self.board.note(
                f"{alarm}; not switched: there were {len(recent)} fail-overs in {plain(w.per)} s, "
                f"and lk.Watchdog(resets={w.resets}) allows no more. Find out why both fail; "
                "switch() switches all the same"
            )
            self.board.become("halted")
            return
        self._switch(alarm)

    def _switch(self, alarm: Alarm | None) -> None:
        self.is_ready = False
        self.board.become("restoring")
        old, new = self.main, self.backup
        made = Switch(len(self.switches) + 1, old.name, new.name, alarm)
        made.counts = alarm is not None and not self.is_rehearsal
        times = made.times
        if alarm is not None:
            times["detected"] = time.monotonic_ns()
            if self.restoring.begun_ns is not None:
                times["fault begun"] = self.restoring.begun_ns
        if self._signs.progress_ns is not None:
            times["last frame"] = self._signs.progress_ns
        self._numbers = flow_numbers(self.lab)
        # The last row that was read whole: a later one may hold frames of either time.
        base = new.recorded.last_ns
        times["decided"] = decided = time.monotonic_ns()
        try:
            made.refused_frames = switch(self.lab, old.port, new.port)
        except LabError as error:
            self.board.note(f"not switched from {old.name} to {new.name}: {error}")
            self._signs = self._new_signs(decided, None)
            self.is_ready = True
            self.board.become("alone")
            return
        times["switched"] = time.monotonic_ns()
        if alarm is not None:
            self.failures[old.name] = self.failures.get(old.name, 0) + 1
            made.failures = self.failures[old.name]
        self._swap(made, base)

    def _swap(self, made: Switch, base: int) -> None:
        """Main is backup now, and is restarted.

        base: CLOCK_MONOTONIC, of the row that tells what the new main had counted before"""
        times = made.times
        self.main, self.backup = self.backup, self.main
        ended = self.reigns.end(times.get("last frame", times["decided"]), times["switched"])
        self.reigns.begin(self.main, self.restoring.restarts.get(self.main.name, 0), base)
        before = [s for s in self._own.samples[-20:] if s.monotonic_ns <= base]
        self._signs = self._new_signs(times["decided"], before[-1] if before else None)
        self.switches.append(made)
        self.restoring.begin(self.backup, made, ended)

    def _follow(self, now: int) -> None:
        """Completes what is known of the last switch."""
        if not self.switches:
            return
        made, began = self.switches[-1], self._signs.began_ns
        if "first frame" not in made.times and began is not None:
            made.times["first frame"] = self.reigns.last.from_ns = began
            self.board.tell()
        first = made.times.get("first frame")
        if self._numbers is None or first is None:
            return
        numbers = flow_numbers(self.lab)
        if numbers is not None and numbers.received > self._numbers.received:
            grown = numbers.since(self._numbers)
            made.gap_frames, made.duplicated_frames = grown.passed_over, grown.duplicated
        if now - first > SETTLED_NS:
            self._numbers = None

    def _new_signs(self, from_ns: int, before: Sample | None) -> Signs:
        port = self.main.port
        return Signs(self.watchdog, port.name, lambda: tx_nodes(self.lab, port), from_ns, before)
