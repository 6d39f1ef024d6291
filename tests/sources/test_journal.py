# SPDX-License-Identifier: BSD-3-Clause
"""systemd's journal, line by line: a journald of the test's own, and what stands for journalctl."""

import os
import signal
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

import labkit as lk
from labkit.sources.journal import Journal
from labkit.trouble.moments import Dater
from tests.patience import wait_until
from tests.sources.journald import Journald, journald


@pytest.fixture(scope="module")
def daemon() -> Iterator[Journald]:
    with journald() as running:
        yield running


def lines_of(source: lk.sources.LineSource, count: int) -> list[str]:
    """Once there are so many."""
    lines: list[str] = []

    def came() -> bool:
        lines.extend(source.read())
        return len(lines) >= count

    wait_until(came, 30)
    return lines


def test_lines_come_as_journalctl_shows_them(daemon: Journald) -> None:
    with Journal(directory=daemon.directory) as journal:
        assert (journal.state, journal.read()) == ("live", [])
        daemon.say("one", "dpdk app")
        daemon.say("two\nthree: café \x07")
        daemon.say("x" * 10_000)
        lines = lines_of(journal, 4)
        process = journal._process
    assert process is not None
    assert process.poll() == -signal.SIGTERM
    assert [line.split(" ", 3)[-1] for line in lines[1:3]] == ["two", "three: café \x07"]
    assert f" dpdk_app[{os.getpid()}]: one" in lines[0]
    moment, text = Dater(datetime.now(UTC)).read(lines[0])
    assert (text, moment.clock) == ("one", "wall")
    assert abs(time.time() - moment.seconds) < 60
    assert len(lines[3]) > 10_000


def test_since(daemon: Journald) -> None:
    daemon.say("not so long ago")
    hour = datetime.now(UTC) - timedelta(hours=1)
    for since in ("1 hour ago", hour):
        with Journal(since=since, directory=daemon.directory) as journal:
            assert any("not so long ago" in line for line in lines_of(journal, 1))
    with Journal(since=datetime.now(UTC) + timedelta(hours=1), directory=daemon.directory) as later:
        daemon.say("too early")
        time.sleep(0.5)
        assert later.read() == []


def test_unit(daemon: Journald) -> None:
    with Journal(["a.service", "b.service"], directory=daemon.directory) as journal:
        assert (journal.label, journal.has_kernel) == ("journal of a.service, b.service", False)
        daemon.say("of no unit")
        time.sleep(0.5)
        assert journal.read() == []


def test_one_that_ends_tells_so(daemon: Journald) -> None:
    with Journal(directory=daemon.directory) as journal:
        assert journal._process is not None
        journal._process.kill()
        wait_until(lambda: not journal.read() and journal.state == "ended")
        assert journal.reason == "journalctl has ended (signal 9)"
        assert journal.read() == []


def test_what_cannot_be_followed(daemon: Journald, tmp_path: Path) -> None:
    with pytest.raises(lk.sources.SourceError, match=r"Failed to parse timestamp: soon"):
        Journal(since="soon", directory=daemon.directory).open()
    with pytest.raises(lk.sources.SourceError, match=r"cannot be read .*LogFile\("):
        Journal(directory=tmp_path).open()
    with pytest.raises(lk.sources.SourceError, match="unit is 3"):
        Journal(3)  # type: ignore[arg-type]
    with (
        Journal(directory=daemon.directory) as journal,
        pytest.raises(lk.sources.SourceError, match="read by somebody else"),
    ):
        journal.open()


def test_without_journalctl(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(lk.sources.SourceError, match=r"there is no journalctl.*LogFile\("):
        Journal().open()


FAKE = """#!/bin/sh
case "$*" in *--follow*) ;; *) echo "a journal"; exit ;; esac
echo '{"__REALTIME_TIMESTAMP":"1796043218463603","_HOSTNAME":"vm","MESSAGE":[72,195,40,105]}'
echo 'no JSON'
printf '{"__REALTIME_TIMESTAMP":"1796043218463603","MESSAGE":"cut'
echo 'Journal file corrupted, ignoring' >&2
exit 1
"""


def test_what_it_says_last_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "journalctl").write_text(FAKE)
    (tmp_path / "journalctl").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    with Journal(since="2026-01-01") as journal:
        (line,) = lines_of(journal, 1)
        assert line == "2026-11-30T12:53:38.463603+00:00 vm unknown: H�(i"
        wait_until(lambda: not journal.read() and journal.state == "ended")
        assert journal.reason == "journalctl has ended (Journal file corrupted, ignoring)"
