# SPDX-License-Identifier: BSD-3-Clause
"""A field on the wire: which bits of a frame it is, and its values as numbers in them."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Wire:
    """A field on the wire: bits of the frame, and the values as numbers in them.

    Attributes
    ----------
    offset, width: bytes of the frame that hold it
    shift: bits of its last byte that are not its own
    mask: its bits in these bytes as a big-endian number
    start, step, count: value i is start + i * step
    values: or these
    """

    offset: int
    width: int
    shift: int
    mask: int
    start: int
    step: int
    count: int
    values: tuple[int, ...] | None

    def value(self, i: int) -> int:
        """Value number i."""
        return self.values[i] if self.values is not None else self.start + i * self.step


def bits_between(a: bytes, b: bytes) -> tuple[int, int, int, int] | None:
    """offset, width, shift and mask of the bits in which two frames differ, from the first to the
    last; None when they are equal."""
    differ = int.from_bytes(a, "big") ^ int.from_bytes(b, "big")
    if differ == 0:
        return None
    low = (differ & -differ).bit_length() - 1
    last = len(a) - 1 - low // 8
    first = len(a) - 1 - (differ.bit_length() - 1) // 8
    return first, last - first + 1, low % 8, differ >> (low // 8 * 8)
