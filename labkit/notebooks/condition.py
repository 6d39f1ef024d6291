# SPDX-License-Identifier: BSD-3-Clause
"""Why a condition was false: its source, and what its parts were."""

import ast
import math
import reprlib
import statistics
from collections.abc import Iterable, Iterator
from types import FrameType
from typing import Any

MOST_CHARACTERS = 120
_short = reprlib.Repr()
_short.maxstring = _short.maxother = MOST_CHARACTERS

# Calls that may be made once more to see what they return: they have no effect.
FUNCTIONS = (
    *(abs, all, any, bool, bytes, dict, divmod, float, format, frozenset, getattr, hasattr, hex),
    *(int, isinstance, len, list, max, min, ord, repr, round, set, sorted, str, sum, tuple, type),
)
METHODS = frozenset(
    (
        *("all", "any", "astype", "between", "copy", "count", "decode", "diff", "encode"),
        *("endswith", "equals", "find", "get", "hex", "index", "isin", "isna", "item", "items"),
        *("join", "keys", "lower", "max", "mean", "median", "min", "notna", "nunique", "quantile"),
        *("query", "round", "split", "startswith", "std", "strip", "sum", "to_numpy", "tolist"),
        *("upper", "values", "var"),
    )
)
HARMLESS_MODULES = ("builtins", "numpy", "pandas", "math", "statistics")

Parts = tuple[str, dict[str, str]]


def explain(frame: FrameType) -> Parts:
    """The first argument of the call that `frame` is in: its source, and its parts' values by their
    source.

    The parts are read once more: names, attributes (properties too) and subscripts. Calls are made
    only of functions that are known to have no effect: a second `receive()` returns other frames.
    """
    from executing import Source  # late: of use only to checks that fail

    call = Source.executing(frame).node
    if not isinstance(call, ast.Call) or not call.args:
        return "", {}
    condition: ast.expr = call.args[0]
    if isinstance(condition, ast.Lambda):
        condition = condition.body
    if isinstance(condition, ast.Constant):
        return "", {}
    source = ast.unparse(condition)
    values = shown(source, _read(condition, frame))
    if _is_readable(condition, frame) and _holds(condition, frame):
        values["the condition"] = "true when it was read again"
    return source, values


def shown(source: str, parts: Iterable[tuple[str, Any]]) -> dict[str, str]:
    """Values as text by their source: those that tell something beyond the condition's own."""
    found = {}
    for text, value in parts:
        try:
            said = _short.repr(value) if _says_something(value) else ""
        except Exception:  # whatever it does when it is looked at, the others are shown
            said = ""
        if said and text not in (source, said):
            found[text] = said
    return found


def _read(condition: ast.expr, frame: FrameType) -> Iterator[tuple[str, Any]]:
    """Parts that can be read, from the inside out."""
    for node in reversed(list(ast.walk(condition))):
        is_part = isinstance(node, ast.expr) and not isinstance(node, (ast.Constant, ast.Slice))
        if is_part and _is_readable(node, frame):
            try:
                yield ast.unparse(node), _value(node, frame)
            except Exception:  # such as the right side of `x is None or x.y`
                continue


def _is_readable(condition: ast.AST, frame: FrameType) -> bool:
    """Whether reading it once more has no effect."""
    scoped = (ast.Lambda, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
    acting = (ast.Await, ast.Yield, ast.YieldFrom, ast.NamedExpr)
    nodes = list(ast.walk(condition))
    if any(isinstance(node, scoped + acting) for node in nodes):
        return False
    return all(_is_harmless(node, frame) for node in nodes if isinstance(node, ast.Call))


def _is_harmless(call: ast.Call, frame: FrameType) -> bool:
    try:
        called = _value(call.func, frame)
        arguments = [_value(a, frame) for a in call.args if not isinstance(a, ast.Call)]
    except Exception:  # what cannot be looked at is not called
        return False
    if any(hasattr(argument, "__next__") for argument in arguments):
        return False  # it would be used up
    if isinstance(call.func, ast.Attribute) and call.func.attr in METHODS:
        owner = type(getattr(called, "__self__", None))
        return owner.__module__.partition(".")[0] in HARMLESS_MODULES
    module = getattr(called, "__module__", None)
    return called in FUNCTIONS or module in (math.__name__, statistics.__name__)


def _holds(condition: ast.expr, frame: FrameType) -> bool:
    try:
        return bool(_value(condition, frame))
    except Exception:  # it is as false as it was; the parts tell why
        return False


def _value(node: Any, frame: FrameType) -> Any:
    code = compile(ast.Expression(node), "<a part of a check>", "eval")
    return eval(code, frame.f_globals, frame.f_locals)


def _says_something(value: Any) -> bool:
    """Not a function, a class or a module, nor a table that would fill the page."""
    if callable(value) or hasattr(value, "__path__") or hasattr(value, "__file__"):
        return False
    text = repr(value)
    return "\n" not in text and " at 0x" not in text
