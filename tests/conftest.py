# SPDX-License-Identifier: BSD-3-Clause
from collections.abc import Iterator

import pytest

import labkit as lk
from tests import leftovers as left

# Folders whose tests run in one process where tests run side by side: `labkit run` waits for
# another one on this machine, and the tests of the browser share a JupyterLab.
TOGETHER = {"notebooks", "browser"}
LONG = {*TOGETHER, "fuzz", "test_static_build.py"}


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Side by side, the tests of a file stay together, for the sake of what they share; what takes
    long begins first."""
    if not hasattr(config, "workerinput"):
        return
    for item in items:
        together = TOGETHER.intersection(item.path.parts)
        group = together.pop() if together else str(item.path)
        item.add_marker(pytest.mark.xdist_group(group))
    items.sort(key=lambda item: LONG.isdisjoint(item.path.parts))


@pytest.fixture
def lab(leftovers: None) -> Iterator[lk.Lab]:
    """A lab of the test's own, that must leave nothing behind."""
    with lk.Lab() as lab:
        yield lab


@pytest.fixture
def mirror(lab: lk.Lab) -> lk.Port:
    """A port whose far end sends everything back."""
    client, server = lab.cable()
    lab.run(lk.rx(server) >> lk.reflect() >> lk.tx(server), name="mirror")
    return client


@pytest.fixture
def leftovers() -> Iterator[None]:
    """Fails a test after which engines left something."""
    before = left.snapshot()
    yield
    left.wait_for_none(before)
