# SPDX-License-Identifier: BSD-3-Clause
"""Who holds a lab, and whether anybody still does once a statement has been carried out.

From the lab one goes up to what refers to it, and on from there, until a name of the notebook or
program is met. What the garbage collector does not show (a variable of a function that runs, a
value that an expression has come to, an array of numpy) is told by a reference too many, and holds.

The collector finds what refers to a thing by going through all of memory, which takes a tenth of a
second in a notebook with large data: it is asked for a level at a time, not for each thing.
"""

import gc
import sys
import time
import types
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

OURS = ("labkit", "IPython", "ipykernel")
MOST_HOLDERS = 100  # no more are looked through
MOST_SECONDS = 0.5  # then something holds it, for all that is known
PAUSE_SECONDS = 0.02  # a thread of a live view holds its lab for an instant now and then


@dataclass(frozen=True, eq=False)
class Place:
    """What is about to get another value.

    Attributes
    ----------
    text: as it is written, such as "lab" or "bench.lab"
    value: what stands there now
    holder: what holds it there: a namespace, an object, a list or a dictionary
    is_local: the namespace is that of a function that runs
    is_now: by the statement that makes a lab, and not by one that follows
    """

    text: str
    value: Any
    holder: Any
    is_local: bool = False
    is_now: bool = True


@dataclass
class Holders:
    """Who holds one of a few things, or what it is in.

    Attributes
    ----------
    names: of the notebook or program, for the things themselves
    others: there is something else that stays
    places: that are about to let go, and be it of what it is in
    is_shown: it is a result of a cell, or in one
    """

    names: list[str] = field(default_factory=list)
    others: bool = False
    places: list[Place] = field(default_factory=list)
    is_shown: bool = False


@dataclass(frozen=True)
class Scene:
    """Where holders are.

    Attributes
    ----------
    names: those of the notebook or program
    results: what IPython keeps of what cells have shown, under `result_names` among others
    places: what is about to get another value
    """

    names: Mapping[str, Any]
    results: Sequence[Mapping[Any, Any]]
    result_names: frozenset[str]
    places: Sequence[Place]

    def holders(self, things: Iterable[Callable[[], Any]]) -> Holders:
        """Of things of labkit; what labkit itself and IPython hold them by does not count.

        things: give them, as weak references do, for a variable would be one more holder
        """
        wanted = list(things)
        deadline = time.monotonic() + MOST_SECONDS
        while True:
            chain = [thing() for thing in wanted]
            found = Holders()
            begin = 0
            while begin < len(chain) and not found.others:
                level, begin = begin, len(chain)
                self._climb(chain, level, found)
                found.others |= len(chain) > MOST_HOLDERS or time.monotonic() > deadline
            if found.others or not self._has_unseen(chain):
                return found
            del chain
            time.sleep(PAUSE_SECONDS)

    def _climb(self, chain: list[Any], begin: int, found: Holders) -> None:
        """Appends the holders of the things from a place on."""
        things = chain[begin:]
        holders = gc.get_referrers(*things)
        owners = _owners([holder for holder in holders if isinstance(holder, dict)])
        known = {id(one) for one in (chain, things, holders, *chain)}
        for holder in holders:
            if id(holder) in known:
                continue
            held = {id(one) for one in gc.get_referents(holder)}
            ways = [  # each is looked at, for what it says of the one it holds
                self._is_on_the_way(holder, thing, found, owners, is_first=begin == 0)
                for thing in things
                if id(thing) in held
            ]
            if any(ways):
                chain.append(holder)

    def _is_on_the_way(
        self,
        holder: Any,
        thing: Any,
        found: Holders,
        owners: Mapping[int, Sequence[Any]],
        *,
        is_first: bool,
    ) -> bool:
        """Whether who holds the holder is to be looked for; else it is known what it means."""
        if holder is self.names:
            self._look_at_names(thing, found, is_first=is_first)
            return False
        if any(holder is results for results in self.results):
            found.is_shown = True
            return False
        if isinstance(holder, types.FrameType):  # of a traceback that is kept
            return False
        letting_go = [p for p in self.places if p.value is thing and _is_in(holder, p.holder)]
        if letting_go:
            found.places += (place for place in letting_go if place.is_now)
            times = sum(one is thing for one in gc.get_referents(holder))
            found.others |= times > len(letting_go)
            return False
        if isinstance(holder, (type, types.ModuleType)):
            found.others = True
            return False
        if isinstance(holder, dict):
            its = owners.get(id(holder), ())
            found.others |= any(isinstance(one, types.ModuleType) for one in its)
            return not found.others and not any(map(_is_ours, its))
        return not _is_ours(holder)

    def _look_at_names(self, thing: Any, found: Holders, *, is_first: bool) -> None:
        for name in [name for name, value in list(self.names.items()) if value is thing]:
            places = [p for p in self.places if p.text == name and p.holder is self.names]
            if name in self.result_names:
                found.is_shown = True
            elif places:
                found.places += (place for place in places if place.is_now)
            elif is_first:
                found.names.append(name)
            else:
                found.others = True

    def _has_unseen(self, chain: list[Any]) -> bool:
        """Whether more refers to one of them than the garbage collector shows."""
        seen = Counter(
            id(one) for holder in gc.get_referrers(*chain) for one in gc.get_referents(holder)
        )
        seen.update(id(place.value) for place in self.places if place.is_local)
        return any(sys.getrefcount(chain[n]) - 1 > seen[id(chain[n])] for n in range(len(chain)))


def _owners(spaces: Sequence[dict[Any, Any]]) -> dict[int, list[Any]]:
    """Whose namespaces dictionaries are, by their identities."""
    owners: dict[int, list[Any]] = {}
    for one in gc.get_referrers(*spaces) if spaces else ():
        owners.setdefault(id(getattr(one, "__dict__", None)), []).append(one)
    return owners


def _is_in(holder: Any, owner: Any) -> bool:
    return holder is owner or holder is getattr(owner, "__dict__", None)


def _is_ours(holder: Any) -> bool:
    """Whether it is an object of labkit, or of the kernel, which keeps what was shown last."""
    return type(holder).__module__.partition(".")[0] in OURS and hasattr(holder, "__dict__")
