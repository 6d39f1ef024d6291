# SPDX-License-Identifier: BSD-3-Clause
"""lk.echo(): every datagram is accounted for, whatever the service does with it."""

import threading
import time
from contextlib import suppress

import numpy as np
import pytest

import labkit as lk
from labkit.lab.neighbours import resolve
from labkit.runs import echo_probes
from labkit.runs.echo_run import EchoSize
from tests.interrupts import interrupts
from tests.patience import wait_until
from tests.services import Send, python_service

SERVER_4, SERVER_6 = "10.0.0.2", "fd00::2"
UDP_PORT = 9000


@pytest.fixture
def pair(lab: lk.Lab) -> tuple[lk.Port, lk.Port]:
    client, server = lab.cable()
    lab.echo_server(server, [f"{SERVER_4}/24", f"{SERVER_6}/64"], UDP_PORT)
    return client, server


@pytest.mark.parametrize("window", [1, 2, 256])
@pytest.mark.parametrize(
    ("target", "sizes"), [(SERVER_4, (18, 19, 1400, 8973)), (SERVER_6, (18, 1400, 8953))]
)
def test_every_datagram_comes_back(
    pair: tuple[lk.Port, lk.Port], target: str, sizes: tuple[int, ...], window: int
) -> None:
    client, _ = pair
    run = lk.echo(client, target, udp_port=UDP_PORT, payload_sizes=sizes, count=300, window=window)
    assert list(run.table["payload_bytes"]) == list(sizes)
    assert (run.table["sent"] == 300).all()
    assert (run.table["received"] == 300).all()
    assert (run.table[["lost", "late", "duplicated", "corrupted"]] == 0).all(axis=None)
    assert run.ledger.rows == [
        ("intended", 300 * len(sizes)),
        ("unsent", 0),
        ("sent", 300 * len(sizes)),
        ("received", 300 * len(sizes)),
        ("unexplained", 0),
    ]
    for size, trips in run.round_trips_ns.items():
        assert size in sizes
        assert len(trips) == 300
        assert (trips > 0).all()
    ranks = run.table[["rtt_min_us", "rtt_p50_us", "rtt_p90_us", "rtt_p99_us", "rtt_max_us"]]
    assert (np.diff(ranks.to_numpy(), axis=1) >= 0).all()


def test_port_is_as_it_was_after_a_run(pair: tuple[lk.Port, lk.Port]) -> None:
    client, _ = pair
    before = list(client.lab.paths)
    for _ in range(3):
        assert lk.echo(client, SERVER_4, udp_port=UDP_PORT, count=5).ledger.received == 10
    assert list(client.lab.paths) == before
    with client.socket() as s:
        assert s is not None


def test_nobody_answers(lab: lk.Lab) -> None:
    client, _ = lab.cable()
    for target, protocol in ((SERVER_4, "ARP"), (SERVER_6, "neighbour discovery")):
        with pytest.raises(lk.Unreachable, match=rf"{target} did not answer {protocol} on port"):
            resolve(client, target, timeout=0.05)
    with pytest.raises(lk.Unreachable):
        lk.echo(client, SERVER_4)


def test_nothing_listens_on_the_udp_port(pair: tuple[lk.Port, lk.Port]) -> None:
    client, _ = pair
    run = lk.echo(
        client, SERVER_4, udp_port=9001, payload_sizes=(64,), count=10, window=10, timeout=0.1
    )
    assert run.table["lost"].tolist() == [10]
    assert run.table["rtt_p50_us"].isna().all()
    assert run.ledger.drops["drop_udp_no_listener"] == 10
    assert run.ledger.is_balanced


def test_service_that_stops_midway(pair: tuple[lk.Port, lk.Port]) -> None:
    """A probe that nobody receives stays unexplained, and the ledger says that it is."""
    client, _ = pair
    (path,) = client.lab.paths.values()
    stopper = threading.Timer(0.3, path.stop)
    stopper.start()
    run = lk.echo(
        client,
        SERVER_4,
        udp_port=UDP_PORT,
        payload_sizes=(64,),
        count=100,
        interval=0.01,
        timeout=0.05,
        progress=False,
    )
    stopper.join()
    row = run.table.iloc[0]
    assert row["sent"] == 100
    assert 0 < row["received"] < 100
    assert row["received"] + row["lost"] == 100
    late = run.ledger.drops.get("drop_probe_late", 0)  # on a machine that is busy
    assert run.ledger.unexplained == row["lost"] - late > 0
    assert not run.ledger.is_balanced
    assert "NOT balanced" in repr(run)


def test_one_that_stands_still_is_ended(lab: lk.Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its path is stopped by somebody else, and no probe is made any more."""
    client, server = lab.cable()
    lab.run(lk.rx(server) >> lk.sink())
    monkeypatch.setattr(echo_probes, "PATIENCE_SECONDS", 0.3)
    started = time.monotonic()

    def stop() -> None:
        wait_until(lambda: "echo-client:client" in lab.paths)
        lab.paths["echo-client:client"].stop()

    stopper = threading.Thread(target=stop)
    stopper.start()
    with pytest.raises(lk.LabError, match=r"stands still: \d+ probes were made and 0 answered"):
        lk.echo(
            client,
            "10.0.0.2",
            udp_port=9000,
            target_mac=server.mac,
            count=1000,
            timeout=0.1,
            progress=False,
        )
    stopper.join()
    assert time.monotonic() - started < 60


def test_every_wrong_answer_is_told_apart(lab: lk.Lab) -> None:
    """Of every five answers one is good, one corrupted, one duplicated, one late, one missing."""
    client, server = lab.cable()
    late: list[threading.Timer] = []

    def service(send: Send, answer: bytes, number: int) -> None:
        match number % 5:
            case 0:
                send(answer)
            case 1:
                send(answer[:-1] + bytes([answer[-1] ^ 0xFF]))
            case 2:
                send(answer)
                send(answer)
            case 3:
                late.append(threading.Timer(3.0, send, [answer]))
                late[-1].start()

    settings = {"count": 15, "window": 5, "timeout": 2.0, "target_mac": server.mac}
    with python_service(server, service):
        run = lk.echo(client, SERVER_4, udp_port=UDP_PORT, payload_sizes=(200,), **settings)  # type: ignore[arg-type]
        for timer in late:
            timer.join()

    row = run.table.iloc[0]
    told = [row[name] for name in ("sent", "received", "corrupted", "duplicated")]
    assert told == [15, 6, 3, 3]
    assert row["lost"] == 9  # corrupted, late or missing: no good answer in time
    # Late answers of the last window come when the run has ended.
    assert 1 <= row["late"] <= 3
    missing = 3 + (3 - row["late"])
    assert run.ledger.drops["drop_probe_corrupt"] == 3
    assert run.ledger.extra == {"duplicate answers": 3}
    assert run.ledger.unexplained == missing
    assert run.ledger.sent == run.ledger.received + sum(run.ledger.drops.values()) + missing


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"target": "10.0.0"}, "target is '10.0.0'; it is an IPv4 or IPv6 address"),
        ({"payload_sizes": (17,)}, "payload size 17 is outside of 18 .* to 8973 bytes .MTU 9001"),
        ({"payload_sizes": (8974,)}, "payload size 8974 .* less 28 bytes of IPv4"),
        ({"payload_sizes": (8954,), "target": SERVER_6}, "to 8953 bytes .* less 48 bytes of IPv6"),
        ({"payload_sizes": ()}, "payload_sizes is empty"),
        ({"payload_sizes": (18.5,)}, "list of whole numbers"),
        ({"payload_sizes": "18"}, "list of whole numbers"),
        ({"count": 0}, "count is 0; the range is 1 to"),
        ({"window": 0}, "window is 0; the range is 1 to 256"),
        ({"window": 257}, "window is 257"),
        ({"timeout": 0}, "timeout is 0; it is a number of seconds above 0"),
        ({"udp_port": 0}, "udp_port is 0; the range is 1 to 65535"),
        ({"source_port": 65536}, "source_port is 65536"),
        ({"source": "fd00::1"}, "different IP versions"),
        ({"source": "here"}, "source is 'here'"),
    ],
)
def test_wrong_arguments(
    pair: tuple[lk.Port, lk.Port], wrong: dict[str, object], says: str
) -> None:
    arguments: dict[str, object] = {"target": SERVER_4, "udp_port": UDP_PORT, **wrong}
    with pytest.raises(lk.LabError, match=says):
        lk.echo(pair[0], arguments.pop("target"), **arguments)  # type: ignore[arg-type]


def test_wrong_interval_and_mac(pair: tuple[lk.Port, lk.Port]) -> None:
    client, server = pair
    with pytest.raises(lk.LabError, match="interval is -1"):
        lk.echo(client, SERVER_4, udp_port=UDP_PORT, interval=-1)
    with pytest.raises(lk.LabError, match="target_mac is 'nobody'"):
        lk.echo(client, SERVER_4, udp_port=UDP_PORT, target_mac="nobody")
    began = time.monotonic()
    assert lk.echo(client, SERVER_4, udp_port=UDP_PORT, target_mac=server.mac, count=2).ledger
    assert time.monotonic() - began < 2


def test_ctrl_c_at_any_time_does_no_harm(pair: tuple[lk.Port, lk.Port]) -> None:
    client, _ = pair
    before = list(client.lab.paths)
    for n in range(40):
        with suppress(KeyboardInterrupt), interrupts(0.001 + n * 0.002) as alarm:
            while alarm.is_pending:
                lk.echo(client, SERVER_4, udp_port=UDP_PORT, count=20, progress=False)
        assert list(client.lab.paths) == before
    run = lk.echo(client, SERVER_4, udp_port=UDP_PORT, count=20, progress=False)
    assert run.ledger.received == run.ledger.intended


def test_page_has_the_table_and_the_ledger() -> None:
    came = EchoSize(64, lk.Ledger(3, 3, 2), 1, 0, 0, 0, np.array([1500, 2500]))
    lost = EchoSize(9000, lk.Ledger(1, 1, 0), 1, 0, 0, 0, np.array([], dtype=np.int64))
    run = lk.EchoRun("10.0.0.2", 7, "10.0.0.1", "a", (came, lost))
    page = run._repr_html_()
    for text in (">9,000</td>", ">2</td>", ">–</td>", ">unexplained</td>", "none late or dup"):
        assert text in page
    assert "nan" not in f"{run!r}{page}{run.table!r}".lower()


def test_round_trips_that_differ_are_shown_to_differ() -> None:
    trips = [np.full(3, ns) for ns in (120, 190, 1_234_567)]
    sizes = [
        EchoSize(n, lk.Ledger(3, 3, 3), 0, 0, 0, 0, trip) for n, trip in enumerate(trips, start=18)
    ]
    run = lk.EchoRun("10.0.0.2", 7, "10.0.0.1", "a", sizes)
    for shown in (run._repr_html_(), repr(run)):
        assert all(text in shown for text in ("0.12", "0.19", "1,235"))
    assert "none lost or late or duplicated or corrupted" in run._repr_html_()
