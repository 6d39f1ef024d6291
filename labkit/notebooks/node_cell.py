# SPDX-License-Identifier: BSD-3-Clause
"""%%node: a cell of C that becomes a node of one's own.

%%node ttl --sanitize
static enum lk_verdict ttl(struct lk_frame *f) { ... }
"""

from typing import Any

from labkit.errors import PathError
from labkit.text import near

TYPES = ("packet",)
USAGE = "%%node NAME [--type packet] [--sanitize]"
FIRST_LINE = 2  # of the C, behind the line with %%node


def offer_node_cells(shell: Any) -> None:
    """Has a shell of IPython know %%node."""

    def node(line: str, cell: str) -> None:
        name, is_sanitized = _options(line)
        from labkit.node.cell import from_cell  # late: `import labkit` is quick

        maker, told = from_cell(name, cell, FIRST_LINE, sanitize=is_sanitized)
        shell.push({name: maker})
        print(told)

    node.__doc__ = f"{USAGE}\n\nA node in C: docs/own_node.md, lk.node.compile."
    shell.register_magic_function(node, magic_kind="cell", magic_name="node")


def _options(line: str) -> tuple[str, bool]:
    """The node's name, and whether --sanitize was given."""
    names, is_sanitized, words = [], False, line.split()
    while words:
        word = words.pop(0)
        option, _, value = word.partition("=")
        if option == "--type":
            value = value or (words.pop(0) if words else "")
            if value not in TYPES:
                raise PathError(f"%%node: --type is {value!r}; it is packet: one frame at a time")
        elif word == "--sanitize":
            is_sanitized = True
        elif word.startswith("-"):
            raise PathError(
                f"%%node: there is no option {word!r}{near(word, ('--type', '--sanitize'))}; "
                f"write {USAGE}"
            )
        else:
            names.append(word)
    if len(names) != 1:
        given = "no name" if not names else f"{len(names)} names, {' and '.join(names)}"
        raise PathError(f"%%node: {given}; write {USAGE}")
    return names[0], is_sanitized
