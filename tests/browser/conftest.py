# SPDX-License-Identifier: BSD-3-Clause
"""JupyterLab as `make lab` starts it, and a browser."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import nbformat
import pytest
from playwright.sync_api import Browser, Locator, Page, sync_playwright
from playwright.sync_api import TimeoutError as PlaywrightTimeout

ROOT = Path(__file__).parents[2]
SCREENSHOTS = ROOT / "build/screenshots"
CHROMIUM = shutil.which("chromium")  # None: the one that `playwright install` brings
CHROMIUM_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--enable-precise-memory-info",
]


def free_port() -> int:
    """A TCP port of 127.0.0.1 that nobody has."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


@contextmanager
def jupyterlab(command: Sequence[str], port: int, log: Path) -> Iterator[str]:
    """A JupyterLab that this command starts on this port: the URL with its token."""
    environment = {k: v for k, v in os.environ.items() if "DISPLAY" not in k}
    with log.open("w") as output:
        process = subprocess.Popen(
            command,
            cwd=ROOT,
            env=environment,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        end = time.monotonic() + 300
        while not (found := re.search(rf"http://127\.0\.0\.1:{port}\S*token=\w+", log.read_text())):
            assert time.monotonic() < end, log.read_text()
            assert process.poll() is None, log.read_text()
            time.sleep(0.2)
        yield found[0]
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(120)


@contextmanager
def over_folder(folder: Path, *options: str) -> Iterator[str]:
    """A JupyterLab over a folder of the test's own, whose kernels find the tests: the URL."""
    port = free_port()
    command = [
        *(str(Path(sys.executable).with_name("jupyter")), "lab", "--no-browser", "--allow-root"),
        *("--ip=127.0.0.1", f"--port={port}", f"--notebook-dir={folder}", *options),
    ]
    os.environ["PYTHONPATH"] = str(ROOT)
    try:
        with jupyterlab(command, port, folder / "log") as url:
            yield url
    finally:
        del os.environ["PYTHONPATH"]


def write_notebook(path: Path, cells: Sequence[str]) -> None:
    """A notebook of code cells."""
    book = nbformat.v4.new_notebook()
    book.metadata["kernelspec"] = {
        "name": "python3",
        "display_name": "Python 3 (ipykernel)",
        "language": "python",
    }
    book.cells = [nbformat.v4.new_code_cell(cell) for cell in cells]
    nbformat.write(book, path)


def open_notebook(page: Page, url: str, name: str) -> None:
    """Opens a notebook of the JupyterLab at this URL, and waits until its kernel is there."""
    base, token = url.split("/lab")[0], url.split("token=")[1]
    page.goto(f"{base}/lab/tree/{name}.ipynb?token={token}&reset")
    page.wait_for_selector(".jp-Notebook .jp-Cell", timeout=60_000)
    page.get_by_text(re.compile(r"\| (Idle|Busy)$")).wait_for(timeout=60_000)


def menu(page: Page, name: str, *entries: str) -> None:
    """Chooses an entry of a menu of JupyterLab."""
    page.get_by_role("menuitem", name=name, exact=True).click()
    for entry in entries[:-1]:
        page.get_by_text(entry, exact=True).hover()
    page.get_by_text(entries[-1], exact=True).click()


def wait_for_none(view: Locator, script: str, where: object = "") -> None:
    """Until the script finds nothing wrong with a view: it is laid out anew some time after the
    page has another width."""
    end = time.monotonic() + 30
    while found := view.evaluate(script):
        assert time.monotonic() < end, (where, found)
        view.page.wait_for_timeout(50)


@pytest.fixture(scope="package")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """JupyterLab from `make lab`."""
    port = free_port()
    log = tmp_path_factory.mktemp("lab") / "log"
    with jupyterlab(["make", "lab", f"NOTEBOOK_PORT={port}"], port, log) as url:
        yield url


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=CHROMIUM_FLAGS)
        yield browser
        browser.close()


@contextmanager
def new_page(browser: Browser) -> Iterator[Page]:
    """A page that has no errors of its own."""
    page = browser.new_page(viewport={"width": 1200, "height": 2600})
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    yield page
    page.close()
    assert errors == []


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    with new_page(browser) as page:
        yield page


def run_notebook(page: Page, address: str, name: str) -> None:
    """Runs all cells of a notebook of the JupyterLab at this address; its checks must pass."""
    base, token = address.split("/lab")[0], address.split("token=")[1]
    page.goto(f"{base}/lab/tree/{name}.ipynb?token={token}&reset")
    page.wait_for_selector(".jp-Notebook .jp-Cell", timeout=200_000)
    # Cells run before the kernel is there are lost.
    page.get_by_text(re.compile(r"\| Idle$")).wait_for(timeout=200_000)
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_text("Run All Cells", exact=True).click()
    try:
        done = page.get_by_text("all checks passed", exact=True)
        failed = page.locator(".jp-RenderedText[data-mime-type*=error]")
        try:
            done.or_(failed).first.wait_for(timeout=200_000)
        except PlaywrightTimeout:
            prompts = page.locator(".jp-InputArea-prompt").all_inner_texts()
            status = page.get_by_text(re.compile(r"\| \w+$")).all_inner_texts()
            outputs = page.locator(".jp-OutputArea-output").all_inner_texts()[-2:]
            pytest.fail(f"{name} has not ended: {prompts}, {status}, {outputs}")
        assert failed.count() == 0, failed.first.inner_text()
    finally:
        page.screenshot(path=SCREENSHOTS / f"{name}.png")
    assert page.locator(".jp-OutputArea-output img").count() >= 2
