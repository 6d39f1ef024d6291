# SPDX-License-Identifier: BSD-3-Clause
"""Live traffic in JupyterLab: a slider that is moved changes what the generator sends."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.browser.conftest import (
    SCREENSHOTS,
    menu,
    open_notebook,
    over_folder,
    wait_for_none,
    write_notebook,
)

CELLS = (
    """\
import labkit as lk
from scapy.all import IP, UDP, Ether
lab = lk.Lab()
east, west = lab.cable("east", "west")
t = lab.traffic()
def stream(src, dst):
    return lk.Stream(Ether() / IP(src=src, dst=dst) / UDP(dport=9000), size=128)
up = t.add(stream("10.0.0.1", "10.0.0.2"), on=east, to=west, name="up", rate="200 pps",
    overdue="catch_up")
down = t.add(stream("10.0.0.2", "10.0.0.1"), on=west, to=east, name="down", rate="50 pps")
fast = t.add(stream("10.0.0.1", "10.0.0.3"), on=east, to=west, name="too much", rate="90 Mpps")""",
    "t",
    "t.start('up', 'down')",
)
RATES = [re.compile(r"^(19|20)\d(\.\d+)? pps"), re.compile(r"^(3[5-9]|4\d)\d(\.\d+)? pps")]
OVERLAPS = """(view) => {
    const parts = ':is(input, button, td > div, th > div, .lk-trend)';
    const shown = [...view.querySelectorAll(`.lk-flows-table tbody ${parts}`)]
        .filter((e) => e.offsetParent).map((e) => [e, e.getBoundingClientRect()]);
    const found = [];
    shown.forEach(([a, p], i) => shown.slice(i + 1).forEach(([b, q]) => {
        if (a.contains(b) || b.contains(a)) return;
        const wide = Math.min(p.right, q.right) - Math.max(p.left, q.left);
        const high = Math.min(p.bottom, q.bottom) - Math.max(p.top, q.top);
        if (wide > 1 && high > 1) found.push([a.outerHTML, b.outerHTML]);
    }));
    const table = view.querySelector('.lk-flows-table');
    return found.length ? found : table.scrollWidth > table.clientWidth + 1 ? ["wider"] : [];
}"""


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory, browser: Browser) -> Iterator[Page]:
    """A notebook with a panel; the tests of this file go through it in order."""
    folder = tmp_path_factory.mktemp("traffic")
    write_notebook(folder / "traffic.ipynb", CELLS)
    with over_folder(folder) as url:
        page = browser.new_page(viewport={"width": 1280, "height": 1500})
        errors: list[str] = []
        page.on("pageerror", lambda error: errors.append(str(error)))
        open_notebook(page, url, "traffic")
        menu(page, "Run", "Run All Cells")
        page.locator(".lk-view").wait_for(timeout=60_000)
        expect(row(page, "up")).to_contain_text("started", timeout=20_000)
        yield page
        page.close()
        assert errors == []


def row(page: Page, name: str) -> Locator:
    return page.locator(".lk-view tbody tr", has=page.get_by_label(f"rate of {name}, typed"))


def sent(page: Page, name: str) -> Locator:
    """Frames a second that the generator's counters tell."""
    return row(page, name).locator("td").nth(1)


@pytest.mark.parametrize("width", [1280, 800])
def test_a_slider_changes_what_is_sent(page: Page, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 1500})
    slider = page.get_by_role("slider", name="rate of up")
    slider.evaluate("(s) => s.scrollIntoView({ block: 'center' })")
    typed = page.get_by_label("rate of up, typed")
    typed.fill("200 pps")
    typed.press("Enter")
    expect(sent(page, "up")).to_contain_text(RATES[0], timeout=120_000)
    box = slider.bounding_box()
    assert box is not None
    middle = box["y"] + box["height"] / 2
    at = box["x"] + box["width"] * 2 / 3
    page.mouse.move(at, middle)
    page.mouse.down()
    page.mouse.move(at + box["width"] * 0.1, middle, steps=12)  # 0.3 of three decades: twice
    page.mouse.up()
    expect(typed).to_have_value(re.compile(r"^(3[5-9]|4\d)\d pps$"))
    expect(sent(page, "up")).to_contain_text(RATES[1], timeout=120_000)
    slider.press("ArrowLeft")
    page.screenshot(path=SCREENSHOTS / f"traffic_{width}.png")
    wait_for_none(page.locator(".lk-view"), OVERLAPS)


def test_no_width_cuts_a_number(page: Page) -> None:
    """Columns keep their width, and have room for what stands in them."""
    cut = """(view) => [...view.querySelectorAll('.lk-flows-table td:not(.lk-rate) > div')]
        .filter((e) => e.offsetParent && e.scrollWidth > e.clientWidth + 1)
        .map((e) => e.textContent)"""
    for width in range(700, 1500, 50):
        page.set_viewport_size({"width": width, "height": 1500})
        view = page.locator(".lk-view")
        wait_for_none(view, cut, width)
        wait_for_none(view, OVERLAPS, width)


def test_buttons(page: Page) -> None:
    page.set_viewport_size({"width": 1280, "height": 1500})
    page.get_by_role("button", name="Pause down").click()
    expect(row(page, "down").locator(".lk-state")).to_have_text("paused")
    page.get_by_role("button", name="Resume down").click()
    expect(row(page, "down").locator(".lk-state")).to_have_text("started")


def test_a_rate_that_is_not_reached_and_one_that_is_none(page: Page) -> None:
    page.get_by_role("button", name="Start too much").click()
    said = page.locator(".lk-said", has_text="too much")
    expect(said).to_contain_text("generator_limited", timeout=20_000)
    typed = page.get_by_label("rate of down, typed")
    typed.fill("5 kqps")
    typed.press("Enter")
    expect(page.locator(".lk-said", has_text="down")).to_contain_text("kqps")
    expect(typed).to_have_value("5 kqps")  # what was typed is there to be mended
    expect(typed).to_have_attribute("aria-invalid", "true")
    page.screenshot(path=SCREENSHOTS / "traffic_limited.png")
    typed.press("Escape")
    expect(typed).to_have_value("50 pps")
    page.get_by_role("button", name="Stop too much").click()
    expect(said).to_be_hidden(timeout=20_000)


def test_dark(page: Page) -> None:
    menu(page, "Settings", "Theme", "JupyterLab Dark")
    expect(page.locator(".lk-view")).to_have_class("lk-view lk-dark", timeout=20_000)
    for width in (1280, 800):
        page.set_viewport_size({"width": width, "height": 1500})
        page.wait_for_timeout(800)
        page.screenshot(path=SCREENSHOTS / f"traffic_dark_{width}.png")
    menu(page, "Settings", "Theme", "JupyterLab Light")
    expect(page.locator(".lk-view")).to_have_class("lk-view", timeout=20_000)
