# SPDX-License-Identifier: BSD-3-Clause
"""Clocks that jump are told, and do not turn the order of a log's lines around."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

import labkit as lk
from labkit.trouble.moments import Dater

ALIVE = "ena 0000:00:05.0 eth0: Keep alive watchdog timeout."
RESET = "ena 0000:00:05.0 eth0: Trigger reset is on"
DONE = "ena 0000:00:05.0 eth0: Device reset completed successfully"


def look(tmp_path: Path, *lines: str) -> tuple[dict[str, str], str]:
    """The levels of what is found in a log, and what is noted of it."""
    (tmp_path / "log").write_text("\n".join(lines) + "\n")
    case = lk.trouble.look(tmp_path / "log")
    notes = "\n".join(f"{note.place}: {note.text}" for note in case.notes)
    return {f.id: f.level for f in case.findings}, notes


def at(time: str, text: str, boot: float | None = None) -> str:
    own = "" if boot is None else f"[{boot:12.6f}] "
    return f"2026-05-09T{time}Z n1 kernel: {own}{text}"


def test_lines_stay_in_order_where_the_clock_went_back(tmp_path: Path) -> None:
    lines = [
        *(at("09:59:00", DONE), at("09:59:30", DONE), at("10:00:05", ALIVE)),
        *(at("09:58:01", RESET), at("09:58:04", DONE)),
    ]
    levels, notes = look(tmp_path, *lines)
    assert levels == {"keep-alive-lost": "certain"}
    assert "log:4: its times go back 1 time by 124.0 s; its lines are taken as they stand" in notes


def test_a_log_whose_newest_lines_stand_first_is_read_by_its_times(tmp_path: Path) -> None:
    lines = [at(f"10:00:{s:02}", text) for s, text in ((5, ALIVE), (7, RESET), (12, DONE))]
    levels, notes = look(tmp_path, *reversed(lines))
    assert levels == {"keep-alive-lost": "certain"}
    assert "its newest lines stand first" in notes


def test_what_was_before_a_boot_is_not_near_what_was_after_it(tmp_path: Path) -> None:
    lines = [
        *("[  100.0] " + DONE, "[ 9000.0] " + RESET, "[ 9001.0] " + RESET, "[    3.0] " + RESET),
        *("[    9.0] " + DONE, "[   12.0] " + DONE),
    ]
    levels, notes = look(tmp_path, *lines)
    assert "reset-loop" not in levels
    assert "log:4: the kernel's clock begins anew 1 time" in notes
    lockup = "watchdog: BUG: soft lockup - CPU#5 stuck for 22s! [java:4119]"
    late = "ena 0000:00:05.0 eth0: Found a Tx that wasn't completed on time, qid 5, index 31."
    other = ["[   1.0] " + DONE, "[   2.0] " + DONE, "[  40.0] " + lockup, "[   3.0] " + DONE]
    found, _ = look(tmp_path, *other, "[   4.0] " + DONE, "[  41.0] " + late)
    assert found == {"tx-completions-missing": "likely", "cpu-locked-up": "certain"}
    found, _ = look(tmp_path, *other, "[   4.0] " + DONE, "[  40.0] " + lockup, "[  41.0] " + late)
    assert found == {"poll-starvation": "likely", "cpu-locked-up": "certain"}
    levels, _ = look(tmp_path, *lines, "[ 13.0] " + RESET, "[ 14.0] " + RESET)
    assert levels["reset-loop"] == "certain"


def test_resets_of_two_files_are_compared_by_their_times(tmp_path: Path) -> None:
    """Given in the wrong order, they do not lie within minutes of each other."""
    (tmp_path / "1").write_text(at("10:00:00", RESET) + "\n")
    (tmp_path / "2").write_text(at("08:00:00", RESET) + "\n" + at("08:50:00", RESET) + "\n")
    case = lk.trouble.look(tmp_path / "1", tmp_path / "2")
    assert "reset-loop" not in {f.id for f in case.findings}


def test_what_two_logs_tell_is_counted_once(tmp_path: Path) -> None:
    """A journal, and the file that it was forwarded to in whole seconds."""
    times = ("10:00:00.400000", "10:05:00.400000")
    (tmp_path / "1").write_text("\n".join(at(time, RESET) for time in times) + "\n")
    (tmp_path / "2").write_text("\n".join(at(time[:8], RESET) for time in times) + "\n")
    case = lk.trouble.look(tmp_path / "1", tmp_path / "2")
    assert "reset-loop" not in {f.id for f in case.findings}
    (tmp_path / "2").write_text(at("10:06:00", RESET) + "\n")
    case = lk.trouble.look(tmp_path / "1", tmp_path / "2")
    assert {f.id: f.level for f in case.findings}["reset-loop"] == "certain"


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        # the machine was paused for ten minutes
        ([("09:00:00", 100), ("09:01:00", 160), ("09:12:00", 220), ("09:13:00", 280)], "600.0"),
        # lines that were written late, in one burst
        ([("09:00:00", 100), ("09:01:00", 160), ("09:02:24", 220), ("09:02:24", 223)], None),
        ([("09:00:00", 100), ("09:01:00", 160), ("09:02:24", 220), ("09:03:00", 280)], None),
        # the clock of the kernel drifts
        ([("09:00:00", 100), ("09:01:00", 160), ("21:00:07", 43300), ("21:01:07", 43360)], None),
        # all that was said while booting is written when syslog starts
        ([("09:00:20", 1), ("09:00:20", 9), ("09:00:21", 20), ("09:00:31", 30)], None),
        # another boot
        ([("09:00:00", 100), ("09:01:00", 160), ("09:12:00", 2), ("09:13:00", 62)], None),
    ],
)
def test_a_wall_clock_that_leaves_the_boot_clock(
    lines: list[tuple[str, float]], told: str | None, tmp_path: Path
) -> None:
    _, notes = look(tmp_path, *(at(time, DONE, boot) for time, boot in lines))
    assert ("leapt ahead" in notes) is (told is not None)
    if told is not None:
        assert f"log:3: the clock leapt ahead by {told} s" in notes


def test_what_others_say_of_the_clock_is_noted(tmp_path: Path) -> None:
    line = at(
        "10:00:00",
        "clocksource: timekeeping watchdog on CPU3: Marking clocksource 'tsc' as "
        "unstable because the skew is too large:",
    )
    _, notes = look(tmp_path, line, line)
    assert "log:1: tells of its clock: clocksource: timekeeping" in notes
    assert "and 1 more" in notes


def test_the_journal_has_both_clocks() -> None:
    dater = Dater(datetime.now(UTC))
    dater.read(
        '{"__REALTIME_TIMESTAMP": "5000000", "__MONOTONIC_TIMESTAMP": "7500000", "MESSAGE": "x"}'
    )
    assert dater.boot == 7.5
    dater.read("2026-05-09T10:00:00Z n1 kernel: x")
    assert dater.boot is None
