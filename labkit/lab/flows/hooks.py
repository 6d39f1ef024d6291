# SPDX-License-Identifier: BSD-3-Clause
"""What packages above the lab do for live traffic; `import labkit` fills it."""

from collections.abc import Callable
from typing import Any

record: list[Callable[..., Any]] = []  # lk.record
