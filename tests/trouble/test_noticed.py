# SPDX-License-Identifier: BSD-3-Clause
"""What was noticed: surest level, since and until, again after it was over; the table of it."""

import time
from dataclasses import replace
from pathlib import Path

import pytest

import labkit as lk
from labkit.sources import LogFile
from labkit.trouble.evidence import Moment, Place
from labkit.trouble.finding import Finding, Seen
from labkit.trouble.noticed import FORGOTTEN_SECONDS, AllNoticed
from labkit.trouble.rules import rules
from tests.trouble.test_watched_logs import KERNEL

RULE = rules()["keep-alive-lost"]


def finding(level: str, at: float, last: float | None = None) -> Finding:
    seen = Seen("silent", "a line", Place("log", 1), Moment("wall", at))
    if last is not None:
        seen = replace(seen, last=Moment("wall", last), count=2)
    return Finding(RULE, "eth0", level, "silent", (seen,), "do this")


def test_it_is_there_from_its_first_evidence_to_its_last() -> None:
    noticed = AllNoticed()
    assert [f.level for f in noticed.take([finding("likely", 90)], 100)] == ["likely"]
    assert noticed.take([finding("likely", 90, 130)], 131) == []
    (one,) = noticed.all()
    assert (one.since, one.until) == (90, 130)
    assert not one.is_over(131)
    assert noticed.take([finding("likely", 90, 130)], 400) == []  # the same lines once more
    assert noticed.all() == [one]
    assert one.is_over(400)


def test_the_surest_stays_and_is_news() -> None:
    noticed = AllNoticed()
    levels = ["possible", "certain", "likely", "certain"]
    news = [bool(noticed.take([finding(level, n)], n)) for n, level in enumerate(levels)]
    assert news == [True, True, False, False]
    assert [n.finding.level for n in noticed.all()] == ["certain"]


def test_what_comes_again_is_another() -> None:
    noticed, later = AllNoticed(), 100 + FORGOTTEN_SECONDS
    noticed.take([finding("certain", 100)], 100)
    assert len(noticed.take([finding("likely", 100, later)], later)) == 1
    table = noticed.table()
    assert list(table.columns) == ["since", "until", "rule", "level", "device", "title"]
    assert table["level"].tolist() == ["certain", "likely"]
    assert [t.timestamp() for t in table["since"]] == [100, later]
    assert str(table["since"].dt.tz) == "UTC"


def test_a_table_of_nothing() -> None:
    table = AllNoticed().table()
    assert len(table) == 0
    assert str(table["since"].dt.tz) == "UTC"


def test_a_watch_ends_a_notebook_that_found_something(tmp_path: Path) -> None:
    log = tmp_path / "app.log"
    log.touch()
    with lk.trouble.watch(LogFile(log), kernel_log=False) as watch:
        with pytest.raises(lk.LabError, match="nothing was judged yet"):
            watch.check_healthy()
        time.sleep(1.5)
        watch.check_healthy("possible")
        assert "nothing was found so far: 0 lines judged, " in watch._repr_html_()
        log.write_text(f"{KERNEL}\n")
        watch.wait(timeout=30)
        with pytest.raises(lk.LabError, match="level is 'sure'; it is one of certain, likely"):
            watch.check_healthy("sure")
    with pytest.raises(lk.TroubleFound, match=r"since .*LIKELY: The device's keep-alive stopped"):
        watch.check_healthy()
    watch.check_healthy("certain")
    assert watch.events["rule"].tolist() == ["keep-alive-lost"]
    assert watch.state == "stopped"
