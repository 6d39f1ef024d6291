# SPDX-License-Identifier: BSD-3-Clause
"""What the code that calls somebody is about to give another value, as its source tells."""

import ast
import dis
import sysconfig
import types
from collections.abc import Iterable, Iterator
from contextlib import suppress

from labkit.lab.holders import Place

INSTALLED = tuple(sysconfig.get_path(kind) for kind in ("stdlib", "purelib", "platlib"))


def about_to_be_bound(caller: types.FrameType) -> Iterator[Place]:
    """What the statements of the frame and of its callers bind to what they call, and what the
    statements behind those bind; nothing that is used on the way, or by who called a library that
    has called back."""
    used: set[str] = set()
    known: set[tuple[str, int]] = set()
    frame: types.FrameType | None = caller
    while frame is not None:
        statement, targets, values = _bindings(frame, is_call=frame is caller)
        used |= _names(values)
        now = [(target, True) for target in targets]
        later = [(target, False) for target in _bound_later(statement)]
        for target, is_now in (*now, *later):
            if _names([target]) & used:
                continue
            for place in _places(frame, target, is_now=is_now):
                if (place.text, id(place.value)) not in known:
                    known.add((place.text, id(place.value)))
                    yield place
        code = frame.f_code
        if code.co_name == "<module>" or code.co_filename.startswith(INSTALLED):
            return
        used |= {*code.co_names, *code.co_freevars}
        frame = frame.f_back


def _names(nodes: Iterable[ast.AST]) -> set[str]:
    return {n.id for node in nodes for n in ast.walk(node) if isinstance(n, ast.Name)}


def _bindings(
    frame: types.FrameType, *, is_call: bool
) -> tuple[ast.AST | None, list[ast.expr], list[ast.expr]]:
    """The frame's statement; targets and values of what it binds.

    is_call: it calls lk.Lab itself, so that without source, too, it is known what gets the lab
    """
    import executing  # late: most programs make one lab

    found = executing.Source.executing(frame)
    node = found.node or next(iter(found.statements or ()), None)
    if node is None:
        names = _stored_next(frame) if is_call else []
        return None, [ast.Name(name, ast.Store()) for name in names], []
    while node is not None and not isinstance(node, ast.stmt):
        above = getattr(node, "parent", None)
        if isinstance(above, ast.withitem) and above.optional_vars is not None:
            return None, [above.optional_vars], [above.context_expr]
        if isinstance(above, ast.NamedExpr):
            return None, [above.target], [above.value]
        node = above
    if isinstance(node, ast.Assign):
        return node, _flat(node.targets), [node.value]
    if isinstance(node, ast.AnnAssign) and node.value is not None:
        return node, [node.target], [node.value]
    return node, [], []


def _bound_later(statement: ast.AST | None) -> list[ast.expr]:
    """Names that the statements behind one, in its block, bind without a look at their values."""
    above = getattr(statement, "parent", None)
    blocks = [getattr(above, name, []) for name in ("body", "orelse", "finalbody")]
    block = next((b for b in blocks if isinstance(b, list) and statement in b), [])
    bound: list[ast.expr] = []
    looked_at: set[str] = set()
    for later in block[block.index(statement) + 1 :] if block else []:
        targets: list[ast.expr] = []
        if isinstance(later, ast.Assign):
            targets = _flat(later.targets)
            looked_at |= _names([later.value])
        elif isinstance(later, ast.For):
            targets = _flat([later.target])
            looked_at |= _names([later.iter])
        bound += (t for t in targets if isinstance(t, ast.Name) and t.id not in looked_at)
        looked_at |= _names([later])
    return bound


def _flat(targets: Iterable[ast.expr]) -> list[ast.expr]:
    """The targets of `a, (b, c) = ...` one by one."""
    flat: list[ast.expr] = []
    for target in targets:
        flat += _flat(target.elts) if isinstance(target, (ast.Tuple, ast.List)) else [target]
    return flat


def _stored_next(frame: types.FrameType) -> list[str]:
    """Names that get the value of the call that a frame without source (%%time) is at."""
    names: list[str] = []
    for instruction in dis.get_instructions(frame.f_code):
        if instruction.offset <= frame.f_lasti:
            continue
        if instruction.opname.startswith("STORE_"):
            names.append(str(instruction.argval))
        elif instruction.opname not in ("CACHE", "UNPACK_SEQUENCE", "COPY"):
            break
    return names


def _places(frame: types.FrameType, target: ast.expr, *, is_now: bool) -> Iterator[Place]:
    if isinstance(target, ast.Name):
        code = frame.f_code
        is_local = target.id in (*code.co_varnames, *code.co_cellvars, *code.co_freevars)
        is_top = code.co_name == "<module>"
        space = frame.f_locals if is_local or is_top else frame.f_globals
        yield Place(target.id, space.get(target.id), space, is_local=is_local, is_now=is_now)
        return
    if isinstance(target, (ast.Attribute, ast.Subscript)):
        import pure_eval  # late, too

        known = pure_eval.Evaluator.from_frame(frame)
        with suppress(pure_eval.CannotEval):
            yield Place(ast.unparse(target), known[target], known[target.value], is_now=is_now)
