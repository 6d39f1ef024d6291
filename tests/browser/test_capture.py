# SPDX-License-Identifier: BSD-3-Clause
"""A port's capture in JupyterLab: newest frames come by themselves, the file is a click away."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.browser.conftest import menu, open_notebook, over_folder, write_notebook
from tests.numbered import numbers_in

MINUTE = 60_000
CELLS = (
    """\
import os, time
import labkit as lk
from tests.numbered import numbered
lab = lk.Lab()
east, west = lab.cable("east", "west")
named = lab.capture(west, "seen.pcapng")
private = lab.capture(west, frames=50)
named""",
    "private",
    """\
while not os.path.exists("go"):
    time.sleep(0.1)
east.send(numbered(range(100)))
while not os.path.exists("shown"):  # meanwhile the cell runs
    time.sleep(0.1)""",
)


def downloaded(page: Page, link: Locator, to: Path) -> Path:
    """What a click on a link brings."""
    with page.expect_download(timeout=MINUTE) as waiting:
        link.click()
    file = to / waiting.value.suggested_filename
    waiting.value.save_as(file)
    return file


@pytest.mark.timeout(900)
def test_newest_frames_and_the_file(tmp_path: Path, browser: Browser) -> None:
    write_notebook(tmp_path / "capture.ipynb", CELLS)
    with over_folder(tmp_path) as url:
        page = browser.new_page(viewport={"width": 1280, "height": 1500})
        open_notebook(page, url, "capture")
        menu(page, "Run", "Run All Cells")
        shown = page.locator(".jp-OutputArea-output table")
        expect(shown).to_have_count(2, timeout=MINUTE)
        expect(shown.first).to_contain_text("no frame yet")
        (tmp_path / "go").touch()
        expect(shown.first).to_contain_text("100 written, goes on", timeout=MINUTE)
        expect(shown.first.locator("tbody tr")).to_have_count(12)
        expect(shown.last).to_contain_text(
            re.compile("50 written, 50 passed over, ended: frames"), timeout=MINUTE
        )
        (tmp_path / "shown").touch()
        for table, numbers in ((shown.first, range(100)), (shown.last, range(50))):
            link = table.get_by_role("link", name="open in Wireshark")
            file = downloaded(page, link, tmp_path / "downloads")
            assert numbers_in(file) == list(numbers)
        page.close()
