# SPDX-License-Identifier: BSD-3-Clause
"""Fields of TCP, UDP, UDP-Lite and SCTP."""

from collections.abc import Iterator

from labkit.packet.fields.ip_options import options_of
from labkit.packet.fields.reader import Parts, Reader, listing
from labkit.packet.fields.shown import listed

TCP = (
    "sport:16 dport:16 seq:32 ack:32 dataofs:4 ?reserved:3 flags:9:tcp_flags window:16 "
    "chksum:16:hex urgptr:16"
)
UDP = "sport:16 dport:16 len:16 chksum:16:hex"
UDPLITE = "sport:16 dport:16 coverage:16 chksum:16:hex"
SCTP = "sport:16 dport:16 tag:32:hex chksum:32:hex"
CHUNKS = {
    0: "DATA",
    1: "INIT",
    2: "INIT-ACK",
    3: "SACK",
    4: "HEARTBEAT",
    5: "HEARTBEAT-ACK",
    6: "ABORT",
    7: "SHUTDOWN",
    8: "SHUTDOWN-ACK",
    9: "ERROR",
    10: "COOKIE-ECHO",
    11: "COOKIE-ACK",
    12: "ECNE",
    13: "CWR",
    14: "SHUTDOWN-COMPLETE",
    64: "I-DATA",
    130: "RE-CONFIG",
    192: "FORWARD-TSN",
}
MSS, WINDOW_SCALE, SACK_PERMITTED, SACK, TIMESTAMP = 2, 3, 4, 5, 8
OPTIONS = {
    MSS: "mss",
    WINDOW_SCALE: "wscale",
    SACK_PERMITTED: "sack-permitted",
    SACK: "sack",
    TIMESTAMP: "timestamp",
    19: "md5",
    28: "user-timeout",
    29: "ao",
    30: "mptcp",
    34: "fast-open",
    69: "tcp-eno",
    172: "accecn0",
    174: "accecn1",
    253: "experiment 1",
    254: "experiment 2",
}
# Bytes of each number in an option's data
NUMBERS = {(MSS, 2): 2, (WINDOW_SCALE, 1): 1, (TIMESTAMP, 8): 4}


def tcp(r: Reader) -> Parts:
    """RFC 9293 3.1."""
    yield from r.read(TCP)
    yield from r.rest("options", tcp_options)


def tcp_options(data: bytes) -> str:
    """RFC 9293 3.2, RFC 7323, RFC 2018; one that runs past the header is told, and the last."""
    return listed(options_of(data, OPTIONS, _value))


def _value(kind: int, value: bytes) -> str:
    if width := NUMBERS.get((kind, len(value))):
        return " ".join(_numbers(value, width))
    if kind == SACK and len(value) % 8 == 0:
        edges = _numbers(value, 4)
        return " ".join(f"{left}-{right}" for left, right in zip(edges, edges, strict=False))
    return value.hex()


def _numbers(data: bytes, width: int) -> Iterator[str]:
    for at in range(0, len(data), width):
        yield str(int.from_bytes(data[at : at + width], "big"))


def sctp_chunks(r: Reader) -> Parts:
    """RFC 9260 3.2: type and length of each, as far as they go."""
    yield from listing("chunks", _chunks(r))


def _chunks(r: Reader) -> Iterator[str]:
    while r.left >= 4:
        r.look("_type:8 _flags:8 _size:16")
        yield f"{CHUNKS.get(r['type'], r['type'])} of {r['size']} bytes"
        if r["size"] < 4:
            return
        r.take((r["size"] + 3) // 4 * 4 - 4)
