# SPDX-License-Identifier: BSD-3-Clause
"""Rates between two samples: what they are, and what is a fault instead."""

import math
import re

import pytest

from labkit.sources import MISSING, Kind, Rates, Sample, Schema, SourceError, rates
from labkit.sources.base import readonly

UNITS = {"packets": "packets", "octets": "bytes", "busy": "ns", "depth": "packets"}
KINDS: dict[str, Kind] = {"depth": "gauge", "mode": "state"}


def sample(seconds: float, schema: Schema | None = None, **values: int) -> Sample:
    schema = schema or Schema(tuple(values), UNITS, KINDS)
    ns = round(seconds * 1e9)
    return Sample(ns, ns, readonly(list(values.values())), schema)


def between(before: int, after: int, name: str = "packets", seconds: float = 1.0) -> Rates:
    first = sample(5.0, **{name: before})
    return rates(first, sample(5.0 + seconds, first.schema, **{name: after}))


def test_rate_is_per_measured_second() -> None:
    found = between(100, 350, seconds=0.25)
    assert found["packets"] == 1000.0
    assert found.seconds == 0.25
    assert not found.faults


def test_large_counters_lose_nothing() -> None:
    assert between(2**63, 2**63 + 3, "octets")["octets"] == 3.0


def test_gauges_and_states_are_levels_and_may_fall() -> None:
    first = sample(1, depth=900, mode=3)
    found = rates(first, sample(3, first.schema, depth=20, mode=0))
    assert (found["depth"], found["mode"]) == (20.0, 0.0)
    assert not found.faults


@pytest.mark.parametrize(
    ("name", "before", "after", "says"),
    [
        ("packets", 1000, 10, "fell from 1,000 to 10; it was reset, wrapped or broke"),
        ("packets", 0, 139_836_994_071_144, "0x7f2e565baa68.*an address and not a count"),
        ("packets", 139_836_994_071_144, 139_836_994_071_144, "an address and not a count"),
        ("packets", 0, 10**11, "grew by 100,000,000,000 in 1 s, faster than anything counts"),
        ("octets", 0, 10**14, "faster than anything counts"),
        ("packets", 5, MISSING, "could not be read"),
    ],
)
def test_what_cannot_be_believed_is_a_fault(name: str, before: int, after: int, says: str) -> None:
    found = between(before, after, name)
    assert math.isnan(found[name])
    assert re.search(says, found.faults[name])


def test_bytes_and_times_may_be_as_large_as_addresses() -> None:
    for name in ("octets", "busy"):
        assert not between(139_836_994_071_144, 139_836_994_071_244, name).faults


@pytest.mark.parametrize(
    ("value", "says"),
    [
        (0x5500_0000_0000, "an address"),
        (0x7FFF_FFFF_FFFF, "an address"),
        (0xAAAA_0000_0000, "an address"),
        (0xAAAA_D5E7_B2A0, "an address"),
        (0xAAAB_FFFF_FFFF, "an address"),
        (0xFFFF_0000_0000, "an address"),
        (0xFFFF_8C1D_4010, "an address"),
        (0xFFFF_FFFF_FFFF, "an address"),
        (0xFFFF_0000_0000_0000, "an address"),
        (0xFFFF_8880_0123_4567, "an address"),
        (2**64 - 4096, "an address"),
        (2**64 - 4095, "the error -4095"),
        (2**64 - 62, r"the error -62 \(ETIME, the device did not answer in time\)"),
        (2**64 - 2, r"the error -2 \(ENOENT\)"),
    ],
)
def test_addresses_and_errors_are_no_counts(value: int, says: str) -> None:
    found = between(value, value)
    assert math.isnan(found["packets"])
    pattern = rf"stands at {value:,} \({value:#x}\), which is {says} and not a count"
    assert re.fullmatch(pattern, found.faults["packets"])


@pytest.mark.parametrize(
    "value",
    [
        0xFFFF_FFFF,  # the end of 32 bits
        0x0000_AAAA_FFFF,
        0x54FF_FFFF_FFFF,
        0x8000_0000_0000,
        0xAAA9_FFFF_FFFF,
        0xAAAC_0000_0000,
        0xFFFE_FFFF_FFFF,
        0x1_0000_0000_0000,
        0x7FFF_FFFF_FFFF_FFFF,
        0xFFFE_FFFF_FFFF_FFF0,
    ],
)
def test_what_is_near_an_address_is_a_count(value: int) -> None:
    found = between(value - 5, value)
    assert (found["packets"], dict(found.faults)) == (5.0, {})


def test_only_counters_of_a_known_unit_are_held_against_addresses() -> None:
    kernel = 0xFFFF_8880_0123_4567
    for name in ("octets", "busy"):  # no 64 bits of bytes were ever counted
        assert "an address and not a count" in between(kernel, kernel, name).faults[name]
        assert not between(0xFFFF_8C1D_4010, 0xFFFF_8C1D_4010, name).faults
    for name in ("depth", "mode", "nobody_knows_it"):
        assert not between(kernel, kernel, name).faults
    assert between(MISSING, MISSING).faults["packets"] == "could not be read"


def test_counter_that_was_unreadable_before_has_no_rate_yet() -> None:
    found = between(MISSING, 7)
    assert math.isnan(found["packets"])
    assert not found.faults


def test_new_names_have_no_rate_and_old_ones_keep_theirs() -> None:
    before = sample(1, packets=10, octets=100)
    found = rates(before, sample(2, busy=5, packets=40))
    assert found["packets"] == 30.0
    assert math.isnan(found["busy"])
    assert found.names == ("busy", "packets")
    assert not found.faults


def test_counter_that_moves_in_steps_is_no_fault() -> None:
    first = sample(5.0, cycles=0)
    found = rates(first, sample(5.0001, first.schema, cycles=2 * 10**8))
    assert found["cycles"] == pytest.approx(2e12)
    assert not found.faults


def test_counter_that_began_anew_has_no_rate_yet() -> None:
    found = rates(sample(1, packets=100), sample(2, packets=3))
    assert math.isnan(found["packets"])
    assert not found.faults


def test_order_matters() -> None:
    earlier, later = sample(1, packets=1), sample(2, packets=2)
    with pytest.raises(SourceError, match="older than the first; pass the earlier one first"):
        rates(later, earlier)
    with pytest.raises(SourceError, match="at the same moment"):
        rates(earlier, earlier)


def test_samples_are_read_by_name_and_not_changed() -> None:
    taken = sample(1, packets=4, octets=9)
    assert taken["octets"] == 9
    assert taken.as_dict() == {"packets": 4, "octets": 9}
    with pytest.raises(SourceError, match=r"no counter 'packet' \(.*\); did you mean 'packets'"):
        taken["packet"]
    with pytest.raises(ValueError, match="read-only"):
        taken.values[0] = 1
