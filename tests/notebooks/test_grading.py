# SPDX-License-Identifier: BSD-3-Clause
"""A class is graded: whatever a notebook holds costs its own row, which says what happened."""

import csv
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import labkit as lk
from labkit.notebooks.grade.attempt import Verdict
from labkit.notebooks.grade.grader import Limits, grade, read
from labkit.notebooks.grade.lesson import Lesson, lesson_of
from labkit.notebooks.grade.plain import NotPlain, from_data, to_data
from labkit.notebooks.grade.sheet import Row, Sheet
from labkit.notebooks.grade.submissions import LONGEST_FILE, submissions
from tests.locked_in import require_locks
from tests.notebooks.making import labkit, notebook

CELLS = (
    "import labkit as lk, pandas as pd\ntable = pd.DataFrame({'n': [1, 2, 3]})",
    "product = ...  # a number",
    "lk.check(lambda: product == 42, 'exercise: product', answer=product, hint='6 by 7')",
    "a = ...\nb = ...",
    "lk.check(lambda: a == 6, 'exercise: sum', answer=a)\n"
    "lk.check(lambda: b == {'x': [1.5]}, 'exercise: data', answer=b)",
    "lk.checks()",
)
TAGS = {1: "exercise", 3: "exercise"}
RIGHT = ("product = 6 * 7", "a = int(table['n'].sum())\nb = {'x': [1.5]}")
PRODUCT, SUM, DATA = "exercise: product", "exercise: sum", "exercise: data"
LIMITS = Limits(seconds=100, answer_seconds=6)


def handed_in(
    path: Path,
    first: str = RIGHT[0],
    second: str = RIGHT[1],
    change: Callable[[dict[str, Any]], None] | None = None,
) -> Path:
    """A student's notebook, whose outputs tell that all is right."""
    notebook(path, CELLS[0], first, CELLS[2], second, *CELLS[4:], cell_tags=TAGS)
    document = json.loads(path.read_text())
    for cell in document["cells"]:
        cell["outputs"] = [
            {
                "output_type": "stream",
                "name": "stdout",
                "text": "✓ exercise: product\n3 of 3 passed",
            }
        ]
    if change:
        change(document)
    path.write_text(json.dumps(document))
    return path


def renamed_cells(document: dict[str, Any]) -> None:
    """What copying cells into a new notebook leaves."""
    for number, cell in enumerate(document["cells"]):
        cell["id"], cell["metadata"] = f"new-{number}", {}


def answered_elsewhere(document: dict[str, Any]) -> None:
    helper = {**document["cells"][1], "id": "helper", "metadata": {}, "source": "six = 6"}
    own = {**helper, "id": "own", "source": "product = six * 7"}
    document["cells"][1:1] = [helper, own]


def in_another_language(document: dict[str, Any]) -> None:
    document["metadata"]["kernelspec"] = {"name": "ir", "display_name": "R", "language": "R"}


MONKEY = """
import labkit as lk, labkit.notebooks.checks as checks, labkit.notebooks.records as records
lk.check = checks.check = lambda *a, **k: None
records.Check = lambda *a, **k: records.CheckList()
records.recorder.checks["exercise: product"] = records.Check("exercise: product", "passed")
print("✓ exercise: product")
product = type("Always", (int,), {"__eq__": lambda *a: True})()
"""
FORKS = "import os\nwhile True:\n    try:\n        os.fork()\n    except OSError:\n        pass"


@pytest.fixture(scope="module")
def lesson(tmp_path_factory: pytest.TempPathFactory) -> Lesson:
    path = tmp_path_factory.mktemp("lesson") / "04_sums.ipynb"
    return Lesson.read(notebook(path, *CELLS, cell_tags=TAGS))


@pytest.fixture(scope="module")
def precious(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("teacher") / "marks.txt"
    path.write_text("precious")
    path.parent.chmod(0o777)
    path.chmod(0o666)
    return path


@pytest.fixture(scope="module")
def sheet(lesson: Lesson, precious: Path, tmp_path_factory: pytest.TempPathFactory) -> Sheet:
    """A class of all kinds."""
    require_locks()
    folder = tmp_path_factory.mktemp("class")
    hand_in = {
        "right": {},
        "wrong": {"first": "product = 41", "second": CELLS[3]},
        "renamed": {"change": renamed_cells},
        "elsewhere": {"first": CELLS[1], "change": answered_elsewhere},
        "ends": {"first": "exit()", "second": "import os\nos._exit(0)"},
        "hangs": {"first": "while True: pass", "second": "import os\nos.abort()"},
        "forks": {"first": FORKS},
        "eats": {"first": "product = bytearray(1 << 40)", "second": "a = 'x' * (1 << 21)\nb = 1"},
        "cheats": {"first": MONKEY, "second": f"import os\nos.unlink({str(precious)!r})"},
        "typo": {"first": "product = (6 * 7", "second": "a = table\nb = 1"},
        "looks": {
            "first": "import socket\nproduct = [n for _, n in socket.if_nameindex()]",
            "second": f"import os\na = os.listdir({str(folder.parent)!r})\nb = os.getpid()",
        },
        "writes": {
            "first": f"open({str(precious)!r}, 'w')",
            "second": "with open('pandas.py', 'w') as f:\n    f.write('import os; os._exit(0)')",
        },
        "R": {"change": in_another_language},
    }
    for name, how in hand_in.items():
        handed_in(folder / f"{name}_{lesson.name}.ipynb", **how)  # type: ignore[arg-type]
    handed_in(folder / "folder/deep/anything.ipynb")
    notebook(folder / "folder/other.ipynb", "nothing = 1")
    (folder / "nothing").mkdir()
    (folder / "empty.ipynb").touch()
    (folder / "damaged.ipynb").write_text('{"cells": [')
    (folder / "nested.ipynb").write_text("[" * 100_000)
    (folder / "link.ipynb").symlink_to("/etc/passwd")
    with (folder / "huge.ipynb").open("wb") as file:
        file.truncate(LONGEST_FILE + 1)
    os.mkfifo(folder / "pipe.ipynb")
    notebook(folder / "another.ipynb", "nothing = 1")
    return grade(folder, lesson, jobs=2, limits=LIMITS)


def row_of(sheet: Sheet, student: str) -> Row:
    (row,) = (row for row in sheet.rows if row.student == student)
    return row


@pytest.mark.parametrize("student", ["right", "renamed", "elsewhere", "folder"])
def test_right_answers_have_their_points(student: str, sheet: Sheet) -> None:
    row = row_of(sheet, student)
    assert (sheet.points(row), row.remarks) == (3, [])


@pytest.mark.parametrize(
    ("student", "exercise", "status", "why"),
    [
        ("wrong", PRODUCT, "failed", "the answer is 41; 6 by 7"),
        ("wrong", DATA, "open", "not answered"),
        ("ends", PRODUCT, "failed", "the cell ended Python"),
        ("ends", SUM, "failed", "the cell ended Python"),
        ("hangs", PRODUCT, "failed", "the cell took more than 6 s"),
        ("hangs", SUM, "failed", "the cell died of SIGABRT"),
        ("forks", PRODUCT, "failed", "the cell"),
        ("forks", SUM, "passed", ""),
        ("eats", PRODUCT, "failed", "MemoryError"),
        ("eats", SUM, "failed", "the answer is longer than"),
        ("cheats", PRODUCT, "failed", "the answer is 0; 6 by 7"),
        ("cheats", DATA, "failed", "No such file"),
        ("typo", PRODUCT, "failed", "SyntaxError in line 1"),
        ("typo", SUM, "unknown", "a is a DataFrame, which is not taken over"),
        ("looks", PRODUCT, "failed", "the answer is ['lo']"),
        ("looks", SUM, "failed", "No such file"),
        ("writes", PRODUCT, "failed", "No such file"),
        ("writes", SUM, "failed", "File too large"),
    ],
)
def test_an_answer_costs_its_own_points(
    student: str, exercise: str, status: str, why: str, sheet: Sheet
) -> None:
    verdict = row_of(sheet, student).verdicts[exercise]
    assert verdict.status == status
    assert why in verdict.why


@pytest.mark.parametrize(
    ("student", "why"),
    [
        ("R", "it is a notebook of R, not of Python"),
        ("nothing", "the folder has no notebook"),
        ("empty", "the file is empty"),
        ("damaged", "the file is no notebook"),
        ("nested", "nested too deep"),
        ("link", "which is not followed"),
        ("pipe", "which is not followed"),
        ("huge", "at most 34 MB are read"),
        ("another", "it has no cell of the exercises of 04_sums"),
    ],
)
def test_what_cannot_be_judged_has_no_points_and_a_reason(
    student: str, why: str, sheet: Sheet
) -> None:
    row = row_of(sheet, student)
    assert sheet.points(row) is None
    assert why in row.trouble


def test_the_teachers_files_are_left_alone(sheet: Sheet, precious: Path) -> None:
    assert sheet.rows
    assert precious.read_text() == "precious"


def test_a_sheet_is_text_a_table_and_a_page(sheet: Sheet) -> None:
    assert "outputs that are stored in the students' files were not looked at" in repr(sheet)
    rows = {row["student"]: row for row in csv.DictReader(sheet.to_csv().splitlines())}
    assert len(rows) == len(sheet.rows)
    assert [rows["wrong"][key] for key in ("product", "sum", "points", "of")] == [
        "0",
        "0",
        "0",
        "3",
    ]
    assert [rows["typo"][key] for key in ("product", "sum", "to look at")] == ["0", "", "2"]
    assert rows["empty"]["points"] == ""
    assert "the cell took more than 6 s" in sheet.to_html()


def test_names_do_no_harm_in_a_sheet() -> None:
    evil = "=cmd|'/c calc'!A1<script>\x1b[2J"
    sheet = Sheet(
        "x", ("exercise: =1",), (Row(evil, evil, {"exercise: =1": Verdict("failed", evil)}),)
    )
    assert "\x1b" not in repr(sheet)
    assert "<script>" not in sheet.to_html()
    (row,) = csv.reader(sheet.to_csv().splitlines()[1:])
    assert all(not cell.startswith("=") for cell in row)


def test_answers_are_read_without_running_them(lesson: Lesson, tmp_path: Path) -> None:
    handed_in(tmp_path / "anna.ipynb", first=f"open({str(tmp_path / 'ran')!r}, 'w')\nproduct = 42")
    handed_in(tmp_path / "ben.ipynb", first=CELLS[1])
    found = read(tmp_path, lesson)
    assert [found.points(row) for row in found.rows] == [None, None]
    assert [row.verdicts[PRODUCT].status for row in found.rows] == ["unknown", "open"]
    assert not (tmp_path / "ran").exists()
    assert "read and not run" in repr(found)


def test_a_lesson_that_does_not_run_here_is_nobodys_fault(tmp_path: Path) -> None:
    require_locks()
    path = notebook(
        tmp_path / "lesson.ipynb", "1 / 0", *CELLS, cell_tags={2: "exercise", 4: "exercise"}
    )
    handed_in(tmp_path / "class/anna.ipynb")
    with pytest.raises(lk.LabError, match=r"cannot be graded on this machine: .*ZeroDivisionError"):
        grade(tmp_path / "class", Lesson.read(path), limits=LIMITS)


def test_a_cell_that_an_answer_breaks_leaves_the_other_points(tmp_path: Path) -> None:
    require_locks()
    cells = [*CELLS[:2], "half = product / 2", *CELLS[2:]]
    cells[2] = "half = None if product is ... else product / 2"
    tags = {1: "exercise", 4: "exercise"}
    lesson = Lesson.read(notebook(tmp_path / "sums.ipynb", *cells, cell_tags=tags))
    handed_in(tmp_path / "class/anna.ipynb", first="product = 'many'")
    found = grade(tmp_path / "class", lesson, limits=LIMITS)
    (row,) = found.rows
    assert found.points(row) == 2
    assert "TypeError" in row.remarks[0]
    assert "product: the answer is 'many'" in row.remarks[1]


def test_the_command_writes_both_files(tmp_path: Path) -> None:
    require_locks()
    notebook(tmp_path / "sums.ipynb", *CELLS, cell_tags=TAGS)
    handed_in(tmp_path / "class/anna.ipynb")
    options = ("--lesson", "sums.ipynb", "--out", "t/a.csv", "--html", "t/a.html")
    ran = labkit("exercises", "grade", "class", *options, cwd=tmp_path)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert "anna" in ran.stdout
    assert "3/3" in ran.stdout
    assert "anna" in (tmp_path / "t/a.csv").read_text()
    assert "3 of 3" in (tmp_path / "t/a.html").read_text()


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("empty",), "no notebook in empty has the name of a lesson"),
        (("empty", "--lesson", "01_first"), "there is no lesson '01_first'"),
        (("empty", "--lesson", "plain.ipynb"), "plain.ipynb has no exercise"),
        (("empty", "--lesson", "sums.ipynb"), "empty has neither notebooks nor folders"),
        (("sums.ipynb", "--lesson", "sums.ipynb"), "sums.ipynb is no folder"),
        (("empty", "--lesson", "unchecked.ipynb"), "has no lk.check with answer="),
    ],
)
def test_mistakes_of_the_teacher(arguments: tuple[str, ...], reason: str, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    notebook(tmp_path / "plain.ipynb", "1")
    notebook(tmp_path / "unchecked.ipynb", "a = ...", cell_tags={0: "exercise"})
    notebook(tmp_path / "sums.ipynb", *CELLS, cell_tags=TAGS)
    ran = labkit("exercises", "grade", *arguments, cwd=tmp_path)
    assert ran.returncode == 2
    assert reason in ran.stderr


def test_the_lesson_is_found_by_the_files_names(tmp_path: Path) -> None:
    handed_in(tmp_path / "anna/01_first_packets.ipynb")
    handed_in(tmp_path / "ben/01_first_packets.ipynb")
    handed_in(tmp_path / "ben/07_compare_runs.ipynb")
    assert lesson_of(tmp_path).stem == "01_first_packets"


def test_of_a_folder_the_notebook_of_the_lesson_is_taken(lesson: Lesson, tmp_path: Path) -> None:
    notebook(tmp_path / "anna/a_04_sums.ipynb", "nothing = 1")
    handed_in(tmp_path / "anna/z.ipynb", second="nothing = 1")
    handed_in(tmp_path / "anna/b.ipynb")
    (found,) = submissions(tmp_path, lesson)
    assert (found.student, found.file) == ("anna", "anna/b.ipynb")


@pytest.mark.parametrize(
    "value",
    [
        *(
            None,
            True,
            42,
            -1,
            10**400,
            0.1,
            float("inf"),
            "text",
            b"\x00",
            ...,
            [1, (2, {"a": {3}})],
        ),
        {(1, 2): frozenset({"a"})},
        {"voice": lk.TrafficClass("EF", strict=True)},
    ],
    ids=lambda value: type(value).__name__,
)
def test_data_of_answers(value: object) -> None:
    assert from_data(json.loads(json.dumps(to_data(value)))) == value


@pytest.mark.parametrize(
    "data",
    [
        {"eval": "1"},
        {"list": 7},
        {"int": "0x", "list": []},
        {"TrafficClass": {"no": 1}},
        {"EalConfig": {}},
        {"dict": [[{"list": []}, 1]]},
        {"list": [None] * 30_000},
        [],
        7,
    ],
    ids=str,
)
def test_data_that_is_none_is_refused(data: object) -> None:
    with pytest.raises(NotPlain):
        from_data(data)
