# SPDX-License-Identifier: BSD-3-Clause
"""What live views of 8 lines cost the kernel, the wire and the page of a JupyterLab."""

import os
import re
import sys
import tempfile
import time
from pathlib import Path

import nbformat
import numpy as np
from playwright.sync_api import Page, WebSocket, sync_playwright

from tests.browser.conftest import CHROMIUM, CHROMIUM_FLAGS, ROOT, free_port, jupyterlab

SECONDS = 20
VIEW = """\
import time
import labkit as lk
lab = lk.Lab()
lab.cable()
lab.cable("left", "right")
view = lk.watch(lab, "port/*/[rt]x_good_packets")
view"""
TRAFFIC = """\
import time
import labkit as lk
from scapy.all import IP, UDP, Ether
lab = lk.Lab()
a, b = lab.cable()
traffic = lab.traffic()
packet = Ether() / IP(src="10.0.0.1", dst="10.0.0.2") / UDP(dport=9)
for n in range(4):
    traffic.add(lk.Stream(packet), on=a, to=b, rate=1000 * (n + 1), name=f"flow{n}")
traffic.start()
traffic"""
SETTLE = "time.sleep(60)"  # until 600 points are there
MEASURE = f"""\
begin = time.process_time()
time.sleep({SECONDS})
print("CPU seconds:", time.process_time() - begin)
lab.close()"""


def measure(begin: str) -> dict[str, float]:
    """Of a view that this cell begins: CPU of the kernel (%), bytes of an update, page frames/s, ms
    from a count to its pixel."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        book = nbformat.v4.new_notebook()
        book.metadata["kernelspec"] = {"name": "python3", "display_name": "", "language": "python"}
        book.cells = [nbformat.v4.new_code_cell(cell) for cell in (begin, SETTLE, MEASURE)]
        nbformat.write(book, folder / "live.ipynb")
        port = free_port()
        command = [
            *(str(Path(sys.executable).with_name("jupyter")), "lab", "--no-browser"),
            *("--allow-root", "--ip=127.0.0.1", f"--port={port}", f"--notebook-dir={folder}"),
        ]
        os.environ["PYTHONPATH"] = str(ROOT)
        with jupyterlab(command, port, folder / "log") as url, sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=CHROMIUM_FLAGS)
            found = _watch(browser.new_page(viewport={"width": 1200, "height": 1200}), url)
            browser.close()
        return found


def _watch(page: Page, url: str) -> dict[str, float]:
    sizes: list[int] = []

    def listen(socket: WebSocket) -> None:
        socket.on(
            "framereceived",
            lambda data: sizes.append(len(data)) if b"points" in _bytes(data) else None,
        )

    page.on("websocket", listen)
    page.add_init_script(
        "window.painted = []; window.frames_seen = 0;"
        "addEventListener('labkit-painted', (e) => painted.push([Date.now(), e.detail.x * 1000]));"
        "const count = () => { frames_seen += 1; requestAnimationFrame(count); }; count();"
    )
    token = url.split("token=")[1]
    page.goto(f"{url.split('/lab')[0]}/lab/tree/live.ipynb?token={token}&reset")
    page.get_by_text(re.compile(r"\| Idle$")).wait_for(timeout=60_000)
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_text("Run All Cells", exact=True).click()
    page.locator(".lk-view").wait_for(timeout=60_000)
    page.wait_for_timeout(61_000)
    sizes.clear()
    page.evaluate("painted.length = 0; frames_seen = 0")
    begin = time.monotonic()
    page.wait_for_timeout((SECONDS - 2) * 1000)
    frames = page.evaluate("frames_seen") / (time.monotonic() - begin)
    painted = np.array(page.evaluate("painted"))
    update = float(np.mean(sizes))
    said = page.locator(".jp-OutputArea-output").get_by_text("CPU seconds")
    said.wait_for(timeout=60_000)
    cpu = float(said.inner_text().split(":")[1]) / SECONDS * 100
    latency = _latency_ms(painted)
    return {
        "cpu": cpu,
        "bytes": update,
        "frames": frames,
        "median": float(np.median(latency)),
        "p99": float(np.percentile(latency, 99)),
    }


def _latency_ms(painted: "np.ndarray[tuple[int, int], np.dtype[np.float64]]") -> np.ndarray:
    """For counts at any moment: how long until a point of a later sample is painted."""
    when, newest = painted[:, 0], np.maximum.accumulate(painted[:, 1])
    counted = np.arange(newest[0], newest[-1], 5.0)
    return when[np.searchsorted(newest, counted)] - counted


def _bytes(data: str | bytes) -> bytes:
    return data.encode() if isinstance(data, str) else data
