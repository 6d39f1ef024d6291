# SPDX-License-Identifier: BSD-3-Clause
"""By how much a counter grew, across resets and wraps."""

WIDTHS = (2**32, 2**64)  # of counters, in values
NEAR = 8  # a counter wraps from the last eighth of its values to the first


def grown(before: int, after: int) -> int:
    """From one reading to the next. A counter that fell began anew, and has counted what it stands
    at; one that fell from the end of its width to the beginning wrapped."""
    if after >= before:
        return after - before
    for width in WIDTHS:
        if width - width // NEAR <= before < width and after < width // NEAR:
            return width - before + after
    return after
