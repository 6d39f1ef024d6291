# SPDX-License-Identifier: BSD-3-Clause
"""Progress is seen while something is measured, and is gone afterwards: in terminals, notebooks,
reports and logs."""

import io
import subprocess
import sys
from functools import partial
from pathlib import Path

import nbformat
import pytest

from labkit.progress import listeners, progress_bar
from tests.notebooks import making
from tests.notebooks.making import LABKIT, labkit

notebook = partial(making.notebook, measures=False)  # waits for no other run's CPUs

MEASURING = """
import time
from labkit.progress import progress_bar
with progress_bar(total=6, unit="trial") as bar:
    for rate in range(6):
        bar.set_postfix_str(f"{rate} kpps")
        time.sleep(0.6)
        bar.update()
print("measured")
"""


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_log_gets_no_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    monkeypatch.setattr("labkit.progress.listeners", [*listeners, said.append])
    for stream in (io.StringIO(), Terminal()):
        monkeypatch.setattr(sys, "stderr", stream)
        said.clear()
        with progress_bar(total=3, unit="trial") as bar:
            bar.update(2)
            bar.refresh()
        assert any(text.startswith("67% 2/3") for text in said), said
        assert said[-1] == "", "it has ended"
        assert ("2/3" in stream.getvalue()) == stream.isatty()
        assert not stream.getvalue().endswith("\n"), "nothing stays in a terminal"


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A report of a notebook that measured, and the log of its run."""
    folder = tmp_path_factory.mktemp("progress")
    notebook(folder / "nb.ipynb", "a = 1", MEASURING)
    document = nbformat.read(folder / "nb.ipynb", as_version=4)
    document.cells.insert(1, nbformat.v4.new_markdown_cell("text\n\n## The sweep\n\nmore", id="m"))
    nbformat.write(document, folder / "nb.ipynb")
    code = (
        "import labkit.notebooks.run.progress as p, labkit.cli\np.LOG_SECONDS = 1.0\n"
        "labkit.cli.main(['run', 'nb.ipynb', '--report', 'out'])"
    )
    made = labkit_python(code, folder)
    return folder / "out", made


def labkit_python(code: str, folder: Path) -> str:
    ran = subprocess.run(
        [sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, timeout=500
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stderr


def test_a_report_keeps_no_bar(ran: tuple[Path, str]) -> None:
    folder, _ = ran
    cell = nbformat.read(folder / "nb/nb.ipynb", as_version=4).cells[-1]
    assert [o.output_type for o in cell.outputs] == ["display_data", "stream"]
    assert cell.outputs[0].data == {}
    assert cell.outputs[1].text == "measured\n"
    page = (folder / "nb/report.html").read_text()
    assert "<progress" not in page
    assert 'class="stderr"' not in page
    assert not list((folder / "nb").glob(".progress*"))


def test_a_log_tells_what_runs(ran: tuple[Path, str]) -> None:
    _, log = ran
    assert log.startswith("· nb [1/2] 0 s\n") or "waits for CPU" in log
    measuring = [line for line in log.splitlines() if "[2/2]" in line]
    assert any("The sweep" in line and " kpps" in line and "/6" in line for line in measuring), log
    assert "\r" not in log
    assert "█" not in log


def test_nobody_who_reads_on_ends_no_run(tmp_path: Path) -> None:
    notebook(tmp_path / "nb.ipynb", "import labkit as lk\nlk.check(False, 'no')")
    command = f"{LABKIT} run nb.ipynb --report out 2>&1 | true; echo ${{PIPESTATUS[0]}}"
    ran = subprocess.run(
        ["bash", "-c", command], cwd=tmp_path, capture_output=True, text=True, timeout=500
    )
    assert ran.stdout.strip() == "1"
    assert (tmp_path / "out/summary.md").exists()
    shown = f"{LABKIT} compare out out | true; echo ${{PIPESTATUS[0]}}"
    ran = subprocess.run(
        ["bash", "-c", shown], cwd=tmp_path, capture_output=True, text=True, timeout=500
    )
    assert (ran.stdout.strip(), ran.stderr) == ("0", "")
    assert labkit("compare", "out", "out", cwd=tmp_path).returncode == 0
