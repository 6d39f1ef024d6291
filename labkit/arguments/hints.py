# SPDX-License-Identifier: BSD-3-Clause
"""What an annotation says of an argument: whether a value fits, what it is in words, the fix."""

import ast
import contextlib
import math
import types
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from numbers import Integral, Real
from os import PathLike
from pathlib import Path
from typing import Annotated, Any, Literal, TypeGuard, Union, get_args, get_origin

from labkit.text import alike, did_you_mean, shown
from labkit.units import plain

WORDS: dict[Any, tuple[str, str]] = {  # of one and of several
    bool: ("True or False", "True or False"),
    int: ("a whole number", "whole numbers"),
    float: ("a number", "numbers"),
    str: ("a text", "texts"),
    bytes: ("bytes", "bytes"),
    Path: ("a path", "paths"),
    PathLike: ("a path", "paths"),
    type(None): ("None", "None"),
}


@dataclass(frozen=True, repr=False)
class Between:
    """The range of a number, both ends included; beside `int` or `float` in Annotated.

    unit: such as "bytes"
    """

    low: float
    high: float = math.inf
    unit: str = ""

    def __repr__(self) -> str:
        if math.isinf(self.high):
            return " ".join(filter(None, (_number(self.low), self.unit, "or more")))
        return f"{_number(self.low)} to {_number(self.high)} {self.unit}".rstrip()


@dataclass(frozen=True)
class Offers:
    """What TAB offers for an argument; beside its type in Annotated.

    names: gives the names, told the arguments that stand before by their names
    """

    names: Callable[[Mapping[str, Any]], Iterable[str]]


@dataclass(frozen=True)
class Called:
    """What a value is in words, of one and of several; beside its type in Annotated."""

    one: str
    several: str


class Misfit(Exception):
    """A value that does not fit; the message says why where that is more than its type."""


def fitted(value: Any, hint: Any) -> Any:
    """The value, as Python's own kind where it is of numpy's; Misfit for what does not fit."""
    origin, parts = get_origin(hint), get_args(hint)
    kind = origin or hint
    if origin is Annotated:
        return _in_range(fitted(value, parts[0]), parts[1:])
    if origin in (Union, types.UnionType):
        return _one_of(value, parts)
    if origin is Literal:
        if not any(type(value) is type(part) and value == part for part in parts):
            raise Misfit(f"it is {words(hint)}{_hint(value, parts)}")
    elif kind in PLAIN:
        return PLAIN[kind](value)
    elif kind in MANY:
        return _many(value, kind, parts[0] if parts else Any)
    elif isinstance(kind, type) and not (_is_open(kind) or isinstance(value, kind)):
        raise Misfit
    return value


def words(hint: Any, *, several: bool = False) -> str:
    """What a value is: "a whole number", "a list of texts or None"."""
    origin, parts = get_origin(hint), get_args(hint)
    if origin is Annotated:
        named = [part for part in parts[1:] if isinstance(part, Called)]
        text = words(parts[0], several=several)
        text = next((name.several if several else name.one for name in named), text)
        ranges = [part for part in parts[1:] if isinstance(part, Between)]
        return text + "".join(f", {r}" if math.isinf(r.high) else f" from {r}" for r in ranges)
    if origin in (Union, types.UnionType):
        known = dict.fromkeys(words(part, several=several) for part in parts)
        *first, last = known
        return f"{', '.join(first)} or {last}" if first else last
    if origin is Literal:
        return " or ".join(map(repr, parts))
    kind = origin or hint
    if kind in WORDS:
        return WORDS[kind][several]
    if kind in MANY:
        inner = words(parts[0], several=True) if parts else "values"
        return f"lists of {inner}" if several else f"a list of {inner}"
    if isinstance(kind, type) and issubclass(kind, Mapping):
        return "a mapping"
    if kind is Callable:
        return "a function"
    name = str(getattr(kind, "__name__", kind))
    return str(getattr(kind, "_in_words", f"{'an' if name[0] in 'AEIOU' else 'a'} {name}"))


def fix(value: Any, hint: Any) -> str:
    """What would have fitted, as Python writes it; empty when nothing comes near."""
    for meant in _near_values(value):
        try:
            return shown(fitted(meant, hint))
        except Misfit:
            continue
    return ""


def literals(hint: Any) -> list[str]:
    """The texts of an annotation's Literal."""
    if get_origin(hint) is Literal:
        return [text for text in get_args(hint) if isinstance(text, str)]
    return [text for part in get_args(hint) for text in literals(part)]


def offers(hint: Any, arguments: Mapping[str, Any]) -> list[str]:
    """What TAB offers for an argument."""
    found = literals(hint)
    for part in get_args(hint):
        if isinstance(part, Offers):
            found += part.names(arguments)
        elif get_args(part):
            found += offers(part, arguments)
    return list(dict.fromkeys(found))


def _near_values(value: Any) -> Iterator[Any]:
    if isinstance(value, str):
        with contextlib.suppress(ValueError, SyntaxError):
            meant = ast.literal_eval(value.strip())
            yield from (meant, [meant])
    if isinstance(value, float) and value.is_integer():
        yield int(value)
    if isinstance(value, Real) and not isinstance(value, bool):
        yield shown(value)
    if isinstance(value, (list, tuple)):
        yield [_near_number(one) for one in value]
    elif not isinstance(value, Mapping) and value is not None:
        yield [value]


def _near_number(value: Any) -> Any:
    found = next(_near_values(value), value) if isinstance(value, (str, float)) else value
    return found if isinstance(found, int) else value


def _is_open(kind: type) -> bool:
    """Whether a class says nothing of a value that could be looked at here."""
    return kind is Any or bool(getattr(kind, "_is_protocol", False))


def _boolean(value: Any) -> bool:
    if not isinstance(value, bool) and type(value).__name__ not in ("bool", "bool_"):  # numpy's
        raise Misfit
    return bool(value)


def _whole(value: Any) -> int:
    if not isinstance(value, Integral) or isinstance(value, bool):
        raise Misfit
    return int(value)


def _real(value: Any) -> float:
    if not is_real(value) or math.isnan(value):
        raise Misfit
    return value if isinstance(value, (int, float)) else float(value)


def is_real(value: object) -> bool:
    """Whether it is a number that a float can hold, infinite and NaN among them."""
    if not isinstance(value, Real) or isinstance(value, bool):
        return False
    try:
        float(value)
    except OverflowError:  # a whole number of more than 308 digits
        return False
    return True


def is_many(value: Any) -> TypeGuard[Iterable[Any]]:
    """Whether it has values to go through. A text has none, nor has numpy's array of no dimension,
    though it is iterable by its type."""
    try:
        iter(value)
    except TypeError:
        return False
    return not isinstance(value, str)


PLAIN: dict[Any, Callable[[Any], Any]] = {bool: _boolean, int: _whole, float: _real}
MANY = (list, tuple, Sequence, Iterable, Collection)


def _hint(value: object, known: Iterable[object]) -> str:
    return did_you_mean(alike(value, map(str, known)))


def _number(value: float) -> str:
    return str(value) if isinstance(value, int) else plain(value, 6)


def _in_range(value: Any, extras: tuple[Any, ...]) -> Any:
    for extra in extras:
        if isinstance(extra, Between) and not extra.low <= value <= extra.high:
            raise Misfit(f"the range is {extra}")
    return value


def _one_of(value: Any, hints: tuple[Any, ...]) -> Any:
    why = ""
    for hint in hints:
        try:
            return fitted(value, hint)
        except Misfit as misfit:
            why = why or str(misfit)
    raise Misfit(why)


def _many(value: Any, kind: Any, hint: Any) -> Any:
    if isinstance(value, (bytes, Mapping)) or not is_many(value):
        raise Misfit
    if not isinstance(value, Collection):
        if kind is not Iterable:
            raise Misfit(f"it is a list of {words(hint, several=True)}; write list(...) around it")
        return value  # what can be looked at once only is looked at where it is used
    given = value.tolist() if hasattr(value, "tolist") else value
    taken = [_element(one, hint) for one in given]
    is_same = given is value and all(a is b for a, b in zip(taken, given, strict=True))
    return value if is_same else taken


def _element(value: Any, hint: Any) -> Any:
    try:
        return fitted(value, hint)
    except Misfit as misfit:
        why = f"it is a list of {words(hint, several=True)}, and {shown(value)} is none"
        if str(misfit):
            why = f"of its elements {shown(value)} is wrong: {misfit}"
        raise Misfit(why) from None


UdpPort = Annotated[int, Between(1, 65535)]
IpAddress = Annotated[str, Called("an IP address", "IP addresses")]
IpAddresses = Iterable[IpAddress]
MacAddress = Annotated[str, Called("a MAC address", "MAC addresses")]
Seconds = Annotated[float, Between(0, unit="s")]
Count = Annotated[int, Between(1)]
