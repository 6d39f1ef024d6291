# SPDX-License-Identifier: BSD-3-Clause
"""Both ends of a command's call, made from what `commands.py` describes."""

import inspect
import os
from collections.abc import Callable, Sequence
from typing import Any, cast

from labkit.engine.commands import SECONDS_OF_ANY, Commands, Descriptors

Ask = Callable[[str, Sequence[int], dict[str, Any]], Any]  # command, descriptors, arguments

_SIGNATURES = {
    name: inspect.signature(method)
    for name, method in vars(Commands).items()
    if inspect.isfunction(method) and not name.startswith("_")
}
NAMES = tuple(_SIGNATURES)
# What `given` says of them: how long each may take, which clean up, and what takes back the answer
# that nobody waits for any more, as which argument.
SECONDS: dict[str, float] = {
    name: getattr(getattr(Commands, name), "seconds", SECONDS_OF_ANY) for name in NAMES
}
CLEANS = frozenset(name for name in NAMES if getattr(getattr(Commands, name), "cleans", False))
UNDONE_BY: dict[str, tuple[str, str]] = {
    name: (undo, list(_SIGNATURES[undo].parameters)[1])
    for name in NAMES
    if (undo := getattr(getattr(Commands, name), "undo", None))
}
_DESCRIPTORS = "descriptors"  # the parameter that is no JSON value
_TAKES_DESCRIPTORS = {
    name
    for name, signature in _SIGNATURES.items()
    if _DESCRIPTORS in signature.parameters
    and signature.parameters[_DESCRIPTORS].annotation is Descriptors
}


def commands_over(ask: Ask) -> Commands:
    """The commands as methods, each of which asks for itself."""
    return cast(Commands, _Proxy(ask))


def answer_to(
    commands: Commands, name: str, arguments: dict[str, Any], descriptors: Sequence[int]
) -> Any:
    """Runs the command that was asked for. LookupError for what is no command, whatever else the
    object may have under that name."""
    if name not in _TAKES_DESCRIPTORS:
        for descriptor in descriptors:
            os.close(descriptor)
    if name not in _SIGNATURES:
        raise LookupError(f"there is no command {name!r}")
    if name in _TAKES_DESCRIPTORS:
        arguments = {**arguments, _DESCRIPTORS: Descriptors(descriptors)}
    return getattr(commands, name)(**arguments)


class _Proxy:
    """Gets a method for each command below."""

    def __init__(self, ask: Ask) -> None:
        self._ask = ask


def _asking(name: str, signature: inspect.Signature) -> Callable[..., Any]:
    def command(self: _Proxy, *values: Any, **named: Any) -> Any:
        arguments = signature.bind(self, *values, **named).arguments
        del arguments["self"]
        descriptors = arguments.pop(_DESCRIPTORS, ())
        return self._ask(name, descriptors, arguments)

    command.__name__ = name
    command.__qualname__ = f"Commands.{name}"
    command.__doc__ = getattr(Commands, name).__doc__
    return command


for _name, _signature in _SIGNATURES.items():
    setattr(_Proxy, _name, _asking(_name, _signature))
