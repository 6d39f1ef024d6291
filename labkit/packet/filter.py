# SPDX-License-Identifier: BSD-3-Clause
"""Capture filters as tcpdump has them (pcap-filter(7)), compiled by libpcap.

compile_filter("tcp and port 80").matches(frame)
"""

import ctypes
import functools
import struct
from dataclasses import dataclass, field
from typing import Annotated, Any

from labkit.arguments.checked import checked
from labkit.arguments.hints import Between
from labkit.errors import LabError
from labkit.packet import filter_hints
from labkit.packet.filter_error import error_at, rejected
from labkit.packet.filter_words import are_ports, stands_for, tokens_of
from labkit.packet.frame_bytes import frame_bytes
from labkit.packet.libpcap import Rejected, bpf_filter_address, compiled, complaint, library
from labkit.text import shown

ETHERNET = 1
MOST_SNAPLEN = 262144  # libpcap's own
MOST_LINK_TYPE = (1 << 31) - 1  # that it can be asked of; a file may say anything
MOST_WORDS = 512
MOST_LETTERS = 16384
INSTRUCTION = struct.Struct("=HBBI")  # struct bpf_insn: code, jt, jf, k
# Those that files have another number for than libpcap: ATM, raw IP, SLIP and PPP of BSD/OS
TO_LIBPCAP = {100: 11, 101: 12, 102: 15, 103: 16}
LOADS = (0x20, 0x28, 0x30)  # of a word, half a word, a byte at k
OF_THE_KERNEL = 0xFFFFF000  # from there on k stands for what the kernel knows (SKF_AD_OFF)


@dataclass(frozen=True)
class Filter:
    """A compiled filter; made by compile_filter().

    Attributes
    ----------
    text: the expression
    link_type: what frames begin with (LINKTYPE_), 1: Ethernet
    data: its instructions, 8 bytes each as struct bpf_insn has them
    """

    text: str
    link_type: int
    data: bytes = field(repr=False)

    @property
    def program(self) -> tuple[tuple[int, int, int, int], ...]:
        """Its instructions: code, jt, jf, k."""
        return tuple(INSTRUCTION.iter_unpack(self.data))

    @property
    def count(self) -> int:
        """How many instructions it has."""
        return len(self.data) // INSTRUCTION.size

    @functools.cached_property
    def native_program(self) -> int:
        """Address of its instructions (struct bpf_insn[count]), which stay as long as it does."""
        return ctypes.cast(ctypes.c_char_p(self.data), ctypes.c_void_p).value or 0

    @property
    def bpf_filter(self) -> int:
        """Address of libpcap's bpf_filter(), which runs native_program over a frame."""
        return bpf_filter_address()

    def __reduce__(self) -> tuple[Any, ...]:
        """Without the addresses, which are those of this process."""
        return Filter, (self.text, self.link_type, self.data)

    def matches(self, frame: Any, wire_length: int | None = None) -> bool:
        """Whether it takes a frame, which is a scapy packet or bytes.

        What an expression reads beyond the frame's end takes no frame.

        wire_length: bytes of the frame before a capture cut it, which `len`, `less` and `greater`
            are about; None: it is whole
        """
        data = frame if type(frame) is bytes else frame_bytes(frame)
        length = len(data) if wire_length is None else wire_length
        if type(length) is not int or not len(data) <= length < 1 << 32:
            raise LabError(
                f"wire_length is {shown(wire_length)}; it is a whole number from the frame's "
                f"{len(data)} bytes to 4,294,967,295, or None for a whole frame"
            )
        taken: int = library().bpf_filter(self.native_program, data, length, len(data))
        return taken != 0


@checked()
def compile_filter(
    text: str,
    link_type: Annotated[int, Between(0, MOST_LINK_TYPE)] = ETHERNET,
    snaplen: Annotated[int, Between(1, MOST_SNAPLEN, "bytes")] = MOST_SNAPLEN,
) -> Filter:
    """A capture filter, such as "tcp port 80" or "host 192.0.2.1 and not arp"; FilterError shows
    where an expression is wrong.

    An empty one takes every frame, as tcpdump's. Names of ports and protocols are those of
    /etc/services and /etc/protocols; names of hosts are refused, since they are not looked up. One
    that no frame can match is an error, too, unless it is longer than libpcap optimizes.

    link_type: what frames begin with (LINKTYPE_ of tcpdump.org), 1: Ethernet
    snaplen: what the program returns for a frame that it takes, 1 to 262144 bytes
    """
    return _compile(text, link_type, snaplen)


def both(one: Filter, other: Filter) -> Filter:
    """A filter of what both take; FilterError where that is nothing."""
    texts = [each.text for each in (one, other) if each.text.strip()]
    return compile_filter(" and ".join(f"({text})" for text in texts), one.link_type)


@functools.lru_cache(64)
def _compile(text: str, link_type: int, snaplen: int) -> Filter:
    _check_letters(text)
    tokens = tokens_of(text)
    if len(tokens) > MOST_WORDS:
        raise error_at(
            text,
            f"the filter has {len(tokens):,} words, numbers and signs; it may have {MOST_WORDS}, "
            "since libpcap takes minutes for many more; take nets, as in 'net 192.0.2.0/24', and "
            "'portrange 80-90', or several filters",
        )
    for place, token in enumerate(tokens):
        if token.kind != "name":
            continue
        use = stands_for(tokens, place)
        if use == "host" or (use.startswith("port") and not are_ports(token.text, use)):
            problem = filter_hints.of_name(tokens, place)
            raise error_at(text, problem, token.start, token.end)
    frames_of = TO_LIBPCAP.get(link_type, link_type), snaplen
    try:
        data = compiled(text, *frames_of)
    except Rejected as error:
        raise rejected(
            text, tokens, str(error), lambda other: complaint(other, *frames_of)
        ) from None
    found = Filter(text, link_type, data)
    for code, _, _, k in found.program:
        if code in LOADS and k >= OF_THE_KERNEL:
            asked = next((t for t in tokens if t.text in ("inbound", "outbound", "ifname")), None)
            what = repr(asked.text) if asked else f"what stands at byte {k:,}"
            raise error_at(
                text,
                f"no frame says {what}, which the kernel's own sockets alone can tell",
                *((asked.start, asked.end) if asked else ()),
            )
    return found


def _check_letters(text: str) -> None:
    if len(text) > MOST_LETTERS:
        raise error_at(text, f"the filter has {len(text):,} letters; it may have {MOST_LETTERS:,}")
    for place, letter in enumerate(text):
        if not (" " <= letter <= "~" or letter in "\t\n\r"):
            raise error_at(
                text,
                f"U+{ord(letter):04X} is no letter of a capture filter; write it in ASCII",
                place,
                place + 1,
            )
