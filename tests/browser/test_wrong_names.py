# SPDX-License-Identifier: BSD-3-Clause
"""Wrong names and TAB in JupyterLab: a line that tells what was meant, and names to choose from."""

import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import ROOT, SCREENSHOTS, free_port, jupyterlab, new_page

MINUTE = 60_000
SET_UP = (
    "import labkit as lk\nlab = lk.Lab()\nclient, server = lab.cable()\n"
    "path = lab.echo_server(server, ['10.0.0.2/24'])\nprint('ready')"
)
WRONG = {
    "from labkit import trail": "did you mean 'trial'?",
    "lab.prot": "did you mean 'port'?",
    "lab.ports['clinet']": "did you mean 'client'?",
    "path.drops['drop_tx_fool']": "did you mean 'drop_tx_full'",
    "lk.check(True, nmae='x')": "did you mean 'name'?",
    "lk.watch(lab, 'prt/*')": "did you mean 'port/*'?",
}
TAB = {
    'lk.rx("': ["client", "server"],
    'path.drops["drop_tx_f': ["drop_tx_full"],
    'lab.paths["': ["echo:server"],
    'client.xstats()["rx_go': ["rx_good_bytes", "rx_good_packets"],
    "lk.load('datasets/u": ["datasets/udp_echo_ec2"],
}


@pytest.fixture
def page(browser: Browser, tmp_path: Path) -> Iterator[Page]:
    """A notebook that has run its cells: the set-up, the wrong ones, and those to be completed."""
    book = nbformat.v4.new_notebook()
    book.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3 (ipykernel)"}
    book.cells = [nbformat.v4.new_code_cell(code) for code in (SET_UP, *WRONG, *TAB)]
    for cell in book.cells[1 : 1 + len(WRONG)]:
        cell.metadata["tags"] = ["raises-exception"]
    folder = tmp_path / "notebooks"
    folder.mkdir()
    nbformat.write(book, folder / "names.ipynb")
    port = free_port()
    command = [
        *(str(Path(sys.executable).with_name("jupyter")), "lab", "--no-browser", "--allow-root"),
        *("--ip=127.0.0.1", f"--port={port}", f"--notebook-dir={folder}"),
    ]
    os.environ["PYTHONPATH"] = str(ROOT)
    try:
        with jupyterlab(command, port, tmp_path / "log") as url, new_page(browser) as page:
            base, token = url.split("/lab?token=")
            page.set_viewport_size({"width": 1280, "height": 1400})
            page.goto(f"{base}/lab/tree/names.ipynb?token={token}&reset")
            page.get_by_text(re.compile(r"\| Idle$")).wait_for(timeout=3 * MINUTE)
            page.get_by_role("menuitem", name="Run", exact=True).click()
            page.get_by_text("Run All Cells", exact=True).click()
            page.get_by_text("ready", exact=True).wait_for(timeout=2 * MINUTE)
            yield page
    finally:
        del os.environ["PYTHONPATH"]


def test_wrong_names_and_tab(page: Page) -> None:
    errors = page.locator(".jp-RenderedText[data-mime-type$=stderr]")
    expect(errors.nth(len(WRONG) - 1)).to_be_visible(timeout=MINUTE)
    for number, says in enumerate(WRONG.values()):
        told = errors.nth(number).inner_text().strip()
        assert says in told
        assert "\n" not in told
    page.screenshot(path=SCREENSHOTS / "wrong_names.png")
    cells = page.locator(".jp-CodeCell")
    for number, offered in enumerate(TAB.values(), 1 + len(WRONG)):
        cells.nth(number).locator(".cm-content").click()
        page.keyboard.press("Control+End")
        page.keyboard.press("Tab")
        shown = page.locator(".jp-Completer .jp-Completer-match")
        expect(shown).to_have_text(offered)
        page.keyboard.press("Escape")
