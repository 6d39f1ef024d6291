# SPDX-License-Identifier: BSD-3-Clause
"""A frame's steps are gone through with buttons and keys in a page without scripts."""

from pathlib import Path

from playwright.sync_api import Browser, expect
from scapy.layers.inet import ICMP, IP
from scapy.layers.l2 import Ether

import labkit as lk


def test_buttons_and_arrow_keys_without_scripts(browser: Browser, tmp_path: Path) -> None:
    with lk.Lab() as lab:
        client, server = lab.cable()
        path = lab.echo_server(server, ["10.0.0.2/24"])
        with lab.trace(1) as trace:
            client.send(Ether(dst=server.mac) / IP(src="10.0.0.1", dst="10.0.0.2") / ICMP())
        html = lk.steps(trace, path)._repr_mimebundle_()["text/html"]
    file = tmp_path / "page.html"
    file.write_text(f"<!DOCTYPE html><meta charset='utf-8'>{html}")
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(file.as_uri())
    seen = page.locator("section:visible .go")
    expect(seen).to_contain_text("step 1 of")
    page.locator("section:visible label", has_text="Step").click()
    expect(seen).to_contain_text("step 2 of")
    page.keyboard.press("ArrowRight")
    expect(seen).to_contain_text("step 3 of")
    page.keyboard.press("ArrowLeft")
    page.locator("section:visible label", has_text="Back").click()
    expect(seen).to_contain_text("step 1 of")
    page.locator(".way label").last.click()
    expect(seen).to_contain_text("collect:")
    context.close()
