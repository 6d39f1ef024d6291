# SPDX-License-Identifier: BSD-3-Clause
"""Habits of the command: near misses, pipes, nouns, and files that are not overwritten."""

import json
import os
import subprocess
from functools import partial
from pathlib import Path

import pytest
from click.testing import CliRunner

from labkit.cli import main
from labkit.notebooks.report.notebook_run import NotebookRun
from labkit.text import plural
from tests.notebooks import making
from tests.notebooks.making import LABKIT, labkit, run_of
from tests.notebooks.test_exercises import with_exercise
from tests.notebooks.test_pytest_plugin import CELLS, run_pytest
from tests.patience import wait_until

notebook = partial(making.notebook, measures=False)  # waits for no other run's CPUs


def said(folder: Path, *arguments: str, code: int = 2) -> str:
    ran = labkit(*arguments, cwd=folder)
    assert ran.returncode == code, ran.stderr
    assert "Traceback" not in ran.stderr
    return ran.stderr


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("run", "nb.ipynb", "--tag", "nosuch"), "none has the tag 'nosuch' (there are: ci, slow)"),
        (("run", "nb.ipynb", "--tag", "c"), "did you mean 'ci'?"),
        (("run", ".", "--tag", "ci", "--tag", "slow"), "none has all of the tags ci, slow"),
        (("run", "nb.ipynb", "--tag", "nosuch", "--help-notebook"), "none has the tag 'nosuch'"),
        (("comapre", "a", "b"), "there is no command 'comapre'"),
        (("baseline", "shwo"), "did you mean 'show'?"),
        (("baseline", "show", "mian"), "(there are: main); did you mean 'main'?"),
        (("run", "nb.ipynb", "-p", "n", "1", "-p", "n", "2"), "n is given 2 times"),
        (("run", "nb.ipynb", "--minimal-effect", "nan"), "nan is no number of use"),
        (("run", "nb.ipynb", "--limit", "nan"), "the time limit is nan s"),
        (("run", "nb.ipynb", "--junit", "nb.ipynb"), "nb.ipynb exists already and is no XML"),
        (("run", "nb.ipynb", "--junit", "."), ". is a folder; name a file"),
        (("run", "nb.ipynb", "--junit", "pipe"), "pipe is no plain file; name a file"),
        (("run", "nb.ipynb", "--report", "nb.ipynb/x"), "cannot be made: Not a directory"),
        (("run", ""), "it is empty; is a variable of the shell not set?"),
        (("run", "nb.ipynb", "--tag", ""), "it is empty"),
        (("run", "nb.ipynb", "--baseline", ""), "it is empty"),
        (("run", "nb.ipynb", "--scheduler", ""), "it is empty"),
        (("run", "nb.ipynb", "--report", ""), "it is empty"),
        (("run", "nb.ipynb", "--scheduler", "nonsense"), "write it as tcp://10.0.0.1:8786"),
        (("compare", "runs/a", "runs/b"), "have no notebook in common"),
        (("index", "runs/a"), "runs/a is a run itself"),
        (
            ("exercises", "solve", "nb.ipynb", "new.ipynb", "--solutions", "s.json"),
            "nb.ipynb has no exercise",
        ),
    ],
)
def test_mistakes_are_told_before_anything_runs(
    arguments: tuple[str, ...], reason: str, tmp_path: Path
) -> None:
    notebook(tmp_path / "nb.ipynb", "open('ran', 'w')", tags=["ci"])
    notebook(tmp_path / "slow.ipynb", "open('ran', 'w')", tags=["slow"])
    if "nb.ipynb" in arguments:  # tags that other notebooks have are told too
        arguments = tuple("." if a == "nb.ipynb" and "--tag" in arguments else a for a in arguments)
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "baselines").mkdir()
    (tmp_path / "baselines/main.json").write_text("{}")
    for name in ("a", "b"):
        (tmp_path / "runs" / name).mkdir(parents=True)
        run_of(NotebookRun(name)).save(tmp_path / "runs" / name)
    assert reason in said(tmp_path, *arguments)
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("command", [[], ["run"], ["baseline"], ["exercises", "solve"], ["doctor"]])
def test_help_has_a_short_name(command: list[str]) -> None:
    short, long = (CliRunner().invoke(main, [*command, flag]) for flag in ("-h", "--help"))
    assert short.exit_code == 0
    assert short.output == long.output
    assert "-h, --help" in short.output


@pytest.mark.parametrize(
    "command", ["run --help", "compare a b", "run nb.ipynb --help-notebook", "doctor --json"]
)
def test_who_reads_the_head_alone_sees_no_error(command: str, tmp_path: Path) -> None:
    notebook(tmp_path / "nb.ipynb", "a = 1")
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        run_of(NotebookRun("nb", started_at=name)).save(tmp_path / name)
    # Whoever reads is gone before anything is said.
    line = f"sleep 0.1; {LABKIT} {command} | exec 0<&-"
    ran = subprocess.run(
        ["bash", "-c", line], cwd=tmp_path, capture_output=True, text=True, timeout=300
    )
    assert ran.stderr == ""


def test_numbers_agree_with_their_nouns(tmp_path: Path) -> None:
    assert [plural(n, "run") for n in (0, 1, 2, 1234)] == [
        "0 runs",
        "1 run",
        "2 runs",
        "1,234 runs",
    ]
    notebook(tmp_path / "nb.ipynb", "import labkit as lk\nlk.record_result('ndr', 1.0)")
    assert labkit("run", "nb.ipynb", "--report", "runs/a", cwd=tmp_path).returncode == 0
    accepted = labkit("baseline", "accept", "runs/a", cwd=tmp_path).stdout
    assert "1 result of 1 notebook;" in accepted
    assert "1 run\n" in labkit("index", "runs", cwd=tmp_path).stdout
    assert "<h1>1 run</h1>" in (tmp_path / "runs/index.html").read_text()
    assert "<b>1</b><span>notebook</span>" in (tmp_path / "runs/a/index.html").read_text()


def test_versions_of_a_notebook_overwrite_nothing_unasked(tmp_path: Path) -> None:
    path = with_exercise(tmp_path / "nb.ipynb")
    before = path.read_text()
    (tmp_path / "mine.ipynb").write_text("precious")
    solutions = ("--solutions", "solutions/nb.json")
    for command in ("solve", "fold"):
        for output in ("mine.ipynb", "nb.ipynb"):
            reason = f"{output} exists already; choose another name, or --force replaces it"
            assert reason in said(tmp_path, "exercises", command, "nb.ipynb", output, *solutions)
    assert (path.read_text(), (tmp_path / "mine.ipynb").read_text()) == (before, "precious")
    for command, notebooks, told in (
        ("solve", ("nb.ipynb", "mine.ipynb"), "mine.ipynb: 1 exercise\n"),
        (
            *("fold", ("mine.ipynb", "nb.ipynb")),
            "nb.ipynb: 1 exercise; solutions/nb.json: 1 solution\n",
        ),
    ):
        ran = labkit("exercises", command, *notebooks, *solutions, "--force", cwd=tmp_path)
        assert (ran.returncode, ran.stdout) == (0, told), ran.stderr
    assert json.loads(path.read_text())["cells"] == json.loads(before)["cells"]


def test_a_new_notebook_may_have_a_dot_in_its_name(tmp_path: Path) -> None:
    assert labkit("new", "echo_v1.2", cwd=tmp_path).returncode == 0
    assert [path.name for path in tmp_path.iterdir()] == ["echo_v1.2.ipynb"]


@pytest.mark.parametrize("more", [(), ("-n", "2")])
def test_pytest_counts_checks_as_tests(more: tuple[str, ...], tmp_path: Path) -> None:
    for name in ("one", "two"):
        notebook(tmp_path / f"{name}/same.ipynb", *CELLS)
    ran = run_pytest(tmp_path, ".", "--notebook-report", "out", *more)
    shares = [int(word[1:-2]) for word in ran.stdout.split() if word.endswith("%]")]
    assert shares, ran.stdout
    assert max(shares) == 100
    assert "4 failed, 2 passed, 2 skipped" in ran.stdout
    assert {path.parent.name for path in tmp_path.glob("out/*/report.html")} == {
        "one-same",
        "two-same",
    }


def test_notebooks_run_as_tests_where_only_the_lab_is_installed() -> None:
    root = Path(__file__).parents[2]
    off = ("-p", "no:timeout", "-p", "no:xdist")  # what `make lab` does not install
    ran = run_pytest(root, "notebooks", "--collect-only", "-q", *off)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "notebooks/02_echo.ipynb::02_echo" in ran.stdout
    project = (root / "pyproject.toml").read_text()
    needed = project.split("\ndependencies = [")[1].split("\n]")[0]
    assert '"pytest>=' in needed


def test_a_run_leaves_no_junit_of_an_earlier_one(tmp_path: Path) -> None:
    """Not even when it is killed: what is there would tell of another run."""
    notebook(tmp_path / "nb.ipynb", "import time; time.sleep(60)")
    junit = tmp_path / "junit.xml"
    junit.write_text("<?xml version='1.0'?><testsuites/>")
    with subprocess.Popen([LABKIT, "run", "nb.ipynb", "--junit", junit], cwd=tmp_path) as run:
        wait_until(lambda: not junit.exists())
        run.kill()
    assert not junit.exists()
