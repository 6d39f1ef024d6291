# SPDX-License-Identifier: BSD-3-Clause
"""How a kind of node is declared: once, by the function that makes its nodes.

    @node(role="process", reference="RFC 791 3.2")
    def ttl(by: int = 1, *, name: Name = None) -> None:
        \"\"\"Lowers the TTL of IPv4 packets.\"\"\"

The function has no body. Its name is the kind's, its parameters with their types are the node's,
and its documentation begins with the kind's sentence. Types are those of labkit.path.types; plain
`int` and `float` are numbers of any size, which the native node finds in `self->config.values` in
their order.
"""

import functools
import inspect
from collections.abc import Callable, Mapping
from types import UnionType
from typing import Annotated, Any, ParamSpec, Union, get_args, get_origin, get_type_hints

from labkit.arguments.checked import EVERY, checked, fitting
from labkit.errors import PathError
from labkit.path.cells import Column
from labkit.path.chain import Node
from labkit.path.kinds import KINDS, REQUIRED, NodeKind, Parameter, Role
from labkit.path.values import Params, ParamType, RealType, TextType, WholeType

P = ParamSpec("P")

PLAIN: dict[object, ParamType] = {int: WholeType(), float: RealType(), str: TextType()}
OUTPUTS: dict[Role, tuple[str, ...]] = {"source": ("next",), "process": ("next",), "end": ()}


def make(kind: str, params: Params, name: str | None = None) -> Node:
    """A node of any kind from data, every parameter checked."""
    return Node(kind, KINDS.find(kind).checked(name or kind, params), name)


def node(
    *,
    role: Role,
    reference: str = "",
    outputs: tuple[str, ...] | None = None,
    kind: str | None = None,
    brings_frames_in: bool = True,
    takes_frames_out: bool = True,
    exclusive: bool = False,
    label: str = "",
    counters: tuple[str, ...] = (),
    table: Mapping[str, Column] | None = None,
    asks_where_from: bool = False,
    back: str = "",
    reads_due: bool = False,
    tells_due: bool = False,
    tells_connections: bool = False,
    asks_connections: Callable[[Params], bool] = lambda _: False,
    changes: bool = False,
) -> Callable[[Callable[P, None]], Callable[P, Node]]:
    """Declares a kind of node; what it decorates becomes the maker of its nodes.

    role: "source", "process" or "end"
    reference: the RFC or tool it follows
    outputs: names of its outputs; None: `next`, and none of an end
    kind: its name; None: that of the function
    brings_frames_in: False for a source whose frames entered the path elsewhere
    takes_frames_out: False for an end that leaves every frame to a drop node
    exclusive: a queue of a port can have one node of the kind
    label: what a drawing says of it besides its parameters
    counters: names of those that its native state begins with, in their order
    table: columns of the table that it keeps, RunningPath.tables, in the order of its native cells
    asks_where_from: its native process finds in m->port the port that a frame came by
    back: the kind that shares its state on the way back (labkit.path.both_ways)
    reads_due: it holds none, and reckons with when frames left others (due.h)
    tells_due: it holds frames, and writes into each when it left as it was due (due.h)
    tells_connections: it writes into each frame which connection it belongs to
    asks_connections: whether one with these parameters needs such a node in front
    changes: its parameters may become others while frames flow (struct lk_node_kind, change)
    """

    def declare(function: Callable[P, None]) -> Callable[P, Node]:
        signature = inspect.signature(function)
        known = _parameters(function, signature)
        text = inspect.getdoc(function) or ""
        declared = NodeKind(
            name=kind or function.__name__,
            role=role,
            outputs=OUTPUTS[role] if outputs is None else outputs,
            parameters=tuple(known.values()),
            sentence=" ".join(text.partition("\n\n")[0].split()),
            reference=reference,
            brings_frames_in=role == "source" and brings_frames_in,
            takes_frames_out=role == "end" and takes_frames_out,
            is_exclusive=exclusive,
            label=label,
            counters=counters,
            table=table or {},
            asks_where_from=asks_where_from,
            back=back,
            reads_due=reads_due,
            tells_due=tells_due,
            tells_connections=tells_connections,
            asks_connections=asks_connections,
            changes=changes,
            module=function.__module__,
        )
        if not declared.sentence:
            raise PathError(f"node {declared.name}: say in its documentation what it does")
        KINDS.add(declared)

        fits = checked(PathError, but=EVERY)(function)

        @functools.wraps(function)
        def maker(*args: P.args, **kwargs: P.kwargs) -> Node:
            fits(*args, **kwargs)
            given = signature.bind(*args, **kwargs).arguments
            name = fitting("name", given.pop("name", None), str | None, PathError)
            params = {
                key: _given(declared.name, key, known[key], value) for key, value in given.items()
            }
            return make(declared.name, params, name)

        _describe(maker, signature, f"{text}\n\nReference: {reference}" if reference else text)
        return maker

    return declare


def _given(kind: str, name: str, parameter: Parameter, value: Any) -> Any:
    if value is None and parameter.default is None:
        return None
    try:
        return parameter.type.given(value)
    except PathError as error:
        if name in str(error):
            raise
        raise PathError(f"node {kind}: {name}: {error}") from None


def _parameters(
    function: Callable[..., None], signature: inspect.Signature
) -> dict[str, Parameter]:
    """The node's parameters, `name` left out."""
    hints = get_type_hints(function, include_extras=True)
    found = {}
    for key, parameter in signature.parameters.items():
        if key == "name":
            continue
        kind = _type_of(hints.get(key))
        if kind is None:
            raise PathError(
                f"node {function.__name__}: annotate the parameter {key!r} with a type of "
                "labkit.path.types, int, float or str"
            )
        default = REQUIRED if parameter.default is parameter.empty else parameter.default
        found[key] = Parameter(key, kind, default)
    return found


def _type_of(hint: object) -> ParamType | None:
    """The type that an annotation names, alone or beside None."""
    if get_origin(hint) is Annotated:
        return next((extra for extra in get_args(hint)[1:] if isinstance(extra, ParamType)), None)
    if hint in PLAIN:
        return PLAIN[hint]
    if get_origin(hint) in (Union, UnionType):
        return next(filter(None, map(_type_of, get_args(hint))), None)
    return None


def _describe(maker: Callable[..., Node], signature: inspect.Signature, text: str) -> None:
    """Documentation and signature as help() shows them: plain types, and what it makes."""
    hints = get_type_hints(maker)
    parameters = [
        p.replace(annotation=hints.get(p.name, p.annotation)) for p in signature.parameters.values()
    ]
    maker.__doc__ = text
    maker.__annotations__ = {**{p.name: p.annotation for p in parameters}, "return": Node}
    maker.__signature__ = signature.replace(  # type: ignore[attr-defined]
        parameters=parameters, return_annotation=Node
    )
