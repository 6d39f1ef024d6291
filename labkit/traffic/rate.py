# SPDX-License-Identifier: BSD-3-Clause
"""Rates as people write them: "700 kpps", "10 Gbit/s", "1 Gbit/s L1", "50 %", 70_000."""

import math
from dataclasses import dataclass
from typing import Annotated, Literal, cast, get_args

from labkit.arguments.checked import checked
from labkit.arguments.hints import Called, is_real
from labkit.errors import LabError
from labkit.text import shown
from labkit.units import LARGE, QuantityError, parse_quantity, plain

Unit = Literal["pps", "bit/s", "%"]
UNITS: tuple[Unit, ...] = get_args(Unit)
L1_OVERHEAD = 20  # preamble, start of frame and gap (IEEE 802.3 4.4.2): not part of a frame's size
MOST_PPS = 200e6  # more than one CPU makes


@checked()
@dataclass(frozen=True)
class Rate:
    """An intended load.

    Attributes
    ----------
    value: frames/s, bit/s, or percent of the link's speed
    unit: "pps", "bit/s" or "%"
    layer: of bit/s: 2 counts frames with FCS, 1 also the 20 bytes between them; "%" is of layer 1
    """

    value: Annotated[float, Called("a number; Rate.parse reads texts such as '70 kpps'", "numbers")]
    unit: Unit = "pps"
    layer: Literal[1, 2] = 2

    def __post_init__(self) -> None:
        if not (math.isfinite(self.value) and self.value > 0):
            raise LabError(f"rate is {plain(self.value)} {self.unit}; it is a positive number")
        if self.unit == "%" and self.value > 100:
            raise LabError(f"rate is {plain(self.value)} %; a link carries 100 % at most")

    @classmethod
    def parse(cls, rate: "Rate | str | float") -> "Rate":
        """A rate from what a user wrote; a number is frames a second."""
        if isinstance(rate, Rate):
            return rate
        if is_real(rate):
            return cls(float(rate))
        if not isinstance(rate, str):
            raise _no_rate(rate)
        try:
            found = parse_quantity(rate, UNITS, bare="pps")
        except QuantityError as error:
            raise _no_rate(rate, f" ({error})") from None
        return cls(found.value, cast(Unit, found.unit), 1 if found.layer == "L1" else 2)

    def pps(self, size: float, link_mbps: int | None) -> float:
        """Frames a second, for frames of `size` bytes (with FCS) on a link of this speed."""
        if self.unit == "pps":
            frames = self.value
        elif self.unit == "bit/s":
            frames = self.value / 8 / (size + (L1_OVERHEAD if self.layer == 1 else 0))
        elif link_mbps is None:
            raise LabError(
                f"rate is {plain(self.value)} %, but the port's link speed is not known; give the "
                "rate in pps or bit/s"
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
            return f"{plain(self.value, 12)} %"
        prefix = next((p for p, power in reversed(LARGE.items()) if self.value >= 10**power), "")
        layer = " L1" if self.layer == 1 and self.unit == "bit/s" else ""
        return f"{plain(self.value / 10 ** LARGE[prefix], 12)} {prefix}{self.unit}{layer}"


def _no_rate(given: object, why: str = "") -> LabError:
    return LabError(
        f'rate is {shown(given)}; write it as "700 kpps", "10 Gbit/s", "1 Gbit/s L1", "50 %" or a '
        f"number of frames a second{why}"
    )
