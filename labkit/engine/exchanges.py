# SPDX-License-Identifier: BSD-3-Clause
"""Commands and their answers: one at a time, each with a deadline, none for ever."""

import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from typing import Any

from labkit.engine import protocol
from labkit.engine.command_calls import CLEANS, SECONDS, UNDONE_BY
from labkit.errors import EngineHung, LabClosed

Answer = tuple[protocol.Message, list[str]]
Exchange = Callable[[str, Sequence[int], dict[str, Any]], Answer]

LOOK_SECONDS = 0.5  # who waits looks that often what it waits for
LAST_LOOK_SECONDS = 0.2  # an answer may have come while this process stood still
PATIENCE_SECONDS = 5.0  # with a command nobody waits for, of who waits behind it


@dataclass(eq=False)
class Order:
    """A command on its way.

    Attributes
    ----------
    seconds: how long the engine may take
    begun: when the engine was asked; None: others are before it
    left: when nobody waited for the answer any more; None: somebody does
    is_off: it is not to be done
    """

    command: str
    descriptors: Sequence[int]
    arguments: dict[str, Any]
    seconds: float
    begun: float | None = None
    left: float | None = None
    is_off: bool = False
    outcome: Answer | Exception | None = None
    answer: "SimpleQueue[Answer | Exception]" = field(default_factory=SimpleQueue)

    @property
    def due(self) -> float:
        """When its time is over, for who waits for it or behind it."""
        assert self.begun is not None
        end = self.begun + self.seconds
        return end if self.left is None else min(end, max(self.left, self.begun) + PATIENCE_SECONDS)


class Exchanges:
    """Runs commands in an engine, on a thread of its own: there an exchange comes to its end even
    when Ctrl-C ends the wait for it.

    An answer for which nobody waits any more is dropped, and what it would have given back is
    undone. While a command is overdue, others fail at once; those that clean up are done when the
    engine answers again.
    """

    def __init__(
        self,
        exchange: Exchange,
        hung: Callable[[Order, str], EngineHung],
        stands_still: Callable[[float], bool],
        seconds: Mapping[str, float],
    ) -> None:
        """exchange: asks and waits; hung: what to raise of an overdue command where another one was
        asked for; stands_still: whether a command that is so old cannot get on; seconds: deadlines
        other than the usual"""
        self._exchange = exchange
        self._hung = hung
        self._stands_still = stands_still
        self._seconds = {**SECONDS, **seconds}
        self._orders: SimpleQueue[Order | None] = SimpleQueue()
        # The garbage collector may close a forgotten lab on this very thread.
        self._ordering = threading.RLock()
        self._under_way: Order | None = None
        self._is_closed = False
        self._here = threading.local()
        self._thread = threading.Thread(target=self._run, name="labkit-engine", daemon=True)
        self._thread.start()

    @property
    def hung(self) -> EngineHung | None:
        """What is to be raised while a command is overdue; nothing is asked."""
        overdue = self._overdue()
        return None if overdue is None else self._hung(overdue, overdue.command)

    @property
    def busy_seconds(self) -> float:
        """Since when a command is under way; 0: there is none."""
        order = self._under_way
        return 0.0 if order is None or order.begun is None else time.monotonic() - order.begun

    @contextmanager
    def unawaited(self) -> Iterator[None]:
        """Commands of this thread are given meanwhile, and not waited for: they answer None. What
        cleans up after an interrupt must not wait for what was interrupted."""
        before = getattr(self._here, "waits", True)
        self._here.waits = False
        try:
            yield
        finally:
            self._here.waits = before

    def ask(self, command: str, descriptors: Sequence[int], arguments: dict[str, Any]) -> Any:
        """Runs a command and returns its answer. Raises EngineHung when its time is over, LabClosed
        when there are to be no more."""
        order = Order(command, (), arguments, self._seconds[command])
        waits = getattr(self._here, "waits", True)
        try:
            with self._ordering:
                if self._is_closed:
                    raise LabClosed
                overdue = self._overdue() if waits else None
                if overdue is None or command in CLEANS:
                    # Whose wait ends may close its descriptors before they are on their way.
                    order.descriptors = [os.dup(descriptor) for descriptor in descriptors]
                    self._orders.put(order)
            if overdue is not None:
                raise self._hung(overdue, command)
            return self._wait(order) if waits else None
        finally:
            self._leave(order)

    def close(self) -> None:
        """No order comes after this, so that each one gets its answer."""
        with self._ordering:
            if not self._is_closed:
                self._is_closed = True
                self._orders.put(None)

    def join(self, seconds: float) -> None:
        """Waits for the end of the thread."""
        # The garbage collector, which closes a forgotten lab, may run on any thread.
        if threading.current_thread() is not self._thread:
            self._thread.join(seconds)

    def _overdue(self) -> Order | None:
        order = self._under_way
        return order if order is not None and time.monotonic() > order.due else None

    def _wait(self, order: Order) -> Answer:
        # SimpleQueue is the one way to wait that KeyboardInterrupt leaves whole.
        while True:
            ahead = order if order.begun is not None else self._under_way
            due = ahead.due if ahead is not None and ahead.begun is not None else float("inf")
            left = min(due - time.monotonic(), LOOK_SECONDS)
            try:
                outcome = order.answer.get(timeout=max(left, LAST_LOOK_SECONDS))
            except Empty:
                if self._gets_on(ahead, order):
                    continue
                if order.begun is None and order.command not in CLEANS:
                    order.is_off = True
                assert ahead is not None
                raise self._hung(ahead, order.command) from None
            if isinstance(outcome, Exception):
                raise outcome
            return outcome

    def _gets_on(self, ahead: Order | None, order: Order) -> bool:
        """Whether there is still time for what is ahead, or it has been answered."""
        if ahead is None or ahead is not (order if order.begun is not None else self._under_way):
            return True
        age = time.monotonic() - (ahead.begun or 0.0)
        if self._stands_still(age):
            ahead.seconds = min(ahead.seconds, age)  # its time is over for all
        return time.monotonic() < ahead.due

    def _leave(self, order: Order) -> None:
        """Nobody waits for it from now on."""
        with self._ordering:
            order.left = time.monotonic()
            if order.outcome is not None and not order.answer.empty():
                self._undo(order)

    def _undo(self, order: Order) -> None:
        """Has taken back what an answer gives that nobody has."""
        undone_by = UNDONE_BY.get(order.command)
        if undone_by is None or self._is_closed or not isinstance(order.outcome, tuple):
            return
        command, parameter = undone_by
        if "result" in (reply := order.outcome[0]):
            arguments = {parameter: reply["result"]}
            undo = Order(command, (), arguments, self._seconds[command], left=time.monotonic())
            self._orders.put(undo)

    def _run(self) -> None:
        """The thread that talks to the engine, until it is told to end."""
        while (order := self._orders.get()) is not None:
            with self._ordering:
                if order.is_off:
                    for descriptor in order.descriptors:
                        os.close(descriptor)
                    continue
                order.begun = time.monotonic()
                self._under_way = order
            try:
                outcome: Answer | Exception = self._exchange(
                    order.command, order.descriptors, order.arguments
                )
            except Exception as error:  # whatever it is, whoever waits is told
                outcome = error
            with self._ordering:
                self._under_way = None
                order.outcome = outcome
                if order.left is not None:
                    self._undo(order)
                order.answer.put(outcome)
