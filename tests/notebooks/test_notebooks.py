# SPDX-License-Identifier: BSD-3-Clause
"""Every notebook runs from top to bottom, its checks pass, and they can fail."""

from pathlib import Path

import nbformat
import papermill
import pytest
from papermill.exceptions import PapermillExecutionError

ROOT = Path(__file__).parents[2]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
QUICK: dict[str, dict[str, object]] = {
    "01_first_packets": {"frames": 200},
    "02_echo": {"count": 300},
    "04_curves": {"sizes": [64, 1400], "rates": ["20k"], "duration": 0.3},
    "05_the_missing_thousand": {"rates": [5_000, 20_000], "duration": 0.5},
}


def run(notebook: Path, folder: Path, **parameters: object) -> nbformat.NotebookNode:
    return papermill.execute_notebook(
        notebook,
        folder / notebook.name,
        parameters=QUICK[notebook.stem] | parameters,
        cwd=folder,
        progress_bar=False,
    )


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook_passes_its_checks(notebook: Path, tmp_path: Path) -> None:
    executed = run(notebook, tmp_path)
    checks = [c for c in executed.cells if "checks" in c.metadata.get("tags", [])]
    assert [c.outputs[0].text.strip() for c in checks] == ["all checks passed"]
    shown = [o for c in executed.cells if c.cell_type == "code" for o in c.outputs]
    data = [output.get("data", {}) for output in shown]
    pictures = [d for d in data if "image/png" in d or "<img" in d.get("text/html", "")]
    assert pictures, "no picture was left behind"


def test_wrong_parameter_fails_the_notebook(tmp_path: Path) -> None:
    with pytest.raises(PapermillExecutionError, match="payload size 9000 is outside of 18"):
        run(ROOT / "notebooks/02_echo.ipynb", tmp_path, payload_sizes=[9000])


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook_is_kept_without_outputs(notebook: Path) -> None:
    for cell in nbformat.read(notebook, as_version=4).cells:
        assert not cell.get("outputs"), f"run nbstripout {notebook.name}"
        assert cell.get("execution_count") is None
