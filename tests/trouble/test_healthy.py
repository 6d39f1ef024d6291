# SPDX-License-Identifier: BSD-3-Clause
"""Files of machines in good health: no rule is sure of anything."""

from pathlib import Path

import pytest

import labkit as lk

HEALTHY = Path(__file__).parent / "healthy"


@pytest.mark.parametrize("folder", sorted(HEALTHY.iterdir()), ids=lambda path: path.name)
def test_nothing_is_likely(folder: Path) -> None:
    case = lk.trouble.look(*sorted(folder.iterdir()))
    assert {finding.level for finding in case.findings} <= {"possible"}, case
    assert not any(note.is_fault for note in case.notes), case


@pytest.mark.parametrize(
    "folder",
    [
        *("ignored-lines", "boots", "windows", "starts"),
        *("ena-as-launched", "ena-express", "windows-settings", "freebsd"),
    ],
)
def test_nothing_is_found(folder: str) -> None:
    """Of lines that drivers write of old devices, of a start, of load that loses nothing, and of
    settings as they are given, or as ENA Express wants them."""
    case = lk.trouble.look(*sorted((HEALTHY / folder).iterdir()))
    assert not case.findings, case


@pytest.mark.parametrize(
    "file", sorted((HEALTHY / "bench-machines").iterdir()), ids=lambda f: f.stem
)
def test_each_machine_alone(file: Path) -> None:
    case = lk.trouble.look(file)
    assert not case.findings, case
