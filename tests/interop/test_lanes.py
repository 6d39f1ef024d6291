# SPDX-License-Identifier: BSD-3-Clause
"""Ports of two queues, which something else than the lab spreads frames over: nothing is lost, and
every queue is read, whatever listens."""

import subprocess
import sys
from collections.abc import Iterator

import pytest
from scapy.layers.inet import IP, UDP
from scapy.layers.l2 import Ether

import labkit as lk
from labkit.lab.running_path import RunningPath
from tests.network import (
    HOST_4,
    HOST_6,
    LAB_4,
    LAB_6,
    Host,
    ip,
    linux_echo_server,
    unique_name,
    veth_host,
)
from tests.patience import wait_until
from tests.tunnel_peers import linux_vxlan
from tests.tunnels import V4

UDP_PORT, FLOWS = 9000, 64

# A datagram from each of many sockets, and whether it came back.
CLIENTS = """
import socket, sys
family, target, port, flows = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
sockets = [socket.socket(getattr(socket, family), socket.SOCK_DGRAM) for _ in range(flows)]
for number, s in enumerate(sockets):
    s.settimeout(60)
    s.connect((target, port))
    s.send(b"flow %d" % number)
print(sum(s.recv(99) == b"flow %d" % n for n, s in enumerate(sockets)))
"""


SENDERS = """
import socket, sys
for number in range(int(sys.argv[3])):
    s = socket.socket(type=socket.SOCK_DGRAM)
    s.sendto(b"%d" % number, (sys.argv[1], int(sys.argv[2])))
"""


def answered(target: str, host: Host | None = None) -> int:
    """How many of the flows of a Linux host, or of this one, an echo server answers."""
    family = "AF_INET6" if ":" in target else "AF_INET"
    python = [sys.executable, "-I", "-c", CLIENTS, family, target, str(UDP_PORT), str(FLOWS)]
    command = python if host is None else host.command(*python)
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert not done.stderr, done.stderr
    return int(done.stdout)


def send_to(port: lk.Port, host: Host) -> None:
    """A datagram of each flow, numbered, from a Linux host to LAB_4."""
    host.run("ip", "neigh", "replace", LAB_4, "lladdr", port.mac, "dev", host.interface)
    done = host.run(sys.executable, "-I", "-c", SENDERS, LAB_4, UDP_PORT, FLOWS)
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def host() -> Iterator[Host]:
    with veth_host() as found:
        yield found


@pytest.fixture
def wire(lab: lk.Lab, host: Host) -> Iterator[lk.Port]:
    """Two queues of net_af_packet: the kernel spreads flows over them (PACKET_FANOUT_HASH)."""
    port = lab.port(f"af_packet:{host.outside}", "wire", queues=2, framecnt=4096)
    yield port
    port.close()


def frames_by_queue(path: RunningPath) -> list[int]:
    return path.lanes["entered"].tolist()


def test_echo_server(lab: lk.Lab, host: Host, wire: lk.Port) -> None:
    """ARP, neighbour discovery and datagrams, on whichever queue they come in."""
    path = lab.echo_server(wire, [LAB_4, LAB_6], UDP_PORT)
    assert answered(LAB_4, host) == FLOWS
    assert answered(LAB_6, host) == FLOWS
    assert (path.lane_count, path.ledger.is_balanced) == (2, True)
    assert all(frames_by_queue(path)), "both queues had some"
    assert wire.rss.spread["frames"].sum() == path.ledger.sent
    path.stop()


def test_sockets_and_receive(lab: lk.Lab, host: Host, wire: lk.Port) -> None:
    with wire.socket(filter=f"udp port {UDP_PORT}") as hears:
        wire.receive(timeout=0)
        send_to(wire, host)
        sniffed = hears.sniff(count=FLOWS, timeout=60)
    assert sorted(int(bytes(p[UDP].payload)) for p in sniffed) == list(range(FLOWS))
    received = [p for p in wire.receive(2 * FLOWS, timeout=0.2) if UDP in p]
    assert len(received) == FLOWS


def test_echo_experiment(lab: lk.Lab, host: Host, wire: lk.Port) -> None:
    with linux_echo_server(host, UDP_PORT):
        for target in (HOST_4, HOST_6):
            source = LAB_4 if target == HOST_4 else LAB_6
            run = lk.echo(
                wire, target, udp_port=UDP_PORT, source=source, payload_sizes=(18,), count=50
            )
            assert run.ledger.received == 50


def test_tunnel(lab: lk.Lab) -> None:
    """Its lanes go on inside: the inner port has as many queues."""
    with linux_vxlan(4) as peer:
        outer = lab.port(
            f"af_packet:{peer.host.outside}", "outer", mac=V4["local_mac"], queues=2, framecnt=4096
        )
        inner = lab.tunnel(outer, lk.Vxlan(vni=42, **V4 | {"remote_mac": None}))
        echo = lab.echo_server(inner, ["10.0.0.1"], UDP_PORT)
        assert answered("10.0.0.1", peer.host) == FLOWS
        assert all(frames_by_queue(lab.paths["tunnels:outer"]))
        assert all(frames_by_queue(echo))
        echo.stop()
        inner.close()
        outer.close()


def test_tap() -> None:
    """Two queues of a TAP: the kernel chooses by the flow."""
    with lk.Lab() as lab:
        name = unique_name("lkt")
        port = lab.port(f"tap:{name}", queues=2)
        ip("addr", "add", "10.78.0.1/24", "dev", name)
        ip("link", "set", name, "up")
        path = lab.echo_server(port, ["10.78.0.2"], UDP_PORT)
        assert answered("10.78.0.2") == FLOWS
        assert path.lane_count == 2
        assert path.ledger.is_balanced


def test_memif() -> None:
    """Lane k sends on queue k, so that what comes in by all queues leaves by all."""
    with lk.Lab() as lab, lk.Lab() as other:
        name = unique_name("lkm")
        a = lab.port(f"memif:{name}", "a", role="server", queues=2)
        b = other.port(f"memif:{name}", "b", role="client", queues=2)
        path = other.run(lk.rx(b) >> lk.reflect() >> lk.tx(b))
        send = lk.Path(
            *(lk.inject(p) >> lk.tx(a, q) for q, p in enumerate(lab.cable("x", "y"))), name="send"
        )
        lab.run(send)
        packet = Ether() / IP(src="10.0.0.1", dst="10.0.0.2") / UDP()
        lab.run(lk.rx(a) >> lk.collect(a), name="heard")
        for p in ("x", "y"):
            lab.ports[p].send([packet] * 32)
        assert len(a.receive(64, timeout=60)) == 64
        assert frames_by_queue(path) == [32, 32]


def test_queue_that_nobody_reads_is_told(lab: lk.Lab, host: Host, wire: lk.Port) -> None:
    with pytest.warns(UserWarning, match="no path reads queue 1 of port wire"):
        path = lab.run(lk.rx(wire, 0) >> lk.sink())
    send_to(wire, host)

    def all_told() -> bool:
        ledger = path.ledger
        return ledger.sent + ledger.extra.get("wire queue 1 unread", 0) >= FLOWS

    wait_until(all_told)
    assert path.ledger.extra["wire queue 1 unread"] > 0
    path.stop()
