# SPDX-License-Identifier: BSD-3-Clause
"""What a page draws of a packet pane, with the kernel's own data and the test in its place."""

from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect
from scapy.layers.inet import IP, UDP
from scapy.layers.l2 import Dot1Q, Ether
from scapy.packet import Raw

import labkit as lk
from labkit.lab.trace import Trace
from labkit.lab.trace_step import Step
from labkit.widgets.bundle import bundle
from labkit.widgets.packet_lists import TraceList
from labkit.widgets.packets import PacketPane
from tests.browser.conftest import SCREENSHOTS
from tests.browser.test_view_page import HARNESS
from tests.tunnels import FRAMES, TUNNELS

HOSTILE = b"<img src=x onerror=alert(1)>"
TRAITS = ("title", "heads", "count", "first", "rows", "at", "frame")
LINK = Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02")
FRAME = (
    LINK
    / Dot1Q(vlan=77)
    / IP(src="10.0.0.1", dst="10.0.0.2", ttl=64)
    / UDP(sport=4000, dport=9000)
    / b"hello"
)
WRONG = (
    LINK
    / IP(src="10.0.0.1", dst="10.0.0.2", chksum=0x1234)
    / UDP(sport=4000, dport=9000)
    / Raw(HOSTILE)
)


def frames() -> list[bytes]:
    return [
        bytes(FRAME),
        bytes(WRONG),
        TUNNELS["vxlan_v4"].encap(FRAMES["udp_v4"]),
        bytes(FRAME)[:40],
        b"",
        bytes(
            LINK / IP(src="10.0.0.1", dst="10.0.0.2") / UDP(sport=4000, dport=9) / Raw(bytes(8972))
        ),
    ]


class Steps(Trace):
    """A trace of one frame that was changed and dropped."""

    def __init__(self) -> None:
        pass

    @property
    def steps(self) -> list[Step]:
        raw, start = bytes(FRAME), 1_700_000_000_000_000_000
        new = raw[:26] + b"\x3f" + raw[27:]
        way = [
            ("host:client", "inject:client", 0, raw),
            ("mirror", "rx:server", 9_300, raw),
            ("mirror", "ttl", 12_753, raw),
            ("mirror", "drop_tx_full", 14_000, new),
        ]
        afters = [after for *_, after in way[1:]] + [None]
        return [
            Step(0, path, node, start + at, len(raw), before, after)
            for (path, node, at, before), after in zip(way, afters, strict=True)
        ]


def opened(page: Page, pane: PacketPane, width: int = 1280, ground: str = "white") -> Locator:
    page.set_viewport_size({"width": width, "height": 900})
    page.set_content(f'<body style="background: {ground}"><div id="view"></div></body>')
    initial = {name: getattr(pane, name) for name in TRAITS} | {"kind": "packets"}
    page.evaluate("(more) => { window.initial = more; }", initial)
    page.evaluate(HARNESS[HARNESS.index("async") :], bundle())
    return page.locator(".lk-packets")


def wanted(page: Page) -> list[Any]:
    """Places that the page has asked for."""
    sent: list[dict[str, Any]] = page.evaluate("kernel.sent")
    return [message["place"] for message in sent if message["type"] == "frame"]


def answer(page: Page, pane: PacketPane) -> None:
    """What the kernel does of the page's newest wish."""
    pane.show(wanted(page)[-1])
    for name in TRAITS[3:]:
        page.evaluate("([name, value]) => kernel.set(name, value)", [name, getattr(pane, name)])


def test_fields_and_bytes_are_linked(page: Page) -> None:
    view = opened(page, lk.packets(FRAME))
    vlan = view.get_by_role("treeitem", name="vlan 77")
    marked = view.locator(".lk-hex-part .lk-marked")
    vlan.locator(".lk-item").hover()
    expect(marked).to_have_text(["00", "4d"])
    expect(view.locator(".lk-ascii-part .lk-marked")).to_have_count(2)
    expect(view.get_by_text("bytes 14 to 15, 12 bits: 802.1Q vlan 77")).to_be_visible()
    ttl = view.locator('.lk-hex-part [data-byte="26"]')
    expect(ttl).to_have_text("40")
    ttl.hover()
    expect(view.locator(".lk-tree .lk-marked")).to_have_text(["ttl 64"])
    ttl.click()
    view.locator(".lk-title").hover()
    expect(marked).to_have_text(["40"])  # stays
    page.keyboard.press("ArrowRight")  # of two fields in one byte both are marked
    expect(view.locator(".lk-tree .lk-marked")).to_have_text(["proto udp"])
    view.locator('.lk-hex-part [data-byte="18"]').click()
    expect(view.locator(".lk-tree .lk-marked")).to_have_text(["version 4", "ihl 5"])
    page.keyboard.press("Escape")
    view.locator(".lk-title").hover()
    expect(marked).to_have_count(0)
    vlan.locator(".lk-item").click()
    page.keyboard.press("ArrowDown")
    expect(view.get_by_role("treeitem", name="type IPv4")).to_be_focused()
    expect(marked).to_have_text(["08", "00"])
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowLeft")
    expect(view.get_by_role("treeitem", expanded=False)).to_have_count(1)


def test_next_and_previous_by_buttons_and_keys(page: Page) -> None:
    pane = lk.packets(frames())
    view = opened(page, pane)
    rows = view.locator("tbody tr")
    expect(rows).to_have_count(6)
    expect(view.get_by_role("button", name="previous frame")).to_be_disabled()
    view.get_by_role("button", name="next frame").click()
    answer(page, pane)
    expect(view.locator('[aria-selected="true"] td').first).to_have_text("1")
    expect(view.locator('.lk-layer [data-verdict="wrong"]')).to_contain_text(
        "✗ checksum wrong: it is 0x1234 and should be 0x"
    )
    expect(rows.nth(1)).to_contain_text("⚠")
    view.locator(".lk-packet-list").focus()
    for key, place in (("ArrowDown", 2), ("ArrowUp", 1), ("End", 5), ("PageUp", 0)):
        page.keyboard.press(key)
        assert wanted(page)[-1] == place
        answer(page, pane)
        expect(view.get_by_text(f"{place + 1} of 6", exact=True)).to_be_visible()
    rows.nth(4).click()
    answer(page, pane)
    expect(view.get_by_text("no byte", exact=True)).to_be_visible()
    rows.nth(5).click()
    answer(page, pane)
    view.get_by_role("button", name="show 4,096 of 4,918 more bytes").click()
    expect(view.locator(".lk-hex-part [data-byte]")).to_have_count(8192)


def test_copies(page: Page) -> None:
    view = opened(page, lk.packets(FRAME))
    page.evaluate(
        "Object.defineProperty(navigator, 'clipboard', { configurable: true,"
        " value: { writeText: async (text) => { window.copied = text; } } })"
    )
    view.get_by_role("button", name="hex").click()
    expect(view.get_by_text("copied as hex")).to_be_visible()
    assert page.evaluate("window.copied") == bytes(FRAME).hex()
    view.get_by_role("button", name="scapy").click()
    assert page.evaluate("kernel.sent.at(-1).what") == "scapy"
    page.evaluate("kernel.tell({ type: 'copied', what: 'scapy', text: 'Ether()' })")
    expect(view.get_by_text("copied as scapy")).to_be_visible()
    assert page.evaluate("window.copied") == "Ether()"
    page.evaluate("() => { navigator.clipboard.writeText = () => Promise.reject(new Error()); }")
    page.evaluate("kernel.tell({ type: 'copied', what: 'scapy', text: 'IP()' })")
    expect(view.get_by_role("textbox", name="what to copy")).to_have_value("IP()")


def test_a_trace_goes_step_by_step(page: Page) -> None:
    pane = PacketPane(TraceList(Steps()))
    view = opened(page, pane)
    way = view.locator(".lk-way [data-row]")
    expect(way).to_have_count(4)
    expect(view.locator(".lk-way .lk-chosen")).to_contain_text("inject:client")
    way.nth(3).click()
    answer(page, pane)
    expect(view.locator(".lk-way .lk-chosen")).to_contain_text("drop_tx_full")
    expect(view.locator(".lk-hex-part .lk-changed")).to_have_count(1)
    expect(view.locator('[aria-selected="true"] td').nth(2)).to_have_text("mirror/drop_tx_full")
    page.screenshot(path=SCREENSHOTS / "packets-trace.png")


@pytest.mark.parametrize(("width", "ground"), [(1280, "white"), (800, "#111")])
def test_look(page: Page, tmp_path: Path, width: int, ground: str) -> None:
    """Nothing stands beside the page, and no text of a frame is markup."""
    pane = lk.packets(frames())
    view = opened(page, pane, width, ground)
    view.locator("tbody tr").nth(1).click()
    answer(page, pane)
    view.get_by_role("treeitem", name="chksum 0x1234").locator(".lk-item").hover()
    page.screenshot(
        path=SCREENSHOTS / f"packets-{width}-{'light' if ground == 'white' else 'dark'}.png"
    )
    assert page.locator("img").count() == 0
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
