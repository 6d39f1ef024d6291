# SPDX-License-Identifier: BSD-3-Clause
"""Results get worse only loudly, and noise wakes nobody."""

import random
from pathlib import Path
from typing import Any

import pytest
from scipy import stats

from labkit.notebooks.records import Result
from labkit.notebooks.report.comparison import Row, RunComparison
from labkit.notebooks.report.notebook_run import NotebookRun
from labkit.notebooks.report.pictures import difference_figure, svg
from labkit.notebooks.report.results import notebooks_of
from labkit.notebooks.report.series import Notebook, Series
from labkit.notebooks.report.summary import markdown
from labkit.notebooks.report.verdicts import compare
from labkit.text import shade
from tests.notebooks.making import run_of


def series(*runs: tuple[float, ...], better: str | None = "higher", **more: Any) -> Series:
    return Series(runs, "Mpps", better, **more)


def compared(before: Series, now: Series, **more: Any) -> Row:
    a, b = Notebook(results={"ndr": before}), Notebook(results={"ndr": now})
    (row,) = compare({"nb": a}, {"nb": b}, "before", **more).rows
    return row


@pytest.mark.parametrize(
    ("before", "now", "verdict"),
    [
        (series((10.0,)), series((8.0,)), "worse"),
        (series((10.0,)), series((12.0,)), "better"),
        (series((10.0,)), series((9.8,)), "same"),  # below the minimal effect
        (series((10.0,)), series((10.0,)), "same"),
        (series((10.0,), better="lower"), series((12.0,), better="lower"), "worse"),
        (series((10.0,), better=None), series((12.0,), better=None), "changed"),
        (series((10.0,), noise=3.0), series((8.0,), noise=3.0), "same"),  # within the noise
        (series((10.0,), noise=0.1), series((8.0,), noise=0.1), "worse"),
        (series((10, 10.1, 9.9)), series((8, 8.1, 7.9)), "worse"),  # repeats within a run
        (series((10, 14, 6)), series((8, 12, 5)), "same"),
        (series((10,), (10.1,), (9.9,)), series((8.0,)), "worse"),  # noise of the baseline's runs
        (series((10,), (14,), (6,)), series((8.0,)), "same"),
        # Repeats agree within each run, runs do not: what differs from run to run counts.
        (series((10, 10, 10), (14, 14, 14), (6, 6, 6)), series((8, 8, 8)), "same"),
        (series((0.0,), better="lower"), series((5.0,), better="lower"), "worse"),
        (series((0.0,), better="lower"), series((0.0,), better="lower"), "same"),
    ],
)
def test_verdicts(before: Series, now: Series, verdict: str) -> None:
    assert compared(before, now).verdict == verdict


def test_the_interval_is_welchs() -> None:
    a, b = (10.0, 11.0, 12.5, 9.0), (14.0, 15.0, 17.5)
    row = compared(series(a), series(b))
    known = stats.ttest_ind(b, a, equal_var=False).confidence_interval(0.95)
    mean = sum(a) / len(a)
    assert row.low == pytest.approx(known.low / mean)
    assert row.high == pytest.approx(known.high / mean)


def test_noise_alone_wakes_rarely() -> None:
    random.seed(1)
    wakes = 0
    for _ in range(400):
        before = series(*((random.gauss(10, 1),) for _ in range(5)))
        wakes += compared(before, series((random.gauss(10, 1),))).verdict == "worse"
    assert wakes / 400 < 0.05  # 2.5 % a side


def test_a_change_is_found() -> None:
    random.seed(1)
    found = 0
    for _ in range(200):
        before = series(*((random.gauss(10, 0.2),) for _ in range(5)))
        now = series(*((random.gauss(9, 0.2),) for _ in range(3)))
        found += compared(before, now).verdict == "worse"
    assert found / 200 > 0.95


def test_what_disappears_is_loud() -> None:
    before = {"nb": Notebook(checks=("a", "b"), results={"ndr": series((1.0,))})}
    comparison = compare(before, {"nb": Notebook(checks=("a",))}, "before")
    assert [(row.name, row.verdict) for row in comparison.loud] == [
        ("ndr", "missing"),
        ("check b", "missing"),
    ]
    assert compare(before, {}, "before").rows == (), "a notebook that was not run is no result"


def test_other_parameters_cannot_be_compared() -> None:
    before = {"nb": Notebook({"count": 5}, results={"ndr": series((1.0,))})}
    now = {"nb": Notebook({"count": 9}, results={"ndr": series((1.0,))})}
    (row,) = compare(before, now, "before").loud
    assert row.verdict == "incomparable"
    assert row.remark == "other parameters: count was 5, is 9"


def test_another_machine_is_a_warning() -> None:
    before = {"nb": Notebook(results={"ndr": series((1.0,))}, machine={"cpu": "A", "cpus": 2})}
    now = {"nb": Notebook(results={"ndr": series((1.0,))}, machine={"cpu": "B", "cpus": 2})}
    comparison = compare(before, now, "before")
    assert comparison.warnings == ("nb ran on another machine: cpu A → B",)
    assert comparison.loud == []


def test_repeats_are_pooled_and_broken_notebooks_left_out() -> None:
    run = run_of(
        NotebookRun("nb", results=(Result("ndr", (1.0, 2.0)),)),
        NotebookRun("nb", repeat=2, results=(Result("ndr", (3.0,)),)),
        NotebookRun("nb", repeat=3, status="error", results=(Result("ndr", (9.0,)),)),
    )
    assert notebooks_of([run])["nb"].results["ndr"].runs == ((1.0, 2.0), (3.0,))


def test_it_is_told_and_drawn(tmp_path: Path) -> None:
    before = {"nb": Notebook(results={"ndr": series((10.0,), noise=0.1)})}
    now = {"nb": Notebook(results={"ndr": series((8.0,), noise=0.1)})}
    comparison = compare(before, now, "main")
    assert "worse        nb: ndr  10.00 → 8.000 Mpps  -20.0 %" in repr(comparison)
    text = markdown(run_of(NotebookRun("nb")), comparison)
    assert "### ❌ Notebooks passed" in text
    assert "| ❌ worse | nb: ndr | 10.00 Mpps | 8.000 Mpps | -20.0 % |" in text
    page = comparison._repr_html_()
    assert f'<b style="color:{shade("#b3261e")}">worse</b>' in page
    assert f"{comparison.rows[0].interval}</td>" in page
    figure = difference_figure(comparison.table)
    assert figure is not None
    interval, point, _zero = figure.axes[0].lines
    assert min(interval.get_xdata()) < point.get_xdata()[0] < max(interval.get_xdata())
    assert svg(figure).startswith("<?xml")
    assert difference_figure(RunComparison("main", ()).table) is None
