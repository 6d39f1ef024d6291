# SPDX-License-Identifier: BSD-3-Clause
"""labkit docs: what a name means, and where that stands."""

import json
import threading
import urllib.request
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from labkit.cli import main
from labkit.manual import command, pages


@pytest.fixture
def built(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Pages of an installation, of two names."""
    (tmp_path / "index.html").write_text("the documentation")
    places = {
        "drop_tx_full": "reference/drops.html#drop-drop_tx_full",
        "rx_q{n}_errors": "reference/counters_dpdk.html#q",
        "unsent": "glossary.html#word-unsent",
    }
    texts = {"unsent": "intended - sent"}
    (tmp_path / "names.json").write_text(json.dumps({"places": places, "texts": texts}))
    monkeypatch.setattr(pages, "FOLDERS", (tmp_path,))
    return tmp_path


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """URLs that a browser was asked to show, on a machine with a display."""
    found: list[str] = []
    monkeypatch.setenv("DISPLAY", ":0")
    monkeypatch.setattr(pages.webbrowser, "open", found.append)
    return found


def docs(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["docs", *arguments])


def test_the_pages_are_opened(built: Path, opened: list[str]) -> None:
    assert docs().exit_code == 0
    assert opened == [(built / "index.html").as_uri()]


def test_without_a_display_the_address_is_told(
    built: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    monkeypatch.setattr(pages.webbrowser, "open", pytest.fail)
    assert docs().output == f"{(built / 'index.html').as_uri()}\n"


@pytest.mark.parametrize(
    "name",
    ["drop_tx_full", "tx_full", "path/echo/drop_tx_full"],
    ids=lambda name: name.split("/")[0],
)
def test_a_drop_is_explained_and_its_place_opened(
    built: Path, opened: list[str], name: str
) -> None:
    said = docs(name).output
    assert "The port's transmit queue was full." in said
    assert "What to do: " in said
    assert "Source: rte_eth_tx_burst" in said
    assert [url.partition("reference/")[2] for url in opened] == ["drops.html#drop-drop_tx_full"]


def test_a_counter_of_a_queue_is_found_by_its_pattern(built: Path, opened: list[str]) -> None:
    assert "rx_q{n}_errors: counter" in docs("port/a/rx_q3_errors").output
    assert opened[0].endswith("counters_dpdk.html#q")


def test_a_word_of_the_glossary_has_its_page(built: Path, opened: list[str]) -> None:
    assert docs("unsent").output.startswith("unsent: intended - sent\n")
    assert opened[0].endswith("glossary.html#word-unsent")


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("EngineDied", "EngineDied: an error\n  The engine process ended."),
        ("lk.police", "lk.police(…)\n  Lets frames pass"),
        ("dut.Testpmd", "lk.dut.Testpmd\n"),
        ("CompileError", "CompileError: an error\n"),
        ("wire_end", "wire_end: a node\n"),
    ],
)
def test_without_pages_the_library_tells(
    name: str, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pages, "FOLDERS", (tmp_path,))
    result = docs(name)
    assert result.output.startswith(words)
    assert "make docs" in result.output
    assert result.exit_code == 0


def test_without_the_native_modules_the_pages_tell(
    built: Path, opened: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command, "has_native_modules", lambda: False)
    assert docs("unsent").output.startswith("unsent: intended - sent\n")
    assert docs("drop_tx_full").exit_code == 0
    assert len(opened) == 2
    assert "nothing here is called 'drop_tx_ful'" in docs("drop_tx_ful").output


def test_an_unknown_name_is_told_with_the_near_miss(built: Path) -> None:
    result = docs("drop_tx_ful")
    assert result.exit_code == 2
    assert "nothing here is called 'drop_tx_ful'" in result.output
    assert "did you mean 'drop_tx_full'" in result.output


def test_pages_that_are_not_built_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pages, "FOLDERS", (tmp_path,))
    for arguments in ((), ("--serve",)):
        result = docs(*arguments)
        assert (result.exit_code, result.output) == (
            2,
            "Error: the pages are not built yet: run `make docs` in the checkout\n",
        )


def test_pages_are_served_on_the_loopback_interface_alone(built: Path) -> None:
    with pages.server(0) as server:
        assert server.server_address[0] == "127.0.0.1"
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            address = f"http://127.0.0.1:{server.server_port}/index.html"
            with urllib.request.urlopen(address, timeout=60) as page:
                assert page.read() == b"the documentation"
            result = docs("--serve", "--port", str(server.server_port))
            assert result.exit_code == 2
            assert "give another one, or 0 for any" in result.output
        finally:
            server.shutdown()
            thread.join()
