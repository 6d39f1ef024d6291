# SPDX-License-Identifier: BSD-3-Clause
"""Docstrings as they are written here, turned into what Sphinx reads.

name: text          a parameter or an attribute, continued deeper or at the same place
    code            behind an empty line
"""

import inspect
import re
import textwrap
from collections.abc import Iterator

from labkit.packet.codec import VERDICT_BY_NAME

ITEM = re.compile(r"(\*{0,2}[A-Za-z_]\w*(?:, \*{0,2}[A-Za-z_]\w*)*): (\S.*)")
NAME = re.compile(r"(\bdrop_[a-z0-9]+(?:_[a-z0-9]+)*\b|\blk\.\w+(?:\(\))?)(?!\w)")
HEADING = re.compile(r"-{3,}")
BULLET = re.compile(r"- ")
QUOTED = re.compile(r"(`[^`]*`)")
MARKUP = re.compile(r"([\\*_|`])")


def process(
    app: object, what: str, name: str, obj: object, options: object, lines: list[str]
) -> None:
    """Sphinx's hook: rewrites the lines of a docstring in their place."""
    lines[:] = converted("\n".join(lines), _parameters(obj))


def converted(text: str, parameters: frozenset[str] = frozenset()) -> list[str]:
    """The docstring as lines of reStructuredText.

    parameters: names that begin an item even within a paragraph
    """
    made: list[str] = []
    in_items = False
    for block in _blocks(text):
        if len(block) > 1 and HEADING.fullmatch(block[1].strip()):
            in_items = True
            made += ["", f".. rubric:: {block[0].strip()}", ""]
            block = block[2:]
        if not block:
            continue
        if block[0].startswith("    ") and not ITEM.match(block[0].strip()):
            made += ["", ".. code-block:: python", "   :force:", ""]
            made += [f"   {line}" for line in textwrap.dedent("\n".join(block)).splitlines()]
        else:
            made += ["", *_block(block, parameters, in_items)]
    return [*made, ""]


def _blocks(text: str) -> Iterator[list[str]]:
    for block in re.split(r"\n\s*\n", text.strip("\n")):
        if block.strip():
            yield block.rstrip().split("\n")


def _block(lines: list[str], parameters: frozenset[str], in_items: bool) -> Iterator[str]:
    """A paragraph, or items, or one after the other."""
    inside = in_list = False
    for number, line in enumerate(lines):
        item = ITEM.match(line.strip()) if not line.startswith("     ") else None
        if item and (
            in_items
            or _names(item[1]) <= parameters
            or (number == 0 and item[1].islower())
            or item[1].isupper()
        ):
            names = ", ".join(f"``{name}``" for name in item[1].split(", "))
            yield from ("", names, f"   {marked_up(item[2])}")
            inside = True
        elif BULLET.match(line):
            yield from (() if in_list else ("",))
            yield marked_up(line)
            in_list = True
        else:
            space = "   " if inside else "  " if in_list and line.startswith("  ") else ""
            yield f"{space}{marked_up(line.strip())}"


def _names(text: str) -> set[str]:
    return {name.lstrip("*") for name in text.split(", ")}


def marked_up(text: str) -> str:
    """A line of prose: `code` as such, names of drops and public names as links, and nothing else
    as markup."""
    parts = QUOTED.split(text)  # code at odd places
    parts[1::2] = [
        f"`{part}`" if len(part) > 2 else MARKUP.sub(r"\\\1", part) for part in parts[1::2]
    ]
    parts[::2] = [_linked(part) for part in parts[::2]]
    return "".join(parts)


def _linked(text: str) -> str:
    parts = NAME.split(text)  # names at odd places
    parts[::2] = [MARKUP.sub(r"\\\1", part) for part in parts[::2]]
    parts[1::2] = [_link(part) for part in parts[1::2]]
    return "".join(parts)


def _link(name: str) -> str:
    if name.startswith("drop_"):
        return rf"\ :drop:`{name}`\ " if name.removeprefix("drop_") in VERDICT_BY_NAME else name
    return rf"\ :py:obj:`{name} <labkit.{name.removeprefix('lk.').removesuffix('()')}>`\ "


def _parameters(obj: object) -> frozenset[str]:
    try:
        return frozenset(inspect.signature(obj).parameters)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return frozenset()
