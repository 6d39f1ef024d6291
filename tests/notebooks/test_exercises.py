# SPDX-License-Identifier: BSD-3-Clause
"""Exercises: kept once, solved for instructors, and checked with what is wrong."""

import json
from pathlib import Path

import nbformat
import pytest

import labkit as lk
from labkit.notebooks.exercises import folded, solved
from labkit.notebooks.report.results import load_run
from labkit.notebooks.source import read_notebook
from tests.notebooks.making import labkit, notebook

CHECK = "lk.check(lambda: answer == 42, 'answer', answer=answer, hint='multiply 6 by 7')"


def with_exercise(path: Path, start: str = "answer = ...") -> Path:
    notebook(path, "import labkit as lk", start, CHECK, "lk.checks()", cell_tags={1: "exercise"})
    made = nbformat.read(path, as_version=4)
    made.cells[1].metadata["labkit"] = {"solution": "answer = 6 * 7"}
    nbformat.write(made, path)
    return path


@pytest.mark.parametrize(
    ("start", "options", "status", "check"),
    [
        ("answer = ...", (), "passed", "open"),
        ("answer = 41", (), "failed", "failed"),
        ("answer = 42", (), "passed", "passed"),
        ("answer = ...", ("--solutions",), "passed", "passed"),
    ],
)
def test_an_exercise_and_its_solution(
    start: str, options: tuple[str, ...], status: str, check: str, tmp_path: Path
) -> None:
    with_exercise(tmp_path / "nb.ipynb", start)
    ran = labkit("run", "nb.ipynb", "--report", "out", *options, cwd=tmp_path)
    (ended,) = load_run(tmp_path / "out").notebooks
    assert (ended.status, ended.checks[0].status) == (status, check), ran.stderr
    if check == "failed":
        assert "multiply 6 by 7" in ran.stderr


def test_solving_and_folding_are_inverse(tmp_path: Path) -> None:
    path = with_exercise(tmp_path / "nb.ipynb")
    assert labkit("exercises", "solve", path, "solved.ipynb", cwd=tmp_path).returncode == 0
    made = nbformat.read(tmp_path / "solved.ipynb", as_version=4)
    assert made.cells[1].source == "answer = 6 * 7"
    made.cells[1].source = "answer = 42  # edited"
    nbformat.write(made, tmp_path / "solved.ipynb")
    assert labkit("exercises", "fold", "solved.ipynb", "again.ipynb", cwd=tmp_path).returncode == 0
    again = json.loads((tmp_path / "again.ipynb").read_text())
    assert again["cells"][1]["metadata"]["labkit"] == {"solution": "answer = 42  # edited"}
    document = read_notebook(path).document
    assert folded(solved(document)) == document


def test_an_exercise_without_a_solution(tmp_path: Path) -> None:
    path = notebook(tmp_path / "nb.ipynb", "answer = ...", cell_tags={0: "exercise"})
    with pytest.raises(lk.LabError, match="cell 1 is an exercise without a solution"):
        solved(read_notebook(path).document)
