# SPDX-License-Identifier: BSD-3-Clause
"""A compressed capture unpacked into a private temporary file."""

import os
import shutil
import tempfile
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

from labkit.errors import LabError
from labkit.packet.capture_open import compression, opened, unreadable
from labkit.packet.capture_unpack import DamagedError, pieces
from labkit.progress import progress_bar
from labkit.text import reason

LEFT = 1 << 30  # bytes of the disk that are left to others,
LEFT_SHARE = 0.1  # or this share of it, where that is less
EVERY = 64 << 20  # bytes after which the disk is looked at again
FORMATS = 4  # bytes by which captures are known
NO_CAPTURE = "it holds neither pcap nor pcapng (editcap makes one of other formats)"
BYTE_ORDERS: tuple[Literal["little", "big"], ...] = ("little", "big")
BEGINS = {
    value.to_bytes(4, order)
    for value in (0x0A0D0D0A, 0xA1B2C3D4, 0xA1B23C4D, 0xA1B2CD34, 0x1C0001AC, 0x1C0001AB)
    for order in BYTE_ORDERS
}


class CaptureCopy:
    """A file that has no name in any folder, and is gone with this object or its process.

    Attributes
    ----------
    source: what it was made of
    path: by which processes of the same user open it as long as this object is there
    warning: why it holds less than it should; "" otherwise
    """

    def __init__(
        self, source: Path, content: Any, make: Callable[[Path], Any], warning: str = ""
    ) -> None:
        """content: an open temporary file, which is closed with this object; make: makes another
        one of the source."""
        self.source = source
        self._make = make
        self.path = Path(f"/proc/{os.getpid()}/fd/{content.fileno()}")
        self.warning = warning
        weakref.finalize(self, content.close)

    def __copy__(self) -> "CaptureCopy":
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> "CaptureCopy":
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        return self._make, (self.source,)

    def __repr__(self) -> str:
        return f"<CaptureCopy of {self.source}>"


def unpacked_copy(source: Path) -> CaptureCopy | None:
    """What a compressed capture holds; None: it is not compressed.

    As far as its data are sound. LabError: it holds no capture, or is larger than the disk lets it.
    """
    with opened(source) as descriptor:
        kind = compression(descriptor)
        if kind is None:
            return None
        state = os.fstat(descriptor)
        content = temporary()
        try:
            warning = _unpack(source, descriptor, kind, content)
            content.flush()
            # Of the same time wherever it is unpacked, so that a copy of a copy is known again.
            os.utime(content.fileno(), ns=(state.st_mtime_ns, state.st_mtime_ns))
        except OSError as error:
            content.close()
            raise unreadable(source, f"it cannot be unpacked: {reason(error)}") from None
        except BaseException:
            content.close()
            raise
    return CaptureCopy(source, content, unpacked_copy, warning)


def temporary() -> Any:
    """A file for nobody else, in TMPDIR."""
    try:
        return tempfile.TemporaryFile(prefix="labkit-")
    except OSError as error:
        raise LabError(
            f"{tempfile.gettempdir()}: no temporary file can be made there: {reason(error)}; set "
            "TMPDIR to a folder where it can"
        ) from None


def check_room(source: Path, written: int) -> None:
    """LabError where too little of the disk would be left."""
    disk = shutil.disk_usage(tempfile.gettempdir())
    if disk.free < min(LEFT, LEFT_SHARE * disk.total):
        raise LabError(
            f"{source}: {written:,} bytes of it are unpacked, and {tempfile.gettempdir()} has only "
            f"{disk.free:,} left; set TMPDIR to a folder with more room, or unpack it there and "
            "name the unpacked file"
        )


def _unpack(source: Path, descriptor: int, kind: str, content: Any) -> str:
    """Returns why it ended early, or nothing."""
    written, looked, begin = 0, 0, b""
    packed = os.fstat(descriptor).st_size
    bar = progress_bar(
        desc=f"unpacking {source.name} ({packed:,} bytes)", unit="B", unit_scale=True, delay=1
    )
    with bar:
        try:
            for piece in pieces(descriptor, kind):
                if len(begin) < FORMATS:
                    begin += piece
                    if len(begin) >= FORMATS and begin[:FORMATS] not in BEGINS:
                        raise unreadable(source, NO_CAPTURE)
                if written - looked >= EVERY:
                    check_room(source, written)
                    looked = written
                content.write(piece)
                written += len(piece)
                bar.update(len(piece))
        except DamagedError as error:
            if not written:
                raise unreadable(source, str(error)) from None
            return f"{source}: {error}; what comes before is used. Copy or compress it again"
    return ""
