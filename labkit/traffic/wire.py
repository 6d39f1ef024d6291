# SPDX-License-Identifier: BSD-3-Clause
"""A field on the wire: which bits of a frame it is, and its values as numbers in them."""

from dataclasses import dataclass, replace

from labkit.errors import LabError
from labkit.traffic.fields import MOST_VALUES

WINDOW = 8  # bytes that a field program touches


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


def parts_of(wire: Wire, name: str) -> list[Wire]:
    """A field in parts of at most 8 bytes, those that vary alone; they step together."""
    if wire.width <= WINDOW:
        return [wire]
    shift, cut = wire.shift, (1 << 64) - 1
    start, step = wire.start << shift, wire.step << shift
    listed = None if wire.values is None else [value << shift for value in wire.values]
    parts = []
    for end in range(wire.width, 0, -WINDOW):
        width, below = min(WINDOW, end), 8 * (wire.width - end)
        part = replace(
            wire,
            offset=wire.offset + end - width,
            width=width,
            shift=0,
            mask=wire.mask >> below & cut,
            start=start >> below & cut,
            step=(step >> below) % (1 << 64),
        )
        if listed is None:
            last = start + step * (wire.count - 1)
            if start >> below == last >> below:
                continue
            carried = step % (1 << below) * (wire.count - 1) + start % (1 << below)
            if carried < 1 << below:
                parts += [part] if part.step else []
                continue
            if wire.count > MOST_VALUES:
                raise LabError(
                    f"vary {name}: {wire.count:,} values that count over its last 8 bytes; at most "
                    f"{MOST_VALUES:,} can"
                )
        whole = listed or [start + i * step for i in range(wire.count)]
        values = tuple(value >> below & part.mask for value in whole)
        if len(set(values)) > 1:
            parts.append(replace(part, start=values[0], step=0, values=values))
    return parts or [part]
