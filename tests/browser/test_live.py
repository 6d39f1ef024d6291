# SPDX-License-Identifier: BSD-3-Clause
"""Live views in JupyterLab: they move while a cell runs, obey, survive, and leave a picture."""

import re
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest
from nbconvert import HTMLExporter
from papermill.iorw import load_notebook_node
from papermill.parameterize import parameterize_notebook
from playwright.sync_api import Browser, Locator, Page, expect

from tests.browser.conftest import (
    ROOT,
    SCREENSHOTS,
    menu,
    new_page,
    open_notebook,
    over_folder,
    run_notebook,
    wait_for_none,
    write_notebook,
)

BEGIN = """\
import threading, time
import labkit as lk
from tests.frames import *
lab = lk.Lab()
client, server = lab.cable()
lab.echo_server(server, ["10.0.0.2/24", "fd00::2/64"], udp_port=9000)
ip = Ether(src=client.mac, dst=server.mac) / IP(src="10.0.0.1", dst="10.0.0.2")
good = bytes(ip / UDP(sport=40000, dport=9000) / Raw(b"x" * 18))
nobody = bytes(ip / UDP(sport=40000, dport=9) / Raw(b"x" * 18))
ping = bytes(ip / ICMP(id=1))

def traffic():
    while lab.is_alive:
        try:
            client.send([good] * 100 + [nobody] * 8 + [ping] * 5)
            client.receive(105, timeout=0.01, raw=True)
        except lk.LabError:
            return
        time.sleep(0.01)

threading.Thread(target=traffic, daemon=True).start()"""
CELLS = (
    BEGIN,
    'view = lk.watch(lab, "port/*/*_good_packets", title="both ports")\nview',
    "board = lk.dashboard(lab)\nboard",
    "try:\n    time.sleep(3600)\nexcept KeyboardInterrupt:\n    print('interrupted')",
)

LESSON = "06_live_xstats"
BOARD = Path(__file__).with_name("board.js").read_text()
MOVING = 8  # frames of two views in 3 s; 60 is usual, 6 come to views that are out of sight


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("live")
    write_notebook(folder / "live.ipynb", CELLS)
    lesson = load_notebook_node(str(ROOT / "notebooks" / f"{LESSON}.ipynb"))
    quick = parameterize_notebook(lesson, {"seconds": 2, "hours_a_second": 24})
    nbformat.write(quick, folder / f"{LESSON}.ipynb")
    return folder


@pytest.fixture(scope="module")
def server(folder: Path) -> Iterator[str]:
    """A JupyterLab over a folder of the test's own, since it saves its notebook."""
    with over_folder(folder) as url:
        yield url


@pytest.fixture(scope="module")
def page(server: str, browser: Browser) -> Iterator[Page]:
    """The notebook with its last cell at work; the tests of this file go through it in order."""
    page = browser.new_page(viewport={"width": 1280, "height": 2300})
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.add_init_script(
        "window.painted = [];"
        "addEventListener('labkit-painted', (e) => painted.push([Date.now() / 1000, e.detail.x]));"
    )
    open_notebook(page, server, "live")
    menu(page, "Run", "Run All Cells")
    page.locator(".lk-view").nth(1).wait_for(timeout=60_000)
    yield page
    page.close()
    assert errors == []


def chart(page: Page) -> Locator:
    return page.locator(".lk-view").first


def board(page: Page) -> Locator:
    return page.locator(".lk-view").nth(1)


def frames(page: Page, seconds: float) -> list[list[float]]:
    """When frames were painted meanwhile, and the time of their newest point."""
    page.evaluate("painted.length = 0")
    page.wait_for_timeout(seconds * 1000)
    times: list[list[float]] = page.evaluate("painted")
    return times


def wait_until_moving(page: Page) -> None:
    """Fails when the views do not paint as often as views in sight do.

    JupyterLab moves the page when a cell has run, some time later; so they are kept in sight.
    """
    page.evaluate("painted.length = 0")
    often = """(n) => {
        document.querySelectorAll(".lk-view")[1].scrollIntoView({ block: "nearest" });
        return painted.length >= n && painted.at(-1)[0] - painted.at(-n)[0] < 3;
    }"""
    page.wait_for_function(often, arg=MOVING, timeout=30_000)


def test_lesson_runs(server: str, browser: Browser) -> None:
    """In less time than with its own parameters."""
    with new_page(browser) as page:
        run_notebook(page, server, LESSON)


def test_lines_move_while_a_cell_runs(page: Page) -> None:
    expect(page.get_by_text(re.compile(r"\| Busy$"))).to_be_visible()
    canvas = chart(page).locator("canvas")
    before = canvas.evaluate("(c) => c.toDataURL()")
    page.evaluate("painted.length = 0")
    page.wait_for_function("new Set(painted.map(([_, x]) => x)).size >= 8", timeout=10_000)
    assert canvas.evaluate("(c) => c.toDataURL()") != before
    rates = chart(page).locator(".lk-value").all_inner_texts()
    assert len(rates) == 4
    assert all(re.fullmatch(r"[\d.]+ k?pps", rate) and rate != "0 pps" for rate in rates), rates


def test_pixels_follow_the_counters_soon(page: Page) -> None:
    """The last points are young when they are painted: nothing queues up anywhere."""
    ages = sorted(now - x for now, x in frames(page, 1))
    assert ages[len(ages) // 2] < 3.0, ages


def test_dashboard_shows_the_path_at_work(page: Page) -> None:
    path = board(page).locator(".lk-path").first
    expect(path.locator("g[data-node=udp_echo] .counts")).to_have_text(
        re.compile(r"kpps · [\d.,k ]+ cycles")
    )
    expect(path.locator("g[data-node=arp_responder] .counts")).to_have_text(re.compile("pps"))
    expect(path.locator("g.lk-flows").first).to_be_visible()
    expect(path.locator(".lk-drop")).to_have_text(re.compile(r"drop_udp_no_listener +[\d.]+ k?pps"))
    path.locator("g[data-node=refuse]").click()
    detail = path.locator(".lk-detail")
    expect(detail).to_contain_text("frames a call")
    expect(detail).to_contain_text("Drops every frame under the reason why")
    expect(board(page).get_by_role("table", name="Ports")).to_contain_text("kpps")
    meter = board(page).get_by_role("meter", name="busy share of lcore 1")
    expect(meter).to_have_text(re.compile("%"))
    page.screenshot(path=SCREENSHOTS / "live_light.png")


def test_legend_and_table_tell_one_number_of_one_counter(page: Page) -> None:
    """And what enters a node is the sum of its edges, in the same paint."""
    told = board(page).evaluate(BOARD)
    assert re.fullmatch(r"means of the last [\d.]+ s", told["when"])
    for name, value in told["legend"].items():
        _, port, counter = name.split("/")
        assert told["ports"][port][0 if counter.startswith("rx") else 2] == value
    # Lines that lie on each other take turns: each colour of the legend is on the canvas.
    assert "=" in told["alike"]
    assert min(told["pixels"]) > 20, told["pixels"]


def test_drops_stand_at_their_node(page: Page) -> None:
    path = board(page).locator(".lk-path").first
    group = path.locator('g[data-drop="refuse/drop_udp_no_listener"]')
    expect(group.locator(".lk-drop")).to_have_text(re.compile(r"pps$"))
    edge = path.locator(
        "g[data-edge].lk-flows", has=page.locator("title", has_text="refuse refused")
    )
    expect(edge.locator(".rate")).to_have_text(re.compile(r"pps$"))


def test_pictures_stay_legible_on_a_narrow_page(page: Page) -> None:
    size = page.viewport_size
    assert size is not None
    page.set_viewport_size({"width": 800, "height": 2300})
    frames(page, 1)
    scale = "(svg) => svg.getBoundingClientRect().width / svg.viewBox.baseVal.width"
    wait_for_none(board(page).locator(".lk-drawing svg").first, f"(svg) => ({scale})(svg) < 0.85")
    page.screenshot(path=SCREENSHOTS / "live_narrow.png")
    page.set_viewport_size(size)
    frames(page, 1)


def test_dark_theme(page: Page) -> None:
    menu(page, "Settings", "Theme", "JupyterLab Dark")
    expect(board(page)).to_have_class("lk-view lk-dark", timeout=20_000)
    frames(page, 1)
    page.screenshot(path=SCREENSHOTS / "live_dark.png")
    menu(page, "Settings", "Theme", "JupyterLab Light")
    expect(board(page)).to_have_class("lk-view", timeout=20_000)


def test_stop_button_works_while_a_cell_runs(page: Page) -> None:
    expect(page.get_by_text(re.compile(r"\| Busy$"))).to_be_visible()
    chart(page).get_by_role("button", name="Stop").click()
    frames(page, 0.3)
    canvas = chart(page).locator("canvas")
    before = canvas.evaluate("(c) => c.toDataURL()")
    frames(page, 1)
    assert canvas.evaluate("(c) => c.toDataURL()") == before
    chart(page).get_by_role("button", name="Start").click()
    frames(page, 1)
    assert canvas.evaluate("(c) => c.toDataURL()") != before


def test_keys_are_the_views_own_and_ctrl_s_is_jupyterlabs(page: Page) -> None:
    code = page.locator(".jp-CodeCell").count()
    chart(page).locator(".lk-chart").focus()
    page.keyboard.press("m")  # in JupyterLab: make it a Markdown cell
    page.keyboard.press("ArrowLeft")
    expect(chart(page).locator(".lk-follow")).to_have_attribute("aria-pressed", "false")
    page.keyboard.press("End")
    assert page.locator(".jp-CodeCell").count() == code
    page.keyboard.press("Control+s")
    expect(page.locator(".jp-DirtyIndicator, .jp-mod-dirty")).to_have_count(0, timeout=10_000)


def test_view_survives_an_interrupt(page: Page) -> None:
    menu(page, "Kernel", "Interrupt Kernel")
    page.get_by_text("interrupted", exact=True).wait_for(timeout=20_000)
    wait_until_moving(page)


def test_trace_from_the_picture(page: Page) -> None:
    trace = board(page).locator(".lk-trace")
    for _ in range(5):  # the next frame may be an answer, which is under way to the client
        board(page).get_by_role("button", name="Trace a frame").click()
        expect(trace.locator("table")).to_contain_text("frame 0", timeout=15_000)
        if "udp_echo" in trace.inner_text():
            break
        trace.get_by_role("button", name="Close").click()
    expect(trace.locator("table")).to_contain_text("udp_echo")
    expect(board(page).locator("g.lk-passed").first).to_be_visible()
    page.screenshot(path=SCREENSHOTS / "live_trace.png")
    trace.get_by_role("button", name="Close").click()


def test_counters_are_chosen_in_the_view(page: Page) -> None:
    chart(page).get_by_role("button", name="Counters").click()
    page.keyboard.type("pool in_use")
    chart(page).locator(".lk-choice input").first.check()
    expect(chart(page).locator(".lk-value")).to_have_count(5, timeout=10_000)
    chart(page).get_by_role("button", name="Done").click()


def run_cell(page: Page, code: str) -> None:
    """A new cell at the end, taken away again when it has run."""
    page.locator(".jp-CodeCell").last.locator(".cm-content").click()
    page.keyboard.press("Escape")
    page.keyboard.press("b")
    page.keyboard.press("Enter")
    page.keyboard.insert_text(f"{code}\nprint('cell is done')")
    page.keyboard.press("Control+Enter")
    page.get_by_text("cell is done", exact=True).last.wait_for(timeout=20_000)
    page.keyboard.press("Escape")
    page.keyboard.press("d")
    page.keyboard.press("d")
    page.get_by_text("cell is done", exact=True).wait_for(state="detached")


def test_closed_lab_leaves_pictures_in_notebook_and_export(
    page: Page, folder: Path, browser: Browser
) -> None:
    run_cell(page, "lab.close()")
    expect(page.locator(".lk-view")).to_have_count(0, timeout=10_000)
    expect(page.locator(".jp-OutputArea-output img[src^='data:image/png']").first).to_be_visible()
    page.keyboard.press("Control+s")
    page.wait_for_timeout(1500)
    saved = nbformat.read(folder / "live.ipynb", as_version=4)
    shown = [o.data for cell in saved.cells[1:3] for o in cell.outputs]
    assert all("image/png" in data for data in shown)
    assert not any("application/vnd.jupyter.widget-view+json" in data for data in shown)
    (folder / "live.html").write_text(HTMLExporter().from_notebook_node(saved)[0])
    exported = browser.new_page(java_script_enabled=False, viewport={"width": 1100, "height": 1800})
    exported.route(
        re.compile("^http"), lambda route: route.abort()
    )  # it needs nothing from outside
    exported.goto((folder / "live.html").as_uri())
    exported.screenshot(path=SCREENSHOTS / "live_exported.png")
    assert exported.locator("img[src^='data:image']").count() >= 4
    exported.close()


def test_restarted_kernel_begins_again(page: Page) -> None:
    menu(page, "Kernel", "Restart Kernel and Run All Cells…")
    page.get_by_role("button", name="Confirm Kernel Restart").click()
    page.locator(".lk-view").nth(1).wait_for(timeout=60_000)
    wait_until_moving(page)
    menu(page, "Kernel", "Restart Kernel…")
    page.get_by_role("button", name="Confirm Kernel Restart").click()
    page.get_by_text(re.compile(r"\| Idle$")).wait_for(timeout=60_000)
    expect(page.locator(".lk-view").first).to_be_visible()  # what was drawn stays


def test_page_that_is_loaded_anew_gets_the_history(page: Page, server: str) -> None:
    menu(page, "Kernel", "Interrupt Kernel")  # of a cell that waits, what is run next would stand
    menu(page, "Run", "Run All Cells")
    # What an earlier kernel drew stays until its cell runs again. The next cell waits.
    prompt = page.locator(".jp-CodeCell").nth(2).locator(".jp-InputPrompt")
    expect(prompt).to_have_text("[*]:")
    expect(prompt).to_have_text(re.compile(r"\[\d+\]:"), timeout=60_000)
    menu(page, "Kernel", "Interrupt Kernel")
    page.get_by_text("interrupted", exact=True).wait_for(timeout=20_000)
    wait_until_moving(page)
    page.keyboard.press("Control+s")
    page.wait_for_timeout(1000)
    page.reload()
    open_notebook(page, server, "live")
    page.locator(".lk-view").nth(1).wait_for(timeout=60_000)
    wait_until_moving(page)
    page.screenshot(path=SCREENSHOTS / "live_reloaded.png")
    run_cell(page, "view.mark('from the beginning')")
    wait_until_moving(page)
