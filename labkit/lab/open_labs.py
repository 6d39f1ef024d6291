# SPDX-License-Identifier: BSD-3-Clause
"""The labs of this process that were not closed, for those who look at every one of them."""

import weakref
from collections.abc import Callable
from typing import Any

# Labs, which add themselves: a notebook's kernel looks here without importing what a lab needs.
labs: weakref.WeakSet[Any] = weakref.WeakSet()
before_close: list[Callable[[Any], None]] = []


def in_order() -> list[Any]:
    """The labs, oldest engine first."""
    return sorted(labs, key=lambda lab: int(lab.number))
