# SPDX-License-Identifier: BSD-3-Clause
"""labkit new, index, compare and baseline show; lk.load; what a terminal shows of a run."""

import os
import pty
import subprocess
import sys
import termios
from pathlib import Path

import nbformat
import pytest

import labkit as lk
from labkit.notebooks.report.results import load_run
from tests.notebooks.making import LABKIT, labkit, notebook

RECORDING = 'import labkit as lk\nlk.record_result("ndr", {}, "Mpps", better="higher")'


def test_new_notebook_runs_and_is_never_overwritten(tmp_path: Path) -> None:
    assert labkit("new", "my_experiment", cwd=tmp_path).returncode == 0
    ran = labkit("run", "my_experiment.ipynb", "-p", "count", "50", "--report", "out", cwd=tmp_path)
    assert ran.returncode == 0, ran.stderr
    (ended,) = load_run(tmp_path / "out").notebooks
    assert {r.name for r in ended.results} == {
        "median round trip, 18 B",
        "median round trip, 1400 B",
    }
    assert len(ended.checks) == 2
    first = nbformat.read(tmp_path / "my_experiment.ipynb", as_version=4).cells[0]
    assert first.source.startswith("# My experiment")
    ran = labkit("new", "my_experiment", cwd=tmp_path)
    assert (ran.returncode, "exists already" in ran.stderr) == (2, True)


def test_compare_index_and_show(tmp_path: Path) -> None:
    notebook(tmp_path / "other.ipynb", "a = 1")
    for name, value, *more in (("a", 10.0), ("b", 8.0, "other.ipynb")):
        notebook(tmp_path / "nb.ipynb", RECORDING.format(value))
        ran = labkit("run", "nb.ipynb", *more, "--report", f"runs/{name}", cwd=tmp_path)
        assert ran.returncode == 0, ran.stderr
    ran = labkit("compare", "runs/a", "runs/b", "--html", "diff.html", cwd=tmp_path)
    assert ran.returncode == 1
    assert "-20.0 %  one value each, no noise known" in ran.stdout
    assert "Two runs compared" in (tmp_path / "diff.html").read_text()
    assert labkit("compare", "runs/b", "runs/a", cwd=tmp_path).returncode == 0
    assert "2 runs" in labkit("index", "runs", cwd=tmp_path).stdout
    assert 'href="a/index.html"' in (tmp_path / "runs/index.html").read_text()
    assert labkit("baseline", "accept", "runs/a", cwd=tmp_path).returncode == 0
    assert "ndr: 10.00 Mpps (1 run)" in labkit("baseline", "show", cwd=tmp_path).stdout
    ran = labkit("index", tmp_path / "baselines", cwd=tmp_path)
    assert (ran.returncode, "has no run in it" in ran.stderr) == (2, True)


def test_load(tmp_path: Path) -> None:
    assert lk.load(Path(__file__).parents[2] / "notebooks/runs/one_cpu.zip").status == "passed"
    with pytest.raises(lk.LabError, match="there is no such file or folder"):
        lk.load(tmp_path / "nothing")
    with pytest.raises(lk.LabError, match="holds no results"):
        lk.load(tmp_path)


def test_an_unknown_kernel_is_told(tmp_path: Path) -> None:
    path = notebook(tmp_path / "nb.ipynb", "a = 1")
    made = nbformat.read(path, as_version=4)
    made.metadata.kernelspec["name"] = "fortran"
    nbformat.write(made, path)
    ran = labkit("run", "nb.ipynb", cwd=tmp_path)
    assert ran.returncode == 1
    assert "NoSuchKernel: No such kernel named fortran" in ran.stderr


def test_terminal_shows_a_bar_over_all_cells(tmp_path: Path) -> None:
    notebook(tmp_path / "nb.ipynb", *["import time; time.sleep(0.3)"] * 4)
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (24, 100))
    command = [LABKIT, "run", "nb.ipynb"]
    process = subprocess.Popen(command, cwd=tmp_path, stderr=theirs, stdout=subprocess.DEVNULL)
    os.close(theirs)
    said = b""
    try:
        while part := os.read(ours, 4096):
            said += part
    except OSError:
        pass  # the other side was closed
    assert process.wait(300) == 0
    text = said.decode()
    assert "of 4 cells" in text
    assert "nb [2/4]" in text
    assert "✓ nb: passed" in text


@pytest.mark.parametrize("command", [["--help"], ["run", "--help"], ["baseline", "--help"]])
def test_help_waits_for_nothing_slow(command: list[str]) -> None:
    code = (
        "import sys\nfrom labkit.cli import main\n"
        f"main({command!r}, standalone_mode=False)\n"
        "slow = {'pandas', 'numpy', 'matplotlib', 'scapy', 'jinja2', 'nbformat', 'IPython'}\n"
        "assert not slow & sys.modules.keys(), slow & sys.modules.keys()"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert ran.returncode == 0, ran.stderr
    assert "Usage:" in ran.stdout
