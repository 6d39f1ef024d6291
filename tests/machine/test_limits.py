# SPDX-License-Identifier: BSD-3-Clause
"""An engine that runs into a limit names it, in place of what DPDK says as it panics."""

import os
import subprocess
import sys
import textwrap
from pathlib import Path
from types import SimpleNamespace

import pytest

from labkit.machine.limits import limits_named, limits_told
from tests.lab.test_unprivileged import as_nobody

ROOT = Path(__file__).parents[2]


def with_limit(name: str, value: int) -> str:
    """What lk.Lab() says, or "works", in a process with a limit."""
    code = f"""
        import resource
        import labkit as lk
        lk.Lab
        import labkit.engine.client
        resource.setrlimit(resource.RLIMIT_{name}, ({value}, {value}))
        try:
            with lk.Lab() as lab, lab.cable()[0].socket():
                print("works")
        except lk.EngineError as error:
            print(error)
    """
    command = [sys.executable, "-c", textwrap.dedent(code)]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert ran.returncode == 0, ran.stderr
    return ran.stdout.strip()


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("NOFILE", 40, r"RLIMIT_NOFILE is 40, the files .*EalConfig\(max_workers=\); .*`ulimit -n"),
        ("NOFILE", 15, "RLIMIT_NOFILE is 15"),
        ("AS", 500_000_000, "RLIMIT_AS is 488281, .*`ulimit -v"),
        ("DATA", 100_000_000, "RLIMIT_DATA is 97656, .*`ulimit -d"),
        ("FSIZE", 100_000, "RLIMIT_FSIZE is 97, .*`ulimit -f"),
        ("STACK", 65_536, "RLIMIT_STACK is 64, .*`ulimit -s"),
    ],
)
def test_limit_of_the_process_is_named(name: str, value: int, told: str) -> None:
    import re

    said = with_limit(name, value)
    assert re.search(told, said), said
    assert "PANIC" not in said
    assert len(said.splitlines()) == 1


@pytest.mark.parametrize(
    "said",
    [
        "TELEMETRY: Error with create socket thread: Resource temporarily unavailable",
        "attach frames: the frame rings of port client cannot be mapped",
        "x.pcapng: the capture cannot be written: Cannot allocate memory",
    ],
)
def test_a_limit_of_addresses_is_told_by_all_that_comes_of_it(said: str) -> None:
    """Which comes first is up to the limit: a thread's stack, the rings of a port, a capture."""
    code = f"""
        import resource
        from labkit.machine.limits import limits_told
        resource.setrlimit(resource.RLIMIT_AS, (1 << 33, 1 << 33))
        print(limits_told({said!r}))
    """
    command = [sys.executable, "-c", textwrap.dedent(code)]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert ran.stdout.startswith("RLIMIT_AS is 8388608, the KiB of addresses")


def test_lab_works_where_a_limit_is_high_enough() -> None:
    assert with_limit("NOFILE", 128) == "works"


def test_soft_limit_that_may_be_raised_is_no_limit() -> None:
    code = """
        import resource
        import labkit as lk
        lk.Lab
        resource.setrlimit(resource.RLIMIT_NOFILE, (40, 4096))
        with lk.Lab(eal=lk.EalConfig(max_workers=32)) as lab:
            lab.cable()
    """
    command = [sys.executable, "-c", textwrap.dedent(code)]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert ran.returncode == 0, ran.stderr


def test_limit_of_processes_is_named(open_folder: Path) -> None:
    code = """
        import resource
        import labkit as lk
        lk.Lab
        import labkit.engine.client
        for most in (1, 2, 4, 6):
            resource.setrlimit(resource.RLIMIT_NPROC, (most, 6))
            try:
                lk.Lab()
            except lk.EngineError as error:
                print(error)
    """
    ran = as_nobody(code, open_folder)
    assert ran.returncode == 0, ran.stderr
    lines = ran.stdout.splitlines()
    assert len(lines) == 4, ran.stdout
    for most, line in zip((1, 2, 4, 6), lines, strict=True):
        assert f"RLIMIT_NPROC is {most}, " in line
        assert "`ulimit -u" in line


def test_full_file_system_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    room = {"f_frsize": 4096, "f_files": 0, "f_favail": 0}
    full, empty = (SimpleNamespace(**room, f_bavail=pages) for pages in (3, 1 << 20))
    monkeypatch.setattr(os, "statvfs", lambda at: full if at == "/dev/shm" else empty)
    assert limits_told("[Errno 28] No space left on device").startswith("no room in /dev/shm: ")
    monkeypatch.setattr(os, "statvfs", lambda _: empty)
    assert limits_told("[Errno 28] No space left on device") == ""


def test_what_no_limit_explains_is_left_as_it_was() -> None:
    with pytest.raises(FileNotFoundError), limits_named("this"):
        Path("/no/such/file").read_text()
    assert limits_told("the cable is out") == ""
