# SPDX-License-Identifier: BSD-3-Clause
"""Pictures show what the table says: points, intervals, limits, units."""

import warnings

import numpy as np
import pytest
from hdrh.histogram import HdrHistogram
from matplotlib.axes import Axes

import labkit as lk
from labkit.results.curve import dut_limit
from labkit.units import si_load

RATES = (70_000, 140_000, 350_000, 700_000)
CAPACITY = {"fast": 1e9, "slow": 200_000}


def row(config: str, size: int, rate: float, repeat: int = 0) -> dict[str, object]:
    received = min(rate, CAPACITY[config] * (1 + 0.01 * repeat))
    return {
        "config": config,
        "size_bytes": size,
        "target_pps": rate,
        "tx_pps": rate,
        "rx_pps": received,
        "drop_percent": 100 * (1 - received / rate),
        "latency_p50_ns": 10_000.0 + repeat,
        "generator_limited": config == "fast" and rate == RATES[-1],
    }


@pytest.fixture
def sweep() -> lk.Results:
    keys = [(c, s, r, n) for c in CAPACITY for s in (64, 1400) for r in RATES for n in range(3)]
    return lk.Results.from_rows((row(*key) for key in keys), {"title": "two DUTs"})


@pytest.fixture
def seed() -> lk.Results:
    return lk.load("datasets/udp_echo_ec2").where(size_bytes=(64, 1400))


def line(axes: Axes, label: str) -> "np.ndarray":
    drawn = [part for part in axes.get_lines() if part.get_label() == label]
    assert len(drawn) == 1, label
    return drawn[0].get_xydata()


def test_points_are_the_means_of_the_repeats(sweep: lk.Results) -> None:
    small, large = sweep.plot.drop().axes
    assert line(small, "fast")[:, 1].tolist() == [0, 0, 0, 0]
    slow = line(large, "slow")
    assert slow[:, 0].tolist() == list(RATES)
    expected = np.mean([100 * (1 - 2e5 * (1 + 0.01 * n) / 7e5) for n in range(3)])
    assert slow[3, 1] == pytest.approx(expected)


def test_repeats_have_error_bars_and_single_trials_have_none(sweep: lk.Results) -> None:
    assert sweep.plot.pps().axes[0].containers
    assert "bars: 95 % confidence intervals" in sweep.plot.pps().get_suptitle()
    single = lk.Results.from_rows(row(c, 64, r) for c in CAPACITY for r in RATES)
    assert not single.plot.pps().axes[0].containers
    assert "bars" not in single.plot.pps().get_suptitle()


def test_other_results_lie_beneath_in_grey(sweep: lk.Results, seed: lk.Results) -> None:
    for figure in (sweep.plot.drop(over=seed), sweep.plot.pps(over=seed)):
        axes = figure.axes[0]
        rust = next(part for part in axes.get_lines() if part.get_label() == "rust-dpdk")
        ours = next(part for part in axes.get_lines() if part.get_label() == "slow")
        assert rust.get_zorder() < ours.get_zorder()
        assert rust.get_ydata()[0] in (pytest.approx(1.4286), 69_000)


def test_latency_that_was_not_measured_is_not_drawn(sweep: lk.Results, seed: lk.Results) -> None:
    axes = sweep.plot.latency(over=seed).axes[0]
    labels = [part.get_label() for part in axes.get_lines()]
    assert "tokio-dpdk (avg)" not in labels
    assert line(axes, "plain-rust (avg)")[:, 0].tolist() == [70_000, 140_000, 700_000]
    assert line(axes, "native-dpdk (avg)")[0, 1] == 57.0


def test_axes_have_units_and_sizes_are_named(sweep: lk.Results) -> None:
    for figure in (sweep.plot.drop(), sweep.plot.pps(), sweep.plot.latency("p50")):
        assert [axes.get_title() for axes in figure.axes] == ["64 B", "1,400 B"]
        assert all(axes.get_xlabel() == "offered load (frames/s)" for axes in figure.axes)
        label = figure.axes[0].get_ylabel()
        assert any(unit in label for unit in ("(%)", "(frames/s)", "(µs)")), label
        assert figure._repr_png_().startswith(b"\x89PNG")


def test_generator_limited_points_are_hollow(sweep: lk.Results) -> None:
    axes = sweep.plot.drop().axes[0]
    hollow = [
        p for p in axes.get_lines() if p.get_markerfacecolor() == "white" and len(p.get_xdata())
    ]
    assert [p.get_xdata().tolist() for p in hollow] == [[700_000]]


def test_limit_is_the_highest_load_carried_below_one_that_was_not(sweep: lk.Results) -> None:
    table = sweep.table[sweep.table["size_bytes"] == 64]
    assert dut_limit(table[table["config"] == "slow"]) == 140_000
    assert dut_limit(table[table["config"] == "fast"]) is None, "not reached: not known"
    overloaded = table[(table["config"] == "slow") & (table["target_pps"] > 200_000)]
    assert dut_limit(overloaded) is None, "even the lowest load was too much"


def test_no_interval_leaves_what_can_be() -> None:
    drops = (0.0, 12.0, 99.0, 100.0)
    rows = [{**row("slow", 64, 350_000), "drop_percent": drop} for drop in drops]
    (bars,) = lk.Results.from_rows(rows).plot.drop().axes[0].containers
    ((low, high),) = [bar[:, 1] for bar in bars[2][0].get_segments()]
    assert (low, high) == (0, 100), "by Student's t from -36 to 142 %"


def test_loads_that_were_not_reached_stand_where_they_were_offered() -> None:
    rows = [row("slow", 64, rate) for rate in (140_000, 350_000, 700_000)]
    offered = (30_000, 90_000, 60_000)
    rows = [{**r, "tx_pps": tx, "drop_percent": 0.0} for r, tx in zip(rows, offered, strict=True)]
    axes = lk.Results.from_rows(rows).plot.drop().axes[0]
    assert line(axes, "slow")[:, 0].tolist() == sorted(offered)
    assert axes.get_xlim()[0] < 30_000


def test_percentiles_are_those_of_the_histograms() -> None:
    rows = []
    for value in (10_000, 20_000):
        histogram = HdrHistogram(1, 10**10, 3)
        histogram.record_value(value, 1000)
        text = histogram.encode().decode()
        rows.append({**row("fast", 64, 70_000), "latency_histogram": text})
    drawn = line(lk.Results.from_rows(rows).plot.percentiles().axes[0], "fast")
    assert drawn[0, 1] == pytest.approx(10, rel=2e-3)
    assert drawn[-1, 1] == pytest.approx(20, rel=2e-3)
    halfway = drawn[drawn[:, 1] > 15][0, 0]
    assert halfway == pytest.approx(-np.log10(0.5), abs=0.06)


def test_nothing_sent_is_no_load_of_an_axis() -> None:
    rows = [{**row("fast", 64, 70_000), "tx_pps": sent, "rx_pps": sent} for sent in (0.0, 7e4)]
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # matplotlib's, of limits that cannot be
        lk.Results.from_rows(rows).plot.drop()


def test_trials_without_a_config_are_drawn() -> None:
    histogram = HdrHistogram(1, 10**10, 3)
    histogram.record_value(20_000, 1000)
    rows = [
        {**row("fast", 64, rate), "config": None, "latency_histogram": histogram.encode().decode()}
        for rate in RATES
    ]
    results = lk.Results.from_rows(rows)
    for figure in (results.plot.drop(), results.plot.pps(over=results), results.plot.latency()):
        drawn = [part for part in figure.axes[0].get_lines() if part.get_label() == "(no config)"]
        assert drawn
        for part in drawn:
            assert part.get_xdata().tolist() == list(RATES)
    assert line(results.plot.percentiles().axes[0], "(no config)")[-1, 1] == pytest.approx(
        20, rel=2e-3
    )
    assert results.table["config"].isna().all()


def test_plot_tells_what_it_draws(sweep: lk.Results) -> None:
    for name in ("drop()", "pps()", "latency(", "over=", "percentiles()", "48 trials"):
        assert name in repr(sweep.plot)
    assert sweep.plot().axes[0].get_ylabel() == sweep.plot.drop().axes[0].get_ylabel()


def test_what_cannot_be_drawn_is_named(sweep: lk.Results) -> None:
    seed = "datasets/udp_echo_ec2"
    with pytest.raises(lk.LabError, match=rf"over is '{seed}'.*lk.load\('{seed}'\) gives them"):
        sweep.plot.drop(over=seed)  # type: ignore[arg-type]
    untimed = lk.Results.from_rows([{"size_bytes": 64, "latency_histogram": "x"}])
    with pytest.raises(lk.LabError, match="no trial has a target_pps"):
        untimed.plot.percentiles()
    with pytest.raises(lk.LabError, match="no trial has a target_pps"):
        lk.Results.from_rows([{**row("fast", 64, 70_000), "target_pps": None}]).plot.drop()
    with pytest.raises(lk.LabError, match="no 'p42'; choose min, avg"):
        sweep.plot.latency("p42")
    with pytest.raises(lk.LabError, match="measure with latency=True"):
        sweep.plot.percentiles()
    with pytest.raises(lk.LabError, match="no trials to draw"):
        lk.Results.from_rows([]).plot.drop()


def test_differences_are_drawn_with_their_verdicts(sweep: lk.Results) -> None:
    figure = lk.compare(sweep.where(config="fast"), sweep.where(config="slow")).plot()
    assert [axes.get_xlabel() for axes in figure.axes] == [
        "rx_pps: b - a (% of a)",
        "drop_percent: b - a (% points)",
        "latency_p50_ns: b - a (% of a)",
    ]


def test_numbers_are_short() -> None:
    assert [si_load(value) for value in (70_000, 1_400_000, 14.88e6, 12)] == [
        "70 k",
        "1.4 M",
        "14.88 M",
        "12",
    ]
