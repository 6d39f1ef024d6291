# SPDX-License-Identifier: BSD-3-Clause
"""The page's side of a live view, with the test in the place of the kernel."""

from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from labkit.widgets.bundle import bundle
from tests.browser.conftest import SCREENSHOTS

HARNESS = (Path(__file__).parent / "harness.js").read_text()
BODY = (
    '<body style="background: white"><div id="view" style="width: 800px"></div>'
    '<div style="height: 3000px"></div></body>'
)
FLAT = "(row, line) => 1000 * (line + 1)"
SLOPE = "(row, line) => 1000 * row + line"


@pytest.fixture
def view(page: Page) -> Page:
    page.set_viewport_size({"width": 900, "height": 700})
    page.set_content(BODY)
    js = HARNESS.strip()
    page.evaluate(js[js.index("async") :], bundle())
    return page


def feed(page: Page, rows: int = 100, value: str = FLAT, **options: Any) -> None:
    more = "".join(f", {option!r}" for option in options.values())
    page.evaluate(f"kernel.feed({rows}, {value}{more})")
    painted(page)


def painted(page: Page) -> int:
    """Frames painted so far, after what is due."""
    page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    count: int = page.evaluate("kernel.painted")
    return count


def sent(page: Page, kind: str) -> list[dict[str, Any]]:
    messages: list[dict[str, Any]] = page.evaluate("kernel.sent")
    return [message for message in messages if message["type"] == kind]


def values(page: Page) -> list[str]:
    return page.locator(".lk-value").all_inner_texts()


def test_asks_for_points_and_draws_them(view: Page) -> None:
    assert [message["type"] for message in view.evaluate("kernel.sent")] == ["ready", "shown"]
    before = view.locator(".lk-chart").inner_html()
    feed(view)
    assert view.locator(".lk-chart canvas").count() == 1
    assert view.locator(".lk-chart").inner_html() != before
    assert values(view) == ["1.00 kpps", "2.00 kpps"]


def test_paints_once_a_frame_however_many_messages_come(view: Page) -> None:
    feed(view)
    before = painted(view)
    view.evaluate(f"for (let i = 0; i < 50; i++) kernel.feed(1, {SLOPE})")
    assert 1 <= painted(view) - before <= 2
    assert values(view)[0] == "149 kpps"


def test_does_not_paint_out_of_sight(view: Page) -> None:
    feed(view)
    view.evaluate("scrollTo(0, 2500)")
    view.wait_for_function("kernel.sent.some((m) => m.type === 'hidden')")
    before = painted(view)
    for _ in range(5):
        feed(view, 1, SLOPE)
    assert painted(view) == before
    view.evaluate("scrollTo(0, 0)")
    view.wait_for_function("kernel.sent.filter((m) => m.type === 'shown').length > 1")
    assert painted(view) > before
    assert values(view)[0] == "104 kpps"


def test_hours_of_points_do_not_grow(view: Page) -> None:
    client = view.context.new_cdp_session(view)

    def memory() -> tuple[float, int]:
        client.send("HeapProfiler.collectGarbage")
        used = client.send("Runtime.getHeapUsage")["usedSize"]
        nodes = next(
            metric["value"]
            for metric in client.send("Performance.getMetrics")["metrics"]
            if metric["name"] == "Nodes"
        )
        return used, nodes

    client.send("Performance.enable")
    hour = "async () => {for (let i = 0; i < 360; i++) { kernel.feed(100, (r, l) => r % 97 + l);"
    hour += " if (i % 10 === 0) await new Promise(requestAnimationFrame); }}"
    view.evaluate(hour)
    used, nodes = memory()
    view.evaluate(hour)
    view.evaluate(hour)
    used_later, nodes_later = memory()
    assert used_later - used < 400_000  # two hours of points are 1.7 million numbers' worth
    assert nodes_later <= nodes + 20
    feed(view, 1, FLAT)


def test_lost_points_are_asked_for(view: Page) -> None:
    feed(view, 10)
    asked = len(sent(view, "ready"))
    view.evaluate(f"kernel.first += 5; kernel.feed(1, {FLAT})")
    assert len(sent(view, "ready")) == asked + 1
    view.evaluate(f"kernel.feed(16, {SLOPE}, 'seed', 0)")
    painted(view)
    assert values(view)[0] == "15.0 kpps"


def test_points_that_overlap_are_drawn_once(view: Page) -> None:
    feed(view, 10, SLOPE)
    view.evaluate(f"kernel.feed(10, {SLOPE}, 'points', 5)")
    painted(view)
    assert values(view)[0].startswith("14")


def test_missing_rate_is_no_number(view: Page) -> None:
    feed(view, 10, "(row, line) => line ? NaN : 5")
    assert values(view) == ["5 pps", "–"]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("0", "0 pps"),
        ("7.25", "7.25 pps"),
        ("999", "999 pps"),
        ("999.7", "1.00 kpps"),
        ("14880952", "14.9 Mpps"),
        ("1.2e9", "1.20 Gpps"),
    ],
)
def test_si_prefixes(view: Page, value: str, text: str) -> None:
    feed(view, 3, f"() => {value}")
    assert values(view)[0] == text


def test_keyboard(view: Page) -> None:
    feed(view, 900, SLOPE)
    chart = view.locator(".lk-chart")
    chart.focus()
    follow = view.locator(".lk-follow")
    expect(follow).to_have_attribute("aria-pressed", "true")
    view.keyboard.press("ArrowLeft")
    painted(view)
    expect(follow).to_have_attribute("aria-pressed", "false")
    view.keyboard.press("+")
    view.keyboard.press("End")
    painted(view)
    expect(follow).to_have_attribute("aria-pressed", "true")
    view.keyboard.press("m")
    assert sent(view, "mark")[0]["text"] == "1"
    view.keyboard.press(" ")
    assert sent(view, "stop")
    painted(view)
    expect(view.locator(".lk-status")).to_have_text("stopped")
    view.keyboard.press(" ")
    assert sent(view, "start")
    view.keyboard.press("/")
    expect(view.locator(".lk-search")).to_be_focused()
    view.keyboard.press("Escape")
    expect(chart).to_be_focused()


def test_stop_holds_still_though_points_come(view: Page) -> None:
    feed(view, 300, SLOPE)
    view.get_by_role("button", name="Stop").click()
    view.mouse.move(5, 690)
    feed(view, 1, SLOPE)
    before = view.locator(".lk-chart canvas").evaluate("(c) => c.toDataURL()")
    feed(view, 50, SLOPE)
    assert view.locator(".lk-chart canvas").evaluate("(c) => c.toDataURL()") == before
    view.get_by_role("button", name="Start").click()
    feed(view, 50, SLOPE)
    assert view.locator(".lk-chart canvas").evaluate("(c) => c.toDataURL()") != before


def test_hovering_tells_the_values_of_that_moment(view: Page) -> None:
    feed(view, 600, SLOPE)
    latest = values(view)[0]
    box = view.locator(".u-over").bounding_box()
    assert box
    view.mouse.move(box["x"] + box["width"] / 2, box["y"] + 50)
    painted(view)
    middle = values(view)[0]
    assert latest == "599 kpps"
    assert 280 <= float(middle.split()[0]) <= 320


def test_drag_zooms_and_double_click_follows_again(view: Page) -> None:
    feed(view, 600, SLOPE)
    box = view.locator(".u-over").bounding_box()
    assert box
    view.mouse.move(box["x"] + 100, box["y"] + 50)
    view.mouse.down()
    view.mouse.move(box["x"] + 300, box["y"] + 60, steps=4)
    view.mouse.up()
    painted(view)
    follow = view.locator(".lk-follow")
    expect(follow).to_have_attribute("aria-pressed", "false")
    view.mouse.dblclick(box["x"] + 200, box["y"] + 50)
    painted(view)
    expect(follow).to_have_attribute("aria-pressed", "true")
    view.keyboard.down("Shift")
    view.mouse.wheel(0, 100)
    view.keyboard.up("Shift")
    painted(view)
    expect(follow).to_have_attribute("aria-pressed", "false")


def test_counters_are_chosen_by_search(view: Page) -> None:
    feed(view)
    view.get_by_role("button", name="Counters").click()
    view.keyboard.type("rx by")
    expect(view.locator(".lk-choice")).to_have_text(["rx_bytes"])
    view.get_by_label("rx_bytes").check()
    assert sent(view, "choose")[-1]["names"] == ["rx_packets", "tx_packets", "rx_bytes"]
    view.evaluate("kernel.set('lines', kernel.lines(2, ['rx_packets', 'rx_bytes']))")
    view.evaluate("kernel.feed(50, (row, line) => line ? 2e6 : 1e3, 'seed', 0)")
    painted(view)
    assert values(view) == ["1.00 kpps", "2.00 Mbytes/s"]
    view.get_by_role("button", name="Done").click()
    view.screenshot(path=SCREENSHOTS / "view_two_units.png")


def test_points_of_other_lines_are_not_drawn(view: Page) -> None:
    feed(view, 10)
    view.evaluate("kernel.set('lines', kernel.lines(2, ['rx_bytes']))")
    view.evaluate(
        """kernel.set('lines', kernel.lines(3, ['tx_bytes', 'rx_bytes', 'rx_packets']));
        kernel.feed(5, () => 7)"""
    )
    painted(view)
    assert values(view)[2] == "7 pps"


def test_line_is_hidden_and_shown(view: Page) -> None:
    feed(view)
    line = view.get_by_role("button", name="rx_packets")
    expect(line).to_have_attribute("aria-pressed", "true")
    line.click()
    expect(line).to_have_attribute("aria-pressed", "false")
    expect(line).to_have_attribute("title", "rx_packets\nrx_packets means this")


def test_faults_and_states_are_told(view: Page) -> None:
    view.evaluate("kernel.set('faults', {rx_packets: 'fell from 9 to 3'})")
    view.evaluate("kernel.set('status', ['gone', 'the cable is out'])")
    feed(view)
    expect(view.locator(".lk-faults")).to_have_text("rx_packets fell from 9 to 3")
    expect(view.locator(".lk-status")).to_have_text("gone: the cable is out")


def test_theme_follows_jupyterlab(view: Page) -> None:
    feed(view, 300, "(row, line) => 1000 + 300 * Math.sin(row / 20 + line)")
    ink = "getComputedStyle(document.querySelector('.lk-view')).color"
    light = view.evaluate(ink)
    view.screenshot(path=SCREENSHOTS / "view_light.png")
    view.evaluate("document.body.dataset.jpThemeLight = 'false'")
    painted(view)
    expect(view.locator(".lk-view")).to_have_class("lk-view lk-dark")
    assert view.evaluate(ink) != light
    view.screenshot(path=SCREENSHOTS / "view_dark.png")


def test_screen_readers_hear_names_and_values(view: Page) -> None:
    feed(view)
    label = view.locator(".lk-chart").get_attribute("aria-label")
    assert label == "Chart of rx_packets 1.00 kpps, tx_packets 2.00 kpps"
    unnamed = view.locator("button").evaluate_all(
        "(all) => all.filter((b) => !(b.innerText.trim() || b.ariaLabel)).length"
    )
    assert unnamed == 0
    assert "Space stops" in (
        view.locator(".lk-chart-panel").get_attribute("aria-description") or ""
    )


def test_removed_display_says_so_and_leaves_nothing(view: Page) -> None:
    feed(view)
    view.evaluate("kernel.remove(); document.getElementById('view').replaceChildren()")
    assert sent(view, "removed")
    before = painted(view)
    feed(view)
    assert painted(view) == before


def test_numbers_of_a_layout_that_is_gone_are_not_shown(page: Page) -> None:
    def parts(layout: int, *names: str) -> dict[str, Any]:
        places = ("busy", "cycles")
        workers = [
            {"name": name, "about": "", "paths": "", **{p: 2 * n + i for i, p in enumerate(places)}}
            for n, name in enumerate(names)
        ]
        return {"layout": layout, "shown": ["workers"], "workers": workers}

    page.set_content(BODY)
    page.evaluate(
        "(parts) => { window.initial = { kind: 'dashboard', parts }; }", parts(1, "lcore 2")
    )
    page.evaluate(HARNESS[HARNESS.index("async") :], bundle())
    page.evaluate("kernel.numbers([12, 340])")
    shown = page.locator(".lk-meter-text")
    expect(shown).to_have_text(["12 %"])
    page.evaluate("(parts) => kernel.set('parts', parts)", parts(2, "lcore 1", "lcore 2"))
    painted(page)
    expect(shown).to_have_text(["", ""])
    page.evaluate("kernel.numbers([12, 340], 1)")  # under way when the layout changed
    painted(page)
    expect(shown).to_have_text(["", ""])
    page.evaluate("kernel.numbers([50, 400, 12, 340], 2)")
    expect(shown).to_have_text(["50 %", "12 %"])


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_labs_follow_the_theme_and_keep_their_button_in_reach(page: Page, theme: str) -> None:
    columns = ["lab", "engine", "state", "ports", "paths", "CPUs of workers"]
    row = dict(zip(columns, ["lab", "4711", "runs", "a, b", "echo:b, host:a", "1, 2"], strict=True))
    page.set_viewport_size({"width": 400, "height": 300})
    page.set_content(BODY.replace("800px", "360px"))
    page.evaluate("(light) => { document.body.dataset.jpThemeLight = light; }", theme != "dark")
    initial = {"kind": "labs", "columns": columns, "rows": [row], "nothing": ""}
    page.evaluate("(initial) => { window.initial = initial; }", initial)
    page.evaluate(HARNESS[HARNESS.index("async") :], bundle())
    button = page.get_by_role("button", name="Close lab, engine 4711")
    box = button.bounding_box()
    assert box is not None
    assert box["x"] + box["width"] < 360
    is_dark = page.locator(".lk-labs").evaluate("(view) => view.classList.contains('lk-dark')")
    assert is_dark == (theme == "dark")
