# SPDX-License-Identifier: BSD-3-Clause
"""Functions whose arguments are checked against their annotations before they run.

    @checked()
    def echo(port: Port, *, udp_port: Annotated[int, Between(1, 65535)] = 7) -> None: ...

    echo(client, udp_port="9000")
    LabError: udp_port is '9000'; it is a whole number from 1 to 65535, such as 7; write 9000

A class is checked where it is made. What an annotation names for type checkers alone is left to
the function, and so are defaults.
"""

import functools
import inspect
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from labkit.arguments.hints import Misfit, fitted, fix, words
from labkit.errors import CallError, LabError
from labkit.text import near, shown

EVERY = ("*",)
F = TypeVar("F", bound=Callable[..., Any])


def checked(error: type[LabError] = LabError, *, but: tuple[str, ...] = ()) -> Callable[[F], F]:
    """Checks what a function or class is called with.

    error: raised for a value that does not fit; its message is the only argument
    but: names of arguments that the function checks by itself; EVERY: all of them
    """

    def decorate(thing: F) -> F:
        if isinstance(thing, type):
            made: Any = thing
            made.__init__ = _checked(made.__init__, error, but)
            return thing
        return _checked(thing, error, but)  # type: ignore[return-value]

    return decorate


def hints_of(function: Callable[..., Any]) -> dict[str, Any]:
    """The annotations of a function's parameters by name, as far as they can be looked up."""
    plain = inspect.unwrap(function)
    found = {}
    for name, parameter in inspect.signature(plain).parameters.items():
        hint = parameter.annotation
        if isinstance(hint, str):
            try:
                hint = eval(hint, plain.__globals__)
            except NameError:  # a name that type checkers alone import
                continue
        if hint is not parameter.empty:
            found[name] = hint
    return found


def fitting(
    name: str, value: Any, hint: Any, error: type[LabError] = LabError, default: Any = None
) -> Any:
    """The value of an argument as it is taken; an error with the allowed ones and the fix.

    default: an example of what it may be
    """
    try:
        return fitted(value, hint)
    except Misfit as misfit:
        text = "; ".join(_sentences(name, hint, value, default, str(misfit)))
        raise error(text) from None


def _checked(
    function: Callable[..., Any], error: type[LabError], but: tuple[str, ...]
) -> Callable[..., Any]:
    @functools.cache
    def known() -> tuple[inspect.Signature, dict[str, Any]]:
        hints = {
            key: hint for key, hint in hints_of(function).items() if key not in but and but != EVERY
        }
        return inspect.signature(function), hints

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        signature, hints = known()
        try:
            bound = signature.bind(*args, **kwargs)
        except TypeError:
            raise _faulty_call(function, signature, args, kwargs) from None
        given = bound.arguments
        for key, value in given.items():
            if key in hints:
                given[key] = _taken(signature.parameters[key], hints[key], value, error)
        return function(*bound.args, **bound.kwargs)

    return call


def _taken(parameter: inspect.Parameter, hint: Any, value: Any, error: type[LabError]) -> Any:
    if parameter.kind is parameter.VAR_POSITIONAL:
        return tuple(fitting(parameter.name, one, hint, error) for one in value)
    if parameter.kind is parameter.VAR_KEYWORD:
        return {key: fitting(key, one, hint, error) for key, one in value.items()}
    return fitting(parameter.name, value, hint, error, parameter.default)


def _sentences(name: str, hint: Any, value: Any, default: Any, why: str) -> Iterator[str]:
    yield f"{name} is {shown(value)}"
    has_example = isinstance(default, (int, float, str, tuple)) and not isinstance(default, bool)
    example = list(default) if isinstance(default, tuple) else default
    such = f", such as {example!r}" if has_example and default not in ("", ()) else ""
    yield why or f"it is {words(hint)}{such}"
    if meant := fix(value, hint):
        yield f"write {meant}"


def _faulty_call(
    function: Callable[..., Any], signature: inspect.Signature, args: Any, kwargs: Any
) -> CallError:
    """What Python says of a call that does not fit, and which argument may be meant."""
    try:
        function(*args, **kwargs)
    except TypeError as error:
        text = str(error).replace(".__init__()", "()")
    parameters = [p.name for p in signature.parameters.values() if p.name != "self"]
    unknown = [key for key in kwargs if key not in signature.parameters]
    return CallError(text + (near(unknown[0], parameters) if unknown else ""))
