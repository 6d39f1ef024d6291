# SPDX-License-Identifier: BSD-3-Clause
"""Numbers with a unit, as people write them, and as they are shown to them.

What is written: "700 kpps", "70,000 pps", "10 Gbit/s", "1 Gbit/s L1", "20 ms", "64 B", "50 %".
"""

import difflib
import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from numbers import Integral

from labkit.errors import LabError
from labkit.text import shown

LARGE = {"": 0, "k": 3, "M": 6, "G": 9, "T": 12}  # powers of ten
ALL = {"n": -9, "µ": -6, "u": -6, "m": -3, **LARGE}
PREFIXES = {"pps": LARGE, "bit/s": LARGE, "B": LARGE, "s": ALL, "Hz": ALL, "%": {"": 0}}
UNITS = tuple(PREFIXES)
ALIASES = {"bps": "bit/s"}
LONGEST = 20  # digits of a number that is written out: a counter of 64 bits has as many
LAYERS = ("L1", "L2")  # of bit/s: with or without what stands between two frames

# "1,5" is no number of thousands
NUMBER = r"(?:[0-9]{1,3}(?:,[0-9]{3})+|[0-9][0-9_]*)(?:\.[0-9]*)?|\.[0-9]+"
QUANTITY = re.compile(
    rf"((?:{NUMBER})(?:[eE][+-]?[0-9]{{1,3}})?)\s*([^\s0-9]*)\s*({'|'.join(LAYERS)}|)"
)
SIGNED = re.compile(r"([-+]?[0-9.,_]*[0-9][0-9.,_]*)\s*(.*)")


class QuantityError(LabError, ValueError):
    """A text that is no number with a unit; the message tells which part of it, and the fix."""


@dataclass(frozen=True)
class Quantity:
    """A number with its unit, without prefix.

    Attributes
    ----------
    unit: "pps", "bit/s", "B", "s", "Hz" or "%"
    layer: "L1" or "L2" of bit/s, where that was said
    """

    value: float
    unit: str
    layer: str = ""


def parse_quantity(text: str, units: Sequence[str] = UNITS, *, bare: str = "") -> Quantity:
    """ "70,000 pps" and "70 kpps" as 70000.0 pps; QuantityError for what is none.

    bare: the unit of a text that has none; "": it needs one
    """
    found = QUANTITY.fullmatch(text.strip())
    if found is None:
        raise QuantityError(_fault_of_number(text))
    number, written, layer = found.groups()
    spelled = dict(_spellings(units)) | ({p: (bare, p) for p in PREFIXES[bare]} if bare else {})
    if written not in spelled:
        raise QuantityError(_fault_of_unit(written, units, list(spelled)))
    unit, prefix = spelled[written]
    if layer and unit != "bit/s":
        raise QuantityError(f"{layer} is said of bit/s only")
    # "1.001 Mpps" and 1_001_000 are one load: not 1.001 * 1e6, which is another
    exact = Decimal(number.replace("_", "").replace(",", "")).scaleb(PREFIXES[unit][prefix])
    value = float(exact)
    if not math.isfinite(value):
        raise QuantityError(f"{number} is more than a number can hold")
    return Quantity(value, unit, layer)


def find_quantity(text: object) -> Quantity | None:
    """The same of what may be none, such as "quick": None then."""
    try:
        return parse_quantity(text) if isinstance(text, str) else None
    except QuantityError:
        return None


def _spellings(units: Sequence[str]) -> Iterator[tuple[str, tuple[str, str]]]:
    """Every way to write a unit, with the unit and the prefix that it means."""
    for unit in units:
        for name in (unit, *(alias for alias, meant in ALIASES.items() if meant == unit)):
            for prefix in PREFIXES[unit]:
                yield f"{prefix}{name}", (unit, prefix)


def _fault_of_number(text: str) -> str:
    signed = SIGNED.fullmatch(text.strip())
    if signed is None:
        return f"{shown(text)} does not begin with a number"
    number, unit = signed.groups()
    if number[0] in "+-":
        return f"{number} has a sign; write a number without one"
    if "," in number:
        point = number.replace(",", ".")
        meant = f", a point decimals: {point} {unit}".rstrip() if point.count(".") == 1 else ""
        return f"in {number!r} a comma sets three digits apart, as in 70,000{meant}"
    return f"{text.strip()!r} is no number with a unit"


def _fault_of_unit(written: str, units: Sequence[str], known: list[str]) -> str:
    there = ", ".join(units)
    if not written:
        return f"it has no unit; units are {there}, with prefixes such as k and M"
    alike = [name for name in known if name.casefold() == written.casefold()]
    alike = alike or difflib.get_close_matches(written, known, 1)
    hint = f"; did you mean {alike[0]!r}?" if alike else ""
    return f"{written!r} is no unit; units are {there}, with prefixes such as k and M{hint}"


def plain(value: float, digits: int = 4) -> str:
    """A number written out, never as 1e+06: 0.00012, 0.19, 64, 353.8, 1,000,000.

    Whole numbers have all their digits, and so has what stands before the point; others are rounded
    to `digits` significant ones. Beyond 20 digits an exponent is what can be read.
    """
    if isinstance(value, Integral) and abs(value) < 10**LONGEST:
        return f"{int(value):,}"
    value = float(value) + 0.0  # no -0
    size = abs(value)
    if not math.isfinite(value) or (value and not 10.0**-LONGEST <= size < 10.0**LONGEST):
        return f"{value:.{digits}g}"
    if value.is_integer() or float(f"{size:.{digits}g}") >= 10 ** (digits - 1):
        return f"{value:,.0f}"
    decimals = digits - 1 - math.floor(math.log10(float(f"{size:.{digits}g}")))
    return f"{value:,.{decimals}f}".rstrip("0").rstrip(".")


def si(count: int) -> str:
    """A count as it is below 10,000, else in three digits with an SI prefix: 45.6 k, 1.23 M."""
    if count < 10_000:
        return f"{count:,}"
    number, prefix = _prefixed(count, "#.3g")
    return f"{number.rstrip('.')} {prefix}"


def si_load(value: float, unit: str = "", digits: int = 4) -> str:
    """A load, or what else people choose and compare: up to four digits, 70 kpps, 1.488 Mpps."""
    number, prefix = _prefixed(value, f".{digits}g")
    return f"{plain(float(number), digits)} {prefix}{unit}".rstrip()


def _prefixed(value: float, form: str) -> tuple[str, str]:
    """The number in this format, and the SI prefix with which it is below 1000."""
    for prefix in ("", *"kMGTPE"):
        text = format(float(value), form)
        if abs(float(text)) < 1000 or prefix == "E":
            break
        value /= 1000
    return text, prefix
