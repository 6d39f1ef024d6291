# SPDX-License-Identifier: BSD-3-Clause
"""What a panel of live traffic shows of what was asked and is not done, with the test in the place
of the kernel."""

from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from labkit.widgets.bundle import bundle
from labkit.widgets.flow_numbers import COLUMNS
from tests.browser.test_view_page import BODY, HARNESS, sent

FLOW = {"name": "up", "from": "a", "to": ["b"]}
ROW = {"rate": "5 kpps", "value": 5e3, "unit": "pps", "layer": 2, "short": "", "error": ""}


@pytest.fixture
def panel(page: Page) -> Page:
    parts = {"layout": 1, "columns": list(COLUMNS), "flows": [FLOW]}
    page.set_content(BODY)
    page.evaluate("(parts) => { window.initial = { kind: 'traffic', parts }; }", parts)
    page.evaluate(HARNESS[HARNESS.index("async") :], bundle())
    done(page, [["another page", 1]])
    expect(typed(page)).to_have_value("5 kpps")
    return page


def typed(page: Page) -> Locator:
    return page.get_by_label("rate of up, typed")


def told(page: Page) -> Locator:
    return page.locator(".lk-told")


def done(page: Page, asked: list[list[Any]], flow: str | None = None, **more: Any) -> None:
    message = {"type": "done", "asked": asked, "flow": flow, "layout": 1, "rows": [ROW | more]}
    page.evaluate("(message) => kernel.tell(message)", message | {"error": ""})


def press(page: Page, name: str) -> list[Any]:
    """The page and the number of what it asks then."""
    page.get_by_role("button", name=name).click()
    message = sent(page, "flow")[-1]
    return [message["page"], message["number"]]


def type_rate(page: Page, rate: str) -> list[Any]:
    typed(page).fill(rate)
    typed(page).press("Enter")
    message = sent(page, "flow")[-1]
    return [message["page"], message["number"]]


def test_it_says_what_waits_until_all_of_it_is_done(panel: Page) -> None:
    first, second = press(panel, "Pause all"), press(panel, "Clear all")
    expect(told(panel)).to_contain_text("waits for the kernel")
    done(panel, [second])  # which overtook the first
    expect(told(panel)).to_contain_text("waits for the kernel")
    done(panel, [["another page", first[1]]])
    expect(told(panel)).to_contain_text("waits for the kernel")
    done(panel, [first])
    expect(told(panel)).to_have_text("")


def test_a_rate_that_waits_stays_until_it_is_done(panel: Page) -> None:
    asked = type_rate(panel, "7 kpps")
    later = press(panel, "Pause all")
    done(panel, [later])
    expect(typed(panel)).to_have_value("7 kpps")
    typed(panel).fill("8 kpps")
    typed(panel).press("Enter")
    assert [m["value"] for m in sent(panel, "flow") if m["do"] == "rate"] == ["7 kpps"]
    done(panel, [asked], "up", rate="7 kpps", value=7e3)
    panel.wait_for_function("kernel.sent.some((m) => m.value === '8 kpps')")
    # Another page's came after it.
    number = sent(panel, "flow")[-1]["number"]
    done(panel, [[asked[0], number], ["another page", 9]], "up", rate="9 kpps", value=9e3)
    expect(typed(panel)).to_have_value("9 kpps")


@pytest.mark.parametrize("end", ["kernel.restart()", "kernel.set('status', ['closed', 'so'])"])
def test_what_nobody_does_any_more_does_not_wait(panel: Page, end: str) -> None:
    press(panel, "Pause all")
    type_rate(panel, "7 kpps")
    expect(told(panel)).to_contain_text("waits for the kernel")
    panel.evaluate(end)
    expect(told(panel)).to_contain_text("not done")
    expect(typed(panel)).to_have_value("5 kpps")


def test_what_is_asked_of_a_kernel_that_was_restarted_is_not_done(panel: Page) -> None:
    panel.evaluate("kernel.restart()")
    panel.get_by_role("button", name="Pause all").click()
    expect(told(panel)).to_contain_text("not done")
    typed(panel).fill("7 kpps")
    typed(panel).press("Enter")
    expect(typed(panel)).to_have_value("5 kpps")
    assert sent(panel, "flow") == []
