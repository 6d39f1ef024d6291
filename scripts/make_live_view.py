# SPDX-License-Identifier: BSD-3-Clause
"""Makes docs/live-view.png, the moving picture of the README: the dashboard of a lab in JupyterLab,
filmed in Chromium while an echo server answers, and refuses, frames. It wants a quiet machine.

    .venv/bin/python -m scripts.make_live_view
"""

import io
from pathlib import Path
from tempfile import TemporaryDirectory

from PIL import Image
from playwright.sync_api import Page, sync_playwright

from tests.browser.conftest import (
    CHROMIUM,
    CHROMIUM_FLAGS,
    _run_all,
    open_notebook,
    over_folder,
    write_notebook,
)

OUTPUT = Path(__file__).parents[1] / "docs/live-view.png"
WIDTH, HEIGHT = 1000, 2600
PICTURES, STEP = 30, 400  # so many, in ms from one to the next
COLORS = 200

SET_UP = """\
from scapy.all import IP, UDP, Ether
import labkit as lk

lab = lk.Lab()
client, server = lab.cable()
lab.echo_server(server, addresses=["10.0.0.2/24"], udp_port=9000)
traffic = lab.traffic()


def flow(name, packet, rate):
    stream = lk.Stream(Ether() / IP(src="10.0.0.1", dst="10.0.0.2") / packet, size=128)
    traffic.add(stream, on=client, to=client, name=name, rate=rate, overdue="catch_up")


flow("echo", UDP(dport=9000), "2 kpps")
flow("wrong port", UDP(dport=9), "300 pps")
flow("wrong checksum", UDP(dport=9000, chksum=1), "100 pps")
traffic.start();"""
VIEW = 'lk.dashboard(lab, "ports", "paths")'


def film(page: Page) -> list[Image.Image]:
    """Pictures of the view while it moves."""
    page.locator("svg text", has_text="drop_udp_no_listener").first.wait_for(timeout=120_000)
    page.wait_for_timeout(3_000)  # until the rates are steady
    page.mouse.move(0, 0)
    box = page.locator(".jp-Cell").nth(1).bounding_box()  # with what it shows
    assert box is not None
    box["height"] = min(box["height"], 800)
    pictures = []
    for _ in range(PICTURES):
        pictures.append(Image.open(io.BytesIO(page.screenshot(clip=box))).convert("RGB"))
        page.wait_for_timeout(STEP)
    return pictures


def main() -> None:
    """Writes the picture."""
    with TemporaryDirectory() as made, sync_playwright() as playwright:
        folder = Path(made)
        write_notebook(folder / "live.ipynb", [SET_UP, VIEW])
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=CHROMIUM_FLAGS)
        with over_folder(folder) as url:
            page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT})
            open_notebook(page, url, "live")
            page.keyboard.press("Control+b")  # the file browser
            _run_all(page)
            pictures = film(page)
        browser.close()
    palette = pictures[len(pictures) // 2].quantize(
        COLORS, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE
    )
    small = [p.quantize(palette=palette, dither=Image.Dither.NONE) for p in pictures]
    first, *others = small
    first.save(OUTPUT, save_all=True, append_images=others, duration=300, loop=0, optimize=True)
    print(f"{OUTPUT}: {OUTPUT.stat().st_size / 1e6:.2f} MB, {len(small)} pictures")


if __name__ == "__main__":
    main()
