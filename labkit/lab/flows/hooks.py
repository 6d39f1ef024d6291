# SPDX-License-Identifier: BSD-3-Clause
"""What packages above the lab do for live traffic; labkit/__init__.py fills it with lk.Lab."""

from collections.abc import Callable
from typing import Any

record: list[Callable[..., Any]] = []  # lk.record
