# SPDX-License-Identifier: BSD-3-Clause
"""Whatever has a name has a meaning."""

from labkit.manual import drops
from labkit.manual.meanings import meaning, names
from labkit.path.drops import drop_nodes


def test_every_name_has_a_meaning() -> None:
    assert [name for name in names() if len(meaning(name).split()) < 4] == []


def test_advice_is_of_drops_that_there_are() -> None:
    assert set(drops.known()) <= set(drop_nodes())
