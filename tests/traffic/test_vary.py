# SPDX-License-Identifier: BSD-3-Clause
"""Which field of which layer varies, and what its values may be."""

import math
import pickle
from collections.abc import Callable
from ipaddress import ip_address, ip_network
from typing import Any

import numpy as np
import pytest
from scapy.config import conf
from scapy.layers.inet import ICMP, IP, TCP, UDP, ICMPerror, IPerror, UDPerror
from scapy.layers.inet6 import (
    ICMPv6DestUnreach,
    IPerror6,
    IPv6,
    IPv6ExtHdrHopByHop,
    IPv6ExtHdrSegmentRouting,
)
from scapy.layers.ipsec import AH
from scapy.layers.l2 import ARP, GRE, Dot1AD, Dot1Q, Ether
from scapy.layers.lltd import LLTDAttributeMachineName
from scapy.packet import Packet, Raw
from scapy.utils6 import Net6
from scapy.volatile import RandEnumShort, RandInt, RandIP6, RandShort, RandString

import labkit as lk
from labkit import Stream

LINK = Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02")
V4 = IP(src="10.0.0.1", dst="10.0.0.2")
V6 = IPv6(src="fd00::1", dst="fd00::2")
DATA = UDP(sport=1, dport=2)
QINQ = LINK / Dot1AD(vlan=5) / Dot1Q(vlan=6) / V4 / DATA
UNREACHABLE = LINK / V4 / ICMP(type=3)
QUOTED = IPerror(src="10.0.0.2", dst="10.0.0.1")
QUOTED_6 = IPerror6(src="fd00::2", dst="fd00::1")

# A packet with two layers that share a field, of which `field` is one: outer layer, inner layer,
# field, two values
SHARED = [
    (QINQ, Dot1AD, Dot1Q, Dot1AD.vlan, (100, 200)),
    (QINQ, Dot1AD, Dot1Q, Dot1Q.prio, (1, 2)),
    (UNREACHABLE / QUOTED / UDPerror(), IP, IPerror, IPerror.src, ("10.0.0.3", "10.0.0.4")),
    (UNREACHABLE / QUOTED / UDPerror(), IP, IPerror, IP.ttl, (7, 8)),
    (UNREACHABLE / QUOTED / ICMPerror(id=1), ICMP, ICMPerror, ICMPerror.code, (7, 8)),
    (
        LINK / V6 / ICMPv6DestUnreach() / QUOTED_6 / UDPerror(),
        IPv6,
        IPerror6,
        IPerror6.hlim,
        (7, 8),
    ),
    (LINK / V4 / GRE() / V4 / DATA / QUOTED / UDPerror(), UDP, UDPerror, UDPerror.dport, (7, 8)),
]


def ids(case: tuple[Any, ...]) -> str:
    return f"{case[1].__name__}-{case[2].__name__}-{case[3].name}"


@pytest.mark.parametrize("case", SHARED, ids=ids)
def test_the_layer_tells_which_of_the_shared_fields_is_meant(case: tuple[Any, ...]) -> None:
    packet, outer, inner, field, values = case
    for kind, number in ((outer, 0), (inner, -1)):
        frames = Stream(packet, 200, vary=lk.vary(field, values, layer=kind)).frames(2)
        base = Stream(packet, 200).frames(2)
        found = [_field(frame, packet, kind, field.name) for frame in frames]
        assert found == list(values), (kind, number)
        other = inner if kind is outer else outer
        stays = [_field(frame, packet, other, field.name) for frame in (*frames, *base)]
        assert len(set(stays)) == 1


def _field(frame: bytes, packet: Packet, kind: type[Packet], name: str) -> Any:
    """The field of the packet's layer of that very class, read out of a frame at its place."""
    at = 0
    for layer in packet.iterpayloads():
        if type(layer) is kind:
            return getattr(kind(frame[at:]), name)
        at += len(layer) - len(layer.payload)
    raise AssertionError(kind)


@pytest.mark.parametrize("case", SHARED, ids=ids)
def test_a_field_of_two_kinds_of_layers_is_refused_with_the_way_out(case: tuple[Any, ...]) -> None:
    packet, outer, inner, field, values = case
    with pytest.raises(lk.LabError, match="share this field") as refused:
        Stream(packet, 200, vary=lk.vary(field, values))
    text = str(refused.value)
    assert f"layer={inner.__name__}" in text
    assert f"nth=1 ({outer.__name__})" in text
    n = next(n for n in range(2, 5) if f"nth={n} ({inner.__name__})" in text)
    by_nth = Stream(packet, 200, vary=lk.vary(field, values, nth=n)).frames(2)
    assert by_nth == Stream(packet, 200, vary=lk.vary(field, values, layer=inner)).frames(2)


def test_both_tags_vary_at_once() -> None:
    outer = lk.vary(Dot1AD.vlan, [10, 20], layer=Dot1AD)
    inner = lk.vary(Dot1Q.vlan, [100, 200], layer=Dot1Q)
    frames = [Ether(frame) for frame in Stream(QINQ, 200, vary=[outer, inner]).frames(2)]
    assert [(f[Dot1AD].vlan, f[Dot1AD].payload.vlan) for f in frames] == [(10, 100), (20, 200)]


@pytest.mark.parametrize(
    ("packet", "fields"),
    [
        (LINK / V4 / DATA, [lk.vary(UDP.sport, [1, 2]), lk.vary(UDP.sport, [3, 4])]),
        (LINK / V4 / DATA, [lk.vary(IP.dst, ["10.0.0.3"]), lk.vary(IP.dst, ["10.0.0.4"], nth=1)]),
        (QINQ, [lk.vary(Dot1AD.vlan, [1], nth=2), lk.vary(Dot1Q.vlan, [2], layer=Dot1Q)]),
        (LINK / Dot1AD() / V4, [lk.vary(Dot1AD.vlan, [1]), lk.vary(Dot1Q.vlan, [2])]),
    ],
)
def test_one_place_varies_in_one_way(packet: Packet, fields: list[Any]) -> None:
    with pytest.raises(lk.LabError, match=r"two of them are the .* of one layer"):
        Stream(packet, 200, vary=fields)


def test_a_layer_without_the_field_is_refused() -> None:
    with pytest.raises(lk.LabError, match="layers with this field src are the classes IP, IPerror"):
        lk.vary(IP.src, ["10.0.0.3"], layer=UDP)
    with pytest.raises(lk.LabError, match="has 0 layers IPerror, and nth is 1"):
        Stream(LINK / V4 / DATA, vary=lk.vary(IP.src, ["10.0.0.3"], layer=IPerror))


def test_every_field_of_scapys_layers_has_a_layer_again_after_pickling() -> None:
    """Copies that subclasses have of a field, with another default, too."""
    assert LLTDAttributeMachineName.type.owners
    for layer in conf.layers:
        for field in layer.fields_desc:
            is_plain = hasattr(field, "owners") and hasattr(field, "addfield")
            if not is_plain or [f.name for f in layer.fields_desc].count(field.name) > 1:
                continue
            varied = lk.vary(field, [1])
            assert pickle.loads(pickle.dumps(varied)).field is field, (layer, field)


@pytest.mark.parametrize(
    ("packet", "field"),
    [
        (QINQ, Dot1Q.vlan),
        (LINK / V4 / DATA, IP.ttl),
        (LINK / V4 / DATA, IP.frag),
        (LINK / V4 / DATA, UDP.sport),
        (LINK / V6 / DATA, IPv6.fl),
        (LINK / V4 / DATA, IP.src),
    ],
)
@pytest.mark.parametrize(
    "values",
    [np.linspace(1, 2, 4), np.arange(4.0), np.arange(3, dtype=np.float32), [1, 1.5], [math.nan]],
    ids=["linspace", "arange", "float32", "mixed", "nan"],
)
def test_fractions_in_whole_numbers_are_refused(packet: Packet, field: Any, values: Any) -> None:
    with pytest.raises(lk.LabError, match=f"vary {field.name}: .* is no value of it"):
        Stream(packet, 200, vary=lk.vary(field, values, nth=1)).compile()


def test_fractions_are_told_what_is_wrong_with_them() -> None:
    wrong = r"frag: np.float64\(1.0\) is no value of it: it is a whole number, and a fraction would"
    with pytest.raises(lk.LabError, match=wrong):
        Stream(LINK / V4 / DATA, vary=lk.vary(IP.frag, np.linspace(1, 2, 4))).compile()


@pytest.mark.parametrize(
    ("field", "values", "says"),
    [
        (IPv6.fl, range(2**70), r"values is range\(0, 1180591620717411303424\), 1,180,5.* at most"),
        (IPv6.dst, range(0, 2**80, 3), r"a range has 2\*\*64 - 1 at most"),
        (
            IPv6.fl,
            range(2**63),
            "9223372036854775807 is no value of it: it is outside of 0 to 1048575",
        ),
        (IPv6.hlim, [2**70], "1180591620717411303424 is no value of it: it is outside of 0 to 255"),
        (IPv6.hlim, [-1], "-1 is no value of it: it is outside of 0 to 255"),
        (IPv6.dst, [2**128], "it is outside of 0 to 3402823669"),
        (IPv6.dst, ["localhost"], "'localhost' is no value of it"),
        (IPv6.dst, ["10.0.0.1"], "'10.0.0.1' is no value of it"),
        (IPv6.hlim, [RandShort()], r"is no value of it: .* 0 to 255; each value is told"),
        (IPv6.hlim, [None], "None is no value of it: .* each value is told"),
        (IPv6.nh, ["nosuch"], "'nosuch' is no value of it: scapy knows no such name"),
        (IPv6.hlim, ["five"], "'five' is no value of it: it is a whole number from 0 to 255$"),
        (IPv6.hlim, [b"5"], "b'5' is no value of it: it is a whole number from 0 to 255$"),
        (IPv6.dst, [True], "True is no value of it: it is an IPv6 address without prefix"),
        (IPv6.dst, ["fe80::1%eth0"], "it is an IPv6 address without prefix and zone, such as"),
        (IPv6.dst, [ip_network("fd00::/126")], "it is an IPv6 address without prefix"),
        (IPv6.dst, [Net6("fd00::/126")], "it is an IPv6 address without prefix"),
        (Ether.src, [2**48], "281474976710656 is no value of it: it is outside of 0 to 2814749767"),
        (Ether.src, [True], "True is no value of it: write six bytes as 02:00"),
        (Ether.src, [5.0], "5.0 is no value of it: it is a whole number"),
        (UDP.chksum, [1], r"follows the frame's bytes where .* such as UDP\(chksum=0\), and it"),
    ],
)
def test_values_that_a_field_cannot_have(field: Any, values: Any, says: str) -> None:
    with pytest.raises(lk.LabError, match=says):
        Stream(LINK / V6 / DATA, vary=lk.vary(field, values)).compile()


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: lk.vary(UDP.sport, RandShort()), "random=True draws from a range"),
        (lambda: lk.vary(UDP.sport, {1: 2}), r"values is \{1: 2\}; give a range or a list"),
        (lambda: lk.vary(UDP.sport, b"ab"), "values is b'ab'; give a range or a list"),
        (lambda: lk.vary(UDP, [1]), "field is UDP, a whole layer; give one of UDP.sport, UDP.dpo"),
        (lambda: lk.vary(UDP.sport, [1], random="no"), "random is 'no'; it is True or False"),  # type: ignore[arg-type]
        (lambda: lk.vary(UDP.sport, [1], nth=1.0), r"nth is 1\.0; 1 is the outermost"),  # type: ignore[arg-type]
    ],
)
def test_what_cannot_vary(make: Callable[[], object], says: str) -> None:
    with pytest.raises(lk.LabError, match=says):
        make()


@pytest.mark.parametrize(
    ("packet", "field"),
    [
        (LINK / V4 / DATA, IP.options),
        (LINK / V4 / TCP(), TCP.options),
        (LINK / V6 / IPv6ExtHdrHopByHop() / DATA, IPv6ExtHdrHopByHop.options),
        (LINK / V6 / IPv6ExtHdrSegmentRouting() / DATA, IPv6ExtHdrSegmentRouting.addresses),
        (LINK / V4 / AH(icv=bytes(12)) / DATA, AH.icv),
    ],
)
@pytest.mark.parametrize("value", [1, "x", b"ab"])
def test_a_field_without_a_width_is_refused(packet: Packet, field: Any, value: Any) -> None:
    with pytest.raises(lk.LabError, match=f"vary {field.name}: "):
        Stream(packet, 300, vary=lk.vary(field, [value, value])).compile()


@pytest.mark.parametrize("value", [1.5, None, object(), b"ab", "fe80::1", "aabbccddeeff", [1]])
def test_a_value_that_is_no_mac_address_is_refused(value: Any) -> None:
    with pytest.raises(lk.LabError, match=r"vary hwsrc: .* is no value of it"):
        Stream(LINK / ARP(), 100, vary=lk.vary(ARP.hwsrc, [value])).compile()


def test_a_checksum_that_the_packet_gives_varies() -> None:
    packet = LINK / V4 / UDP(sport=1, dport=2, chksum=0)
    frames = Stream(packet, 100, vary=lk.vary(UDP.chksum, [7, 9])).frames(2)
    assert [Ether(frame)[UDP].chksum for frame in frames] == [7, 9]


def test_mac_addresses_may_be_numbers() -> None:
    many = lk.vary(Ether.src, range(0x0200_0000_00FF, 0x0200_0000_0101))
    frames = Stream(LINK / V4 / DATA, 100, vary=many).frames(3)
    assert [Ether(frame).src[-5:] for frame in frames] == ["00:ff", "01:00", "00:ff"]
    asked = Stream(LINK / ARP(), 100, vary=lk.vary(ARP.hwsrc, [np.int64(2**41 + 7)])).frames(1)
    assert Ether(asked[0])[ARP].hwsrc == "02:00:00:00:00:07"


def test_addresses_may_be_numbers() -> None:
    """Beyond 64 bits too."""
    first = int(ip_address("2001:db8::ffff"))
    stream = Stream(LINK / V6 / DATA, vary=lk.vary(IPv6.dst, range(first, first + 3)))
    shown = [Ether(frame)[IPv6].dst for frame in stream.frames(3)]
    assert shown == ["2001:db8::ffff", "2001:db8::1:0", "2001:db8::1:1"]
    arp = Stream(LINK / ARP(psrc="10.0.0.1"), vary=lk.vary(ARP.pdst, range(0x0A0000FF, 0x0A000101)))
    assert [Ether(frame)[ARP].pdst for frame in arp.frames(2)] == ["10.0.0.255", "10.0.1.0"]


@pytest.mark.parametrize(
    ("packet", "says"),
    [
        (LINK / V4 / DATA / Raw(load=RandString(10)), r"Raw.load is RandString\(size=10\)"),
        (LINK / V4 / UDP(sport=RandEnumShort()), r"vary=lk.vary\(UDP.sport, \[...\], random=True"),
        (LINK / V6 / IPv6(src=RandIP6("**:1:**")), r"IPv6.src is RandIP6\(ip6template='\*\*:1:"),
        (LINK / V4 / TCP(options=[("Timestamp", (RandInt(), 0))]), r"TCP.options is RandInt\(\)"),
        (LINK / ARP(pdst="localhost"), "ARP.pdst is 'localhost'; it is an address such as"),
        (LINK / ARP(hwsrc="someone"), "ARP.hwsrc is 'someone'; write six bytes as 02:00"),
        (Ether(src="02:00:00:00:00:01", dst="02:00") / V4, "Ether.dst is '02:00'; write six bytes"),
        (LINK / IP(ttl=1500) / DATA, "scapy cannot build .*: While building field 'ttl'.*0 <= num"),
        (LINK / IP(ttl=1.5) / DATA, "scapy cannot build .*: While building field 'ttl'"),
    ],
)
def test_packets_that_are_none_or_many(packet: Packet, says: str) -> None:
    with pytest.raises(lk.LabError, match=says):
        Stream(packet)


def test_a_network_of_one_address_is_that_address() -> None:
    stream = Stream(LINK / IP(src="10.0.0.7/32", dst="10.0.0.2") / DATA)
    assert stream.packet[IP].src == "10.0.0.7"
    assert Stream(LINK / ARP(psrc="fd00::1", pdst="fd00::2", plen=16)).packet[ARP].plen == 16
