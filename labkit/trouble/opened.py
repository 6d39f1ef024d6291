# SPDX-License-Identifier: BSD-3-Clause
"""The files of a case, those inside archives too: read as streams, never written anywhere.

An archive is hostile until shown otherwise: nothing is extracted, links are passed over, and how
much comes out of it is bounded.
"""

import bz2
import gzip
import io
import lzma
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

from labkit.errors import LabError
from labkit.text import reason
from labkit.trouble.evidence import Note, Place

MOST_FILES = 20_000
MOST_BYTES = 8 << 30  # out of all archives
MOST_DEEP = 3  # archives in archives
LARGEST_INSIDE = 1 << 30  # of an archive in an archive
BLOCK = 1 << 20
TAR, ZIP, HEAD = b"ustar", b"PK\x03\x04", 512
DAMAGED = (
    *(tarfile.TarError, zipfile.BadZipFile, lzma.LZMAError, zlib.error),
    *(EOFError, OSError, ValueError, RuntimeError, NotImplementedError),
)
_PACKED: dict[bytes, Any] = {b"\x1f\x8b": gzip.open, b"BZh": bz2.open, b"\xfd7zXZ": lzma.open}


class Readable(Protocol):
    """What gives bytes."""

    def read(self, size: int = -1, /) -> bytes:
        """So many, or fewer at its end."""


class TooMuch(LabError):
    """An archive holds more than is read."""


@dataclass
class Opened:
    """A file to be read.

    Attributes
    ----------
    name: with the names of the archives around it
    until: when it was written last, as far as that is known
    """

    name: str
    stream: Readable
    until: datetime


class Files:
    """Opens what was given, one file after the other."""

    def __init__(self) -> None:
        self._files = 0
        self._bytes = 0

    def of(self, path: Path) -> Iterator[Opened | Note]:
        """A file's stream, those of an archive's members, or of all files of a folder."""
        if not path.is_dir():
            yield from self._file(path, path.name)
            return
        for file in sorted(path.rglob("*")):
            if self._files > MOST_FILES:
                return  # as was told of the file before
            if file.is_file() and not file.is_symlink():
                yield from self._file(file, str(file.relative_to(path.parent)))

    def _file(self, path: Path, name: str) -> Iterator[Opened | Note]:
        if not path.is_file():  # what it holds may never come, or never end
            yield Note(Place(name), "is no file: a pipe, a socket or a device", True)
            return
        try:
            with path.open("rb") as stream:
                until = _at(path.stat().st_mtime)
                yield from self._stream(Opened(name, stream, until), stream, 0)
        except TooMuch as error:
            yield Note(Place(name), str(error), True)
        except OSError as error:
            yield Note(Place(name), f"cannot be read: {reason(error)}", True)

    def _stream(self, opened: Opened, file: Any, depth: int) -> Iterator[Opened | Note]:
        """What a file that can be sought in is."""
        self._files += 1
        if self._files > MOST_FILES:
            raise TooMuch(f"there are more than {MOST_FILES:,} files; give those that matter")
        head = file.read(HEAD)
        file.seek(0)
        opener = next((way for magic, way in _PACKED.items() if head.startswith(magic)), None)
        try:
            if opener is not None:
                with opener(file) as plain:
                    yield from self._unpacked(opened, plain, depth)
            elif head[257:262] == TAR:
                with tarfile.open(fileobj=file, mode="r|") as archive:
                    yield from self._tar(opened, archive, depth)
            elif head.startswith(ZIP):
                with zipfile.ZipFile(file) as packed:
                    yield from self._zip(opened, packed, depth)
            else:
                yield opened
        except TooMuch:
            raise
        except DAMAGED as error:
            told = f"is damaged, and was read as far as it goes: {reason(error)}"
            yield Note(Place(opened.name), told, True)

    def _unpacked(self, opened: Opened, plain: Any, depth: int) -> Iterator[Opened | Note]:
        """What a compressed file holds: a tar is walked as it comes."""
        counted: Any = _Counted(plain, self)
        if plain.peek(HEAD)[257:262] == TAR:
            with tarfile.open(fileobj=counted, mode="r|") as archive:
                yield from self._tar(opened, archive, depth)
            return
        yield Opened(opened.name, counted, opened.until)

    def _tar(self, opened: Opened, archive: tarfile.TarFile, depth: int) -> Iterator[Opened | Note]:
        for member in archive:
            name = f"{opened.name}:{member.name}"
            if not member.isfile():
                continue
            stream = archive.extractfile(member)
            if stream is None:
                continue
            until = _at(member.mtime)
            yield from self._member(Opened(name, stream, until), depth)

    def _zip(self, opened: Opened, archive: zipfile.ZipFile, depth: int) -> Iterator[Opened | Note]:
        for member in archive.infolist():
            name = f"{opened.name}:{member.filename}"
            if member.is_dir():
                continue
            if member.flag_bits & 1:
                yield Note(Place(name), "is encrypted, and was not read", True)
                continue
            until = _written(member)
            with archive.open(member) as stream:
                yield from self._member(Opened(name, _Counted(stream, self), until), depth)

    def _member(self, opened: Opened, depth: int) -> Iterator[Opened | Note]:
        """A member as it comes; one that is an archive itself is taken whole, to be sought in."""
        head = opened.stream.read(HEAD)
        opened.stream = Chained(head, opened.stream)
        is_archive = head.startswith((*_PACKED, ZIP)) or head[257:262] == TAR
        if not is_archive or depth + 1 >= MOST_DEEP:
            self._files += 1
            if self._files > MOST_FILES:
                raise TooMuch(f"there are more than {MOST_FILES:,} files; give those that matter")
            yield opened
            return
        data = opened.stream.read(LARGEST_INSIDE + 1)
        if len(data) > LARGEST_INSIDE:
            most = f"{LARGEST_INSIDE >> 20} MiB"
            told = f"is an archive of more than {most} inside another one; take it out"
            yield Note(Place(opened.name), told, True)
            return
        yield from self._stream(opened, io.BytesIO(data), depth + 1)

    def count(self, size: int) -> None:
        """So many bytes more came out of archives; TooMuch when these are too many."""
        self._bytes += size
        if self._bytes > MOST_BYTES:
            raise TooMuch(
                f"more than {MOST_BYTES >> 30} GiB come out of it; unpack it, and give what matters"
            )


class Chained:
    """Bytes that were read already, and the stream that they came from."""

    def __init__(self, head: bytes, rest: Readable) -> None:
        self._head, self._rest = io.BytesIO(head), rest

    def read(self, size: int = -1, /) -> bytes:
        """As a stream: so many, or fewer at the end."""
        parts = [self._head.read(size)]
        left = size - len(parts[0])
        while size < 0 or left > 0:
            block = self._rest.read(left if size >= 0 else BLOCK)
            if not block:
                break
            parts.append(block)
            left -= len(block)
        return b"".join(parts)


def _at(seconds: float) -> datetime:
    """When a member was written; now, where the archive tells nonsense."""
    try:
        return datetime.fromtimestamp(max(0, seconds), UTC)
    except (ValueError, OverflowError, OSError):
        return datetime.now(UTC)


def _written(member: zipfile.ZipInfo) -> datetime:
    """When a member was written; now, where the archive tells nonsense."""
    try:
        return datetime(*member.date_time, tzinfo=UTC)
    except ValueError:
        return datetime.now(UTC)


class _Counted:
    """A stream whose bytes are counted as they are read."""

    def __init__(self, stream: Readable, files: Files) -> None:
        self._stream, self._files = stream, files

    def read(self, size: int = -1, /) -> bytes:
        """As the stream."""
        data = self._stream.read(size)
        self._files.count(len(data))
        return data
