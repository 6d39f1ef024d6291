# SPDX-License-Identifier: BSD-3-Clause
"""A bar moves in JupyterLab while a cell measures, and nothing of it stays: no strip, no gap."""

import re
import sys
from pathlib import Path

import nbformat
from playwright.sync_api import Browser, expect

from tests.browser.conftest import SCREENSHOTS, free_port, jupyterlab, new_page
from tests.notebooks.making import notebook

CELL = """
import time
from threading import Thread
from labkit.progress import progress_bar

def measure():  # on a thread, as trials do
    with progress_bar(total=10, unit="trial") as bar:
        for rate in range(10):
            bar.set_postfix_str(f"{rate} kpps")
            time.sleep(0.5)
            bar.update()

thread = Thread(target=measure)
thread.start()
thread.join()
print("measured")
"""
PATIENT = 200_000  # ms


def test_a_bar_is_seen_and_leaves_nothing(browser: Browser, tmp_path: Path) -> None:
    notebook(tmp_path / "bar.ipynb", CELL)
    port = free_port()
    options = ["--no-browser", "--allow-root", "--ip=127.0.0.1", f"--port={port}"]
    command = [str(Path(sys.executable).with_name("jupyter-lab")), *options]
    command.append(f"--notebook-dir={tmp_path}")
    with jupyterlab(command, port, tmp_path / "log") as url, new_page(browser) as page:
        base, token = url.split("/lab")[0], url.split("token=")[1]
        page.goto(f"{base}/lab/tree/bar.ipynb?token={token}&reset")
        page.get_by_text(re.compile(r"\| Idle$")).wait_for(timeout=PATIENT)
        page.get_by_role("menuitem", name="Run", exact=True).click()
        page.get_by_text("Run All Cells", exact=True).click()
        outputs = page.locator(".jp-Cell-outputArea")
        expect(outputs.locator("progress").first).to_be_visible(timeout=PATIENT)
        expect(outputs.get_by_text("kpps").first).to_be_visible(timeout=PATIENT)
        page.screenshot(path=SCREENSHOTS / "progress-during.png")
        expect(outputs.get_by_text("measured", exact=True)).to_be_visible(timeout=PATIENT)
        expect(outputs.locator("progress")).to_have_count(0)
        page.screenshot(path=SCREENSHOTS / "progress-after.png")
        assert page.locator("[data-mime-type*=stderr]").count() == 0
        shown = outputs.locator(".jp-OutputArea-child").evaluate_all(
            "all => all.map(one => [one.innerText.trim(), one.getBoundingClientRect().height])"
        )
        assert [height for text, height in shown if not text] in ([], [0]), shown
        page.keyboard.press("Control+s")
        page.wait_for_timeout(2000)
    (cell,) = nbformat.read(tmp_path / "bar.ipynb", as_version=4).cells
    assert [o.get("data", {}) for o in cell.outputs if o.output_type == "display_data"] == [{}]
    assert not [o for o in cell.outputs if o.get("name") == "stderr"]
