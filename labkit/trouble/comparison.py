# SPDX-License-Identifier: BSD-3-Clause
"""Comparisons of numbers in a line, as rules write them: "lost > limit and age_ms >= 5000"."""

import ast
import operator
from collections.abc import Callable, Collection, Mapping
from itertools import pairwise

from labkit.errors import LabError

Number = int | float
Groups = Mapping[str, str | None]
Comparison = Callable[[Groups], bool]
_Value = Callable[[Groups], Number | None]

IS_HEX = "_hex"  # ends the names of groups that hold hexadecimal numbers without 0x
_COMPARES: Mapping[type[ast.cmpop], Callable[[Number, Number], bool]] = {
    **{ast.Lt: operator.lt, ast.LtE: operator.le, ast.Gt: operator.gt, ast.GtE: operator.ge},
    **{ast.Eq: operator.eq, ast.NotEq: operator.ne},
}
_COMPUTES: Mapping[type[ast.operator], Callable[[Number, Number], Number]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mod: operator.mod,  # of bits: "status % 2 == 1"
}


def comparison(text: str, groups: Collection[str]) -> Comparison:
    """From text with numbers, names of a pattern's groups, + - %, comparisons, and, or and
    parentheses; LabError for other text. What compares with a group that holds no number does not
    hold: that is why there is no "not"."""
    try:
        tree = ast.parse(text, mode="eval").body
    except SyntaxError as error:
        raise LabError(f"comparison {text!r}: {error.msg}") from None
    return _holds(tree, text, groups)


def number(name: str, groups: Groups) -> Number | None:
    """What a group holds: a decimal number, one with 0x, or by its name a hexadecimal one; None of
    a group that was not found, or holds no number."""
    text = groups.get(name)
    if text is None:
        return None
    try:
        if name.endswith(IS_HEX) or text[:2] in ("0x", "0X"):
            return int(text, 16)
        return float(text) if "." in text else int(text)
    except ValueError:
        return None


def _holds(node: ast.expr, text: str, groups: Collection[str]) -> Comparison:
    match node:
        case ast.BoolOp(op=op, values=values):
            parts = [_holds(value, text, groups) for value in values]
            if isinstance(op, ast.And):
                return lambda found: all(part(found) for part in parts)
            return lambda found: any(part(found) for part in parts)
        case ast.Compare(left=left, ops=ops, comparators=rest):
            if all(type(op) in _COMPARES for op in ops):
                sides = [_value(side, text, groups) for side in (left, *rest)]
                compares = [_COMPARES[type(op)] for op in ops]
                return lambda found: _all_hold(compares, [side(found) for side in sides])
    raise LabError(
        f"comparison {text!r}: takes comparisons (< <= > >= == !=), and, or, parentheses"
    )


def _all_hold(
    compares: list[Callable[[Number, Number], bool]], values: list[Number | None]
) -> bool:
    return all(
        a is not None and b is not None and compare(a, b)
        for compare, (a, b) in zip(compares, pairwise(values), strict=True)
    )


def _value(node: ast.expr, text: str, groups: Collection[str]) -> _Value:
    match node:
        case ast.Constant(value=int() | float() as value) if not isinstance(value, bool):
            return lambda _: value
        case ast.Name(id=name) if name in groups:
            return lambda found: number(name, found)
        case ast.Name(id=name):
            there = ", ".join(sorted(groups)) or "none"
            raise LabError(
                f"comparison {text!r}: the pattern has no group {name!r}; it has {there}"
            )
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _COMPUTES:
            a, b = (_value(side, text, groups) for side in (left, right))
            compute = _COMPUTES[type(op)]

            def computed(found: Groups) -> Number | None:
                x, y = a(found), b(found)
                try:
                    return None if x is None or y is None else compute(x, y)
                except ZeroDivisionError:
                    return None

            return computed
    raise LabError(f"comparison {text!r}: compares numbers, names of groups, and their +, - and %")
