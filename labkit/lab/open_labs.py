# SPDX-License-Identifier: BSD-3-Clause
"""The labs of this process that were not closed, for those who look at every one of them."""

import weakref
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from labkit.lab.lab import Lab

labs: "weakref.WeakSet[Lab]" = weakref.WeakSet()
before_close: "list[Callable[[Lab], None]]" = []
