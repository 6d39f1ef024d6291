# SPDX-License-Identifier: BSD-3-Clause
"""Fields of what carries frames and packets inside of others."""

from collections.abc import Iterator
from ipaddress import IPv4Address

from labkit.packet.fields.reader import Parts, Reader
from labkit.packet.fields.shown import listed
from labkit.packet.geneve_options import parse_options

GRE = (
    "chksum_present:1 routing_present:1 key_present:1 seqnum_present:1 strict_route_source:1 "
    "recursion_control:3 ?acknum_present:1 flags:4 version:3 proto:16:ether_type"
)
ERSPAN_II = "ver:4 vlan:12 cos:3 en:2 t:1 session_id:10 ?reserved:12:hex index:20"
ERSPAN_III = (
    "ver:4 vlan:12 cos:3 bso:2 t:1 session_id:10 timestamp:32 sgt:16 p:1 ft:5 hw:6 d:1 gra:2 o:1"
)
VXLAN = "flags:8:vxlan_flags ?reserved1:24:hex vni:24 ?reserved2:8:hex"
VXLAN_GROUP = "flags:8:vxlan_flags gpflags:8:hex gpid:16 vni:24 ?reserved2:8:hex"
GPE = "flags:8:gpe_flags ?reserved0:16:hex NextProtocol:8:nsh_next vni:24 ?reserved2:8:hex"
GPE_WITHOUT_NEXT = "flags:8:gpe_flags ?reserved0:24:hex vni:24 ?reserved2:8:hex"
GENEVE = (
    "version:2 optionlen:6 oam:1 critical:1 ?reserved:6:hex proto:16:ether_type vni:24 "
    "?reserved2:8:hex"
)
GUE = "variant:2 control:1 hlen:5"
GUE_FLAGS = (
    "?group_present:1 ?security:3:gue_security ?fragment_present:1 ?transform_present:1 "
    "?remcsum_present:1 ?chksum_present:1 ?reserved:7:hex ?private_present:1"
)
GUE_FIELDS = {  # by flag; the cookie stands behind the group
    "group_present": "group:32:hex",
    "fragment_present": "fragmentation:64:hex",
    "transform_present": "transform:32:hex",
    "remcsum_present": "remcsum_start:16 remcsum_offset:16",
    "chksum_present": "chksum:32:hex",
    "private_present": "private_flags:32:hex",
}
COOKIE = {1: 8, 2: 16, 3: 32}  # bytes by security
ORIGIN = 8  # bytes
GTP = "version:3 PT:1 ?reserved:1 E:1 S:1 PN:1 gtp_type:8:gtp_type length:16 teid:32:hex"
GTP_EXTENSIONS = {
    0x03: "PDU session (long)",
    0x20: "service class",
    0x40: "UDP port",
    0x81: "RAN container",
    0x82: "long PDCP number",
    0x84: "NR RAN container",
    0x85: "PDU session",
    0xC0: "PDCP number",
}
L2TP = "T:1 L:1 ?res1:2 S:1 ?res2:1 O:1 P:1 ?res3:4 version:4"


def gre(r: Reader) -> Parts:
    """RFC 2784 2, RFC 2890 2; version 1: RFC 2637 4.1."""
    yield from r.read(GRE)
    if r["version"] == 1:
        yield from r.read("payload_len:16 call_id:16" if r["key_present"] else "")
        yield from r.read("sequence_number:32" if r["seqnum_present"] else "")
        yield from r.read("ack_number:32" if r["acknum_present"] else "")
        return
    if r["chksum_present"] or r["routing_present"]:
        yield from r.read("chksum:16:hex offset:16")
    yield from r.read("key:32:hex" if r["key_present"] else "")
    yield from r.read("sequence_number:32" if r["seqnum_present"] else "")
    yield from r.rest("routing")


def erspan(r: Reader) -> Parts:
    """draft-foschiano-erspan-03 4.2 and 4.3: type II, or type III, which has version 2."""
    is_third = r.data[:1] >= b"\x20"
    yield from r.read(ERSPAN_III if is_third else ERSPAN_II)
    yield from r.read("platform:6 platform_data:58:hex" if r.left >= 8 else "")


def vxlan(r: Reader) -> Parts:
    """RFC 7348 5; with the G flag draft-smith-vxlan-group-policy-05 2.1."""
    yield from r.read(VXLAN_GROUP if r.data[:1] >= b"\x80" else VXLAN)


def vxlan_gpe(r: Reader) -> Parts:
    """draft-ietf-nvo3-vxlan-gpe-13 3.1."""
    has_next = bool(r.data) and r.data[0] & 4
    yield from r.read(GPE if has_next else GPE_WITHOUT_NEXT)


def geneve(r: Reader) -> Parts:
    """RFC 8926 3.4 and 3.5."""
    yield from r.read(GENEVE)
    begin, options = r.bit, parse_options(r.data[r.at :])
    r.take(sum(option.size for option in options))
    if options:
        told = listed(
            f"class {o.option_class:#06x} type {o.type:#04x} {o.data.hex()}".rstrip()
            for o in options
        )
        yield r.made("options", told, begin)
    yield from r.rest("rest")


def gue(r: Reader) -> Parts:
    """draft-ietf-intarea-gue-09 3.1, draft-ietf-intarea-gue-extensions-06."""
    yield from r.read(GUE)
    yield from r.read("ctype:8" if r["control"] else "proto:8:protocol")
    yield from r.read(GUE_FLAGS)
    for flag, fields in GUE_FIELDS.items():
        yield from r.read(fields if r[flag] else "")
        if flag == "group_present":
            yield from r.part("cookie", COOKIE.get(r["security"], 0))
    yield from r.rest("private")


def gtp(r: Reader) -> Parts:
    """3GPP TS 29.281 5.1 and 5.2."""
    yield from r.read(GTP)
    if r["E"] or r["S"] or r["PN"]:
        yield from r.read("seq:16 npdu:8 next_ex:8:hex")
    extensions = list(_extensions(r, r["next_ex"] if r["E"] else 0))
    if extensions:
        yield "extensions", listed(extensions)


def _extensions(r: Reader, kind: int) -> Iterator[str]:
    while kind and r.left >= 4:
        data = r.take(4 * max(r.take(1)[0], 1) - 1)
        yield f"{GTP_EXTENSIONS.get(kind, hex(kind))} {data[:-1].hex()}"
        kind = data[-1] if data else 0


def teredo(r: Reader) -> Parts:
    """RFC 4380 5.1.1: authentication, and the origin, whose bits are turned round."""
    if r.data[:2] == b"\0\x01":
        yield from r.read("_auth:16 id_len:8 auth_len:8")
        yield from r.part("client_id", r["id_len"])
        yield from r.part("auth", r["auth_len"])
        yield from r.read("nonce:64:hex confirmation:8")
    if r.left >= ORIGIN:
        r.look("_origin:16")
        yield from r.part("origin_port", 2, lambda data: str(_turned(data)))
        yield from r.part("origin", 4, lambda data: str(IPv4Address(_turned(data))))


def _turned(data: bytes) -> int:
    return int.from_bytes(data, "big") ^ (1 << 8 * len(data)) - 1


def l2tp(r: Reader) -> Parts:
    """RFC 2661 3.1."""
    yield from r.read(L2TP)
    yield from r.read("len:16" if r["L"] else "")
    yield from r.read("tunnel_id:16 session_id:16")
    yield from r.read("ns:16 nr:16" if r["S"] else "")
    yield from r.read("offset:16" if r["O"] else "")
    yield from r.rest("pad")
