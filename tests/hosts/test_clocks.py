# SPDX-License-Identifier: BSD-3-Clause
"""What keeps a host's clock is read, and believed where both hosts keep it by the same."""

from pathlib import Path

import pytest

from labkit.hosts.clocks import StatedClock, stated_clock
from labkit.runs.far_clock import Clocks, apart_ns, stated_clocks

CHRONY = (
    "A9FEA97B,169.254.169.123,4,1798750000.1,0.000001000,-0.000000500,0.000002,-1.2,0.0,0.01,"
    "0.000200000,0.000030000,16.1,{leap}"
)
PTP = """sending: GET TIME_STATUS_NP
\t00aa.fffe.01-0 seq 0 RESPONSE MANAGEMENT TIME_STATUS_NP
\t\tmaster_offset              -40
\t\tgmPresent                  {there}
\t\tgmIdentity                 0011.fffe.22
\t00aa.fffe.01-0 seq 0 RESPONSE MANAGEMENT CURRENT_DATA_SET
\t\tstepsRemoved     1
\t\toffsetFromMaster -40.0
\t\tmeanPathDelay    900.0
"""


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder where programs of this machine's are looked for, and no others."""
    monkeypatch.setenv("PATH", str(tmp_path))
    return tmp_path


def say(programs: Path, name: str, text: str) -> None:
    file = programs / name
    file.write_text(f"#!/bin/sh\n/bin/cat <<'END'\n{text}\nEND\n")
    file.chmod(0o755)


def test_nobody_keeps_the_clock(programs: Path) -> None:
    assert stated_clock() is None
    say(programs, "chronyc", CHRONY.format(leap="Not synchronised"))
    say(programs, "pmc", PTP.format(there="false"))
    assert stated_clock() is None
    say(programs, "chronyc", "506 Cannot talk to daemon")
    say(programs, "pmc", "")
    assert stated_clock() is None


def test_who_keeps_it_better_is_believed(programs: Path) -> None:
    say(programs, "chronyc", CHRONY.format(leap="Normal"))
    told = stated_clock()
    assert told is not None
    assert (told.source, told.reference) == ("chrony", "UTC")
    assert told.error_ns == pytest.approx(1_000 + 30_000 + 100_000)
    say(programs, "pmc", PTP.format(there="true"))
    assert stated_clock() == StatedClock("ptp", 940.0, "0011.fffe.22")


class There:
    """A host that says this of its clock."""

    name = "b"

    def __init__(self, clock: StatedClock | None) -> None:
        self._clock = clock

    def call(self, *_: object) -> StatedClock | None:
        return self._clock


@pytest.mark.parametrize(
    ("there", "is_believed"),
    [
        (StatedClock("ptp", 60.0, "0011.fffe.22"), True),
        (StatedClock("ptp", 60.0, "another"), False),
        (StatedClock("ptp", 9e6, "0011.fffe.22"), False),
        (None, False),
    ],
)
def test_hosts_need_the_same_reference(
    programs: Path, there: StatedClock | None, is_believed: bool
) -> None:
    say(programs, "pmc", PTP.format(there="true"))
    measured = Clocks(10_000, 50_000, 2e9, 1e9, 300.0, 5_000.0, "by heart")
    found = stated_clocks(There(there), measured)  # type: ignore[arg-type]
    if is_believed:
        # The day's clocks are right, so the two moments were 300 ns apart.
        assert (found.far, found.error_ns) == (50_000 - 300, 1_000.0)
        assert apart_ns(measured, found) == pytest.approx(300.0)
        assert "as ptp here and ptp on host b say" in str(found)
    else:
        assert found is measured


def test_a_receiver_is_told_the_clock_of_the_other_host() -> None:
    clocks = Clocks(10_000, 50_000, 2e9, 1e9, 0.0, 400.0, "by heart")
    assert clocks.there(bias_ns=100.0) == {
        "elsewhere": 1,
        "clock_there": 10_000,
        "clock_here": 49_900,
        "clock_ratio": 0.5,
        "clock_error_ns": 500,
    }
    assert clocks.here()["clock_ratio"] == 2.0
