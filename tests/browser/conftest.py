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
from contextlib import contextmanager, suppress
from pathlib import Path

import nbformat
import psutil
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


# Python runs this file when it starts (module site): SIGUSR1 has a process write where it stands.
TELLS_OF_STACKS = """
import faulthandler, os, signal
if place := os.environ.get("LABKIT_TEST_STACKS"):
    faulthandler.register(signal.SIGUSR1, open(f"{place}/{os.getpid()}", "w"), all_threads=True)
"""


def _telling_of_stacks(folder: Path, path: str | None) -> dict[str, str]:
    """What an environment needs for that."""
    place, site = folder / "stacks", folder / "site"
    for made in (place, site):
        made.mkdir(exist_ok=True)
    (site / "sitecustomize.py").write_text(TELLS_OF_STACKS)
    return {
        "LABKIT_TEST_STACKS": str(place),
        "PYTHONPATH": ":".join(filter(None, (str(site), path))),
    }


@contextmanager
def jupyterlab(command: Sequence[str], port: int, log: Path) -> Iterator[str]:
    """A JupyterLab that this command starts on this port: the URL with its token."""
    environment = {k: v for k, v in os.environ.items() if "DISPLAY" not in k}
    environment |= _telling_of_stacks(log.parent, environment.get("PYTHONPATH"))
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


def _run_all(page: Page) -> None:
    """Has all cells run; again where nothing came of it, as when the page has no kernel yet."""
    prompts = page.locator(".jp-InputArea-prompt")
    begun = prompts.filter(has_text=re.compile(r"\[[*\d]"))
    for _ in range(3):
        menu(page, "Run", "Run All Cells")
        try:
            begun.first.wait_for(timeout=30_000)
            return
        except PlaywrightTimeout:
            page.keyboard.press("Escape")  # a menu that stayed open
    pytest.fail(f"no cell ran: {prompts.all_inner_texts()}")


def _wait_for_end(page: Page, done: Locator) -> str:
    """Until this is there; else why it will not come. JupyterLab shows the error of a cell as it
    shows what was written to stderr, so the kernel tells: after an error it has nothing to do."""
    idle = page.get_by_text(re.compile(r"\| Idle$"))
    end, idle_since = time.monotonic() + 200, None
    while not done.first.is_visible():
        now = time.monotonic()
        idle_since = (idle_since or now) if idle.first.is_visible() else None
        if idle_since is not None and now - idle_since > 10:
            return "has ended without its checks"
        if now > end:
            return "has not ended"
        page.wait_for_timeout(200)
    return ""


def kernel_stacks(of: int) -> str:
    """Where all threads of the kernels stand that a process of JupyterLab has started."""
    told = []
    for child in psutil.Process(of).children(recursive=True):
        with suppress(psutil.Error, StopIteration, OSError):
            command = child.cmdline()
            if any("ipykernel" in word for word in command):
                folder = Path(child.environ()["LABKIT_TEST_STACKS"])
                child.send_signal(signal.SIGUSR1)
                time.sleep(1)  # it writes at once, whatever Python is at
                told.append(f"{command}\n{(folder / str(child.pid)).read_text()}")
    return "\n".join(told)


def run_notebook(page: Page, address: str, name: str) -> None:
    """Runs all cells of a notebook of the JupyterLab at this address; its checks must pass."""
    base, token = address.split("/lab")[0], address.split("token=")[1]
    page.goto(f"{base}/lab/tree/{name}.ipynb?token={token}&reset")
    page.wait_for_selector(".jp-Notebook .jp-Cell", timeout=200_000)
    # Cells run before the kernel is there are lost.
    page.get_by_text(re.compile(r"\| Idle$")).wait_for(timeout=200_000)
    _run_all(page)
    try:
        why = _wait_for_end(page, page.get_by_text("all checks passed", exact=True))
        if why:
            prompts = page.locator(".jp-InputArea-prompt").all_inner_texts()
            outputs = page.locator(".jp-OutputArea-output").all_inner_texts()[-2:]
            stacks = kernel_stacks(os.getpid())
            pytest.fail(f"{name} {why}: {prompts}, {outputs}\n{stacks}")
    finally:
        page.screenshot(path=SCREENSHOTS / f"{name}.png")
    assert page.locator(".jp-OutputArea-output img").count() >= 2
