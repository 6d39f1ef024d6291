# SPDX-License-Identifier: BSD-3-Clause
"""Answers as data: what of a value goes from a student's process to that of the checks.

Nothing here runs code of the sender's: numbers, texts, lists and the like, packets as their bytes,
and settings of labkit by their fields. Everything else is refused, with the name of its type.
"""

import dataclasses
import math
from typing import Any

SETTINGS = ("TrafficClass",)  # labkit's, of plain fields
PACKETS = {"Ether": "l2", "ARP": "l2", "IP": "inet", "IPv6": "inet6"}  # scapy's, by module
MOST_PARTS = 20_000
DEEPEST = 20
Data = Any  # of JSON


class NotPlain(Exception):
    """A value that is not taken over."""


def to_data(value: object, depth: int = 0) -> Data:
    """A value as data of JSON; NotPlain where it is of another type."""
    if depth > DEEPEST:
        raise NotPlain(f"is nested deeper than {DEEPEST}")
    if hasattr(value, "item") and getattr(value, "shape", None) == ():  # numpy's numbers
        value = value.item()
    kind = type(value).__name__
    match value:
        case None | bool() | str():
            return value
        case int():
            return {"int": hex(value)}
        case float():
            return {"float": repr(float(value))}
        case bytes():
            return {"bytes": value.hex()}
        case list() | tuple() | set() | frozenset():
            name = next(k for k in (list, tuple, frozenset, set) if isinstance(value, k)).__name__
            return {name: [to_data(part, depth + 1) for part in value]}
        case dict():
            pairs = [
                [to_data(key, depth + 1), to_data(part, depth + 1)] for key, part in value.items()
            ]
            return {"dict": pairs}
    if value is ...:
        return {"open": True}
    if kind in SETTINGS and dataclasses.is_dataclass(value):
        fields = {f.name: getattr(value, f.name) for f in dataclasses.fields(value) if f.init}
        return {kind: {name: to_data(field, depth + 1) for name, field in fields.items()}}
    if kind in PACKETS:
        return {kind: bytes(value).hex()}  # type: ignore[call-overload]
    raise NotPlain(f"is a {kind}")


def from_data(data: Data) -> object:
    """The value of data, which may come from anybody; NotPlain for what to_data does not make."""
    if _parts(data) > MOST_PARTS:
        raise NotPlain(f"has more than {MOST_PARTS:,} parts")
    try:
        return _built(data, 0)
    except NotPlain:
        raise
    except Exception as error:  # of whatever a class makes of fields that it does not take
        raise NotPlain(f"cannot be read: {type(error).__name__}") from None


def _built(data: Data, depth: int) -> object:
    if depth > 2 * DEEPEST:
        raise NotPlain(f"is nested deeper than {DEEPEST}")
    if data is None or isinstance(data, (bool, str)):
        return data
    ((kind, inside),) = data.items()

    def each(parts: list[Data]) -> list[object]:
        return [_built(part, depth + 1) for part in parts]

    match kind:
        case "int":
            return int(inside, 16)
        case "float":
            return math.nan if inside == "nan" else float(inside)
        case "bytes":
            return bytes.fromhex(inside)
        case "open":
            return ...
        case "list":
            return each(inside)
        case "tuple":
            return tuple(each(inside))
        case "set":
            return set(each(inside))
        case "frozenset":
            return frozenset(each(inside))
        case "dict":
            return {_built(key, depth + 1): _built(part, depth + 1) for key, part in inside}
    if kind in SETTINGS:
        import labkit  # late: few answers have settings

        return getattr(labkit, kind)(
            **{str(name): _built(part, depth + 1) for name, part in inside.items()}
        )
    if kind in PACKETS:
        from importlib import import_module  # late, as scapy's layers are slow

        layer = getattr(import_module(f"scapy.layers.{PACKETS[kind]}"), kind)
        return layer(bytes.fromhex(inside))
    raise NotPlain("is of a kind that is not known")


def _parts(data: Data) -> int:
    """How many parts there are, without recursion."""
    count, left = 0, [data]
    while left and count <= MOST_PARTS:
        part = left.pop()
        count += 1
        if isinstance(part, dict):
            left += part.values()
        elif isinstance(part, list):
            left += part
    return count
