# SPDX-License-Identifier: BSD-3-Clause
"""Logs that a watch reads beside counters: the engine's, the journal, files."""

import os
import time
from pathlib import Path

import pytest

import labkit as lk
from labkit.sources import LogFile
from labkit.trouble.evidence import Event
from labkit.trouble.kernel_log import KernelLog
from labkit.trouble.live_lines import MOST_ALIKE, LiveLines
from labkit.trouble.watching import Watch
from tests.patience import wait_until
from tests.sources.journald import journald

ENA = "ena_timer_wd_callback(): Keep alive timeout"  # of DPDK's driver
KERNEL = "ena 0000:00:05.0 eth7: Keep alive watchdog timeout."


def print_as_engine(lab: lk.Lab, text: str) -> None:
    """As a driver does within the engine."""
    log = lab.engine.open_log()
    os.write(log, f"{text}\n".encode())
    os.close(log)


def test_what_a_driver_prints_in_the_engine_is_judged(lab: lk.Lab) -> None:
    lab.cable()
    print_as_engine(lab, f"{ENA}, before it was watched")
    with lk.trouble.watch(lab, kernel_log=False) as watch:
        time.sleep(2.5)
        assert watch.findings == []
        assert [source.label for source in watch.judged.sources] == [f"engine {lab.pid}", "lab.log"]
        print_as_engine(lab, ENA)
        found = watch.wait("keep-alive-lost", timeout=30)
        assert (found.device, str(found.evidence[0].place)) == ("", "lab.log:1")
        lab.restart()
        print_as_engine(lab, ENA)
        wait_until(lambda: watch.findings[0].evidence[0].count == 2, 30)


def test_an_engine_that_died_is_told(lab: lk.Lab) -> None:
    with lk.trouble.watch(lab, kernel_log=False) as watch:
        lab.close()
        wait_until(lambda: "lab.log" in watch.faults, 30)
        with pytest.raises(lk.LabError, match=r"not all could be judged: .*lab\.restart"):
            watch.check_healthy()


def test_journal_and_file_beside_counters(tmp_path: Path) -> None:
    log = tmp_path / "app.log"
    log.touch()
    with (
        journald() as daemon,
        lk.trouble.watch(LogFile(log), lk.sources.Journal(directory=daemon.directory)) as watch,
    ):
        assert [source.label for source in watch.judged.sources] == [str(log), "journal"]
        daemon.say("nothing of interest")
        daemon.say(KERNEL, "kernel")
        assert watch.wait("keep-alive-lost", timeout=30).device == "eth7"
        log.write_text(f"2026-01-02T03:04:05.678Z {KERNEL.replace('eth7', 'eth8')}\n")
        wait_until(
            lambda: {f.device for f in watch.findings} == {"eth7"} and len(log_of(watch)), 30
        )
        (long_ago,) = log_of(watch)
        assert long_ago.is_over(time.time())
        assert f"{long_ago.since:.3f}" == "1767323045.678"
        assert {source.label: source.count for source in watch.judged.sources} == {
            str(log): 1,
            "journal": 2,
        }
    assert not watch.faults


def log_of(watch: Watch) -> list[lk.trouble.Noticed]:
    return [noticed for noticed in watch.history() if noticed.finding.device == "eth8"]


def test_the_kernel_s_lines_count_once() -> None:
    journal = lk.sources.Journal()
    with pytest.raises(lk.LabError, match="would count twice; leave kernel_log out"):
        lk.trouble.watch(journal, kernel_log=True)


def test_all_lines_get_times_of_one_clock(tmp_path: Path) -> None:
    log = tmp_path / "app.log"
    log.touch()
    with LogFile(log) as source:
        lines, before = LiveLines(source), time.time()
        uptime = time.monotonic()
        hour = before - 3600
        written = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(hour))
        for text in (ENA, f"[{uptime:.6f}] {KERNEL}", f"[{uptime - 99:.6f}] {KERNEL}"):
            log.write_text(log.read_text() + text + "\n")
        lines.read()
        log.write_text(log.read_text() + f"{written} {KERNEL}\n")  # of which zone?
        lines.read()
        log.write_text(log.read_text() + f"{written}+00:00 {KERNEL}\n")
        lines.read()
        events = [item for item in lines.items() if isinstance(item, Event)]
    now = time.time()
    assert [event.moment.clock for event in events] == ["wall"] * 5
    assert all(before - 0.1 <= event.moment.seconds <= now for event in events[:4])
    assert events[4].moment.seconds == int(hour)
    assert [event.place.line for event in events] == [1, 2, 3, 4, 5]


def test_a_flood_leaves_what_is_rare(tmp_path: Path) -> None:
    log = tmp_path / "app.log"
    log.touch()
    with LogFile(log) as source:
        lines = LiveLines(source)
        text = "Found a Tx that wasn't completed on time, qid 0, index"
        flood = (f"{text} {n}" for n in range(9_999))
        log.write_text("\n".join((ENA, *flood, "")))
        lines.read()
        events = [item for item in lines.items() if isinstance(item, Event)]
    assert (lines.count, len(events), events[0].text) == (10_000, MOST_ALIKE + 1, ENA)
    assert sum(1 + event.repeats for event in events) == 10_000
    assert [event.place.line for event in events[-2:]] == [9_999, 10_000]


def test_a_log_that_somebody_else_reads_is_let_go(tmp_path: Path) -> None:
    log = tmp_path / "app.log"
    log.touch()
    first, second = LogFile(log), KernelLog()
    with second, pytest.raises(lk.sources.SourceError, match="is read by somebody else"):
        Watch([], [first, second], None)
    first.open().close()
