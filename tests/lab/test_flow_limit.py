# SPDX-License-Identifier: BSD-3-Clause
"""No flow passes its rate, and none holds another up."""

import pytest
from scapy.layers.inet import IP, UDP
from scapy.layers.l2 import Ether

import labkit as lk
from labkit.errors import PathError
from tests.lab.test_allowances import SLOW, entered
from tests.lab.test_functions import counters, frames, number_of, through
from tests.patience import exactly


def test_each_flow_has_its_own_burst_and_queue(lab: lk.Lab) -> None:
    a, b, path = through(lab, lk.flow_limit(SLOW, burst="10 kB", limit="5 kB"))
    for sport in range(1, 21):
        a.send(frames(30, sport=sport))
    entered(path, 600)
    found = counters(path, "flow_limit")
    told = {key: found[key] for key in ("passed", "delayed", "held", "dropped", "evicted")}
    assert told == {"passed": 200, "delayed": 100, "held": 100, "dropped": 300, "evicted": 0}
    assert found["exceeded"] == 400
    assert path.drops == {"drop_queue_full": 300}
    assert path.ledger.is_balanced
    got = [number_of(frame) for frame in exactly(b, 200)]
    for sport in range(1, 21):
        assert [number for of, number in got if of == sport] == list(range(10))


def test_a_flow_that_waits_keeps_its_order_and_its_rate(lab: lk.Lab) -> None:
    """1 ms a frame: the last of 100 waits 90 ms behind a burst of 10; a second flow waits as long
    by itself."""
    a, b, path = through(lab, lk.flow_limit("8 Mbit/s", burst="10 kB", limit="1 MB"))
    a.send(frames(100, sport=1) + frames(100, sport=2))
    got = [number_of(frame) for frame in exactly(b, 200)]
    for sport in (1, 2):
        assert [number for of, number in got if of == sport] == list(range(100))
    found = counters(path, "flow_limit")
    assert found["longest_wait_ns"] <= 90e6 * 1.001
    assert found["held"] == found["held_bytes"] == 0
    assert path.drops == {}
    assert path.ledger.is_balanced


def test_ports_are_left_out_of_a_3_tuple(lab: lk.Lab) -> None:
    a, _, path = through(lab, lk.flow_limit(SLOW, "10 kB", "1 kB", key="3-tuple"))
    for sport in range(1, 11):
        a.send(frames(3, sport=sport))
    entered(path, 30)
    assert counters(path, "flow_limit")["passed"] == 10


def test_fragments_have_a_flow_without_ports(lab: lk.Lab) -> None:
    a, _, path = through(lab, lk.flow_limit(SLOW, "10 kB", "1 kB"))
    head = Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02")
    parts = [
        head / IP(src="10.0.0.1", dst="10.0.0.2", id=n, flags=1) / UDP(sport=n) / bytes(954)
        for n in range(20)
    ]
    a.send(parts)
    entered(path, 20)
    assert counters(path, "flow_limit")["passed"] == 10


def test_more_flows_than_places_lose_them(lab: lk.Lab) -> None:
    a, _, path = through(lab, lk.flow_limit(SLOW, "1 kB", "1 kB", flows=4))
    for _ in range(2):
        for sport in range(1, 51):
            a.send(frames(1, sport=sport))
    entered(path, 100)
    found = counters(path, "flow_limit")
    assert found["evicted"] >= 46
    assert found["passed"] + found["held"] + found["dropped"] == 100
    assert path.ledger.is_balanced


def test_unlimited(lab: lk.Lab) -> None:
    a, b, path = through(lab, lk.flow_limit("unlimited"))
    a.send(frames(300))
    assert len(exactly(b, 300)) == 300
    assert counters(path, "flow_limit")["delayed"] == 0


def test_frames_that_wait_go_with_their_path(lab: lk.Lab) -> None:
    a, b = lab.cable(ring_size=4096)
    for _ in range(3):
        path = lab.run(lk.rx(b) >> lk.flow_limit(SLOW, "1 kB", "10 MB") >> lk.tx(b), name="works")
        a.send(frames(3000))
        entered(path, 3000)
        assert counters(path, "flow_limit")["held"] == 2999
        path.stop()
        assert path.ledger.is_balanced


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: lk.flow_limit("5 Gbyte/s"), "'Gbyte/s' is no unit"),
        (lambda: lk.flow_limit("5 Gbit/s", "5 packets"), "with the rate '5 Gbit/s' it is in bytes"),
        (lambda: lk.flow_limit("5 pps", limit="0 packets"), "limit is '0 packets'"),
        (lambda: lk.flow_limit("5 pps", flows=0), "flows is 0"),
        (lambda: lk.flow_limit("5 pps", key="4-tuple"), "'5-tuple'"),
    ],
)
def test_what_is_refused(make: object, said: str) -> None:
    with pytest.raises(PathError) as error:
        make()  # type: ignore[operator]
    assert said in str(error.value)
