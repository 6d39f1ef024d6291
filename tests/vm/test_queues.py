# SPDX-License-Identifier: BSD-3-Clause
"""A NIC with several queues: RSS spreads flows over them, and all of them are served."""

from collections.abc import Iterator

import pytest
from scapy.layers.inet import IP, UDP
from scapy.layers.l2 import Ether
from scapy.packet import Raw

import labkit as lk
from tests.patience import wait_until
from tests.vm.nics import BY_NAME
from tests.vm.wired import SERVER_4, SERVER_6, Wired, wired

FLOWS = 256


@pytest.fixture(scope="module")
def pair() -> Iterator[Wired]:
    with wired(BY_NAME["virtio"]) as pair:
        yield pair


def flows(pair: Wired) -> list[bytes]:
    link = Ether(dst=pair.b.mac, src=pair.a.mac) / IP(src="10.0.0.1", dst="10.0.0.2")
    return [bytes(link / UDP(sport=1024 + n, dport=9) / Raw(bytes(30))) for n in range(FLOWS)]


@pytest.mark.parametrize("queues", [2, 4])
def test_flows_spread_over_queues(pair: Wired, queues: int) -> None:
    pair.open(queues=queues)
    paths = [
        pair.lab.run(lk.rx(pair.b, queue) >> lk.sink(), name=f"queue{queue}")
        for queue in range(queues)
    ]

    def received() -> list[int]:
        return [path.counters.nodes["sink"].objects for path in paths]

    pair.a.send(flows(pair))
    wait_until(lambda: sum(received()) >= FLOWS)
    print(received())
    assert sum(received()) == FLOWS
    assert min(received()) >= FLOWS / queues / 4


@pytest.mark.parametrize("queues", [2, 4])
def test_every_echo_comes_back(pair: Wired, queues: int) -> None:
    pair.open(queues=queues)
    server = pair.serve()
    for target in (SERVER_4, SERVER_6):
        pair.echo(target, sizes=(18, 1400), count=50)
    assert server.ledger.is_balanced


@pytest.mark.parametrize("queues", [2, 4])
def test_frames_of_every_queue_are_received(pair: Wired, queues: int) -> None:
    pair.open(queues=queues)
    pair.b.receive(1, timeout=0, raw=True)
    sent = flows(pair)
    pair.a.send(sent)
    assert sorted(pair.b.receive(FLOWS, timeout=60, raw=True)) == sorted(sent)


def test_trial_of_many_flows_balances(pair: Wired) -> None:
    pair.open(queues=4)
    stream = lk.Stream(
        Ether(src=pair.a.mac, dst=pair.b.mac) / IP(src="10.0.0.1", dst="10.0.0.2") / UDP(dport=9),
        size=128,
        vary=lk.vary(UDP.sport, range(1024, 1024 + FLOWS)),
    )
    trial = lk.trial(
        pair.a, stream, receive_on=pair.b, rate="500 pps", duration=1, drain=30, progress=False
    )
    print(trial)
    assert trial.is_balanced, f"{trial}\n{trial.ledger}"
    assert trial.ledger.received == trial.ledger.sent > 100
    assert trial.row["reordered"] == 0  # each flow is in order
