# SPDX-License-Identifier: BSD-3-Clause
"""Baselines: files that can be committed, added to, and that fail clearly when they are damaged."""

from pathlib import Path

import pytest

import labkit as lk
from labkit.notebooks.records import Check, Result
from labkit.notebooks.report.baseline import accept, baseline_path, load_baseline
from labkit.notebooks.report.notebook_run import NotebookRun
from tests.notebooks.making import labkit, notebook, read_json, run_of

MEASURING = """
import json, labkit as lk
lk.check(True, "works")
lk.record_result("ndr", json.load(open("value.json")), "Mpps", better="higher", noise="1 %")
"""


def test_a_worse_result_fails_and_a_better_one_passes(tmp_path: Path) -> None:
    notebook(tmp_path / "nb.ipynb", MEASURING)

    def run(value: float, *options: str) -> tuple[int, str]:
        (tmp_path / "value.json").write_text(str(value))
        ran = labkit("run", "nb.ipynb", "--report", "out", *options, cwd=tmp_path)
        return ran.returncode, ran.stdout + ran.stderr

    assert run(10.0)[0] == 0
    ran = labkit("baseline", "accept", "out", "--name", "main", cwd=tmp_path)
    assert "baselines/main.json: 1 result of 1 notebook; commit it" in ran.stdout
    assert run(12.0, "--baseline", "main")[0] == 0
    code, said = run(8.0, "--baseline", "main", "--junit", "junit.xml", "--confirm", "1")
    assert code == 1
    assert "worse        nb: ndr  10.00 → 8.000 Mpps  -20.0 %" in said
    assert "nb #2: passed" in said, "it was run again before it was believed"
    assert '<failure message="worse by -20.0 %"' in (tmp_path / "junit.xml").read_text()
    assert "1 worse" in (tmp_path / "out/index.html").read_text()


def test_a_disturbance_that_passes_wakes_nobody(tmp_path: Path) -> None:
    once = MEASURING.replace(
        "lk.record", "import os; f = 'seen'; slow = not os.path.exists(f); open(f, 'w')\nlk.record"
    ).replace('json.load(open("value.json"))', "8.0 if slow else 10.0")
    notebook(tmp_path / "nb.ipynb", once)
    (tmp_path / "seen").touch()
    labkit("run", "nb.ipynb", "--report", "out", cwd=tmp_path)
    labkit("baseline", "accept", "out", cwd=tmp_path)
    (tmp_path / "seen").unlink()
    ran = labkit("run", "nb.ipynb", "--baseline", "main", cwd=tmp_path)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "running again before this is believed" in ran.stderr


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("{", "is damaged"),
        ("[]", "is no baseline"),
        ('{"kind": "baseline", "format": 99, "labkit": "9.0"}', "written by labkit 9.0"),
        ('{"kind": "baseline", "format": 1}', "is damaged: KeyError('notebooks')"),
    ],
)
def test_unreadable_baseline_starts_nothing(text: str, reason: str, tmp_path: Path) -> None:
    notebook(tmp_path / "nb.ipynb", "open('ran', 'w')")
    (tmp_path / "baselines").mkdir()
    (tmp_path / "baselines/main.json").write_text(text)
    ran = labkit("run", "nb.ipynb", "--baseline", "main", cwd=tmp_path)
    assert ran.returncode == 2
    assert reason in ran.stderr
    assert not (tmp_path / "ran").exists()


def test_baseline_that_is_not_there(tmp_path: Path) -> None:
    notebook(tmp_path / "nb.ipynb", "a = 1")
    ran = labkit("run", "nb.ipynb", "--baseline", "main", cwd=tmp_path)
    assert ran.returncode == 2
    assert "there is no baseline baselines/main.json; labkit baseline accept" in ran.stderr
    with pytest.raises(lk.LabError, match="write a name such as main"):
        baseline_path("../main")


def test_runs_can_be_added(tmp_path: Path) -> None:
    machine = {"cpu": "A"}

    def one(value: float, **more: object) -> NotebookRun:
        results = (Result("ndr", (value,), "Mpps", "higher"),)
        checks = (Check("works", "passed"),)
        return NotebookRun("nb", results=results, checks=checks, machine=machine, **more)  # type: ignore[arg-type]

    path = tmp_path / "main.json"
    accept([run_of(one(10.0))], "main").save(path)
    accept([run_of(one(11.0))], "main", load_baseline(path)).save(path)
    found = load_baseline(path)
    assert found.notebooks["nb"].results["ndr"].runs == ((10.0,), (11.0,))
    assert found.notebooks["nb"].checks == ("works",)
    assert read_json(path)["notebooks"]["nb"]["machine"] == machine
    with pytest.raises(lk.LabError, match="other parameters than the baseline's"):
        accept([run_of(one(11.0, parameters={"count": 5}))], "main", found)


def test_a_failed_run_is_not_accepted() -> None:
    with pytest.raises(lk.LabError, match=r"the run failed \(nb\); accept one that passed"):
        accept([run_of(NotebookRun("nb", status="failed"))], "main")
    with pytest.raises(lk.LabError, match="nothing was recorded"):
        accept([run_of(NotebookRun("nb"))], "main")
