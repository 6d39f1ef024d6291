# SPDX-License-Identifier: BSD-3-Clause
"""A table in JupyterLab: headings sort it, a text filters it, all of its rows are downloaded."""

from pathlib import Path

import pandas as pd
from playwright.sync_api import Page, expect

from tests.browser.conftest import (
    SCREENSHOTS,
    _run_all,
    menu,
    open_notebook,
    over_folder,
    write_notebook,
)

CELL = """
import pandas as pd
import labkit as lk

lk.explore(pd.DataFrame({
    "dut": ["testpmd", "labkit-echo", "kernel-echo"] * 1000,
    "size_bytes": [64, 512, 1518] * 1000,
    "target_pps": range(3000),
    "loss_percent": [0.0, None, 1.25] * 1000,
    "note": ["<b>none</b>", "", "a long text that says what happened in this trial"] * 1000,
}))
"""


def test_sort_filter_and_download(page: Page, tmp_path: Path) -> None:
    write_notebook(tmp_path / "nb.ipynb", [CELL])
    with over_folder(tmp_path) as url:
        page.set_viewport_size({"width": 1280, "height": 900})
        open_notebook(page, url, "nb")
        _run_all(page)
        view = page.locator(".lk-explorer")
        row = view.locator("tbody tr").first
        expect(row).to_contain_text("testpmd", timeout=60_000)
        expect(view.locator("tbody tr")).to_have_count(200)
        pps = view.get_by_role("columnheader", name="target_pps")
        pps.get_by_role("button").click()
        expect(pps).to_have_attribute("aria-sort", "ascending", timeout=60_000)
        pps.get_by_role("button").click()
        expect(row).to_contain_text("2,999", timeout=60_000)
        view.get_by_role("searchbox").fill("labkit")
        expect(row).to_contain_text("2,998", timeout=60_000)
        expect(view).to_contain_text("3,000 rows, 1,000 of them match")
        for theme in ("Light", "Dark"):
            menu(page, "Settings", "Theme", f"JupyterLab {theme}")
            page.locator(f'body[data-jp-theme-name="JupyterLab {theme}"]').wait_for(
                state="attached"
            )
            for width in (1280, 800):
                page.set_viewport_size({"width": width, "height": 900})
                expect(row).to_be_visible()
                page.screenshot(path=SCREENSHOTS / f"explorer-{theme}-{width}.png")
        menu(page, "Settings", "Theme", "JupyterLab Light")
        with page.expect_download(timeout=60_000) as download:
            view.get_by_role("button", name="Parquet").click()
        file = tmp_path / "table.parquet"
        download.value.save_as(file)
        got = pd.read_parquet(file)
        assert got["target_pps"].tolist() == list(range(2998, 0, -3))
