# SPDX-License-Identifier: BSD-3-Clause
"""The parts of a check's condition as they were when it was computed, in a notebook.

IPython's transformers rewrite a cell before it runs: in lk.check(len(answers) == 2, …) each part
hands its value on to what keeps it. So calls are seen too, and nothing is done twice.
"""

import ast
import builtins
import sys
import threading
from dataclasses import dataclass, field
from types import CodeType
from typing import Any

from labkit.notebooks.condition import Parts, shown

WATCH, BEGIN = "__labkit_watch__", "__labkit_begin__"
WHOLE = -1
WATCHED = (
    *(ast.Name, ast.Attribute, ast.Subscript, ast.Call, ast.BinOp, ast.UnaryOp, ast.Compare),
    *(ast.BoolOp, ast.IfExp, ast.Await, ast.ListComp, ast.SetComp, ast.DictComp),
)
# What these hold is computed not at all, or many times.
CLOSED = (ast.Lambda, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp, ast.JoinedStr)


@dataclass
class Seen(threading.local):
    """What a thread has seen of the condition that it computes."""

    site: int | None = None
    values: dict[int, Any] = field(default_factory=dict)
    code: CodeType | None = None


@dataclass(frozen=True)
class Site:
    """A condition in a cell: its source, and the sources of its parts."""

    source: str
    parts: list[str]


_sites: list[Site] = []
_seen = Seen()


def install(shell: Any) -> None:
    """Has a notebook's cells watched from the next one on."""
    if not any(isinstance(t, Watcher) for t in shell.ast_transformers):
        builtins.__dict__.update({WATCH: _watch, BEGIN: _begin})
        shell.ast_transformers.append(Watcher())


def install_here() -> None:
    """Has this notebook's cells watched; does nothing where there is no notebook."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    if shell is not None:
        install(shell)


def forget() -> None:
    """A condition is going to be computed."""
    _seen.site, _seen.code = None, None
    _seen.values = {}


def take(code: CodeType | None) -> Parts | None:
    """Source and parts of the condition that was just computed; None if it was not watched.

    code: that the condition must stand in; None: any
    """
    if _seen.site is None or (code is not None and _seen.code is not code):
        return None
    site, values = _sites[_seen.site], _seen.values
    forget()
    return site.source, shown(site.source, ((site.parts[n], v) for n, v in values.items()))


class Watcher(ast.NodeTransformer):
    """Rewrites the conditions of what is called check."""

    def visit_Call(self, node: ast.Call) -> ast.AST:  # ast names it
        """A call: of lk.check, or of anything that is called so, which it does no harm."""
        self.generic_visit(node)
        name = getattr(node.func, "attr", getattr(node.func, "id", ""))
        if name == "check" and node.args and not isinstance(node.args[0], ast.Starred):
            node.args[0] = _watched(node.args[0])
        return ast.fix_missing_locations(node)


class _Parts(ast.NodeTransformer):
    """Makes every part of a condition hand on its value."""

    def __init__(self, site: int, parts: list[str]) -> None:
        self.site = site
        self.parts = parts

    def visit(self, node: ast.AST) -> Any:
        """A part and its parts."""
        if not isinstance(node, WATCHED):
            return node if isinstance(node, CLOSED) else self.generic_visit(node)
        if not isinstance(getattr(node, "ctx", ast.Load()), ast.Load):
            return node
        text = ast.unparse(node)
        if not isinstance(node, CLOSED):
            self.generic_visit(node)
        self.parts.append(text)
        place = ast.Constant(self.site), ast.Constant(len(self.parts) - 1)
        return ast.copy_location(_call(WATCH, *place, node), node)

    def visit_function(self, node: ast.Call) -> None:
        """What is called is no part, but what it belongs to is."""
        if isinstance(node.func, ast.Attribute):
            node.func.value = self.visit(node.func.value)

    def generic_visit(self, node: ast.AST) -> ast.AST:
        """The parts of a part."""
        if not isinstance(node, ast.Call):
            return super().generic_visit(node)
        self.visit_function(node)
        node.args = [self.visit(argument) for argument in node.args]
        for keyword in node.keywords:
            keyword.value = self.visit(keyword.value)
        return node


def _watched(condition: ast.expr) -> ast.expr:
    """A condition, or the function that computes it, that is watched."""
    if isinstance(condition, ast.Lambda):
        condition.body = _watched(condition.body)
        return condition
    is_told = not isinstance(condition, ast.Constant)
    site = Site(ast.unparse(condition) if is_told else "", [])
    number = len(_sites)
    _sites.append(site)
    made = _Parts(number, site.parts).visit(condition)
    begun = _call(BEGIN, ast.Constant(number))
    return ast.copy_location(_call(WATCH, begun, ast.Constant(WHOLE), made), condition)


def _call(name: str, *arguments: ast.expr) -> ast.Call:
    return ast.Call(ast.Name(name, ast.Load()), list(arguments), [])


def _begin(site: int) -> int:
    forget()
    return site


def _watch(site: int, part: int, value: Any) -> Any:
    if part == WHOLE:
        _seen.site, _seen.code = site, sys._getframe(1).f_code
    else:
        _seen.values[part] = value
    return value
