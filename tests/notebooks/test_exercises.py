# SPDX-License-Identifier: BSD-3-Clause
"""Exercises: kept without their solutions, solved for teachers, checked with what is wrong."""

import json
from pathlib import Path

import nbformat
import pytest

import labkit as lk
from labkit.notebooks.document import source_of
from labkit.notebooks.exercises import folded, read_solutions, solved, write_solutions
from labkit.notebooks.report.results import load_run
from labkit.notebooks.source import read_notebook
from tests.notebooks.making import labkit, notebook

ROOT = Path(__file__).parents[2]
SOLUTIONS = Path(__file__).parent / "solutions"
SHORTEST = 18  # letters, of what tells by itself
CHECK = "lk.check(lambda: answer == 42, 'answer', answer=answer, hint='multiply 6 by 7')"


def with_exercise(path: Path, start: str = "answer = ...") -> Path:
    notebook(path, "import labkit as lk", start, CHECK, "lk.checks()", cell_tags={1: "exercise"})
    write_solutions({"cell-1": "answer = 6 * 7"}, path.parent / "solutions/nb.json")
    return path


@pytest.mark.parametrize(
    ("start", "options", "status", "check"),
    [
        ("answer = ...", (), "passed", "open"),
        ("answer = 41", (), "failed", "failed"),
        ("answer = 42", (), "passed", "passed"),
        ("answer = ...", ("--solutions", "solutions"), "passed", "passed"),
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
    options = ("--solutions", "solutions/nb.json")
    ran = labkit("exercises", "solve", path, "solved.ipynb", *options, cwd=tmp_path)
    assert ran.returncode == 0, ran.stderr
    made = nbformat.read(tmp_path / "solved.ipynb", as_version=4)
    assert made.cells[1].source == "answer = 6 * 7"
    made.cells[1].source = "answer = 42  # edited"
    nbformat.write(made, tmp_path / "solved.ipynb")
    refused = labkit("exercises", "fold", "solved.ipynb", "again.ipynb", *options, cwd=tmp_path)
    assert "solutions/nb.json exists already" in refused.stderr
    options = ("--solutions", "new.json")
    ran = labkit("exercises", "fold", "solved.ipynb", "again.ipynb", *options, cwd=tmp_path)
    assert ran.stdout == "again.ipynb: 1 exercise; new.json: 1 solution\n"
    assert "edited" not in (tmp_path / "again.ipynb").read_text()
    assert read_solutions(tmp_path / "new.json") == {"cell-1": "answer = 42  # edited"}
    document = read_notebook(path).document
    solutions = {"cell-1": "answer = 6 * 7\n# two lines"}
    assert folded(solved(document, solutions)) == (document, solutions)


def test_an_exercise_without_a_solution(tmp_path: Path) -> None:
    path = notebook(tmp_path / "nb.ipynb", "answer = ...", cell_tags={0: "exercise"})
    document = read_notebook(path).document
    with pytest.raises(lk.LabError, match="cell 1, id 'cell-0', is an exercise without a solution"):
        solved(document, {"other": "answer = 1"})
    with pytest.raises(lk.LabError, match="cell 1 is an exercise that is not solved"):
        folded(document)


@pytest.mark.parametrize(
    ("text", "reason"),
    [("[]", "holds no solutions, such as"), ('{"a": "b"}', "the solution of 'a' is no list")],
)
def test_a_file_without_solutions(text: str, reason: str, tmp_path: Path) -> None:
    (tmp_path / "nb.json").write_text(text)
    with pytest.raises(lk.LabError, match=reason):
        read_solutions(tmp_path / "nb.json")


def test_students_files_tell_no_solution() -> None:
    """Neither the notebooks nor what is installed with the package. A solution that is one name of
    something may be there as a name."""
    handed_out = [
        *(ROOT / "notebooks").glob("*.ipynb"),
        *(p for p in (ROOT / "labkit").rglob("*") if p.suffix in (".py", ".ipynb", ".json")),
    ]
    texts = {path: compact(path) for path in handed_out}
    told = []
    for file in sorted(SOLUTIONS.glob("*.json")):
        for key, source in read_solutions(file).items():
            start = start_of(ROOT / f"notebooks/{file.stem}.ipynb", key)
            for line in set(source.splitlines()) - set(start.splitlines()):
                told += [(line, p.name) for p, text in texts.items() if tells(p, text, line)]
    assert told == []


def tells(path: Path, text: str, line: str) -> bool:
    """Whether a text has a line of a solution, or in a notebook what it computes."""
    value = line.partition(" = ")[2]
    is_name = value.startswith('"') and value.count('"') == 2
    part = value if value and not is_name and path.suffix == ".ipynb" else line
    part = "".join(part.split())
    return len(part) >= SHORTEST and part in text


def compact(path: Path) -> str:
    """A file's text without white space; a notebook's as it is read."""
    text = path.read_text(encoding="utf-8", errors="replace")
    if path.suffix == ".ipynb":
        cells = json.loads(text)["cells"]
        text = "".join(f"{''.join(c['source'])}{json.dumps(c['metadata'])}" for c in cells)
    return "".join(text.split())


def start_of(notebook: Path, key: str) -> str:
    (cell,) = (c for c in read_notebook(notebook).document["cells"] if c.get("id") == key)
    return source_of(cell)
