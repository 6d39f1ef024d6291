# SPDX-License-Identifier: BSD-3-Clause
"""The same rules on what runs: kernel interfaces and labs, and the kernel's log beside them."""

import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

import labkit as lk
from labkit.trouble.finding import Finding
from labkit.trouble.kernel_log import KMSG, KernelLog
from tests.live import stream
from tests.patience import wait_until

NAME = f"lktr{os.getpid() % 100_000}"


@pytest.fixture
def interface() -> Iterator[str]:
    """An end of a veth pair."""
    subprocess.run(["ip", "link", "add", NAME, "type", "veth"], check=True)
    try:
        subprocess.run(["ip", "link", "set", NAME, "up"], check=True)
        yield NAME
    finally:
        subprocess.run(["ip", "link", "del", NAME], check=True)


def say(text: str) -> None:
    """A line into the kernel's log. None that a rule knows: whoever looks at this machine's log
    afterwards is not to find a fault that it never had."""
    KMSG.write_text(f"<5>{text}\n")


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """A file that lines are written to as into the kernel's log."""
    file = tmp_path / "kern.log"
    file.touch()
    return file


def write(log: Path, text: str) -> None:
    with log.open("a") as file:
        file.write(f"{text}\n")


def test_a_line_of_the_kernel_is_judged(interface: str, log: Path) -> None:
    told: list[Finding] = []
    sources = interface, lk.sources.LogFile(log)
    with lk.trouble.watch(*sources, kernel_log=False, tell=told.append) as watch:
        assert watch.findings == []
        write(log, f"ena 0000:00:05.0 {interface}: Keep alive watchdog timeout.")
        assert watch.wait("keep-alive-lost", timeout=30).id == "keep-alive-lost"
        wait_until(lambda: [f.level for f in watch.findings] == ["likely"], 30)
        write(log, f"ena 0000:00:05.0 {interface}: Trigger reset is on")
        write(log, f"ena 0000:00:05.0 {interface}: wd_expired: 1")
        wait_until(lambda: [f.level for f in watch.findings] == ["certain"], 30)
    assert [f.level for f in told] in (["likely", "certain"], ["likely", "likely", "certain"])
    assert {f.device for f in told} == {interface}
    assert "Keep alive watchdog timeout" in repr(watch)
    assert "keep-alive stopped" in watch._repr_html_()


def test_the_kernels_log_is_read_by_itself(interface: str) -> None:
    with lk.trouble.watch(interface) as watch:
        lines = watch.judged.sources[1].count
        say("labkit-test: of no meaning")
        wait_until(lambda: watch.judged.sources[1].count > lines, 30)
        assert watch.judged.sources[1].label == "kernel log"


def test_lines_come_whole_and_in_turn() -> None:
    with KernelLog() as log:
        for n in range(5):
            say(f"labkit-test {n} {'x' * n * 100}")
        lines: list[str] = []

        def came() -> bool:
            lines.extend(log.read())
            return len(mine(lines)) == 5

        wait_until(came, 10)
        assert [line.split()[-2] for line in mine(lines)[1:]] == ["1", "2", "3", "4"]
        assert all(line.startswith("[") for line in lines)


def mine(lines: list[str]) -> list[str]:
    return [line for line in lines if "labkit-test" in line]


def test_a_source_that_goes_away_is_told(interface: str) -> None:
    with lk.trouble.watch(interface, kernel_log=False) as watch:
        subprocess.run(["ip", "link", "del", interface], check=True)
        wait_until(lambda: bool(watch.faults), 30)
        assert f"there is no interface {interface}" in next(iter(watch.faults.values()))
        subprocess.run(["ip", "link", "add", interface, "type", "veth"], check=True)
        wait_until(lambda: not watch.faults, 30)


def test_a_sound_lab_gives_nothing(lab: lk.Lab) -> None:
    a, b = lab.cable()
    with lab.traffic() as t, lk.trouble.watch(lab, kernel_log=False) as watch:
        t.add(stream(), on=a, to=b, rate="10 kpps").start()
        time.sleep(4)
        assert watch.findings == []
        assert not watch.faults
        with pytest.raises(lk.LabError, match=r"nothing was found within 0.1 s"):
            watch.wait(timeout=0.1)


def test_what_goes_wrong_in_the_background_is_told(interface: str, log: Path) -> None:
    def tell(finding: Finding) -> None:
        raise ValueError("not this one")

    watch = lk.trouble.watch(interface, lk.sources.LogFile(log), kernel_log=False, tell=tell)
    write(log, f"ena 0000:00:05.0 {interface}: Keep alive watchdog timeout.")
    wait_until(lambda: "the watch has ended: ValueError" in asked(watch), 30)
    watch.stop()


def asked(watch: lk.trouble.Watch) -> str:
    """What the next question brings up."""
    try:
        return repr(watch.findings)
    except lk.LabError as error:
        return str(error)


def test_what_cannot_be_watched(tmp_path: Path) -> None:
    with pytest.raises(lk.LabError, match="name what to watch"):
        lk.trouble.watch()
    with pytest.raises(lk.LabError, match="there is no interface 'nope0'"):
        lk.trouble.watch("nope0")
    with pytest.raises(lk.LabError, match="a source is a Lab or one of"):
        lk.trouble.watch(3)
    with pytest.raises(lk.LabError, match=r"may not be read .*run as root"):
        KernelLog(tmp_path / "absent").open()
