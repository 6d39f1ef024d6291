# SPDX-License-Identifier: BSD-3-Clause
"""SCTP's checksum (RFC 9260 6.8), a CRC32c."""

import random
from pathlib import Path

import pytest
from labkit._codec import lib
from scapy.layers.inet import IP, UDP
from scapy.layers.l2 import Ether
from scapy.layers.sctp import SCTP, crc32c
from scapy.layers.vxlan import VXLAN
from scapy.packet import Raw
from scapy.utils import RawPcapReader

import labkit as lk
from tests.trials import QUICK

LINK = Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02")
V4 = IP(src="10.0.0.1", dst="10.0.0.2")


@pytest.mark.parametrize("is_portable", [False, True])
def test_the_crc(is_portable: bool) -> None:
    assert lib.lk_codec_crc32c(b"123456789", 9, is_portable) == 0xE3069283
    draw = random.Random(3)
    for length in range(70):
        data = draw.randbytes(length)
        stored = crc32c(data).to_bytes(4, "big")
        assert lib.lk_codec_crc32c(data, length, is_portable) == int.from_bytes(stored, "little")


def test_it_follows_sizes_fields_and_signature() -> None:
    """Outer UDP checksums count it, at odd sizes too."""
    packet = LINK / V4 / UDP(dport=4789) / VXLAN(vni=7) / LINK / V4 / SCTP(sport=1, dport=2)
    vary = [lk.vary(SCTP.tag, range(2**32), random=True), lk.vary(IP.id, range(9), nth=2)]
    for frame in lk.Stream(packet, [130, 131, 1500, 9001], vary=vary).frames(40):
        made = Ether(frame)
        outer, inner = made[UDP].chksum, made[SCTP].chksum
        del made[UDP].chksum, made[SCTP].chksum
        again = Ether(bytes(made))
        assert (again[UDP].chksum, again[SCTP].chksum) == (outer, inner)


def test_of_two_one_is_to_be_given() -> None:
    packet = LINK / V4 / SCTP() / IP() / SCTP()
    with pytest.raises(lk.LabError, match=r"two SCTP checksums .* one, SCTP\(chksum=0\)"):
        lk.Stream(packet, 200).compile()


def test_frames_of_the_generator(lab: lk.Lab, tmp_path: Path) -> None:
    """Their buffers are used again, where only the head of a frame is written."""
    a, b = lab.cable("a", "b")
    file = tmp_path / "seen.pcapng"
    path = lab.run(lk.rx(b) >> lk.capture(file) >> lk.reflect() >> lk.tx(b))
    packet = Ether(src=a.mac, dst=b.mac) / V4 / SCTP(sport=1, dport=2) / Raw(b"x" * 9)
    stream = lk.Stream(packet, [100, 701], "40 kpps", lk.vary(SCTP.tag, range(5000)))
    lk.trial(a, stream, duration=0.2, **QUICK)
    path.flush()
    frames = [
        frame for frame, _ in RawPcapReader(str(file)) if frame[30:34] == bytes([10, 0, 0, 2])
    ]
    assert len(frames) > 600  # more than there are buffers in use at once
    for frame in frames[-200:]:
        made = frame[34:42] + bytes(4) + frame[46:]
        assert frame[42:46] == crc32c(made).to_bytes(4, "big")
