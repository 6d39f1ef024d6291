# SPDX-License-Identifier: BSD-3-Clause
"""Counters grow across resets and wraps, and nothing is counted that was not."""

from pathlib import Path

import pytest

import labkit as lk
from labkit.trouble.derived import with_derived
from labkit.trouble.evidence import Moment, Place, Reading
from labkit.trouble.growth import grown
from labkit.trouble.series import AllSeries, Series, in_order

PLACE = Place("shown.txt", 1)


def series_of(name: str, *values: int) -> Series:
    readings = [Reading({name: value}, PLACE, device="eth0") for value in values]
    found = AllSeries(with_derived(readings)).get("eth0", name)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("before", "after", "by"),
    [
        (5, 9, 4),
        (5, 5, 0),
        (900, 3, 3),  # a reset
        (900, 0, 0),
        (2**32 - 10, 5, 15),  # a wrap of 32 bits
        (2**32 - 2**29, 2**29 - 1, 2**30 - 1),
        (2**32 - 2**29 - 1, 5, 5),  # too far from the end
        (2**32 - 10, 2**31, 2**31),  # too far from the beginning
        (2**32 + 10, 5, 5),  # of 64 bits, and far from their end
        (2**64 - 10, 5, 15),
    ],
)
def test_from_one_reading_to_the_next(before: int, after: int, by: int) -> None:
    assert grown(before, after) == by


@pytest.mark.parametrize(
    ("values", "growth", "told"),
    [
        ((100,), None, "eth0 wd_expired 100"),
        ((100, 100), 0, "eth0 wd_expired 100"),
        ((100, 140), 40, "eth0 wd_expired 100 to 140"),
        ((100, 900, 0, 50, 20, 30), 880, "eth0 wd_expired 100 to 30, in all 880"),
        ((100, 900, 0, 100), 900, "eth0 wd_expired 100 to 100, in all 900"),
        ((2**32 - 4, 6), 10, "eth0 wd_expired 4,294,967,292 to 6, in all 10"),
    ],
)
def test_all_that_was_counted_between_resets(
    values: tuple[int, ...], growth: int | None, told: str
) -> None:
    series = series_of("wd_expired", *values)
    assert series.growth == growth
    assert str(series) == told


def test_a_level_may_fall() -> None:
    name = "conntrack_allowance_available"
    assert str(series_of(name, 900, 100, 700)) == f"eth0 {name} 900 to 700"


def test_shares_count_across_resets() -> None:
    """10,000 of 1,000,000 frames were lost before the reset, and as many of them after it."""
    rows = [(0, 0), (990_000, 10_000), (0, 0), (990_000, 10_000)]
    readings = [
        Reading(
            {"interface/rx_packets": received, "rx_drops": lost},
            PLACE,
            Moment("wall", float(second)),
            "eth0",
        )
        for second, (received, lost) in enumerate(rows)
    ]
    series = AllSeries(with_derived(readings)).get("eth0", "derived/unreceived_ppm")
    assert series is not None
    assert series.last == 10_000


def test_a_share_of_a_packet_counter_that_wrapped() -> None:
    """Two million frames, of which one in a hundred was lost."""
    at = 2**32 - 1_000_000
    readings = [
        Reading({"interface/rx_packets": at, "rx_drops": 0}, PLACE, device="eth0"),
        Reading({"interface/rx_packets": 980_000, "rx_drops": 20_000}, PLACE, device="eth0"),
    ]
    series = AllSeries(with_derived(readings)).get("eth0", "derived/unreceived_ppm")
    assert series is not None
    assert series.last == 10_000


def test_files_in_the_wrong_order(tmp_path: Path) -> None:
    """A folder is read by names, and "after" stands in front of "before"."""
    before = {"queue_0_tx_cnt": 900_000, "queue_0_rx_cnt": 800_000, "rx_drops": 0, "wd_expired": 1}
    after = {name: value + 2000 for name, value in before.items()} | {"wd_expired": 1}
    for name, counters in (("after", after), ("before", before)):
        lines = "\n".join(f"     {key}: {value}" for key, value in counters.items())
        (tmp_path / name).write_text(f"# ethtool -S eth0\nNIC statistics:\n{lines}\n")
    case = lk.trouble.look(tmp_path)
    (found,) = [f for f in case.findings if f.id == "no-receive-buffers"]
    assert "eth0 rx_drops 0 to 2,000" in str(found)
    assert "wd_expired" not in str(found)


def test_a_reset_is_no_wrong_order() -> None:
    before = {"a": 900_000, "b": 800_000, "c": 7_000, "d": 10}
    after = {"a": 900, "b": 800, "c": 7, "d": 0}
    readings = [Reading(counters, PLACE, device="eth0") for counters in (before, after)]
    assert in_order(readings) == readings
