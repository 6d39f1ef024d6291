# SPDX-License-Identifier: BSD-3-Clause
"""Interrupts of tests strike labkit, and neither the test nor what Python drops exceptions of."""

import gc
import signal
import time
import weakref
from collections.abc import Callable, Iterator

import pytest

from labkit import units
from tests.interrupts import interrupts

WHILE = 0.02


def spin(seconds: float = WHILE) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        pass


def product(work: Callable[[], object]) -> None:
    """Does the work while code of labkit is on the stack."""
    code = compile("def call(work): work()", units.__file__, "exec")
    exec(code, names := {})
    names["call"](work)


def test_strikes_in_labkit_alone() -> None:
    with interrupts(0.001) as alarm:
        spin()
        assert alarm.count == 0
        assert alarm.is_pending
        with pytest.raises(KeyboardInterrupt):
            product(spin)
        assert alarm.count == 1
        assert not alarm.is_pending


def test_strikes_again_while_the_first_is_cleaned_up_after() -> None:
    def work() -> None:
        try:
            spin()
        finally:
            spin()

    with interrupts(0.001, 0.001) as alarm, pytest.raises(KeyboardInterrupt) as caught:
        product(work)
    assert alarm.count == 2
    assert isinstance(caught.value.__context__, KeyboardInterrupt)


def test_leaves_the_runners_limit_of_time_alone() -> None:
    """It is the same timer: what was left of it goes on, and an interrupt is not taken for it."""
    told: list[int] = []
    handler = signal.signal(signal.SIGALRM, lambda number, _: told.append(number))
    limit = signal.setitimer(signal.ITIMER_REAL, 60)
    try:
        for _ in range(300):
            with interrupts(0.0001):
                spin(0.0003)
        assert not told
        assert 0 < signal.getitimer(signal.ITIMER_REAL)[0] < 60
    finally:
        signal.setitimer(signal.ITIMER_REAL, *limit)
        signal.signal(signal.SIGALRM, handler)


class Ends:
    def __del__(self) -> None:
        spin()


class Referred:
    pass


def ends_an_object() -> None:
    Ends()


def calls_back() -> None:
    referred = Referred()
    reference = weakref.finalize(referred, spin)
    del referred
    assert not reference.alive


def ends_a_generator() -> None:
    def generate() -> Iterator[int]:
        try:
            yield 1
        finally:
            spin()

    next(generate())


@pytest.mark.parametrize("work", [ends_an_object, calls_back, ends_a_generator])
def test_what_python_drops_is_no_interrupt(work: Callable[[], None]) -> None:
    """It comes when that is over; pytest, which would fail the test, is told nothing."""

    def begin() -> None:
        work()
        spin()

    with interrupts(0.001) as alarm, pytest.raises(KeyboardInterrupt) as caught:
        product(begin)
    assert alarm.count == 1
    names = [entry.name for entry in caught.traceback]
    assert "spin" not in names or names[names.index("spin") - 1] == "begin"


def test_other_exceptions_that_python_drops_are_told_of(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Fails:
        def __del__(self) -> None:
            raise ValueError("told")

    told: list[object] = []
    monkeypatch.setattr("sys.unraisablehook", lambda args: told.append(args.exc_value))
    with interrupts(60):
        Fails()
        gc.collect()
    (error,) = told
    assert str(error) == "told"
