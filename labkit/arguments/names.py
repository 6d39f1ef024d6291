# SPDX-License-Identifier: BSD-3-Clause
"""Things by name: one that is not there is told with what may be meant, and TAB offers those that
are."""

from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

from labkit.errors import UnknownName
from labkit.text import alike, did_you_mean, near

V = TypeVar("V")


class Named(dict[str, V]):
    """A dict whose missing key is an UnknownName (KeyError) that suggests the near one."""

    def __init__(
        self, what: str = "name", items: Mapping[str, V] | Iterable[tuple[str, V]] = ()
    ) -> None:
        """what: that its keys are names of, such as "port"."""
        super().__init__(items)
        self.what = what

    def __missing__(self, key: object) -> V:
        raise UnknownName(f"there is no {self.what} {key!r}{near(key, map(str, self))}")

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.what, dict(self))

    def _ipython_key_completions_(self) -> list[str]:
        return list(self)


def no_attribute(module: str, name: str, public: Iterable[str]) -> AttributeError:
    """What a module without such a name says of it."""
    if name.startswith("_"):  # Python and its tools look for many such names
        return AttributeError(f"module {module!r} has no attribute {name!r}")
    hint = did_you_mean(alike(name, public)) or "; TAB and dir() tell those that there are"
    return UnknownName(f"module {module!r} has no attribute {name!r}{hint}")
