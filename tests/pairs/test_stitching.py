# SPDX-License-Identifier: BSD-3-Clause
"""Two recordings joined: sums go on, a gap has nothing, what is not the role's does not count."""

import math
from pathlib import Path

import pytest

import labkit as lk
from labkit.pairs.stitching import Epoch, Stitched
from labkit.sources import MISSING, Sample, Schema
from labkit.sources.base import readonly

MS = 1_000_000
SENT = "port/main/tx_good_packets"


def recorded(side: str, counts: dict[int, int], start: int = 0) -> list[Sample]:
    """Samples by their time in ms."""
    schema = Schema.of([f"port/{side}/tx_good_packets", "pool/other/in_use"])
    return [
        Sample(start + t * MS, 10**18 + t * MS, readonly([count, 7]), schema)
        for t, count in counts.items()
    ]


def epoch(number: int, side: str, samples: list[Sample], *times: int | None) -> Epoch:
    """times in ms: first and last frame, base, until, restart"""
    first, last, base, until, limit = (None if t is None else t * MS for t in times)
    assert first is not None
    assert base is not None
    prefix = f"port/{side}/"
    return Epoch(number, side, 0, samples, prefix, first, last, base, until, limit)


def joined() -> Stitched:
    """a sends 100 a 10 ms until 30 ms; b, which had sent 5 before, from 60 ms on."""
    a = recorded("a", {0: 50, 10: 150, 20: 250, 30: 350, 40: 350, 50: 350, 60: 350, 70: 390})
    b = recorded("b", {0: 5, 10: 5, 20: 5, 30: 5, 40: 5, 50: 5, 60: 65, 70: 165, 80: 265})
    return Stitched(
        "pair",
        100,
        [epoch(1, "a", a, 0, 30, 0, 52, None), epoch(2, "b", b, 60, None, 45, None, None)],
    )


def test_a_gap_and_the_sum_after_it() -> None:
    table = joined().table
    assert list(table["side"]) == ["a"] * 3 + ["b"] * 3
    assert list(table["epoch"]) == [1] * 3 + [2] * 3
    assert list(table[SENT]) == [100, 200, 300, 360, 460, 560]
    assert [t.microsecond // 1000 for t in table.index] == [10, 20, 30, 60, 70, 80]
    assert set(table.columns) == {"side", "epoch", SENT}


def test_no_rate_over_the_gap() -> None:
    stitched = joined()
    rates = stitched.rates[SENT].tolist()
    assert math.isnan(rates[2])
    assert rates[:2] + rates[3:] == [10_000.0] * 4
    assert stitched.faults.empty
    assert stitched.gaps == 2


def test_epochs() -> None:
    epochs = joined().epochs
    assert epochs.loc[1, "seconds"] == pytest.approx(0.03)
    assert epochs["end"].isna().tolist() == [False, True]
    assert epochs.loc[2, "gap_before_s"] == pytest.approx(0.03)


def test_what_is_counted_while_paths_are_switched_is_the_old_mains() -> None:
    a = recorded("a", {0: 0, 10: 10, 20: 13, 30: 13})
    b = recorded("b", {0: 0, 10: 0, 20: 4, 30: 14})
    parts = [epoch(1, "a", a, 0, 10, 0, 15, None), epoch(2, "b", b, 20, None, 5, None, None)]
    assert list(Stitched("pair", 100, parts).table[SENT]) == [10, 17, 27]


def test_an_engine_that_was_restarted_counts_from_0() -> None:
    a = recorded("a", {0: 900, 10: 910, 20: 920, 30: 2, 40: 5})
    parts = [epoch(1, "a", a, 0, 20, 0, 25, 26)]
    assert list(Stitched("pair", 100, parts).table[SENT]) == [10, 20]
    going_on = [epoch(1, "a", a, 0, None, 0, None, None)]
    assert list(Stitched("pair", 100, going_on).table[SENT]) == [10, 20, 22, 25]


def test_what_could_not_be_read_is_missing_and_counted_later() -> None:
    a = recorded("a", {0: 0, 10: 10, 20: MISSING, 30: 40})
    table = Stitched("pair", 100, [epoch(1, "a", a, 0, None, 0, None, None)]).table
    assert table[SENT].isna().tolist() == [False, True, False]
    assert table[SENT].iloc[-1] == 40


def test_saved_and_loaded(tmp_path: Path) -> None:
    stitched = joined()
    stitched.save(tmp_path / "role.parquet")
    loaded = lk.sources.Recording(tmp_path / "role.parquet").samples
    assert list(loaded.table["epoch"]) == list(stitched.table["epoch"])
    assert list(loaded.table[SENT]) == list(stitched.table[SENT])


def test_nothing_yet() -> None:
    assert len(Stitched("pair", 100, [])) == 0
    assert len(Stitched("pair", 100, []).epochs) == 0
