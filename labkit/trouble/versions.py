# SPDX-License-Identifier: BSD-3-Clause
"""Versions of drivers in their order: "2.8.0g" after "2.2.10"."""

import re

Version = tuple[int, ...]

_IN_TREE = re.compile(r"\d[kK]$")


def is_comparable(text: str) -> bool:
    """Whether it can be set against a vendor's releases. A driver that came with its kernel, such
    as "2.1.0K" of ENA, goes on while its number stands still; some tell no number at all."""
    return bool(version(text)) and _IN_TREE.search(text) is None


def version(text: str) -> Version:
    """The numbers at its beginning; () of what begins with none, which is before all."""
    found = re.match(r"\D{0,2}(\d+(?:\.\d+)*)", text)
    return tuple(map(int, found[1].split("."))) if found else ()
