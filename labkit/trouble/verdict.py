# SPDX-License-Identifier: BSD-3-Clause
"""Conditions over signs, as rules write them: "silent and (reset or counted) and not paused"."""

import ast
from collections.abc import Callable

from labkit.errors import LabError

Condition = Callable[[Callable[[str], bool]], bool]


def condition(text: str, names: frozenset[str]) -> Condition:
    """From text with and, or, not, parentheses and the names of signs; LabError for other text."""
    try:
        tree = ast.parse(text, mode="eval").body
    except SyntaxError as error:
        raise LabError(f"condition {text!r}: {error.msg}") from None
    return _of(tree, text, names)


def _of(node: ast.expr, text: str, names: frozenset[str]) -> Condition:
    match node:
        case ast.Name(id=name) if name in names:
            return lambda holds: holds(name)
        case ast.Name(id=name):
            raise LabError(f"condition {text!r}: there is no sign {name!r}; there are {names}")
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            inner = _of(operand, text, names)
            return lambda holds: not inner(holds)
        case ast.BoolOp(op=op, values=values):
            parts = [_of(value, text, names) for value in values]
            if isinstance(op, ast.And):
                return lambda holds: all(part(holds) for part in parts)
            return lambda holds: any(part(holds) for part in parts)
    raise LabError(f"condition {text!r}: takes and, or, not, parentheses and names of signs")
