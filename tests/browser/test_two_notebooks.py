# SPDX-License-Identifier: BSD-3-Clause
"""Live traffic in two notebooks at once: each has all of its own frames, none of the other's."""

import json
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.browser.conftest import (
    SCREENSHOTS,
    menu,
    new_page,
    open_notebook,
    over_folder,
    write_notebook,
)
from tests.browser.test_live import run_cell

PATIENT = 60_000
COUNT = 6000  # frames of each flow, in 12 s
NAMES = ("east", "west")  # of the notebooks; ports have the same names in both
BEGIN = """\
import json, threading, time
from pathlib import Path
import labkit as lk
from scapy.all import IP, UDP, Ether
me = {me!r}
lab = lk.Lab()
a, b = lab.cable("a", "b", ring_size=4096)
t = lab.traffic()
for name, src, dst in (("up", a, b), ("down", b, a)):
    packet = Ether(dst=dst.mac) / IP(src="10.0.0.1", dst="10.0.0.2") / UDP(dport=9000)
    t.add(lk.Stream(packet, size=128), on=src, to=dst, name=f"{{me}} {{name}}",
          rate="500 pps", count={count})"""
START = """\
def start():
    while not Path("start").exists():
        time.sleep(0.01)
    t.start()

threading.Thread(target=start).start()"""
END = """\
t.wait()
counted = json.loads(t.counters().to_json(orient="index"))
told = {"counters": counted, "balanced": t.ledger.is_balanced, "ledger": str(t.ledger)}
Path(f"{me}.json").write_text(json.dumps(told))"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for me in NAMES:
        begin = BEGIN.format(me=me, count=COUNT)
        write_notebook(tmp_path / f"{me}.ipynb", (begin, "t", START))
    return tmp_path


@pytest.fixture
def pages(folder: Path, browser: Browser) -> Iterator[dict[str, Page]]:
    """Both notebooks with their panels; flows begin when there is a file called "start"."""
    with over_folder(folder) as url, ExitStack() as stack:
        pages = {name: stack.enter_context(new_page(browser)) for name in NAMES}
        for name, page in pages.items():
            open_notebook(page, url, name)
        for page in pages.values():
            menu(page, "Run", "Run All Cells")
        yield pages


def states(page: Page) -> Locator:
    return page.locator(".lk-view .lk-state")


def counted(folder: Path, name: str) -> dict[str, Any]:
    """What its kernel wrote down in the end; the ledger's words where it does not balance."""
    told = json.loads((folder / f"{name}.json").read_text())
    assert told["balanced"], told["ledger"]
    counters: dict[str, Any] = told["counters"]
    return counters


def test_each_has_its_own_frames(folder: Path, pages: dict[str, Page]) -> None:
    east, west = pages.values()
    for page in (east, west):
        expect(states(page)).to_have_text(["stopped", "stopped"], timeout=PATIENT)
    (folder / "start").touch()
    for page in (east, west):
        expect(states(page)).to_have_text(["started", "started"], timeout=PATIENT)
    # What is pressed in one notebook acts on its own flows alone.
    east.get_by_role("button", name="Pause all").click()
    expect(states(east)).to_have_text(["paused", "paused"], timeout=PATIENT)
    assert set(states(west).all_inner_texts()) <= {"started", "done"}
    expect(states(west)).to_have_text(["done", "done"], timeout=PATIENT)
    expect(states(east)).to_have_text(["paused", "paused"])
    east.get_by_role("button", name="Resume all").click()
    total = f"{COUNT:,} frames in all"
    for name, page in pages.items():
        expect(states(page)).to_have_text(["done", "done"], timeout=PATIENT)
        expect(page.locator(".lk-flow-name")).to_have_text([f"{name} up", f"{name} down"])
        expect(page.get_by_title(total)).to_have_count(4)  # sent and received, of two flows
        page.screenshot(path=SCREENSHOTS / f"two_notebooks_{name}.png")
        run_cell(page, END)
    rows = [counted(folder, name) for name in NAMES]
    for name, flows in zip(NAMES, rows, strict=True):
        assert list(flows) == [f"{name} up", f"{name} down"]
        for row in flows.values():
            assert (row["sent"], row["received"]) == (COUNT, COUNT), row
            wrong = ("unsent", "behind", "lost", "reordered", "duplicated", "late")
            assert not any(row[field] for field in wrong), row
    # They did run at once.
    times = [(row["first_ns"], row["last_ns"]) for flows in rows for row in flows.values()]
    assert max(first for first, _ in times) < min(last for _, last in times)
