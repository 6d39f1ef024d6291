# SPDX-License-Identifier: BSD-3-Clause
"""What no pair can be made of, and what cannot be switched: told, with the fix."""

from pathlib import Path
from typing import Any

import pytest

import labkit as lk
from labkit.pairs.repointing import moved
from tests.live import stream
from tests.pairs.topology import QUICK, pair_of


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"tx_progress": 0}, r"tx_progress is 0; the range is 0\.005 to 3,600 s"),
        ({"admin": "soon"}, "admin is 'soon'"),
        ({"resets": 0}, "resets is 0; the range is 1 to 1000000"),
        ({"grace": -1}, "grace is -1"),
        (dict.fromkeys(("tx_progress", "keep_alive", "admin", "link")), "looks at nothing"),
        ({"tx_progres": 1}, "tx_progress"),
    ],
)
def test_watchdogs(settings: dict[str, Any], told: str) -> None:
    with pytest.raises(lk.LabError, match=told):
        lk.Watchdog(**settings)


def test_the_rate_of_samples_fits_the_shortest_limit() -> None:
    assert lk.Watchdog().hz == 10
    assert lk.Watchdog(tx_progress=0.1).hz == 100
    assert lk.Watchdog(link=0.005).hz == 1000


def test_ports(lab: lk.Lab) -> None:
    p = pair_of(lab)
    with pytest.raises(lk.LabError, match="main and backup are both port a"):
        lk.failover(p.a, p.a)
    with pytest.raises(lk.LabError, match="main is 'a'; it is a port of a lab"):
        lk.failover("a", p.b)  # type: ignore[arg-type]
    with pytest.raises(lk.PathError, match="no path of this lab uses port b"):
        lk.failover(p.b, p.a)
    with pytest.raises(lk.LabError, match="rehearse is 5"):
        lk.failover(p.a, p.b, rehearse=5)  # type: ignore[arg-type]
    with lk.Lab() as other:
        c, d = other.cable()
        with pytest.raises(lk.LabError, match="port a and port client are in two labs"):
            lk.failover(p.a, c)
        for engines, told in (
            ({c: other}, "engines names .*; it names main"),
            ({p.a: other}, "engines names one port"),
            ({p.a: other, p.b: other}, "one lab for both"),
            ({p.a: lab, p.b: other}, "port a's own lab"),
            ({p.a: d, p.b: other}, "for port a; it is a lk.Lab"),
        ):
            with pytest.raises(lk.LabError, match=told):
                lk.failover(p.a, p.b, engines=engines)  # type: ignore[arg-type]
    lab.paths["line"].stop()
    p.a.close()
    with pytest.raises(lk.PortError, match="port a was closed"):
        lk.failover(p.a, p.b)


def test_what_cannot_be_switched(lab: lk.Lab, tmp_path: Path) -> None:
    out, client = lab.cable("out", "client")
    a, a_far = lab.cable("a", "a_far")
    b, _ = lab.cable("b", "b_far")
    c, _ = lab.cable("c", "c_far", queues=2)
    line = lab.run(lk.rx(client) >> lk.capture(str(tmp_path / "x.pcapng")) >> lk.tx(a), name="p")
    with pytest.raises(lk.PathError, match=r"path 'p' has a capture, .* one writer"):
        lk.failover(a, b)
    line.stop()
    both = lab.run(lk.Path(lk.rx(client) >> lk.tx(a), lk.rx(a) >> lk.tx(b), name="p"))
    with pytest.raises(lk.PathError, match="path 'p' uses both a and b"):
        lk.failover(a, b)
    both.stop()
    line = lab.run(lk.Path(lk.rx(client) >> lk.tx(a), lk.rx(a) >> lk.tx(client), name="p"))
    sink = lab.run(lk.rx(b) >> lk.sink(), name="drain")
    with pytest.raises(lk.PathError, match="path 'drain' has rx of port b, queue 0, which path"):
        lk.failover(a, b)
    sink.stop()
    line.stop()
    line = lab.run(lk.rx(client) >> lk.tx(c, 1), name="p")
    with pytest.raises(lk.PathError, match="uses queue 1, and port b has 1; open it with queues=2"):
        lk.failover(c, b)
    line.stop()
    lab.run(lk.rx(client) >> lk.tx(a), name="p")
    with lab.traffic() as t:
        t.add(stream(), on=a, to=a_far, name="own")
        with pytest.raises(lk.LabError, match="flow 'own' sends on port a itself"):
            lk.failover(a, b)
    with lk.failover(a, b, QUICK):
        pass
    assert out.info.link_up


def test_what_comes_to_be_in_the_way_later_is_told(lab: lk.Lab) -> None:
    p = pair_of(lab)
    lab.paths["line"].replace(
        lk.Path(lk.rx("client") >> lk.tx("a"), lk.rx("a") >> lk.tx("client"), name="line")
    )
    with lk.failover(p.a, p.b, QUICK) as pair:
        sink = lab.run(lk.rx(p.b) >> lk.sink(), name="drain")
        with pytest.raises(lk.LabError, match="not switched from a to b: path 'drain' has rx"):
            pair.switch(timeout=0.5)
        assert (pair.main, pair.switches) == (p.a, [])
        sink.stop()
        assert pair.switch().new == "b"


def test_nodes_have_the_other_name_and_numbers_stay(lab: lk.Lab) -> None:
    a, _ = lab.cable("a", "a_far", queues=2)
    b, _ = lab.cable("b", "b_far", queues=2)
    path = lk.Path(
        lk.rx(a, 0) >> lk.sink(), lk.inject(a) >> lk.tx(a), lk.rx(a, 1) >> lk.tx(a, 1), name="p"
    )
    other = moved(path, a, b)
    assert [node.name for node in other.nodes if node.port] == [
        name.replace(":a", ":b") for name in (node.name for node in path.nodes if node.port)
    ]
    assert other.ports == ("b",)
    assert moved(other, b, a) == path


def test_a_fault_in_the_watch_is_raised_where_it_is_asked(
    lab: lk.Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    p = pair_of(lab)
    pair = lk.failover(p.a, p.b, QUICK)
    monkeypatch.setattr("labkit.pairs.guard.Guard._judged", lambda *_: 1 / 0)
    with pytest.raises(lk.LabError, match="the watch of the pair has ended: ZeroDivisionError"):
        pair.wait(1, 20)
    pair.stop()
