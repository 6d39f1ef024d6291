# SPDX-License-Identifier: BSD-3-Clause
"""What a page draws of the tables that nodes keep, with the test in the place of the kernel."""

from typing import Any

import pytest
from playwright.sync_api import Page, expect

from labkit.widgets.bundle import bundle
from tests.browser.conftest import SCREENSHOTS
from tests.browser.test_view_page import HARNESS

TABLE = {
    "node": "switch",
    "heads": ["mac", "vlan", "port", "age_s"],
    "sides": "lrlr",
    "rows": [["02:00:00:00:00:01", "10", "a", "0.5"], ["<b>no markup</b>", "–", "b", "12.25"]],
    "note": "",
}
EMPTY = TABLE | {"node": "conntrack", "rows": [], "note": "nothing so far"}


@pytest.mark.parametrize("width", [1280, 800])
@pytest.mark.parametrize("ground", ["white", "#111"])
def test_tables(page: Page, width: int, ground: str) -> None:
    page.set_viewport_size({"width": width, "height": 500})
    page.set_content(f'<body style="background: {ground}"><div id="view"></div></body>')
    initial: dict[str, Any] = {"kind": "tables", "title": "Tables of path", "state": "live"}
    page.evaluate("(more) => { window.initial = more; }", initial | {"tables": [TABLE, EMPTY]})
    page.evaluate(HARNESS[HARNESS.index("async") :], bundle())
    rows = page.get_by_role("table", name="switch").get_by_role("row")
    expect(rows).to_have_count(3)
    expect(rows.nth(1)).to_have_text("02:00:00:00:00:0110a0.5")
    expect(rows.nth(2)).to_contain_text("<b>no markup</b>")
    expect(page.get_by_text("nothing so far")).to_be_visible()
    page.evaluate("([name, value]) => kernel.set(name, value)", ["state", "the path was stopped"])
    expect(page.get_by_role("status")).to_have_text("the path was stopped")
    page.screenshot(
        path=SCREENSHOTS / f"tables-{width}-{'light' if ground == 'white' else 'dark'}.png"
    )
