# SPDX-License-Identifier: BSD-3-Clause
"""Versions of drivers in their order: "2.8.0g" after "2.2.10"."""

import re

Version = tuple[int, ...]


def version(text: str) -> Version:
    """The numbers at its beginning; () of what begins with none, which is before all."""
    found = re.match(r"\D{0,2}(\d+(?:\.\d+)*)", text)
    return tuple(map(int, found[1].split("."))) if found else ()
