# SPDX-License-Identifier: BSD-3-Clause
"""Linux and labkit talk to each other over tap, af_packet and af_xdp, in both directions.

Linux is a host in a namespace. Its kernel verifies and computes checksums itself; what it finds
wrong is in its counters, which are looked at.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from scapy.layers.inet import UDP

import labkit as lk
from labkit.lab.neighbours import resolve
from tests.network import (
    HOST_4,
    HOST_6,
    LAB_4,
    LAB_6,
    Host,
    linux_echo_server,
    talk_to,
    tap_host,
    veth_host,
)

UDP_PORT = 9000
JUMBO = 9001
IPV4_OVERHEAD, IPV6_OVERHEAD = 28, 48


@dataclass(frozen=True)
class Link:
    """A port of a lab, and the Linux host at its other end."""

    lab: lk.Lab
    port: lk.Port
    host: Host

    def sizes(self, overhead: int) -> list[int]:
        """Payloads from the smallest with a signature to the largest that the MTU carries."""
        return [18, 1400, self.port.mtu - overhead]


@pytest.fixture(params=["tap", "af_packet", "af_xdp", "af_packet-jumbo"])
def link(request: pytest.FixtureRequest, lab: lk.Lab) -> Iterator[Link]:
    kind, _, jumbo = request.param.partition("-")
    mtu = JUMBO if jumbo else 1500
    if kind == "tap":
        with tap_host(lab) as (port, host):
            yield Link(lab, port, host)
            lab.close()
    else:
        with veth_host(mtu) as host:
            yield Link(lab, lab.port(f"{kind}:{host.outside}", "wire"), host)
            lab.close()


def test_linux_client_and_our_server(link: Link) -> None:
    path = link.lab.echo_server(link.port, [f"{LAB_4}/24", f"{LAB_6}/64"], UDP_PORT)
    for target, overhead in ((LAB_4, IPV4_OVERHEAD), (LAB_6, IPV6_OVERHEAD)):
        said = talk_to(link.host, target, UDP_PORT, link.sizes(overhead))
        assert said == "all echoed\n", f"{said}\n{path.ledger}"
    assert link.host.counter("Udp", "InCsumErrors") == 0
    assert link.host.counter("Udp6", "InCsumErrors") == 0
    assert "drop_udp_bad_checksum" not in path.drops


def test_linux_pings_our_server(link: Link) -> None:
    link.lab.echo_server(link.port, [f"{LAB_4}/24", f"{LAB_6}/64"], UDP_PORT)
    for target, overhead in ((LAB_4, IPV4_OVERHEAD), (LAB_6, IPV6_OVERHEAD)):
        for size in (16, link.port.mtu - overhead):
            done = link.host.run(
                "ping", "-n", "-c", 5, "-i", 0.02, "-W", 5, "-M", "do", "-s", size, target
            )
            assert " 5 received" in done.stdout, done.stdout + done.stderr
            assert "wrong data" not in done.stdout


def test_linux_pings_all_nodes(link: Link) -> None:
    link.lab.echo_server(link.port, ["fe80::77/64", f"{LAB_6}/64"])
    group = f"ff02::1%{link.host.interface}"
    done = link.host.run("ping", "-6", "-n", "-I", HOST_6, "-c", 5, "-i", 0.2, "-W", 2, group)
    assert f"from {LAB_6}: icmp_seq=" in done.stdout, done.stdout + done.stderr


def test_our_client_and_linux_server(link: Link) -> None:
    with linux_echo_server(link.host, UDP_PORT):
        for target, source, overhead in (
            (HOST_4, LAB_4, IPV4_OVERHEAD),
            (HOST_6, LAB_6, IPV6_OVERHEAD),
        ):
            run = lk.echo(
                link.port,
                target,
                source=source,
                udp_port=UDP_PORT,
                payload_sizes=link.sizes(overhead),
                count=50,
                window=4,
                progress=False,
            )
            assert run.ledger.received == 150, run
            assert run.ledger.is_balanced
            assert run.table["corrupted"].sum() == 0
    assert link.host.counter("Udp", "InCsumErrors") == 0
    assert link.host.counter("Udp6", "InCsumErrors") == 0


def test_linux_verifies_our_checksums(link: Link) -> None:
    """The counters that the other tests look at do count: one wrong checksum, one error."""
    from scapy.layers.inet import IP
    from scapy.layers.l2 import Ether
    from scapy.packet import Raw

    mac = resolve(link.port, HOST_4, source=LAB_4)
    with linux_echo_server(link.host, UDP_PORT):
        good = (
            Ether(src=link.port.mac, dst=mac)
            / IP(src=LAB_4, dst=HOST_4)
            / UDP(sport=40000, dport=UDP_PORT)
            / Raw(b"verified")
        )
        wrong = good.copy()
        wrong[UDP].chksum = 0x1234
        with link.port.socket() as s:
            assert s.sr1(wrong, timeout=0.2, verbose=False) is None
            answer = s.sr1(good, timeout=20, verbose=False)
    assert answer is not None
    assert bytes(answer[UDP].payload)[:8] == b"verified"
    assert link.host.counter("Udp", "InCsumErrors") == 1


def test_checksums_that_linux_leaves_to_a_nic() -> None:
    """A veth end hands over frames whose UDP checksum Linux left to a NIC that is not there.

    Our server refuses them by name, and `ethtool -K INTERFACE tx off` on the other end heals it.
    """
    with veth_host(checksums=False) as host, lk.Lab() as lab:
        port = lab.port(f"af_packet:{host.outside}", "wire")
        path = lab.echo_server(port, [LAB_4], UDP_PORT)
        said = talk_to(host, LAB_4, UDP_PORT, [64])
        assert "TimeoutError" in said or "timed out" in said
        assert path.drops.get("drop_udp_bad_checksum") == 1
        assert host.run("ethtool", "-K", host.interface, "tx", "off").returncode == 0
        assert talk_to(host, LAB_4, UDP_PORT, [64]) == "all echoed\n"
