# SPDX-License-Identifier: BSD-3-Clause
"""Differentiated services code points: six bits of an IP header, by name or number."""

from dataclasses import dataclass
from typing import Annotated

from labkit.errors import PathError
from labkit.path.values import ParamType, Value
from labkit.text import near, shown

# RFC 2474 4.2.2 (CS), RFC 2597 6 (AF), RFC 3246 (EF), RFC 5865 (VA), RFC 8622 (LE)
DSCP = {
    **{f"CS{c}": 8 * c for c in range(8)},
    **{f"AF{c}{d}": 8 * c + 2 * d for c in range(1, 5) for d in range(1, 4)},
    **{"BE": 0, "DF": 0, "LE": 1, "VA": 44, "EF": 46},
}


def dscp(what: str, value: object) -> int:
    """ "AF12" or 12 as a number. PathError for what is neither, `what` in front."""
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 64:
        return value
    if isinstance(value, str) and value.upper() in DSCP:
        return DSCP[value.upper()]
    hint = near(value.upper(), DSCP) if isinstance(value, str) else ""
    raise PathError(
        f'{what} is {shown(value)}; it is a DSCP, such as "EF", "AF12" or a number of 0 to 63{hint}'
    )


@dataclass(frozen=True)
class DscpType(ParamType):
    """A code point; kept as it was written.

    what: in words, for drawings
    """

    has_place = True
    what: str = ""

    def check(self, where: str, name: str, value: Value) -> Value:
        """By name or number."""
        dscp(f"node {where}: {name}", value)
        return value

    def lines(self, value: Value) -> list[str]:
        """As it was written."""
        return [] if value is None else [f"{self.what} {value}".strip()]


GreenMark = Annotated[str | int, DscpType("green:")]
YellowMark = Annotated[str | int, DscpType("yellow:")]
RedMark = Annotated[str | int, DscpType("red:")]
