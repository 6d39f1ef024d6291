# SPDX-License-Identifier: BSD-3-Clause
"""Rates as people write them: "700 kpps", "10 Gbit/s", "1 Gbit/s L1", "50 %", 70_000."""

import math
import re
from dataclasses import dataclass
from decimal import Decimal
from numbers import Real

from labkit.errors import LabError

PREFIXES = {"": 1.0, "k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12}
UNITS = {"": "pps", "pps": "pps", "bit/s": "bit/s", "bps": "bit/s", "%": "%"}
NUMBER = r"(?:[0-9]{1,3}(?:,[0-9]{3})+|[0-9][0-9_]*)\.?[0-9]*"  # "1,5" is no number of thousands
PATTERN = re.compile(rf"\s*({NUMBER})\s*([kMGT]?)(pps|bit/s|bps|%|)\s*(L1|L2|)\s*")
L1_OVERHEAD = 20  # preamble, start of frame and gap (IEEE 802.3 4.4.2): not part of a frame's size
MOST_PPS = 200e6  # more than one CPU makes


@dataclass(frozen=True)
class Rate:
    """An intended load.

    Attributes
    ----------
    value: frames/s, bit/s, or percent of the link's speed
    unit: "pps", "bit/s" or "%"
    layer: of bit/s: 2 counts frames with FCS, 1 also the 20 bytes between them; "%" is of layer 1
    """

    value: float
    unit: str = "pps"
    layer: int = 2

    def __post_init__(self) -> None:
        if not (math.isfinite(self.value) and self.value > 0):
            raise LabError(f"rate is {self.value:g} {self.unit}; it is a positive number")
        if self.unit == "%" and self.value > 100:
            raise LabError(f"rate is {self.value:g} %; a link carries 100 % at most")

    @classmethod
    def parse(cls, rate: "Rate | str | float") -> "Rate":
        """A rate from what a user wrote; a number is frames a second."""
        if isinstance(rate, Rate):
            return rate
        if isinstance(rate, Real) and not isinstance(rate, bool):
            return cls(float(rate))
        match = PATTERN.fullmatch(rate) if isinstance(rate, str) else None
        if match is None:
            raise LabError(
                f'rate is {rate!r}; write it as "700 kpps", "10 Gbit/s", "1 Gbit/s L1", "50 %" or '
                "a number of frames a second"
            )
        number, prefix, unit, layer = match.groups()
        # "1.001 Mpps" and 1_001_000 are one load for lk.compare: not 1.001 * 1e6, which is another
        value = float(Decimal(number.replace("_", "").replace(",", "")) * int(PREFIXES[prefix]))
        if layer and UNITS[unit] != "bit/s":
            raise LabError(f"rate is {rate!r}; {layer} is said of bit/s only")
        return cls(value, UNITS[unit], 1 if layer == "L1" else 2)

    def pps(self, size: float, link_mbps: int | None) -> float:
        """Frames a second, for frames of `size` bytes (with FCS) on a link of this speed."""
        if self.unit == "pps":
            frames = self.value
        elif self.unit == "bit/s":
            frames = self.value / 8 / (size + (L1_OVERHEAD if self.layer == 1 else 0))
        elif link_mbps is None:
            raise LabError(
                f"rate is {self.value:g} %, but the port's link speed is not known; give the rate "
                "in pps or bit/s"
            )
        else:
            frames = self.value / 100 * link_mbps * 1e6 / 8 / (size + L1_OVERHEAD)
        if frames > MOST_PPS:
            raise LabError(
                f"rate {self} is {frames / 1e6:,.0f} Mpps at {size:.0f} bytes; at most "
                f"{MOST_PPS / 1e6:.0f} Mpps can be intended: leave the rate out to send as fast as "
                "the port takes frames"
            )
        return frames

    def __str__(self) -> str:
        if self.unit == "%":
            return f"{self.value:.12g} %"
        prefix = next((p for p, factor in reversed(PREFIXES.items()) if self.value >= factor), "")
        layer = " L1" if self.layer == 1 and self.unit == "bit/s" else ""
        return f"{self.value / PREFIXES[prefix]:.12g} {prefix}{self.unit}{layer}"
