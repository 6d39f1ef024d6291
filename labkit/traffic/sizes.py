# SPDX-License-Identifier: BSD-3-Clause
"""Frame sizes and mixes of them. They count the FCS, as in RFC 2544: 64 is 60 bytes in memory."""

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from numbers import Integral
from typing import Any

from labkit.arguments.checked import checked
from labkit.arguments.hints import is_many
from labkit.errors import LabError
from labkit.text import shown

FCS = 4
SMALLEST, LARGEST = 18, 65_535 + FCS  # an Ethernet header, what one buffer holds
LONGEST_ORDER = 65_536
MOST_LISTED = 6

# RFC 6985 4
GENOME = {
    "a": 64,
    "b": 128,
    "c": 256,
    "d": 512,
    "e": 1024,
    "f": 1280,
    "g": 1518,
    "h": 2112,
    "i": 9000,
    "j": 16000,
}


@checked(but=("order",))
@dataclass(frozen=True)
class Sizes:
    """Frame sizes in the order in which a stream sends them, over and over.

    Attributes
    ----------
    order: sizes in bytes, FCS counted
    name: such as "IMIX"
    """

    order: tuple[int, ...]
    name: str = ""

    def __post_init__(self) -> None:
        order: Any = self.order
        if isinstance(order, Mapping) or not is_many(order):
            raise LabError(
                f"order is {shown(self.order)}; it is a list of sizes in turn, such as [64, 1518]"
            )
        object.__setattr__(self, "order", tuple(map(_plain, order)))
        if not self.order:
            raise LabError("there are no sizes; name at least one in bytes, such as 64")
        if len(self.order) > LONGEST_ORDER:
            raise LabError(f"{len(self.order)} sizes in turn; at most {LONGEST_ORDER}")
        for size in self.order:
            is_whole = isinstance(size, int) and not isinstance(size, bool)
            if not is_whole or not SMALLEST <= size <= LARGEST:
                raise LabError(
                    f"size {shown(size)} is no frame size; it is a whole number of bytes with the "
                    f"FCS, {SMALLEST} to {LARGEST}, such as 64"
                )

    @classmethod
    @checked(but=("weights",))
    def mix(cls, weights: Mapping[int, int], name: str = "") -> "Sizes":
        """Sizes by their weights, spread as evenly as can be: {64: 28, 570: 16, 1518: 4}."""
        if not isinstance(weights, Mapping):
            raise LabError(
                f"weights is {shown(weights)}; it is a mapping such as {{64: 28, 570: 16}}"
            )
        for size, weight in weights.items():
            if not isinstance(weight, Integral) or isinstance(weight, bool) or weight < 1:
                raise LabError(
                    f"weight of size {size} is {shown(weight)}; it is a whole number from 1"
                )
        weights = {_plain(size): int(weight) for size, weight in weights.items()}
        total = sum(weights.values())
        credit = dict.fromkeys(weights, 0)
        order = []
        for _ in range(min(total, LONGEST_ORDER + 1)):
            for size, weight in weights.items():
                credit[size] += weight
            chosen = max(credit, key=lambda size: credit[size])
            credit[chosen] -= total
            order.append(chosen)
        return cls(tuple(order), name)

    @classmethod
    @checked()
    def genome(cls, text: str, mtu: int | None = None, **custom: int) -> "Sizes":
        """Sizes by the letters of RFC 6985: "aaadg" is 64, 64, 64, 512, 1518.

        z is the frame of the MTU (mtu + 18); capital letters are sizes of your own: A=570.
        """
        letters = {**GENOME, **custom} | ({"z": mtu + 18} if mtu is not None else {})
        for letter in text:
            if letter not in letters:
                raise LabError(
                    f"genome {text!r}: {letter!r} stands for no size (RFC 6985 has a to j, z with "
                    "mtu=; give others as A=570)"
                )
        return cls(tuple(letters[letter] for letter in text), f"genome {text}")

    @classmethod
    def parse(cls, size: "Sizes | int | str | Mapping[int, int] | Iterable[int]") -> "Sizes":
        """Sizes from what a user wrote: one, several in turn, weights as of `mix`, or "IMIX"."""
        if isinstance(size, Sizes):
            return size
        if isinstance(size, str) and size == IMIX.name:  # a parameter of a notebook is a literal
            return IMIX
        if isinstance(size, Mapping):
            return cls.mix(size)
        if isinstance(size, Integral):
            return cls((_plain(size),))
        if not is_many(size):
            raise LabError(
                f"size is {shown(size)}; it is a number of bytes, several, weights such as "
                '{64: 28, 570: 16}, or "IMIX"'
            )
        return cls(tuple(_plain(one) for one in size))

    @property
    def mean(self) -> float:
        """Mean frame size in bytes."""
        return sum(self.order) / len(self.order)

    @property
    def longest(self) -> int:
        """The largest frame size in bytes."""
        return max(self.order)

    @property
    def mix_name(self) -> str | None:
        """What tells this mix from others: its name, or its sizes with their weights; None: all
        frames have one size."""
        counts = Counter(self.order)
        if len(counts) == 1:
            return None
        if self.name:
            return self.name
        if len(counts) > MOST_LISTED:
            return f"{len(counts)} sizes, {min(counts)} to {max(counts)} B"
        unit = math.gcd(*counts.values())
        weights = [(size, count // unit) for size, count in sorted(counts.items())]
        listed = (f"{weight} × {size}" if weight > 1 else str(size) for size, weight in weights)
        return f"{', '.join(listed)} B"

    def __str__(self) -> str:
        kinds = sorted(set(self.order))
        shown = ", ".join(map(str, kinds[:MOST_LISTED])) + (", …" if kinds[MOST_LISTED:] else "")
        return f"{self.name} ({shown} B)" if self.name else f"{shown} B"


def _plain(size: Any) -> Any:
    """A whole number of numpy or pandas as Python's."""
    return int(size) if isinstance(size, Integral) and not isinstance(size, bool) else size


IMIX = Sizes.mix({64: 28, 570: 16, 1518: 4}, "IMIX")
"""The mix of FD.io CSIT: of 48 frames 28 of 64, 16 of 570 and 4 of 1518 bytes."""
