# SPDX-License-Identifier: BSD-3-Clause
"""What fills the frames of a stream."""

import pickle
from typing import Any

import pytest
from scapy.layers.inet import IP, UDP
from scapy.layers.l2 import Ether
from scapy.packet import Raw

import labkit as lk

LINK = Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02")
PACKET = LINK / IP(src="10.0.0.1", dst="10.0.0.2") / UDP(sport=1, dport=2)


@pytest.mark.parametrize(
    ("payload", "begins"),
    [
        (None, bytes(range(40))),
        (b"ab", b"ab" + bytes(38)),
        ("né", "né".encode() + bytes(37)),
        (lk.Payload.repeat(b"\xaa\x55\x01"), b"\xaa\x55\x01" * 13 + b"\xaa"),
    ],
)
def test_the_payload_stands_between_packet_and_signature(payload: Any, begins: bytes) -> None:
    for frame in lk.Stream(PACKET, 42 + 40 + 18 + 4, payload=payload).frames(2):
        assert frame[42:82] == begins
        assert frame == bytes(PACKET / Raw(frame[42:]))


def test_random_bytes_are_those_of_the_seed() -> None:
    def sent(seed: int) -> bytes:
        payload = lk.Payload.random(seed)
        return lk.Stream(PACKET, 1000, payload=payload).frames(1)[0][42:-18]

    assert sent(1) == sent(1) != sent(2)


@pytest.mark.parametrize(("length", "tap"), [(7, 6), (9, 5), (11, 9), (15, 14), (23, 18), (31, 28)])
def test_a_sequence_is_that_of_its_polynomial(length: int, tap: int) -> None:
    """Also at the other end of the longest period that fits; inverted ones begin with zeros."""
    data = lk.Payload.prbs(length).first(9000)
    if length in (15, 23, 31):
        data = bytes(byte ^ 0xFF for byte in data)
    bits = "".join(f"{byte:08b}" for byte in data)
    assert bits[:length] == "1" * length
    assert all(
        int(bits[n]) == int(bits[n - length]) ^ int(bits[n - tap]) for n in range(length, len(bits))
    )
    if length < 16:
        period = 2**length - 1
        assert bits[period : 2 * period] == bits[:period]
        assert bits[:period].count("1") == 2 ** (length - 1)


def test_payloads_that_are_none() -> None:
    for wrong, says in ((5, "payload is 5; it is bytes"), ([1], r"payload is \[1\]")):
        with pytest.raises(lk.LabError, match=says):
            lk.Stream(PACKET, payload=wrong)  # type: ignore[arg-type]
    with pytest.raises(lk.LabError, match="bits is 8; it is one of 7, 9, 11"):
        lk.Payload.prbs(8)
    with pytest.raises(lk.LabError, match="pattern is empty"):
        lk.Payload.repeat(b"")
    assert pickle.loads(pickle.dumps(lk.Payload.prbs(7))) == lk.Payload.prbs(7)
