# SPDX-License-Identifier: BSD-3-Clause
"""Views in a kernel: while a cell runs, after an interrupt, and in notebooks without a page."""

import base64
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import papermill
import pytest
from jupyter_client.blocking import BlockingKernelClient
from jupyter_client.manager import start_new_kernel
from nbconvert import HTMLExporter

ROOT = Path(__file__).parents[2]
BEGIN = """
import labkit as lk
from tests.widgets.sources import Clock
view = lk.watch(Clock(), "rx_packets", title="a clock")
"""
PNG = b"\x89PNG"


@pytest.fixture
def kernel() -> Iterator[tuple[Any, BlockingKernelClient]]:
    manager, client = start_new_kernel(cwd=str(ROOT))
    yield manager, client
    client.stop_channels()
    manager.shutdown_kernel(now=True)


def points(client: BlockingKernelClient, seconds: float) -> int:
    """Messages with points that come meanwhile."""
    count, end = 0, time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        try:
            message = client.get_iopub_msg(timeout=left)
        except Exception:  # queue.Empty
            break
        data = message["content"].get("data", {})
        content = data.get("content", {}) if message["msg_type"] == "comm_msg" else {}
        count += content.get("type") == "points"
    return count


def test_view_moves_while_a_cell_runs_and_after_an_interrupt(
    kernel: tuple[Any, BlockingKernelClient],
) -> None:
    manager, client = kernel
    client.execute_interactive(BEGIN + "view", timeout=60, output_hook=lambda _: None)
    client.execute("import time; time.sleep(60)")
    assert 10 <= points(client, 2.0) <= 22
    manager.interrupt_kernel()
    assert client.get_shell_msg(timeout=20)["content"]["ename"] == "KeyboardInterrupt"
    assert points(client, 1.0) >= 5
    client.execute("view.close()", reply=True, timeout=20)
    points(client, 0.3)
    assert points(client, 0.5) == 0


def notebook(*cells: str) -> nbformat.NotebookNode:
    book = nbformat.v4.new_notebook()
    book.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "py"}
    book.cells = [nbformat.v4.new_code_cell(cell) for cell in cells]
    return book


def run(folder: Path, *cells: str, **options: Any) -> nbformat.NotebookNode:
    nbformat.write(notebook(*cells), folder / "in.ipynb")
    return papermill.execute_notebook(
        folder / "in.ipynb", folder / "out.ipynb", cwd=ROOT, progress_bar=False, **options
    )


def pictures(html: str) -> list[bytes]:
    found = re.findall(r'src="data:image/png;base64,([^"]+)"', html)
    return [base64.b64decode(data.replace("\n", "")) for data in found]


@pytest.mark.parametrize("end", ["view.stop()", "view.close()"])
def test_picture_stays_in_saved_notebook_and_exported_html(tmp_path: Path, end: str) -> None:
    executed = run(tmp_path, BEGIN + "view", "import time; time.sleep(1)", end)
    (output,) = executed.cells[0].outputs
    # JupyterLab would show "model not found" in the place of the view
    assert set(output.data) == {"text/plain", "image/png"}
    assert base64.b64decode(output.data["image/png"]).startswith(PNG)
    html, _ = HTMLExporter().from_notebook_node(executed)
    (picture,) = pictures(html)
    assert picture.startswith(PNG)
    assert len(picture) > 5000


def test_picture_is_kept_up_to_date_where_nobody_ends_the_view(tmp_path: Path) -> None:
    cells = (BEGIN + "view", "import time; time.sleep(1)")
    executed = run(tmp_path, *cells, store_widget_state=False)
    (output,) = executed.cells[0].outputs
    html, _ = HTMLExporter().from_notebook_node(executed)
    assert output.data["image/png"].strip() in html.replace("\n", "")


def test_dashboard_leaves_its_paths_behind_when_the_lab_closes(tmp_path: Path) -> None:
    executed = run(
        tmp_path,
        """
import time
import labkit as lk
lab = lk.Lab()
client, server = lab.cable()
lab.run(lk.rx(server) >> lk.reflect() >> lk.tx(server), name="mirror")
lk.dashboard(lab)
""",
        "client.send([b'\\x02' * 60] * 100); client.receive(100); time.sleep(1)",
        "lab.close()",
    )
    (output,) = executed.cells[0].outputs
    assert set(output.data) == {"text/plain", "text/html", "image/png"}
    shown = output.data["text/html"]
    drawings = re.findall(r'srcset="data:image/svg\+xml;base64,(\S+) 1x"', shown)
    drawn = [base64.b64decode(drawing).decode() for drawing in drawings]
    assert any("path mirror" in svg and ">100 frames<" in svg for svg in drawn)
    assert ">100</td>" in shown
    assert pictures(shown)[0].startswith(PNG)


WATCH = """
import labkit as lk
from labkit.sources import LogFile
log = open("app.log", "a", buffering=1)
watch = lk.trouble.watch(LogFile("app.log"), kernel_log=False)
"""


def test_a_watch_ends_its_notebook_and_leaves_what_it_found(tmp_path: Path) -> None:
    line = "ena 0000:00:05.0 eth7: Keep alive watchdog timeout."
    book = notebook(
        f"import os; os.chdir({str(tmp_path)!r}){WATCH}",
        "watch",
        f"print({line!r}, file=log); watch.wait('keep-alive-lost', 30)",
        "print(watch.events['rule'].tolist())",
        "watch.check_healthy()",
    )
    nbformat.write(book, tmp_path / "in.ipynb")
    with pytest.raises(papermill.PapermillExecutionError, match="TroubleFound") as raised:
        papermill.execute_notebook(
            tmp_path / "in.ipynb", tmp_path / "out.ipynb", cwd=ROOT, progress_bar=False
        )
    assert "The device's keep-alive stopped" in str(raised.value)
    executed = nbformat.read(tmp_path / "out.ipynb", as_version=4)
    cells = {cell.source: cell.outputs for cell in executed.cells if cell.cell_type == "code"}
    assert "keep-alive stopped" in cells["watch"][0].data["text/html"]
    assert line in cells["watch"][0].data["text/plain"]
    assert cells["print(watch.events['rule'].tolist())"][0].text == "['keep-alive-lost']\n"
