# SPDX-License-Identifier: BSD-3-Clause
"""Options of GENEVE: type, length, value (RFC 8926 3.5)."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from labkit.arguments.checked import checked
from labkit.arguments.hints import Between, Misfit, fitted
from labkit.errors import TunnelError
from labkit.text import shown

# Bytes of one option, and of all options of a header; as in native/packet/tunnel.h, because options
# are made without native modules
MOST_DATA = 124
MOST_OPTIONS = 252
CRITICAL = 0x80


@checked(TunnelError, but=("option_class", "type", "data"))
@dataclass(frozen=True)
class GeneveOption:
    """An option of a GENEVE header.

    option_class: 0 to 0xffff, whose the type is (0x0100 to 0x01ff... are IANA's assignments)
    type: 0 to 0xff; its highest bit is the critical bit
    data: bytes, a multiple of 4, at most 124
    critical: sets the critical bit: an end that does not know the option drops the frame
    """

    option_class: int
    type: int
    data: bytes = b""
    critical: bool = False

    def __post_init__(self) -> None:
        for name, highest in (("option_class", 0xFFFF), ("type", 0xFF)):
            value = getattr(self, name)
            try:
                number = fitted(value, Annotated[int, Between(0, highest)])
            except Misfit:
                raise TunnelError(
                    f"GeneveOption: {name} is {shown(value)}; the range is 0 to {highest:#x}"
                ) from None
            object.__setattr__(self, name, number)
        if not isinstance(self.data, bytes) or len(self.data) % 4 or len(self.data) > MOST_DATA:
            size = len(self.data) if isinstance(self.data, bytes) else repr(self.data)
            raise TunnelError(
                f"GeneveOption: data has {size} bytes; it is a multiple of 4 up to {MOST_DATA}, "
                "pad it with zero bytes"
            )
        if self.critical:
            object.__setattr__(self, "type", self.type | CRITICAL)
        object.__setattr__(self, "critical", bool(self.type & CRITICAL))

    @property
    def size(self) -> int:
        """Bytes in the header: 4 and the data."""
        return 4 + len(self.data)

    def to_bytes(self) -> bytes:
        """As it stands in the header."""
        head = self.option_class.to_bytes(2, "big") + bytes([self.type, len(self.data) // 4])
        return head + self.data

    def to_dict(self) -> dict[str, Any]:
        """JSON values; data in hexadecimal digits."""
        return {"option_class": self.option_class, "type": self.type, "data": self.data.hex()}


def check_options(options: Iterable[GeneveOption | Mapping[str, Any]]) -> tuple[GeneveOption, ...]:
    """The options, each also as to_dict() writes it; together within the header's 252 bytes."""
    found = []
    for option in options:
        if isinstance(option, Mapping):
            option = GeneveOption(
                option["option_class"], option["type"], bytes.fromhex(option["data"])
            )
        if not isinstance(option, GeneveOption):
            raise TunnelError(
                f"{option!r} is no option; make one with lk.GeneveOption(class, type)"
            )
        found.append(option)
    size = sum(option.size for option in found)
    if size > MOST_OPTIONS:
        raise TunnelError(
            f"the options have {size} bytes with their headers; GENEVE carries at most "
            f"{MOST_OPTIONS} (RFC 8926 3.4)"
        )
    return tuple(found)


def parse_options(raw: bytes) -> tuple[GeneveOption, ...]:
    """Options out of a header, up to one that runs past its end, which lax receivers let pass."""
    found = []
    while len(raw) >= 4 and (size := 4 + (raw[3] & 31) * 4) <= len(raw):
        found.append(GeneveOption(int.from_bytes(raw[:2], "big"), raw[2], raw[4:size]))
        raw = raw[size:]
    return tuple(found)
