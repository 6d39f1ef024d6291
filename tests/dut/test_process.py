# SPDX-License-Identifier: BSD-3-Clause
"""A DUT's process is not waited for without end."""

import pytest

import labkit as lk
from labkit.dut import process


def test_one_that_does_not_answer_is_told_of(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "ANSWER_SECONDS", 0.2)
    monkeypatch.setattr(process, "EXIT_SECONDS", 0.2)
    mute = process.DutProcess("mute", ["sleep", "100"], answers=True)
    try:
        with pytest.raises(lk.DutDied, match=r"mute.*it does not answer"):
            mute.hear()
    finally:
        mute.stop()


def test_answers_come_line_by_line() -> None:
    speaks = process.DutProcess("cat", ["cat"], answers=True)
    try:
        for line in ("one", "two", "three"):
            speaks.say(line)
        assert [speaks.hear() for _ in range(3)] == ["one", "two", "three"]
    finally:
        speaks.stop()
    ends = process.DutProcess("ends", ["sh", "-c", "echo last words >&2; exit 3"], answers=True)
    with pytest.raises(lk.DutDied, match=r"(?s)exit code 3.*last words"):
        ends.hear()
    ends.stop()
