# SPDX-License-Identifier: BSD-3-Clause
import os
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, settings

import labkit as lk
from tests import leftovers as left

# A machine under load makes examples slowly, and that is no fault of what is tested.
settings.register_profile("tests", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("tests")

if "PYTEST_XDIST_WORKER" not in os.environ and "LABKIT_GUEST" not in os.environ:
    # Tests are of the C that is there; an installed labkit has nothing to build, and neither has a
    # guest on the files of its host.
    getattr(find_spec("labkit._codec").loader, "rebuild", bool)()

SECONDS = 600  # all that a machine under load may need; nothing waits for it


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A limit of time for every test without its own. It is no setting of the repository, because
    notebooks run as tests where there is no pytest-timeout."""
    for item in items:
        if not item.get_closest_marker("timeout"):
            item.add_marker(pytest.mark.timeout(SECONDS))


def pytest_make_parametrize_id(val: object) -> str | None:
    """Bytes by their length: gzip writes the time into them, so that the processes among which
    tests are shared would not know the same tests."""
    return f"{len(val)}B" if isinstance(val, bytes) else None


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
def open_folder() -> Iterator[Path]:
    """One that other users reach: pytest's own are closed to them."""
    with TemporaryDirectory(prefix="labkit-open") as made:
        yield Path(made)


@pytest.fixture
def leftovers() -> Iterator[None]:
    """Fails a test after which engines left something."""
    before = left.snapshot()
    yield
    left.wait_for_none(before)
