# SPDX-License-Identifier: BSD-3-Clause
"""Every notebook runs from top to bottom, its checks pass, and they can fail."""

from pathlib import Path

import nbformat
import papermill
import pytest
from papermill.exceptions import PapermillExecutionError

from labkit.notebooks.document import write_notebook
from labkit.notebooks.exercises import count_exercises, solutions_of, solved
from labkit.notebooks.source import read_notebook

ROOT = Path(__file__).parents[2]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
NOTEBOOKS.remove(ROOT / "notebooks/00_start.ipynb")  # no lesson: test_start.py
RUNS = ROOT / "notebooks/runs"
QUICK: dict[str, dict[str, object]] = {
    "01_first_packets": {"frames": 200},
    "02_echo": {"count": 300},
    "03_encapsulation": {"echoes": 50},
    "04_curves": {"sizes": [64], "rates": ["20k"], "duration": 0.2},
    "05_the_missing_thousand": {"rates": [10_000], "duration": 0.3},
    "06_live_xstats": {"seconds": 2, "hours_a_second": 24},
    "07_compare_runs": {
        "before": str(RUNS / "two_cpus.zip"),
        "now": str(RUNS / "one_cpu.zip"),
    },
    "08_live_traffic": {"seconds": 1},
    "10_two_hosts": {"rates": ["5k"], "duration": 0.2},
    "13_failover": {"seconds": 1, "times": 5},
    "15_queues": {"seconds": 0.6, "limit": 200},
    "17_nitro": {"seconds": 0.2},
}


def run(notebook: Path, folder: Path, **parameters: object) -> nbformat.NotebookNode:
    return papermill.execute_notebook(
        notebook,
        folder / notebook.name,
        parameters=QUICK.get(notebook.stem, {}) | parameters,
        cwd=folder,
        progress_bar=False,
        iopub_timeout=60,  # from a cell's end to its last output: the kernel may wait for a CPU
    )


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook_passes_its_checks(notebook: Path, tmp_path: Path) -> None:
    executed = run(notebook, tmp_path)
    checks = [c for c in executed.cells if "checks" in c.metadata.get("tags", [])]
    said = [o.text.strip() for c in checks for o in c.outputs if o.output_type == "stream"]
    assert said == ["all checks passed"]
    shown = [o for c in executed.cells if c.cell_type == "code" for o in c.outputs]
    data = [o.get("data", {}) for o in shown]
    pictures = [d for d in data if "<img" in d.get("text/html", "") or "image/png" in d]
    assert pictures, "no picture was left behind"


def test_wrong_parameter_fails_the_notebook(tmp_path: Path) -> None:
    with pytest.raises(PapermillExecutionError, match="payload size 9000 is outside of 18"):
        run(ROOT / "notebooks/02_echo.ipynb", tmp_path, payload_sizes=[9000])


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook_is_kept_without_outputs(notebook: Path) -> None:
    for cell in nbformat.read(notebook, as_version=4).cells:
        assert not cell.get("outputs"), f"run nbstripout {notebook.name}"
        assert cell.get("execution_count") is None


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_solutions_of_exercises_pass_their_checks(notebook: Path, tmp_path: Path) -> None:
    document = read_notebook(notebook).document
    if not count_exercises(document):
        return
    solutions = solutions_of(notebook, Path(__file__).parent / "solutions")
    write_notebook(solved(document, solutions), tmp_path / "in" / notebook.name)
    executed = run(tmp_path / "in" / notebook.name, tmp_path)
    shown = "\n".join(str(o) for c in executed.cells for o in c.get("outputs", ()))
    assert "exercise" in shown
    assert "not answered yet" not in shown


def test_exercises_are_there() -> None:
    assert sum(count_exercises(read_notebook(n).document) for n in NOTEBOOKS) >= 2
