# SPDX-License-Identifier: BSD-3-Clause
"""Numbers with a unit: one grammar for rates and parameters, and one way to show them."""

import pytest

import labkit as lk
from labkit.units import Quantity, QuantityError, find_quantity, parse_quantity, si, si_load


@pytest.mark.parametrize(
    ("text", "value", "unit"),
    [
        ("700 kpps", 700e3, "pps"),
        ("1.5Mpps", 1.5e6, "pps"),
        ("70,000 pps", 70e3, "pps"),
        ("1_488_095 pps", 1_488_095, "pps"),
        ("1,488,095.5 pps", 1_488_095.5, "pps"),
        ("1e6pps", 1e6, "pps"),
        ("20 ms", 0.02, "s"),
        (" .5 µs ", 0.5e-6, "s"),
        ("64 B", 64, "B"),
        ("10 Gbps", 10e9, "bit/s"),
        ("10 Gbit/s", 10e9, "bit/s"),
        ("1.2 Tbit/s", 1.2e12, "bit/s"),
        ("2.4 GHz", 2.4e9, "Hz"),
        ("50 %", 50, "%"),
    ],
)
def test_what_people_write(text: str, value: float, unit: str) -> None:
    assert parse_quantity(text) == find_quantity(text) == Quantity(value, unit)


@pytest.mark.parametrize("text", ["1.001 Mpps", "1,001,000 pps", "1001 kpps", "1001e3 pps"])
def test_one_number_however_it_is_written(text: str) -> None:
    assert parse_quantity(text).value == 1_001_000


def test_a_layer_is_said_of_bits() -> None:
    assert parse_quantity("1 Gbit/s L1") == Quantity(1e9, "bit/s", "L1")
    with pytest.raises(QuantityError, match="L1 is said of bit/s only"):
        parse_quantity("10 kpps L1")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("10 Gbs", "'Gbs' is no unit; units are pps, bit/s, B, s, Hz, %, with .*mean 'Gbps'?"),
        ("5 mpps", "'mpps' is no unit; .*did you mean 'Mpps'?"),
        ("5 KPPS", "'KPPS' is no unit; .*did you mean 'kpps'?"),
        ("7 apples", "'apples' is no unit; units are"),
        ("70000", "it has no unit; units are pps"),
        ("1,0 pps", "in '1,0' a comma sets three digits apart, as in 70,000, .*: 1.0 pps"),
        ("1,00,000 pps", "in '1,00,000' a comma sets three digits apart"),
        ("-5 pps", "-5 has a sign; write a number without one"),
        ("nan pps", "'nan pps' does not begin with a number"),
        ("inf pps", "'inf pps' does not begin with a number"),
        ("1e999 pps", "1e999 is more than a number can hold"),
        ("1.2.3 pps", "'1.2.3 pps' is no number with a unit"),
        ("kpps", "'kpps' does not begin with a number"),
        ("", "'' does not begin with a number"),
    ],
)
def test_near_misses_are_named_with_the_fix(text: str, reason: str) -> None:
    with pytest.raises(QuantityError, match=reason):
        parse_quantity(text)
    assert find_quantity(text) is None


@pytest.mark.parametrize("text", ["10 Gbs", "1,0 pps", "-5 pps", "nan pps", "20 ms", "64 B"])
def test_a_rate_names_what_is_wrong(text: str) -> None:
    with pytest.raises(lk.LabError, match=f"rate is '{text}'; write it as \"700 kpps\", .* \\("):
        lk.Rate.parse(text)


@pytest.mark.parametrize("text", ["70,000 pps", "7e4 pps", "7e4", "70k", "70 kpps", "0.07 M"])
def test_a_rate_needs_no_unit(text: str) -> None:
    assert lk.Rate.parse(text) == lk.Rate(70_000)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (0, "0 pps"),
        (0.25, "0.25 pps"),
        (12, "12 pps"),
        (999.96, "1 kpps"),
        (70_000, "70 kpps"),
        (999_960, "1 Mpps"),
        (1_488_095, "1.488 Mpps"),
        (10e9, "10 Gpps"),
        (-1_400_000, "-1.4 Mpps"),
    ],
)
def test_loads_are_short(value: float, words: str) -> None:
    assert si_load(value, "pps") == words
    assert si_load(value) == words.removesuffix("pps").rstrip()


@pytest.mark.parametrize(
    ("count", "words"),
    [(9_999, "9,999"), (10_000, "10.0 k"), (999_499, "999 k"), (10**6, "1.00 M")],
)
def test_counts_keep_their_digits(count: int, words: str) -> None:
    assert si(count) == words
