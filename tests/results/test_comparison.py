# SPDX-License-Identifier: BSD-3-Clause
"""Comparisons tell a difference from noise, and say when they cannot."""

from pathlib import Path

import numpy as np
import pytest
from scipy import stats

import labkit as lk
from labkit.results.statistics import difference_interval, mean_interval, spread_of

RUN = Path(__file__).parents[2] / "notebooks/runs/one_cpu.zip"


def trials(config: str, *received: float, target: float = 7e4) -> list[dict[str, object]]:
    return [
        {"config": config, "size_bytes": 64, "target_pps": target, "rx_pps": value}
        for value in received
    ]


def results(config: str, *received: float, target: float = 7e4) -> lk.Results:
    return lk.Results.from_rows(trials(config, *received, target=target))


def test_interval_is_that_of_students_t() -> None:
    values = np.array([10.0, 11.0, 12.5, 9.0])
    expected = stats.ttest_1samp(values, 0).confidence_interval(0.95)
    assert mean_interval(values) == pytest.approx((expected.low, expected.high))
    assert mean_interval(np.array([10.0])) is None


@pytest.mark.filterwarnings("ignore:Precision loss")  # scipy warns of repeats that are all equal
@pytest.mark.parametrize("after", [(14.0, 15.0, 17.5), (14.0, 14.0), (14.0, 14.0, 14.0, 14.1)])
def test_interval_of_a_difference_is_welchs(after: tuple[float, ...]) -> None:
    before = (10.0, 11.0, 12.5, 9.0)
    expected = stats.ttest_ind(after, before, equal_var=False).confidence_interval(0.9)
    difference = float(np.mean(after) - np.mean(before))
    found = difference_interval(difference, spread_of(before), spread_of(after), 0.9)
    assert found == pytest.approx((expected.low, expected.high))


def test_a_difference_without_noise_is_itself_and_one_value_tells_none() -> None:
    same, other = spread_of((0.1, 0.1, 0.1)), spread_of((7, 7))
    assert difference_interval(6.9, same, other) == (6.9, 6.9)
    assert difference_interval(6.9, same, spread_of((7,))) is None


def test_difference_beyond_noise_is_told_from_noise() -> None:
    a = results("x", 100.0, 101.0, 99.0)
    far = lk.compare(a, results("x", 120.0, 121.0, 119.0)).table.iloc[0]
    near = lk.compare(a, results("x", 100.5, 99.5, 101.5)).table.iloc[0]
    assert (far["verdict"], near["verdict"]) == ("differs", "within noise")
    assert far["difference"] == pytest.approx(20)
    assert 17 < far["low"] < 20 < far["high"] < 23
    assert (far["trials_a"], far["trials_b"]) == (3, 3)


def test_small_differences_are_shown() -> None:
    a = lk.Results.from_rows([{"size_bytes": 64, "target_pps": 7e4, "drop_percent": 0.029}])
    page = lk.compare(a, a)._repr_html_()
    assert ">0.029<" in page
    assert ">70,000<" in page


def test_without_repeats_nothing_is_claimed() -> None:
    comparison = lk.compare(results("x", 100.0), results("x", 120.0, 121.0))
    assert comparison.table["verdict"].tolist() == ["unknown"]
    assert comparison.table[["low", "high"]].isna().all(axis=None)
    assert "measure with repeats=2 or more" in repr(comparison)
    assert comparison.differences.empty


def test_repeats_without_any_noise() -> None:
    same, other = results("x", 5.0, 5.0), results("x", 6.0, 6.0)
    assert lk.compare(same, same).table["verdict"].tolist() == ["within noise"]
    assert lk.compare(same, other).table["verdict"].tolist() == ["differs"]


def test_noise_is_kept_at_its_confidence() -> None:
    """Of comparisons of the same with itself, about one in twenty differs at 95 %."""
    random = np.random.default_rng(5)
    rows: tuple[list[dict[str, object]], ...] = ([], [])
    for target in range(1, 401):  # a load each
        for side, values in zip(rows, random.normal(100, 1, (2, 4)), strict=True):
            side += trials("x", *values, target=target)
    comparison = lk.compare(*map(lk.Results.from_rows, rows))
    assert len(comparison.table) == 400
    assert 5 <= len(comparison.differences) <= 40


def test_what_a_reader_must_know_of_the_trials_is_told() -> None:
    a = results("x", 1.0, 2.0).table.assign(unsent=50, intended=100, balanced=False)
    more = lk.Results.from_rows([*a.to_dict("records"), {**a.iloc[0], "target_pps": 9e4}])
    comparison = lk.compare(more, results("x", 1.0, 2.0))
    assert comparison.caveats == (
        "left out: 1 loads that only a has, 0 that only b has",
        "2 of 4 trials did not reach their target_pps",
        "2 of 4 trials are NOT balanced",
    )
    assert all(caveat in repr(comparison) for caveat in comparison.caveats)
    assert lk.compare(results("x", 1.0), results("x", 1.0)).caveats == ()


def test_other_traffic_than_the_columns_tell_is_told() -> None:
    """Neither how long a load was sent nor what varied in it stands in a trial's row."""
    run = {"kind": "sweep", "parameters": {"duration": 5.0, "warmup": 0.5, "repeats": 2}}
    other = {"duration": 1.0, "warmup": 0.5, "vary": [{"field": "UDP.sport"}], "repeats": 9}
    table = results("x", 1.0, 2.0).table
    a, b = lk.Results(table, run), lk.Results(table, {**run, "parameters": other})
    told = "a and b were measured with other parameters: duration, vary"
    assert lk.compare(a, b).caveats == (told,)
    assert lk.compare(a, lk.Results(table, {"kind": "sweep"})).caveats == ()
    assert lk.compare(a, lk.Results(table)).caveats == lk.compare(a, a).caveats == ()


def test_frames_that_came_after_the_end_are_told() -> None:
    late = results("x", 1.0, 2.0)
    late = lk.Results(late.table.assign(received=100, late=[1, 2]))
    assert lk.compare(late, late).caveats == (
        "of 2 of 4 trials rx_pps counts frames that came after the end",
    )


def test_trials_without_a_config_or_a_target_are_compared() -> None:
    rows = [{"size_bytes": 64, "rx_pps": value} for value in (1.0, 2.0)]
    (row,) = lk.compare(lk.Results.from_rows(rows), lk.Results.from_rows(rows)).table.itertuples()
    assert (row.trials_a, row.trials_b, row.difference) == (2, 2, 0.0)


def test_mix_is_not_compared_with_frames_of_its_mean_size() -> None:
    rows = [
        {"config": "x", "size_bytes": 768, "mix": mix, "target_pps": 7e4, "rx_pps": rate}
        for mix, rate in ((None, 1.0), ("64, 1472 B", 2.0), ("IMIX", 3.0))
    ]
    plain, mixed, imix = (lk.Results.from_rows([row]) for row in rows)
    comparison = lk.compare(lk.Results.from_rows(rows), lk.Results.from_rows(rows))
    assert comparison.table["difference"].tolist() == [0.0] * 3
    assert comparison.table["mix"].fillna("").tolist() == ["64, 1472 B", "IMIX", ""]
    names = [label.get_text() for label in comparison.plot().axes[0].get_yticklabels()]
    assert names == ["x  64, 1472 B (768 B)  70 k", "x  IMIX (768 B)  70 k", "x  768 B  70 k"]
    assert "IMIX" in repr(comparison)
    assert "mix" not in repr(lk.compare(plain, plain))
    message = r"a has x 768 B 70,000 pps; b has x 64, 1472 B \(768 B\) 70,000 pps"
    for a, b in ((plain, mixed), (mixed, imix)):
        with pytest.raises(lk.LabError, match=message if a is plain else "no load in common"):
            lk.compare(a, b)


def test_picture_puts_every_difference_beside_its_load() -> None:
    """A load of which a quantity is missing or 0 must not move the others up."""
    measured = [(7e4, 0.0, None)] * 2 + [(14e4, 100.0, 5.0), (14e4, 101.0, 6.0)]
    rows = [
        {"config": "x", "size_bytes": 64, "target_pps": rate, "rx_pps": pps, "latency_p50_ns": ns}
        for rate, pps, ns in measured
    ]
    both = lk.Results.from_rows(rows)
    first, second = lk.compare(both, both).plot().axes
    assert [label.get_text() for label in first.get_yticklabels()] == [
        "x  64 B  70 k",
        "x  64 B  140 k",
    ]
    assert [text.get_text() for text in first.texts] == ["a is 0: no percentage"]
    heights = [line.get_ydata()[0] for line in second.get_lines() if line.get_marker() == "s"]
    assert heights == [1]


def test_two_configs_are_compared_when_each_side_has_one() -> None:
    comparison = lk.compare(results("x", 1.0, 2.0), results("y", 2.0, 3.0))
    assert comparison.table["config"].tolist() == ["x → y"]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: lk.compare(results("x", 1.0), results("x", 1.0, target=9e4)),
         "no load in common: a has x 64 B 70,000 pps; b has x 64 B 90,000 pps"),
        (lambda: lk.compare(results("x", 1.0), results("x", 1.0), confidence=95),
         "confidence is 95; the range is 0.5 to 0.999"),
        (lambda: lk.compare(results("x", 1.0), results("x", 1.0), confidence="95 %"),
         "confidence is '95 %'; the range is 0.5 to 0.999"),
        (lambda: lk.compare(results("x", 1.0), results("x", 1.0), quantities=[]),
         r"quantities is \[\]; it is a list such as \['rx_pps'\]"),
        (lambda: lk.compare(results("x", 1.0), results("x", 1.0), quantities=["latency_p50_ns"]),
         "none of latency_p50_ns was measured on both sides at one load"),
        (lambda: lk.compare(results("x", 1.0), results("x", 1.0), quantities=["rx"]),
         "'rx' cannot be compared"),
        (lambda: lk.compare(both("x", "y"), results("z", 1.0)),
         "no config in common: a has x, y, b has z; choose one of each"),
        (lambda: lk.compare("runs/a", "runs/b"),
         r"a is 'runs/a'; it is Results, as lk.sweep\(\) or lk.load\('runs/a'\) gives them"),
        (lambda: lk.compare(results("x", 1.0), lk.load(RUN)),
         r"b is a Run; it is Results, as lk.sweep\(\) or lk.load\(...\) of a sweep gives them"),
    ],
)  # fmt: skip
def test_what_cannot_be_compared_is_named(make: object, message: str) -> None:
    with pytest.raises(lk.LabError, match=message):
        make()  # type: ignore[operator]


def both(*configs: str) -> lk.Results:
    rows = [{"config": c, "size_bytes": 64, "target_pps": 1.0, "rx_pps": 1.0} for c in configs]
    return lk.Results.from_rows(rows)
