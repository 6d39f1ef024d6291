# SPDX-License-Identifier: BSD-3-Clause
"""scapy's tools on a port's socket, and bulk frames."""

import asyncio
import os
import select
import signal
import threading
import time

import pytest
from scapy.ansmachine import AnsweringMachine
from scapy.layers.inet import ICMP, IP, UDP
from scapy.layers.l2 import ARP, Ether
from scapy.packet import Packet, Raw
from scapy.sendrecv import AsyncSniffer, bridge_and_sniff, sniff

import labkit as lk
from labkit.lab.socket import PortSocket
from tests.patience import exactly, wait_until


@pytest.fixture
def cable(lab: lk.Lab) -> tuple[lk.Port, lk.Port]:
    return lab.cable()


@pytest.fixture
def served(lab: lk.Lab) -> tuple[lk.Port, lk.Port]:
    client, server = lab.cable()
    lab.echo_server(server, ["10.0.0.2/24"], udp_port=9000)
    return client, server


def to(server: lk.Port, sport: int = 40000) -> Packet:
    ip = IP(src="10.0.0.1", dst="10.0.0.2")
    return Ether(dst=server.mac) / ip / UDP(sport=sport, dport=9000) / Raw(b"hello")


def test_sr1_and_sr(served: tuple[lk.Port, lk.Port]) -> None:
    client, server = served
    with client.socket() as s:
        answer = s.sr1(to(server), timeout=20, verbose=False)
        assert answer[Raw].load == b"hello"
        assert abs(float(answer.time) - time.time()) < 1
        answered, unanswered = s.sr(
            [to(server, p) for p in range(1, 21)], timeout=20, verbose=False
        )
        assert (len(answered), len(unanswered)) == (20, 0)
        silent = Ether(dst=server.mac) / IP(dst="10.0.0.3") / ICMP()
        assert s.sr1(silent, timeout=0.1, verbose=False) is None


def test_sniff_and_async_sniffer(cable: tuple[lk.Port, lk.Port]) -> None:
    client, server = cable
    with server.socket() as s:
        assert len(s.sniff(timeout=0.1)) == 0
        heard: list[Packet] = []
        sniffer = AsyncSniffer(opened_socket=s, lfilter=lambda p: UDP in p, prn=heard.append)
        sniffer.start()
        client.send([*(to(server, p) for p in range(1, 31)), b"\x00" * 60])
        wait_until(lambda: len(heard) == 30)
        started = time.monotonic()
        assert [p[UDP].sport for p in sniffer.stop()] == list(range(1, 31))
        assert time.monotonic() - started < 1
        client.send([to(server)] * 5)
        assert len(sniff(opened_socket=s, count=5, timeout=20)) == 5


def test_two_sockets_hear_every_frame(cable: tuple[lk.Port, lk.Port]) -> None:
    client, server = cable
    with server.socket() as one, server.socket() as two:
        client.send([to(server)] * 10)
        assert len(one.sniff(count=10, timeout=20)) == 10
        assert len(two.sniff(count=10, timeout=20)) == 10
        assert one.lost == two.lost == 0


def test_slow_socket_counts_what_it_lost(cable: tuple[lk.Port, lk.Port]) -> None:
    client, server = cable
    with server.socket() as slow:
        frames = [bytes(8000)] * 6000  # more than the journal holds
        client.send(frames)
        host = client.lab.counters()["host:server"]
        while host.nodes["collect:server"].objects < 6000:
            time.sleep(0.01)
            host = client.lab.counters()["host:server"]
        heard = 0
        while slow.has_frame:
            slow.recv_raw()
            heard += 1
        assert heard > 3000, "what the journal still holds is heard"
        assert heard + slow.lost == 6000


class Parrot(AnsweringMachine):  # type: ignore[misc]
    function_name = "parrot"

    def is_request(self, req: Packet) -> bool:
        return Raw in req

    def make_reply(self, req: Packet) -> Packet:
        return Ether(src=req.dst, dst=req.src) / ARP(op="is-at") / req[Raw]


def test_answering_machine(cable: tuple[lk.Port, lk.Port]) -> None:
    client, server = cable
    with server.socket() as s, client.socket() as c:
        machine = s.am(Parrot, verbose=False)
        thread = threading.Thread(target=machine, kwargs={"count": 1}, daemon=True)
        thread.start()
        time.sleep(0.2)
        client.send(to(server))
        assert c.sniff(count=1, timeout=20)[0].op == 2
        thread.join(60)
        assert not thread.is_alive()


def test_bridge_and_sniff(lab: lk.Lab) -> None:
    a, b = lab.cable("a", "b")
    c, d = lab.cable("c", "d")
    with b.socket() as left, c.socket() as right:
        bridge = threading.Thread(
            target=bridge_and_sniff, args=(left, right), kwargs={"count": 3, "timeout": 60}
        )
        bridge.start()
        time.sleep(0.3)
        a.send([to(d, p) for p in (1, 2, 3)])
        assert [p[UDP].sport for p in d.receive(3, timeout=20)] == [1, 2, 3]
        bridge.join(60)


def test_closed_socket_ends_a_waiting_read(cable: tuple[lk.Port, lk.Port]) -> None:
    s = cable[0].socket()
    threading.Timer(0.2, s.close).start()
    with pytest.raises(EOFError, match="socket of port client is closed") as told:
        s.recv_raw()
    assert isinstance(told.value, lk.PortError)


def test_a_closed_socket_neither_sends_nor_asks(served: tuple[lk.Port, lk.Port]) -> None:
    client, server = served
    s = client.socket()
    s.close()
    s.close()
    for use in (s.send, s.sr1, s.sr):
        with pytest.raises(lk.PortError, match="socket of port client is closed; open another"):
            use(to(server))
    with pytest.raises(lk.PortError, match="socket of port client is closed"):
        s.sniff(timeout=0.1)
    assert s.fileno() == -1
    assert server.xstats()["rx_good_packets"] == 0


def test_what_is_no_frame_is_refused(served: tuple[lk.Port, lk.Port]) -> None:
    client, server = served
    with client.socket() as s:
        for wrong in ("hello", 5, None):
            with pytest.raises((lk.PortError, TypeError)):
                s.send(wrong)
        with pytest.raises(lk.PortError, match="frame 0 has 9024 bytes; port client sends 1 to"):
            s.send(bytes(client.mtu + 23))
        with pytest.raises(lk.PortError, match="frame 0 has 0 bytes"):
            s.send(b"")
        assert s.send(bytearray(60)) == s.send(memoryview(bytes(60))) == 60
        with pytest.raises(lk.PortError, match="frame 0 has 9042 bytes"):
            s.sr(to(server) / bytes(8995), timeout=1, verbose=False)


def is_readable(s: PortSocket, seconds: float = 0.0) -> bool:
    return bool(select.select([s], [], [], seconds)[0])


def test_the_descriptor_is_readable_while_there_are_frames(
    cable: tuple[lk.Port, lk.Port],
) -> None:
    client, server = cable
    with server.socket() as s:
        client.send([to(server)] * 2)
        wait_until(lambda: s.has_frame)
        assert is_readable(s), "frames that were there before anybody asked"
        s.recv_raw()
        assert is_readable(s), "one of two is still there"
        s.recv_raw()
        assert not is_readable(s)


def test_the_descriptor_becomes_readable_with_every_frame(cable: tuple[lk.Port, lk.Port]) -> None:
    client, server = cable
    with server.socket() as s:
        for n in range(50):
            client.send(to(server, n))
            assert is_readable(s, 20)
            assert s.recv()[UDP].sport == n
            assert not is_readable(s)


def test_another_reader_takes_nothing_away(cable: tuple[lk.Port, lk.Port]) -> None:
    client, server = cable
    with server.socket() as one, server.socket() as two:
        client.send(to(server))
        for s in (one, two):
            assert is_readable(s, 20)
        one.recv_raw()
        assert server.receive(1, timeout=20, raw=True)
        assert not is_readable(one)
        assert is_readable(two)


def test_asyncio_waits_for_frames(cable: tuple[lk.Port, lk.Port]) -> None:
    client, server = cable

    async def hear(s: PortSocket, count: int) -> list[int]:
        loop, heard = asyncio.get_running_loop(), []
        done = loop.create_future()

        def take() -> None:
            heard.append(s.recv()[UDP].sport)
            if len(heard) == count:
                loop.remove_reader(s)
                done.set_result(heard)

        loop.add_reader(s, take)
        for n in range(count):
            client.send(to(server, n))
            await asyncio.sleep(0.001 * (n % 3))
        return await asyncio.wait_for(done, 60)

    with server.socket() as s:
        assert asyncio.run(hear(s, 100)) == list(range(100))


def test_descriptors_outlive_the_engine(cable: tuple[lk.Port, lk.Port]) -> None:
    client, server = cable
    with server.socket() as s:
        assert not is_readable(s)
        client.lab.restart()
        assert not is_readable(s)
        client.send(to(server))
        assert is_readable(s, 20)
        assert s.recv()[UDP].sport == 40000


def test_sockets_that_go_make_room(cable: tuple[lk.Port, lk.Port]) -> None:
    client, server = cable
    for _ in range(100):
        with server.socket() as s:
            assert not is_readable(s)
        del s
    kept = [server.socket() for _ in range(64)]
    with pytest.raises(lk.PortError, match="64 readers wait for its frames already"):
        assert not any(is_readable(s) for s in [*kept, server.socket()])
    client.send(to(server))
    assert all(is_readable(s, 20) for s in kept)


def test_closing_ends_a_wait_in_select(cable: tuple[lk.Port, lk.Port]) -> None:
    s = cable[0].socket()
    threading.Timer(0.2, s.close).start()
    assert PortSocket.select([s], 60) == [s]


def test_bulk(served: tuple[lk.Port, lk.Port]) -> None:
    client, server = served
    frames = [bytes(to(server, n)) for n in range(1, 101)] * 500
    assert client.send(frames) == 50_000
    back = client.receive(50_000, timeout=5, raw=True)
    assert len(back) == 50_000
    assert all(got[42:] == sent[42:47] for got, sent in zip(back, frames, strict=True))
    assert client.receive(1, timeout=0.05) == []


def test_receive_gives_what_came_since_the_send(served: tuple[lk.Port, lk.Port]) -> None:
    client, server = served
    client.send(to(server, 1))
    client.send(to(server, 2))
    assert [p[UDP].dport for p in client.receive(2)] == [1, 2], "both sends count"
    client.send(to(server, 3))
    assert [Ether(frame)[UDP].dport for frame in exactly(client, 1)] == [3]


def test_frames_are_checked_before_any_is_sent(served: tuple[lk.Port, lk.Port]) -> None:
    client, server = served
    too_long = bytes(client.mtu + 23)
    with pytest.raises(lk.PortError, match="frame 1 has 9024 bytes; port client sends 1 to 9023"):
        client.send([to(server), too_long])
    with pytest.raises(lk.PortError, match="frame 0 has 0 bytes"):
        client.send(b"")
    with pytest.raises(lk.PortError, match="a frame is a scapy packet or bytes, such as"):
        client.send(["hello"])  # type: ignore[list-item]
    with pytest.raises(lk.PortError, match="frames are scapy packets or bytes, not int"):
        client.send(5)  # type: ignore[arg-type]
    with pytest.raises(lk.PortError, match="count is 0; receive takes 1 or more"):
        client.receive(0)
    assert server.xstats()["rx_good_packets"] == 0


def test_engine_death_ends_a_waiting_read(lab: lk.Lab) -> None:
    client, _ = lab.cable()
    with client.socket() as s:
        threading.Timer(0.2, os.kill, [lab.pid, signal.SIGKILL]).start()
        with pytest.raises(lk.EngineDied, match="SIGKILL"):
            s.recv_raw()
    lab.restart()
