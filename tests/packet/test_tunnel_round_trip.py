# SPDX-License-Identifier: BSD-3-Clause
"""20,000 random tunnels and frames: scapy reads what was put together, and builds what is taken
apart."""

import ipaddress
import random
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from scapy.contrib.geneve import GENEVE, GeneveOptions
from scapy.layers.inet import IP, UDP
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import Ether
from scapy.layers.vxlan import VXLAN
from scapy.packet import Packet, Raw
from scapy.utils import checksum

import labkit as lk
from tests.tunnels import carried, is_ipv4, tunnels, udp_at

READ_CASES, BUILT_CASES = 20_000, 2_000


def address(rng: random.Random, version: int) -> str:
    if version == 4:
        return str(ipaddress.IPv4Address(rng.randrange(1 << 24, 126 << 24)))
    return str(ipaddress.IPv6Address(0x2001 << 112 | rng.getrandbits(112)))


def mac(rng: random.Random) -> str:
    return bytes([2, *rng.randbytes(5)]).hex(":")


def option(rng: random.Random) -> lk.GeneveOption:
    data = rng.randbytes(4 * rng.randrange(8))
    return lk.GeneveOption(rng.getrandbits(16), rng.getrandbits(8), data)


def random_tunnel(rng: random.Random) -> lk.Tunnel:
    version = rng.choice((4, 6))
    tunnel = rng.choice(list(tunnels(version).values()))
    more: dict[str, Any] = {}
    if tunnel.PROTOCOL != "gue":
        more["vni"] = rng.getrandbits(24)
    if isinstance(tunnel, lk.Geneve):
        more["options"] = tuple(option(rng) for _ in range(rng.randrange(6)))
    return replace(
        tunnel,
        local=address(rng, version),
        remote=address(rng, version),
        local_mac=mac(rng),
        remote_mac=mac(rng),
        ttl=rng.randrange(1, 256),
        dscp=rng.randrange(64),
        checksum=rng.choice((None, True, False)),
        accept_zero_checksum=True,
        dont_fragment=rng.random() < 0.5,
        source_port=rng.choice((None, rng.randrange(1, 65536))),
        **more,
    )


def random_inner(rng: random.Random, tunnel: lk.Tunnel) -> bytes:
    """A good frame, or one with a few bytes changed: a tunnel carries anything."""
    frame = bytearray(rng.choice([f for f in carried(tunnel).values() if len(f) < 2000]))
    first = 0 if tunnel.carries_ethernet else 16
    for _ in range(rng.randrange(4)):
        frame[rng.randrange(first, len(frame))] = rng.getrandbits(8)
    return bytes(frame)


def expect_scapy_reads(tunnel: lk.Tunnel, outer: bytes, inner: bytes) -> None:
    packet = Ether(outer)
    ip = packet.payload
    assert (packet.src, packet.dst) == (tunnel.local_mac, tunnel.remote_mac)
    assert (ip.src, ip.dst) == (tunnel.local, tunnel.remote)
    if isinstance(ip, IP):
        assert (ip.ttl, ip.tos >> 2, ip.len, ip.flags.DF) == (
            tunnel.ttl,
            tunnel.dscp,
            len(outer) - 14,
            tunnel.dont_fragment,
        )
        assert checksum(outer[14:34]) == 0
    else:
        assert (ip.hlim, ip.tc >> 2, ip.plen, ip.nh) == (
            tunnel.ttl,
            tunnel.dscp,
            len(outer) - 54,
            17,
        )
    udp = ip.payload
    assert (udp.dport, udp.len) == (tunnel.udp_port, len(outer) - udp_at(outer))
    assert udp.sport == (tunnel.source_port or udp.sport)
    assert (udp.chksum != 0) == (not is_ipv4(outer) if tunnel.checksum is None else tunnel.checksum)
    if udp.chksum:
        addresses = outer[26:34] if is_ipv4(outer) else outer[22:54]
        datagram = outer[udp_at(outer) :]
        assert checksum(addresses + b"\0\x11" + datagram[4:6] + datagram) == 0
    if isinstance(tunnel, lk.Vxlan):
        header = VXLAN(bytes(datagram_payload(outer)))
        assert (int(header.flags), header.vni, header.reserved2) == (8, tunnel.vni, 0)
        assert bytes(header.payload) == inner
    elif isinstance(tunnel, lk.Geneve):
        header = GENEVE(datagram_payload(outer))
        assert (header.version, header.oam, header.vni) == (0, 0, tunnel.vni)
        assert header.optionlen * 4 == sum(o.size for o in tunnel.options)
        assert header.critical == any(o.critical for o in tunnel.options)
        assert [(o.classid, o.type, bytes(o.data)) for o in header.options] == [
            (o.option_class, o.type, o.data) for o in tunnel.options
        ]


def datagram_payload(outer: bytes) -> bytes:
    return outer[udp_at(outer) + 8 :]


@pytest.mark.parametrize("part", range(2))
def test_scapy_reads_what_is_put_together(part: int) -> None:
    rng = random.Random(part)
    for _ in range(READ_CASES // 20):
        tunnel = random_tunnel(rng)
        for _ in range(10):
            inner = random_inner(rng, tunnel)
            outer, refusal = attempt(tunnel.encap, inner)
            if refusal is None:
                expect_scapy_reads(tunnel, outer, inner)
                expect_comes_out(tunnel, outer, inner)
            else:
                assert refusal == "tunnel_unhandled_payload"


def attempt(what: Callable[[bytes], Any], frame: bytes) -> tuple[Any, str | None]:
    """The result, or the name of the verdict that refuses it."""
    try:
        return what(frame), None
    except lk.Refused as refused:
        return None, refused.verdict.name


def expect_comes_out(tunnel: lk.Tunnel, outer: bytes, inner: bytes) -> None:
    """The inner frame, unless a byte that was changed makes it no IP packet any more."""
    found, refusal = attempt(tunnel.decap, outer)
    if refusal is not None:
        assert not tunnel.carries_ethernet
        assert refusal in ("inner_ip_bad_version", "inner_ip_truncated")
        return
    start = 0 if tunnel.carries_ethernet else 14
    assert found.frame[start:] == inner[start:]


def scapy_built(rng: random.Random, tunnel: lk.Tunnel, inner: bytes) -> Packet:
    """The outer frame as scapy puts it together."""
    ip: Packet = (
        IP(src=tunnel.local, dst=tunnel.remote, tos=rng.randrange(64) << 2)
        if tunnel.ip_version == 4
        else IPv6(src=tunnel.local, dst=tunnel.remote, fl=rng.getrandbits(20))
    )
    packet = Ether(src=tunnel.local_mac, dst=tunnel.remote_mac) / ip
    packet /= UDP(sport=rng.randrange(1, 65536), dport=tunnel.udp_port)
    if isinstance(tunnel, lk.Vxlan):
        return packet / VXLAN(flags=8, vni=tunnel.vni) / Raw(inner)
    assert isinstance(tunnel, lk.Geneve)
    options = [
        GeneveOptions(classid=o.option_class, type=o.type, data=o.data) for o in tunnel.options
    ]
    critical = any(o.critical for o in tunnel.options)
    return (
        packet
        / GENEVE(vni=tunnel.vni, proto=0x6558, options=options, critical=critical)
        / Raw(inner)
    )


def test_what_scapy_builds_comes_out() -> None:
    rng = random.Random(7)
    done = 0
    while done < BUILT_CASES:
        tunnel = random_tunnel(rng)
        if tunnel.PROTOCOL == "gue" or not tunnel.carries_ethernet:
            continue
        inner = random_inner(rng, tunnel)
        found = tunnel.decap(bytes(scapy_built(rng, tunnel, inner)))
        assert (found.frame, found.vni) == (inner, tunnel.vni)  # type: ignore[attr-defined]
        assert found.options == getattr(tunnel, "options", ())
        done += 1
