# SPDX-License-Identifier: BSD-3-Clause
"""Evidence out of files: each is given to the readers that know its shape."""

import io
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from pathlib import Path

from labkit.errors import LabError
from labkit.text import plural, reason
from labkit.trouble.evidence import Event, Evidence, Fact, Item, Note, Place, Reading
from labkit.trouble.opened import Files, Opened, Readable, TooMuch
from labkit.trouble.readers import dumps, interfaces, logs, queueing, settings
from labkit.trouble.readers.asked import Asked

# Outputs of commands are smaller than that, and are read as a whole: several may stand in one file.
LARGEST_OUTPUT = 8 << 20
BINARY = b"\x00"
NOTHING = "nothing that a rule knows"

Reader = Callable[[Sequence[str], str, Asked], Iterator[Item]]
OF_OUTPUT: tuple[Reader, ...] = (dumps.read, interfaces.read, queueing.read, settings.read)


def gather(paths: Iterable[Path]) -> Evidence:
    """All that the files tell; what could not be read is noted."""
    evidence = Evidence()
    files = Files()
    for path in paths:
        if not path.exists():
            raise LabError(f"there is no file {path}")
        for opened in files.of(path):
            if isinstance(opened, Note):
                evidence.add(opened)
                continue
            try:
                for item in _items(opened):
                    evidence.add(item)
            except TooMuch as error:
                evidence.add(Note(Place(opened.name), str(error), True))
                break
    return evidence


def _items(opened: Opened) -> Iterator[Item]:
    """What a file tells, and last what that was."""
    lines = counters = facts = 0
    for item in _read(opened):
        match item:
            case Event():
                lines += 1 + item.repeats
            case Reading():
                counters += len(item.counters)
            case Fact():
                facts += 1
        yield item
    kinds = ((lines, "line"), (counters, "counter"), (facts, "setting"))
    told = ", ".join(plural(number, name) for number, name in kinds if number)
    yield Note(Place(opened.name), told or NOTHING)


def _read(opened: Opened) -> Iterator[Item]:
    try:
        head = opened.stream.read(LARGEST_OUTPUT)
        if BINARY in head[:4096]:
            yield Note(Place(opened.name), "is no text, and no kind of file that is known", True)
            return
        rest = _Chained(head, opened.stream)
        yield from logs.read(rest, opened.name, opened.until)
        if len(head) < LARGEST_OUTPUT:
            yield from outputs(head.decode("utf-8", errors="replace"), opened.name, opened.until)
    except (OSError, EOFError) as error:
        yield Note(
            Place(opened.name), f"is damaged, and was read as far as it goes: {reason(error)}", True
        )


def outputs(text: str, name: str, until: datetime) -> Iterator[Item]:
    """What the outputs of commands tell that stand in a text."""
    lines = text.splitlines()
    asked = Asked(name, until)
    for read in OF_OUTPUT:
        yield from read(lines, name, asked)


class _Chained:
    """Bytes that were read already, and the stream that they came from."""

    def __init__(self, head: bytes, rest: Readable) -> None:
        self._head, self._rest = io.BytesIO(head), rest

    def read(self, size: int = -1, /) -> bytes:
        """As a stream."""
        return self._head.read(size) or self._rest.read(size)
