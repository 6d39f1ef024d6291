# SPDX-License-Identifier: BSD-3-Clause
"""Tests that run in the guest; elsewhere there is none of them (make test-vm)."""

from pathlib import Path

import pytest

MACHINE = next(
    (
        word.removeprefix("labkit.machine=")
        for word in Path("/proc/cmdline").read_text().split()
        if word.startswith("labkit.machine=")
    ),
    None,
)
collect_ignore_glob = [] if MACHINE else ["test_*.py"]


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "machine(name): the machine it runs on; iommu if not named")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leaves the tests of this machine."""
    if not MACHINE:
        return
    here = []
    for item in items:
        marker = item.get_closest_marker("machine")
        if MACHINE in (marker.args if marker else ("iommu",)):
            here.append(item)
    config.hook.pytest_deselected(items=[item for item in items if item not in here])
    items[:] = here
