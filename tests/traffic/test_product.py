# SPDX-License-Identifier: BSD-3-Clause
"""All pairs of the values of several fields."""

import itertools
import pickle

import pytest
from scapy.layers.inet import IP, UDP
from scapy.layers.l2 import Ether
from scapy.packet import Raw

import labkit as lk

LINK = Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02")
PACKET = LINK / IP(src="10.0.0.1", dst="10.0.0.2") / UDP(sport=1, dport=2)
HOSTS = [f"10.1.0.{i}" for i in (1, 9, 4)]
PORTS = range(1000, 1004)
TTLS = [64, 3]


def test_all_combinations_are_sent_and_the_first_field_turns_fastest() -> None:
    pairs = lk.vary(IP.src, HOSTS) * lk.vary(UDP.sport, PORTS) * lk.vary(IP.ttl, TTLS)
    beside = lk.vary(IP.id, range(7))
    frames = lk.Stream(PACKET, 80, vary=[pairs, beside]).frames(48)
    wanted = [(a, b, c) for c, b, a in itertools.product(TTLS, PORTS, HOSTS)] * 2
    for n, (frame, (host, port, ttl)) in enumerate(zip(frames, wanted, strict=True)):
        ip = IP(src=host, dst="10.0.0.2", ttl=ttl, id=n % 7)
        assert frame == bytes(LINK / ip / UDP(sport=port, dport=2) / Raw(frame[42:]))


def test_a_product_stands_alone_and_in_others() -> None:
    a, b, c = lk.vary(IP.src, HOSTS), lk.vary(UDP.sport, PORTS), lk.vary(IP.ttl, TTLS)
    assert list(a * (b * c)) == list(a * b * c)
    assert [field.hold for field in a * b * c] == [1, 3, 12]
    stream = lk.Stream(PACKET, vary=a * b)
    assert len({frame[26:36] for frame in stream.frames(100)}) == 12
    assert pickle.loads(pickle.dumps(stream.vary)) == stream.vary
    assert stream.vary[1].to_dict()["hold"] == 3
    assert repr(a * b) == "<Product src × 3 * sport × 4>"


def test_what_is_no_product() -> None:
    a = lk.vary(IP.src, HOSTS)
    with pytest.raises(lk.LabError, match="random=True has no place in a product"):
        a * lk.vary(UDP.sport, PORTS, random=True)
    with pytest.raises(lk.LabError, match="5 cannot be multiplied with a varying field"):
        a * 5  # type: ignore[operator]
    many = lk.vary(IP.id, range(2**16))
    with pytest.raises(lk.LabError, match=r"combinations; 2\*\*64 - 1 at most"):
        many * many * many * many
