# SPDX-License-Identifier: BSD-3-Clause
"""The two directions of a capture: every frame on one side, at its time in the whole."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from labkit._codec import ffi, lib
from scapy.layers.inet import ICMP, IP, TCP, UDP, fragment
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import ARP, LLC, STP, Dot1Q, Ether
from scapy.packet import Packet, Raw
from scapy.utils import wrpcap

import labkit as lk
from labkit.packet.codec import native_side
from tests.trials import QUICK

C, S = "10.0.0.1", "192.0.2.1"
CM, SM = "02:00:00:00:00:0c", "02:00:00:00:00:05"


def out(layer: Packet, client: str = C, server: str = S) -> Packet:
    return Ether(src=CM, dst=SM) / IP(src=client, dst=server) / layer


def back(layer: Packet, client: str = C, server: str = S) -> Packet:
    return Ether(src=SM, dst=CM) / IP(src=server, dst=client) / layer


def written(file: Path, packets: list[Packet]) -> Path:
    for n, packet in enumerate(packets):
        packet.time = 1.7e9 + n / 1000
    wrpcap(str(file), packets, linktype=1)
    return file


def sides(file: Path, **settings: Any) -> str:
    """c or s of every frame."""
    side = lk.Replay(file, side="client", **settings).capture.side
    assert side is not None
    return "".join("sc"[side.bits[n // 8] >> n % 8 & 1] for n in range(side.frames))


def tcp(flags: str, sport: int = 5000, dport: int = 80) -> TCP:
    return TCP(sport=sport, dport=dport, flags=flags)


FIRST = Ether(src=CM, dst=SM) / IP(src="198.51.100.1", dst="198.51.100.2") / UDP()


@pytest.mark.parametrize(
    ("packets", "expected"),
    [
        # Who sends a SYN
        ([out(tcp("S")), back(tcp("SA", 80, 5000)), out(tcp("A"))], "csc"),
        # What follows a SYN that was not captured
        ([back(tcp("SA", 80, 5000)), out(tcp("A")), back(tcp("PA", 80, 5000))], "scs"),
        # Another connection, which the other host opens: FTP's data
        (
            [out(tcp("S")), back(tcp("S", 20, 6000)), out(tcp("SA", 6000, 20)), out(tcp("A"))],
            "ccsc",
        ),
        # Ports that are used again, the other way
        ([out(tcp("A")), back(tcp("S", 80, 5000)), out(tcp("SA"))], "ccs"),
        # Who sends first
        ([out(UDP(sport=53, dport=9)), back(UDP(sport=9, dport=53))], "cs"),
        ([out(ICMP()), back(ICMP(type=0)), out(ICMP())], "csc"),
        ([Ether() / Dot1Q(vlan=3) / IPv6(src="fd00::1", dst="fd00::2") / UDP()] * 2, "cc"),
        # Fragments follow the first conversation of their hosts
        (
            [
                out(UDP()),
                *(
                    Ether(src=SM, dst=CM) / f
                    for f in fragment(IP(src=S, dst=C) / UDP() / Raw(bytes(90)), 48)
                ),
            ],
            "csss",
        ),
        # What is no IP follows its MAC
        (
            [
                FIRST,
                Ether(src=SM, dst="ff:ff:ff:ff:ff:ff") / ARP(psrc=S, pdst=C),
                Ether(src=CM, dst=SM) / ARP(op=2, psrc=C, pdst=S),
                Ether(src=SM, dst=CM) / IP(src="198.51.100.2", dst="198.51.100.1") / UDP(),
                Ether(src=SM, dst="01:80:c2:00:00:00") / LLC() / STP(),
            ],
            "cccss",
        ),
    ],
)
def test_by_conversation(tmp_path: Path, packets: list[Packet], expected: str) -> None:
    file = written(tmp_path / "in.pcap", [packet.copy() for packet in packets])
    assert sides(file) == expected


def test_by_networks(tmp_path: Path) -> None:
    """Also where the server sends first; between two of one side the conversation tells."""
    inside = Ether() / IP(src="10.0.0.7", dst="10.0.0.8") / UDP(sport=1, dport=2)
    packets = [back(UDP()), out(tcp("SA")), Ether() / ARP(psrc=S, pdst=C), inside]
    packets.append(Ether() / IP(src="10.0.0.8", dst="10.0.0.7") / UDP(sport=2, dport=1))
    packets.append(Ether() / IPv6(src="fd00::2", dst="fd01::1") / UDP())
    file = written(tmp_path / "in.pcap", packets)
    assert sides(file, clients=["10.0.0.0/8", "fd01::/16"]) == "scscss"
    assert sides(file, clients="0.0.0.0/0")[3:5] == "cs"


def played(replay: lk.Replay) -> list[tuple[int, bytes]]:
    """Due times and frames, as they are read ahead."""
    capture, keep_alive = replay.capture, []
    room, length, due = ffi.new("uint8_t[]", 2048), ffi.new("uint32_t *"), ffi.new("uint64_t *")
    config = ffi.new("struct lk_replay_config *")
    config.side = native_side(ffi, capture.side.to_dict() if capture.side else None, keep_alive)
    config.rounds, config.speed = replay.rounds or 1, replay.speed
    config.duration_ns, config.pause_ns = capture.duration_ns, capture.pause_ns
    found = []
    with replay.file.open("rb") as opened:
        config.fd = opened.fileno()
        reader = lib.lk_codec_replay_open(config)
        while (state := lib.lk_codec_replay_next(reader, room, 2048, length, due)) == 0:
            found.append((due[0], bytes(ffi.buffer(room, length[0]))))
        lib.lk_codec_replay_close(reader)
    assert state == 2  # LK_REPLAY_ENDED
    return found


frames = st.builds(
    lambda way, host, port, size: way(
        UDP(sport=port, dport=port) / Raw(bytes(size)), f"10.0.0.{host}"
    ),
    st.sampled_from([out, back]),
    st.integers(1, 9),
    st.integers(1, 3),
    st.integers(0, 50),
)


@given(st.lists(frames, min_size=1, max_size=60))
def test_both_sides_are_the_whole(tmp_path_factory: Any, packets: list[Packet]) -> None:
    packets = [out(UDP()), back(UDP()), *packets]
    file = written(tmp_path_factory.mktemp("side") / "in.pcap", packets)
    whole = lk.Replay(file, repeat=3)
    both = [lk.Replay(file, repeat=3, side=side) for side in ("client", "server")]
    assert sorted(played(both[0]) + played(both[1])) == sorted(played(whole))
    assert sum(side.capture.frames for side in both) == whole.capture.frames
    assert sum(side.capture.bytes for side in both) == whole.capture.bytes
    for side in both:
        lengths = [len(frame) for _, frame in played(side)]
        assert (min(lengths), max(lengths)) == (side.capture.shortest, side.capture.longest)
        for seconds in (0.0105, 0.05, 1):
            due = sum(time < seconds * 1e9 for time, _ in played(side))
            told = side.play(0, None)
            assert min(told.due(seconds), told.most) == due


def test_many_conversations(tmp_path: Path) -> None:
    """More than the table begins with."""
    packets = [way(UDP(sport=port, dport=port)) for way in (out, back) for port in range(1, 4000)]
    assert sides(written(tmp_path / "in.pcap", packets)) == "c" * 3999 + "s" * 3999


def test_a_side_is_sent(mirror: lk.Port, tmp_path: Path) -> None:
    packets = [out(UDP()) if n % 3 else back(UDP()) for n in range(1, 90)]
    file = written(tmp_path / "in.pcap", packets)
    for side, count in (("client", 60), ("server", 29)):
        replay = lk.Replay(file, side=side, repeat=False)
        run = lk.trial(mirror, replay, duration=0.2, **QUICK)
        assert run.row["intended"] == count == run.row["sent"] + run.row["unsent"]
        assert 0 < run.row["sent"] == run.row["received"], run
        with pytest.raises(lk.LabError, match="in step with the other"):
            lk.trial(mirror, replay, rate=100, duration=0.1, **QUICK)


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"side": "clinet"}, "did you mean 'client'"),
        ({"side": "server"}, "no frame in it was sent by a server"),
        ({"clients": "10.0.0.0/8"}, 'give side="client" or "server" too'),
        ({"side": "client", "clients": "10.0.0"}, "clients is '10.0.0'; it is an IP network"),
        ({"side": "client", "rate": 5}, "in step with the other .* leave rate out"),
    ],
)
def test_what_is_no_side(tmp_path: Path, wrong: dict[str, Any], told: str) -> None:
    file = written(tmp_path / "in.pcap", [out(UDP()), out(UDP())])
    with pytest.raises(lk.LabError, match=told):
        lk.Replay(file, **wrong)
