# SPDX-License-Identifier: BSD-3-Clause
"""Hints by degrees: a check that fails again with another answer tells one more of its hints."""

from collections.abc import Sequence

from labkit.errors import LabError
from labkit.text import plural, shown

MORE = "after another try)"  # ends the line that tells how many are left
Hints = str | Sequence[str]
# In this process: by a check's name, what was tried so far
_tried: dict[str, list[str]] = {}


def hints_of(given: object) -> list[str]:
    """The hints that a check was given, the first one first; LabError for what is none."""
    hints = [given] if isinstance(given, str) else given
    if not isinstance(hints, (list, tuple)) or not all(isinstance(hint, str) for hint in hints):
        raise LabError(
            f"hint is {shown(given)}; it is a text, or a list of texts of which each failed try "
            'tells one more: hint=["which VLAN is Bob in?", "a trunk carries all of them"]'
        )
    return [hint for hint in hints if hint]


def next_hints(name: str, hints: Sequence[str], tried: str) -> str:
    """The hints for a check that failed: one more than before, unless the same was tried.

    tried: the answer as text, or what else tells one try from another
    """
    tries = _tried.setdefault(name, [])
    if tried not in tries:
        tries.append(tried)
    told = list(hints[: len(tries)])
    left = len(hints) - len(told)
    if left:
        told.append(f"({plural(left, 'more hint')} {MORE}")
    return "\n".join(told)


def forget() -> None:
    """Begins anew, as a kernel does that was started again."""
    _tried.clear()
