# SPDX-License-Identifier: BSD-3-Clause
"""Tables of results: their columns, files, filters and warnings."""

import json
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import labkit as lk
from labkit.results.columns import COLUMNS, as_table
from labkit.results.curve import dut_limit
from labkit.runs.trial_counted import settled_losses

ROW = {"config": "a", "size_bytes": 64, "target_pps": 7e4, "tx_pps": 7e4, "rx_pps": 6.9e4}
DESIGNED = """
config size_bytes target_pps tx_pps rx_pps drop_percent unsent lost reordered duplicated
unexplained nic_imissed nic_ierrors nic_nombuf app_drops latency_min_ns latency_avg_ns
latency_p50_ns latency_p90_ns latency_p99_ns latency_p999_ns latency_max_ns tx_mbps rx_mbps
generator_limited seconds started_at
"""


def test_columns_are_those_of_every_result_and_keep_their_types() -> None:
    whole, empty = as_table([ROW]), as_table([])
    assert set(DESIGNED.split()) <= set(COLUMNS)
    assert list(whole.columns) == list(empty.columns) == list(COLUMNS)
    assert (whole.dtypes == empty.dtypes).all()


def test_what_was_not_measured_is_missing_and_not_zero() -> None:
    table = as_table([{**ROW, "lost": None, "latency_p50_ns": float("nan")}])
    for name in ("lost", "latency_p50_ns", "nic_imissed", "generator_limited", "started_at"):
        assert pd.isna(table.loc[0, name]), name


def test_unknown_column_is_refused_with_the_near_one() -> None:
    with pytest.raises(lk.LabError, match=r"no column 'rx_kpps'.*did you mean 'rx_pps'"):
        as_table([{**ROW, "rx_kpps": 69.0}])


def test_results_come_back_as_they_were_saved(tmp_path: Path) -> None:
    rows = [
        {**ROW, "lost": 2**53 + 1, "generator_limited": True, "started_at": "2026-05-21T04:58:23Z"},
        {**ROW, "config": "b", "latency_p50_ns": 1234.5, "balanced": False},
    ]
    results = lk.Results.from_rows(rows, {"title": "two", "seed": 7})
    loaded = lk.load(results.save(tmp_path / "new" / "folder"))
    pd.testing.assert_frame_equal(loaded.table, results.table)
    assert loaded.table.loc[0, "lost"] == 2**53 + 1
    assert loaded.run["seed"] == 7
    assert loaded.warnings == results.warnings


def test_results_of_earlier_releases_have_no_mix(tmp_path: Path) -> None:
    results = lk.Results.from_rows([ROW])
    results.save(tmp_path)
    results.table.drop(columns="mix").to_parquet(tmp_path / "results.parquet", index=False)
    loaded = lk.load(tmp_path)
    assert loaded.table.equals(results.table)
    assert len(lk.compare(loaded, results).table) == 1
    assert "mix" not in repr(loaded)


def test_saving_again_is_fine_and_saving_over_others_is_not(tmp_path: Path) -> None:
    first, second = lk.Results.from_rows([ROW]), lk.Results.from_rows([ROW, ROW])
    first.save(tmp_path)
    first.save(tmp_path)
    with pytest.raises(lk.LabError, match="holds other results; choose another folder"):
        second.save(tmp_path)
    assert len(lk.load(tmp_path)) == 1


def test_load_names_what_is_wrong(tmp_path: Path) -> None:
    with pytest.raises(lk.LabError, match=r"holds no results: it has no run\.json"):
        lk.load(tmp_path)
    (tmp_path / "run.json").write_text("{")
    with pytest.raises(lk.LabError, match="is damaged"):
        lk.load(tmp_path)
    (tmp_path / "run.json").write_text(json.dumps({"format": "labkit-results/1"}))
    (tmp_path / "results.parquet").write_text("no table")
    with pytest.raises(lk.LabError, match=r"results\.parquet is damaged"):
        lk.load(tmp_path)
    (tmp_path / "run.json").write_text(json.dumps({"format": "labkit-results/9"}))
    with pytest.raises(lk.LabError, match="'labkit-results/9'; this release reads"):
        lk.load(tmp_path)
    with pytest.raises(lk.LabError, match=r"no data set 'udp_echo' .*mean 'udp_echo_ec2'\?"):
        lk.load("datasets/udp_echo")
    with pytest.raises(lk.LabError, match=r"no data set '.' \(there are: udp_echo_ec2\)"):
        lk.load("datasets")


def test_where_chooses_trials_and_names_what_there_is() -> None:
    results = lk.Results.from_rows([{**ROW, "size_bytes": size} for size in (64, 512, 1400)])
    for sizes in ((64, 512), np.array([64, 512])):
        assert results.where(size_bytes=sizes).table["size_bytes"].tolist() == [64, 512]
    with pytest.raises(lk.LabError, match=r"size_bytes 65; there are \[64\.0, 512\.0, 1400\.0\]"):
        results.where(size_bytes=65)
    mixed = lk.Results.from_rows([ROW, {**ROW, "mix": "IMIX"}, {**ROW, "mix": "other"}])
    assert mixed.where(mix=("IMIX", None)).table["mix"].fillna("").tolist() == ["", "IMIX"]
    with pytest.raises(lk.LabError, match=r"no trial has mix None; there are \['IMIX'\]"):
        mixed.where(mix="IMIX").where(mix=None)
    with pytest.raises(lk.LabError, match="did you mean 'size_bytes'"):
        results.where(size_byte=64)


def test_reader_is_told_of_imbalance_and_of_a_generator_that_fell_short() -> None:
    results = lk.Results.from_rows(
        [{**ROW, "balanced": False}, {**ROW, "generator_limited": True}, ROW],
        {"skipped": ["testpmd, 8500 B: too long"], "trials": 4},
    )
    told = "\n".join(results.warnings)
    for part in (
        "NOT balanced: 1 of 3",
        "generator limited: 1 of 3",
        "not measured: testpmd, 8500",
    ):
        assert part in told
    assert "not finished: 1 of 4 trials" in told
    assert told in repr(results)
    assert results._repr_html_().count("#b3261e") == 4
    assert not lk.Results.from_rows([ROW]).warnings


def test_reader_is_told_of_frames_that_came_after_the_end() -> None:
    late = lk.Results.from_rows([{**ROW, "received": 1000, "late": n} for n in (0, 10, 11, None)])
    (warning,) = late.warnings
    assert warning.startswith("late frames: in 1 of 4 trials more than 1 % of the received came")


def cells(page: str) -> list[str]:
    return re.findall(r"<td[^>]*>([^<]*)</td>", page)


def test_numbers_are_shown_as_precisely_as_they_are_read() -> None:
    row = {
        **ROW, "config": "<b>a</b>", "target_pps": 14_880_952.38, "drop_percent": 0.0290001,
        "lost": 1234567, "latency_p50_ns": 12345.6, "unsent": None, "balanced": True,
    }  # fmt: skip
    mix = {**row, "size_bytes": lk.IMIX.mean, "drop_percent": 42.82951, "unsent": 0, "mix": "IMIX"}
    results = lk.Results.from_rows([row, mix])
    rates = ["14,880,952", "70,000", "69,000"]
    one = ["&lt;b&gt;a&lt;/b&gt;", "64", "–", *rates, "0.029", "–", "1,234,567", "12,346", "True"]
    other = [one[0], "353.8", "IMIX", *rates, "42.83", "0", *one[8:]]
    assert cells(results._repr_html_()) == one + other
    for text in (*one[1:], *other[1:]):
        assert text in repr(results)


def test_long_sweep_is_cut_and_says_so() -> None:
    long, short = (lk.Results.from_rows([{**ROW, "lost": n} for n in range(k)]) for k in (60, 20))
    told = "the first 20 of 60 trials; .table has every one"
    assert told in repr(long)
    assert told in long._repr_html_()
    shown = [text for text in cells(long._repr_html_()) if text.isdigit() and text != "64"]
    assert shown == [str(n) for n in range(20)]
    assert "trials; .table has" not in repr(short)
    assert len(cells(short._repr_html_())) == len(cells(long._repr_html_()))


def test_histograms_are_no_part_of_what_is_shown() -> None:
    results = lk.Results.from_rows([{**ROW, "latency_histogram": "HISTFAAAA", "lost": 0}])
    assert "HISTFAAAA" not in repr(results) + results._repr_html_()
    assert np.isclose(results.table["rx_pps"].iloc[0], 6.9e4)


@pytest.mark.parametrize(
    ("lost", "settled"),
    [
        ([0, -3, 3, 1], [0, 0, 0, 1]),  # refused in the second interval, missing in the third
        ([2, 0, -2, 0], [0, 0, 0, 0]),  # late, not lost
        ([5, -2, 0, 4], [5, 0, 0, 2]),
        ([1, 0, 0, -1], [0, 0, 0, 0]),
    ],
)
def test_no_interval_loses_less_than_nothing(lost: list[int], settled: list[int]) -> None:
    assert settled_losses(np.array(lost)).tolist() == settled


def test_part_of_a_whole_sweep_is_not_unfinished() -> None:
    whole = lk.Results.from_rows([ROW, {**ROW, "config": "b"}], {"trials": 2})
    assert whole.where(config="a").warnings == []


def test_what_the_measuring_port_lost_is_told_everywhere() -> None:
    loads = [(7e4, 0.0, 0), (14e4, 9.0, 12_600)]
    rows = [
        {**ROW, "target_pps": pps, "tx_pps": pps, "drop_percent": lost, "port_drops": here}
        for pps, lost, here in loads
    ]
    results = lk.Results.from_rows(rows)
    assert results.warnings[0].startswith("receiver limited: in 1 of 2 trials")
    assert dut_limit(results.table) is None, "the DUT may have carried it"
    assert "lost frames, not the DUT alone" in repr(lk.compare(results, results))
