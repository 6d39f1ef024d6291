# SPDX-License-Identifier: BSD-3-Clause
"""JupyterLab opens at the first page: nothing pops up, no name is cut, a card opens its lesson."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from labkit.machine.doctor_report import Finding
from labkit.notebooks.lessons import lessons_of
from labkit.notebooks.start import Start
from tests.browser.conftest import ROOT, SCREENSHOTS, menu

LESSONS, _ = lessons_of(ROOT / "notebooks")
FOUND = {
    "DPDK": Finding("engine", "ok", "starts"),
    "root": Finding("root", "note", "need root (CAP_NET_ADMIN)", "start JupyterLab as root"),
    "testpmd": Finding("testpmd", "note", "the DUT testpmd needs dpdk-testpmd, which is not here"),
    "compiler": Finding("C compiler", "note", "there is no C compiler on this machine"),
}
CUT = "names => names.filter(n => n.scrollWidth > n.clientWidth).map(n => n.innerText)"


def test_first_page(address: str, page: Page) -> None:
    page.set_viewport_size({"width": 1280, "height": 1000})
    page.goto(address)
    page.locator(".jp-Notebook .jp-Cell").first.wait_for(timeout=200_000)
    page.get_by_text(re.compile(r"\| Idle$")).wait_for(timeout=200_000)
    names = page.locator(".jp-DirListing-itemText")
    expect(names.filter(has_text="18_topology")).to_be_visible()
    assert names.evaluate_all(CUT) == []
    page.locator(".jp-CodeCell .cm-content").click()
    page.keyboard.press("Shift+Enter")
    cards = page.locator(".jp-OutputArea-output a")
    expect(cards.first).to_be_visible(timeout=200_000)
    assert cards.count() >= len(LESSONS)
    assert page.locator(".jp-Dialog, .Toastify__toast").count() == 0
    for theme in ("Light", "Dark"):
        menu(page, "Settings", "Theme", f"JupyterLab {theme}")
        page.locator(f'body[data-jp-theme-name="JupyterLab {theme}"]').wait_for(state="attached")
        for width in (1280, 800):
            page.set_viewport_size({"width": width, "height": 2600})
            expect(cards.first).to_be_visible()
            page.screenshot(path=SCREENSHOTS / f"start-{theme}-{width}.png")
    menu(page, "Settings", "Theme", "JupyterLab Light")
    page.get_by_role("link", name="Echo", exact=True).click()
    page.get_by_role("heading", name="Echo", exact=True).wait_for(timeout=200_000)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_cards_without_scripts(scheme: str, browser: Browser, tmp_path: Path) -> None:
    file = tmp_path / "start.html"
    cards = Start(tuple(LESSONS), FOUND, ("x.ipynb: has no text",))._repr_html_()
    style = "<style>:root { color-scheme: light dark }</style>"
    file.write_text(f'<!doctype html><meta charset="utf-8">{style}{cards}')
    context = browser.new_context(
        java_script_enabled=False,
        color_scheme=scheme,  # type: ignore[arg-type]
        viewport={"width": 800, "height": 2000},
    )
    page = context.new_page()
    page.goto(file.as_uri())
    fix = page.get_by_text("start JupyterLab as root").first
    expect(fix).not_to_be_visible()
    page.get_by_text("root is missing").first.click()
    expect(fix).to_be_visible()
    page.screenshot(path=SCREENSHOTS / f"start-static-{scheme}.png")
    box = page.locator("body").bounding_box()
    assert box is not None
    assert box["width"] <= 800
    context.close()
