# SPDX-License-Identifier: BSD-3-Clause
"""Objects as PowerShell prints them: lists of "Name : value", and tables with a ruled heading.

Names of fields are compared without case, blanks, dots and what stands in brackets: a list says
"BaseProcessor: [Group:Number]", an object BaseProcessorNumber.
"""

import re
from collections.abc import Iterator, Sequence

LONGEST = 400  # characters of a line
_FIELD = re.compile(
    r"^(?P<name>[^\W\d_][\w* .]{0,40}?)(?P<unit>: \[[\w:/ ]+\])?\s*:(?: (?P<value>.*?))?\s*$"
)
_RULE = re.compile(r"^\s*-{2,}(?:\s+-+)*\s*$")
_UNIT = re.compile(r"\[[^\]]*\]|[\s.:]")


class Record(dict[str, str]):
    """The fields of an object, and the line at which it begins."""

    line = 0


def records(lines: Sequence[str]) -> Iterator[Record]:
    """Objects of both shapes."""
    lines = [line[:LONGEST] for line in lines]
    yield from _lists(lines)
    for at, line in enumerate(lines):
        if at and _RULE.match(line) and lines[at - 1].strip():
            yield from _table(lines, at)


def _lists(lines: Sequence[str]) -> Iterator[Record]:
    """A blank line, or a name that comes again, begins the next one; a value may go on below."""
    record, last = Record(), ""
    for at, line in enumerate([*lines, ""]):
        found = _FIELD.match(line)
        key = _key(found["name"]) if found else ""
        if record and (not line.strip() or key in record):
            if len(record) > 1:
                yield record
            record, last = Record(), ""
        if found:
            record.line = record.line if record else at + 1
            record[key], last = (found["value"] or "").strip(), key
        elif last and line[:1].isspace() and line.strip():
            record[last] += line.strip()


def _table(lines: Sequence[str], at: int) -> Iterator[Record]:
    """Rows below a heading: columns begin where their rules do."""
    begins = [found.start() for found in re.finditer(r"-+", lines[at])]
    ends = [*begins[1:], LONGEST]
    heads = [lines[at - 1][a:b].strip() for a, b in zip(begins, ends, strict=True)]
    if not all(heads):
        return
    keys = list(map(_key, heads))
    for number, line in enumerate(lines[at + 1 :], at + 2):
        if not line.strip():
            return
        cells = [line[a:b].strip() for a, b in zip(begins, ends, strict=True)]
        record = Record(zip(keys, cells, strict=True))
        record.line = number
        yield record


def _key(text: str) -> str:
    return _UNIT.sub("", text).casefold()
