# SPDX-License-Identifier: BSD-3-Clause
"""The link of a port, one for both ends of a cable: what is sent while it is down is dropped."""

import pytest
from scapy.layers.inet import IP, UDP
from scapy.layers.l2 import Ether

import labkit as lk
from tests.network import ip, unique_name
from tests.patience import wait_until

FRAME = bytes.fromhex("020000000001 020000000002 88b5") + bytes(46)
HEADERS = Ether() / IP(src="10.0.0.1", dst="10.0.0.2") / UDP(sport=1024, dport=9)


def links(*ports: lk.Port) -> list[bool]:
    return [port.info.link_up for port in ports]


@pytest.mark.parametrize("which", [0, 1])
def test_a_cable_that_is_down_carries_nothing_either_way(lab: lk.Lab, which: int) -> None:
    ends = lab.cable()
    paths = [lab.run(lk.inject(end) >> lk.tx(end)) for end in ends]
    for end in ends:
        end.receive(1, timeout=0)  # hears from now on
    ends[which].set_link(False)
    assert links(*ends) == [False, False]
    for end in ends:
        end.send([FRAME] * 7)
    for path in paths:
        wait_until(lambda path=path: path.drops == {"drop_tx_link_down": 7})
        assert path.ledger.is_balanced
    assert [end.receive(1, timeout=0.1, raw=True) for end in ends] == [[], []]
    assert [end.xstats()["tx_good_packets"] for end in ends] == [0, 0]
    ends[which].set_link(True)
    assert links(*ends) == [True, True]
    for sender, receiver in (ends, ends[::-1]):
        sender.send([FRAME] * 3)
        assert receiver.receive(3, timeout=20, raw=True) == [FRAME] * 3


def test_a_cable_is_up_while_both_ends_are(lab: lk.Lab) -> None:
    a, b = lab.cable()
    a.set_link(False)
    b.set_link(True)
    assert links(a, b) == [False, False]
    b.set_link(False)
    a.set_link(True)
    assert links(a, b) == [False, False]
    b.set_link(True)
    assert links(a, b) == [True, True]


def test_what_was_set_outlives_a_restart(lab: lk.Lab) -> None:
    (a, b), (c, d) = lab.cable(), lab.cable("c", "d")
    for set_after in (False, True):
        b.set_link(set_after)
        d.set_promiscuous(set_after)
        lab.restart()
        assert links(a, b, c, d) == [set_after, set_after, True, True]
        assert [port.info.promiscuous for port in (c, d)] == [True, set_after]


def test_frames_on_a_cable_when_it_goes_down_still_arrive(lab: lk.Lab) -> None:
    a, b = lab.cable()
    a.send([FRAME] * 5)
    a.set_link(False)
    path = lab.run(lk.rx(b) >> lk.sink())
    wait_until(lambda: path.ledger.received == 5)


def test_a_ring_that_is_down_does_not_hear_itself(lab: lk.Lab) -> None:
    ring = lab.port("ring")
    path = lab.run(lk.inject(ring) >> lk.tx(ring))
    ring.receive(1, timeout=0)
    ring.set_link(False)
    ring.send([FRAME] * 2)
    wait_until(lambda: path.drops == {"drop_tx_link_down": 2})
    assert ring.receive(1, timeout=0.1, raw=True) == []
    ring.set_link(True)
    ring.send(FRAME)
    assert ring.receive(1, timeout=20, raw=True) == [FRAME]


def test_the_end_of_a_cable_that_was_set_down_is_still_told_by_name(lab: lk.Lab) -> None:
    near, far = lab.cable()
    path = lab.run(lk.inject(far) >> lk.tx(far))
    near.set_link(False)
    near.close()
    assert links(far) == [False]
    far.send([FRAME] * 4)
    wait_until(lambda: path.drops == {"drop_tx_unplugged": 4})


@pytest.mark.parametrize("who", ["the lab", "Linux"])
def test_a_tap_that_is_down_takes_nothing(lab: lk.Lab, who: str) -> None:
    name = unique_name("lkt")
    port = lab.port(f"tap:{name}")
    ip("link", "set", name, "up")
    path = lab.run(lk.inject(port) >> lk.tx(port))
    if who == "the lab":
        port.set_link(False)
    else:
        ip("link", "set", name, "down")
    assert links(port) == [False]
    port.send([FRAME] * 6)
    wait_until(lambda: path.drops == {"drop_tx_link_down": 6})
    ip("link", "set", name, "up")
    port.send([FRAME] * 2)
    wait_until(lambda: port.xstats()["tx_good_packets"] == 2)
    assert path.drops == {"drop_tx_link_down": 6}


def test_a_memif_without_another_end_has_no_link(lab: lk.Lab) -> None:
    port = lab.port(f"memif:{unique_name('lkm')}", role="server")
    path = lab.run(lk.inject(port) >> lk.tx(port))
    assert links(port) == [False]
    port.send([FRAME] * 3)
    wait_until(lambda: path.drops == {"drop_tx_link_down": 3})


@pytest.mark.parametrize("rate", ["20k", None])
def test_a_trial_while_the_link_is_down_sends_nothing(lab: lk.Lab, rate: str | None) -> None:
    near, far = lab.cable()
    far.set_link(False)
    stream = lk.Stream(HEADERS, size=64, rate=rate)
    run = lk.trial(near, stream, duration=0.2, progress=False)
    assert run.is_balanced, run
    assert run.ledger.sent == 0
    assert run.row["unsent"] > 1000
