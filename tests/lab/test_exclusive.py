# SPDX-License-Identifier: BSD-3-Clause
"""Measurements run one at a time, and clean up whatever interrupts them."""

import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from labkit.errors import LabError
from labkit.lab import exclusive as measuring
from labkit.lab.exclusive import Interrupted, Pause, check_idle, measure
from labkit.progress import progress_bar
from tests.interrupts import interrupts
from tests.patience import wait_until


class Engine:
    """All that a measurement wants of an engine: that there is one, and that it gets on."""

    busy_seconds = 0.0
    hung = None


def pauses(pause: Pause) -> None:
    while True:
        pause(0.01)


def is_idle(engine: Any) -> bool:
    try:
        check_idle(engine)
    except LabError:
        return False
    return True


def test_result_and_error() -> None:
    engine: Any = Engine()
    assert measure(engine, "a trial", lambda pause: pause(0.01) or 7) == 7  # type: ignore[func-returns-value]
    with pytest.raises(ZeroDivisionError):
        measure(engine, "a trial", lambda _: 1 / 0)
    check_idle(engine)


def cleaning(seconds: float, done: list[threading.Thread]) -> Callable[[Pause], None]:
    """Work without end that cleans up for a while, and tells on which thread."""

    def work(pause: Pause) -> None:
        try:
            pauses(pause)
        except Interrupted:
            time.sleep(seconds)
            done.append(threading.current_thread())
            raise

    return work


def test_interrupts_wait_for_the_cleaning_up() -> None:
    engine: Any = Engine()
    done: list[threading.Thread] = []
    with interrupts(0.05, *[0.02] * 8), pytest.raises(KeyboardInterrupt):
        measure(engine, "a trial", cleaning(0.3, done))
    assert done
    assert done[0] is not threading.main_thread()
    check_idle(engine)


def test_interrupts_at_any_time_wait_for_the_cleaning_up() -> None:
    """The second strikes in the steps between one wait and the next, too."""
    engine: Any = Engine()
    done: list[threading.Thread] = []
    for number in range(100):
        with interrupts(0.002, 1e-6 * number), pytest.raises(KeyboardInterrupt):
            measure(engine, "a trial", cleaning(0.02, done))
        assert len(done) == number + 1
        check_idle(engine)


def test_one_that_is_stuck_is_told_of(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measuring, "CLEANUP_SECONDS", 0.2)
    engine: Any = Engine()
    answers = threading.Event()

    with interrupts(0.05), pytest.raises(KeyboardInterrupt) as raised:
        measure(engine, "a trial", lambda _: answers.wait())
    assert "a trial still cleans up; lab.restart()" in raised.value.__notes__[0]
    with pytest.raises(LabError, match="a trial is running in this lab"):
        measure(engine, "lk.echo", pauses)
    answers.set()
    wait_until(lambda: is_idle(engine))
    assert measure(engine, "lk.echo", lambda _: 1) == 1


def test_an_interrupted_bar_holds_up_no_other() -> None:
    """tqdm's own lock is kept by a thread that an exception takes out of a bar."""
    bar = progress_bar(total=3)
    bar.get_lock().acquire()
    made = threading.Thread(target=lambda: progress_bar(total=3, disable=True), daemon=True)
    made.start()
    made.join(60)
    assert not made.is_alive()
    bar.close()
