# SPDX-License-Identifier: BSD-3-Clause
"""What a name means, as the library has it: a drop, a counter, a node, an error, a public name."""

import inspect
from collections.abc import Iterator

import labkit as lk
import labkit.errors
from labkit.manual.drops import advice
from labkit.packet.codec import VERDICT_BY_NAME
from labkit.path.kinds import KINDS
from labkit.sources import catalogue

PUBLIC: list[str] = vars(lk)["__all__"]
MODULES = ("dut", "fault", "nic", "node", "sources", "trouble", "xstats")  # that have public names


def meaning(name: str) -> str:
    """What the name means, each of its meanings with its kind in front; "" for an unknown one."""
    found = (told(name.removeprefix("lk.")) for told in (_drop, _error, _public, _node, _counter))
    return "\n\n".join(filter(None, found))


def pattern(name: str) -> str:
    """What a counter of this name is called in the catalogue: "rx_q{n}_errors"."""
    metric = catalogue.find(name)
    return metric.name if metric else ""


def names() -> Iterator[str]:
    """All names that have a meaning."""
    yield from (f"drop_{verdict.name}" for verdict in VERDICT_BY_NAME.values() if verdict.is_drop)
    yield from _errors()
    yield from PUBLIC
    for module in MODULES:
        found = getattr(lk, module)
        for name in found.__all__:
            if inspect.isclass(value := getattr(found, name)) or inspect.isfunction(value):
                yield f"{module}.{name}"
    yield from KINDS
    yield from (metric.name for metric in catalogue.metrics())


def _is_error(value: object) -> bool:
    return inspect.isclass(value) and issubclass(value, lk.LabError)


def _errors() -> dict[str, type]:
    """Those of labkit.errors, and those that stand among the public names."""
    modules = (labkit.errors, *(getattr(lk, module) for module in MODULES))
    found = {name: getattr(module, name) for module in modules for name in dir(module)}
    found |= {name: getattr(lk, name) for name in PUBLIC}
    return {name: value for name, value in found.items() if _is_error(value)}


def _drop(name: str) -> str:
    verdict = VERDICT_BY_NAME.get(name.rpartition("/")[2].removeprefix("drop_"))
    if verdict is None or not verdict.is_drop:
        return ""
    lines = [f"drop_{verdict.name}: a drop", verdict.sentence]
    if told := advice(f"drop_{verdict.name}"):
        lines.append(f"What to do: {told}")
    if verdict.source:
        lines.append(f"Source: {verdict.source}")
    return "\n  ".join(lines)


def _error(name: str) -> str:
    value = _errors().get(name.rpartition(".")[2])
    return _documented(name, "an error", value) if value else ""


def _public(name: str) -> str:
    module, _, member = name.rpartition(".")
    if module:
        public = module in MODULES and member in getattr(lk, module).__all__
        value = getattr(getattr(lk, module), member) if public else None
    else:
        value = getattr(lk, name) if name in PUBLIC else None
    if value is None or _is_error(value):
        return ""
    call = str(inspect.signature(value)) if inspect.isfunction(value) else ""
    return _documented(f"lk.{name}{call if len(call) < 60 else '(…)' if call else ''}", "", value)


def _node(name: str) -> str:
    kind = KINDS.get(name)
    if kind is None or name in PUBLIC:  # which says more
        return ""
    return f"{name}: a node\n  {kind.sentence}"


def _counter(name: str) -> str:
    if _drop(name):  # which says more
        return ""
    of_the_pattern = (metric for metric in catalogue.metrics() if metric.name == name)
    return str(next(of_the_pattern, None) or catalogue.find(name) or "")


def _documented(title: str, kind: str, value: object) -> str:
    text = inspect.getdoc(value) or ""
    body = "\n".join(f"  {line}".rstrip() for line in text.splitlines())
    return f"{title}{f': {kind}' if kind else ''}\n{body}"
