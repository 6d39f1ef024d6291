# SPDX-License-Identifier: BSD-3-Clause
"""Logs that grow, are rotated and truncated; and the log of a lab's engine."""

import os
from pathlib import Path

import pytest

import labkit as lk
from labkit.sources.engine_log import EngineLog
from labkit.sources.lines import LONGEST_LINE, MOST_BYTES
from tests.patience import wait_until


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "app.log"
    path.write_text("before\n")
    return path


def add(path: Path, text: str) -> None:
    with path.open("a") as file:
        file.write(text)


def test_lines_come_once_and_whole(log: Path) -> None:
    with lk.sources.LogFile(log) as source:
        assert source.read() == []
        add(log, "one\ntw")
        assert source.read() == ["one"]
        add(log, "o\r\n")
        assert source.read() == ["two"]
        assert (source.label, source.state) == (str(log), "live")


def test_a_name_is_of_the_folder_in_which_it_was_given(
    log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(log.parent)
    source = lk.sources.LogFile("app.log")
    monkeypatch.chdir("/")
    with source:
        add(log, "one\n")
        assert source.read() == ["one"]
    assert source.label == "app.log"


def test_one_that_is_rotated_is_followed(log: Path) -> None:
    with lk.sources.LogFile(log) as source:
        log.rename(log.with_suffix(".1"))
        add(log.with_suffix(".1"), "late\n")
        assert source.read() == ["late"]
        assert f": gone, {log} went away (No such file" in repr(source)
        add(log.with_suffix(".1"), "later, without an end")
        add(log, "new\n")
        assert source.read() == ["later, without an end", "new"]
        assert source.state == "live"


def test_one_that_is_truncated_is_read_from_its_beginning(log: Path) -> None:
    with lk.sources.LogFile(log) as source:
        add(log, "cut")
        assert source.read() == []
        log.write_text("new\n")
        assert source.read() == ["new"]


def test_much_is_read_bit_by_bit(log: Path) -> None:
    with lk.sources.LogFile(log) as source:
        add(log, "x" * 99 + "\n" * 1)
        add(log, ("y" * 99 + "\n") * (3 * MOST_BYTES // 100))
        first = source.read()
        assert len(first) * 100 <= MOST_BYTES
        assert "2.1 MB wait" in source.reason
        rest = [line for _ in range(3) for line in source.read()]
        assert len(first) + len(rest) == 3 * MOST_BYTES // 100 + 1
        assert source.reason == "is read"
        add(log, "z" * (LONGEST_LINE + 1))
        assert [len(line) for line in source.read()] == [LONGEST_LINE + 1]


def test_what_cannot_be_followed(tmp_path: Path, log: Path) -> None:
    with pytest.raises(lk.sources.SourceError, match="name a log that there is"):
        lk.sources.LogFile(tmp_path / "nope").open()
    os.mkfifo(tmp_path / "pipe")
    for other in (tmp_path, tmp_path / "pipe"):
        with pytest.raises(lk.sources.SourceError, match="is no plain file"):
            lk.sources.LogFile(other).open()
    source = lk.sources.LogFile(log)
    with pytest.raises(lk.sources.SourceError, match="is not open"):
        source.read()
    with source, pytest.raises(lk.sources.SourceError, match="read by somebody else"):
        source.open()
    assert source.open().state == "live"  # once it was closed
    source.close()


def test_the_engine_s_log_over_a_restart(lab: lk.Lab) -> None:
    with EngineLog(lab) as source:
        assert source.read() == []
        with pytest.raises(lk.LabError):
            lab.port("net_ring_nope")
        lab.restart()
        wait_until(lambda: any("EAL" in line for line in source.read()))
        assert source.state == "live"
        lab.close()
        source.read()
        assert (source.state, "lab.restart()" in source.reason) == ("gone", True)
