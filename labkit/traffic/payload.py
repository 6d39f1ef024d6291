# SPDX-License-Identifier: BSD-3-Clause
"""What fills a frame behind its packet, up to the signature."""

import random
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from labkit.arguments.checked import checked
from labkit.errors import LabError
from labkit.text import shown

# Taps of the sequences, and whether they are sent inverted (ITU-T O.150 5; 7 is no part of it)
PRBS = {
    7: (6, False),
    9: (5, False),
    11: (9, False),
    15: (14, True),
    23: (18, True),
    31: (28, True),
}


@dataclass(frozen=True)
class Payload:
    """Bytes that fill a frame; lk.Stream(..., payload=...) takes bytes and text as well.

    Attributes
    ----------
    kind: "fixed" (once, then zeros), "repeat", "random" or "prbs"
    data: of the first two
    number: seed, or length of the shift register
    """

    kind: str
    data: bytes = b""
    number: int = 0

    @classmethod
    @checked(but=("pattern",))
    def repeat(cls, pattern: bytes | str) -> "Payload":
        """A pattern over and over, such as b"\\xaa\\x55"."""
        data = _data(pattern)
        if not data:
            raise LabError("pattern is empty; give at least one byte, such as b'\\xaa'")
        return cls("repeat", data)

    @classmethod
    @checked()
    def random(cls, seed: int = 0) -> "Payload":
        """Random bytes, the same in every frame and for the same seed."""
        return cls("random", number=seed)

    @classmethod
    @checked()
    def prbs(cls, bits: int) -> "Payload":
        """A pseudorandom binary sequence of a register of 7, 9, 11, 15, 23 or 31 bits, first bit
        highest; each frame begins with all ones in it (ITU-T O.150 5)."""
        if bits not in PRBS:
            raise LabError(f"bits is {bits}; it is one of {', '.join(map(str, PRBS))}")
        return cls("prbs", number=bits)

    def first(self, count: int) -> bytes:
        """The first `count` bytes."""
        if self.kind == "fixed":
            return self.data[:count].ljust(count, b"\0")
        if self.kind == "repeat":
            return (self.data * (count // len(self.data) + 1))[:count]
        make = _random if self.kind == "random" else _prbs
        return make(self.number, -(-count // 2048) * 2048)[:count]


COUNTING = Payload("repeat", bytes(range(256)))


def payload_of(given: Any) -> Payload:
    """What lk.Stream takes as `payload`; None: bytes that count from 0 to 255, over and over."""
    if given is None:
        return COUNTING
    return given if isinstance(given, Payload) else Payload("fixed", _data(given))


def _data(given: Any) -> bytes:
    if isinstance(given, str):
        return given.encode()
    if not isinstance(given, (bytes, bytearray, memoryview)):
        raise LabError(f"payload is {shown(given)}; it is bytes, a text, or one of lk.Payload")
    return bytes(given)


@lru_cache(16)
def _random(seed: int, count: int) -> bytes:
    return random.Random(seed).randbytes(count)


@lru_cache(16)
def _prbs(length: int, count: int) -> bytes:
    tap, is_inverted = PRBS[length]
    register, made = (1 << length) - 1, bytearray()
    for _ in range(count):
        byte = 0
        for _ in range(8):
            bit = register >> length - 1 & 1
            register = register << 1 & (1 << length) - 1 | bit ^ register >> tap - 1 & 1
            byte = byte << 1 | bit
        made.append(byte ^ 0xFF if is_inverted else byte)
    return bytes(made)
