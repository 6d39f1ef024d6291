# SPDX-License-Identifier: BSD-3-Clause
"""`pytest notebooks/` runs notebooks, and reports their checks as tests."""

import subprocess
import sys
from pathlib import Path

from junitparser import JUnitXml

from tests.notebooks.making import notebook

CELLS = (
    "import labkit as lk\nlk.params(count=lk.param(5, low=1))",
    "lk.check(count < 6, 'small')\nlk.check(count < 3, 'tiny')\nlk.check(1, 'open', answer=...)",
)


def run_pytest(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-rA", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=400)


def test_checks_are_tests(tmp_path: Path) -> None:
    notebook(tmp_path / "nb/one.ipynb", *CELLS)
    notebook(tmp_path / "nb/.ipynb_checkpoints/one-checkpoint.ipynb", "1 / 0")
    ran = run_pytest(tmp_path, "nb", "--junitxml=junit.xml")
    assert ran.returncode == 1, ran.stdout
    assert "PASSED nb/one.ipynb::one::small" in ran.stdout
    assert "FAILED nb/one.ipynb::one::tiny" in ran.stdout
    assert "count < 3\ncount is 5" in ran.stdout
    assert "1 of 3 checks failed" in ran.stdout
    assert "2 failed, 1 passed, 1 skipped" in ran.stdout
    assert "pytest_plugin.py" not in ran.stdout, "no traceback of this plugin"
    xml = JUnitXml.fromfile(str(tmp_path / "junit.xml"))
    assert {case.name for suite in xml for case in suite} == {"one", "small", "tiny", "open"}


def test_parameters_and_reports(tmp_path: Path) -> None:
    notebook(tmp_path / "one.ipynb", *CELLS)
    ran = run_pytest(
        tmp_path, "one.ipynb", "--notebook-param", "count", "2", "--notebook-report", "out"
    )
    assert "2 failed" not in ran.stdout
    assert ran.returncode == 0, ran.stdout
    assert (tmp_path / "out/one/report.html").exists()


def test_wrong_parameters_start_nothing(tmp_path: Path) -> None:
    notebook(tmp_path / "one.ipynb", *CELLS, "open('ran', 'w')")
    ran = run_pytest(tmp_path, "one.ipynb", "--notebook-param", "cuont", "2")
    assert ran.returncode == 4
    assert "no notebook has a parameter 'cuont' (they have: count)" in ran.stderr
    ran = run_pytest(tmp_path, "one.ipynb", "--notebook-param", "count", "0")
    assert ran.returncode == 2
    assert "count is 0; the range is 1 or more" in ran.stdout
    assert not (tmp_path / "ran").exists()


def test_an_exception_is_shown_as_the_notebook_had_it(tmp_path: Path) -> None:
    notebook(tmp_path / "one.ipynb", "a = 0", "1 / a")
    ran = run_pytest(tmp_path, "one.ipynb")
    assert ran.returncode == 1
    assert "ZeroDivisionError: division by zero (in cell [2])" in ran.stdout


def test_it_can_be_turned_off(tmp_path: Path) -> None:
    notebook(tmp_path / "one.ipynb", "1 / 0")
    for arguments in (("-p", "no:labkit"), ("-o", "labkit_notebooks=false")):
        assert run_pytest(tmp_path, *arguments).returncode == 5, "nothing was collected"
