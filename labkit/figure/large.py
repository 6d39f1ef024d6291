# SPDX-License-Identifier: BSD-3-Clause
"""How large text is beside what it tells of: 1, or more for a room with a projector."""

_scale = 1.0


def scale() -> float:
    """By how much text in pictures is larger than it is at a desk."""
    return _scale


def set_scale(value: float) -> None:
    """For all pictures that are drawn from now on."""
    global _scale
    _scale = value
