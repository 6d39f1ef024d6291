# SPDX-License-Identifier: BSD-3-Clause
"""An echo server as a host among others: whom it answers, and what its drops say of the rest."""

from scapy.layers.inet import ICMP, IP, UDP
from scapy.layers.inet6 import ICMPv6EchoReply, ICMPv6EchoRequest, IPv6
from scapy.layers.l2 import ARP, Ether
from scapy.packet import Packet, Raw

import labkit as lk
from tests.patience import wait_until

BROADCAST, ALL_NODES = "ff:ff:ff:ff:ff:ff", "33:33:00:00:00:01"


def test_each_reason_to_be_silent_has_its_name(lab: lk.Lab) -> None:
    client, server = lab.cable()
    path = lab.echo_server(server, ["10.0.0.2/24", "fd00::2/64"], udp_port=9000)

    def link(to: str = server.mac) -> Packet:
        return Ether(src=client.mac, dst=to)

    data = UDP(sport=40000, dport=9000) / Raw(b"data")
    strange = ["10.0.0.2", "10.0.0.255", "10.0.0.0", "255.255.255.255", "127.0.0.1", "0.0.0.1"]
    frames: list[Packet] = []
    for source in strange:
        ip = IP(src=source, dst="10.0.0.2")
        frames += [link() / ip / data, link() / ip / ICMP()]
        frames += [link(BROADCAST) / ARP(op=1, hwsrc=client.mac, psrc=source, pdst="10.0.0.2")]
    for source in ("fd00::2", "::1", "::", "ff02::1", "::ffff:10.0.0.1"):
        frames.append(link() / IPv6(src=source, dst="fd00::2") / data)
    good = IP(src="10.0.0.1", dst="10.0.0.2")
    frames += [link(BROADCAST) / good / data] * 3
    frames += [link(BROADCAST) / good / ICMP()] * 2
    client.receive(1, timeout=0)
    client.send(frames)
    wait_until(lambda: sum(path.drops.values()) == len(frames))
    assert path.drops == {
        "drop_ip_bad_source": 2 * len(strange) + 5,
        "drop_arp_bad_sender": len(strange),
        "drop_udp_to_group": 3,
        "drop_icmp_to_group": 2,
    }
    assert path.ledger.is_balanced
    assert client.receive(1, timeout=0.1, raw=True) == []


def test_a_ping_to_all_nodes_is_answered(lab: lk.Lab) -> None:
    client, server = lab.cable()
    lab.echo_server(server, ["10.0.0.2/24", "fd00::2/64"])
    ping = Ether(src=client.mac, dst=ALL_NODES) / IPv6(src="fd00::1", dst="ff02::1")
    client.send(ping / ICMPv6EchoRequest(id=3, seq=4, data=b"all"))
    (answer,) = client.receive(1, timeout=20)
    assert (answer.src, answer[IPv6].src, answer[IPv6].dst) == (server.mac, "fd00::2", "fd00::1")
    assert bytes(answer[ICMPv6EchoReply].data) == b"all"
