# SPDX-License-Identifier: BSD-3-Clause
"""Ports of net_af_packet beside programs that have fanout groups (packet(7)) of their own."""

import socket
import struct
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from scapy.layers.inet import IP, UDP, fragment
from scapy.layers.l2 import Ether

import labkit as lk
from tests.network import Host, veth_host

SOL_PACKET, PACKET_FANOUT, ETH_P_ALL = 263, 18, 3  # linux/if_packet.h
GROUPS = 1 << 16

SEND = """
import socket, sys
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
s.bind((sys.argv[1], 0))
for frame in sys.argv[2:]:
    s.send(bytes.fromhex(frame))
"""


@pytest.fixture
def host() -> Iterator[Host]:
    with veth_host() as host:
        yield host


@contextmanager
def other_program(lab: lk.Lab, host: Host) -> Iterator[None]:
    """Has the group, on another interface, that the driver takes for a port on the host's."""
    index = int(Path(f"/sys/class/net/{host.outside}/ifindex").read_text())
    with (
        veth_host() as elsewhere,
        socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL)) as member,
    ):
        member.bind((elsewhere.outside, ETH_P_ALL))
        group = (lab.pid ^ index) % GROUPS
        member.setsockopt(SOL_PACKET, PACKET_FANOUT, struct.pack("I", group))
        yield


def arrived(port: lk.Port, host: Host, frames: list[bytes]) -> list[bytes]:
    """What the port receives of them; others, such as IPv6's own, are left out."""
    port.receive(1, timeout=0.0)
    sent = host.run(sys.executable, "-c", SEND, host.interface, *(f.hex() for f in frames))
    assert sent.returncode == 0, sent.stderr
    heard = port.receive(100, timeout=0.5, raw=True)
    return [frame for frame in heard if frame in frames]


def frames_of(size: int) -> list[bytes]:
    headers = Ether(src="02:00:00:00:00:01") / IP(src="10.0.0.1", dst="10.0.0.2")
    packet = headers / UDP(sport=1, dport=9) / bytes(size)
    return [bytes(part) for part in fragment(packet, fragsize=1000)]


def test_port_of_one_queue_needs_no_group(lab: lk.Lab, host: Host) -> None:
    with other_program(lab, host):
        port = lab.port(f"af_packet:{host.outside}", "wire")
        (frame,) = frames_of(100)
        assert arrived(port, host, [frame]) == [frame]
        port.close()


def test_fragments_arrive_as_they_were_sent(lab: lk.Lab, host: Host) -> None:
    """A fanout group gets them put together."""
    port = lab.port(f"af_packet:{host.outside}", "wire")
    fragments = frames_of(2500)
    assert len(fragments) == 3
    assert arrived(port, host, fragments) == fragments
    port.close()


def test_taken_group_of_several_queues_says_what_to_do(lab: lk.Lab, host: Host) -> None:
    with other_program(lab, host):
        says = r"another program has the fanout group .* lab.restart\(\) gives .* and queues=1 need"
        with pytest.raises(lk.PortError, match=says):
            lab.port(f"af_packet:{host.outside}", "wire", queues=2)
        lab.restart()
        port = lab.port(f"af_packet:{host.outside}", "wire", queues=2)
        assert port.info.rx_queues == 2
        port.close()
