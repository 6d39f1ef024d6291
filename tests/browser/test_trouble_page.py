# SPDX-License-Identifier: BSD-3-Clause
"""What the panel of a watch draws, with the test in the place of the kernel."""

from typing import Any

import pytest
from playwright.sync_api import Page, expect

from labkit.widgets.bundle import bundle
from tests.browser.conftest import SCREENSHOTS
from tests.browser.test_view_page import HARNESS, sent

BEGIN = 1_796_040_000.0  # 12:00:00 UTC
JUDGED = {
    "state": "running",
    "amount": "1,204 readings and 12 lines",
    "since": BEGIN,
    "until": BEGIN + 1204,
    "sources": [
        ["engine 4711", "1,204 readings", "is read", ""],
        ["lab.log", "2 lines", "is read", ""],
        ["journal", "10 lines", "cannot be read: journalctl has ended", "journalctl has ended"],
    ],
}
LOST = {
    "id": "keep-alive-lost",
    "title": "The device's keep-alive stopped, and the driver reset it",
    "level": "certain",
    "place": 0,
    "device": "eth0",
    "since": BEGIN + 900,
    "until": None,
    "evidence": ["Keep alive timeout (3 times) [lab.log:2]", "wd_expired 0 to 1", "and 2 more"],
    "remedy": "Look for what held up the CPU that serves the interrupt; <b>no markup</b>",
    "decides": [],
}
DROPS = LOST | {
    "title": "A receive queue overflowed",
    "level": "likely",
    "place": 1,
    "since": BEGIN + 300,
    "until": BEGIN + 330,
    "decides": ["whether it grows: ethtool -S eth0 | grep drops"],
}


@pytest.fixture
def panel(page: Page) -> Page:
    page.set_viewport_size({"width": 1280, "height": 900})
    page.set_content('<body style="background: white"><div id="view"></div></body>')
    initial = {"kind": "trouble", "title": "Watch of engine 4711, journal", "found": []}
    page.evaluate("(more) => { window.initial = more; }", initial | {"judged": JUDGED})
    page.evaluate(HARNESS[HARNESS.index("async") :], bundle())
    return page


def tell(page: Page, name: str, value: Any) -> None:
    page.evaluate("([name, value]) => kernel.set(name, value)", [name, value])


def test_silence_says_how_much_was_judged(panel: Page) -> None:
    sum_up = panel.locator(".lk-sum")
    expect(sum_up).to_have_text("⚠ nothing was found so far, but not all sources can be read")
    tell(panel, "judged", JUDGED | {"sources": JUDGED["sources"][:2]})  # type: ignore[index]
    expect(sum_up).to_have_text("✓ nothing was found so far")
    tell(panel, "judged", JUDGED)
    told = "1,204 readings and 12 lines judged, 12:00:00 to 12:20:04 UTC"
    expect(panel.locator(".lk-trouble > .lk-bar")).to_contain_text(told)
    rows = panel.get_by_role("table", name="Sources").get_by_role("row")
    expect(rows.nth(1)).to_have_text("engine 47111,204 readingsis read")
    expect(rows.nth(3).locator(".lk-bad")).to_have_text("cannot be read: journalctl has ended")
    expect(panel.get_by_text("When, UTC")).to_be_hidden()


def test_what_is_there_and_what_was(panel: Page) -> None:
    tell(panel, "found", [DROPS, LOST])
    cards = panel.get_by_role("list", name="what is the matter now").get_by_role("listitem")
    expect(cards).to_have_count(1)
    for text in ("● certain", LOST["title"], "eth0", "since 12:15:00", "(3 times)", "<b>no markup"):
        expect(cards).to_contain_text(text)
    times = panel.get_by_role("list", name="when it was").get_by_role("listitem")
    expect(times.nth(0)).to_contain_text("12:05:00 – 12:05:30")
    expect(times.nth(1)).to_contain_text("12:15:00 – now")
    widths = [times.nth(n).locator(".lk-span").bounding_box()["width"] for n in (0, 1)]  # type: ignore[index]
    assert widths[1] / widths[0] == pytest.approx(304 / 30, rel=0.05)
    expect(panel.locator(".lk-sum")).to_be_hidden()
    panel.screenshot(path=SCREENSHOTS / "trouble_page.png")
    tell(panel, "found", [DROPS])
    expect(panel.locator(".lk-sum")).to_contain_text("nothing is the matter now")
    expect(cards).to_have_count(0)


def test_a_watch_that_ended_is_not_live(panel: Page) -> None:
    light = panel.locator(".lk-light")
    expect(light).to_have_attribute("data-state", "live")
    tell(panel, "judged", JUDGED | {"state": "the watch has ended: ValueError('x')"})
    expect(light).to_have_attribute("data-state", "gone")
    expect(panel.locator(".lk-status")).to_have_text("the watch has ended: ValueError('x')")
    tell(panel, "judged", JUDGED | {"state": "stopped"})
    expect(light).to_have_attribute("data-state", "stopped")


def test_silence_of_the_kernel_is_no_silence_of_rules(panel: Page) -> None:
    status = panel.locator(".lk-status")
    expect(status).to_contain_text("nothing was heard of it for", timeout=15_000)
    tell(panel, "judged", JUDGED | {"until": BEGIN + 1300})
    expect(status).to_have_text("")
    panel.evaluate("kernel.restart()")
    expect(status).to_have_text("the kernel that watched is gone")
    expect(panel.locator(".lk-light")).to_have_attribute("data-state", "gone")


def test_it_tells_whether_it_is_in_sight(panel: Page) -> None:
    assert [message["type"] for message in sent(panel, "ready")] == ["ready"]
    panel.evaluate("document.getElementById('view').style.display = 'none'")
    panel.wait_for_function("kernel.sent.some((m) => m.type === 'hidden')")
    panel.evaluate("document.getElementById('view').style.display = ''")
    panel.wait_for_function("kernel.sent.some((m) => m.type === 'shown')")
    panel.evaluate("kernel.remove()")
    assert len(sent(panel, "removed")) == 1
