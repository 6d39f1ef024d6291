# SPDX-License-Identifier: BSD-3-Clause
"""Each signal of a watchdog, by samples that are made up: what is a failure, and what is none."""

from typing import Any

import numpy as np
import pytest

import labkit as lk
from labkit.packet.codec import EDGES
from labkit.pairs.signs import Alarm, Signs
from labkit.sources import MISSING, Sample, Schema
from labkit.sources.recorder_memory import EngineSample

STEP = 10_000_000  # ns
NODE = "path/line/tx:a"
NAMES = (
    "port/a/tx_good_packets",
    "port/a/wd_expired",
    *(f"{NODE}/{what}" for what in ("calls", "objects", "cycles")),
)
WATCHDOG = lk.Watchdog(tx_progress=0.05, keep_alive=0.05, admin=0.05, link=0.05)


class Course:
    """Samples 10 ms apart, by what is offered and sent in each step."""

    def __init__(self, watchdog: lk.Watchdog = WATCHDOG) -> None:
        self.signs = Signs(watchdog, "a", lambda: [NODE], 0)
        self.schema = Schema.of(NAMES)
        self.now = self.sent = self.offered = self.expired = self.refused = 0
        self.alarms: list[Alarm] = []

    def go(
        self, steps: int, offered: int = 0, sent: int = 0, refused: int = 0, **values: int
    ) -> "Course":
        for _ in range(steps):
            self.now += STEP
            self.offered += offered
            self.sent += sent
            self.refused += refused
            counts: list[Any] = [self.sent, self.expired, 1, self.offered, 1]
            counts[0] = values.get("reads", counts[0])
            alarm = self.signs.take(self._sample(counts))
            self.alarms += [alarm] if alarm else []
        return self

    def _sample(self, counts: list[Any]) -> Sample:
        edge = list(EDGES).index("drop_tx_link_down")
        flows = np.array([[edge << 32 | 2, self.refused]], np.uint64)
        values = np.array(counts, np.uint64)
        return EngineSample(self.now, self.now, values, self.schema, 0, flows)


def test_what_is_sent_is_no_stall() -> None:
    assert Course().go(100, offered=10, sent=10).alarms == []


def test_a_port_that_sends_a_little_is_no_stall() -> None:
    course = Course()
    for _ in range(20):
        course.go(4, offered=10).go(1, offered=10, sent=1)
    assert course.alarms == []


def test_an_idle_port_is_no_stall() -> None:
    assert Course().go(10, offered=5, sent=5).go(1000).alarms == []


def test_a_burst_that_was_refused_before_it_went_idle_is_no_stall() -> None:
    """Nobody wants anything of it any more, and so nobody can say that it stalls."""
    assert Course().go(10, offered=5, sent=5).go(1, offered=3).go(1000).alarms == []


def test_a_stall_is_told_with_its_numbers() -> None:
    course = Course().go(10, offered=5, sent=5).go(8, offered=7)
    alarm = course.alarms[0]
    assert (alarm.signal, alarm.limit, alarm.since_ns) == ("tx_progress", 0.05, 11 * STEP)
    assert alarm.seconds == pytest.approx(0.05)
    assert course.signs.progress_ns == 10 * STEP
    assert "42 frames were offered and none was sent (tx_good_packets 50)" in alarm.said
    assert "0.05 s (limit 0.05 s)" in alarm.said


def test_slow_traffic_stalls_too() -> None:
    course = Course().go(10, offered=1, sent=1)
    for _ in range(3):
        course.go(1, offered=1).go(9)
    assert [alarm.signal for alarm in course.alarms] == ["tx_progress"] * 2


def test_one_sample_is_not_enough() -> None:
    limits = lk.Watchdog(tx_progress=0.005, keep_alive=None, admin=None, link=None)
    assert Course(limits).go(5, offered=1, sent=1).go(1, offered=9).alarms == []


def test_without_a_link() -> None:
    limits = lk.Watchdog(tx_progress=None, keep_alive=None, admin=None, link=0.05)
    course = Course(limits).go(5, offered=1, sent=1).go(7, offered=4, refused=4)
    assert [alarm.signal for alarm in course.alarms] == ["link"] * 2
    assert "its link is down; 24 frames were offered" in course.alarms[0].said
    full = Course(limits).go(5, offered=1, sent=1).go(20, offered=4)
    assert full.alarms == []  # it is not its link


def test_the_link_of_an_idle_port() -> None:
    signs = Course().go(5).signs
    assert signs.take_link(False, 6 * STEP) is None
    assert signs.take_link(True, 7 * STEP) is None
    assert signs.take_link(False, 8 * STEP) is None
    alarm = signs.take_link(False, 14 * STEP)
    assert alarm is not None
    assert alarm.signal == "link"


@pytest.mark.parametrize("value", [MISSING, 0x7F2E_5BC0_1AE8], ids=["missing", "address"])
def test_counters_that_cannot_be_read(value: int) -> None:
    course = Course().go(5, offered=1, sent=1).go(4, offered=1, sent=1, reads=value)
    assert course.alarms == []
    course.go(3, offered=1, sent=1, reads=value)
    assert {alarm.signal for alarm in course.alarms} == {"admin"}
    course.alarms.clear()
    assert course.go(50, offered=1, sent=1).alarms == []


def test_a_driver_says_it_itself() -> None:
    course = Course().go(5, offered=1, sent=1)
    course.expired += 1
    (alarm,) = course.go(5, offered=1, sent=1).alarms
    assert (alarm.signal, alarm.seconds) == ("keep_alive", 0.0)
    assert "wd_expired grew from 0 to 1" in alarm.said


def test_an_engine_that_is_silent() -> None:
    signs = Course().go(5, offered=1, sent=1).signs
    assert signs.take_silence(5 * STEP, 9 * STEP, "") is None
    alarm = signs.take_silence(5 * STEP, 10 * STEP, "")
    assert alarm is not None
    assert (alarm.signal, alarm.seconds, alarm.since_ns) == ("keep_alive", 0.05, 5 * STEP)
    ended = signs.take_silence(5 * STEP, 6 * STEP, "its process is gone")
    assert ended is not None
    assert "its process is gone" in ended.said


def test_grace() -> None:
    limits = lk.Watchdog(tx_progress=0.05, grace=0.2)
    course = Course(limits).go(5, offered=1, sent=1).go(13, offered=1)
    assert course.alarms == []
    assert course.go(3, offered=1).alarms[0].seconds == pytest.approx(0.14)


def test_a_signal_without_a_limit_is_not_looked_at() -> None:
    only = lk.Watchdog(tx_progress=None, keep_alive=None, link=None, admin=3)
    course = Course(only).go(5, offered=1, sent=1)
    course.expired += 1
    assert course.go(100, offered=1).alarms == []
    assert course.signs.take_silence(0, 10**12, "gone") is None
    assert course.signs.take_link(False, 10**12) is None
