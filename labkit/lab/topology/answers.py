# SPDX-License-Identifier: BSD-3-Clause
"""Answers to what a host asked: which packets they are, and how they are told."""

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from labkit.units import plain

if TYPE_CHECKING:
    import pandas as pd
    from scapy.packet import Packet

Row = tuple[Any, ...]
V4_TOLD = {
    (11, 0): "time exceeded",
    (3, 0): "network unreachable",
    (3, 1): "host unreachable",
    (3, 2): "protocol unreachable",
    (3, 3): "port unreachable",
    (3, 4): "fragmentation needed",
}
V6_TOLD = {
    (3, 0): "time exceeded",
    (1, 0): "network unreachable",
    (1, 3): "host unreachable",
    (1, 4): "port unreachable",
    (2, 0): "packet too big",
    (4, 1): "protocol unreachable",
}
ECHO_REPLIES = {4: 0, 6: 129}
PROTOCOL_AT = {4: 9, 6: 6}
QUOTE_AT = 8  # bytes of an ICMP error in front of what it quotes
ETHERNET = 14
ICMP, UDP, ICMPV6 = 1, 17, 58
TYPES = {b"\x08\x00": 4, b"\x86\xdd": 6}
HEADER = {4: 20, 6: 40}
ADDRESSES = {4: (12, 16, 20), 6: (8, 24, 40)}


@dataclass(frozen=True)
class _Read:
    """An IP packet in a frame."""

    version: int
    protocol: int
    source: bytes
    destination: bytes
    payload: bytes


def _read(ip: bytes, version: int) -> _Read | None:
    if len(ip) < HEADER[version] or ip[0] >> 4 != version:
        return None
    at = (ip[0] & 15) * 4 if version == 4 else HEADER[6]  # IP versions
    begin, middle, end = ADDRESSES[version]
    return _Read(version, ip[PROTOCOL_AT[version]], ip[begin:middle], ip[middle:end], ip[at:])


def _of_frame(frame: bytes) -> _Read | None:
    version = TYPES.get(frame[12:14])
    return None if version is None else _read(frame[ETHERNET:], version)


def answer_to(question: bytes, frame: bytes) -> "Packet | None":
    """The packet in a frame if it answers that in the other, or is an ICMP error about it."""
    asked, found = _of_frame(question), _of_frame(frame)
    if asked is None or found is None or found.version != asked.version:
        return None
    if found.destination != asked.source or not (_is_answer(asked, found) or _tells(asked, found)):
        return None
    from scapy.layers.inet import IP  # scapy is slow
    from scapy.layers.inet6 import IPv6

    layer = IP if found.version == 4 else IPv6  # IP versions
    packet: Packet = layer(frame[ETHERNET:])
    return packet


def _is_answer(asked: _Read, found: _Read) -> bool:
    if found.protocol != asked.protocol:
        return False
    if asked.protocol == UDP:  # ports, the other way round
        return found.payload[:4] == asked.payload[2:4] + asked.payload[:2]
    is_reply = found.payload[:1] == bytes([ECHO_REPLIES[found.version]])
    return is_reply and found.payload[4:8] == asked.payload[4:8]  # identifier and number


def _tells(asked: _Read, found: _Read) -> bool:
    """An ICMP error that quotes the question."""
    if found.protocol not in (ICMP, ICMPV6) or len(found.payload) < QUOTE_AT:
        return False
    quoted = _read(found.payload[QUOTE_AT:], asked.version)
    if quoted is None or quoted.destination != asked.destination:
        return False
    same = quoted.protocol == asked.protocol and quoted.source == asked.source
    if asked.protocol == UDP:
        return same and quoted.payload[:4] == asked.payload[:4]
    return same and quoted.payload[4:8] == asked.payload[4:8]


def told(packet: "Packet") -> str:
    """What an answer says: "answer", or an ICMP error in words."""
    data = bytes(packet)
    read = _read(data, data[0] >> 4)
    assert read is not None
    if read.protocol not in (ICMP, ICMPV6) or read.payload[0] == ECHO_REPLIES[read.version]:
        return "answer"
    kind = read.payload[0], read.payload[1]
    known = V4_TOLD if read.protocol == ICMP else V6_TOLD
    return known.get(kind, f"ICMP type {kind[0]}, code {kind[1]}")


def told_ping(seq: int, answer: "Packet | None", seconds: float) -> Row:
    """A row of a ping's table."""
    if answer is None:
        return seq, None, None, None, "no answer"
    ttl = getattr(answer, "ttl", getattr(answer, "hlim", None))
    return seq, str(answer.src), seconds * 1e3, ttl, told(answer)


def told_hop(
    hop: int, answer: "Packet | None", seconds: float, name_of: Callable[[str], str | None]
) -> Row:
    """A row of a traceroute's table."""
    if answer is None:
        return hop, None, None, None, None
    address = str(answer.src)
    return hop, address, name_of(address), seconds * 1e3, told(answer)


@dataclass(frozen=True, repr=False)
class Ping:
    """What became of echo requests.

    Attributes
    ----------
    source: name of the host that sent them
    target: as it was named; address: its address
    """

    source: str
    target: str
    address: str
    rows: Sequence[Row]
    name_of: Callable[[str], str | None]

    @property
    def sent(self) -> int:
        """Requests."""
        return len(self.rows)

    @property
    def answered(self) -> int:
        """Requests that the target answered in time."""
        return len(self.rtts_ms)

    @property
    def rtts_ms(self) -> list[float]:
        """Round trips in ms."""
        return [row[2] for row in self.rows if row[4] == "answer"]

    @property
    def table(self) -> "pd.DataFrame":
        """A row a request: `seq`, `address` of who answered, `rtt_ms`, `ttl` of the answer, and
        what it `told`: "answer", "no answer", or an error that came instead."""
        from labkit.tables.table import Table  # pandas is slow to load

        columns = ["seq", "address", "rtt_ms", "ttl", "told"]
        return Table(self.rows, columns=columns).astype({"rtt_ms": "Float64", "ttl": "Int64"})

    def __repr__(self) -> str:
        where = self.target if self.target == self.address else f"{self.target} ({self.address})"
        text = f"{self.source} pings {where}: {self.answered} of {self.sent} answered"
        if self.rtts_ms:
            least, most = min(self.rtts_ms), max(self.rtts_ms)
            mean = statistics.fmean(self.rtts_ms)
            text += f", {plain(least)} / {plain(mean)} / {plain(most)} ms (least, mean, most)"
        for what in dict.fromkeys(row[4] for row in self.rows if row[4] != "answer"):
            of = [row for row in self.rows if row[4] == what]
            by = self.name_of(of[0][1]) or of[0][1] if of[0][1] else None
            text += f"; {len(of)} × {what}" + (f" (says {by})" if by else "")
        return text
