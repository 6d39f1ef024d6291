# SPDX-License-Identifier: BSD-3-Clause
"""lk.check, lk.checks and lk.record_result."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

import labkit as lk
from labkit.notebooks import records
from labkit.notebooks.records import CheckList, Recorder


@pytest.fixture(autouse=True)
def recorder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Recorder:
    fresh = Recorder(tmp_path)
    monkeypatch.setattr(records, "recorder", fresh)
    return fresh


def test_a_failed_check_tells_its_values(recorder: Recorder) -> None:
    received, limits = 99, {"drop": 0.1}
    table = pd.DataFrame({"rtt": [1.0, 2.0]})
    lk.check(received >= 100 * (1 - limits["drop"] / 100), "drop", hint="see the ledger")
    lk.check(table.rtt.max() < 2, "round trip")
    drop, trip = recorder.checks.values()
    assert drop.expression == "received >= 100 * (1 - limits['drop'] / 100)"
    assert drop.values["received"] == "99"
    assert drop.values["limits['drop']"] == "0.1"
    assert drop.hint == "see the ledger"
    assert trip.status == "failed"
    assert "table" not in trip.values, "a table would fill the page"


def test_passed_checks_and_exceptions(
    recorder: Recorder, capsys: pytest.CaptureFixture[str]
) -> None:
    lk.check(np.bool_(True), "numpy")
    lk.check(lambda: 1 / 0 > 1, "function")
    assert [c.status for c in recorder.checks.values()] == ["passed", "failed"]
    assert "ZeroDivisionError" in recorder.checks["function"].message
    assert "✓ numpy" in capsys.readouterr().out
    with pytest.raises(lk.ChecksFailed, match="1 check failed\n✗ function"):
        lk.checks()


def test_a_condition_of_many_values_is_an_error() -> None:
    with pytest.raises(lk.LabError, match=r"condition is a Series of many values.*\.all\(\)"):
        lk.check(pd.Series([True, False]), "all of them")


@pytest.mark.parametrize("nothing", [float("nan"), np.float64("nan"), np.float32("nan")])
def test_what_was_not_measured_is_not_so(nothing: float, recorder: Recorder) -> None:
    """Though Python takes it for true."""
    lk.check(nothing, "measured")
    lk.check(lambda: nothing, "function")
    assert [check.status for check in recorder.checks.values()] == ["failed", "failed"]
    assert recorder.checks["measured"].values["the condition"] == "nan"
    with pytest.raises(lk.LabError, match="the condition is <NA>, which is neither true nor false"):
        lk.check(pd.NA, "missing")


def test_exercises_without_an_answer_are_open(
    recorder: Recorder, capsys: pytest.CaptureFixture[str]
) -> None:
    answer = ...
    lk.check(lambda: answer > 5, "exercise", answer=answer, hint="count the red nodes")
    assert recorder.checks["exercise"].status == "open"
    lk.checks()
    assert capsys.readouterr().out.endswith("not answered yet\nall checks passed\n")
    lk.check(lambda: 4 > 5, "exercise 2", answer=4, hint="count the red nodes")
    assert "count the red nodes" in recorder.checks["exercise 2"].message


def test_a_name_that_comes_again_hides_nothing(recorder: Recorder) -> None:
    for size in (64, 128):
        lk.check(size > 64, "size")
    assert [(c.name, c.status) for c in recorder.checks.values()] == [
        ("size", "failed"),
        ("size (2)", "passed"),
    ]


def test_results_and_their_noise(recorder: Recorder) -> None:
    lk.record_result("ndr", [10.0, 12.0], "Mpps", better="higher", noise="5 %")
    lk.record_result("loss", np.float64(0.5), "%", better="lower", noise=0.1)
    assert recorder.results["ndr"].values == (10.0, 12.0)
    assert recorder.results["ndr"].noise == pytest.approx(0.55)
    assert recorder.results["loss"].noise == 0.1
    with pytest.raises(lk.LabError, match="'ndr' was recorded already"):
        lk.record_result("ndr", 3)


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ({"value": float("nan")}, "record only what was measured"),
        ({"value": "fast"}, "it is a number or a list of numbers"),
        ({"value": []}, "has no value"),
        ({"value": 1, "better": "faster"}, "the choices are: higher, lower"),
        ({"value": 1, "noise": "5 dB"}, 'it is 0 or more, or such as "3 %"'),
        ({"value": 1, "noise": -1}, "it is 0 or more"),
        ({"value": 1, "noise": "nan %"}, "it is 0 or more"),
        ({"value": 1, "noise": "inf %"}, "it is 0 or more"),
        ({"value": 10**400}, "it is a number or a list of numbers"),
        ({"value": b"ab"}, "it is a number or a list of numbers"),
        ({"value": np.array("x")}, "it is a number or a list of numbers"),
        ({"value": pd.DataFrame({"a": [1, "x", object()]})}, "give its columns one type each"),
    ],
)
def test_wrong_results_are_refused(arguments: dict[str, object], reason: str) -> None:
    with pytest.raises(lk.LabError, match=reason):
        lk.record_result("ndr", **arguments)  # type: ignore[arg-type]


def test_tables_are_stored(recorder: Recorder, tmp_path: Path) -> None:
    frame = pd.DataFrame({"size_bytes": [64, 1400], "drop_percent": [0.0, 0.1]})
    lk.record_result("drop curve", frame)
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "drop_curve.parquet"), frame)


def test_tables_of_checks_escape() -> None:
    shown = CheckList([records.Check("<b>", "failed", "a < b")])._repr_html_()
    assert "&lt;b&gt;" in shown
    assert "a &lt; b" in shown


def test_a_cell_that_runs_again_replaces_its_checks(monkeypatch: pytest.MonkeyPatch) -> None:
    in_jupyter = Recorder(None)
    monkeypatch.setattr(records, "recorder", in_jupyter)
    for execution, passes in ((1, False), (2, True)):
        shell = SimpleNamespace(execution_count=execution)
        monkeypatch.setattr("IPython.get_ipython", lambda shell=shell: shell)
        lk.check(passes, "drop")
    assert [(c.name, c.status) for c in in_jupyter.checks.values()] == [("drop", "passed")]
    lk.checks()
