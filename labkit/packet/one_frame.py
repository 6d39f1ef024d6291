# SPDX-License-Identifier: BSD-3-Clause
"""OneFrame frame through the tunnel codec: a batch of one, in a buffer of its own."""

from typing import Any

from labkit._codec import ffi
from labkit.packet.codec import VERDICTS, Verdict


class OneFrame:
    """A batch of one frame in a buffer of its own."""

    def __init__(self, raw: bytes, room: int) -> None:
        self._buffer = ffi.new("uint8_t[]", max(room, 1))
        offset = room - len(raw)
        ffi.memmove(self._buffer + offset, raw, len(raw))
        self._slots = ffi.new("uint64_t[]", [0, room])
        self._offset, self._length = ffi.new("uint64_t *", offset), ffi.new("uint32_t *", len(raw))
        self._verdict, self._vni = ffi.new("uint16_t *"), ffi.new("uint32_t *")
        self.native = ffi.new(
            "struct lk_batch *",
            (self._buffer, self._slots, self._offset, self._length, self._verdict, self._vni, 1),
        )

    @property
    def frame(self) -> bytes:
        """As it is now."""
        return bytes(ffi.buffer(self._buffer + self._offset[0], self._length[0]))

    @property
    def verdict(self) -> Verdict:
        """What became of it."""
        verdict: Verdict = VERDICTS[self._verdict[0]]
        return verdict


def like(given: Any, raw: bytes) -> Any:
    """bytes for bytes, else a scapy packet."""
    if isinstance(given, bytes | bytearray | memoryview):
        return raw
    from labkit.packet.dissect import dissect  # scapy is slow to load

    return dissect(raw)
