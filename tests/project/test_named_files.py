# SPDX-License-Identifier: BSD-3-Clause
"""Files that documents name are there."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FOLDERS = ("labkit", "native", "js", "tests", "datasets", "docs", "scripts")
# Written while people work with labkit
WRITTEN = {"results.json", "run.json", "results.parquet", "bundle.js"}


@pytest.mark.parametrize("document", ["README.md", "docs/architecture.md"])
def test_named_files_are_there(document: str) -> None:
    there = [f.relative_to(ROOT).as_posix() for name in FOLDERS for f in (ROOT / name).rglob("*")]
    named = re.findall(r"`([\w/.-]+\.(?:py|c|h|js|csv|md))`", (ROOT / document).read_text())
    assert named or document == "README.md"
    for name in set(named) - WRITTEN:
        assert any(f"/{file}".endswith(f"/{name}") for file in there), name
