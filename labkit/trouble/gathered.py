# SPDX-License-Identifier: BSD-3-Clause
"""Evidence out of files: each is given to the readers that know its shape."""

import codecs
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from pathlib import Path

from labkit.errors import LabError
from labkit.sources import Samples
from labkit.text import plural, reason
from labkit.trouble.evidence import Event, Evidence, Fact, Item, Note, Place, Reading
from labkit.trouble.opened import DAMAGED, Chained, Files, Opened, TooMuch
from labkit.trouble.readers import (
    aws,
    cloudwatch,
    dumps,
    ethdev,
    freebsd,
    harmless,
    interfaces,
    kernel_files,
    logs,
    modules,
    queueing,
    settings,
    stack,
    windows,
    windows_counters,
    windows_settings,
)
from labkit.trouble.readers.asked import Asked
from labkit.trouble.recorded import from_parquet, recorded

# Outputs of commands are smaller than that, and are read as a whole: several may stand in one file.
LARGEST_OUTPUT = 8 << 20
LARGEST_EVENT_LOG = 256 << 20
BINARY = b"\x00"
LARGEST_RECORDING = 256 << 20
PARQUET = b"PAR1"
NOTHING = "nothing that a rule knows"
UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)  # PowerShell writes it

Reader = Callable[[Sequence[str], str, Asked], Iterator[Item]]
OF_LINES: tuple[Reader, ...] = (
    *(
        dumps.read,
        ethdev.read,
        interfaces.read,
        queueing.read,
        settings.read,
        kernel_files.read,
        modules.read,
    ),
    *(freebsd.read, windows_settings.read, harmless.read),
)
OF_OUTPUT: tuple[Reader, ...] = (
    stack.read,
    windows.read,
    cloudwatch.read,
    aws.read,
    windows_counters.read,
)
LONGEST_LINE = 2000  # that a command prints; what is behind it is not looked at, and costs no time


def gather(paths: Iterable[Path | Samples]) -> Evidence:
    """All that files and recordings tell; what could not be read is noted."""
    evidence = Evidence()
    files = Files()
    for path in paths:
        if isinstance(path, Samples):
            for item in counted(recorded(path, path.label), path.label):
                evidence.add(item)
            continue
        if not path.exists():
            raise LabError(f"there is no file {path}")
        for opened in files.of(path):
            if isinstance(opened, Note):
                evidence.add(opened)
                continue
            try:
                for item in counted(_read(opened), opened.name):
                    evidence.add(item)
            except TooMuch as error:
                evidence.add(Note(Place(opened.name), str(error), True))
                break
    return evidence


def counted(items: Iterable[Item], name: str) -> Iterator[Item]:
    """What a file tells, and last what that was."""
    lines = counters = facts = 0
    for item in items:
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
    yield Note(Place(name), told or NOTHING)


def _read(opened: Opened) -> Iterator[Item]:
    try:
        head = opened.stream.read(LARGEST_OUTPUT)
        if head.startswith(windows.MAGIC):
            data, notes = _whole(head, opened, LARGEST_EVENT_LOG)
            yield from notes
            yield from windows.read_evtx(data, opened.name)
            return
        if head.startswith(PARQUET):
            data, notes = _whole(head, opened, LARGEST_RECORDING)
            yield from notes or from_parquet(data, opened.name)
            return
        if head.startswith(UTF_16):
            if len(head) == LARGEST_OUTPUT:
                yield Note(
                    Place(opened.name), f"is long; {LARGEST_OUTPUT >> 20} MiB were read", True
                )
            head = head.decode("utf-16", errors="replace").encode()[: LARGEST_OUTPUT - 1]
        head = head.removeprefix(codecs.BOM_UTF8)
        if BINARY in head[:4096]:
            yield Note(Place(opened.name), "is no text, and no kind of file that is known", True)
            return
        rest = Chained(head, opened.stream)
        yield from logs.read(rest, opened.name, opened.until)
        if len(head) < LARGEST_OUTPUT:
            yield from outputs(head.decode("utf-8", errors="replace"), opened.name, opened.until)
    except TooMuch:
        raise
    except DAMAGED as error:
        told = f"is damaged, and was read as far as it goes: {reason(error)}"
        yield Note(Place(opened.name), told, True)


def _whole(head: bytes, opened: Opened, most: int) -> tuple[bytes, list[Note]]:
    """A file that is read as a whole; of one that is too long, its beginning, which is told."""
    parts = [head]
    left = most - len(head)
    while left > 0 and (block := opened.stream.read(min(left, 1 << 20))):
        parts.append(block)
        left -= len(block)
    notes = []
    if left <= 0:
        notes.append(Note(Place(opened.name), f"is long; {most >> 20} MiB were read", True))
    return b"".join(parts), notes


def outputs(text: str, name: str, until: datetime) -> Iterator[Item]:
    """What the outputs of commands tell that stand in a text."""
    lines = text.splitlines()
    asked = Asked(name, until)
    short = [line[:LONGEST_LINE] for line in lines]
    for read in OF_LINES:
        yield from read(short, name, asked)
    for read in OF_OUTPUT:
        yield from read(lines, name, asked)
