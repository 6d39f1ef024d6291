# SPDX-License-Identifier: BSD-3-Clause
"""What a run came to is told alike by its exit code, its results, a comparison and the history."""

import re
import subprocess
import zipfile
from functools import partial
from pathlib import Path

import pytest

import labkit as lk
from labkit.notebooks.records import Check, Recorder, Result
from labkit.notebooks.report.baseline import accept
from labkit.notebooks.report.notebook_run import NotebookRun
from labkit.notebooks.report.pictures import trend_figure
from labkit.notebooks.report.results import Run, load_run
from labkit.notebooks.report.site import write_history
from labkit.notebooks.report.summary import markdown
from labkit.notebooks.run.origin import origin
from labkit.notebooks.run.plan import Settings, again, names_of, plan
from labkit.notebooks.run.progress import line
from labkit.notebooks.run.runner import run_folder
from labkit.notebooks.source import read_notebook
from tests.notebooks import making
from tests.notebooks.making import labkit, run_of

notebook = partial(making.notebook, measures=False)  # waits for no other run's CPUs

NDR = (Result("ndr", (10.0,), "Mpps", "higher"),)
GOOD = (Check("balanced", "passed"),)


def saved(folder: Path, run: Run) -> Path:
    folder.mkdir(parents=True)
    run.save(folder)
    return folder


def test_a_run_that_crashed_does_not_compare_as_fine(tmp_path: Path) -> None:
    notebook(tmp_path / "nb.ipynb", "import labkit as lk", "lk.record_result('ndr', 10.0)")
    assert labkit("run", "nb.ipynb", "--report", "before", cwd=tmp_path).returncode == 0
    notebook(tmp_path / "nb.ipynb", "import labkit as lk\nport = {}['ens5']")
    assert labkit("run", "nb.ipynb", "--report", "now", cwd=tmp_path).returncode == 1
    ran = labkit("compare", "before", "now", "--html", "diff.html", cwd=tmp_path)
    assert ran.returncode == 1
    assert "missing      nb: runs to its end  error: KeyError: 'ens5'" in ran.stdout
    assert "KeyError" in (tmp_path / "diff.html").read_text()


@pytest.mark.parametrize(
    ("notebooks", "loud"),
    [
        ([NotebookRun("nb", status="cancelled", message="cancelled")], ["nb: runs to its end"]),
        (
            [
                NotebookRun("nb", results=NDR, checks=GOOD),
                NotebookRun("nb", repeat=2, status="error", message="dead kernel"),
            ],
            ["nb: runs to its end"],
        ),
        (
            [
                NotebookRun(
                    "nb", results=NDR, status="failed", checks=(Check("balanced", "failed"),)
                )
            ],
            ["nb: check balanced"],
        ),
        (
            [NotebookRun("nb", results=NDR, checks=(*GOOD, Check("new", "failed")))],
            ["nb: check new"],
        ),
        ([NotebookRun("nb", results=NDR, checks=GOOD)], []),
    ],
)
def test_what_went_wrong_is_loud(notebooks: list[NotebookRun], loud: list[str]) -> None:
    before = run_of(NotebookRun("nb", results=NDR, checks=GOOD))
    comparison = run_of(*notebooks).compare(before)
    assert [f"{row.notebook}: {row.name}" for row in comparison.loud] == loud


def test_a_killed_run_has_not_passed(tmp_path: Path) -> None:
    jobs = plan_of(tmp_path, "one.ipynb", "two.ipynb")
    with run_folder(tmp_path / "out") as kept:
        assert load_run(tmp_path / "out").status == "error"
        kept.begin(jobs)
        kept.add(jobs[0].ended(status="passed", results=NDR))
        left = load_run(tmp_path / "out")
        with (
            pytest.raises(lk.LabError, match="another run writes to"),
            run_folder(tmp_path / "out"),
        ):
            pass
    assert (left.status, left.troubles) == ("error", ["two (not ended)"])
    before = run_of(NotebookRun("one", results=NDR), NotebookRun("two", results=NDR))
    assert [row.notebook for row in left.compare(before).loud] == ["two"]
    with pytest.raises(lk.LabError, match=r"did not end \(two \(not ended\)\)"):
        accept([left], "main")


def plan_of(folder: Path, *files: str, **settings: int):  # type: ignore[no-untyped-def]
    for file in files:
        notebook(folder / file, "a = 1")
    sources = [read_notebook(folder / file) for file in files]
    return plan(sources, folder / "out", Settings({}, **settings))  # type: ignore[arg-type]


def test_a_worse_run_is_one_that_failed(tmp_path: Path) -> None:
    notebook(
        tmp_path / "nb.ipynb",
        "import labkit as lk\nlk.params(ndr=10.0)",
        "lk.record_result('ndr', ndr, 'Mpps', better='higher')",
    )
    notebook_run = ("run", "nb.ipynb", "--confirm", "0")
    labkit(*notebook_run, "--report", "runs/a", cwd=tmp_path)
    labkit("baseline", "accept", "runs/a", cwd=tmp_path)
    # The same parameters, so that both can be compared.
    notebook(
        tmp_path / "nb.ipynb",
        "import labkit as lk\nlk.params(ndr=10.0)",
        "lk.record_result('ndr', ndr - 2, 'Mpps', better='higher')",
    )
    ran = labkit(*notebook_run, "--report", "runs/b", "--baseline", "main", cwd=tmp_path)
    assert ran.returncode == 1
    run = load_run(tmp_path / "runs/b")
    assert run.status == "failed"
    assert run.troubles == ["nb: ndr worse by -20.0 %"]
    assert labkit("index", "runs", cwd=tmp_path).returncode == 0
    newest = (tmp_path / "runs/index.html").read_text().split("<h2>Runs")[1].split("</tr>")[1]
    assert "failed" in newest
    assert "nb: ndr worse by -20.0 %" in newest
    assert "### ❌ Notebooks failed" in (tmp_path / "runs/b/summary.md").read_text()
    assert labkit("baseline", "accept", "runs/b", cwd=tmp_path).returncode == 0, "as it is now"


def test_unanswered_exercises_are_told_wherever_checks_are_counted(tmp_path: Path) -> None:
    checks = (Check("a", "passed"), Check("b", "open"), Check("c", "open"))
    run = run_of(NotebookRun("nb", checks=checks))
    told = "1 of 3 passed, 2 not answered"
    assert f"| ✅ | nb | {told} |" in markdown(run)
    assert told in line(run.notebooks[0])
    assert told in repr(run)
    saved(tmp_path / "a", run)
    write_history(tmp_path, tmp_path / "index.html")
    assert told in (tmp_path / "index.html").read_text()


@pytest.mark.parametrize(
    "values", [(10.0, 10.5), (0.0, 0.0), (1000.0, 3.0), (0.001, 0.0), (-5.0, 3.0)]
)
def test_a_trend_shows_nothing_below_zero_that_cannot_be(values: tuple[float, ...]) -> None:
    points = [(str(n), (value, value)) for n, value in enumerate(values)]
    bottom, top = trend_figure("loss", "%", points, "lower").axes[0].get_ylim()
    assert (bottom < 0) == (min(values) < 0)
    assert bottom <= min(values) <= max(values) <= top


def test_a_trend_joins_only_what_can_be_compared(tmp_path: Path) -> None:
    for day, (count, status) in enumerate(
        [(5, "passed"), (9, "passed"), (5, "error"), (5, "passed")], 1
    ):
        n = NotebookRun("nb", results=NDR, parameters={"count": count}, status=status)  # type: ignore[arg-type]
        saved(tmp_path / str(day), run_of(n, started_at=f"2026-01-0{day}T10:00:00+00:00"))
    assert write_history(tmp_path, tmp_path / "index.html") == 4
    assert "nb: ndr over 2 runs" in (tmp_path / "index.html").read_text()


def test_history_of_files_that_cannot_be_read(tmp_path: Path) -> None:
    folder = saved(tmp_path / "a", run_of(NotebookRun("nb")))
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.write(folder / "results.json", "a/results.json")
    saved(tmp_path / "later", run_of(NotebookRun("nb")))
    (tmp_path / "later/results.json").write_text('{"kind": "run of notebooks", "format": 99}')
    ran = labkit("index", ".", cwd=tmp_path)
    assert (ran.returncode, ran.stdout) == (0, "index.html: 1 run\n")
    assert "left out: later/results.json has format 99" in ran.stderr
    assert "has format 99" in (tmp_path / "index.html").read_text()


def test_pages_replace_pages_alone(tmp_path: Path) -> None:
    saved(tmp_path / "a", run_of(NotebookRun("nb")))
    (tmp_path / "index.html").write_text("<h1>my own</h1>")
    ran = labkit("index", ".", cwd=tmp_path)
    assert (ran.returncode, "is no page of labkit's" in ran.stderr) == (2, True)
    ran = labkit("compare", "a", "a", "--html", "index.html", cwd=tmp_path)
    assert (ran.returncode, "is no page of labkit's" in ran.stderr) == (2, True)
    assert (tmp_path / "index.html").read_text() == "<h1>my own</h1>"


@pytest.mark.parametrize(
    ("files", "names"),
    [
        (("a.ipynb", "b.ipynb"), ["a", "b"]),
        (("x/a.ipynb", "y/a.ipynb", "b.ipynb"), ["x-a", "y-a", "b"]),
        (("x/a.ipynb", "x-a.ipynb", "a.ipynb"), ["x-a2", "x-a", "a"]),
        (("x/y/a.ipynb", "x-y/a.ipynb"), ["x-y-a", "x-y-a2"]),
        (("results.json.ipynb", "...ipynb"), ["results.json2", "notebook.."]),
    ],
)
def test_no_two_notebooks_share_a_report(
    files: tuple[str, ...], names: list[str], tmp_path: Path
) -> None:
    sources = [read_notebook(notebook(tmp_path / file, "a = 1")) for file in files]
    assert names_of(sources) == names
    jobs = plan(sources, tmp_path / "out", Settings({}, repeat=3))
    jobs += again(jobs, set(names), 2)
    assert len({job.folder for job in jobs}) == len(jobs) == 5 * len(files)
    assert {Path(job.folder).parent for job in jobs} == {tmp_path / "out"}


def test_repeats_beside_a_notebook_of_their_name(tmp_path: Path) -> None:
    notebook(tmp_path / "nb.ipynb", "a = 1")
    notebook(tmp_path / "nb-2.ipynb", "1 / 0")
    ran = labkit("run", "nb.ipynb", "nb-2.ipynb", "--repeat", "2", "--report", "out", cwd=tmp_path)
    assert ran.returncode == 1
    run = load_run(tmp_path / "out")
    assert [(n.title, n.status) for n in run.notebooks] == [
        *(("nb", "passed"), ("nb #2", "passed"), ("nb-2", "error"), ("nb-2 #2", "error"))
    ]
    for n in run.notebooks:
        page = (tmp_path / "out" / n.folder / "report.html").read_text()
        assert re.sub("<.*?>", "", page.split("<h1>")[1].split("</h1>")[0]).split()[-1] == n.status


def test_tables_whose_names_are_alike(tmp_path: Path) -> None:
    pd = pytest.importorskip("pandas")
    recorder = Recorder(tmp_path)
    for number, name in enumerate(("a b", "a/b", "a_b")):
        recorder.add_table(name, pd.DataFrame({"n": [number]}))
    found = [pd.read_parquet(tmp_path / file).n[0] for file in recorder.tables.values()]
    assert found == [0, 1, 2]
    with pytest.raises(lk.LabError, match="table 'a b' was recorded already"):
        recorder.add_table("a b", pd.DataFrame())


def test_what_a_killed_run_left_is_none_of_the_next(tmp_path: Path) -> None:
    notebook(tmp_path / "nb.ipynb", "a = 1")
    (tmp_path / "out/nb").mkdir(parents=True)
    left = '{"kind": "check", "name": "old", "status": "failed"}\n'
    (tmp_path / "out/nb/records.jsonl").write_text(left)
    Run(()).save(tmp_path / "out")
    ran = labkit("run", "nb.ipynb", "--report", "out", cwd=tmp_path)
    assert ran.returncode == 0, ran.stderr
    assert load_run(tmp_path / "out").notebooks[0].checks == ()


def git(folder: Path, *arguments: str) -> str:
    who = ("-c", "user.name=a", "-c", "user.email=a@b.example")
    command = ["git", "-C", str(folder), *who, *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def test_the_origin_of_a_run_is_its_repository(tmp_path: Path) -> None:
    path = notebook(tmp_path / "nb.ipynb", "a = 1")
    assert origin(tmp_path, {}) == {}, "not in a repository"
    git(tmp_path, "init", "-q", "-b", "mend/ring")
    assert origin(tmp_path, {}) == {"branch": "mend/ring", "dirty": False}, "no commit yet"
    git(tmp_path, "add", "nb.ipynb")
    git(tmp_path, "commit", "-q", "-m", "one")
    commit = git(tmp_path, "rev-parse", "HEAD")
    assert origin(tmp_path, {}) == {"commit": commit, "branch": "mend/ring", "dirty": False}
    path.write_text(path.read_text() + "\n")
    git(tmp_path, "checkout", "-q", "--detach")
    told = origin(tmp_path, {"GITHUB_REF_NAME": "main", "CI_JOB_URL": "javascript:x"})
    assert told == {"commit": commit, "branch": "main", "dirty": True}


def test_results_tell_where_they_come_from(tmp_path: Path) -> None:
    notebook(tmp_path / "nb.ipynb", "a = 1")
    git(tmp_path, "init", "-q", "-b", "mend/ring")
    git(tmp_path, "add", "nb.ipynb")
    git(tmp_path, "commit", "-q", "-m", "one")
    commit = git(tmp_path, "rev-parse", "HEAD")
    variables = {
        "GITHUB_SERVER_URL": "https://github.example",
        "GITHUB_REPOSITORY": "a/b",
        "GITHUB_RUN_ID": "7",
    }
    ran = labkit("run", "nb.ipynb", "--report", "out", cwd=tmp_path, **variables)
    assert ran.returncode == 0, ran.stderr
    link = "https://github.example/a/b/actions/runs/7"
    found = load_run(tmp_path / "out").origin
    assert found == {"commit": commit, "branch": "mend/ring", "dirty": False, "ci": link}
    for file in ("index.html", "summary.md"):
        text = (tmp_path / "out" / file).read_text()
        assert commit[:12] in text
        assert link in text
