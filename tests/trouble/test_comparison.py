# SPDX-License-Identifier: BSD-3-Clause
"""Numbers in lines are compared as rules say, and what is not known compares with nothing."""

import re
from datetime import UTC, datetime

import pytest

import labkit as lk
from labkit.trouble.comparison import comparison
from labkit.trouble.moments import Dater
from labkit.trouble.readers.logs import of_lines
from labkit.trouble.rules import LineSign, rule_of

GROUPS = ("lost", "limit", "tdh_hex", "flag", "word")


@pytest.mark.parametrize(
    ("text", "found", "holds"),
    [
        ("lost > limit", {"lost": "129", "limit": "128"}, True),
        ("lost > limit", {"lost": "9", "limit": "128"}, False),
        ("lost >= 5000 and flag == 1", {"lost": "5000", "flag": "1"}, True),
        ("lost >= 5000 and flag == 1", {"lost": "5000", "flag": "0"}, False),
        ("lost < 1 or flag == 1", {"lost": "5", "flag": "1"}, True),
        ("tdh_hex == 147", {"tdh_hex": "93"}, True),
        ("lost == 147", {"lost": "0x93"}, True),
        ("4.6 <= lost <= 5.05", {"lost": "4.97"}, True),
        ("4.6 <= lost <= 5.05", {"lost": "9.97"}, False),
        ("lost == limit + 57005", {"lost": "57006", "limit": "1"}, True),
        ("lost - limit > 0", {"lost": "1", "limit": "1"}, False),
        ("tdh_hex % 2 == 0", {"tdh_hex": "558000"}, True),
        ("lost % limit == 0", {"lost": "1", "limit": "0"}, False),
        ("lost > 1", {"lost": None}, False),
        ("lost != 1", {"lost": None}, False),
        ("word != 1", {"word": "none"}, False),
        ("lost == limit + 1", {"lost": "1", "limit": None}, False),
    ],
)
def test_what_holds(text: str, found: dict[str, str | None], holds: bool) -> None:
    assert comparison(text, GROUPS)(found) is holds


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("lost >", "invalid syntax"),
        ("lost", "takes comparisons"),
        ("not lost > 1", "takes comparisons"),
        ("lost in limit", "takes comparisons"),
        ("age > 1", "has no group 'age'; it has flag, limit"),
        ("lost > 'x'", "compares numbers"),
        ("lost > True", "compares numbers"),
        ("lost * 2 > 1", "compares numbers"),
        ("lost > abs(limit)", "compares numbers"),
        ("__import__('os').system('x') == 1", "compares numbers"),
    ],
)
def test_a_comparison_that_cannot_be(text: str, words: str) -> None:
    with pytest.raises(lk.LabError, match=re.escape(words)):
        comparison(text, GROUPS)


@pytest.mark.parametrize(
    ("sign", "words"),
    [
        ({"line": "a", "where": "n > 1"}, "sign b: comparison 'n > 1': the pattern has no group"),
        ({"line": "a", "rises": "n"}, "sign b: its pattern has no group 'n'"),
        ({"line": "(?P<n>.)", "same": "n"}, "same is of a sign that has near or rises"),
        ({"line": "(?P<n>.)", "same": "n", "near": "a"}, "the pattern of 'a' has no group 'n'"),
        ({"lines_of": "c"}, "one of line, counter, fact"),
        ({"line": "("}, "is no regular expression"),
    ],
)
def test_a_sign_that_cannot_be(sign: dict[str, object], words: str) -> None:
    with pytest.raises(lk.LabError, match=re.escape(words)):
        rule_of(_rule({"a": {"line": "x"}, "b": sign}, "b"))


def test_a_sign_looks_at_the_lines_of_another_one() -> None:
    rule = rule_of(_rule({"a": {"line": "n (?P<n>.)"}, "b": {"lines_of": "a", "where": "n > 3"}}))
    sign = rule.signs["b"]
    assert isinstance(sign, LineSign)
    assert sign.found("n 4")
    assert not sign.found("n 3")


@pytest.mark.parametrize(
    "lines",
    [
        [
            "[9.1] igb 0000:07:00.0 eth0: Detected Tx Unit Hang",
            "        Tx Queue             <2>",
            "        TDH                  <1a>",
            "        TDT                  <3c>",
        ],
        ["[9.1] igb 0000:07:00.0 eth0: Detected Tx Unit Hang\\x0a  TDH <1a>\\x0a  TDT <3c>"],
        ["[9.1] igb 0000:07:00.0 eth0: Detected Tx Unit Hang#012  TDH <1a>#012  TDT <3c>"],
        [
            '{"__REALTIME_TIMESTAMP": "1", "MESSAGE": "igb 0000:07:00.0 eth0: '
            'Detected Tx Unit Hang\\n  TDH <1a>\\n  TDT <3c>"}'
        ],
    ],
)
def test_what_a_driver_tells_in_several_lines_is_one(lines: list[str]) -> None:
    (event,) = of_lines(lines, "log", 1, Dater(datetime.now(UTC)))
    assert re.search("Unit Hang.*TDH +<1a> +TDT +<3c>", event.text)  # type: ignore[union-attr]


def test_registers_far_below_are_of_no_hang() -> None:
    lines = ["eth0: Detected Tx Unit Hang", *["x"] * 20, "  TDH <1a>", "  TDT <3c>"]
    (event,) = of_lines(lines, "log", 1, Dater(datetime.now(UTC)))
    assert "TDH" not in event.text  # type: ignore[union-attr]


def _rule(signs: dict[str, dict[str, object]], certain: str = "a") -> dict[str, object]:
    texts = {"id": "x", "title": "t", "where": "host", "cause": "c", "remedy": "r", "origin": "o"}
    return {**texts, "signs": signs, "verdict": {"certain": certain}}
