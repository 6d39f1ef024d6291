# SPDX-License-Identifier: BSD-3-Clause
"""Controls of live traffic that are used while a cell runs: none is lost, none is done twice, and
the page shows none as done that is not."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.browser.conftest import SCREENSHOTS, menu, open_notebook, over_folder, write_notebook
from tests.patience import wait_until

PATIENT = 60_000
BEGIN = """\
import json, time
from pathlib import Path
import labkit as lk
from scapy.all import IP, UDP, Ether
lab = lk.Lab()
east, west = lab.cable("east", "west")
t = lab.traffic()
stream = lk.Stream(Ether() / IP(src="10.0.0.1", dst="10.0.0.2") / UDP(dport=9000), size=128)
up = t.add(stream, on=east, to=west, name="up", rate="200 pps", overdue="catch_up")
down = t.add(stream, on=west, to=east, name="down", rate="50 pps")

def note(what, **more):
    with open("log.jsonl", "a") as log:
        log.write(json.dumps({"what": what, "at": time.time(), **more}) + "\\n")

def change(kind, flows, change=t.change):
    flows = list(flows)
    change(kind, flows)  # returns when the engine has taken it
    note(kind, flows=[flow.name for flow in flows], rate=str(up.rate))

t.change = change"""
WAITING = """\
note("began")
while not Path("go").exists():
    time.sleep(0.02)
Path("go").unlink()
note("ended")"""
CELLS = (BEGIN, "t", "t.start()", WAITING)
SETTINGS = "@jupyterlab/apputils-extension/kernels-settings.jupyterlab-settings"
# Where JupyterLab sends what a page tells the kernel: to a subshell, which may hear it while a cell
# runs, or to the main thread, which never does.
AT_ONCE_PERHAPS, AFTER_THE_CELL = "perCommTarget", "disabled"


class Panel:
    """A notebook with a panel, and what the engine was told, which the kernel writes down."""

    def __init__(self, page: Page, folder: Path, way: str) -> None:
        self.page, self.folder, self.way = page, folder, way
        self.told = page.locator(".lk-told")
        self.slider = page.get_by_role("slider", name="rate of up")
        self.typed = page.get_by_label("rate of up, typed")

    def log(self) -> list[dict[str, Any]]:
        path = self.folder / "log.jsonl"
        lines = path.read_text().splitlines(keepends=True) if path.exists() else []
        return [json.loads(line) for line in lines if line.endswith("\n")]

    def changes(self, since: int = 0) -> list[tuple[str, list[str]]]:
        """What the engine has done: of some flows at least, since a line of the log."""
        told = [line for line in self.log()[since:] if line.get("flows")]
        return [(line["what"].removeprefix("LK_FLOW_"), line["flows"]) for line in told]

    def rates(self, since: int) -> list[str]:
        return [line["rate"] for line in self.log()[since:] if line["what"] == "LK_FLOW_SET"]

    def count(self, what: str) -> int:
        return sum(line["what"] == what for line in self.log())

    def begin_cell(self) -> int:
        """Runs the cell that waits; the number of lines in the log."""
        began = self.count("began")
        self.page.locator(".jp-CodeCell").last.locator(".cm-content").click()
        self.page.keyboard.press("Control+Enter")
        wait_until(lambda: self.count("began") > began)
        return len(self.log())

    def end_cell(self) -> None:
        ended = self.count("ended")
        (self.folder / "go").touch()
        wait_until(lambda: self.count("ended") > ended)

    def press(self, name: str) -> None:
        self.page.get_by_role("button", name=name).click()

    def state(self, flow: str) -> Locator:
        field = self.page.get_by_label(f"rate of {flow}, typed")
        return self.page.locator(".lk-view tbody tr", has=field).locator(".lk-state")

    def sent_pps(self) -> float:
        """What the generator's counters tell of the flow "up"."""
        row = self.page.locator(".lk-view tbody tr", has=self.typed)
        found = re.match(r"([\d.]+) pps", row.locator("td").nth(1).inner_text())
        return float(found[1]) if found else 0.0

    def pause_and_resume(self) -> None:
        """After that all that was asked before is done."""
        self.press("Pause up")
        expect(self.state("up")).to_have_text("paused", timeout=PATIENT)
        self.press("Resume up")
        expect(self.state("up")).to_have_text("started", timeout=PATIENT)

    def must_wait(self, since: int) -> bool:
        """Whether all that was asked waits for certain. The page says what does, whichever way."""
        wait_until(lambda: bool(self.changes(since)) or "waits" in self.told.inner_text())
        if self.way == AT_ONCE_PERHAPS:
            return False
        assert self.changes(since) == [], "a cell runs"
        return True


@pytest.fixture(scope="module", params=[AT_ONCE_PERHAPS, AFTER_THE_CELL])
def panel(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, browser: Browser
) -> Iterator[Panel]:
    """The tests of this file go through it in order; each leaves both flows started."""
    folder = tmp_path_factory.mktemp("controls")
    write_notebook(folder / "controls.ipynb", CELLS)
    settings = tmp_path_factory.mktemp("settings")
    (settings / SETTINGS).parent.mkdir(parents=True)
    (settings / SETTINGS).write_text(json.dumps({"commsOverSubshells": request.param}))
    (folder / "go").touch()  # the cell that waits need not, the first time
    with over_folder(folder, f"--LabApp.user_settings_dir={settings}") as url:
        page = browser.new_page(viewport={"width": 1280, "height": 1600})
        errors: list[str] = []
        page.on("pageerror", lambda error: errors.append(str(error)))
        open_notebook(page, url, "controls")
        menu(page, "Run", "Run All Cells")
        page.locator(".lk-view").wait_for(timeout=PATIENT)
        made = Panel(page, folder, request.param)
        wait_until(lambda: made.count("ended") == 1)
        expect(made.state("down")).to_have_text("started", timeout=PATIENT)
        yield made
        page.close()
        assert errors == []


def test_a_button_that_is_pressed_while_a_cell_runs(panel: Panel) -> None:
    since = panel.begin_cell()
    panel.press("Pause up")
    must_wait = panel.must_wait(since)
    shown = panel.state("up").inner_text()
    if shown == "paused":
        assert panel.changes(since) == [("PAUSE", ["up"])]
    if must_wait:
        assert shown == "started"
        panel.page.screenshot(path=SCREENSHOTS / "traffic_waits.png")
    panel.end_cell()
    expect(panel.state("up")).to_have_text("paused", timeout=PATIENT)
    assert panel.changes(since) == [("PAUSE", ["up"])]
    expect(panel.told).to_have_text("", timeout=PATIENT)
    panel.press("Resume up")
    expect(panel.state("up")).to_have_text("started", timeout=PATIENT)
    assert panel.changes(since) == [("PAUSE", ["up"]), ("RESUME", ["up"])]  # once each


def test_many_buttons_act_in_their_order(panel: Panel) -> None:
    """Those that the last one does not make good, too."""
    since, both = panel.begin_cell(), ["up", "down"]
    for button in ("Pause all", "Resume all", "Clear all", "Pause down"):
        panel.press(button)
    panel.must_wait(since)
    panel.end_cell()
    expect(panel.state("down")).to_have_text("paused", timeout=PATIENT)
    expect(panel.state("up")).to_have_text("started", timeout=PATIENT)
    expect(panel.told).to_have_text("", timeout=PATIENT)
    panel.press("Resume down")
    expect(panel.state("down")).to_have_text("started", timeout=PATIENT)
    done = panel.changes(since)
    assert done.count(("CLEAR", both)) == 1, done
    assert len(set(map(str, done))) == len(done), "once each"
    if panel.way == AFTER_THE_CELL:
        expected = [("PAUSE", both), ("RESUME", both), ("CLEAR", both), ("PAUSE", ["down"])]
        assert done == [*expected, ("RESUME", ["down"])]
    # Else some may overtake others: those that wait for the cell do no more than still holds then.


def test_a_slider_that_is_moved_while_a_cell_runs(panel: Panel) -> None:
    before = panel.typed.input_value()
    since, moves = panel.begin_cell(), 20
    for _ in range(moves):
        panel.slider.press("ArrowRight")
    wanted = panel.typed.input_value()
    assert wanted != before
    must_wait = panel.must_wait(since)
    assert panel.typed.input_value() == wanted
    panel.end_cell()
    wait_until(lambda: panel.rates(since)[-1:] == [wanted])
    expect(panel.told).to_have_text("", timeout=PATIENT)
    expect(panel.typed).to_have_value(wanted)
    told = panel.rates(since)
    # While the first waits the others make room for the last.
    assert len(told) == 2 if must_wait else 1 <= len(told) <= moves, told
    panel.pause_and_resume()
    assert panel.rates(since) == told


def test_of_many_fast_moves_the_last_is_set(panel: Panel) -> None:
    """No cell runs. However fast they come, the engine is told of two at most."""
    since = len(panel.log())
    panel.slider.evaluate(
        """(slider) => {
            for (let n = 1; n <= 50; n++) {
                slider.value = String(+slider.value - 0.01);
                slider.dispatchEvent(new Event("input", { bubbles: true }));
            }
            slider.dispatchEvent(new Event("change", { bubbles: true }));
        }"""
    )
    wanted = panel.typed.input_value()
    wait_until(lambda: panel.rates(since)[-1:] == [wanted])
    pps = float(wanted.removesuffix(" pps"))
    wait_until(lambda: abs(panel.sent_pps() / pps - 1) < 0.1)
    panel.pause_and_resume()
    assert len(panel.rates(since)) <= 2


def test_keys_move_the_slider_and_are_not_jupyterlabs(panel: Panel) -> None:
    """M would turn the cell into Markdown, and arrows would choose another cell."""
    panel.begin_cell()  # JupyterLab is in its command mode
    panel.end_cell()
    since, low = len(panel.log()), panel.typed.input_value()
    expect(panel.page.locator(".jp-Notebook.jp-mod-commandMode")).to_be_visible()
    for key in ("m", "ArrowRight", "ArrowUp", "ArrowLeft"):
        panel.slider.press(key)
    wanted = panel.typed.input_value()
    assert wanted != low
    wait_until(lambda: panel.rates(since)[-1:] == [wanted])
    panel.pause_and_resume()  # the first key's rate is the last one's: others may be under way
    expect(panel.page.locator(".jp-CodeCell")).to_have_count(len(CELLS))


def test_what_waits_for_a_kernel_that_is_restarted_is_not_done(panel: Panel) -> None:
    """And the page says so, rather than to go on waiting. The last test: the lab is gone."""
    since = panel.begin_cell()
    known = panel.typed.input_value()
    panel.press("Pause up")
    panel.typed.fill("123 pps")
    panel.typed.press("Enter")
    must_wait = panel.must_wait(since)
    menu(panel.page, "Kernel", "Restart Kernel…")
    panel.page.get_by_role("button", name="Confirm Kernel Restart").click()
    if must_wait:
        expect(panel.told).to_contain_text("not done", timeout=PATIENT)
        expect(panel.typed).to_have_value(known)
        assert panel.changes(since) == []
    panel.page.get_by_text(re.compile(r"\| Idle$")).wait_for(timeout=PATIENT)
    panel.press("Stop all")
    expect(panel.told).to_contain_text("not done", timeout=PATIENT)
