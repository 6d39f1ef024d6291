# SPDX-License-Identifier: BSD-3-Clause
"""Captures of frames that tests know, written byte by byte."""

import struct
import subprocess
from collections.abc import Sequence
from pathlib import Path

from scapy.layers.inet import IP, TCP, UDP
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import ARP, Dot1Q, Ether
from scapy.packet import Packet, Raw

from tests.frames import good_frames
from tests.tunnels import FRAMES, TUNNELS

FIRST_NS = 1_700_000_000_000_000_000
STEP_NS = 1_000_000
SERVER = ("192.0.2.1", "198.51.100.7")


def pcap(
    file: Path,
    frames: Sequence[bytes],
    *,
    times_ns: Sequence[int] | None = None,
    lengths: Sequence[int] | None = None,
    link_type: int = 1,
) -> Path:
    """A pcap file with nanoseconds; lengths: on the wire."""
    times_ns = times_ns or [FIRST_NS + n * STEP_NS for n in range(len(frames))]
    parts = [struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 262_144, link_type)]
    for n, frame in enumerate(frames):
        seconds, ns = divmod(times_ns[n], 10**9)
        length = lengths[n] if lengths else len(frame)
        parts += [struct.pack("<IIII", seconds, ns, len(frame), length), frame]
    file.write_bytes(b"".join(parts))
    return file


def all_kinds() -> list[bytes]:
    """Good frames of every protocol and tunnel that tests know."""
    link = Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02")
    v4, v6 = IP(src=SERVER[0], dst=SERVER[1]), IPv6(src="2001:db8::1", dst="2001:db8::2")
    made: list[Packet] = [
        link / ARP(),
        link / v4 / TCP(sport=1, dport=80, flags="SA", seq=7, ack=9, window=1000),
        link / Dot1Q(vlan=42, prio=3) / v6 / UDP(sport=53, dport=4000) / Raw(b"answer"),
        link / v4.copy() / UDP(sport=5, dport=6) / Raw(b"x" * 100),
    ]
    made[3][IP].tos, made[3][IP].ttl = 0xB9, 3
    return [
        *(bytes(packet) for packet in made),
        *(frame for _, frame in good_frames().values()),
        *(tunnel.encap(FRAMES["tcp_v4"]) for tunnel in TUNNELS.values()),
    ]


def tshark(file: Path, fields: Sequence[str]) -> list[list[str]]:
    """A row a frame, of what tshark says of these fields."""
    options = [x for field in fields for x in ("-e", field)]
    checks = [f"{name}.check_checksum:TRUE" for name in ("ip", "tcp", "udp")]
    preferences = [x for check in (*checks, "ip.defragment:FALSE") for x in ("-o", check)]
    command = ["tshark", "-n", "-r", str(file), *preferences, "-T", "fields", *options]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return [line.split("\t") for line in done.stdout.splitlines()]
