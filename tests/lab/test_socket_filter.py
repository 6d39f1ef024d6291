# SPDX-License-Identifier: BSD-3-Clause
"""Filters of sockets: what they do not take is passed over, as by a packet socket of the kernel."""

import asyncio
import select
import threading
import time
from typing import Any

import pytest
from scapy.layers.inet import ICMP, IP, TCP, UDP
from scapy.layers.l2 import ARP, Ether
from scapy.packet import Packet
from scapy.sendrecv import AsyncSniffer, bridge_and_sniff, sniff

import labkit as lk
from labkit.lab.frame_reader import FrameReader
from tests.patience import wait_until

LINK = Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02")


@pytest.fixture
def cable(lab: lk.Lab) -> tuple[lk.Port, lk.Port]:
    return lab.cable()


def udp(port: int) -> Packet:
    return LINK / IP(src="10.0.0.1", dst="10.0.0.2") / UDP(sport=4000, dport=port)


def tcp(port: int) -> Packet:
    return LINK / IP(src="10.0.0.1", dst="10.0.0.2") / TCP(sport=4000, dport=port)


def ports(packets: Any) -> list[int]:
    return [packet.dport for packet in packets]


MIXED = [udp(1), tcp(2), udp(3), LINK / ARP(), udp(4), tcp(5)]


def test_socket_hears_what_its_filter_takes(cable: tuple[lk.Port, lk.Port]) -> None:
    client, server = cable
    with server.socket(filter="udp") as s, server.socket() as every:
        assert not s.has_frame
        client.send(MIXED)
        assert [s.recv().dport for _ in range(3)] == [1, 3, 4]
        assert not s.has_frame
        assert s.lost == 0
        assert len(every.sniff(count=6, timeout=20)) == 6
        client.send([tcp(7)])
        assert s.sniff(timeout=0.1).res == []
        client.send([udp(8)])
        assert s.recv().dport == 8


def test_waiting_for_what_a_filter_takes(cable: tuple[lk.Port, lk.Port]) -> None:
    """Other frames wake nobody up for good, and do not lengthen a wait."""
    client, server = cable
    with server.socket(filter="udp port 9") as s:
        stop = threading.Event()

        def flood() -> None:
            while not stop.is_set():
                client.send([tcp(2)] * 64)

        thread = threading.Thread(target=flood)
        thread.start()
        try:
            started = time.monotonic()
            assert s.sniff(timeout=0.5).res == []
            assert 0.4 < time.monotonic() - started < 10
            assert s.sr1(udp(9), timeout=0.3, verbose=False) is None
            later = threading.Timer(0.3, lambda: client.send([udp(9)]))
            later.start()
            assert s.recv().dport == 9
            later.join()
        finally:
            stop.set()
            thread.join()


@pytest.mark.parametrize("way", ["method", "function", "thread", "list", "bridge"])
def test_sniff_with_a_filter(cable: tuple[lk.Port, lk.Port], way: str) -> None:
    client, server = cable
    with server.socket() as s:
        client.send(MIXED)
        if way == "method":
            heard = s.sniff(count=3, timeout=20, filter="udp")
        elif way == "function":
            heard = sniff(opened_socket=s, count=3, timeout=20, filter="udp")
        elif way == "list":
            heard = sniff(opened_socket=[s], count=3, timeout=20, filter="udp")
        elif way == "bridge":
            with client.socket() as other:
                heard = bridge_and_sniff(s, other, count=3, timeout=20, filter="udp")
        else:
            sniffer = AsyncSniffer(opened_socket=s, filter="udp")
            sniffer.start()
            client.send([tcp(6), udp(7)])
            wait_until(lambda: sniffer.count == 4)
            heard = sniffer.stop()
            assert ports(heard) == [1, 3, 4, 7]
            heard = heard[:3]
        assert ports(heard) == [1, 3, 4]
        client.send([tcp(8)])
        assert ports(s.sniff(stop_filter=lambda p: p.dport == 8, timeout=20))[-1] == 8


def test_filters_of_a_socket_and_of_sniff_both_count(cable: tuple[lk.Port, lk.Port]) -> None:
    client, server = cable
    with server.socket(filter="udp") as s:
        client.send(MIXED)
        assert ports(s.sniff(count=1, timeout=20, filter="port 3")) == [3]
        assert ports(s.sniff(count=1, timeout=20)) == [4]
        with pytest.raises(lk.FilterError, match="rejects all"):
            s.sniff(timeout=1, filter="tcp")
        client.send([udp(6)])
        assert s.recv().dport == 6


def test_sniffers_that_come_and_go(cable: tuple[lk.Port, lk.Port]) -> None:
    """In any order: the last one leaves the socket as it was."""
    client, server = cable
    with server.socket() as s:
        started = threading.Semaphore(0)  # before that scapy cannot stop one
        first, second = (
            AsyncSniffer(opened_socket=s, filter=f, started_callback=started.release)
            for f in ("udp", "port 3")
        )
        first.start()
        second.start()
        assert started.acquire(timeout=60)
        assert started.acquire(timeout=60)
        first.stop()
        second.stop()
        client.send(MIXED)
        assert len(s.sniff(count=6, timeout=20)) == 6


def test_sniffers_that_end_at_once_leave_no_filter_behind(
    cable: tuple[lk.Port, lk.Port], monkeypatch: pytest.MonkeyPatch
) -> None:
    client, server = cable
    with server.socket() as s:
        one, other = s.narrowed(lk.compile_filter("udp")), s.narrowed(lk.compile_filter("port 3"))
        one.__enter__()
        other.__enter__()
        at_once, leaves, other_left = s._set_filter, threading.Event(), threading.Event()

        def set_late(filter: Any) -> None:
            leaves.set()
            if filter is not None:  # what is left is that of the other one, which ends now
                other_left.wait(0.5)
            at_once(filter)

        monkeypatch.setattr(s, "_set_filter", set_late)
        thread = threading.Thread(target=one.__exit__, args=(None, None, None))
        thread.start()
        assert leaves.wait(60)
        other.__exit__(None, None, None)
        other_left.set()
        thread.join()
        client.send(MIXED)
        assert len(s.sniff(count=6, timeout=20)) == 6


def test_wrong_filters_are_errors_at_once(cable: tuple[lk.Port, lk.Port]) -> None:
    _, server = cable
    with pytest.raises(lk.FilterError, match=r"write 'udp port 53'\n  udp.port == 53\n  \^{8}$"):
        server.socket(filter="udp.port == 53")
    with pytest.raises(lk.PortError, match="filter is 5; it is a text"):
        server.socket(filter=5)
    with server.socket() as s:
        for attempt in (
            lambda: s.sniff(timeout=30, filter="upd"),
            lambda: sniff(opened_socket=s, timeout=30, filter="upd"),
            lambda: AsyncSniffer(opened_socket=s, filter="upd").start(),
            lambda: AsyncSniffer(opened_socket={s: "name"}, filter="upd").start(),
        ):
            started = time.monotonic()
            with pytest.raises(lk.FilterError, match="did you mean 'udp'"):
                attempt()
            assert time.monotonic() - started < 10


def test_sniffers_without_ports_are_left_to_scapy(cable: tuple[lk.Port, lk.Port]) -> None:
    cable[1].socket().close()
    packets = sniff(offline=[udp(1), tcp(2)])
    assert ports(packets) == [1, 2]


def test_empty_filter_hears_every_frame(cable: tuple[lk.Port, lk.Port]) -> None:
    client, server = cable
    with server.socket(filter="") as s:
        client.send(MIXED)
        assert len(s.sniff(count=6, timeout=20, filter="")) == 6


def test_ip_socket_with_a_filter(lab: lk.Lab) -> None:
    """Which still answers ARP for its address, whatever it gives its user."""
    client, server = lab.cable()
    lab.echo_server(server, ["10.0.0.2/24"], udp_port=9000)
    with client.socket(layer=3, source="10.0.0.1", filter="icmp") as s:
        assert s.sr1(IP(dst="10.0.0.2") / ICMP(), timeout=20, verbose=False)[ICMP].type == 0
        assert s.sr1(IP(dst="10.0.0.2") / UDP(dport=9000), timeout=0.3, verbose=False) is None
        assert not s.has_frame
        heard = s.sniff(timeout=0.3, filter="less 1", started_callback=lambda: s.send(
            IP(dst="10.0.0.2") / ICMP()))  # fmt: skip
        assert heard.res == []


def test_descriptor_of_a_socket_with_a_filter(cable: tuple[lk.Port, lk.Port]) -> None:
    client, server = cable

    async def first(s: Any) -> int:
        loop, found = asyncio.get_running_loop(), asyncio.Event()
        loop.add_reader(s.fileno(), lambda: found.set() if s.has_frame else None)
        client.send([tcp(2), tcp(3)])
        await asyncio.sleep(0.1)
        assert not found.is_set()
        client.send([udp(4)])
        await asyncio.wait_for(found.wait(), 20)
        loop.remove_reader(s.fileno())
        return int(s.recv().dport)

    with server.socket(filter="udp") as s:
        assert asyncio.run(first(s)) == 4
        client.send([tcp(5)])
        wait_until(lambda: select.select([s.fileno()], [], [], 0)[0] != [])
        assert not s.has_frame
        assert select.select([s.fileno()], [], [], 0)[0] == []
        client.send([udp(6), udp(7)])
        wait_until(lambda: s.has_frame)
        assert select.select([s.fileno()], [], [], 5)[0] != []
        assert s.recv().dport == 6
        assert select.select([s.fileno()], [], [], 5)[0] != []
        assert s.recv().dport == 7


def test_frame_that_was_looked_at_is_filtered_too(cable: tuple[lk.Port, lk.Port]) -> None:
    client, server = cable
    server.receive(1, timeout=0)
    with server.socket(filter="udp") as s:
        reader: FrameReader = s._reader
        client.send([udp(1), udp(2)])
        wait_until(lambda: s.has_frame)
        reader.set_filter(lk.compile_filter("port 2"))
        assert s.recv().dport == 2
        reader.set_filter(None)
        client.send([tcp(3)])
        assert s.recv().dport == 3
