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
TAR, TAR_HEAD = b"ustar", 512
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
        if path.is_dir():
            for file in sorted(path.rglob("*")):
                if file.is_file() and not file.is_symlink():
                    yield from self._file(file, str(file.relative_to(path.parent)))
            return
        yield from self._file(path, path.name)

    def _file(self, path: Path, name: str) -> Iterator[Opened | Note]:
        try:
            with path.open("rb") as stream:
                until = datetime.fromtimestamp(path.stat().st_mtime, UTC)
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
        head = file.read(TAR_HEAD)
        file.seek(0)
        opener = next((way for magic, way in _PACKED.items() if head.startswith(magic)), None)
        try:
            if opener is not None:
                with opener(file) as plain:
                    yield from self._unpacked(opened, plain, depth)
            elif head[257:262] == TAR:
                with tarfile.open(fileobj=file, mode="r|") as archive:
                    yield from self._tar(opened, archive, depth)
            elif head.startswith(b"PK\x03\x04"):
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
        """What a compressed file holds: a tar is walked as it comes, another file is counted."""
        counted: Any = _Counted(plain, self)
        if plain.peek(TAR_HEAD)[257:262] == TAR:
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
            until = datetime.fromtimestamp(max(0, member.mtime), UTC)
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
        if depth + 1 >= MOST_DEEP:
            yield opened
            return
        file = io.BytesIO(self._bounded(opened.stream))
        yield from self._stream(Opened(opened.name, file, opened.until), file, depth + 1)

    def _bounded(self, stream: Readable) -> bytes:
        parts = []
        while block := stream.read(1 << 20):
            self.count(len(block))
            parts.append(block)
        return b"".join(parts)

    def count(self, size: int) -> None:
        """So many bytes more came out of archives; TooMuch when these are too many."""
        self._bytes += size
        if self._bytes > MOST_BYTES:
            raise TooMuch(
                f"more than {MOST_BYTES >> 30} GiB come out of it; unpack it, and give what matters"
            )


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
