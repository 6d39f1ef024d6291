# SPDX-License-Identifier: BSD-3-Clause
"""VLAN tags come from the kernel as they were sent: their kinds, order and fields."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from scapy.layers.inet import IP, UDP
from scapy.layers.l2 import Dot1AD, Dot1Q, Ether
from scapy.packet import Packet, Raw

import labkit as lk
from tests.network import ip, unique_name

TAGS: dict[str, list[Packet]] = {
    "none": [],
    "802.1Q": [Dot1Q(vlan=5, prio=3)],
    "802.1ad": [Dot1AD(vlan=7, prio=6)],
    "802.1ad, 802.1Q": [Dot1AD(vlan=7), Dot1Q(vlan=8)],
    "802.1ad twice": [Dot1AD(vlan=4094), Dot1AD(vlan=8)],
    "802.1Q, 802.1ad": [Dot1Q(vlan=7), Dot1AD(vlan=8)],
    "priority alone": [Dot1AD(vlan=0, prio=7)],
    "drop eligible": [Dot1AD(vlan=1, dei=1)],
}


def tagged(tags: list[Packet], number: int) -> bytes:
    packet: Packet = Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02")
    for tag in tags:
        packet = packet / tag
    payload = Raw(bytes([number]) * 40)
    return bytes(packet / IP(src="10.0.0.1", dst="10.0.0.2") / UDP(sport=1, dport=2) / payload)


@contextmanager
def veth() -> Iterator[tuple[str, str]]:
    here, there = unique_name("lkv"), unique_name("lkw")
    ip("link", "add", here, "type", "veth", "peer", "name", there)
    try:
        for name in (here, there):
            ip("link", "set", name, "up")
        yield here, there
    finally:
        ip("link", "del", here)


@contextmanager
def port_and_interface(lab: lk.Lab, kind: str) -> Iterator[tuple[lk.Port, str]]:
    """A port, and the interface that its frames come from."""
    if kind == "tap":
        name = unique_name("lkt")
        port = lab.port(f"tap:{name}")
        ip("link", "set", name, "up")
        yield port, name
        lab.close()
        return
    driver, _, option = kind.partition(" ")
    options = {"queues": 2} if option == "queues" else {"framecnt": 4} if option == "small" else {}
    with veth() as (here, there):
        port = lab.port(f"{driver}:{here}", **options)  # type: ignore[arg-type]
        if driver == "af_packet":
            port.set_promiscuous(True)
        yield port, there
        lab.close()


@pytest.mark.parametrize("kind", ["tap", "af_xdp", "af_packet", "af_packet queues"])
def test_tags_arrive_as_they_were_sent(lab: lk.Lab, kind: str) -> None:
    with port_and_interface(lab, kind) as (port, interface):
        frames = [tagged(tags, number) for number, tags in enumerate(TAGS.values())]
        assert exchanged(port, interface, frames) == sorted(frames)


@pytest.mark.parametrize("kind", ["af_packet", "af_packet small", "af_packet queues"])
def test_tags_stay_with_their_frames_around_the_ring(lab: lk.Lab, kind: str) -> None:
    """More frames than the kernel's ring has, of changing kinds, a few at a time."""
    every = list(TAGS.values())
    with port_and_interface(lab, kind) as (port, interface):
        for start in range(0, 1600 if kind == "af_packet" else 30, 3):
            frames = [tagged(every[n * n % len(every)], n % 251) for n in range(start, start + 3)]
            assert exchanged(port, interface, frames) == sorted(frames)


def exchanged(port: lk.Port, interface: str, frames: list[bytes]) -> list[bytes]:
    """What the port hears of them, in the order of its bytes: queues have none among them."""
    port.receive(1, timeout=0)  # hears from now on
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as sender:
        sender.bind((interface, 0))
        for frame in frames:
            sender.send(frame)
    heard: list[bytes] = []
    while len(heard) < len(frames):
        more = port.receive(1, timeout=20, raw=True)
        assert more, f"{len(heard)} of {len(frames)} frames came"
        heard += [frame for frame in more if frame[:12] == frames[0][:12]]  # not Linux's own
    return sorted(heard)
