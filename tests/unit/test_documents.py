# SPDX-License-Identifier: BSD-3-Clause
"""What the documents say is true: examples run, names and files exist."""

import re
from pathlib import Path
from typing import Any

import pytest

import labkit as lk
from labkit.codec import VERDICT_BY_NAME

ROOT = Path(__file__).parents[2]
DOCUMENTS = ("README.md", "CONTRIBUTING.md", "docs/architecture.md")


def blocks(document: str, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", (ROOT / document).read_text(), re.DOTALL)


def test_readme_example_runs(capsys: pytest.CaptureFixture[str]) -> None:
    exec(blocks("README.md", "python")[0], {})
    said = capsys.readouterr().out
    assert "b'hello'" in said
    assert "drop_udp_no_listener" in said


def test_readme_tunnels_run(capsys: pytest.CaptureFixture[str]) -> None:
    names: dict[str, Any] = {}
    exec(blocks("README.md", "python")[2], names)
    assert (names["vx"].overhead, names["vx"].max_inner_mtu(1500)) == (56, 1430)
    assert names["inner"].vni == 42
    assert "VXLAN" in capsys.readouterr().out


def test_readme_paths_are_paths() -> None:
    names = {"lk": lk, "lab": type("L", (), {"run": staticmethod(lambda c: lk.Path(c))})}
    names |= {"a": "a", "b": "b", "where": ["10.0.0.2"]}
    exec(blocks("README.md", "python")[1], names)


def test_readme_declarations_of_a_notebook(capsys: pytest.CaptureFixture[str]) -> None:
    names = {"lk": lk, "drop_percent": 0.05, "value": 1.5}
    exec(blocks("README.md", "python")[3], names)
    assert (names["rate"], names["count"]) == ("700 kpps", 100)
    assert "✓ drop at 700 kpps" in capsys.readouterr().out


@pytest.mark.parametrize("document", DOCUMENTS)
def test_links_lead_somewhere(document: str) -> None:
    text = (ROOT / document).read_text()
    for target in re.findall(r"\]\(([^)#]+)\)", text):
        if not target.startswith("http"):
            assert ((ROOT / document).parent / target).exists(), target


@pytest.mark.parametrize("document", DOCUMENTS)
def test_drop_nodes_exist(document: str) -> None:
    for name in re.findall(r"`drop_([a-z0-9_]+)`", (ROOT / document).read_text()):
        assert name in VERDICT_BY_NAME


def test_every_public_name_loads_and_is_documented() -> None:
    for name in lk.__all__:
        assert (getattr(lk, name).__doc__ or "").strip(), name
