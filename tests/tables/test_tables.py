# SPDX-License-Identifier: BSD-3-Clause
"""DataFrames as the lab shows them: in a notebook, and in a terminal of any width."""

import pickle
import re

import numpy as np
import pandas as pd
import pytest

import labkit as lk
from labkit.notebooks.report.pages import number, percent
from labkit.tables.fit import WIDEST, fitting
from labkit.tables.shown import as_lines, columns_of
from labkit.text import MISSING, halves, html_table

MIXED = {
    "name": ["a", None],
    "frames": [1_000_000, None],
    "share": [0.12, np.nan],
    "good": [True, None],
    "at": pd.to_datetime(["2026-01-02", None]),
    "big": pd.array([2**64 - 1, None], dtype="UInt64"),
}


def cells(page: str) -> list[str]:
    return re.findall(r"<td[^>]*>([^<]*)</td>", page)


def test_one_mark_stands_for_what_is_missing() -> None:
    table = lk.Table(MIXED)
    assert cells(table._repr_html_())[6:] == [MISSING] * 6
    text = f"{table!r}{table!s}{table._repr_html_()}"
    assert not re.search(r"nan|NaT|None|<NA>|&lt;NA", text)
    assert number(None) == percent(None) == MISSING
    assert "1,000,000" in text
    assert "18,446,744,073,709,551,615" in text


def test_numbers_stand_right_and_words_left() -> None:
    sides = {column.head: column.side for column in columns_of(pd.DataFrame(MIXED))}
    assert sides == {"name": "l", "frames": "r", "share": "r", "good": "l", "at": "l", "big": "r"}
    lines = as_lines(pd.DataFrame({"what": ["a", "bcd"], "n": [7, 12345]})).splitlines()
    assert lines == ["what       n", "a          7", "bcd   12,345"]


def test_a_table_is_a_dataframe_in_all_else() -> None:
    table, frame = lk.Table(MIXED), pd.DataFrame(MIXED)
    pd.testing.assert_frame_equal(table, frame)
    assert table.equals(frame)
    assert frame.equals(table)
    for made in (
        table[["name", "share"]],
        table[table["share"] > 0],
        table.assign(x=1),
        table.copy(),
    ):
        assert isinstance(made, lk.Table)
    assert isinstance(pickle.loads(pickle.dumps(table)), lk.Table)
    assert isinstance(table["share"], pd.Series)
    assert isinstance(pd.concat([table, table]), lk.Table)


def test_an_index_is_shown_where_it_tells_something() -> None:
    rows = pd.DataFrame({"n": [1, 2, 3]})
    assert as_lines(rows[rows["n"] > 1]).splitlines() == ["n", "2", "3"]
    named = rows.set_axis(pd.Index(["a", "b", "c"], name="port"))
    assert as_lines(named).splitlines()[:2] == ["port  n", "a     1"]
    levels = pd.MultiIndex.from_product([["a"], [4, 6, 8]], names=["port", None])
    assert as_lines(rows.set_axis(levels)).splitlines()[1] == "a     4  1"
    odd = pd.DataFrame(
        [[1, 2]], columns=pd.MultiIndex.from_tuples([("p50", "IPv4"), ("p50", "IPv6")])
    )
    assert as_lines(odd).splitlines() == ["p50 IPv4  p50 IPv6", "       1         2"]


@pytest.mark.parametrize(
    "frame", [pd.DataFrame(), pd.DataFrame(columns=["a"]), pd.DataFrame(index=[1])]
)
def test_what_is_empty_can_be_shown(frame: pd.DataFrame) -> None:
    assert lk.Table(frame)._repr_html_().startswith("<div")
    assert repr(lk.Table(frame))


@pytest.mark.parametrize("width", [20, 40, 80, 200])
def test_lines_of_a_terminal_lose_no_column(width: int) -> None:
    frame = pd.DataFrame({f"column_{n}": [n * 1000] for n in range(12)})
    text = as_lines(frame.assign(first="name")[["first", *frame]], width)
    parts = [part.splitlines() for part in text.split("\n\n")]
    assert all(lines[0].startswith("first") and lines[1].startswith("name") for lines in parts)
    assert max(len(line) for lines in parts for line in lines) <= width
    assert sum(line.count("column_") for lines in parts for line in lines) == 12


def test_long_and_wide_tables_say_what_is_left_out() -> None:
    table = lk.Table(np.arange(100 * 50).reshape(100, 50))
    for shown in (repr(table), table._repr_html_()):
        assert "100 rows, 50 columns; shown: the first and last 10 rows and the first 40" in shown
        assert "4,950" in shown
        assert "2,500" not in shown
    assert "shown" not in repr(lk.Table({"a": range(60)}))


def test_columns_are_chosen_for_the_width() -> None:
    many = pd.DataFrame({f"constant_{n}": [0] * 3 for n in range(20)})
    many = many.assign(verdict=["differs"] * 3, a=[1, 2, 3], b=["x" * 40, "y" * 40, "z" * 40])
    shown, told = fitting(many, keys=("verdict",))
    assert list(shown) == ["verdict", "a", "b"]
    assert told.startswith("in all rows: constant_0 0, constant_1 0, ")
    same, nothing = fitting(many[["verdict", "a"]])
    assert (list(same), nothing) == (["verdict", "a"], "")
    wide = pd.DataFrame({name: [name * 20, "-"] for name in "abcdefgh"})
    shown, told = fitting(wide, expendable=("h", "a", "b", "c", "d", "e"))
    assert list(shown) == ["d", "e", "f", "g"]
    assert told == "not shown: h, a, b, c"
    assert sum(len(name * 20) for name in shown) <= WIDEST


def test_headings_are_broken_once_and_names_never() -> None:
    assert halves("latency_p50_ns") == ["latency_", "p50_ns"]
    assert halves("rtt_min_us") == ["rtt_", "min_us"]
    assert halves("sent") == ["sent"]
    assert halves("_x_") == ["_x_"]
    page = html_table(("latency_p50_ns", "what", "note"), [("a-b", "c d", "long " * 20)], "rll")
    assert page.count("<wbr/>") == 1
    name, words, sentence = re.findall(r"<td style=\"([^\"]*)\"", page)
    assert ["nowrap" in style for style in (name, words, sentence)] == [True, True, False]


def test_the_first_column_stays_unless_it_is_a_sentence() -> None:
    rows = [("a", "1", "2"), ("b", "3", "4")]
    page = html_table(("name", "x", "y"), rows)
    assert page.startswith('<div style="overflow-x:auto')
    assert page.count("position:sticky") == 3
    assert "sticky" not in html_table(("name", "x"), [row[:2] for row in rows])
    assert "sticky" not in html_table(("name", "x", "y"), [("long " * 9, "1", "2")])


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0012, "+0.12 %"), (0.0019, "+0.19 %"), (-0.5, "-50.0 %"), (1e4, "+1,000,000.0 %")],
)
def test_differences_that_differ_look_different(value: float, text: str) -> None:
    assert percent(value) == text
    assert {number(0.00012), number(0.00019)} == {"0.0001200", "0.0001900"}
    assert [number(value) for value in (0, 10, 12345.6, 1e6)] == [
        "0",
        "10.00",
        "12,346",
        "1,000,000",
    ]
