# SPDX-License-Identifier: BSD-3-Clause
"""Typed parameters of a notebook: lk.params, lk.param, and what a value must be."""

import ast
import math
import sys
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from types import NoneType
from typing import Any

from labkit.arguments.names import Named
from labkit.errors import ParameterError
from labkit.notebooks import watching
from labkit.text import html_table, near
from labkit.units import QuantityError, find_quantity, parse_quantity

SCALARS = {bool: "true or false", int: "a whole number", float: "a number", str: "a text"}
WORDS = {"true": True, "false": False, "none": None, "null": None}


@dataclass(frozen=True)
class param:  # noqa: N801  # reads as a function where it is used
    """A parameter's default and what else it may be.

    Attributes
    ----------
    default: also tells the type. A text such as "700 kpps" asks for a number with that unit (pps,
        bit/s, B, s, Hz, %), as lk.Rate reads it; a list or tuple for one of such elements; None
        takes anything.
    help: what it means, with its unit
    low, high: the range, both ends included; of every element where the default is a list
    choices: the values it may have; of every element where the default is a list
    """

    default: Any
    help: str = ""
    low: Any = None
    high: Any = None
    choices: Sequence[Any] | None = None

    def __post_init__(self) -> None:
        if isinstance(self.choices, str) or not isinstance(self.choices, (Collection, NoneType)):
            raise ParameterError(f"choices is {self.choices!r}; it is a list such as [1, 2]")

    def check(self, name: str, value: Any) -> Any:
        """The value as a notebook gets it, sequences as lists; ParameterError when it is none for
        this parameter."""
        if self.default is None:
            _check_plain(name, value)
            return value
        if not isinstance(self.default, (list, tuple)):
            return self._check_one(name, value, self.default)
        if not isinstance(value, (list, tuple)):
            raise ParameterError(f"{name} is {value!r}; it is {self.wanted}")
        model = self.default[0] if self.default else None
        return [self._check_one(name, element, model) for element in value]

    def parse(self, name: str, text: str) -> Any:
        """A value as a command line has it, checked."""
        if isinstance(self.default, str):
            return self.check(name, text)
        try:
            value = WORDS[text.lower()] if text.lower() in WORDS else ast.literal_eval(text)
        except (ValueError, SyntaxError):
            value = text
        return self.check(name, value)

    @property
    def wanted(self) -> str:
        """What a value must be, as a phrase with an example."""
        if isinstance(self.default, (list, tuple)):
            return f"a list such as {list(self.default)!r}"
        return f"{_kind(self.default)} such as {self.default!r}"

    @property
    def limits(self) -> str:
        """The range or the choices as text, empty where there are none."""
        if self.choices is not None:
            return ", ".join(map(str, self.choices))
        if self.low is not None and self.high is not None:
            return f"{self.low} to {self.high}"
        if self.low is not None:
            return f"{self.low} or more"
        return f"{self.high} or less" if self.high is not None else ""

    def _check_one(self, name: str, value: Any, model: Any) -> Any:
        if isinstance(model, float) and isinstance(value, int) and not isinstance(value, bool):
            value = float(value)
        fits = model is None or type(value) is type(model)
        if not fits:
            raise ParameterError(f"{name} is {value!r}; it is {self.wanted}")
        _check_plain(name, value)
        if isinstance(model, str) and (quantity := find_quantity(model)):
            try:
                parse_quantity(value, [quantity.unit])
            except QuantityError as error:
                raise ParameterError(f"{name} is {value!r}; it is {self.wanted}: {error}") from None
        if self.choices is not None and value not in self.choices:
            raise ParameterError(f"{name} is {value!r}; the choices are: {self.limits}")
        try:
            outside = (self.low is not None and _size(value) < _size(self.low)) or (
                self.high is not None and _size(value) > _size(self.high)
            )
        except TypeError:
            raise ParameterError(
                f"{name} is {value!r}, which has no place in the range {self.limits}; give low and "
                "high in the kind of the default"
            ) from None
        if outside:
            raise ParameterError(f"{name} is {value!r}; the range is {self.limits}")
        return value


class Parameters(Mapping[str, param]):
    """The parameters of a notebook by name; shows itself as a table."""

    def __init__(self, declared: Mapping[str, Any]) -> None:
        given = ((k, v if isinstance(v, param) else param(v)) for k, v in declared.items())
        self._declared = Named("parameter", given)
        for name, declaration in self._declared.items():
            declaration.check(name, declaration.default)

    def __getitem__(self, name: str) -> param:
        return self._declared[name]

    def __iter__(self) -> Any:
        return iter(self._declared)

    def __len__(self) -> int:
        return len(self._declared)

    def find(self, name: str, where: str) -> param:
        """The parameter of this name; ParameterError with the near miss when there is none."""
        if name in self._declared:
            return self._declared[name]
        raise ParameterError(f"{where} has no parameter {name!r}{near(name, self._declared)}")

    def __repr__(self) -> str:
        if not self._declared:
            return "no parameters"
        width = max(map(len, self._declared))
        lines = []
        for name, p in self._declared.items():
            notes = ". ".join(n for n in (p.help, f"Range: {p.limits}" if p.limits else "") if n)
            lines.append(f"{name:<{width}} = {p.default!r}  {notes}".rstrip())
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        heads = ("parameter", "default", "may be", "")
        rows = [
            (name, repr(p.default), p.limits or _kind(p.default), p.help)
            for name, p in self._declared.items()
        ]
        return html_table(heads, rows)


def params(**declared: Any) -> Parameters:
    """Declares a notebook's parameters and sets a variable of the notebook for each.

    A parameter is its default, which tells its type, or an lk.param with a range and help:

        lk.params(rate="700 kpps", count=lk.param(100, "datagrams of each size", low=1))
        print(rate, count)

    `labkit run -p count 5`, pytest's --notebook-param and papermill's -p set other values; the
    first two refuse unknown names and values of a wrong type or range before anything starts. They
    read the declaration without running it, so defaults and ranges are written as literals. For
    papermill the cell carries the tag `parameters`.
    """
    watching.install_here()  # most notebooks call this before they check anything
    found = Parameters(declared)
    variables = sys._getframe(1).f_globals
    variables.update({name: found[name].default for name in found})
    return found


def _check_plain(name: str, value: Any) -> None:
    """Raises ParameterError for what a notebook's file cannot hold as it is."""
    if isinstance(value, dict):
        if wrong := [key for key in value if not isinstance(key, str)]:
            raise ParameterError(f"{name} has the key {wrong[0]!r}; a key is a text")
        inner = list(value.values())
    else:
        inner = list(value) if isinstance(value, (list, tuple)) else []
        is_plain = value is None or isinstance(value, (bool, int, float, str, list, tuple))
        if not is_plain or (isinstance(value, float) and not math.isfinite(value)):
            raise ParameterError(
                f"{name} is {value!r}; it is a number, a text, True, False, None, or a list or "
                "dictionary of them"
            )
    for one in inner:
        _check_plain(name, one)


def _kind(default: Any) -> str:
    if quantity := find_quantity(default):
        return f"a text with a number and the unit {quantity.unit}"
    if isinstance(default, (list, tuple)):
        return f"a list of {len(default)}" if not default else f"list: each {_kind(default[0])}"
    return SCALARS.get(type(default), "a dictionary" if isinstance(default, dict) else "anything")


def _size(value: Any) -> Any:
    """What a range is about: the number of a quantity, else the value itself."""
    quantity = find_quantity(value)
    return quantity.value if quantity else value
