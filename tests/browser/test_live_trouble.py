# SPDX-License-Identifier: BSD-3-Clause
"""A watch in JupyterLab: it says what a driver prints, in light and dark, and stays when saved."""

import re
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import (
    SCREENSHOTS,
    menu,
    open_notebook,
    over_folder,
    wait_for_none,
    write_notebook,
)
from tests.patience import wait_until

OURS = "application/vnd.labkit.view+json"
CELLS = (
    """\
import os, time
import labkit as lk
from labkit.sources import LogFile
lab = lk.Lab()
lab.cable("east", "west")
open("app.log", "w").close()
watch = lk.trouble.watch(lab, LogFile("app.log"), kernel_log=False)""",
    "watch",
    """\
while not os.path.exists("go"):
    time.sleep(0.1)
with open("app.log", "a") as log:
    for n in range(30):
        log.write("ena 0000:00:06.0 eth1: Found a Tx that wasn't completed on time, "
                  f"qid 0, index {n}. 5000 msecs have passed\\n")
log = lab.engine.open_log()
os.write(log, b"ena_timer_wd_callback(): Keep alive timeout\\n")
watch.wait("keep-alive-lost", 30)
time.sleep(3)""",
)
MINUTE = 60_000
CUT = """(view) => [...view.querySelectorAll('*')].filter((e) => e.clientWidth &&
    e.scrollWidth > e.clientWidth + 1).map((e) => e.outerHTML)"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("trouble")


@pytest.fixture(scope="module")
def page(folder: Path, browser: Browser) -> Iterator[Page]:
    """A notebook with a watch; the tests of this file go through it in order."""
    write_notebook(folder / "trouble.ipynb", CELLS)
    with over_folder(folder) as url:
        page = browser.new_page(viewport={"width": 1280, "height": 1500})
        errors: list[str] = []
        page.on("pageerror", lambda error: errors.append(str(error)))
        open_notebook(page, url, "trouble")
        menu(page, "Run", "Run All Cells")
        page.locator(".lk-view").wait_for(timeout=MINUTE)
        yield page
        page.close()
        assert errors == []


def test_it_moves_while_a_cell_runs(page: Page, folder: Path) -> None:
    amount = page.locator(".lk-trouble > .lk-bar")
    expect(amount).to_contain_text(re.compile(r"[3-9] readings and 0 lines judged"), timeout=MINUTE)
    expect(page.locator(".lk-sum")).to_have_text("✓ nothing was found so far")
    page.screenshot(path=SCREENSHOTS / "trouble_nothing.png")
    (folder / "go").touch()
    cards = page.get_by_role("list", name="what is the matter now").get_by_role("listitem")
    expect(cards.filter(has_text="keep-alive stopped")).to_have_count(1, timeout=MINUTE)
    expect(page.get_by_role("table", name="Sources")).to_contain_text(
        re.compile(r"lab\.log1 line.*app\.log30 lines|app\.log30 lines.*lab\.log1 line")
    )


@pytest.mark.parametrize("theme", ["Light", "Dark"])
def test_at_two_widths(page: Page, theme: str) -> None:
    menu(page, "Settings", "Theme", f"JupyterLab {theme}")
    is_dark = re.compile("lk-dark") if theme == "Dark" else re.compile(r"lk-trouble$")
    expect(page.locator(".lk-view")).to_have_class(is_dark, timeout=20_000)
    for width in (1280, 800):
        page.set_viewport_size({"width": width, "height": 1500})
        page.wait_for_timeout(500)
        wait_for_none(page.locator(".lk-view"), CUT, width)
        page.screenshot(path=SCREENSHOTS / f"trouble_{theme.lower()}_{width}.png")
    page.set_viewport_size({"width": 1280, "height": 1500})
    menu(page, "Settings", "Theme", "JupyterLab Light")


def test_saved_and_opened_without_its_kernel(page: Page, folder: Path) -> None:
    page.get_by_text(re.compile(r"\| Idle$")).wait_for(timeout=MINUTE)

    def kept() -> str:
        page.keyboard.press("Control+s")
        page.wait_for_timeout(500)
        cell = nbformat.read(folder / "trouble.ipynb", as_version=4).cells[1]
        (output,) = cell.outputs or [{"data": {}}]
        return str(output["data"].get("text/html", "")) if OURS in output["data"] else ""

    page.locator(".jp-CodeCell .jp-InputPrompt").first.click()
    wait_until(lambda: "keep-alive stopped" in kept())
    address = page.url.split("?")[0] + "?reset"
    page.goto(address)  # the kernel lives: the panel goes on
    expect(page.locator(".lk-view .lk-card")).to_have_count(2, timeout=2 * MINUTE)
    expect(page.locator(".lk-view")).to_be_visible()
    page.get_by_text(re.compile(r"\| Idle$")).wait_for(timeout=MINUTE)
    menu(page, "Kernel", "Shut Down Kernel")
    expect(page.locator(".lk-status")).to_contain_text(
        re.compile("nothing was heard of it|is gone"), timeout=MINUTE
    )
    page.goto(address)
    picture = page.locator(".jp-OutputArea-output").filter(has_text="keep-alive stopped")
    expect(picture.locator("img").first).to_be_visible(timeout=2 * MINUTE)
    expect(page.locator(".lk-view").locator("visible=true")).to_have_count(0)
    page.screenshot(path=SCREENSHOTS / "trouble_saved.png")
    # A server that is ended while a kernel of its starts hangs for ever.
    page.get_by_text(re.compile(r"\| Idle$")).wait_for(timeout=MINUTE)
