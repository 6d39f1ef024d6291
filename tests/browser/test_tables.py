# SPDX-License-Identifier: BSD-3-Clause
"""Every table is within reach in windows of usual and of small width: no column is lost at the
right, digits stand below each other, names are not broken over lines."""

import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import numpy as np
import pandas as pd
import pytest
from nbformat.sign import NotebookNotary
from playwright.sync_api import Browser, Page
from scapy.layers.inet import IP, TCP
from scapy.layers.l2 import Ether
from scapy.packet import Raw

import labkit as lk
from labkit.datasets import dataset
from labkit.lab.trace import trace_html
from labkit.lab.trace_step import Step
from labkit.notebooks.parameters import Parameters
from labkit.notebooks.records import Check, CheckList
from labkit.notebooks.report.results import load_run
from labkit.notebooks.report.site import write_comparison
from labkit.results.latency import LatencyHistogram
from labkit.runs.echo_run import EchoSize
from labkit.widgets.bundle import bundle
from tests.browser.conftest import ROOT, SCREENSHOTS, free_port, jupyterlab

LOOK = (Path(__file__).parent / "tables.js").read_text()
LOOK = LOOK[LOOK.index("(within)") :]
HARNESS = (Path(__file__).parent / "harness.js").read_text()
MACS = {"local_mac": "02:00:00:00:00:01", "remote_mac": "02:00:00:00:00:02"}
OUTPUTS = ".jp-OutputArea-output"
WIDTHS = (1280, 800)
SCREEN, PROJECTOR = 1, 1.5  # pixels a CSS pixel; 1,024 x 768 at 150 % is 683 wide
THEMES = {"light": "JupyterLab Light", "dark": "JupyterLab Dark"}


def echo() -> lk.EchoRun:
    """Short and long round trips, and a size that nobody answered."""
    trips = [np.array(ns) for ns in ([120, 190], [1_234_567, 88_145_919], [])]
    sizes = [
        EchoSize(18 + 1400 * n, lk.Ledger(2_000_000, 2_000_000, 2), 0, n, 0, n, trip)
        for n, trip in enumerate(trips)
    ]
    return lk.EchoRun("10.0.0.2", 7, "10.0.0.1", "a", sizes)


def sweep(config: str, factor: float) -> lk.Results:
    """Every column that is shown, most of them with numbers of their own."""
    draw = np.random.default_rng(1)
    rows = [
        {
            **{"config": config, "size_bytes": size, "mix": mix, "target_pps": rate},
            **{"tx_pps": rate * draw.random(), "rx_pps": factor * rate * draw.random()},
            **{"drop_percent": draw.random(), "unsent": n, "lost": 10**n, "unexplained": 0},
            **{"port_drops": 0, "nic_imissed": 31_667 * n, "nic_ierrors": n, "nic_nombuf": 2 * n},
            **{"app_drops": 9 * n, "latency_p50_ns": 1e5 * n, "latency_p99_ns": 2.5e7 / n},
            **{"generator_limited": n % 2 == 0, "balanced": True},
        }
        for size, mix in ((64, None), (lk.IMIX.mean, "IMIX"))
        for rate in (70_000, 1_488_095)
        for n in range(1, 4)
    ]  # fmt: skip
    return lk.Results.from_rows(rows)


def steps() -> list[Step]:
    frame = bytes(Ether() / IP(src="10.0.0.1", dst="10.0.0.2") / TCP() / Raw(b"x" * 200))
    other = frame[:20] + b"\xff" + frame[21:]
    nodes = ("inject:client", "udp_echo", "drop_udp_no_listener")
    return [
        Step(0, "echo:server", node, 1_000_000_000 + 120 * n, len(frame), frame, other)
        for n, node in enumerate(nodes)
    ]


def shown() -> dict[str, Any]:
    """What labkit shows as a table, by its name; those of ROOMY fit in 1,280 pixels."""
    whole, other = sweep("labkit-echo", 1.0), sweep("python-echo", 0.5)
    runs = [load_run(ROOT / "notebooks/runs" / f"{n}.zip") for n in ("two_cpus", "one_cpu")]
    latency = LatencyHistogram.from_export(
        LatencyHistogram(np.bincount([900]), 450, 450, 450).export()
    )
    tunnel = lk.Vxlan(vni=42, local="192.0.2.1", remote="192.0.2.2", **MACS)
    frame = tunnel.encap(Ether() / IP() / TCP(options=[("MSS", 1460)]) / Raw(b"hello" * 30))
    deviations = lk.Table(pd.read_csv(dataset("tunnel_deviations.csv")))
    comparison = runs[1].compare(runs[0])
    checks = [Check("a check with a name", "passed"), Check("no", "failed", "1 == 2\n" * 3)]
    return {
        "echo": echo(),
        "sweep": whole,
        "compare": lk.compare(whole, other),
        "deviations": deviations[
            ["deviation", "what", "rfc", "linux", "ovs", "linux_device", "open_vswitch"]
        ],
        "results": lk.load("datasets/udp_echo_ec2"),
        "echo.table": echo().table,
        "sweep.table": whole.table,
        "explain": lk.explain(frame),
        "trace": trace_html(steps()),
        "ledger": lk.Ledger(3_000_000, 3_000_000, 1, {"drop_udp_bad_checksum": 2_999_999}),
        "latency": latency,
        "latency.table": latency.table,
        "runs": comparison,
        "runs.table": comparison.table,
        "environment": comparison.environment_table,
        "doctor": lk.doctor(),
        "checks": CheckList(checks),
        "parameters": Parameters({"rate": lk.param("700 kpps", "of all streams " * 9)}),
    }


# With numbers as large as these, what follows the verdict of "compare" is scrolled to
ROOMY = ("echo", "sweep", "results", "explain", "ledger", "runs", "doctor")


@pytest.fixture(scope="module")
def tables() -> dict[str, str]:
    return {n: t if isinstance(t, str) else t._repr_html_() for n, t in shown().items()}


@pytest.fixture(scope="module")
def server(tables: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A JupyterLab with two notebooks of all tables: one that is trusted, and one that is not."""
    folder = tmp_path_factory.mktemp("tables")
    book = nbformat.v4.new_notebook()
    book.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3 (ipykernel)"}
    for name, html in tables.items():
        output = nbformat.v4.new_output("display_data", {"text/html": html})
        book.cells.append(nbformat.v4.new_code_cell(name, outputs=[output]))
    nbformat.write(book, folder / "foreign.ipynb")
    book.metadata["mine"] = True
    nbformat.write(book, folder / "mine.ipynb")
    (folder / "data").mkdir()
    notary = NotebookNotary(data_dir=str(folder / "data"))
    notary.sign(nbformat.read(folder / "mine.ipynb", as_version=4))
    notary.store.close()
    port = free_port()
    command = [
        *(str(Path(sys.executable).with_name("jupyter")), "lab", "--no-browser", "--allow-root"),
        *("--ip=127.0.0.1", f"--port={port}", f"--notebook-dir={folder}"),
    ]
    kept = os.environ.get("JUPYTER_DATA_DIR")
    os.environ["JUPYTER_DATA_DIR"] = str(folder / "data")
    try:
        with jupyterlab(command, port, folder / "log") as url:
            yield url
    finally:
        del os.environ["JUPYTER_DATA_DIR"]
        if kept is not None:
            os.environ["JUPYTER_DATA_DIR"] = kept


def opened(browser: Browser, server: str, name: str, tables: dict[str, str], scale: float) -> Page:
    """A notebook, once all its tables are there."""
    page = browser.new_page(
        viewport={"width": WIDTHS[0], "height": 7000}, device_scale_factor=scale
    )
    base, token = server.split("/lab")[0], server.split("token=")[1]
    page.goto(f"{base}/lab/tree/{name}.ipynb?token={token}&reset")
    page.wait_for_selector(".jp-Notebook .jp-Cell", timeout=200_000)
    page.get_by_text(re.compile(r"\| Idle$|No Kernel")).first.wait_for(timeout=200_000)
    count = "".join(tables.values()).count("<table")
    page.wait_for_function(f"document.querySelectorAll('{OUTPUTS} table').length >= {count}")
    return page


@pytest.fixture(scope="module")
def mine(
    request: pytest.FixtureRequest, browser: Browser, server: str, tables: dict[str, str]
) -> Iterator[Page]:
    """The notebook that is trusted, on a screen and as projectors show it."""
    page = opened(browser, server, "mine", tables, request.param)
    yield page
    page.close()


def show(page: Page, width: int, theme: str) -> None:
    page.set_viewport_size({"width": width, "height": 7000})
    page.get_by_role("menuitem", name="Settings", exact=True).click()
    page.get_by_text("Theme", exact=True).hover()
    page.get_by_text(THEMES[theme], exact=True).click()
    light = str(theme == "light").lower()
    page.wait_for_selector(f"body[data-jp-theme-light={light}]", state="attached")
    page.wait_for_selector("#jupyterlab-splash", state="detached")  # which covers a change of theme


@pytest.mark.parametrize(
    ("mine", "width", "theme"),
    [(SCREEN, width, theme) for width in WIDTHS for theme in THEMES] + [(PROJECTOR, 683, "light")],
    indirect=["mine"],
)
def test_no_column_is_out_of_reach(
    mine: Page, width: int, theme: str, tables: dict[str, str]
) -> None:
    order = [name for name, html in tables.items() for _ in range(html.count("<table"))]
    show(mine, width, theme)
    found = mine.evaluate(LOOK, OUTPUTS)
    mine.screenshot(path=SCREENSHOTS / f"tables_{width}_{theme}.png")
    assert found["faults"] == []
    if width == WIDTHS[0]:
        narrow = [n for n, fits in zip(order, found["fits"], strict=True) if not fits]
        assert not set(narrow) & set(ROOMY)
    else:
        stays = {n for n, stays in zip(order, found["stays"], strict=True) if stays}
        assert {"echo", "sweep", "compare", "results", "explain"} <= stays


def test_a_notebook_that_is_not_trusted_loses_no_column(
    server: str, browser: Browser, tables: dict[str, str]
) -> None:
    """Its outputs lose the styles that JupyterLab does not know."""
    page = opened(browser, server, "foreign", tables, SCREEN)
    try:
        show(page, WIDTHS[1], "light")
        found = page.evaluate(LOOK, OUTPUTS)
    finally:
        page.close()
    faults = [fault for fault in found["faults"] if "broken over" not in fault]
    assert faults == []


@pytest.mark.parametrize("width", WIDTHS)
def test_reports_lose_no_column(width: int, page: Page, tmp_path: Path) -> None:
    runs = [load_run(ROOT / "notebooks/runs" / f"{n}.zip") for n in ("two_cpus", "one_cpu")]
    write_comparison(runs[1].compare(runs[0]), *runs, tmp_path / "comparison.html")
    page.set_viewport_size({"width": width, "height": 2000})
    page.goto((tmp_path / "comparison.html").as_uri())
    found = page.evaluate(LOOK, "body")
    page.screenshot(path=SCREENSHOTS / f"comparison_{width}.png")
    assert found["faults"] == []
    assert found["count"] >= 3


@pytest.mark.parametrize("width", [1000, 380])
def test_live_tables_lose_no_column(width: int, page: Page) -> None:
    ports = [
        {
            **{"name": f"a_port_{n}", "about": "a port", "peer": "another_port"},
            **dict.fromkeys(("rx", "rx_bits", "tx", "tx_bits", "lost"), 0),
        }
        for n in range(2)
    ]
    ports[1] |= {"rx_bits": 1, "tx_bits": 1}  # of which nothing is told
    parts = {"shown": ["ports", "workers"], "ports": ports}
    parts["workers"] = [{"name": "lcore 1", "about": "", "paths": "", "busy": 0, "cycles": 0}]
    page.set_viewport_size({"width": width, "height": 700})
    page.set_content(f'<body><div id="view" style="width: {width - 40}px"></div></body>')
    page.evaluate("(parts) => { window.initial = { kind: 'dashboard', parts }; }", parts)
    page.evaluate(HARNESS[HARNESS.index("async") :], bundle())
    page.evaluate("kernel.numbers([14880952, NaN])")
    page.wait_for_function("document.querySelector('.lk-table td')?.innerText === '14.9 Mpps'")
    found = page.evaluate(LOOK, ".lk-view")
    page.screenshot(path=SCREENSHOTS / f"live_tables_{width}.png")
    assert found["faults"] == []
    assert page.locator(".lk-table td").all_inner_texts().count("–") == 2
