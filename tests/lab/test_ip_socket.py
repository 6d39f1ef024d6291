# SPDX-License-Identifier: BSD-3-Clause
"""A socket of layer 3 takes IP packets, and finds and answers for MAC addresses itself."""

import pytest
from scapy.layers.inet import ICMP, IP, UDP
from scapy.layers.inet6 import ICMPv6EchoReply, ICMPv6EchoRequest, IPv6
from scapy.layers.l2 import ARP, Ether
from scapy.packet import Raw

import labkit as lk
from tests.patience import wait_until

PATIENT = {"timeout": 20, "verbose": False}


@pytest.fixture
def served(lab: lk.Lab) -> tuple[lk.Port, lk.Port]:
    client, server = lab.cable()
    lab.echo_server(server, ["10.0.0.2/24", "2001:db8::2/64"], udp_port=9000)
    return client, server


def test_one_question_needs_an_address_alone(served: tuple[lk.Port, lk.Port]) -> None:
    client, _ = served
    with client.socket(layer=3) as s:
        answer = s.sr1(IP(dst="10.0.0.2") / ICMP() / b"hello", **PATIENT)
        assert (answer.src, answer.dst, answer[Raw].load) == ("10.0.0.2", "10.0.0.1", b"hello")
        answer = s.sr1(IPv6(dst="2001:db8::2") / ICMPv6EchoRequest(data=b"six"), **PATIENT)
        assert answer[ICMPv6EchoReply].data == b"six"
        question = IP(dst="10.0.0.2") / UDP(sport=7, dport=9000) / b"udp"
        assert s.sr1(question, **PATIENT)[Raw].load == b"udp"
        assert "src" not in question.fields, "the packet stays as it was"
        assert s.sr1(question, retry=1, **PATIENT)[Raw].load == b"udp"


def test_many_questions(served: tuple[lk.Port, lk.Port]) -> None:
    client, _ = served
    with client.socket(layer=3, source="10.0.0.77") as s:
        answered, unanswered = s.sr(
            IP(dst="10.0.0.2") / UDP(sport=(1, 20), dport=9000) / b"x", **PATIENT
        )
        assert (len(answered), len(unanswered)) == (20, 0)
        assert {answer.dst for _, answer in answered} == {"10.0.0.77"}


def test_nobody_there_is_told(served: tuple[lk.Port, lk.Port]) -> None:
    client, _ = served
    with client.socket(layer=3) as s:
        for ask in (s.sr1, s.sr, s.send):
            with pytest.raises(lk.Unreachable, match=r"10\.0\.0\.9 did not answer ARP"):
                ask(IP(dst="10.0.0.9") / ICMP(), **({} if ask == s.send else PATIENT))


def test_it_answers_for_its_own_address_and_hears_ip_alone(lab: lk.Lab) -> None:
    """The other end asks back, as a host does."""
    client, server = lab.cable()
    with client.socket(layer=3, source="10.0.0.5") as s, server.socket() as host:
        s.send(IP(dst="255.255.255.255") / UDP(dport=67))
        assert Ether(host.recv_raw()[1]).dst == "ff:ff:ff:ff:ff:ff"
        s.send(IP(dst="224.1.2.3") / UDP())
        assert Ether(host.recv_raw()[1]).dst == "01:00:5e:01:02:03"
        asks = ARP(psrc="10.0.0.2", pdst="10.0.0.5", hwsrc=server.mac)
        host.send(Ether(src=server.mac, dst="ff:ff:ff:ff:ff:ff") / asks)
        host.send(bytes(60))
        host.send(Ether(dst="02:00:00:00:00:99") / IP(dst="10.0.0.5") / b"for another")
        wait_until(lambda: lab.counters()["host:client"].nodes["collect:client"].objects == 3)
        assert not s.has_frame
        answer = Ether(host.recv_raw()[1])
        assert (answer[ARP].psrc, answer[ARP].hwsrc) == ("10.0.0.5", client.mac)
        host.send(Ether(dst=client.mac) / IP(src="10.0.0.2", dst="10.0.0.5") / b"for us")
        heard = s.recv()
        assert isinstance(heard, IP)
        assert heard[Raw].load == b"for us"


def test_what_is_no_ip_packet_is_refused(served: tuple[lk.Port, lk.Port]) -> None:
    client, _ = served
    with client.socket(layer=3) as s:
        with pytest.raises(lk.PortError, match="begins with IP or IPv6, not Ethernet"):
            s.send(Ether() / IP(dst="10.0.0.2"))
        with pytest.raises(lk.PortError, match="names no destination"):
            s.sr1(IP() / ICMP(), **PATIENT)
        with pytest.raises(lk.PortError, match="first byte of the packet is 00"):
            s.send(bytes(60))
    with pytest.raises(lk.PortError, match=r"layer is 4; it is 2 or 3"):
        client.socket(layer=4)
    with pytest.raises(lk.PortError, match="source is for layer=3"):
        client.socket(source="10.0.0.1")


def test_an_ip_packet_on_a_socket_of_frames_says_what_to_do(
    served: tuple[lk.Port, lk.Port],
) -> None:
    client, server = served
    with client.socket() as s:
        for use in (s.send, s.sr1, s.sr, client.send):
            with pytest.raises(lk.PortError, match=r"begins with IP, .*port\.socket\(layer=3\)"):
                use(IP(dst="10.0.0.2") / ICMP())
    assert server.xstats()["rx_good_packets"] == 0
