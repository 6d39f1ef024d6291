# SPDX-License-Identifier: BSD-3-Clause
"""What to do about a drop, where there is something to do."""

import tomllib
from functools import lru_cache
from pathlib import Path

FILE = Path(__file__).parent / "drop_advice.toml"


@lru_cache(maxsize=1)
def _advice() -> dict[str, str]:
    found: dict[str, str] = tomllib.loads(FILE.read_text(encoding="utf-8"))
    return found


def known() -> list[str]:
    """Drop nodes about which there is something to do."""
    return list(_advice())


def advice(name: str) -> str:
    """What to do about the drop node of this name; "" where that follows from what it means."""
    return _advice().get(name, "")
