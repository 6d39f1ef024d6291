# SPDX-License-Identifier: BSD-3-Clause
"""Fields of layers below IP."""

from collections.abc import Iterator

from labkit.packet.fields.reader import Parts, Reader
from labkit.packet.fields.shown import address, listed, text

ETHERNET = "dst:48:mac src:48:mac type:16:ether_type"
DOT3 = "dst:48:mac src:48:mac len:16"
SNAP = "OUI:24:hex code:16:ether_type"
SLL2 = (
    "proto:16:ether_type ?reserved:16:hex ifindex:32 lladdrtype:16 pkttype:8:sll_type lladdrlen:8"
)
VLAN = "prio:3 dei:1 vlan:12 type:16:ether_type"
ITAG = "prio:3 dei:1 nca:1 ?res1:1 ?res2:2 isid:24"
MPLS = "label:20 cos:3 s:1 ttl:8"
PW = "zero:4 flags:4:hex frg:2 len:6 seq:16"
PPPOE = "version:4 type:4 code:8:pppoe_code sessionid:16:hex len:16"
ARP = "hwtype:16:arp_hardware ptype:16:ether_type hwlen:8 plen:8 op:16:arp_operation"
STP = (
    "proto:16 version:8 bpdutype:8:hex bpduflags:8:hex rootid:16 rootmac:48:mac pathcost:32 "
    "bridgeid:16 bridgemac:48:mac portid:16:hex age:16:256ths maxage:16:256ths hellotime:16:256ths "
    "fwddelay:16:256ths"
)
TAGS = {0x0101: "service", 0x0102: "concentrator", 0x0103: "host", 0x0104: "cookie"}
READABLE_TAGS = (0x0101, 0x0102)
NSH_METADATA = 1  # of type 1: four words


def llc(r: Reader) -> Parts:
    """IEEE 802.2 3.2: the control field has one byte in unnumbered formats, else two."""
    yield from r.read("dsap:8:sap ssap:8:sap")
    is_short = len(r.data) > 2 and r.data[2] & 3 == 3
    yield from r.read("ctrl:8:hex" if is_short else "ctrl:16:hex")


def sll(r: Reader) -> Parts:
    """LINKTYPE_LINUX_SLL: the address takes 8 bytes, whatever its length."""
    yield from r.read("pkttype:16:sll_type lladdrtype:16 lladdrlen:16")
    yield from _cooked_address(r, r["lladdrlen"])
    yield from r.read("proto:16:ether_type")


def sll2(r: Reader) -> Parts:
    """LINKTYPE_LINUX_SLL2."""
    yield from r.read(SLL2)
    yield from _cooked_address(r, r["lladdrlen"])


def _cooked_address(r: Reader, length: int) -> Parts:
    data = r.take(8)
    if len(data) == 8 and length:
        yield "src", address(data[: min(length, 8)])


def loop(r: Reader) -> Parts:
    """LINKTYPE_NULL, LINKTYPE_LOOP: an address family in the byte order of whoever captured."""
    is_little = r.data[:2] != b"\0\0"
    yield from Reader(r.data[::-1] if is_little else r.data).read("type:32:family")


def ppp(r: Reader) -> Parts:
    """RFC 1661 2: address and control may be there, and the protocol may have one byte."""
    if r.data[:2] == b"\xff\x03":
        yield from r.read("address:8:hex control:8:hex")
    yield from r.read("proto:16:ppp" if r.left > 1 else "proto:8:ppp")


def nsh(r: Reader) -> Parts:
    """RFC 8300 2."""
    yield from r.read(
        "ver:2 oam:1 ?unused1:1 ttl:6 length:6 ?unused2:4:hex mdtype:4 nextproto:8:nsh_next "
        "spi:24 si:8"
    )
    if r["mdtype"] == NSH_METADATA:
        yield from r.part("context_header", 16)
    elif r.left:
        yield "vlch", listed(_nsh_variable(r))


def _nsh_variable(r: Reader) -> Iterator[str]:
    while r.left >= 4:
        r.look("_class:16 _type:8 _u:1 _size:7")
        data = r.take((r["size"] + 3) // 4 * 4)[: r["size"]]
        yield f"class {r['class']:#x} type {r['type']} {data.hex()}".rstrip()


def arp(r: Reader) -> Parts:
    """RFC 826: addresses are as long as it says."""
    yield from r.read(ARP)
    for who in ("src", "dst"):
        yield from r.part(f"hw{who}", r["hwlen"], address)
        yield from r.part(f"p{who}", r["plen"], address)


def pppoe_tags(r: Reader) -> Parts:
    """RFC 2516 5 and appendix A."""
    if tags := list(_tags(r)):
        yield "tags", listed(tags)


def _tags(r: Reader) -> Iterator[str]:
    while r.left >= 4:
        r.look("_tag:16 _size:16")
        value = r.take(r["size"])
        shown = text(value) if r["tag"] in READABLE_TAGS else value.hex()
        yield f"{TAGS.get(r['tag'], hex(r['tag']))} {shown}".rstrip()
