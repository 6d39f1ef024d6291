# SPDX-License-Identifier: BSD-3-Clause
"""Tunnels put together as the standards say: header sizes, checksums, ports, ECN, DSCP, options."""

import ipaddress
import json
from dataclasses import replace
from typing import Any

import pytest
from scapy.contrib.geneve import GENEVE
from scapy.layers.inet import IP, UDP
from scapy.layers.inet6 import IPv6, in6_chksum
from scapy.layers.l2 import Ether
from scapy.layers.vxlan import VXLAN
from scapy.packet import Raw

import labkit as lk
from labkit.packet import codec, tunnels
from tests.tunnels import (
    CRITICAL,
    INNER,
    LINK,
    OPTION,
    TUNNELS,
    V4,
    V6,
    carried,
    ip_at,
    is_ipv4,
    put,
    udp_at,
    with_checksums,
    with_lengths,
)

FRAME = bytes(INNER["udp_v4"])
VX4, VX6 = TUNNELS["vxlan_v4"], TUNNELS["vxlan_v6"]
EACH = pytest.mark.parametrize("tunnel", TUNNELS.values(), ids=TUNNELS.keys())


def scapy_udp_checksum(outer: bytes) -> int:
    """What scapy computes for the outer datagram."""
    packet = Ether(outer)
    if not is_ipv4(outer):
        datagram = put(outer[54:], 6, b"\0\0")
        return int(in6_chksum(17, packet[IPv6], datagram))
    del packet[UDP].chksum
    return int(Ether(bytes(packet))[UDP].chksum)


@EACH
def test_what_goes_in_comes_out(tunnel: lk.Tunnel) -> None:
    for name, frame in carried(tunnel).items():
        outer = tunnel.encap(frame)
        found = tunnel.decap(outer)
        start = 0 if tunnel.carries_ethernet else 12
        assert found.frame[start:] == frame[start:], name
        assert (found.source, found.destination) == (tunnel.local, tunnel.remote)
        assert found.vni == getattr(tunnel, "vni", None)
        assert outer[found.offset :] == frame[0 if tunnel.carries_ethernet else 14 :]


@EACH
def test_overhead_is_what_is_added(tunnel: lk.Tunnel) -> None:
    grown = len(tunnel.encap(FRAME)) - len(FRAME)
    assert grown == tunnel.overhead + (14 if tunnel.carries_ethernet else 0)
    largest = FRAME + bytes(tunnel.max_inner_frame(1500) - len(FRAME))
    assert len(tunnel.encap(largest)) - 14 == 1500


def test_overheads_of_the_standards() -> None:
    """36/56 B for VXLAN and GENEVE, 32/52 and 28/48 B for the variants of GUE."""
    sizes = {name: tunnel.overhead for name, tunnel in TUNNELS.items()}
    assert (sizes["vxlan_v4"], sizes["vxlan_v6"]) == (36, 56)
    assert (sizes["geneve_v4"], sizes["geneve_v6"]) == (36, 56)
    assert (sizes["gue_v4"], sizes["gue_v6"]) == (32, 52)
    assert (sizes["gue_variant_1_v4"], sizes["gue_variant_1_v6"]) == (28, 48)
    assert (VX4.max_inner_mtu(1500), VX6.max_inner_mtu(1500)) == (1450, 1430)


@EACH
def test_checksums(tunnel: lk.Tunnel) -> None:
    """UDP: zero over IPv4, computed over IPv6, and the other way round when asked for."""
    for checksum in (None, True, False):
        tunnel = replace(tunnel, checksum=checksum, accept_zero_checksum=True)
        for name, frame in carried(tunnel).items():
            outer = tunnel.encap(frame)
            stored = int.from_bytes(outer[udp_at(outer) + 6 : udp_at(outer) + 8], "big")
            wanted = not is_ipv4(outer) if checksum is None else checksum
            assert stored == (scapy_udp_checksum(outer) if wanted else 0), name
            if is_ipv4(outer):
                assert codec.checksum(outer[14:34]) == 0
            tunnel.decap(outer)


def test_zero_checksum_over_ipv6_is_an_opt_in() -> None:
    zero = replace(VX6, checksum=False).encap(FRAME)
    with pytest.raises(lk.Refused, match="outer_udp_zero_checksum"):
        VX6.decap(zero)
    assert replace(VX6, accept_zero_checksum=True).decap(zero).frame == FRAME


def test_a_checksum_of_zero_is_sent_as_all_ones() -> None:
    tunnel = replace(VX4, checksum=True, source_port=50000)
    payload = bytearray(FRAME + b"\0\0\0")
    outer = tunnel.encap(bytes(payload))
    stored = outer[udp_at(outer) + 6 : udp_at(outer) + 8]
    payload[-2:] = stored  # makes the sum of everything all ones, and its complement 0
    again = tunnel.encap(bytes(payload))
    assert again[udp_at(again) + 6 : udp_at(again) + 8] == b"\xff\xff"
    assert tunnel.decap(again).frame == payload


@EACH
def test_outer_header_is_fresh(tunnel: lk.Tunnel) -> None:
    outer = Ether(tunnel.encap(FRAME))
    assert (outer.src, outer.dst) == (tunnel.local_mac, tunnel.remote_mac)
    if tunnel.ip_version == 4:
        assert (outer[IP].ttl, str(outer[IP].flags), outer[IP].ihl) == (64, "DF", 5)
    else:
        assert (outer[IPv6].hlim, outer[IPv6].nh) == (64, 17)
    changed = Ether(replace(tunnel, ttl=7, dont_fragment=False, dscp=46).encap(FRAME))
    header = changed.payload
    assert (header.ttl if tunnel.ip_version == 4 else header.hlim) == 7
    assert (header.tos if tunnel.ip_version == 4 else header.tc) >> 2 == 46
    if tunnel.ip_version == 4:
        assert str(header.flags) == ""


def test_bytes_of_vxlan() -> None:
    outer = replace(VX4, source_port=51000).encap(FRAME)
    headers = (
        Ether(src=V4["local_mac"], dst=V4["remote_mac"])
        / IP(src=V4["local"], dst=V4["remote"], flags="DF", id=0)
        / UDP(sport=51000, dport=4789, chksum=0)
        / VXLAN(flags=8, vni=42)
    )
    assert outer == bytes(headers / Raw(FRAME))


def test_bytes_of_geneve() -> None:
    tunnel = replace(TUNNELS["geneve_options_v6"], source_port=51000)
    options = bytes.fromhex("0102 01 01 01020304") + bytes.fromhex("0102 82 00")
    packet = (
        Ether(src=V6["local_mac"], dst=V6["remote_mac"])
        / IPv6(src=V6["local"], dst=V6["remote"])
        / UDP(sport=51000, dport=6081)
        / GENEVE(vni=42, critical=1, optionlen=3, proto=0x6558)
    )
    wanted = with_lengths(bytes(packet) + options + FRAME)
    assert tunnel.encap(FRAME) == wanted
    assert tunnel.decap(wanted).options == (OPTION, CRITICAL)


def test_bytes_of_gue() -> None:
    for name, header in (
        ("gue_v4", "00040000"),
        ("gue_variant_1_v4", ""),
        ("gue_gre_v4", "002f0000 00006558"),
        ("gue_etherip_v4", "00610000 3000"),
    ):
        tunnel = TUNNELS[name]
        outer = tunnel.encap(FRAME)
        carries = FRAME if tunnel.carries_ethernet else FRAME[14:]
        assert outer[42:] == bytes.fromhex(header) + carries
    assert TUNNELS["gue_v4"].encap(bytes(INNER["udp_v6"]))[42:46] == bytes.fromhex("00290000")


# RFC 6040 4.2: rows inner Not-ECT, ECT(1), ECT(0), CE; columns outer in the same order
ECN = {
    0: (0, 0, 0, None),
    1: (1, 1, 1, 3),
    2: (2, 1, 2, 3),
    3: (3, 3, 3, 3),
}


@EACH
@pytest.mark.parametrize("inner", ["udp_v4", "udp_v6"])
def test_ecn_matrix(tunnel: lk.Tunnel, inner: str) -> None:
    for inner_ecn, results in ECN.items():
        packet = INNER[inner].copy()
        header = packet.getlayer(IP) or packet.getlayer(IPv6)
        setattr(header, "tos" if IP in packet else "tc", 0xB8 | inner_ecn)
        frame = bytes(packet)
        outer = tunnel.encap(frame)
        at = ip_at(outer)
        assert tunnel.decap(outer).outer_ecn == inner_ecn  # normal mode copies it: RFC 6040 4.1
        for outer_ecn, result in enumerate(results):
            marked = (
                put(outer, at + 1, bytes([outer_ecn]))
                if is_ipv4(outer)
                else put(outer, at, bytes([0x60, outer_ecn << 4]))
            )
            marked = with_checksums(marked)
            if result is None:
                with pytest.raises(lk.Refused, match="tunnel_ecn_lost"):
                    tunnel.decap(marked)
                continue
            found = tunnel.decap(marked)
            assert (found.outer_ecn, found.ecn) == (outer_ecn, result)
            setattr(header, "tos" if IP in packet else "tc", 0xB8 | result)
            assert found.frame[14:] == bytes(packet)[14:]  # the IPv4 checksum as well


def test_ecn_behind_a_vlan_tag() -> None:
    packet = INNER["vlan"].copy()
    packet[IP].tos = 2
    marked = with_checksums(put(VX4.encap(bytes(packet)), 15, b"\x03"))
    packet[IP].tos = 3
    assert VX4.decap(marked).frame == bytes(packet)


def test_congestion_of_what_is_no_ip() -> None:
    """Where there is no ECN field inside, nothing can be carried on, and nothing is lost."""
    outer = with_checksums(put(VX4.encap(bytes(INNER["arp"])), 15, b"\x03"))
    assert VX4.decap(outer).ecn is None
    for broken in (FRAME[:33], put(FRAME, 14, b"\x65")):  # too short, another version
        for ecn in range(4):
            marked = with_checksums(put(VX4.encap(broken), 15, bytes([ecn])))
            assert VX4.decap(marked).frame == broken


@EACH
def test_dscp(tunnel: lk.Tunnel) -> None:
    packet = INNER["udp_v4"].copy()
    packet[IP].tos = 46 << 2 | 2
    frame = bytes(packet)

    def dscp_of(outer: bytes) -> int:
        header = Ether(outer).payload
        return int(header.tos if is_ipv4(outer) else header.tc) >> 2

    assert dscp_of(tunnel.encap(frame)) == 0
    uniform = replace(tunnel, dscp_mode="uniform")
    outer = uniform.encap(frame)
    assert dscp_of(outer) == 46
    at = ip_at(outer)
    lowered = with_checksums(
        put(outer, at + 1, bytes([10 << 2 | 2]))
        if is_ipv4(outer)
        else put(outer, at, (0x6000 | (10 << 2 | 2) << 4).to_bytes(2, "big"))
    )
    assert Ether(uniform.decap(lowered).frame)[IP].tos == 10 << 2 | 2
    assert Ether(tunnel.decap(lowered).frame)[IP].tos == 46 << 2 | 2


@EACH
def test_extension_headers_are_walked(tunnel: lk.Tunnel) -> None:
    if tunnel.ip_version == 4:
        tunnel = replace(tunnel, checksum=True)
    outer = tunnel.encap(FRAME)
    if is_ipv4(outer):  # three words of NOP options
        longer = put(outer, 14, b"\x48")[:34] + b"\x01" * 12 + outer[34:]
        longer = put(longer, 16, (len(longer) - 14).to_bytes(2, "big"))
    else:
        extensions = bytes.fromhex("3c000104 00000000 2b000104 00000000 2c000000 00000000")
        extensions += bytes.fromhex("11000000 00000000")  # an atomic fragment: RFC 6946
        longer = put(outer, 20, b"\x00")[:54] + extensions + outer[54:]
        longer = put(longer, 18, (len(longer) - 54).to_bytes(2, "big"))
    longer = with_checksums(longer, udp=False)
    assert tunnel.decap(longer).frame[12:] == FRAME[12:]


def test_strictness() -> None:
    reserved = with_checksums(put(VX4.encap(FRAME), 42, b"\xff\xff"))
    assert VX4.decap(reserved).frame == FRAME
    for strictness in ("linux", "ovs"):
        strict = replace(VX4, strictness=strictness)
        assert strict.decap(VX4.encap(FRAME)).frame == FRAME
        with pytest.raises(lk.Refused, match="vxlan_reserved_bits"):
            strict.decap(reserved)


@pytest.mark.parametrize("source", ["127.0.0.1", "224.0.0.1", "ff02::1"])
def test_any_source(source: str) -> None:
    """For analysis: who sent it is told, and not judged. What else is wrong is."""
    address = ipaddress.ip_address(source)
    tunnel, at = TUNNELS[f"vxlan_v{address.version}"], 26 if address.version == 4 else 22
    outer = with_checksums(put(tunnel.encap(FRAME), at, address.packed))
    with pytest.raises(lk.Refused, match="tunnel_bad_source"):
        tunnel.decap(outer)
    found = tunnel.decap(outer, any_source=True)
    assert (found.frame, found.source) == (FRAME, source)
    batch = lk.FrameBatch.pack([outer, outer[:40]])
    assert tunnel.decap_many(batch.copy()).astype(bool).all()
    verdicts = tunnel.decap_many(batch, any_source=True)
    assert verdicts.astype(bool).tolist() == [False, True]
    assert batch[0] == FRAME
    with pytest.raises(lk.Refused, match="tunnel_unknown_vni"):
        replace(tunnel, vni=43).decap(outer, any_source=True)


def test_any_vni() -> None:
    for kind in (lk.Vxlan, lk.Geneve):
        sent = kind(vni=0xABCDEF, **V4).encap(FRAME)
        assert kind().decap(sent).vni == 0xABCDEF
        with pytest.raises(lk.Refused, match="tunnel_unknown_vni at byte 46"):
            kind(vni=1).decap(sent)


def test_known_options() -> None:
    sent = TUNNELS["geneve_options_v4"].encap(FRAME)
    with pytest.raises(lk.Refused, match="geneve_critical_option at byte 58"):
        lk.Geneve(vni=42).decap(sent)
    critical = (CRITICAL.option_class, CRITICAL.type)
    assert lk.Geneve(vni=42, known_options=(critical,)).decap(sent).options == (OPTION, CRITICAL)


def test_gre_with_checksum_key_and_sequence() -> None:
    tunnel = TUNNELS["gue_gre_v4"]
    outer = tunnel.encap(FRAME)
    gre = bytes.fromhex("b0006558 00000000 00000007 00000001") + FRAME
    gre = put(gre, 4, codec.checksum(gre).to_bytes(2, "big"))
    assert tunnel.decap(with_lengths(outer[:46] + gre)).frame == FRAME
    inside = bytes.fromhex("00000800") + FRAME[14:]
    assert tunnel.decap(with_lengths(outer[:46] + inside)).frame[12:] == FRAME[12:]


def test_ip_out_of_a_tunnel_gets_an_ethernet_header() -> None:
    tunnel = replace(TUNNELS["gue_v6"], inner_mac="02:00:00:00:00:99")
    found = Ether(tunnel.decap(tunnel.encap(bytes(INNER["udp_v6"]))).frame)
    assert (found.dst, found.src, found.type) == ("02:00:00:00:00:99", V6["remote_mac"], 0x86DD)


def test_scapy_packets_in_and_out() -> None:
    for tunnel in TUNNELS.values():
        outer = tunnel.encap(INNER["udp_v4"])
        assert isinstance(outer, Ether)
        inner = tunnel.decap(outer).frame
        assert isinstance(inner, Ether)
        assert inner[Raw].load == b"what is carried"
    assert VX4.encap(INNER["udp_v4"])[VXLAN].vni == 42
    assert TUNNELS["geneve_v4"].encap(INNER["udp_v4"])[GENEVE].vni == 42


def test_peer() -> None:
    assert VX4.peer.peer == VX4
    assert (VX4.peer.local, VX4.peer.remote_mac) == (V4["remote"], V4["local_mac"])


@EACH
def test_as_plain_data(tunnel: lk.Tunnel) -> None:
    assert tunnels.from_dict(json.loads(json.dumps(tunnel.to_dict()))) == tunnel


WRONG: list[tuple[type[lk.Tunnel], dict[str, Any], str]] = [
    (lk.Vxlan, {"vni": 2**24}, "vni is 16777216; the range is 0 to 16777215"),
    (lk.Vxlan, {"vni": -1}, "the range is 0 to 16777215"),
    (lk.Vxlan, {"vni": "42"}, "vni is '42'; it is a whole number from 0 to 16777215 or None"),
    (lk.Vxlan, {"local": "10.0.0"}, "local is '10.0.0'; it is an address such as"),
    (lk.Vxlan, {"remote": "239.0.0.1"}, "it is a group's address; give a host's such as"),
    (lk.Vxlan, {"local": "10.0.0.1", "remote": "fd00::1"}, "different IP versions"),
    (lk.Vxlan, {"local_mac": "02:00"}, "write six bytes"),
    (lk.Vxlan, {"local_mac": "03:00:00:00:00:01"}, "no group address"),
    (lk.Vxlan, {"udp_port": 0}, "the range is 1 to 65535"),
    (lk.Vxlan, {"source_port": 65536}, "the range is 1 to 65535"),
    (lk.Vxlan, {"ttl": 0}, "the range is 1 to 255"),
    (lk.Vxlan, {"dscp": 64}, "the range is 0 to 63"),
    (lk.Vxlan, {"mtu": 67}, "the range is 68 to 65535"),
    (lk.Vxlan, {"dscp_mode": "both"}, "'pipe' or 'uniform'"),
    (lk.Vxlan, {"strictness": "lax"}, "'rfc' or 'linux' or 'ovs'"),
    (lk.Geneve, {"payload": "gre"}, "'ethernet' or 'ip'"),
    (lk.Geneve, {"options": (1,)}, "1 is no option"),
    (lk.Geneve, {"options": (lk.GeneveOption(1, 1, bytes(124)),) * 2}, "256 bytes .* at most 252"),
    (lk.Geneve, {"known_options": ((1, 256),)}, "type is 256"),
    (lk.Gue, {"variant": 2}, "variant is 2; it is 0 or 1"),
    (lk.Gue, {"variant": 1, "payload": "gre"}, 'variant 1 carries "ip" alone'),
]


@pytest.mark.parametrize(("kind", "parameters", "message"), WRONG)
def test_wrong_parameters(kind: type[lk.Tunnel], parameters: Any, message: str) -> None:
    with pytest.raises(lk.TunnelError, match=message):
        kind(**parameters)


def test_wrong_options() -> None:
    for wrong, says in (
        ((1, 1, b"123"), "data of an option has 3 bytes; it is a multiple of 4 up to 124"),
        ((1, 1, bytes(128)), "data of an option has 128 bytes"),
        ((1, 1, "text"), "data of an option has 'text' bytes"),
        ((0x10000, 1), "option_class is 65536; the range is 0 to 65535"),
        ((1, -1), "type is -1; the range is 0 to 255"),
        ((1, "1"), "type is '1'; it is a whole number from 0 to 255; write 1"),
    ):
        with pytest.raises(lk.TunnelError, match=says):
            lk.GeneveOption(*wrong)
    assert lk.GeneveOption(1, 1, critical=True) == lk.GeneveOption(1, 0x81)


def test_wrong_data() -> None:
    for data, message in (
        ({"protocol": "gre"}, "'gre' is no tunnel protocol"),
        ("vxlan", "no tunnel protocol|vxlan"),
        ({"protocol": "vxlan", "vnid": 1}, "no parameter 'vnid'.*did you mean 'vni'"),
        (7, "7 is no tunnel protocol"),
    ):
        if data == "vxlan":
            assert tunnels.from_dict(data) == lk.Vxlan()
            continue
        with pytest.raises(lk.TunnelError, match=message):
            tunnels.from_dict(data)


def test_what_is_missing_to_send() -> None:
    for name in ("vni", "local", "remote", "local_mac", "remote_mac"):
        with pytest.raises(lk.TunnelError, match=f"{name} is not set"):
            replace(VX4, **{name: None}).encap(FRAME)
    assert LINK.dst == Ether(lk.Vxlan().decap(VX4.encap(FRAME)).frame).dst
