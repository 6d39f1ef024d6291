# SPDX-License-Identifier: BSD-3-Clause
"""Which line of its cell the code of a node is of, by what the engine left of it."""

from functools import cache

from labkit.machine.source_line import source_line
from labkit.path.own_node import CELL, VERSIONS


@cache
def line_of_cell(native: str, offset: int) -> tuple[int, str] | None:
    """Number and text of the line at this offset of a version's library; None: not known."""
    own = VERSIONS.get(native)
    number = source_line(own.library, offset, CELL) if own is not None else None
    return None if own is None or number is None else (number, own.line(number))
