# SPDX-License-Identifier: BSD-3-Clause
"""Values that count up: addresses, bits of a field, wide fields, and ranges that wrap."""

import json
import pickle
from collections.abc import Callable
from ipaddress import IPv6Address

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scapy.layers.inet import IP, TCP, UDP
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import Ether
from scapy.packet import Raw

import labkit as lk
from labkit.traffic.fields import Vary

LINK = Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02")
V4 = IP(src="10.0.0.1", dst="10.0.0.2")
V6 = IPv6(src="fd00::1", dst="fd00::2")
DATA = UDP(sport=1, dport=2)


def test_addresses_count_up_without_a_list_of_them() -> None:
    macs = lk.vary(Ether.src, lk.addresses("02:00:00:00:00:ff", 1000))
    frames = lk.Stream(LINK / V4 / DATA, vary=macs).frames(1001)
    assert [frame[6:12].hex() for frame in frames[:2]] == ["0200000000ff", "020000000100"]
    assert len({frame[6:12] for frame in frames}) == 1000
    assert list(lk.addresses("10.0.0.0/30")) == ["10.0.0.1", "10.0.0.2"]
    assert list(lk.addresses("10.0.0.2", 3, step=-1)) == ["10.0.0.2", "10.0.0.1", "10.0.0.0"]
    assert lk.addresses("10.0.0.0/24")[-1] == "10.0.0.254"
    assert lk.addresses("10.0.0.1", 9, step=2)[1:3] == ("10.0.0.3", "10.0.0.5")
    assert pickle.loads(pickle.dumps(macs)) == macs
    told = json.loads(json.dumps(macs.to_dict()))
    assert told["values"] == "addresses('02:00:00:00:00:ff', 1000, step=1)"


@settings(max_examples=40, deadline=None, derandomize=True, database=None)
@given(st.lists(st.ip_addresses(v=6).map(str), min_size=1, max_size=6), st.booleans())
def test_any_ipv6_addresses_vary(hosts: list[str], is_random: bool) -> None:
    """Prefix and host together; scapy builds the same."""
    varied = lk.vary(IPv6.src, hosts, random=is_random)
    for n, frame in enumerate(lk.Stream(LINK / V6 / DATA, vary=varied).frames(8)):
        host = IPv6Address(frame[22:38])
        wanted = hosts if is_random else [hosts[n % len(hosts)]]
        assert host in map(IPv6Address, wanted)
        ip = IPv6(src=str(host), dst="fd00::2")
        assert frame == bytes(LINK / ip / DATA / Raw(frame[62:]))


@pytest.mark.parametrize(("first", "step"), [(2**64 - 2, 1), (2**120, 2**64 + 2**63), (9, 2**64)])
def test_ranges_of_ipv6_addresses_carry_into_the_prefix(first: int, step: int) -> None:
    varied = lk.vary(IPv6.dst, lk.addresses(str(IPv6Address(first)), 4, step=step))
    frames = lk.Stream(LINK / V6 / DATA, vary=varied).frames(4)
    assert [int.from_bytes(f[38:54], "big") for f in frames] == [first + n * step for n in range(4)]


def test_bits_of_one_field_vary_apart() -> None:
    dscp = lk.vary(IP.tos, range(64), bits=(7, 2))
    ecn = lk.vary(IP.tos, [1, 2, 3], bits=(1, 0))
    for n, frame in enumerate(lk.Stream(LINK / V4 / DATA, vary=[dscp, ecn]).frames(80)):
        assert frame[15] == n % 64 << 2 | (1, 2, 3)[n % 3]
        ip = IP(src="10.0.0.1", dst="10.0.0.2", tos=frame[15])
        assert frame == bytes(LINK / ip / DATA / Raw(frame[42:]))
    flags = [lk.vary(TCP.flags, [0, 1], bits=4), lk.vary(TCP.flags, [1, 0], bits=1)]
    frames = lk.Stream(LINK / V4 / TCP(flags="F"), vary=flags).frames(2)
    assert [Ether(frame)[TCP].flags for frame in frames] == ["FS", "FA"]
    assert pickle.loads(pickle.dumps(dscp)) == dscp
    assert dscp.to_dict()["bits"] == [7, 2]


def test_flags_have_names() -> None:
    for field, name, bits in (
        (TCP.flags, "S", (1, 1)),
        (TCP.flags, "FS", (1, 0)),
        (IP.flags, "DF", (1, 1)),
        (IP.flags, "MF+DF", (1, 0)),
    ):
        assert lk.vary(field, [1], bits=name).bits == bits
    frames = lk.Stream(LINK / V4 / TCP(flags="A"), vary=lk.vary(TCP.flags, [0, 1], bits="S"))
    assert [str(Ether(frame)[TCP].flags) for frame in frames.frames(2)] == ["A", "SA"]


@pytest.mark.parametrize("start", [65530, 70000, -3])
def test_a_range_wraps_around_where_asked(start: int) -> None:
    varied = lk.vary(UDP.sport, range(start, start + 20, 3), wrap=True)
    frames = lk.Stream(LINK / V4 / DATA, vary=varied).frames(7)
    found = [int.from_bytes(frame[34:36], "big") for frame in frames]
    assert found == [(start + 3 * n) % 65536 for n in range(7)]
    assert varied.to_dict()["wrap"] is True


def stream_of(*vary: Vary) -> Callable[[], object]:
    return lambda: lk.Stream(LINK / V4 / DATA, vary=vary).compile()


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: lk.addresses("10.0.0.1"), "count is missing"),
        (lambda: lk.addresses("host", 2), "start is 'host'; it is an IP address, a network"),
        (lambda: lk.addresses("255.255.255.255", 2), "2 addresses from .* do not fit"),
        (lambda: lk.addresses("10.0.0.0/30", 3), "3 addresses from .* do not fit"),
        (lambda: lk.addresses("10.0.0.1", 3, step=0), "count is 1 or more, and step not 0"),
        (lambda: lk.vary(IP.tos, [1], bits="x"), "bits is 'x'; it is one bit, or the"),
        (lambda: lk.vary(IP.tos, [1], bits=(2, 7)), "the highest is first"),
        (stream_of(lk.vary(IP.tos, [1], bits=8)), "outside of its 8 bits; the highest is 7"),
        (stream_of(lk.vary(IP.tos, [4], bits=(1, 0))), "4 is no value of it: .* outside of 0 to 3"),
        (
            stream_of(lk.vary(IP.tos, [1], bits=(3, 0)), lk.vary(IP.tos, [1], bits=(7, 3))),
            r"vary tos: bits \(3, 3\) of IP.tos vary in two ways; give each bit to one of them",
        ),
        (
            stream_of(lk.vary(IP.tos, [1], bits=(3, 0)), lk.vary(IP.tos, [1])),
            r"vary tos: bits \(3, 0\) of IP.tos vary in two ways",
        ),
        (lambda: lk.vary(TCP.flags, [1], bits="x"), "bits is 'x'; the flags of .* are F, S, R"),
        (lambda: lk.vary(TCP.flags, [1], bits="SA"), "do not stand beside one another in F, S"),
        (stream_of(lk.vary(UDP.sport, range(65530, 65540))), "is no value of it: it is outside"),
    ],
)
def test_what_is_refused(make: Callable[[], object], says: str) -> None:
    with pytest.raises(lk.LabError, match=says):
        make()
