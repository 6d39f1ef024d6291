# SPDX-License-Identifier: BSD-3-Clause
"""Bytes of the payload that vary."""

import json
import pickle
from collections.abc import Callable

import pytest
from scapy.layers.inet import IP, TCP, UDP
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import Ether
from scapy.layers.sctp import SCTP
from scapy.layers.vxlan import VXLAN
from scapy.packet import Packet, Raw

import labkit as lk

LINK = Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02")
V4 = IP(src="10.0.0.1", dst="10.0.0.2")
V6 = IPv6(src="fd00::1", dst="fd00::2")
DATA = UDP(sport=1, dport=2)
TUNNEL = LINK / V6 / UDP(dport=4789) / VXLAN() / LINK


@pytest.mark.parametrize("sizes", [[200], [200, 201, 300, 1500]])
@pytest.mark.parametrize(
    "packet",
    [
        LINK / V4 / DATA,
        LINK / V4 / TCP() / Raw(b"GET /index"),
        LINK / V4 / DATA / Raw(b"abcd"),
        LINK / V4 / SCTP(),
        TUNNEL / V4 / DATA / Raw(b"odd"),
    ],
    ids=lambda packet: packet.summary(),
)
@pytest.mark.parametrize(("offset", "width"), [(0, 1), (3, 2), (2, 4), (5, 8), (1, 11)])
def test_checksums_follow(packet: Packet, sizes: list[int], offset: int, width: int) -> None:
    """In the packet's own bytes, behind it, and across both."""
    values = [0x61, 0, 256**width - 1, 7]
    ports = lk.vary(IP.id, range(9))
    stream = lk.Stream(packet, sizes, vary=[lk.vary_payload(offset, width, values), ports])
    plain = lk.Stream(packet, sizes, vary=ports)
    headers = packet.copy()
    if Raw in headers:
        headers[Raw].underlayer.remove_payload()
    begin = len(headers)
    for n, (frame, usual) in enumerate(zip(stream.frames(24), plain.frames(24), strict=True)):
        made = headers.copy()
        made[IP].id = n % 9
        assert frame == bytes(made / Raw(frame[begin:]))
        at = begin + offset
        assert int.from_bytes(frame[at : at + width], "big") == values[n % 4]
        assert frame[begin:at] + frame[at + width :] == usual[begin:at] + usual[at + width :]


def test_values_may_be_bytes_and_ranges() -> None:
    packet = LINK / V4 / DATA
    words = lk.Stream(packet, 100, vary=lk.vary_payload(4, 3, [b"abc", b"xyz"])).frames(3)
    assert [frame[46:49] for frame in words] == [b"abc", b"xyz", b"abc"]
    numbers = lk.vary_payload(8, 2, range(2**16), random=True)
    beside = lk.vary_payload(0, 8, range(100, 110)) * lk.vary(UDP.sport, [1, 2])
    frames = lk.Stream(packet, 100, vary=[numbers, *beside], seed=3).frames(20)
    assert len({frame[50:52] for frame in frames}) > 15
    assert [int.from_bytes(frame[42:50], "big") for frame in frames] == [*range(100, 110)] * 2
    assert [frame[35] for frame in frames] == [1] * 10 + [2] * 10


def test_they_are_told_and_sent_to_others() -> None:
    varied = lk.vary_payload(4, 2, range(9), wrap=True)
    assert pickle.loads(pickle.dumps(varied)) == varied
    stream = lk.Stream(LINK / V4 / DATA, 100, vary=varied)
    assert "payload[4:6] × 9" in repr(stream)
    assert pickle.loads(pickle.dumps(stream)).frames(5) == stream.frames(5)
    assert json.loads(json.dumps(varied.to_dict())) == {
        "field": "payload[4:6]",
        "values": "range(0, 9)",
        "random": False,
        "wrap": True,
    }


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: lk.vary_payload(-1, 2, [1]), "offset is -1"),
        (lambda: lk.vary_payload(0, 0, [1]), "width is 0"),
        (lambda: lk.vary_payload(0, 2, [b"abc"]), r"b'abc' with 3 bytes; width is 2"),
        (lambda: lk.vary_payload(0, 2, 5), "values is 5; give a range or a list"),
        (
            lambda: lk.Stream(LINK / V4 / DATA, 64, vary=lk.vary_payload(0, 2, [1])),
            r"vary payload\[0:2\]: frames of 64 bytes have 0 bytes of payload before the signature",
        ),
        (
            lambda: lk.Stream(LINK / V4 / DATA, 90, vary=lk.vary_payload(0, 1, [256])).compile(),
            "256 is no value of it: it is outside of 0 to 255",
        ),
        (
            lambda: lk.Stream(
                LINK / V4 / DATA,
                90,
                vary=[lk.vary_payload(0, 3, [1]), lk.vary_payload(2, 3, [1])],
            ),
            r"vary payload\[2:5\]: another one varies some of these bytes",
        ),
    ],
)
def test_what_cannot_vary(make: Callable[[], object], says: str) -> None:
    with pytest.raises(lk.LabError, match=says):
        make()
