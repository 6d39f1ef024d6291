# SPDX-License-Identifier: BSD-3-Clause
"""What a compiler says of a cell, at the cell's line."""

import re
from dataclasses import dataclass

from labkit.path.own_node import CELL

SAID = re.compile(
    rf"^{CELL}:(?P<line>\d+):(?:(?P<column>\d+):)? (?:fatal )?(?:error|warning): (?P<text>.*)$"
)
FLAG = re.compile(r" \[-W(error=)?[\w=+-]+(,-W[\w=+-]+)?\]$")
MOST = 3  # errors that are shown


@dataclass(frozen=True)
class Said:
    """An error: where in the cell it is, from 1, and what the compiler says."""

    line: int
    column: int
    text: str

    def shown(self, source: list[str]) -> str:
        """With the line of the cell below it, and a mark at the column."""
        told = f"line {self.line}: {self.text}"
        if not 1 <= self.line <= len(source):
            return told
        code = source[self.line - 1]
        lines = [told, f"  {self.line:>4} | {code}"]
        if self.column:
            before = re.sub(r"[^\t]", " ", code[: self.column - 1])
            lines.append(f"       | {before}^")
        return "\n".join(lines)


def errors_in(output: str) -> list[Said]:
    """Errors in the cell, each once."""
    found = []
    for line in output.splitlines():
        if at := SAID.match(line):
            text = FLAG.sub("", at["text"]).replace("‘", "'").replace("’", "'")
            found.append(Said(int(at["line"]), int(at["column"] or 0), text))
    return list(dict.fromkeys(found))


def told(name: str, output: str, source: str, first_line: int) -> str:
    """What to say of a cell that does not compile.

    first_line: number, in the cell, of the source's first line
    """
    lines = [""] * (first_line - 1) + source.split("\n")
    found = errors_in(output)
    if not found:
        last = [line for line in output.splitlines() if line.strip()][-6:]
        return "\n".join([f"node {name} does not compile:", *(f"  {line}" for line in last)])
    shown = [said.shown(lines) for said in found[:MOST]]
    more = [f"and {len(found) - MOST} more"] if len(found) > MOST else []
    return "\n".join([f"node {name} does not compile: {shown[0]}", *shown[1:], *more])
