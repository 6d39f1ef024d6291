# SPDX-License-Identifier: BSD-3-Clause
"""`make lab` as a newcomer meets it: JupyterLab opens, and the first notebook runs in the browser.

A screenshot of every notebook stays in build/screenshots.
"""

import re
import subprocess
import urllib.request

import pytest
from playwright.sync_api import Page

from tests.browser.conftest import SCREENSHOTS


def test_listens_on_loopback_and_wants_its_token(address: str) -> None:
    base = address.split("/lab")[0]
    with pytest.raises(urllib.error.HTTPError, match="403"):
        urllib.request.urlopen(f"{base}/api/contents")
    port = int(base.rsplit(":", 1)[1])
    listening = subprocess.run(["ss", "-Htln"], capture_output=True, text=True, check=True).stdout
    assert re.findall(rf"(\S+):{port}\s", listening) == ["127.0.0.1"]


@pytest.mark.parametrize("name", ["01_first_packets", "02_echo", "06_live_xstats"])
def test_notebook_runs_in_the_browser(name: str, address: str, page: Page) -> None:
    token = address.split("token=")[1]
    base = address.split("/lab")[0]
    page.goto(f"{base}/lab/tree/{name}.ipynb?token={token}&reset")
    page.wait_for_selector(".jp-Notebook .jp-Cell", timeout=60_000)
    # Cells run before the kernel is there are lost.
    page.get_by_text(re.compile(r"\| Idle$")).wait_for(timeout=60_000)
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_text("Run All Cells", exact=True).click()
    try:
        done = page.get_by_text("all checks passed", exact=True)
        failed = page.locator(".jp-RenderedText[data-mime-type*=error]")
        done.or_(failed).first.wait_for(timeout=90_000)
        assert failed.count() == 0, failed.first.inner_text()
    finally:
        page.screenshot(path=SCREENSHOTS / f"{name}.png")
    assert page.locator(".jp-OutputArea-output img").count() >= 2
