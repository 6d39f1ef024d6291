# SPDX-License-Identifier: BSD-3-Clause
"""Streams against scapy: every frame of a field program is what scapy builds, byte for byte."""

import json
import math
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scapy.contrib.geneve import GENEVE
from scapy.contrib.mpls import MPLS
from scapy.layers.inet import ICMP, IP, TCP, UDP
from scapy.layers.inet6 import ICMPv6EchoRequest, IPv6, IPv6ExtHdrFragment
from scapy.layers.l2 import ARP, GRE, Dot1AD, Dot1Q, Ether
from scapy.layers.sctp import SCTP, SCTPChunkData, SCTPChunkHeartbeatReq
from scapy.layers.vxlan import VXLAN
from scapy.packet import Packet, Raw

import labkit as lk
from labkit.lab.addresses import source_addresses
from labkit.packet import codec
from labkit.packet.dissect import dissect
from labkit.runs.schedule import ScheduledStream, mean_size
from labkit.traffic.rate import Rate
from labkit.traffic.stream import Stream

MACS = {"src": "02:00:00:00:00:01", "dst": "02:00:00:00:00:02"}
LINK = Ether(**MACS)
V4 = IP(src="10.0.0.1", dst="10.0.0.2")
V6 = IPv6(src="fd00::1", dst="fd00::2")
INNER = Ether(src="02:00:00:00:00:03", dst="02:00:00:00:00:04")
VXLAN_4 = LINK / V4 / UDP(sport=5000, dport=4789) / VXLAN(vni=7) / INNER
GENEVE_6 = LINK / V6 / UDP(sport=5000, dport=6081) / GENEVE(vni=7) / INNER
DATA = UDP(sport=1024, dport=9000)
NESTED = VXLAN_4 / V6 / UDP(dport=6081) / GENEVE(vni=9) / INNER / V4 / TCP(seq=5)

# packet, field, values, which layer of that kind
FIELDS: list[tuple[Packet, Any, Any, int]] = [
    (LINK / V4 / DATA, Ether.src, [f"02:00:00:00:01:{i:02x}" for i in range(9)], 1),
    (LINK / V4 / DATA, Ether.dst, ["02:00:00:00:00:09", "06:05:04:03:02:01"], 1),
    (LINK / Dot1Q(vlan=5) / V4 / DATA, Dot1Q.vlan, range(4096), 1),
    (LINK / Dot1Q(vlan=5) / V4 / DATA, Dot1Q.prio, range(8), 1),
    (LINK / Dot1AD(vlan=5) / Dot1Q(vlan=6) / V6 / DATA, Dot1AD.vlan, range(1, 99), 1),
    (LINK / Dot1AD(vlan=5) / Dot1Q(vlan=6) / V6 / DATA, Dot1Q.dei, [0, 1], 1),
    (LINK / V4 / DATA, IP.tos, range(256), 1),
    (LINK / V4 / DATA, IP.id, range(65536), 1),
    (LINK / V4 / DATA, IP.flags, range(8), 1),
    (LINK / V4 / DATA, IP.ttl, range(255, 0, -1), 1),
    (LINK / V4 / DATA, IP.src, [f"10.1.{i}.{i}" for i in range(250)], 1),
    (LINK / V4 / DATA, IP.dst, ["10.0.0.2", "192.0.2.1", "255.255.255.255", "0.0.0.0"], 1),
    (LINK / V4 / DATA, UDP.sport, range(65536), 1),
    (LINK / V4 / DATA, UDP.dport, [0, 1, 53, 65535], 1),
    (LINK / V4 / UDP(sport=1, dport=2, chksum=0), UDP.sport, range(100), 1),
    (LINK / V4 / UDP(sport=1, dport=2, chksum=0xBAD), UDP.sport, range(100), 1),
    (LINK / V4 / TCP(), TCP.sport, range(1024, 65536, 3), 1),
    (LINK / V4 / TCP(), TCP.seq, range(0, 2**32, 65537), 1),
    (LINK / V4 / TCP(), TCP.ack, range(2**32), 1),
    (LINK / V4 / TCP(), TCP.flags, range(512), 1),
    (LINK / V4 / TCP(), TCP.window, range(0, 65536, 7), 1),
    (LINK / V4 / TCP(), TCP.reserved, range(8), 1),
    (LINK / V4 / ICMP(), ICMP.seq, range(65536), 1),
    (LINK / V4 / ICMP(), ICMP.id, range(0, 65536, 255), 1),
    (LINK / V6 / DATA, IPv6.fl, range(1 << 20), 1),
    (LINK / V6 / DATA, IPv6.tc, range(256), 1),
    (LINK / V6 / DATA, IPv6.hlim, range(256), 1),
    (LINK / V6 / DATA, IPv6.src, [f"fd00::{i:x}" for i in range(1, 400)], 1),
    (LINK / V6 / DATA, IPv6.dst, [f"fd00:{i:x}::2" for i in range(1, 400)], 1),
    (LINK / V6 / DATA, UDP.dport, range(65536), 1),
    (LINK / V6 / ICMPv6EchoRequest(), ICMPv6EchoRequest.seq, range(65536), 1),
    (LINK / V6 / IPv6ExtHdrFragment(), IPv6ExtHdrFragment.id, range(2**32), 1),
    (LINK / MPLS(label=3, s=1) / V4 / DATA, MPLS.label, range(1 << 20), 1),
    (LINK / V4 / GRE(key_present=1, key=1) / V4 / DATA, GRE.key, range(2**32), 1),
    (LINK / V4 / GRE(chksum_present=1) / V4 / DATA, IP.src, ["10.0.0.7", "10.0.0.8"], 2),
    (LINK / ARP(psrc="10.0.0.1"), ARP.psrc, [f"10.0.0.{i}" for i in range(1, 99)], 1),
    (VXLAN_4 / V4 / DATA, VXLAN.vni, range(1 << 24), 1),
    (VXLAN_4 / V4 / DATA, IP.dst, [f"10.2.0.{i}" for i in range(256)], 1),
    (VXLAN_4 / V4 / DATA, IP.dst, [f"10.2.0.{i}" for i in range(256)], 2),
    (VXLAN_4 / V4 / DATA, UDP.sport, range(65536), 1),
    (VXLAN_4 / V4 / DATA, UDP.sport, range(65536), 2),
    (VXLAN_4 / V4 / TCP(), TCP.seq, range(2**32), 1),
    (VXLAN_4 / V6 / DATA, IPv6.fl, range(1 << 20), 1),
    (GENEVE_6 / V4 / DATA, GENEVE.vni, range(1 << 24), 1),
    (GENEVE_6 / V4 / DATA, IP.src, [f"10.2.{i}.9" for i in range(256)], 1),
    (GENEVE_6 / V4 / DATA, Ether.src, [f"02:00:00:00:01:{i:02x}" for i in range(99)], 2),
    (GENEVE_6 / V4 / DATA, UDP.dport, range(65536), 2),
    (NESTED, TCP.sport, range(65536), 1),
    (NESTED, IP.src, [f"10.3.0.{i}" for i in range(256)], 2),
    (NESTED, IPv6.dst, [f"fd00::{i:x}" for i in range(1, 400)], 1),
    (LINK / V4 / SCTP(), SCTP.sport, range(65536), 1),
    (LINK / V4 / SCTP() / SCTPChunkData(data=b"x"), IP.id, range(65536), 1),
    (LINK / V6 / SCTP() / SCTPChunkHeartbeatReq(), SCTP.tag, range(2**32), 1),
    (VXLAN_4 / V4 / SCTP(), SCTP.dport, range(65536), 1),
    (VXLAN_4 / V4 / SCTP(), UDP.sport, range(65536), 1),
    (GENEVE_6 / V6 / SCTP(tag=7), IPv6.src, [f"fd00::{i:x}" for i in range(1, 400)], 2),
    (LINK / V4 / SCTP(chksum=5), SCTP.sport, range(65536), 1),
]  # fmt: skip


def layers(packet: Packet, kind: type[Packet]) -> list[Packet]:
    found = []
    while packet:
        found += [packet] if isinstance(packet, kind) else []
        packet = packet.payload
    return found


def built_by_scapy(packet: Packet, field: Any, nth: int, value: Any, frame: bytes) -> bytes:
    """The packet with one value set and the frame's own payload, all checksums scapy's."""
    made = packet.copy()
    layers(made, field.owners[0])[nth - 1].setfieldval(field.name, value)
    return bytes(made / Raw(frame[len(packet) :]))


@pytest.mark.filterwarnings("ignore:.*rebuild=True")  # wrong on purpose
@pytest.mark.parametrize(
    ("packet", "field", "values", "nth"),
    FIELDS,
    ids=[f"{p.summary()}-{f.name}-{n}" for p, f, _, n in FIELDS],
)
@pytest.mark.parametrize("extra", [0, 1])
def test_every_field_is_scapys(
    packet: Packet, field: Any, values: Any, nth: int, extra: int
) -> None:
    size = max(64, len(packet) + 18 + 4) + extra
    for is_random in (False, True):
        flow = Stream(packet, size, vary=lk.vary(field, values, random=is_random, nth=nth), seed=9)
        for n, frame in enumerate(flow.frames(40)):
            assert len(frame) == size - 4
            assert codec.signature(frame) == (0, n, 0)
            value = values[n % len(values)]
            if is_random:
                value = layers(dissect(frame), field.owners[0])[nth - 1].getfieldval(field.name)
                assert value in values
            assert built_by_scapy(packet, field, nth, value, frame) == frame


@settings(max_examples=60, deadline=None, derandomize=True, database=None)
@given(st.data())
def test_several_fields_at_once(data: st.DataObject) -> None:
    """Values that make checksums 0 among them: sizes, ports and addresses are free."""
    ports = st.lists(st.integers(0, 65535), min_size=1, max_size=5)
    hosts = st.lists(st.ip_addresses(v=4).map(str), min_size=1, max_size=5)
    varied = {
        (UDP.sport, 1): data.draw(ports),
        (UDP.dport, 2): data.draw(ports),
        (IP.src, 2): data.draw(hosts),
        (IP.dst, 1): data.draw(hosts),
        (VXLAN.vni, 1): data.draw(st.lists(st.integers(0, 2**24 - 1), min_size=1, max_size=5)),
    }
    packet = VXLAN_4 / V4 / DATA
    sizes = data.draw(st.lists(st.integers(len(packet) + 22, 1600), min_size=1, max_size=4))
    flow = Stream(packet, sizes, vary=[lk.vary(f, v, nth=n) for (f, n), v in varied.items()])
    for n, frame in enumerate(flow.frames(12)):
        made = packet.copy()
        for (field, nth), values in varied.items():
            layer = layers(made, field.owners[0])[nth - 1]
            layer.setfieldval(field.name, values[n % len(values)])
        assert bytes(made / Raw(frame[len(packet) :])) == frame
        assert len(frame) == sizes[n % len(sizes)] - 4


@settings(max_examples=30, deadline=None, derandomize=True, database=None)
@given(st.integers(0, 2**32 - 1), st.integers(0, 2**64 - 1), st.integers(64, 90))
def test_stamps_keep_the_checksum_right(sequence: int, tsc: int, size: int) -> None:
    compiled = Stream(LINK / V4 / DATA, size).compile().to_dict()
    stamp = sequence.to_bytes(4, "big") + tsc.to_bytes(8, "big")
    (frame,) = codec.make_frames(compiled, 1, stamp)
    assert codec.signature(frame) == (0, sequence, tsc)
    assert bytes(LINK / V4 / DATA / Raw(frame[42:])) == frame


def test_a_sum_of_zero_is_sent_as_all_ones() -> None:
    """RFC 768: over all source ports one sum is 0, and UDP's is then 0xffff; TCP's stays 0."""
    for layer, offset, wanted in ((DATA, 40, 0xFFFF), (TCP(), 50, 0)):
        field = type(layer).sport
        # The source port that brings the sum to all ones: by what the checksum of port 0 lacks
        (frame,) = Stream(LINK / V4 / layer, 80, vary=lk.vary(field, [0])).frames(1)
        lacking = int.from_bytes(frame[offset : offset + 2], "big")
        (frame,) = Stream(LINK / V4 / layer, 80, vary=lk.vary(field, [lacking])).frames(1)
        assert int.from_bytes(frame[offset : offset + 2], "big") == wanted
        assert built_by_scapy(LINK / V4 / layer, field, 1, lacking, frame) == frame


@pytest.mark.filterwarnings("ignore:.*rebuild=True")  # wrong on purpose
def test_a_checksum_that_the_packet_gives_stays() -> None:
    flow = Stream(LINK / V4 / UDP(sport=1, dport=2, chksum=0x1234), 64)
    assert {frame[40:42] for frame in flow.frames(9)} == {b"\x12\x34"}


def test_random_values_are_drawn_with_the_seed() -> None:
    values = range(1000, 1100)

    def ports(seed: int) -> list[int]:
        flow = Stream(LINK / V4 / DATA, vary=lk.vary(UDP.sport, values, random=True), seed=seed)
        return [int.from_bytes(frame[34:36], "big") for frame in flow.frames(3000)]

    assert ports(1) == ports(1) != ports(2)
    assert set(ports(1)) == set(values)
    counts = [ports(1).count(value) for value in values]
    assert 5 < min(counts) <= max(counts) < 80  # 30 each on the mean


def test_missing_addresses_are_filled_in() -> None:
    flow = Stream(Ether() / V4 / DATA)
    frame = flow.compile("02:00:00:00:00:07", "02:00:00:00:00:08").frames(1)[0]
    assert frame[:12].hex() == "020000000008020000000007"
    with pytest.raises(lk.LabError, match=r"Ether\(\) has no src; give one"):
        flow.compile()


def test_sizes() -> None:
    assert len(lk.IMIX.order) == 48
    assert [lk.IMIX.order.count(size) for size in (64, 570, 1518)] == [28, 16, 4]
    assert max(abs(lk.IMIX.order[:n].count(64) - n * 28 / 48) for n in range(48)) < 1
    assert lk.Sizes.genome("abgz", mtu=9000).order == (64, 128, 1518, 9018)
    assert lk.Sizes.genome("aA", A=570).order == (64, 570)
    flow = Stream(LINK / V4 / DATA, lk.IMIX)
    assert [len(frame) + 4 for frame in flow.frames(96)] == [*lk.IMIX.order] * 2
    assert lk.IMIX.mean == pytest.approx((28 * 64 + 16 * 570 + 4 * 1518) / 48)


@pytest.mark.parametrize(
    ("text", "size", "link", "pps"),
    [
        ("700 kpps", 64, None, 700e3),
        ("70k", 64, None, 70e3),
        ("1.5Mpps", 64, None, 1.5e6),
        ("1,500 kpps", 64, None, 1.5e6),
        (12345, 64, None, 12345),
        ("10 Gbit/s L1", 64, None, 10e9 / 8 / 84),  # RFC 2544's 14.88 Mpps
        ("1 Gbit/s", 1250, None, 100e3),
        ("100 Mbps", 1250, None, 10e3),
        ("50 %", 1230, 10_000, 500e3),
    ],
)
def test_rates(text: str | float, size: int, link: int | None, pps: float) -> None:
    rate = lk.Rate.parse(text)
    assert rate.pps(size, link) == pytest.approx(pps)
    assert lk.Rate.parse(str(rate)) == rate


@pytest.mark.parametrize("kpps", [1001.0, 2345.678, 16100.007])
def test_a_rate_is_one_number_however_it_is_written(kpps: float) -> None:
    """lk.compare takes loads for the same when their targets are equal."""
    wanted = lk.Rate(round(kpps * 1000))
    assert lk.Rate.parse(f"{kpps} kpps") == lk.Rate.parse(f"{kpps / 1000:.6f} Mpps") == wanted
    assert lk.Rate.parse(str(wanted)) == wanted


def test_numbers_of_numpy_are_numbers() -> None:
    assert Stream(LINK / V4 / DATA, np.array([64, 128])).sizes.order == (64, 128)
    assert Stream(LINK / V4 / DATA, np.int64(64), rate=np.int64(70)).rate == lk.Rate(70.0)


def vary_source(address: str) -> Callable[[], object]:
    return lambda: Stream(LINK / V4 / DATA, vary=lk.vary(Ether.src, [address])).compile()


def wrong_stream(**arguments: Any) -> Callable[[], object]:
    return lambda: Stream(**({"packet": LINK / V4 / DATA} | arguments))


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (wrong_stream(size=63), r"size 63 is too short .* 42 bytes of packet, 18 .* make 64"),
        (wrong_stream(packet=LINK / V6 / DATA, size=64), "make 84; choose 84 or more, or signa"),
        (wrong_stream(packet=V4 / DATA), r"a stream's packet begins with Ether\(\) or"),
        (wrong_stream(size=()), "there are no sizes"),
        (wrong_stream(packet=LINK / IP(dst=["10.0.0.1", "10.0.0.2"]) / DATA), "for 2 packets, and"),
        (wrong_stream(packet=LINK / IP(dst="10.0.0.0/30") / DATA), "stands for 4 packets"),
        (wrong_stream(size="64"), "size is '64'; it is a number of bytes"),
        (wrong_stream(size=[64.5]), "size 64.5 is no frame size"),
        (wrong_stream(weight=0), "weight is 0; it is a positive number"),
        (wrong_stream(weight=math.inf), "weight is inf; it is a positive number"),
        (wrong_stream(weight="1"), "weight is '1'; it is a positive number"),
        (wrong_stream(seed=1.5), "seed is 1.5; it is a whole number"),
        (wrong_stream(signature="no"), "signature is 'no'; it is True or False"),
        (wrong_stream(vary=5), "vary is 5; write lk.vary"),
        (wrong_stream(vary="sport"), "vary is 'sport'; write lk.vary"),
        (wrong_stream(rate="1,5 kpps"), "rate is '1,5 kpps'; write it as"),
        (lambda: lk.vary(UDP.sport, 5), "values is 5; give a range or a list"),
        (lambda: lk.vary(IP.ttl, [1], nth=0), "nth is 0; 1 is the outermost layer"),
        (vary_source("x"), "vary src: 'x' is no value of it: write six bytes as 02:00"),
        (wrong_stream(burst=0), "burst is 0; the range is 1 to 65536"),
        (wrong_stream(vary=[5]), r"vary is 5; write lk.vary\(UDP.sport"),
        (wrong_stream(vary=[lk.vary(UDP.sport, [1])] * 33), "33 varying fields; at most 32"),
        (wrong_stream(rate="fast"), "rate is 'fast'; write it as"),
        (wrong_stream(rate=0), "rate is 0 pps; it is a positive number"),
        (wrong_stream(rate="10 kpps L1"), "L1 is said of bit/s only"),
        (lambda: lk.Rate.parse("400 Gbit/s").pps(64, None), "at most 200 Mpps can be intended"),
        (lambda: lk.Rate.parse("5 %").pps(64, None), "link speed is not known"),
        (lambda: lk.vary(UDP.sport, []), r"values is \[\]; give a range or a list"),
        (lambda: lk.vary(UDP.sport, "12"), "values is '12'"),
        (lambda: lk.vary("sport", [1]), "field is 'sport'; give a field of a scapy layer"),
        (lambda: lk.Sizes.genome("a?"), r"'\?' stands for no size"),
        (lambda: lk.Sizes.mix({64: 0}), "weight of size 64 is 0"),
    ],
)
def test_wrong_arguments(make: Callable[[], object], says: str) -> None:
    with pytest.raises(lk.LabError, match=says):
        make()


@pytest.mark.parametrize(
    ("packet", "varied", "says"),
    [
        (LINK / V4 / DATA, lk.vary(TCP.sport, [1]), "has 0 layers TCP, and nth is 1"),
        (LINK / V4 / DATA, lk.vary(UDP.sport, [1], nth=2), "has 1 layers UDP, and nth is 2"),
        (LINK / V4 / DATA, lk.vary(UDP.sport, [65536]), "sport"),
        (LINK / V4 / DATA, lk.vary(IP.tos, [256]), "tos"),
        (LINK / V4 / DATA, lk.vary(IP.dst, ["host.invalid"]), "dst"),
        (LINK / V4 / GRE() / V4, lk.vary(GRE.key_present, [0, 1]), "changes the length"),
    ],
)
def test_fields_that_cannot_vary(packet: Packet, varied: Any, says: str) -> None:
    with pytest.raises(lk.LabError, match=says):
        Stream(packet, 128, vary=varied).frames(1)


@pytest.mark.parametrize(
    ("packet", "sources"),
    [
        (LINK / V6 / UDP(dport=4789) / VXLAN() / INNER / V4 / DATA, ["fd00::1"]),
        (LINK / V4 / UDP(dport=4789) / VXLAN() / INNER / V6 / DATA, ["10.0.0.1"]),
        (LINK / ARP(), []),
    ],
)
def test_a_port_answers_for_the_outermost_source(packet: Packet, sources: list[str]) -> None:
    assert source_addresses([Stream(packet)]) == sources


def test_a_port_answers_for_the_values_of_a_varied_source() -> None:
    varied = [f"10.1.0.{i}" for i in range(1, 20)]
    stream = Stream(LINK / V4 / DATA, vary=lk.vary(IP.src, varied))
    assert source_addresses([stream]) == varied[:16]
    inner = Stream(VXLAN_4 / V4 / DATA, size=256, vary=lk.vary(IP.src, varied, nth=2))
    assert source_addresses([inner]) == ["10.0.0.1"]


@pytest.mark.parametrize("field", [UDP.sport, IP.dst, Dot1Q.vlan, VXLAN.vni, IPv6.fl, GRE.key])
def test_varying_fields_can_be_sent_to_another_process(field: Any) -> None:
    varied = lk.vary(field, [1, 2], random=True, nth=2)
    other = pickle.loads(pickle.dumps(varied))
    assert other == varied
    assert other.field is field


def test_varying_fields_are_told_as_json() -> None:
    told = [
        lk.vary(UDP.sport, range(1024, 2048)),
        lk.vary(IP.dst, ["10.0.0.2"], random=True, nth=2),
    ]
    assert json.loads(json.dumps([varied.to_dict() for varied in told])) == [
        {"field": "UDP.sport", "values": "range(1024, 2048)", "random": False, "nth": 1},
        {"field": "IP.dst", "values": ["10.0.0.2"], "random": True, "nth": 2},
    ]
    assert json.dumps(lk.vary(UDP.sport, np.array([7])).to_dict()["values"]) == "[7]"


@pytest.mark.parametrize(
    ("size", "name"),
    [
        (64, None),
        ((64, 64), None),
        (lk.Sizes.genome("aaa"), None),
        ("IMIX", "IMIX"),
        (lk.Sizes.genome("aaadg"), "genome aaadg"),
        ({64: 28, 570: 16, 1518: 4}, "7 × 64, 4 × 570, 1518 B"),
        ((1518, 64, 64), "2 × 64, 1518 B"),
        (range(64, 84), "20 sizes, 64 to 83 B"),
    ],
)
def test_mixes_have_names(size: object, name: str | None) -> None:
    assert lk.Sizes.parse(size).mix_name == name  # type: ignore[arg-type]


def test_sizes_may_be_given_by_weight() -> None:
    assert Stream(LINK / V4 / DATA, {64: 28, 570: 16, 1518: 4}).sizes.order == lk.IMIX.order
    with pytest.raises(lk.LabError, match=r"weights is \[64, 570\]; it is a mapping"):
        lk.Sizes.mix([64, 570])  # type: ignore[arg-type]


def test_mean_size_of_several_streams_is_the_same_at_every_rate() -> None:
    """To the last bit: pictures and comparisons tell loads apart by it."""
    streams = [Stream(LINK / V4 / DATA, 64), Stream(LINK / V4 / DATA, 512, weight=2)]
    scheduled = [
        [ScheduledStream(s, s.compile(), pps * s.weight / 3, 0.0, s.weight / 3) for s in streams]
        for pps in (7e4, 1.4e5, 3.5e5, 33_333.0)
    ]
    assert {mean_size(each) for each in scheduled} == {362.666667}


def test_no_link_carries_more_than_all_of_it() -> None:
    assert Rate.parse("100 %").pps(64, 10_000) == pytest.approx(14.88e6, rel=1e-3)
    with pytest.raises(lk.LabError, match="rate is 101 %; a link carries 100 % at most"):
        Rate.parse("101 %")
