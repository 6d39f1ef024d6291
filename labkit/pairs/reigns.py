# SPDX-License-Identifier: BSD-3-Clause
"""Which side was main when, as a pair goes on."""

from dataclasses import dataclass

from labkit.pairs.side import Side
from labkit.pairs.stitching import Epoch


@dataclass(eq=False)
class Reign:
    """A time of a side as main; see Epoch. What is not known yet is None."""

    side: Side
    instance: int
    base_ns: int
    from_ns: int | None
    to_ns: int | None = None
    until_ns: int | None = None
    limit_ns: int | None = None


class Reigns:
    """All of them, in their order."""

    def __init__(self, first: Side, now_ns: int) -> None:
        self._all = [Reign(first, 0, now_ns, now_ns)]

    @property
    def last(self) -> Reign:
        """That of who is main."""
        return self._all[-1]

    def end(self, to_ns: int, until_ns: int) -> Reign:
        """Main is main no more."""
        self.last.to_ns, self.last.until_ns = to_ns, until_ns
        return self.last

    def begin(self, side: Side, instance: int, base_ns: int) -> None:
        """Another one is."""
        self._all.append(Reign(side, instance, base_ns, None))

    def epochs(self) -> list[Epoch]:
        """Those in which frames were sent, with what was recorded of them so far."""
        return [
            Epoch(
                number,
                r.side.name,
                r.instance,
                list(r.side.recorded.samples),
                "" if r.side.has_own_engine else f"port/{r.side.name}/",
                r.from_ns,
                r.to_ns,
                r.base_ns,
                r.until_ns,
                r.limit_ns,
            )
            for number, r in enumerate(list(self._all), start=1)
            if r.from_ns is not None
        ]
