# SPDX-License-Identifier: BSD-3-Clause
"""The first page: what lessons say of themselves, what is here of their needs, and the cards."""

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import nbformat
import papermill
import pytest

import labkit as lk
from labkit.errors import LabError
from labkit.machine.doctor_report import Finding
from labkit.notebooks.exercises import count_exercises
from labkit.notebooks.lab_settings import lab_command, lab_environment
from labkit.notebooks.lessons import lessons_of, read_lesson
from labkit.notebooks.needs import NEEDS, found_here
from labkit.notebooks.source import read_notebook
from labkit.notebooks.start import TASKS, Start

FOLDER = Path(__file__).parents[2] / "notebooks"
LESSONS = sorted(path for path in FOLDER.glob("*.ipynb") if path.stem != "00_start")
# What of a lesson's code makes use of a need, and what leaves that code out where it is missing.
SIGNS = {
    "DPDK": (r"\blk\.(Lab|Hosts|compile_filter)\(", None),
    "root": (r"\blk\.dut\.KernelEcho\(", r"os\.geteuid\(\) == 0"),
    "testpmd": (r"\blk\.dut\.Testpmd\(|\"dpdk-testpmd\"", r"shutil\.which\(\"dpdk-testpmd\"\)"),
    "compiler": (r"^%%node", None),
}
FACTS = {"about": "One sentence.", "minutes": 10, "needs": ["DPDK"]}


def lesson(folder: Path, facts: Any, title: str = "# A title", name: str = "nb") -> Path:
    book = nbformat.v4.new_notebook(metadata={"labkit": facts})
    book.cells = [nbformat.v4.new_markdown_cell(title)]
    path = folder / f"{name}.ipynb"
    nbformat.write(book, path)
    return path


def code_and_words(path: Path) -> tuple[str, int, int]:
    cells: Sequence[Any] = nbformat.read(path, as_version=4).cells
    code = "\n".join(cell.source for cell in cells if cell.cell_type == "code")
    words = sum(len(cell.source.split()) for cell in cells if cell.cell_type == "markdown")
    return code, words, sum(1 for line in code.splitlines() if line.strip())


@pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem)
def test_a_lesson_says_what_it_takes(path: Path) -> None:
    found = read_lesson(path)
    assert found is not None, "the metadata lacks labkit.minutes"
    code, words, lines = code_and_words(path)
    used = {name for name, (sign, _) in SIGNS.items() if re.search(sign, code, re.MULTILINE)}
    guarded = {name for name in used if (guard := SIGNS[name][1]) and re.search(guard, code)}
    assert set(found.needs) == used - guarded
    assert set(found.optional) == guarded
    # Text is read at 100 to 300 words a minute, code at 6 to 30 lines; an exercise takes 2 to 15.
    exercises = count_exercises(read_notebook(path).document)
    quick = words / 300 + lines / 30 + 2 * exercises
    slow = words / 100 + lines / 6 + 15 * exercises + 10  # for what is measured
    assert quick <= found.minutes <= slow
    assert len(found.about) <= 110
    assert found.about[-1] in ".?"


def test_signs_are_of_all_needs() -> None:
    assert set(SIGNS) == set(NEEDS)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"minutes": 0}, '"minutes" .* is 0; it is a whole number from 1 to 240'),
        ({"minutes": True}, '"minutes" .* is True'),
        ({"minutes": "ten"}, "\"minutes\" .* is 'ten'"),
        ({"about": ""}, "\"about\" .* is ''; it is one sentence"),
        ({"about": None}, '"about" .* is missing'),
        ({"needs": "root"}, "\"needs\" .* is 'root'; it is a list"),
        ({"needs": ["rooot"]}, "'rooot'; it is .*there are: .*; did you mean 'root'"),
        ({"optional": [["root"]]}, r"\"optional\" .* is \['root'\]"),
    ],
)
def test_wrong_facts_are_told(change: dict[str, Any], told: str, tmp_path: Path) -> None:
    lesson(tmp_path, FACTS | change)
    with pytest.raises(LabError, match=told):
        read_lesson(tmp_path / "nb.ipynb")
    lessons, left_out = lessons_of(tmp_path)
    assert lessons == []
    assert re.search(told, left_out[0])


def test_other_notebooks_are_no_lessons(tmp_path: Path) -> None:
    lesson(tmp_path, {})
    (tmp_path / "damaged.ipynb").write_text("{")
    (tmp_path / "folder.ipynb").mkdir()
    lessons, left_out = lessons_of(tmp_path)
    assert lessons == []
    assert len(left_out) == 1
    assert "damaged.ipynb" in left_out[0]


def test_a_folder_is_read_within_bounds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in "ab":
        lesson(tmp_path, FACTS, name=name)
    monkeypatch.setattr("labkit.notebooks.lessons.MOST_NOTEBOOKS", 1)
    lessons, left_out = lessons_of(tmp_path)
    assert [found.file for found in lessons] == ["a.ipynb"]
    assert left_out == ["1 notebook beyond the first 1"]
    monkeypatch.setattr("labkit.notebooks.lessons.LARGEST", 10)
    _, (told, _) = lessons_of(tmp_path)
    assert re.fullmatch(r"a\.ipynb has \d+ bytes, and lessons have at most 10", told)


def test_what_a_notebook_says_is_no_markup(tmp_path: Path) -> None:
    evil = "<script>alert(1)</script>\" onclick='x'"
    lesson(tmp_path, FACTS | {"about": evil}, f"# {evil}", name='a" onclick="x')
    lesson(tmp_path, FACTS | {"needs": [evil]}, name="b")
    lessons, left_out = lessons_of(tmp_path)
    found = {"DPDK": Finding("DPDK", "problem", evil, evil)}
    html = Start(tuple(lessons), found, tuple(left_out))._repr_html_()
    assert "<script" not in html
    assert "onclick='x'" not in html
    assert 'onclick="x' not in html
    assert html.count("alert(1)") >= 4


def test_what_is_missing_is_told_with_its_fix(tmp_path: Path) -> None:
    lesson(tmp_path, FACTS | {"optional": ["root"]})
    lessons, _ = lessons_of(tmp_path)
    found = {
        "DPDK": Finding("engine", "problem", "does not start", "make setup"),
        "root": Finding("root", "note", "need root", "start JupyterLab as root"),
    }
    start = Start(tuple(lessons), found)
    assert "needs: DPDK ✗, root ✗ (optional)" in repr(start)
    assert "fix: make setup" in repr(start)
    html = start._repr_html_()
    assert "✗ DPDK is missing" in html
    assert "<i>fix:</i> start JupyterLab as root" in html


def test_needs_are_found_as_lessons_find_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    monkeypatch.setenv("CC", "")
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    found = found_here(["root", "testpmd", "compiler", "root"])
    assert list(found) == ["root", "testpmd", "compiler"]
    assert {finding.status for finding in found.values()} == {"note"}
    assert "JupyterLab as root" in found["root"].fix
    assert "install" in found["testpmd"].detail
    assert "apt-get install gcc" in found["compiler"].detail


def test_the_notebook_shows_cards(tmp_path: Path) -> None:
    executed = papermill.execute_notebook(
        FOLDER / "00_start.ipynb", tmp_path / "out.ipynb", cwd=FOLDER, progress_bar=False
    )
    (output,) = executed.cells[-1].outputs
    html = output.data["text/html"]
    for path in LESSONS:
        assert f'href="{path.name}"' in html
    assert "left out" not in html
    assert "✓ DPDK" in html
    assert "First packets, 20 min; needs: DPDK ✓" in output.data["text/plain"]
    assert all(task.file in {"", *(path.name for path in LESSONS)} for task in TASKS)


def test_a_new_notebook_is_linked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    made = lk.new("a b")
    assert made.path == Path("a b.ipynb")
    assert made.path.exists()
    assert 'href="a%20b.ipynb"' in made._repr_html_()
    with pytest.raises(LabError, match="exists already"):
        lk.new("a b")
    with pytest.raises(LabError, match="it is a file name such as 'my_experiment'"):
        lk.new("../x")
    with pytest.raises(LabError, match="name is 7; it is a text"):
        lk.new(7)  # type: ignore[arg-type]


def test_no_folder_is_told(tmp_path: Path) -> None:
    for begin in (lk.start, lab_command):
        with pytest.raises(LabError, match="is no folder; name the one that holds"):
            begin(tmp_path / "nowhere")


def test_a_lab_opens_at_its_first_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert not any("default_url" in word for word in lab_command(tmp_path))
    (tmp_path / "00_start.ipynb").touch()
    command = lab_command(tmp_path, port=9999, browser=False)
    assert "--LabApp.default_url=/lab/tree/00_start.ipynb" in command
    assert {"--ip=127.0.0.1", "--port=9999", "--no-browser"} <= set(command)
    monkeypatch.setenv("JUPYTER_CONFIG_PATH", "/mine")
    mine, ours = lab_environment()["JUPYTER_CONFIG_PATH"].split(":")
    assert mine == "/mine"
    json.loads((Path(ours) / "labconfig/default_setting_overrides.json").read_text())
