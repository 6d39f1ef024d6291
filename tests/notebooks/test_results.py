# SPDX-License-Identifier: BSD-3-Clause
"""results.json: opened from folders and zips, old ones too, and never half written."""

import json
import shutil
from pathlib import Path

import pandas as pd
import pytest

import labkit as lk
from labkit.notebooks.records import Check, Result
from labkit.notebooks.report.notebook_run import NotebookRun
from labkit.notebooks.report.results import is_run, load_run, write_whole
from labkit.notebooks.report.site import write_comparison
from labkit.notebooks.run.runner import run_folder
from tests.notebooks.making import labkit, notebook, run_of

OLD = Path(__file__).parent / "data/results-0.1.json"


def test_a_run_comes_back_as_it_was(tmp_path: Path) -> None:
    run = run_of(
        NotebookRun(
            "nb",
            checks=(Check("a", "failed", "x > 1", {"x": "0"}, "hint", 3),),
            results=(Result("ndr", (1.0, 2.0), "Mpps", "higher", 0.1),),
            parameters={"sizes": [64]},
            cell_seconds=(0.1, 0.2),
        )
    )
    run.save(tmp_path)
    assert load_run(tmp_path) == run
    assert load_run(tmp_path / "results.json") == run
    assert run.status == "passed"
    assert list(run.results.value) == [1.0, 2.0]
    assert run.checks.message[0] == "x > 1\nx is 0\nhint"


def test_a_zip_of_a_run_with_tables(tmp_path: Path) -> None:
    table = "pd.DataFrame({'size_bytes': [64], 'rx_pps': [7e5]})"
    cells = f"import labkit as lk, pandas as pd\nlk.record_result('curve', {table})"
    notebook(tmp_path / "nb.ipynb", cells)
    assert labkit("run", "nb.ipynb", "--report", "out", cwd=tmp_path).returncode == 0
    shutil.make_archive(str(tmp_path / "shared"), "zip", tmp_path, "out")
    archive = tmp_path / "shared.zip"
    assert is_run(archive)
    run = load_run(archive)
    assert run.tables["nb/curve"].rx_pps[0] == 7e5
    assert run.opened == archive
    page = tmp_path / "page.html"
    write_comparison(run.compare(run), run, run, page)
    assert f"<b>{archive}</b>" in page.read_text(), "not where it was unpacked to"
    assert pd.read_parquet(tmp_path / "out/results.parquet").empty


def test_results_of_an_older_labkit_are_read(tmp_path: Path) -> None:
    shutil.copy(OLD, tmp_path / "results.json")
    run = load_run(tmp_path)
    assert run.status == "failed"
    assert run.notebooks[0].results[0].values == (1.5,)
    assert run.notebooks[0].results[0].noise is None
    assert run.notebooks[0].attachments == ()


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('{"kind": "run of notebooks", "format": 7, "labkit": "9.1"}', "written by labkit 9.1"),
        ('{"kind": "run of notebooks"}', "has format None"),
        ('{"kind": "run of notebooks", "format": 1}', "is not whole"),
        ('{"kind": "run of notebooks", "format": 1, "notebooks": [{}]}', "is not whole"),
        ("{", "is damaged"),
        ("[]", "is no run of notebooks"),
    ],
)
def test_what_cannot_be_read_is_told(text: str, reason: str, tmp_path: Path) -> None:
    (tmp_path / "results.json").write_text(text)
    with pytest.raises(lk.LabError, match=reason):
        load_run(tmp_path)
    archive = shutil.make_archive(str(tmp_path / "shared"), "zip", tmp_path, "results.json")
    with pytest.raises(lk.LabError, match=rf"^{archive}: results.json .*{reason}"):
        load_run(Path(archive))


def test_other_folders_and_zips(tmp_path: Path) -> None:
    assert not is_run(tmp_path)
    (tmp_path / "a.txt").touch()
    archive = Path(shutil.make_archive(str(tmp_path / "other"), "zip", tmp_path))
    assert not is_run(archive)
    with pytest.raises(lk.LabError, match=r"other.zip has no results.json"):
        load_run(archive)
    with pytest.raises(lk.LabError, match="cannot be read: No such file"):
        load_run(tmp_path)


def test_a_file_is_written_whole_or_not_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "results.json"
    write_whole(file, "old")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space"):
        write_whole(file, "new")
    assert file.read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["results.json"]


def test_a_folder_of_something_else_is_left_alone(tmp_path: Path) -> None:
    notebook(tmp_path / "nb.ipynb", "a = 1")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/thesis.txt").write_text("precious")
    ran = labkit("run", "nb.ipynb", "--report", "mine", cwd=tmp_path)
    assert ran.returncode == 2
    assert "mine is not empty and holds no run; choose another folder" in ran.stderr
    assert (tmp_path / "mine/thesis.txt").read_text() == "precious"


@pytest.mark.parametrize("place", ["", ".", "..", "../mine", "a/../../mine"])
def test_replacing_a_run_removes_nothing_else(place: str, tmp_path: Path) -> None:
    notebook(tmp_path / "nb.ipynb", "a = 1")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/thesis.txt").write_text("precious")
    (tmp_path / "out").mkdir()
    run_of(NotebookRun("nb", folder=place)).save(tmp_path / "out")
    (tmp_path / "out/note.txt").write_text("kept")
    with run_folder(tmp_path / "out"):
        assert (tmp_path / "out/note.txt").exists()
        assert (tmp_path / "mine/thesis.txt").exists()


def test_an_earlier_run_is_replaced(tmp_path: Path) -> None:
    for name in ("one", "two"):
        notebook(tmp_path / f"{name}.ipynb", "a = 1")
        assert labkit("run", f"{name}.ipynb", "--report", "out", cwd=tmp_path).returncode == 0
    assert not (tmp_path / "out/one").exists()
    assert [n.name for n in load_run(tmp_path / "out").notebooks] == ["two"]
    assert json.loads((tmp_path / "out/results.json").read_text())["status"] == "passed"
