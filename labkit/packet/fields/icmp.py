# SPDX-License-Identifier: BSD-3-Clause
"""Fields of ICMP (RFC 792) and IGMP (RFC 2236 2, RFC 3376 4)."""

from collections.abc import Iterator

from labkit.packet.fields.reader import Parts, Reader, listing
from labkit.packet.fields.shown import ipv4s, listed

HEADER = "type:8:icmp_type"
CODES = {3: "icmp_unreachable", 5: "icmp_redirect", 11: "icmp_exceeded"}
ECHO = "id:16:hex seq:16:hex"
TIMES = f"{ECHO} ts_ori:32 ts_rx:32 ts_tx:32"
ERROR = "?reserved:8:hex length:8 nexthopmtu:16"
REST = {
    0: ECHO,
    8: ECHO,
    13: TIMES,
    14: TIMES,
    15: ECHO,
    16: ECHO,
    17: f"{ECHO} addr_mask:32:ipv4",
    18: f"{ECHO} addr_mask:32:ipv4",
    3: ERROR,
    5: "gw:32:ipv4",
    9: "count:8 entrysize:8 lifetime:16",
    11: "?reserved:8:hex length:8 ?unused:16:hex",
    12: "ptr:8 length:8 ?unused:16:hex",
    42: "id:16:hex seq:8 ?reserved:7:hex local:1",
    43: "id:16:hex seq:8 state:3 ?reserved:2 active:1 ipv4:1 ipv6:1",
}
QUERY, REPORT_3 = 0x11, 0x22
LONG_QUERY = 12  # bytes: version 3


def icmp(r: Reader) -> Parts:
    """RFC 792, RFC 1256, RFC 1191 4, RFC 4884, RFC 8335."""
    yield from r.read(HEADER)
    yield from r.read(f"code:8:{CODES.get(r['type'], '')} chksum:16:hex")
    yield from r.read(REST.get(r["type"], "?unused:32:hex"))
    if r["type"] == 9 and r["entrysize"] == 2:
        yield from r.part("addresses", min(8 * r["count"], r.left), _routers)
    yield from r.rest("data")


def _routers(data: bytes) -> str:
    """Addresses, with the preference that stands behind each."""
    entries = (data[at : at + 8] for at in range(0, len(data) - 7, 8))
    return listed(
        f"{ipv4s(entry[:4])[1:-1]} {int.from_bytes(entry[4:], 'big', signed=True)}"
        for entry in entries
    )


def igmp(r: Reader) -> Parts:
    """All three versions."""
    yield from r.read("type:8:igmp_type")
    if r["type"] == REPORT_3:
        yield from r.read("?reserved:8:hex chksum:16:hex ?flags:16:hex numgrp:16")
        yield from listing("records", _records(r))
        return
    yield from r.read("mrcode:8 chksum:16:hex gaddr:32:ipv4")
    if r["type"] == QUERY and len(r.data) >= LONG_QUERY:
        yield from r.read("?resv:4 s:1 qrv:3 qqic:8 numsrc:16")
        yield from r.part("srcaddrs", min(4 * r["numsrc"], r.left // 4 * 4), ipv4s)
    yield from r.rest("data")


def _records(r: Reader) -> Iterator[str]:
    for _ in range(r["numgrp"]):
        if r.left < 8:
            return
        shown = dict(r.read("rtype:8:group_record _auxdlen:8 _numsrc:16 maddr:32:ipv4"))
        sources = r.take(4 * r["numsrc"])
        r.take(4 * r["auxdlen"])
        yield f"{shown['rtype']} {shown['maddr']} {ipv4s(sources) if sources else ''}".rstrip()
