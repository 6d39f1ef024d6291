# SPDX-License-Identifier: BSD-3-Clause
"""Refusals that take a port (tx_full, tx_too_long, rx_segmented) or an experiment (probe_corrupt,
probe_duplicate, probe_late)."""

import time
from collections.abc import Callable
from pathlib import Path

import pytest
from scapy.utils import wrpcap

import labkit as lk
from labkit.lab.running_path import RunningPath
from tests.services import Send, python_service

SETTLE_SECONDS = 60.0


def wait_for_drops(path: RunningPath, name: str, count: int) -> None:
    end = time.monotonic() + SETTLE_SECONDS
    while path.drops.get(name, 0) < count and time.monotonic() < end:
        time.sleep(0.01)
    assert path.drops == {name: count}
    assert path.ledger.is_balanced


def test_tx_too_long() -> None:
    with lk.Lab() as lab:
        wide, wide_end = lab.cable("wide", "wide_end", mtu=9001)
        narrow, _ = lab.cable("narrow", "narrow_end", mtu=1500)
        path = lab.run(lk.rx(wide_end) >> lk.tx(narrow))
        longest = narrow.mtu + 22  # Ethernet header and two VLAN tags
        wide.send([bytes(longest), bytes(longest + 1), bytes(64)])
        wait_for_drops(path, "drop_tx_too_long", 1)
        assert path.ledger.received == 2


def test_tx_full() -> None:
    with lk.Lab() as lab:
        client, server = lab.cable("client", "server")
        small, _ = lab.cable("small", "nobody_listens", ring_size=64)
        path = lab.run(lk.rx(server) >> lk.tx(small))
        client.send([bytes(64)] * 200)
        wait_for_drops(path, "drop_tx_full", 200 - 63)  # an rte_ring holds one less than its size


def test_rx_segmented(tmp_path: Path) -> None:
    """net_pcap spreads a frame over several buffers when one does not hold it."""
    file = tmp_path / "long.pcap"
    wrpcap(str(file), [bytes(64), bytes(4000), bytes(64)], linktype=1)
    with lk.Lab() as lab:
        path = lab.run(lk.rx(lab.port(f"pcap:{file}", "replay", mtu=1500)) >> lk.sink())
        wait_for_drops(path, "drop_rx_segmented", 1)
        assert path.ledger.received == 2


Answer = Callable[[Send, bytes], None]


def twice(send: Send, frame: bytes) -> None:
    send(frame)
    send(frame)


def corrupt(send: Send, frame: bytes) -> None:
    send(frame[:50] + bytes([frame[50] ^ 1]) + frame[51:])


def late(send: Send, frame: bytes) -> None:
    time.sleep(1.4)
    send(frame)


@pytest.mark.parametrize(
    ("answer", "column", "received", "line"),
    [
        (twice, "duplicated", 2, ("duplicate answers", 1)),
        (corrupt, "corrupted", 1, ("drop_probe_corrupt", 1)),
        (late, "late", 1, ("drop_probe_late", 1)),
    ],
)
def test_probes_that_come_back_wrong(
    lab: lk.Lab, answer: Answer, column: str, received: int, line: tuple[str, int]
) -> None:
    """Python is the echo service, and does one thing wrong with the first probe of two."""
    client, server = lab.cable()

    def service(send: Send, frame: bytes, number: int) -> None:
        if number == 0:
            answer(send, frame)
        else:
            send(frame)

    with python_service(server, service):
        run = lk.echo(
            *(client, "10.0.0.2"),
            udp_port=9000,
            payload_sizes=(40,),
            count=2,
            timeout=1.0,
            target_mac=server.mac,
        )
    row = run.table.iloc[0]
    assert row[column] == 1
    assert row["received"] == received
    assert line in run.ledger.rows
    assert run.ledger.is_balanced
