# SPDX-License-Identifier: BSD-3-Clause
"""A notebook saved with live views and opened again shows views or their pictures, and no error."""

import base64
import json
import os
import re
import shutil
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import bs4
import nbformat
import pytest
from nbconvert import HTMLExporter
from playwright.sync_api import Browser, Locator, Page, expect

from tests.browser.conftest import ROOT, SCREENSHOTS, free_port, jupyterlab
from tests.patience import wait_until

WIDGET = "application/vnd.jupyter.widget-view+json"
OURS = "application/vnd.labkit.view+json"
CELLS = (
    "import time\nimport labkit as lk\nlab = lk.Lab()\nclient, server = lab.cable()\n"
    'lab.run(lk.rx(server) >> lk.reflect() >> lk.tx(server), name="mirror")\nlab',
    'view = lk.watch(lab, "port/*/*_good_packets", title="both ports")\nview',
    "lk.dashboard(lab)",
    "lk.labs()",
    "for _ in range(20):\n    client.send([b'\\x02' * 60] * 10)\n    time.sleep(0.1)\nprint('end')",
)
MINUTE = 60_000


def notebook(*cells: str) -> nbformat.NotebookNode:
    book = nbformat.v4.new_notebook()
    book.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3 (ipykernel)"}
    book.cells = [nbformat.v4.new_code_cell(cell) for cell in cells]
    return book


class Jupyter:
    """A server over a folder with one notebook."""

    def __init__(self, url: str, where: str, folder: Path, kind: str) -> None:
        self.file = folder / "saved.ipynb"
        self.go = folder / "go"  # which a cell waits for
        self.kind = kind
        self._base, self._token = re.split(r"/(?:lab|tree)?\?token=", url)
        self.where = where

    def open(self, page: Page) -> None:
        page.goto("about:blank")
        page.goto(f"{self._base}/{self.where}/saved.ipynb?token={self._token}&reset")
        page.wait_for_selector(".jp-Notebook .jp-Cell", timeout=2 * MINUTE)

    def end_kernels(self) -> None:
        for session in json.loads(self._ask("sessions")):
            self._ask(f"sessions/{session['id']}", "DELETE")

    def _ask(self, what: str, method: str = "GET") -> bytes:
        headers = {"Authorization": f"token {self._token}"}
        request = urllib.request.Request(f"{self._base}/api/{what}", None, headers, method=method)
        answer: bytes = urllib.request.urlopen(request, timeout=60).read()
        return answer

    def views(self) -> list[dict[str, Any]]:
        """What the file holds of views."""
        saved = nbformat.read(self.file, as_version=4)
        shown = [output.data for cell in saved.cells for output in cell.outputs if "data" in output]
        return [dict(data) for data in shown if OURS in data or WIDGET in data]


LAB, NOTEBOOK, BARE = "lab", "notebook", "lab without the extension"


def extensions_but_ours(folder: Path) -> Path:
    """What JupyterLab finds where labkit is installed for the kernel alone."""
    there = Path(sys.prefix) / "share/jupyter/labextensions"
    assert (there / "labkit").is_dir()
    folder.mkdir()
    for one in there.iterdir():
        if one.name != "labkit":
            shutil.copytree(one, folder / one.name)
    return folder


@pytest.fixture(params=[LAB, NOTEBOOK, BARE], scope="module")
def server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Jupyter]:
    folder = tmp_path_factory.mktemp("notebooks")
    port = free_port()
    program, where = {NOTEBOOK: ("notebook", "notebooks")}.get(request.param, ("lab", "lab/tree"))
    command = [
        *(str(Path(sys.executable).with_name("jupyter")), program, "--no-browser"),
        *("--allow-root", "--ip=127.0.0.1", f"--port={port}", f"--notebook-dir={folder}"),
    ]
    if request.param == BARE:
        found = extensions_but_ours(tmp_path_factory.mktemp("bare") / "extensions")
        command.append(f"--LabApp.labextensions_path={found}")
    os.environ["PYTHONPATH"] = str(ROOT)
    try:
        with jupyterlab(command, port, tmp_path_factory.mktemp("log") / "log") as url:
            yield Jupyter(url, where, folder, request.param)
    finally:
        del os.environ["PYTHONPATH"]


@pytest.fixture
def jupyter(server: Jupyter) -> Iterator[Jupyter]:
    """A server with a notebook of views and no kernel."""
    nbformat.write(notebook(*CELLS), server.file)
    yield server
    server.end_kernels()
    server.go.unlink(missing_ok=True)


def run_all(page: Page) -> None:
    page.locator(".jp-Notebook-ExecutionIndicator[data-status=idle], .jp-Notebook").first.wait_for()
    page.wait_for_timeout(3000)  # cells run before the kernel is there are lost
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_text("Run All Cells", exact=True).first.click()


def save(page: Page, jupyter: Jupyter) -> None:
    before = jupyter.file.stat().st_mtime_ns
    page.locator(".jp-CodeCell .jp-InputPrompt").first.click()

    def is_written() -> bool:
        page.keyboard.press("Control+s")  # which goes unheard while Jupyter saves
        page.wait_for_timeout(300)
        return jupyter.file.stat().st_mtime_ns != before

    wait_until(is_written)
    wait_until(lambda: jupyter.file.read_text().endswith("}\n"))  # it is written in place


def shown(page: Page, what: str) -> Locator:
    return page.locator(f".jp-OutputArea-output {what}").locator("visible=true")


def no_error(page: Page) -> None:
    told = page.get_by_text(re.compile("Error displaying|model not found|Loading widget"))
    expect(told.locator("visible=true")).to_have_count(0)


def test_saved_while_a_cell_runs_and_after_it(jupyter: Jupyter, browser: Browser) -> None:
    page = browser.new_page(viewport={"width": 1280, "height": 2600})
    jupyter.open(page)
    run_all(page)
    expect(shown(page, ".lk-view")).to_have_count(3, timeout=2 * MINUTE)
    page.get_by_text("end", exact=True).wait_for(timeout=2 * MINUTE)

    def ours_alone() -> bool:
        save(page, jupyter)
        return all(OURS in data and WIDGET not in data for data in jupyter.views())

    wait_until(ours_alone)
    watch, board, labs = jupyter.views()
    assert base64.b64decode(watch["image/png"]).startswith(b"\x89PNG")
    assert base64.b64decode(board["image/png"]).startswith(b"\x89PNG")
    assert "mirror" in labs["text/html"] + board["text/html"]

    jupyter.open(page)  # the kernel lives: the views go on
    expect(shown(page, ".lk-view")).to_have_count(3, timeout=2 * MINUTE)
    no_error(page)

    jupyter.end_kernels()
    jupyter.open(page)  # nobody is left: what was saved
    # Of the lab, of the chart, and of the dashboard two paths and the chart
    pictures = shown(page, "img")
    expect(pictures).to_have_count(5, timeout=2 * MINUTE)
    page.wait_for_timeout(3000)  # as long as JupyterLab takes to know that there is no model
    expect(pictures).to_have_count(5)
    assert all(pictures.evaluate_all("(all) => all.map((i) => i.complete && i.naturalWidth > 99)"))
    expect(shown(page, ".lk-view")).to_have_count(0)
    no_error(page)
    page.screenshot(path=SCREENSHOTS / f"saved_{jupyter.kind.replace(' ', '_')}.png")
    page.close()


BUSY = """
import pathlib, time
import labkit as lk
from tests.widgets.sources import Clock
view = lk.watch(Clock(), "rx_packets", title="a clock")
display(view)
while not pathlib.Path("go").exists():
    time.sleep(0.1)
"""


def test_saved_before_the_kernel_could_hear_of_the_page(jupyter: Jupyter, browser: Browser) -> None:
    nbformat.write(notebook(BUSY), jupyter.file)
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    jupyter.open(page)
    run_all(page)
    expect(shown(page, ".lk-view")).to_have_count(1, timeout=2 * MINUTE)

    def is_drawn() -> bool:
        save(page, jupyter)
        return all("image/png" in data for data in jupyter.views())

    wait_until(is_drawn)
    (view,) = jupyter.views()
    assert view.keys() == {"text/plain", "image/png", OURS}
    jupyter.end_kernels()
    jupyter.open(page)
    expect(shown(page, "img")).to_have_count(1, timeout=2 * MINUTE)
    page.wait_for_timeout(3000)
    expect(shown(page, "img")).to_have_count(1)
    no_error(page)
    page.close()


def test_shown_again_and_saved(jupyter: Jupyter, browser: Browser) -> None:
    asks = "print(sorted(view._pages._in_sight.values()), view._pages.are_ours)"
    nbformat.write(notebook(BUSY.split("while")[0], "view", asks), jupyter.file)
    jupyter.go.touch()
    page = browser.new_page(viewport={"width": 1280, "height": 1600})
    jupyter.open(page)
    for _ in range(2):  # the second time other outputs take the place of those there are
        run_all(page)
        expect(shown(page, ".lk-view")).to_have_count(2, timeout=2 * MINUTE)
        expect(shown(page, "pre")).to_have_count(1)
    page.locator(".jp-CodeCell").last.click()
    wait_until(lambda: run_again(page) == "[True] True")
    save(page, jupyter)
    assert [data.keys() & {OURS, WIDGET} for data in jupyter.views()] == [{OURS}, {OURS}]
    page.close()


def run_again(page: Page) -> str:
    """What the last cell prints now."""
    prompt = page.locator(".jp-CodeCell .jp-InputPrompt").last
    before = prompt.inner_text()
    page.keyboard.press("Control+Enter")
    wait_until(lambda: prompt.inner_text() not in (before, "[*]:"))
    return page.locator(".jp-OutputArea-output pre").last.inner_text().strip()


def test_button_of_a_lab_ends_its_engine(jupyter: Jupyter, browser: Browser) -> None:
    page = browser.new_page(viewport={"width": 1280, "height": 2600})
    jupyter.open(page)
    run_all(page)
    page.get_by_text("end", exact=True).wait_for(timeout=2 * MINUTE)
    listed = shown(page, ".lk-labs")
    expect(listed.get_by_role("table", name="Labs")).to_contain_text("client, server")
    page.screenshot(path=SCREENSHOTS / "labs.png")
    listed.get_by_role("button", name="Close lab").click()
    expect(listed).to_have_text("no lab is open in this kernel", timeout=MINUTE)
    expect(shown(page, ".lk-view:not(.lk-labs)")).to_have_count(0, timeout=MINUTE)
    page.close()


def sanitised(markup: str) -> bs4.BeautifulSoup:
    """As GitHub does: neither SVG, nor styles, nor what else an <img> may load."""
    page = bs4.BeautifulSoup(markup, "html.parser")
    for image in page.find_all("img"):
        image.attrs = {k: v for k, v in image.attrs.items() if k in ("alt", "src", "width")}
        if "svg" in image.get("src", "").split(",")[0]:
            image.decompose()
    return page


def test_pictures_of_exports_and_of_sanitised_html(tmp_path: Path) -> None:
    import labkit as lk

    with lk.Lab() as lab:
        _, server = lab.cable()
        path = lab.run(lk.rx(server) >> lk.reflect() >> lk.tx(server), name="mirror")
        bundles = [one._repr_mimebundle_() for one in (lab, path, path.path)]
    book = nbformat.v4.new_notebook()
    book.cells = [nbformat.v4.new_code_cell("x")]
    book.cells[0].outputs = [nbformat.v4.new_output("display_data", data) for data in bundles]
    exported, _ = HTMLExporter().from_notebook_node(book)
    for markup in (exported, *(data["text/html"] for data in bundles)):
        images = sanitised(markup).find_all("img")
        assert len(images) == (3 if markup is exported else 1)
        for image in images:
            kind, data = image["src"].split(",")
            assert kind == "data:image/png;base64"
            assert base64.b64decode(data).startswith(b"\x89PNG")
    assert all(base64.b64decode(data["image/png"]).startswith(b"\x89PNG") for data in bundles)
