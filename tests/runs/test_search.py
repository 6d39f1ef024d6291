# SPDX-License-Identifier: BSD-3-Clause
"""Searches find the capacity of a path that is known, keep every trial, and say when they cannot.

Searches over real trials: tests/runs/test_sweep_trials.py.
"""

import math
import pathlib
from collections.abc import Mapping
from typing import Any

import pytest

import labkit as lk
from labkit import progress
from labkit.units import plain


class Path:
    """Forwards up to `capacity` frames a second, and loses `always` of what it forwards."""

    def __init__(self, capacity: float, always: float = 0.0, generator: float = math.inf) -> None:
        self.capacity, self.always, self.generator = capacity, always, generator
        self.asked: list[tuple[float, float]] = []

    def __call__(self, pps: float, seconds: float) -> Mapping[str, Any]:
        self.asked.append((pps, seconds))
        intended = round(pps * seconds)
        sent = min(
            intended, round(self.generator * seconds) if math.isfinite(self.generator) else intended
        )
        received = math.floor(min(sent, self.capacity * seconds) * (1 - self.always))
        return {
            "intended": intended,
            "sent": sent,
            "received": received,
            "unsent": intended - sent,
            "drop_percent": 100 * (sent - received) / sent,
            "generator_limited": sent < intended,
            "seconds": seconds,
        }


def search(path: Path, **settings: Any) -> lk.SearchRun:
    settings = {"max_rate": 10e6, "progress": False} | settings
    return lk.search(None, None, measure=path, **settings)


@pytest.mark.parametrize(("preset", "width"), [("quick", 0.05), ("mlr", 0.005)])
def test_bounds_enclose_the_capacity_within_the_preset(preset: str, width: float) -> None:
    run = search(Path(1_234_567), preset=preset)
    ndr = run.table.set_index("goal").loc["NDR"]
    assert ndr["lower_pps"] <= 1_234_567 <= ndr["upper_pps"]
    assert ndr["upper_pps"] / ndr["lower_pps"] - 1 <= 1.2 * width
    assert ndr["note"] == ""


def test_partial_drop_rate_is_higher_than_the_rate_without_drops() -> None:
    run = search(Path(1e6), preset="mlr")
    ndr, pdr = run.table["lower_pps"]
    assert ndr <= 1e6 < pdr < 1e6 / (1 - 0.005) * 1.001
    assert run.table["loss_percent"].tolist() == [0.0, 0.5]


def test_loss_at_every_load_leaves_no_ndr_but_a_pdr() -> None:
    run = search(Path(1e6, always=0.002), goals=("NDR", 0.005))
    ndr, pdr = run.table.itertuples()
    assert math.isnan(ndr.lower_pps)
    assert ndr.note == "even min_rate was not carried: the limit is lower"
    assert pdr.goal == "0.5 %"
    assert 0.9e6 < pdr.lower_pps < 1.05e6


def test_every_trial_is_kept() -> None:
    path = Path(2e6)
    run = search(path)
    # The first one warms up and does not count for the search, but it is a trial all the same.
    assert run.trials.table["target_pps"].tolist() == [pps for pps, _ in path.asked]
    assert run.trials.table["seconds"].tolist() == [seconds for _, seconds in path.asked]
    assert len(run.trials) == len(path.asked) > 3


def test_presets_ask_for_trials_as_their_definitions_say() -> None:
    longest = {}
    for preset in ("quick", "mlr", "rfc2544"):
        path = Path(3e6)
        search(path, preset=preset, goals=("NDR",))
        longest[preset] = max(seconds for _, seconds in path.asked)
    assert longest == {"quick": pytest.approx(0.2), "mlr": 1.0, "rfc2544": 60.0}


def test_limit_of_the_generator_is_not_sold_as_the_paths() -> None:
    run = search(Path(9e6, generator=2e6), goals=("NDR",))
    assert run.table["note"].tolist() == [
        "the generator fell short at the upper bound: this is its limit, not the DUT's"
    ]
    assert run.table["lower_pps"].iloc[0] <= 2e6


def test_generator_below_the_lowest_load_is_no_limit_of_the_path_either() -> None:
    (note,) = search(Path(9e6, generator=900), goals=("NDR",)).table["note"]
    assert note == "the generator fell short at the upper bound: this is its limit, not the DUT's"


def test_path_without_a_limit_says_so() -> None:
    run = search(Path(1e9), goals=("NDR",))
    assert run.table["note"].tolist() == ["even max_rate was carried: the limit is higher"]
    assert run.table["lower_pps"].iloc[0] == pytest.approx(10e6)
    assert math.isnan(run.table["upper_pps"].iloc[0])


def test_search_that_takes_too_long_hands_over_its_trials() -> None:
    with pytest.raises(lk.SearchFailed, match="give more, or preset='quick'; its") as failure:
        search(Path(1e6), preset="mlr", most_seconds=1e-9)
    assert "not done after most_seconds=0.000000001" in str(failure.value)
    assert len(failure.value.trials) > 0
    with pytest.raises(lk.SearchFailed, match="give more; its"):
        search(Path(1e6), most_seconds=1e-9)


@pytest.mark.parametrize("error", [lk.DutDied("x", "its process ended"), KeyboardInterrupt()])
def test_search_that_fails_midway_hands_over_its_trials(error: BaseException) -> None:
    path = Path(1e6)

    def dies(pps: float, seconds: float) -> Mapping[str, Any]:
        if len(path.asked) == 3:
            raise error
        return path(pps, seconds)

    expected = lk.SearchFailed if isinstance(error, lk.LabError) else KeyboardInterrupt
    with pytest.raises(expected) as failure:
        lk.search(None, None, measure=dies, max_rate=10e6, progress=False)
    assert len(failure.value.trials) == 3  # type: ignore[attr-defined]


def test_load_is_told_before_it_is_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    path, told = Path(1e6), []
    heard: list[str] = []
    monkeypatch.setattr(progress, "listeners", [heard.append])

    def reads(pps: float, seconds: float) -> Mapping[str, Any]:
        told.append(heard[-1])
        return path(pps, seconds)

    lk.search(None, None, measure=reads, max_rate=10e6, most_seconds=600, preset="rfc2544")
    assert told[0].strip() == "0 trials, 0 of at most 600 s, 10,000,000 pps for 1 s"
    for (pps, seconds), line in zip(path.asked, told, strict=True):
        assert f"{pps:,.0f} pps for {plain(seconds)} s" in line


def test_search_comes_back_whole_from_disk(tmp_path: pathlib.Path) -> None:
    run = search(Path(1e6, always=0.002), goals=("NDR", 0.005), most_seconds=77)
    loaded = lk.load(run.save(tmp_path))
    assert loaded.table.equals(run.trials.table)
    assert loaded.run["goals"] == run.trials.run["goals"]
    assert loaded.run["goals"][0]["lower_pps"] is None
    assert [row["upper_pps"] for row in loaded.run["goals"]] == run.table["upper_pps"].tolist()
    assert loaded.run["parameters"] == {
        "goals": ["NDR", "0.5 %"], "preset": "quick", "min_rate": 1000.0, "max_rate": 10e6,
        "streams": [], "most_seconds": 77,
    }  # fmt: skip
    assert loaded.run["kind"] == "search"


def test_rates_are_written_as_everywhere() -> None:
    for least, most in (("10 kpps", "5 Mpps"), (lk.Rate(1e4), 5_000_000)):
        path = Path(1e6)
        told = search(path, min_rate=least, max_rate=most).trials.run["parameters"]
        assert (told["min_rate"], told["max_rate"]) == (1e4, 5e6)
        assert path.asked[0][0] == pytest.approx(5e6)


def test_slow_paths_can_be_searched() -> None:
    ndr = search(Path(700), goals=("NDR",), min_rate=50, max_rate=3000).table.iloc[0]
    assert ndr["lower_pps"] <= 700 <= ndr["upper_pps"]


def test_what_a_buffer_returned_later_is_told() -> None:
    """1,024 frames of it pass for 5,120 frames a second in a trial of 0.2 s."""

    def buffers(pps: float, seconds: float) -> Mapping[str, Any]:
        row = Path(10_000 + 1024 / seconds)(pps, seconds)
        return {**row, "late": max(0, row["received"] - round(10_000 * seconds))}

    table = lk.search(None, None, measure=buffers, max_rate=10e6, progress=False).table
    assert (table["lower_pps"] > 11_000).all()
    assert table["note"].str.startswith("at the lower bound more than 1 % came after the end").all()


def test_what_a_port_refuses_or_no_counter_explains_is_told() -> None:
    def refuses(pps: float, seconds: float) -> Mapping[str, Any]:
        row = Path(1e9, generator=2e6)(pps, seconds)
        return {**row, "generator_limited": False, "balanced": False}

    run = lk.search(None, None, measure=refuses, max_rate=10e6, progress=False)
    assert run.table["note"].str.startswith("the port did not take all frames").all()
    for text in (repr(run), run._repr_html_()):
        assert "NOT balanced" in text
        assert "load not reached" in text


def test_picture_has_every_trial_and_the_bounds() -> None:
    run = search(Path(1e6))
    axes = run.plot().axes[0]
    assert sum(len(points.get_offsets()) for points in axes.collections) == len(run.trials)
    labels = [line.get_label() for line in axes.get_lines()]
    assert [label.partition(":")[0] for label in labels] == ["NDR", "PDR"]
    assert "frames/s" in axes.get_ylabel()
    assert "NDR" in repr(run)
    assert "NDR" in run._repr_html_()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"goals": ("NRD",)}, "no goal 'NRD'.*did you mean 'NDR'"),
        ({"goals": (1.5,)}, "goal 1.5: a loss ratio is 0 or more and below 1"),
        ({"goals": ()}, "goals is empty"),
        ({"goals": "NDR"}, r"goals is 'NDR'; it is a list such as"),
        ({"goals": ("NDR", 0.0)}, "goals NDR, 0 %: two of them allow the same loss"),
        ({"goals": (None,)}, "goal None: a loss ratio"),
        ({"min_rate": "fast"}, "min_rate: rate is 'fast'; write it as"),
        ({"max_rate": math.inf}, "max_rate: rate is inf pps; it is a positive number"),
        ({"max_rate": 0}, "max_rate: rate is 0 pps; it is a positive number"),
        ({"max_rate": "50 %"}, "max_rate: rate is '50 %'; without a port it is a number of frames"),
        ({"most_seconds": math.nan}, "most_seconds is nan"),
        ({"min_rate": 1}, "min_rate is 1: its trials of 0.2 s have no frame; give 5 or more"),
        ({"preset": "rfc"}, "no preset 'rfc'.*there are: mlr, rfc2544, quick"),
        ({"min_rate": 2e7}, "min_rate is 20,000,000 and max_rate 10,000,000"),
        ({"max_rate": None}, "a search needs a port"),
    ],
)
def test_bad_arguments_are_named(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(lk.LabError, match=message):
        search(Path(1e6), **settings)
