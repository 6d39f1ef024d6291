# SPDX-License-Identifier: BSD-3-Clause
"""Notebooks made for a test, and the runner as a user starts it."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import nbformat

from labkit.notebooks.report.notebook_run import NotebookRun
from labkit.notebooks.report.results import Run, load_run

LABKIT = Path(sys.executable).with_name("labkit")
KERNEL = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}


def notebook(
    path: Path, *cells: str, cell_tags: dict[int, str] | None = None, **metadata: Any
) -> Path:
    """A notebook of code cells; tags by a cell's number, metadata under "labkit"."""
    made = nbformat.v4.new_notebook(metadata={"kernelspec": KERNEL, "labkit": metadata})
    for number, source in enumerate(cells):
        tag = (cell_tags or {}).get(number)
        found = {"tags": [tag]} if tag else {}
        made.cells.append(nbformat.v4.new_code_cell(source, id=f"cell-{number}", metadata=found))
    path.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(made, path)
    return path


def labkit(
    *arguments: str | Path, cwd: Path, timeout: float = 500, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Runs the command."""
    return subprocess.run(
        [LABKIT, *map(str, arguments)],
        cwd=cwd,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=timeout,
    )


def run_one(folder: Path, *cells: str, options: tuple[str, ...] = (), code: int = 1) -> NotebookRun:
    """Runs a notebook of these cells and returns what came of it."""
    notebook(folder / "nb.ipynb", *cells)
    ran = labkit("run", "nb.ipynb", "--report", "out", *options, cwd=folder)
    assert ran.returncode == code, ran.stdout + ran.stderr
    (only,) = load_run(folder / "out").notebooks
    return only


def run_of(*notebooks: NotebookRun, started_at: str = "2026-01-01T00:00:00+00:00") -> Run:
    """A run as results.json has it."""
    return Run(notebooks, started_at, 1.0, "0.1.0")


def read_json(path: Path) -> Any:
    """The parsed file."""
    return json.loads(path.read_text())
