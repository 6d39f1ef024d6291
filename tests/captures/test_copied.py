# SPDX-License-Identifier: BSD-3-Clause
"""A frame to take away is the frame, byte for byte."""

from pathlib import Path
from typing import Any

import pytest
from scapy.layers.inet import IP, UDP
from scapy.layers.l2 import Ether

import labkit as lk
from labkit.captures.copied import pcapng, scapy_code
from labkit.captures.frame import CapturedFrame
from tests.tunnels import FRAMES, TUNNELS

HOSTILE = b"'\"\n\\); import os #</script>\0\xff"
PLAIN = bytes(
    Ether(dst="02:00:00:00:00:02")
    / IP(src="10.0.0.1", dst="10.0.0.2")
    / UDP(sport=4000, dport=9000)
    / HOSTILE
)
RAW = {
    "plain": PLAIN,
    "cut": PLAIN[:30],
    "short": PLAIN[:5],
    "none": b"",
    "length that cannot be": PLAIN[:16] + b"\xff\xff" + PLAIN[18:],
    "jumbo": PLAIN[:42] + bytes(8972),
    "64 kB": PLAIN[:42] + bytes(65_493),
    **{name: tunnel.encap(FRAMES["udp_v4"]) for name, tunnel in TUNNELS.items()},
}


def frame(raw: bytes, **how: Any) -> CapturedFrame:
    told = {"wire_length": len(raw), "time_ns": 1_700_000_000_123_456_789}
    told |= {"interface": 0, "link_type": 1, "fcs": 0}
    return CapturedFrame(7, raw, **(told | how))


@pytest.mark.parametrize("name", RAW)
def test_scapy_code_makes_the_frame(name: str) -> None:
    made: dict[str, Any] = {}
    code = scapy_code(frame(RAW[name]))
    exec(compile(code, name, "exec"), made)
    assert bytes(made["frame"]) == RAW[name]
    if name == "plain":
        assert "UDP(sport=" in code
        assert "fromhex" not in code
    if name == "length that cannot be":
        assert "fromhex" in code or "len=65535" in code


def test_a_capture_of_one_frame(tmp_path: Path) -> None:
    file = tmp_path / "one.pcapng"
    file.write_bytes(pcapng(frame(PLAIN[:30], wire_length=900, comments=("seen",), link_type=1)))
    (one,) = lk.Capture(file)
    assert (one.data, one.wire_length, one.comments) == (PLAIN[:30], 900, ("seen",))
    assert one.time_ns == 1_700_000_000_123_456_789
    file.write_bytes(pcapng(frame(PLAIN[14:], link_type=101, time_ns=None)))
    (one,) = lk.Capture(file)
    assert (one.data, one.link_type, one.time_ns) == (PLAIN[14:], 101, None)
