# SPDX-License-Identifier: BSD-3-Clause
"""`make lab` as a newcomer meets it: JupyterLab opens, and the first notebook runs in the browser.

A screenshot of every notebook stays in build/screenshots.
"""

import re
import subprocess
import urllib.request

import pytest
from playwright.sync_api import Page

from tests.browser.conftest import run_notebook


def test_listens_on_loopback_and_wants_its_token(address: str) -> None:
    base = address.split("/lab")[0]
    with pytest.raises(urllib.error.HTTPError, match="403"):
        urllib.request.urlopen(f"{base}/api/contents")
    port = int(base.rsplit(":", 1)[1])
    listening = subprocess.run(["ss", "-Htln"], capture_output=True, text=True, check=True).stdout
    assert re.findall(rf"(\S+):{port}\s", listening) == ["127.0.0.1"]


@pytest.mark.parametrize("name", ["01_first_packets", "02_echo"])
def test_notebook_runs_in_the_browser(name: str, address: str, page: Page) -> None:
    run_notebook(page, address, name)
