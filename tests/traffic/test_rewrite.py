# SPDX-License-Identifier: BSD-3-Clause
"""Captured frames get other addresses: byte for byte what scapy builds with them."""

import ipaddress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from labkit._codec import ffi, lib
from scapy.layers.inet import ICMP, IP, TCP, UDP, fragment
from scapy.layers.inet6 import ICMPv6EchoRequest, IPv6, IPv6ExtHdrDestOpt, IPv6ExtHdrFragment
from scapy.layers.l2 import ARP, Dot1AD, Dot1Q, Ether
from scapy.packet import Packet, Raw
from scapy.utils import wrpcap

import labkit as lk
from labkit.packet.codec import native_rewrite
from labkit.traffic.rewrite import Rewrite
from tests.trials import QUICK

MACS = {"02:00:00:00:00:01": "02:00:00:00:01:01", "02:00:00:00:00:02": "02:00:00:00:01:02"}
IPS = {
    "10.0.0.0/8": "192.168.0.0/8",
    "10.1.0.0/19": "172.16.32.0/19",
    "fd00::/13": "2001:d80::/13",
    "10.0.0.9": "10.0.0.8",
}
BITS = {4: 32, 6: 128}


def rewritten(frame: bytes, **settings: Any) -> bytes:
    rewrite = Rewrite.of(**{"macs": None, "ips": None, "vlan": None, **settings})
    native = native_rewrite(ffi, None if rewrite is None else rewrite.to_dict())
    to = ffi.new("uint8_t[]", len(frame) + 4)
    length = lib.lk_codec_rewrite(native, frame, len(frame), to)
    return bytes(ffi.buffer(to, length))


def mapped(address: str) -> str:
    """By the longest prefix."""
    ip = ipaddress.ip_address(address)
    nets = [
        (ipaddress.ip_network(a), ipaddress.ip_network(b, strict=False)) for a, b in IPS.items()
    ]
    inside = [pair for pair in nets if pair[0].version == ip.version and ip in pair[0]]
    if not inside:
        return address
    before, after = max(inside, key=lambda pair: pair[0].prefixlen)
    rest = int(ip) & int(before.hostmask)
    return str(type(ip)(int(after.network_address) | rest))


v4 = st.one_of(
    st.ip_addresses(v=4),
    st.ip_addresses(network="10.0.0.0/8"),
    st.ip_addresses(network="10.1.0.0/16"),
    st.just(ipaddress.ip_address("10.0.0.9")),
).map(str)
v6 = st.one_of(st.ip_addresses(v=6), st.ip_addresses(network="fd00::/8")).map(str)
mac = st.sampled_from([*MACS, "ff:ff:ff:ff:ff:ff", "02:00:00:00:01:02"])
payload = st.binary(max_size=40)
l4 = st.sampled_from([UDP(sport=7, dport=9), TCP(sport=7, dport=9), ICMP(), ICMPv6EchoRequest()])


@st.composite
def packets(draw: st.DrawFn) -> Packet:
    packet = Ether(src=draw(mac), dst=draw(mac))
    for kind in draw(st.lists(st.sampled_from([Dot1Q, Dot1AD]), max_size=2)):
        packet /= kind(vlan=draw(st.integers(0, 4095)), prio=draw(st.integers(0, 7)))
    above = draw(l4).copy()
    kind = draw(st.sampled_from(["v4", "v6", "arp"]))
    if kind == "arp":
        return packet / ARP(op=2, hwsrc=draw(mac), hwdst=draw(mac), psrc=draw(v4), pdst=draw(v4))
    if kind == "v4":
        above = ICMP() if isinstance(above, ICMPv6EchoRequest) else above
        packet /= IP(src=draw(v4), dst=draw(v4), options=draw(st.sampled_from([b"", b"\1" * 8])))
    else:
        above = ICMPv6EchoRequest() if isinstance(above, ICMP) else above
        packet /= IPv6(src=draw(v6), dst=draw(v6))
        if draw(st.booleans()):
            packet /= IPv6ExtHdrDestOpt()
    return packet / above / Raw(draw(payload))


def with_addresses(packet: Packet) -> Packet:
    """As it is to be; scapy makes the checksums when it builds it."""
    packet = packet.copy()
    packet.src, packet.dst = (MACS.get(mac, mac) for mac in (packet.src, packet.dst))
    for kind in (IP, IPv6):
        if kind in packet:
            packet[kind].src, packet[kind].dst = mapped(packet[kind].src), mapped(packet[kind].dst)
    if ARP in packet:
        arp = packet[ARP]
        arp.hwsrc, arp.hwdst = (MACS.get(mac, mac) for mac in (arp.hwsrc, arp.hwdst))
        arp.psrc, arp.pdst = mapped(arp.psrc), mapped(arp.pdst)
    return packet


@given(packets())
def test_as_scapy_builds_it(packet: Packet) -> None:
    frame = bytes(packet)
    assert rewritten(frame, macs=MACS, ips=IPS) == bytes(with_addresses(packet))
    assert rewritten(frame) == frame


@given(v4, v4, payload)
def test_no_checksum_stays_none(src: str, dst: str, data: bytes) -> None:
    packet = Ether(src="02:00:00:00:00:09", dst="02:00:00:00:00:08")
    packet /= IP(src=src, dst=dst) / UDP(sport=1, dport=2, chksum=0) / Raw(data)
    assert rewritten(bytes(packet), ips=IPS) == bytes(with_addresses(packet))


@given(v4, v4, st.binary(min_size=100, max_size=200))
def test_fragments_of_a_datagram(src: str, dst: str, data: bytes) -> None:
    """Its checksum stands in the first one alone, and counts what is in the others."""
    link = Ether(src="02:00:00:00:00:09", dst="02:00:00:00:00:08")
    whole = IP(src=src, dst=dst, id=7) / UDP(sport=1, dport=2) / Raw(data)
    other = with_addresses(link / whole)[IP]
    for before, after in zip(fragment(whole, 48), fragment(other, 48), strict=True):
        assert rewritten(bytes(link / before), ips=IPS) == bytes(link / after)


@given(v6, v6, payload)
def test_a_later_fragment_of_ipv6(src: str, dst: str, data: bytes) -> None:
    packet = Ether(src="02:00:00:00:00:09", dst="02:00:00:00:00:08") / IPv6(src=src, dst=dst)
    packet /= IPv6ExtHdrFragment(offset=3, nh=17) / Raw(data)
    assert rewritten(bytes(packet), ips=IPS) == bytes(with_addresses(packet))


@given(packets(), st.integers(0, 4094))
def test_vlan(packet: Packet, vlan: int) -> None:
    frame = bytes(packet)
    plain = frame[:12] + frame[14 + 4 * len(tags(packet)) - 2 :]
    assert rewritten(frame, vlan=False) == plain
    if tags(packet):
        packet.payload.vlan = vlan
        assert rewritten(frame, vlan=vlan) == bytes(packet)
    else:
        assert rewritten(frame, vlan=vlan) == (
            frame[:12] + b"\x81\x00" + vlan.to_bytes(2, "big") + frame[12:]
        )


def tags(packet: Packet) -> list[Packet]:
    found, layer = [], packet.payload
    while isinstance(layer, (Dot1Q, Dot1AD)):
        found.append(layer)
        layer = layer.payload
    return found


@given(packets(), st.data())
def test_whatever_is_cut_or_broken_stays_in_its_bytes(packet: Packet, data: st.DataObject) -> None:
    frame = bytearray(bytes(packet))
    for _ in range(data.draw(st.integers(0, 4))):
        frame[data.draw(st.integers(12, len(frame) - 1))] = data.draw(st.integers(0, 255))
    cut = bytes(frame[: data.draw(st.integers(14, len(frame)))])
    assert len(rewritten(cut, macs=MACS, ips=IPS)) == len(cut)
    assert len(rewritten(cut, vlan=5)) in (len(cut), len(cut) + 4)


def test_a_replay_with_other_addresses(mirror: lk.Port, tmp_path: Path) -> None:
    """Sizes are those of the frames as they are sent."""
    packets = [
        Ether(src="02:00:00:00:00:01") / IP(src="10.0.0.1", dst="10.1.0.2") / UDP() / Raw(bytes(n))
        for n in range(40)
    ]
    wrpcap(str(tmp_path / "in.pcap"), packets)
    replay = lk.Replay(tmp_path / "in.pcap", 1000, repeat=False, macs=MACS, ips=IPS, vlan=7)
    assert replay.capture.longest == len(packets[-1]) + 4
    run = lk.trial(mirror, replay, duration=0.2, **QUICK)
    assert run.row["intended"] == 40 == run.row["sent"] + run.row["unsent"]
    assert 0 < run.row["sent"] == run.row["received"], run
    assert run.row["size_bytes"] == sum(map(len, packets)) / 40 + 8


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"macs": {"02:00": "02:00:00:00:00:01"}}, "'02:00' is no MAC address; write six bytes"),
        ({"macs": 5}, "macs is 5; it is a mapping from old to new"),
        ({"ips": {"10.0.0.0/8": "10.0.0"}}, "'10.0.0' is no IP address and no network"),
        ({"ips": {"10.0.0.0/8": "fd00::/8"}}, "both are of one IP version"),
        ({"ips": {"10.0.0.0/8": "10.2.0.0/16"}}, "the same prefix length: 10.2.0.0/8"),
        ({"vlan": 4095}, "vlan is 4095; it is a number from 0 to 4094, or False"),
        ({"vlan": True}, "vlan is True"),
    ],
)
def test_what_is_no_rewriting(tmp_path: Path, wrong: dict[str, Any], told: str) -> None:
    wrpcap(str(tmp_path / "in.pcap"), [Ether() / IP() / UDP()])
    with pytest.raises(lk.LabError, match=told):
        lk.Replay(tmp_path / "in.pcap", 5, **wrong)
