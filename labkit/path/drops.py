# SPDX-License-Identifier: BSD-3-Clause
"""Frames by the drop node that refused them."""

from labkit.arguments.names import Named
from labkit.errors import UnknownName
from labkit.text import near


class Drops(Named[int]):
    """Frames by drop node, those with none left out: they are 0 when asked for by name."""

    def __missing__(self, key: object) -> int:
        if key in drop_nodes():
            return 0
        known = [*self, *(name for name in drop_nodes() if name not in self)]
        raise UnknownName(f"there is no drop node {key!r}{near(key, known)}")

    def _ipython_key_completions_(self) -> list[str]:
        return list(dict.fromkeys((*self, *drop_nodes())))


def drop_nodes() -> list[str]:
    """The names of all drop nodes, one a reason to refuse a frame."""
    from labkit.packet.codec import VERDICTS  # native: a ledger of stored results needs none
    from labkit.path.kinds import KINDS

    own = [name for kind in KINDS.values() for name in kind.drops]
    return [*(f"drop_{v.name}" for v in VERDICTS if v.is_drop), *(f"drop_{n}" for n in own)]
