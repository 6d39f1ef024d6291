# SPDX-License-Identifier: BSD-3-Clause
"""Values of parameters, and the plain types that they may be of."""

from collections.abc import Mapping
from dataclasses import dataclass
from numbers import Integral, Real
from typing import Any

from labkit.errors import PathError
from labkit.text import shown
from labkit.units import plain

Value = str | int | float | list[str] | Mapping[str, Any] | None  # as in JSON
Params = Mapping[str, Value]

MOST_LETTERS = 30  # of a line in a drawing


class ParamType:
    """A type of parameter. Subclasses say what they have to.

    is_name_within: its values are names that only the engine needs, and no picture shows them
    has_place: the native node finds it in `self->config.values`, 0 where it is not given
    """

    is_name_within = False
    has_place = False

    def given(self, value: Any) -> Value:
        """What a caller gave as a JSON value."""
        return value  # type: ignore[no-any-return]

    def check(self, where: str, name: str, value: Value) -> Value:
        """The value as it is kept; PathError with node, parameter and the range."""
        raise NotImplementedError

    def remark(self, value: Value) -> str:
        """What a drawing says of it in the line of kind and port."""
        return ""

    def lines(self, value: Value) -> list[str]:
        """What a drawing says of it in lines of its own."""
        return []


@dataclass(frozen=True)
class WholeType(ParamType):
    """A whole number."""

    has_place = True
    lowest: int = -(2**63)
    highest: int = 2**63 - 1

    def check(self, where: str, name: str, value: Value) -> Value:
        """Within the range."""
        is_whole = isinstance(value, Integral) and not isinstance(value, bool)
        if not is_whole or not self.lowest <= int(value) <= self.highest:  # type: ignore[arg-type]
            raise PathError(
                f"node {where}: {name} is {shown(value)}; "
                f"the range is {self.lowest} to {self.highest}"
            )
        return int(value)  # type: ignore[arg-type]  # one of numpy's is one too


@dataclass(frozen=True)
class RealType(ParamType):
    """A number."""

    has_place = True
    lowest: float = float("-inf")
    highest: float = float("inf")
    meaning: str = "the range is {lowest} to {highest}"

    def check(self, where: str, name: str, value: Value) -> Value:
        """Within the range."""
        is_number = isinstance(value, Real) and not isinstance(value, bool)
        if not is_number or not self.lowest <= float(value) <= self.highest:  # type: ignore[arg-type]
            meaning = self.meaning.format(lowest=plain(self.lowest), highest=plain(self.highest))
            raise PathError(f"node {where}: {name} is {shown(value)}; {meaning}")
        return value if isinstance(value, (int, float)) else float(value)  # type: ignore[arg-type]


class TextType(ParamType):
    """A text that is not empty."""

    def check(self, where: str, name: str, value: Value) -> Value:
        """Not empty."""
        if not isinstance(value, str) or not value:
            raise PathError(
                f"node {where}: {name} is {shown(value)}; it is a text that is not empty"
            )
        return value


@dataclass(frozen=True)
class ChoiceType(ParamType):
    """One of a few words; the native node knows it by its place among them."""

    has_place = True
    words: tuple[str, ...]

    def check(self, where: str, name: str, value: Value) -> Value:
        """One of the words."""
        if not isinstance(value, str) or value not in self.words:
            raise PathError(
                f"node {where}: {name} is {shown(value)}; "
                f"it is {' or '.join(map(repr, self.words))}"
            )
        return value
