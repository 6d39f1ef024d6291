# SPDX-License-Identifier: BSD-3-Clause
"""Words and tables as people read them."""

import difflib
from collections import Counter
from collections.abc import Iterable


def unique(names: Iterable[str]) -> list[str]:
    """Names with a number behind those that came before: net_ena has two counters rx_q0_bytes."""
    seen: Counter[str] = Counter()
    found = []
    for name in names:
        seen[name] += 1
        found.append(name if seen[name] == 1 else f"{name}#{seen[name]}")
    return found


def first_free(wanted: str, taken: Iterable[str]) -> str:
    """A name, with the first number behind it that nobody has if it is taken."""
    names = set(taken)
    if wanted not in names:
        return wanted
    return next(f"{wanted}{n}" for n in range(2, len(names) + 3) if f"{wanted}{n}" not in names)


def near(word: str, known: Iterable[str]) -> str:
    """What there is in place of a word that is not known, and which of it may be meant."""
    names = list(known)
    alike = difflib.get_close_matches(word, names, 1)
    hint = f"; did you mean {alike[0]!r}?" if alike else ""
    return f" (there are: {', '.join(names) or 'none'}){hint}"
