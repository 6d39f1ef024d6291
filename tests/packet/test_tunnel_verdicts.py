# SPDX-License-Identifier: BSD-3-Clause
"""One outer frame for every reason to refuse one, and the byte at which the reason stands."""

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

import labkit as lk
from labkit.packet import codec
from tests.tunnels import (
    CRITICAL,
    INNER,
    V4,
    carried,
    put,
    tunnels,
    udp_at,
    with_checksums,
    with_lengths,
)

FRAME = bytes(INNER["udp_v4"])
T4, T6 = tunnels(4), tunnels(6)
IP4, UDP4, HEADER4, INNER4 = 14, 34, 42, 50  # offsets in a VXLAN frame over IPv4
UDP6, HEADER6 = 54, 62


def good(tunnel: lk.Tunnel) -> bytes:
    return tunnel.encap(FRAME)


def changed(tunnel: lk.Tunnel, at: int, what: str) -> bytes:
    """A good frame with other bytes from offset `at` on, and right checksums."""
    return with_checksums(put(good(tunnel), at, bytes.fromhex(what)))


def cut(tunnel: lk.Tunnel, length: int) -> bytes:
    """A good frame that ends after `length` bytes, which its outer lengths know."""
    return with_lengths(good(tunnel)[:length])


def with_extensions(headers: bytes, first: int) -> bytes:
    """VXLAN over IPv6 with headers between IPv6 and UDP."""
    frame = good(T6["vxlan"])
    length = int.from_bytes(frame[18:20], "big") + len(headers)
    frame = put(frame, 18, length.to_bytes(2, "big") + bytes([first]))
    return frame[:UDP6] + headers + frame[UDP6:]


def extension(next_header: int, data: bytes = b"\x01\x04\0\0\0\0") -> bytes:
    return bytes([next_header, 0]) + data


def with_ipv4_options(options: str) -> bytes:
    """VXLAN over IPv4 with these four bytes of options."""
    frame = put(good(T4["vxlan"]), 14, b"\x46")
    frame = frame[:34] + bytes.fromhex(options) + frame[34:]
    return with_checksums(put(frame, 16, (len(frame) - 14).to_bytes(2, "big")))


VLAN = good(T4["vxlan"])[:12] + bytes.fromhex("81000001") + good(T4["vxlan"])[12:]
CE4, CE6 = "03", "60300000"
OPTIONS = lk.Geneve(vni=42, options=(lk.GeneveOption(1, 1, bytes(4)),), **V4)
GRE_CHECKSUM = good(T4["gue_gre"])[:46] + bytes.fromhex("80006558ffff0000") + FRAME

# verdict: (tunnel, frame, offset of what is wrong) ...
EXAMPLES: dict[str, list[tuple[lk.Tunnel, bytes, int | None]]] = {
    "other": [
        (T4["vxlan"], FRAME, None),
        (T4["vxlan"], bytes(INNER["arp"]), None),
        (T4["vxlan"], bytes(INNER["icmp"]), None),
        (T4["vxlan"], good(T4["geneve"]), None),
    ],
    "outer_eth_truncated": [(T4["vxlan"], good(T4["vxlan"])[:13], 13)],
    "outer_vlan_truncated": [(T4["vxlan"], VLAN[:17], 17)],
    "outer_vlan_too_many": [
        (T4["vxlan"], VLAN[:12] + 2 * bytes.fromhex("81000001") + VLAN[12:], 20)
    ],
    "outer_ipv4_truncated": [
        (T4["vxlan"], good(T4["vxlan"])[:33], 33),
        (T4["vxlan"], put(good(T4["vxlan"]), 14, b"\x4f")[:60], 60),
    ],
    "outer_ipv4_bad_version": [(T4["vxlan"], changed(T4["vxlan"], 14, "55"), 14)],
    "outer_ipv4_bad_header_length": [
        (T4["vxlan"], put(good(T4["vxlan"]), 14, b"\x44"), 14)
    ],
    "outer_ipv4_bad_length": [
        (T4["vxlan"], good(T4["vxlan"])[:-1], 16),
        (T4["vxlan"], changed(T4["vxlan"], 16, "0013"), 16),
    ],
    "outer_ipv4_bad_checksum": [(T4["vxlan"], put(good(T4["vxlan"]), 22, b"\x00"), 24)],
    "outer_ipv4_fragment": [
        (T4["vxlan"], changed(T4["vxlan"], 20, "2000"), 20),
        (T4["vxlan"], changed(T4["vxlan"], 20, "0001"), 20),
    ],
    "outer_ipv4_bad_option": [
        (T4["vxlan"], with_ipv4_options("83000000"), 34),
        (T4["vxlan"], with_ipv4_options("01018305"), 36),
    ],
    "outer_ipv6_bad_option": [
        (T6["vxlan"], with_extensions(extension(17, bytes.fromhex("010500000000")), 60), 56),
    ],
    "outer_ipv6_unknown_option": [
        (T6["vxlan"], with_extensions(extension(17, bytes.fromhex("0100c2020000")), 0), 58),
    ],
    "outer_ipv6_truncated": [(T6["vxlan"], good(T6["vxlan"])[:53], 53)],
    "outer_ipv6_bad_version": [(T6["vxlan"], put(good(T6["vxlan"]), 14, b"\x50"), 14)],
    "outer_ipv6_bad_length": [(T6["vxlan"], good(T6["vxlan"])[:-1], 18)],
    "outer_ipv6_extension_truncated": [
        (T6["vxlan"], with_extensions(bytes([17, 40]) + bytes(6), 60), 55)
    ],
    "outer_ipv6_extension_limit": [
        (T6["vxlan"], with_extensions(extension(60) * 8 + extension(17), 60), 54 + 64)
    ],
    "outer_ipv6_extension_order": [
        (T6["vxlan"], with_extensions(extension(0) + extension(17), 60), 62)
    ],
    "outer_ipv6_routing_segments": [
        (T6["vxlan"], with_extensions(bytes([17, 0, 0, 1]) + bytes(4), 43), 57)
    ],
    "outer_ipv6_fragment": [
        (T6["vxlan"], with_extensions(bytes([17, 0, 0, 1]) + bytes(4), 44), 54)
    ],
    "outer_udp_truncated": [
        (T4["vxlan"], changed(T4["vxlan"], 16, "001b"), 41),
        (T4["vxlan"], changed(T4["vxlan"], 16, "0016"), 36),
    ],
    "outer_udp_bad_length": [
        (T4["vxlan"], changed(T4["vxlan"], UDP4 + 4, "0007"), UDP4 + 4),
        (T4["vxlan"], changed(T4["vxlan"], UDP4 + 4, "ffff"), UDP4 + 4),
    ],
    "outer_udp_bad_checksum": [
        (T4["vxlan"], changed(T4["vxlan"], UDP4 + 6, "0001")[:-1] + b"\xff", UDP4 + 6),
        (T6["vxlan"], good(T6["vxlan"])[:-1] + b"\xff", UDP6 + 6),
    ],
    "outer_udp_zero_checksum": [
        (T6[name], put(good(T6[name]), UDP6 + 6, b"\0\0"), UDP6 + 6) for name in T6
    ],
    "tunnel_bad_source": [
        (T4["vxlan"], changed(T4["vxlan"], IP4 + 12, "7f000001"), IP4 + 12),
        (T4["vxlan"], changed(T4["vxlan"], IP4 + 12, "e0000001"), IP4 + 12),
        (T6["gue"], changed(T6["gue"], 14 + 8, "ff02"), 14 + 8),
    ],
    "tunnel_ip_options": [
        (replace(T6["vxlan"], strictness="ovs"), with_extensions(extension(17), 60), 14),
    ],
    "tunnel_unknown_vni": [
        (T4["vxlan"], changed(T4["vxlan"], HEADER4 + 4, "00002b"), HEADER4 + 4),
        (T6["geneve"], changed(T6["geneve"], HEADER6 + 4, "80002a"), HEADER6 + 4),
    ],
    "tunnel_ecn_lost": [
        (T4["vxlan"], changed(T4["vxlan"], IP4 + 1, CE4), IP4 + 1),
        (T6["vxlan"], changed(T6["vxlan"], 14, CE6), 14),
        (T4["gue"], changed(T4["gue"], IP4 + 1, CE4), IP4 + 1),
    ],
    "vxlan_truncated": [(T4["vxlan"], cut(T4["vxlan"], HEADER4 + n), HEADER4 + n) for n in (0, 7)],
    "vxlan_no_vni_flag": [
        (T4["vxlan"], changed(T4["vxlan"], HEADER4, "00"), HEADER4),
        (T4["vxlan"], changed(T4["vxlan"], HEADER4, "f7"), HEADER4),
    ],
    "vxlan_reserved_bits": [
        (replace(T4["vxlan"], strictness=strictness), changed(T4["vxlan"], at, what), where)
        for strictness in ("linux", "ovs")
        for at, what, where in (
            (HEADER4, "0c", HEADER4),
            (HEADER4 + 1, "000001", HEADER4),
            (HEADER4 + 7, "01", HEADER4 + 7),
        )
    ],
    "geneve_truncated": [(T4["geneve"], cut(T4["geneve"], HEADER4 + 7), HEADER4 + 7)],
    "geneve_bad_version": [(T4["geneve"], changed(T4["geneve"], HEADER4, "40"), HEADER4)],
    "geneve_bad_options_length": [
        (T4["geneve"], changed(T4["geneve"], HEADER4, "3f"), HEADER4),
        (OPTIONS, cut(OPTIONS, HEADER4 + 15), HEADER4),
    ],
    "geneve_bad_option_length": [(OPTIONS, changed(OPTIONS, HEADER4 + 11, "02"), HEADER4 + 11)],
    "geneve_critical_option": [
        (T4["geneve"], good(lk.Geneve(vni=42, options=(CRITICAL,), **V4)), HEADER4 + 8)
    ],
    "geneve_control": [(T4["geneve"], changed(T4["geneve"], HEADER4 + 1, "80"), HEADER4 + 1)],
    "geneve_unknown_protocol": [
        (T4["geneve"], changed(T4["geneve"], HEADER4 + 2, "8847"), HEADER4 + 2)
    ],
    "gue_truncated": [
        (T4["gue"], cut(T4["gue"], HEADER4), HEADER4),
        (T4["gue"], cut(T4["gue"], HEADER4 + 3), HEADER4 + 3),
    ],
    "gue_bad_variant": [
        (T4["gue"], changed(T4["gue"], HEADER4, first), HEADER4) for first in ("80", "c0")
    ],
    "gue_bad_header_length": [(T4["gue"], changed(T4["gue"], HEADER4, "1f"), HEADER4)],
    "gue_control": [(T4["gue"], changed(T4["gue"], HEADER4, "20"), HEADER4)],
    "gue_unknown_flags": [
        (T4["gue"], changed(T4["gue"], HEADER4 + 2, "8000"), HEADER4 + 2),
        (T4["gue"], changed(T4["gue"], HEADER4, "0104000180000000"), HEADER4 + 4),
    ],
    "gue_bad_flag_fields": [(T4["gue"], changed(T4["gue"], HEADER4 + 2, "0001"), HEADER4 + 2)],
    "gue_unknown_protocol": [(T4["gue"], changed(T4["gue"], HEADER4 + 1, "3b"), HEADER4 + 1)],
    "gre_truncated": [
        (T4["gue_gre"], cut(T4["gue_gre"], HEADER4 + 7), HEADER4 + 7),
        (T4["gue_gre"], with_lengths(good(T4["gue_gre"])[:46] + bytes.fromhex("20006558")), 50),
    ],
    "gre_bad_flags": [
        (T4["gue_gre"], changed(T4["gue_gre"], HEADER4 + 4, flags), HEADER4 + 4)
        for flags in ("4000", "0800", "0400", "0001")
    ],
    "gre_bad_checksum": [(T4["gue_gre"], with_lengths(GRE_CHECKSUM), HEADER4 + 8)],
    "gre_unknown_protocol": [
        (T4["gue_gre"], changed(T4["gue_gre"], HEADER4 + 6, "8847"), HEADER4 + 6)
    ],
    "etherip_truncated": [(T4["gue_etherip"], cut(T4["gue_etherip"], HEADER4 + 5), HEADER4 + 5)],
    "etherip_bad_version": [
        (T4["gue_etherip"], changed(T4["gue_etherip"], HEADER4 + 4, bits), HEADER4 + 4)
        for bits in ("40", "31", "3001")
    ],
    "inner_eth_truncated": [
        (T4["vxlan"], cut(T4["vxlan"], INNER4 + n), INNER4 + n) for n in (0, 13)
    ],
    "inner_ip_truncated": [
        (T4["gue"], cut(T4["gue"], 46 + 19), 46 + 19),
        (replace(T4["vxlan"], strictness="linux"), cut(T4["vxlan"], INNER4 + 33), INNER4 + 33),
    ],
    "inner_ip_bad_version": [
        (T4["gue"], changed(T4["gue"], 46, "55"), 46),
        (T4["gue"], changed(T4["gue"], HEADER4 + 1, "29"), 46),
        (T4["gue_variant_1"], changed(T4["gue_variant_1"], HEADER4, "75"), HEADER4),
        (T4["geneve_ip"], changed(T4["geneve_ip"], HEADER4 + 2, "86dd"), INNER4),
    ],
}  # fmt: skip

SENDING: dict[str, Callable[[], object]] = {
    "tunnel_too_long": lambda: replace(T4["vxlan"], mtu=1500).encap(FRAME + bytes(1500)),
    "tunnel_unhandled_payload": lambda: T4["gue"].encap(bytes(INNER["arp"])),
    "eth_truncated": lambda: T4["vxlan"].encap(bytes(13)),
}


@pytest.mark.parametrize(
    ("verdict", "tunnel", "frame", "at"),
    [
        pytest.param(verdict, *example, id=f"{verdict}-{number}")
        for verdict, examples in EXAMPLES.items()
        for number, example in enumerate(examples)
    ],
)
def test_verdict(verdict: str, tunnel: lk.Tunnel, frame: bytes, at: int | None) -> None:
    with pytest.raises(lk.Refused) as refused:
        tunnel.decap(frame)
    assert (refused.value.verdict.name, refused.value.at) == (verdict, at)
    assert refused.value.verdict.sentence in str(refused.value)


@pytest.mark.parametrize("verdict", SENDING)
def test_refused_to_send(verdict: str) -> None:
    with pytest.raises(lk.Refused) as refused:
        SENDING[verdict]()
    assert refused.value.verdict.name == verdict


def test_too_long_says_what_fits() -> None:
    tunnel = replace(T6["vxlan"], mtu=1500)
    assert tunnel.encap(bytes(tunnel.max_inner_frame(1500)))
    with pytest.raises(lk.Refused, match=r"1445 bytes; with 56 bytes .* MTU of 1500 at most 1444"):
        tunnel.encap(bytes(tunnel.max_inner_frame(1500) + 1))


def test_no_room_for_headers() -> None:
    for tunnel in (*T4.values(), *T6.values()):
        needed = len(good(tunnel)) - len(FRAME)
        for room, verdict in ((needed - 1, "no_room"), (needed, "next")):
            for headroom in (0, room // 2, room):
                batch = lk.FrameBatch.pack([FRAME], headroom=headroom, tailroom=room - headroom)
                number = tunnel.encap_many(batch)[0]
                assert codec.VERDICTS[number].name == verdict
                assert batch[0] == (good(tunnel) if verdict == "next" else FRAME)


def all_cuts() -> Iterator[tuple[str, lk.Tunnel, bytes]]:
    for name, tunnel in (*T4.items(), *T6.items()):
        for inner, frame in carried(tunnel).items():
            if len(frame) < 300:
                yield f"{name}-{inner}", tunnel, tunnel.encap(frame)


def test_every_beginning_is_refused_or_shorter() -> None:
    """Outer frames that end anywhere, with outer lengths that know it or do not."""
    for name, tunnel, outer in all_cuts():
        whole = tunnel.decap(outer)
        for length in range(len(outer)):
            with pytest.raises(lk.Refused):
                tunnel.decap(outer[:length])
            if length < udp_at(outer) + 8:
                continue
            with contextlib.suppress(lk.Refused):
                part = tunnel.decap(with_lengths(outer[:length]))
                assert whole.frame.startswith(part.frame), (name, length)
