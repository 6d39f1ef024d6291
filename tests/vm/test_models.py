# SPDX-License-Identifier: BSD-3-Clause
"""What a lab does with NICs of every model: two of them, the ends of one cable."""

import os
import signal
from collections.abc import Iterator

import pytest
from scapy.layers.inet import IP, UDP
from scapy.layers.l2 import Dot1Q, Ether
from scapy.packet import Raw

import labkit as lk
from tests.patience import wait_until
from tests.vm.nics import BY_NAME
from tests.vm.wired import SERVER_4, SERVER_6, Wired, wired

DRIVERS = {
    "e1000e": "net_e1000_em",
    "e1000": "net_e1000_em",
    "vmxnet3": "net_vmxnet3",
    "virtio": "net_virtio",
    "igb": "net_e1000_igb",
}
LONGEST = {"e1000e": 9000, "e1000": 9000, "vmxnet3": 9000, "virtio": 9600, "igb": 9000}  # MTU


@pytest.fixture(scope="module", params=DRIVERS)
def pair(request: pytest.FixtureRequest) -> Iterator[Wired]:
    with wired(BY_NAME[request.param]) as pair:
        yield pair


def test_open_and_info(pair: Wired) -> None:
    pair.open()
    for port, address, mac in zip(
        (pair.a, pair.b), pair.model.addresses, pair.model.macs, strict=True
    ):
        info = port.info
        print(info)
        assert info.device == address
        assert info.driver == DRIVERS[pair.model.name]
        assert info.mac == mac
        assert info.mtu == 1500
        assert info.link_up
    assert pair.a.xstats()["rx_good_packets"] == 0


def test_echo(pair: Wired) -> None:
    pair.open()
    server = pair.serve()
    for target, overhead in ((SERVER_4, 28), (SERVER_6, 48)):
        pair.echo(target, (18, 512, 1500 - overhead), count=50)
    assert server.ledger.is_balanced


def test_frames_arrive_as_they_were_sent(pair: Wired) -> None:
    """VLAN tags, other people's MAC addresses and odd lengths among them."""
    pair.open()
    link = Ether(dst=pair.b.mac, src=pair.a.mac)
    udp = IP(src="10.0.0.1", dst="10.0.0.2") / UDP(sport=1, dport=2)
    frames = [bytes(link / udp / Raw(bytes(size))) for size in (18, 19, 61, 700, 1472)]
    frames += [bytes(link / Dot1Q(vlan=7) / udp / Raw(bytes(64)))]
    frames += [bytes(Ether(dst="02:00:00:00:99:99", src=pair.a.mac, type=0x88B5) / Raw(bytes(60)))]
    pair.b.receive(1, timeout=0, raw=True)
    pair.a.send(frames)
    assert pair.b.receive(len(frames), timeout=60, raw=True) == frames


def test_trial_balances_both_ways(pair: Wired) -> None:
    pair.open()
    there = lk.Stream(
        Ether(src=pair.a.mac, dst=pair.b.mac) / IP(src="10.0.0.1", dst="10.0.0.2") / UDP(dport=9),
        size=128,
    )
    back = lk.Stream(
        Ether(src=pair.b.mac, dst=pair.a.mac) / IP(src="10.0.0.2", dst="10.0.0.1") / UDP(dport=9),
        size=1024,
    )
    trial = lk.trial(
        [there.on(pair.a, to=pair.b), back.on(pair.b, to=pair.a)],
        rate="500 pps",
        duration=1,
        drain=30,
        latency=True,
        progress=False,
    )
    print(trial)
    assert trial.is_balanced, f"{trial}\n{trial.ledger}"
    assert trial.ledger.received == trial.ledger.sent > 100
    assert trial.row["latency_p50_ns"] > 0


def test_reopened_with_other_mtus(pair: Wired) -> None:
    for mtu in (1000, 1500, 4000, LONGEST[pair.model.name], 1500):
        pair.open(mtu=mtu)
        pair.serve()
        pair.echo(sizes=(18, mtu - 28), count=10)


def test_restart(pair: Wired) -> None:
    """Of an engine that runs, and of one that was killed."""
    pair.open()
    pair.serve()
    pair.lab.restart()
    pair.wait_for_link()
    pair.echo(count=5)
    os.kill(pair.lab.pid, signal.SIGKILL)
    with pytest.raises(lk.EngineDied, match="SIGKILL"):
        wait_until(lambda: pair.a.xstats() is None)
    pair.lab.restart()
    pair.wait_for_link()
    pair.echo(count=5)
