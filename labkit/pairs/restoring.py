# SPDX-License-Identifier: BSD-3-Clause
"""The old main port after a switch: its fault ended, restarted, tried, and put back as backup."""

import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

from labkit.errors import LabError
from labkit.pairs.board import Board
from labkit.pairs.reigns import Reign
from labkit.pairs.side import Side
from labkit.pairs.switching import Switch

SOON_SECONDS = 0.02
CHECK_SECONDS = 5.0  # in which a link comes up
COUNT_SECONDS = 1.0  # for a row after a switch
RETRY_SECONDS = 1.0


class Restoring:
    """Restarts sides, each on a thread of its own: main is watched meanwhile.

    Attributes
    ----------
    begun_ns: CLOCK_MONOTONIC, when the fault of a rehearsal began; None: there is none
    back_ns: when the last side was put back
    restarts: how often each side was restarted, by its name
    thread: the last one
    """

    def __init__(self, board: Board) -> None:
        self.begun_ns: int | None = None
        self.back_ns = 0
        self.restarts: dict[str, int] = {}
        self.thread: threading.Thread | None = None
        self._board = board
        self._fault: AbstractContextManager[Any] | None = None
        self._ending = threading.Lock()

    def begin_fault(self, fault: AbstractContextManager[Any]) -> int:
        """Begins the fault of a rehearsal, which the restart ends; when (CLOCK_MONOTONIC)."""
        self._fault, self.begun_ns = fault, (begun := time.monotonic_ns())
        fault.__enter__()
        return begun

    def end_fault(self) -> None:
        """Ends it, once."""
        with self._ending:
            fault, self._fault, self.begun_ns = self._fault, None, None
            if fault is not None:
                fault.__exit__(None, None, None)

    def begin(self, side: Side, made: Switch | None, reign: Reign | None) -> None:
        """Restarts a side and puts it back.

        made, reign: the switch after which it is, and its time as main that ended then
        """
        self.back_ns = 0
        self.thread = threading.Thread(
            target=self._run,
            args=(side, made or Switch(0, side.name, "", None), reign),
            name="labkit-restart",
            daemon=True,
        )
        self.thread.start()

    def is_back(self, side: Side) -> bool:
        """Whether the last side was put back, and has been recorded since."""
        return 0 < self.back_ns < side.recorded.last_ns and not self._is_busy

    @property
    def _is_busy(self) -> bool:
        return self.thread is not None and self.thread.is_alive()

    def _run(self, side: Side, made: Switch, reign: Reign | None) -> None:
        if reign is not None:
            self._count_out(side, reign)
        self._try(side, made, side.empty, "its rings were not emptied")
        self._try(side, made, self.end_fault, "its fault did not end")
        while not self._restarted(side, made, reign):
            if self._board.ends.wait(RETRY_SECONDS):
                return
        if not self._sends(side, made):
            return
        self.back_ns = made.times["put back"] = time.monotonic_ns()
        self._board.tell()

    def _count_out(self, side: Side, reign: Reign) -> None:
        """Until a row tells all that it has sent as main, before it sends a probe: a row bears the
        time at which its reading began, and may end much later."""
        end = time.monotonic() + COUNT_SECONDS
        after = reign.until_ns or 0
        while side.recorded.last_ns <= after and time.monotonic() < end:
            if side.ended or self._board.ends.wait(0.002):
                return
        if side.recorded.last_ns > after:
            reign.until_ns = side.recorded.last_ns

    def _restarted(self, side: Side, made: Switch, reign: Reign | None) -> bool:
        if reign is not None and side.has_own_engine:
            reign.limit_ns = time.monotonic_ns()
        if not self._try(side, made, side.restart, "not restarted"):
            return False
        self.restarts[side.name] = self.restarts.get(side.name, 0) + 1
        made.times["restarted"] = time.monotonic_ns()
        return True

    def _sends(self, side: Side, made: Switch) -> bool:
        """Waits until it sends, for as long as the pair is watched."""
        begin = time.monotonic()
        while True:
            try:
                why = side.check_sends()
            except LabError as error:
                why = str(error).splitlines()[0]
            if not why:
                return True
            is_late = time.monotonic() - begin > CHECK_SECONDS
            if is_late:
                self._tell(side, made, f"not put back yet: {why}")
            if self._board.ends.wait(RETRY_SECONDS if is_late else SOON_SECONDS):
                return False

    def _try(self, side: Side, made: Switch, work: Callable[[], Any], what: str) -> bool:
        """Whether it was done; what keeps it is told."""
        try:
            said = work()
        except Exception as error:  # of a fault that others wrote, too
            why = str(error).splitlines()[0] if str(error) else repr(error)
            self._tell(side, made, f"{what}: {why}")
            return False
        if said:
            self._tell(side, made, said)
        return True

    def _tell(self, side: Side, made: Switch, text: str) -> None:
        if text not in made.notes:
            made.notes.append(text)
        self._board.note(f"port {side.name}: {text}")
