# SPDX-License-Identifier: BSD-3-Clause
"""Fields of IP and of IPv6's extension headers."""

from labkit.packet.fields.ip_options import ipv4_options, ipv6_options
from labkit.packet.fields.reader import Parts, Reader
from labkit.packet.fields.shown import address, ipv6s, listed

IPV4 = (
    "version:4 ihl:4 tos:8:hex len:16 id:16 flags:3:ip_flags frag:13 ttl:8 proto:8:protocol "
    "chksum:16:hex src:32:ipv4 dst:32:ipv4"
)
IPV6 = "version:4 tc:8 fl:20 plen:16 nh:8:protocol hlim:8 src:128:ipv6 dst:128:ipv6"
EXTENSION = "nh:8:protocol len:8"
FRAGMENT = "nh:8:protocol ?res1:8:hex offset:13 ?res2:2 m:1 id:32"
AH = "nh:8:protocol payloadlen:8 ?reserved:16:hex spi:32:hex seq:32"
MOBILITY = "nh:8:protocol len:8 mhtype:8:mobility_type ?res:8:hex cksum:16:hex"
HIP = (
    "nh:8:protocol len:8 _fixed:1 type:7 version:4 ?res:3 _one:1 cksum:16:hex controls:16:hex "
    "src:128:ipv6 dst:128:ipv6"
)
SOURCE_ROUTE, HOME_ADDRESS, RPL, SEGMENTS = 0, 2, 3, 4  # types of routing headers


def ip(r: Reader) -> Parts:
    """RFC 791 3.1."""
    yield from r.read(IPV4)
    yield from r.rest("options", ipv4_options)


def options(r: Reader) -> Parts:
    """Hop-by-hop and destination options: RFC 8200 4.2."""
    yield from r.read(EXTENSION)
    yield from r.rest("options", ipv6_options)


def routing(r: Reader) -> Parts:
    """RFC 8200 4.4, RFC 5095, RFC 6275 6.4, RFC 6554 3, RFC 8754 2."""
    yield from r.read(f"{EXTENSION} type:8:routing_type segleft:8")
    if r["type"] in (SOURCE_ROUTE, HOME_ADDRESS):
        yield from r.read("?reserved:32:hex")
        yield from r.rest("addresses", ipv6s)
    elif r["type"] == RPL:
        yield from r.read("cmpri:4 cmpre:4 pad:4 ?reserved:20:hex")
        yield from _compressed(r)
    elif r["type"] == SEGMENTS:
        yield from r.read("lastentry:8 flags:8:hex tag:16:hex")
        yield from r.part("addresses", min(16 * (r["lastentry"] + 1), r.left // 16 * 16), ipv6s)
        yield from r.rest("tlvs")
    else:
        yield from r.rest("data")


def _compressed(r: Reader) -> Parts:
    """Addresses without the bytes that they share with the destination."""
    size, end = 16 - r["cmpri"], 16 - r["cmpre"] + r["pad"]
    found = []
    while r.left >= size + end:
        found.append(r.take(size))
    if r.left >= end:
        found.append(r.take(16 - r["cmpre"]))
    if found:
        yield "addresses", listed(map(address, found))


def ah(r: Reader) -> Parts:
    """RFC 4302 2."""
    yield from r.read(AH)
    yield from r.rest("icv")


def mobility(r: Reader) -> Parts:
    """RFC 6275 6.1."""
    yield from r.read(MOBILITY)
    yield from r.rest("data")


def hip(r: Reader) -> Parts:
    """RFC 7401 5.1."""
    yield from r.read(HIP)
    yield from r.rest("parameters")


def shim6(r: Reader) -> Parts:
    """RFC 5533 5.1 and 5.2: a payload message, or a control message."""
    yield from r.read(f"{EXTENSION} p:1")
    if r["p"]:
        yield from r.read("context:47:hex")
    else:
        yield from r.read("type:7 ?res:8:hex cksum:16:hex")
    yield from r.rest("data")
