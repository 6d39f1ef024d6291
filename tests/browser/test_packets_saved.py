# SPDX-License-Identifier: BSD-3-Clause
"""Packet panes in JupyterLab: live, then saved and opened again without a kernel."""

import re
from pathlib import Path

import nbformat
from nbconvert import HTMLExporter
from playwright.sync_api import Browser, Locator, Page, expect

from tests.browser.conftest import (
    SCREENSHOTS,
    menu,
    open_notebook,
    over_folder,
    write_notebook,
)
from tests.patience import wait_until

MINUTE = 60_000
CELLS = (
    "import labkit as lk\n"
    "from scapy.all import IP, UDP, Ether\n"
    "one = Ether(dst='02:00:00:00:00:02') / IP(dst='10.0.0.2', src='10.0.0.1') / UDP(sport=9)\n"
    "lk.explain(one)",
    "with lk.Lab() as lab:\n"
    "    a, b = lab.cable()\n"
    "    lab.run(lk.rx(b) >> lk.reflect() >> lk.tx(b), name='mirror')\n"
    "    with lab.trace(1) as trace:\n"
    "        a.send(one)\n"
    "trace",
    "lk.packets([one, bytes(one)[:20]])",
)


def visible(page: Page, what: str) -> Locator:
    return page.locator(f".jp-OutputArea-output {what}").locator("visible=true")


def test_live_and_saved(page: Page, browser: Browser, tmp_path: Path) -> None:
    file = tmp_path / "panes.ipynb"
    write_notebook(file, CELLS)
    page.set_viewport_size({"width": 1280, "height": 2400})
    with over_folder(tmp_path) as url:
        run_and_save(page, url, file)
        base, token = url.split("/lab")[0], url.split("token=")[1]
        end_kernels(page, base, token)
        page.goto(f"{base}/lab/tree/panes.ipynb?token={token}&reset")
        page.wait_for_selector(".jp-Notebook .jp-Cell", timeout=2 * MINUTE)
        expect(visible(page, "details")).to_have_count(3, timeout=MINUTE)
        expect(visible(page, ".lk-packets")).to_have_count(0)
        page.screenshot(path=SCREENSHOTS / "packets-saved.png")
        page.get_by_text(re.compile(r"\| Idle$")).wait_for(timeout=2 * MINUTE)
        end_kernels(page, base, token)  # a server that starts one does not end
    html, _ = HTMLExporter().from_notebook_node(nbformat.read(file, as_version=4))
    (tmp_path / "panes.html").write_text(html)
    bare = browser.new_page(java_script_enabled=False)
    try:
        bare.goto((tmp_path / "panes.html").as_uri(), wait_until="commit")
        expect(bare.get_by_text("⚠ 1")).to_be_visible()
        expect(bare.get_by_text("time since it entered the first node")).to_be_visible()
        expect(bare.get_by_text("bytes of the first frame as hex and ASCII")).to_have_count(3)
    finally:
        bare.close()


def end_kernels(page: Page, base: str, token: str) -> None:
    page.goto("about:blank")
    for session in page.request.get(f"{base}/api/sessions?token={token}").json():
        page.request.delete(f"{base}/api/sessions/{session['id']}?token={token}", timeout=MINUTE)


def run_and_save(page: Page, url: str, file: Path) -> None:
    """The panes go on to other frames while the kernel lives."""
    open_notebook(page, url, "panes")
    menu(page, "Run", "Run All Cells")
    panes = visible(page, ".lk-packets")
    expect(panes).to_have_count(3, timeout=2 * MINUTE)
    last = panes.nth(2)
    last.get_by_role("button", name="next frame").click()
    expect(last.get_by_text("2 of 2", exact=True)).to_be_visible(timeout=MINUTE)
    steps = panes.nth(1)
    steps.locator("[data-row]", has_text="mirror/reflect").click()
    chosen = steps.locator('[aria-selected="true"]').first
    expect(chosen).to_contain_text("mirror/reflect", timeout=MINUTE)
    page.screenshot(path=SCREENSHOTS / "packets-jupyterlab.png")

    def is_saved() -> bool:
        page.keyboard.press("Control+s")  # which goes unheard while Jupyter saves
        page.wait_for_timeout(300)
        text = file.read_text()
        if not text.endswith("}\n"):  # it is written in place
            return False
        return all(cell.outputs for cell in nbformat.reads(text, as_version=4).cells)

    page.locator(".jp-CodeCell .jp-InputPrompt").first.click()
    wait_until(is_saved)
