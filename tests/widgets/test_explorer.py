# SPDX-License-Identifier: BSD-3-Clause
"""lk.explore: all rows are sorted, filtered and downloaded; a page is sent a bounded number."""

import io
from typing import Any

import pandas as pd
import pytest

import labkit as lk
from labkit.errors import LabError
from labkit.widgets.explorer import MOST_ROWS, Explorer, as_file


def frame() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "dut": ["b", "<i>a</i>", "c"],
            "pps": pd.array([10, None, 2], "Int64"),
            "mix": [1, "x", 2.5],
        }
    )


def ask(explorer: Explorer, **content: Any) -> None:
    explorer._hear(None, content, None)


def column(explorer: Explorer, number: int) -> list[str]:
    return [row[number] for row in explorer.rows]


def test_sorts_all_rows_with_missing_ones_last() -> None:
    explorer = lk.explore(frame())
    ask(explorer, type="sort", column=1, way=1)
    assert column(explorer, 1) == ["2", "10", "–"]
    ask(explorer, type="sort", column=1, way=-1)
    assert column(explorer, 1) == ["10", "2", "–"]
    ask(explorer, type="sort", column=2, way=1)  # as text: they cannot be compared
    assert column(explorer, 2) == ["1", "2.5", "x"]
    ask(explorer, type="sort", column=1, way=0)
    assert column(explorer, 0) == ["b", "<i>a</i>", "c"]


def test_filters_by_a_text_not_by_a_pattern() -> None:
    explorer = lk.explore(frame())
    ask(explorer, type="filter", text=" A</ ")
    assert column(explorer, 0) == ["<i>a</i>"]
    assert explorer.note == "3 rows, 1 of them match"
    ask(explorer, type="filter", text=".*")
    assert explorer.rows == []
    ask(explorer, type="filter", text="")
    assert len(explorer.rows) == 3


@pytest.mark.parametrize(
    "content",
    [
        {"type": "sort", "column": 3, "way": 1},
        {"type": "sort", "column": -1, "way": 1},
        {"type": "sort", "column": "pps", "way": 1},
        {"type": "sort", "column": 0, "way": 7},
        {"type": "filter", "text": None},
        {"type": "download", "format": "pickle"},
        {"type": "eval"},
        {},
    ],
)
def test_what_a_page_may_not_ask_is_left(content: dict[str, Any]) -> None:
    explorer = lk.explore(frame())
    rows = explorer.rows
    ask(explorer, **content)
    assert explorer.rows == rows
    assert explorer.order == []


def test_a_long_table_is_sent_in_part_and_downloaded_whole(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    long = pd.DataFrame({"n": range(100_000)}, index=pd.Index(range(100_000), name="frame"))
    explorer = lk.explore(long)
    assert len(explorer.rows) == MOST_ROWS
    assert explorer.note == "100,000 rows, the first 200 are shown"
    ask(explorer, type="sort", column=1, way=-1)
    assert explorer.rows[0] == ["99,999", "99,999"]
    sent: list[Any] = []
    monkeypatch.setattr(explorer, "send", lambda *parts: sent.append(parts))
    for kind, read in (("csv", pd.read_csv), ("parquet", pd.read_parquet)):
        ask(explorer, type="download", format=kind)
        content, (data,) = sent.pop()
        assert content == {"type": "file", "name": f"table.{kind}"}
        got = read(io.BytesIO(data))
        assert list(got.columns) == ["frame", "n"]
        assert got["n"].tolist() == list(range(99_999, -1, -1))


def test_parquet_that_cannot_be_is_told() -> None:
    with pytest.raises(LabError, match=r"Parquet does not hold this table: .*; take CSV"):
        as_file(frame(), "parquet")
    assert as_file(frame(), "csv").splitlines()[2] == b"<i>a</i>,,x"


def test_odd_frames() -> None:
    assert lk.explore(pd.DataFrame()).note == "0 rows"
    twice = pd.DataFrame([[2, 1]], columns=["a", "a"], index=["x"])
    explorer = lk.explore(twice)
    ask(explorer, type="sort", column=2, way=1)
    assert explorer.rows == [["x", "2", "1"]]
    with pytest.raises(LabError, match=r"frame is \[1\]; it is a DataFrame"):
        lk.explore([1])  # type: ignore[arg-type]


def test_a_saved_notebook_keeps_a_table() -> None:
    kept = lk.explore(frame())._outputs(is_live=False)
    assert "&lt;i&gt;a&lt;/i&gt;" in kept["text/html"]
    assert "<script" not in kept["text/html"]
    assert "<i>a</i>" in kept["text/plain"]
