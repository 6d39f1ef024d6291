# SPDX-License-Identifier: BSD-3-Clause
"""Nodes in Python: slow, and needing no compiler."""

import hashlib
import inspect
import textwrap
from collections.abc import Callable
from contextlib import suppress
from typing import Any, overload

from labkit.arguments.checked import EVERY, checked, fitting
from labkit.errors import PathError
from labkit.lab.python_nodes import ERROR, FUNCTIONS, Function
from labkit.node.made import Maker, declare
from labkit.node.source import USED, check_name
from labkit.packet.edges import MOST_OUTPUTS, MOST_OWN_DROPS
from labkit.path.chain import Chain
from labkit.path.own_node import OwnNode
from labkit.path.python_nodes import in_python
from labkit.text import shown


@overload
def python_node(function: Function) -> Callable[..., Chain]: ...
@overload
def python_node(
    *, drops: tuple[str, ...] = (), outputs: tuple[str, ...] = ()
) -> Callable[[Function], Callable[..., Chain]]: ...
@checked(PathError, but=("function",))
def python_node(
    function: Any = None, *, drops: tuple[str, ...] = (), outputs: tuple[str, ...] = ()
) -> Any:
    """Makes a node of a function in Python; what it decorates becomes the maker of its nodes.

        @lk.python_node(drops=("ttl_exceeded",))
        def ttl(frame):
            packet = Ether(frame)
            if packet[IP].ttl <= 1:
                return "drop_ttl_exceeded"
            packet[IP].ttl -= 1
            del packet[IP].chksum
            return packet

        lab.run(lk.rx(a) >> ttl() >> lk.tx(b))

    The function gets a frame as bytes, and gives the frame that goes on (bytes or a scapy packet),
    None where that is the one it got, or where it goes: "next", "other", a drop node or output of
    its own; or both, as a tuple of word and frame. Where it raises, the frame ends in
    drop_python_error, and the first time that is told.

    drops: names of its drop nodes, without "drop_"; outputs: of its outputs besides next and other

    For teaching and for a look: a frame takes some 10 µs to 1 ms. Frames go to the kernel of the
    notebook and back, and what comes next waits for nothing: at most 256 are away at once, and
    those that find no room end in drop_python_full. Counters: passed, held, most_held.
    """

    def decorate(function: Function) -> Callable[..., Chain]:
        own = _own(function, drops, outputs)
        FUNCTIONS[own.native] = function
        declare(own)
        return _maker(own)

    return decorate if function is None else decorate(function)


def _own(function: Any, drops: tuple[str, ...], outputs: tuple[str, ...]) -> OwnNode:
    if not inspect.isfunction(function):
        raise PathError(f"{shown(function)} is no function; lk.python_node decorates a function")
    name = function.__name__
    check_name(name)
    with_frame = inspect.Signature.bind
    try:
        with_frame(inspect.signature(function), b"")
    except TypeError:
        raise PathError(
            f"node {name}: its function is called with a frame alone: def {name}(frame)"
        ) from None
    for what, given, most in (("drops", drops, MOST_OWN_DROPS), ("outputs", outputs, MOST_OUTPUTS)):
        for one in given:
            if not USED.fullmatch(one) or one in ("next", "other") or one.startswith("drop_"):
                raise PathError(
                    f"node {name}: {what} has {shown(one)}; a name has 1 to 32 small letters, "
                    "digits and _, begins with a letter, not with drop_, and is not next or other"
                )
        if len(given) > most or len(set(given)) < len(given):
            raise PathError(
                f"node {name}: {what} is {shown(given)}; it has up to {most} names, each once"
            )
    text = ""
    with suppress(OSError, TypeError):  # made by exec()
        text = textwrap.dedent(inspect.getsource(function))
    identity = f"{text}{id(function)}{drops}{outputs}"
    sentence = " ".join((inspect.getdoc(function) or "").partition("\n\n")[0].split())
    return OwnNode(
        name=name,
        native=f"{name}_p{hashlib.sha256(identity.encode()).hexdigest()[:12]}",
        language="Python",
        text=text,
        sentence=sentence,
        drops=tuple(dict.fromkeys((*drops, ERROR))),
        outputs=outputs,
    )


def _maker(own: OwnNode) -> Maker:
    def maker(*, name: str | None = None) -> Chain:
        return in_python(own.name, fitting("name", name, str | None, PathError))

    maker.__name__ = maker.__qualname__ = own.name
    maker.__doc__ = own.sentence or None
    maker.own = own  # type: ignore[attr-defined]
    return checked(PathError, but=EVERY)(maker)
