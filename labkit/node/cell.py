# SPDX-License-Identifier: BSD-3-Clause
"""What a cell with a node does: it compiles it, and says what came of it."""

from labkit.node.made import Maker, compiled, declare, maker_of
from labkit.path.own_node import OwnNode


def from_cell(name: str, source: str, first_line: int, *, sanitize: bool) -> tuple[Maker, str]:
    """The maker of nodes, and a line or two about it."""
    own = compiled(name, source, sanitize=sanitize, first_line=first_line)
    replaced = declare(own)
    return maker_of(own), "\n".join([_told(own), *replaced])


def _told(own: OwnNode) -> str:
    parameters = ", ".join(p.name for p in own.parameters)
    parts = [
        ", ".join(f"drop_{name}" for name in own.drops),
        ", ".join(f'["{name}"]' for name in own.outputs),
        ", ".join(f"{name}" if n == 1 else f"{name}_0 … {n - 1}" for name, n in own.counters),
    ]
    kinds = ("drops", "outputs", "counters")
    told = "; ".join(f"{what} {part}" for what, part in zip(kinds, parts, strict=True) if part)
    return f"node {own.name}({parameters}){': ' if told else ''}{told}"
