# SPDX-License-Identifier: BSD-3-Clause
"""The report of one notebook: one HTML file that needs no server, no network and no scripts."""

import base64
from pathlib import Path
from typing import Any

import bs4
import nbformat
from nbconvert.exporters import HTMLExporter
from nbformat import NotebookNode
from pygments.formatters import HtmlFormatter
from traitlets.config import Config

from labkit.notebooks.report.notebook_run import NotebookRun
from labkit.notebooks.report.pages import render, svg_url
from labkit.notebooks.report.results import REPORT_FILE, write_whole
from labkit.notebooks.source import ERROR_MARKER

TEMPLATES = Path(__file__).parents[1] / "templates"
MIME_TYPES = ["image/svg+xml", "image/png", "image/jpeg", "text/html", "text/markdown"]
MOST_SVG_CHARACTERS = 2_000_000  # a picture of more points than that is smaller as a PNG
MOST_LOG_CHARACTERS = 200_000
MOST_EMBEDDED_BYTES = 4 << 20
ACTIVE = ("script", "iframe", "object", "embed", "link", "base", "form", "meta")


def write_notebook_report(run: NotebookRun, folder: Path) -> None:
    """Writes report.html beside the executed notebook."""
    logs, downloads = _attachments(run, folder)
    page = render(
        "notebook",
        run=run,
        cells=_cells(folder / f"{run.name}.ipynb"),
        code_style=HtmlFormatter(style="default").get_style_defs(".highlight"),
        logs=logs,
        downloads=downloads,
        footer=", ".join(f"{k} {run.environment[k]}" for k in ("python",) if k in run.environment),
    )
    write_whole(folder / REPORT_FILE, page)


def _cells(file: Path) -> str:
    """The notebook's cells as HTML."""
    notebook = nbformat.read(file, as_version=4)
    # The page tells of the error at its top, better than papermill's own cells.
    notebook.cells = [c for c in notebook.cells if ERROR_MARKER not in c.metadata.get("tags", ())]
    for cell in notebook.cells:
        for output in cell.get("outputs", ()):
            data = output.get("data", {})
            if len(data.get("image/svg+xml", "")) > MOST_SVG_CHARACTERS and "image/png" in data:
                del data["image/svg+xml"]
            if "data:image/" in data.get("text/html", ""):
                data.pop("image/png", None)  # the picture is in the HTML, which tells more
    exporter = HTMLExporter(
        template_name="cells",
        extra_template_basedirs=[str(TEMPLATES)],
        config=Config({"NbConvertBase": {"display_data_priority": [*MIME_TYPES, "text/plain"]}}),
        exclude_output_prompt=True,
        embed_images=True,
    )
    for name, function in {
        "alternative": _alternative,
        "cell_seconds": _cell_seconds,
        "still": still,
        "svg_url": svg_url,
    }.items():
        exporter.register_filter(name, function)
    body, _ = exporter.from_notebook_node(notebook, {"metadata": {"path": str(file.parent)}})
    return str(body)


def still(html: str) -> str:
    """HTML without anything that acts or loads."""
    page = bs4.BeautifulSoup(html, "html.parser")
    for element in page.find_all(ACTIVE):
        element.decompose()
    for element in page.find_all(True):
        for name, value in list(element.attrs.items()):
            if name.startswith("on") or str(value).strip().lower().startswith("javascript:"):
                del element.attrs[name]
    return str(page)


def _alternative(output: NotebookNode) -> str:
    """What a reader without the picture gets."""
    text: str = output.data.get("text/plain", "figure")
    return text.splitlines()[0].replace('"', "'")


def _cell_seconds(cell: NotebookNode) -> str:
    seconds = cell.metadata.get("papermill", {}).get("duration")
    return "" if seconds is None else f"{seconds:.2f} s"


def _attachments(run: NotebookRun, folder: Path) -> tuple[dict[str, Any], dict[str, str]]:
    """Logs as text, other files as data: URLs."""
    logs, downloads = {}, {}
    for name in run.attachments:
        file = folder / name
        if file.suffix == ".log":
            logs[name] = file.read_text(errors="replace")[-MOST_LOG_CHARACTERS:]
        elif file.stat().st_size <= MOST_EMBEDDED_BYTES:
            data = base64.b64encode(file.read_bytes()).decode()
            downloads[name] = f"data:application/octet-stream;base64,{data}"
    return logs, downloads
