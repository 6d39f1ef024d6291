# SPDX-License-Identifier: BSD-3-Clause
"""Numbers with a unit, such as "700 kpps" or "20 ms"."""

import re

UNITS = ("pps", "bps", "B", "s", "Hz")
PREFIXES = {"n": 1e-9, "µ": 1e-6, "u": 1e-6, "m": 1e-3, "": 1.0, "k": 1e3, "M": 1e6, "G": 1e9}
QUANTITY = re.compile(
    rf"\s*([0-9]*\.?[0-9]+(?:[eE][+-]?[0-9]+)?)\s*([{''.join(PREFIXES)}]?)({'|'.join(UNITS)})\s*"
)


def parse_quantity(text: str) -> tuple[float, str] | None:
    """ "700 kpps" as (700000.0, "pps"); None when the text is no number with a unit."""
    found = QUANTITY.fullmatch(text)
    if found is None:
        return None
    number, prefix, unit = found.groups()
    return float(number) * PREFIXES[prefix], unit
